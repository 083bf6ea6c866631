"""A process that loads models and predicts, so that what kills it kills no test."""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.worker_process import WorkerProcess, answer_requests

MAX_SECONDS = 10
MAX_BYTES = 1_000_000_000

# Each is called, whatever the one before it has raised; not all models have all.
METHODS = ("predict", "predict_proba", "decision_function")


def is_harmless(outcome):
    """Whether it is a result, an ordinary exception or a refusal."""
    return outcome in ("predicts", "refused") or outcome.startswith("raises ")


class ModelProcess(WorkerProcess):
    """Load models and predict in a process whose memory is limited.

    Parameters
    ----------
    files : dict
        Of each model an intact file, and that of its input; tried first, so that no
        mutant is the one to import TensorFlow, or to compile.
    """

    # One thread each: of many, the address space alone would be gigabytes.
    environment: ClassVar = {
        **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        **{"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"},
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }

    def __init__(self, files):
        pairs = [list(map(os.fspath, pair)) for pair in files.values()]
        super().__init__(__file__, json.dumps(pairs))

    def predict(self, file, inputs):
        """What became of a model file: a dict, as `ask` returns it.

        The outcome is ``"predicts"`` (at least one method has a result), ``"raises
        TYPE"`` (each raises an exception; the first one's type), ``"refused"`` by
        `load_model`, or else what is wrong.
        """
        return self.ask([os.fspath(file), os.fspath(inputs)])


def main():
    from fuzz.model_seeds import TRUSTED

    from skgenre import ModelFileError, load_model

    warnings.simplefilter("ignore")

    def predict(request):
        file, inputs = request
        X = json.loads(Path(inputs).read_text())
        if not isinstance(X[0], str):
            import numpy as np

            X = np.array(X)
        try:
            model = load_model(file, trusted=TRUSTED)
        except ModelFileError as error:
            # It asked for more than there was.
            is_large = isinstance(error.__cause__, MemoryError)
            return f"not refused: {error}" if is_large else "refused"
        except BaseException as error:
            return f"load_model raises {type(error).__name__}: {error}"
        outcomes = [call(model, name, X) for name in METHODS]
        bad = [outcome for outcome in outcomes if outcome.startswith("not an ")]
        if bad or "predicts" in outcomes:
            return (bad or ["predicts"])[0]
        return outcomes[0]

    for intact in json.loads(sys.argv[1]):
        assert predict(intact) == "predicts", intact
    answer_requests(predict, max_bytes=MAX_BYTES, max_seconds=MAX_SECONDS)


def call(model, name, X):
    try:
        getattr(model, name)(X)
    except (MemoryError, SystemError) as error:
        # SystemError: of Python, about compiled code that is wrong.
        return f"not an ordinary error: {type(error).__name__}: {error}"
    except Exception as error:
        return f"raises {type(error).__name__}"
    except BaseException as error:
        return f"not an exception: {type(error).__name__}: {error}"
    return "predicts"


if __name__ == "__main__":
    main()

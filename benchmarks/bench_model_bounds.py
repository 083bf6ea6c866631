"""What model files cost, against what is allowed for their size.

python benchmarks/bench_model_bounds.py [--predict-only]

Files that were made to be costly (tests/costly_models.py) and honest ones, each in a
process of its own, forked from one that has imported skgenre, scikit-learn and
TensorFlow: seconds of CPU, and the peak of resident memory above that of a
fork that does nothing, of
`read_model_info`, of `load_model`, and of both `load_model` and a first prediction of
two tracks. Allowed for n bytes are 5 s + n / 10 MB/s and 300 MB + 100 n.
"""

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

# A file that takes longer, or more, is stopped.
MAX_SECONDS, MAX_BYTES = 60, 8_000_000_000

HONEST = ("logistic", "forest", "voting", "neighbours", "mlp")


def measure(action, *arguments, max_seconds=MAX_SECONDS):
    """Run in a fork: the outcome, seconds of CPU, and the peak of resident bytes."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(max_seconds)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        try:
            outcome = action(*arguments)
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        os.write(writing, outcome.encode()[:1000])
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        outcome = pipe.read() or f"died: {signal.Signals(status).name}"
    return outcome, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def read_info(file):
    from skgenre import read_model_info

    return f"info of {len(read_model_info(file))} entries"


def load(file):
    from skgenre import load_model

    return f"loads a {type(load_model(file)).__name__}"


def predict(file, X):
    from skgenre import load_model

    return f"predicts {load_model(file).predict(X)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--predict-only", action="store_true")
    parser.add_argument("--folder", type=Path, help="of files; made if it is missing")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / "files"
        # Networks are trained there: this process must not have used TensorFlow.
        if not folder.exists():
            folder.mkdir()
            outcome, *_ = measure(write_files, folder, max_seconds=600)
            print(outcome)
        import numpy as np
        import tensorflow  # noqa: F401

        # Imports all that the files need.
        from skgenre import load_model

        files = json.loads((folder / "files.json").read_text())
        for name in HONEST:
            load_model(files[name])
        _, _, n_idle_bytes = measure(repr, None)
        X = np.load(folder / "X.npy")
        actions = {"predict": (predict, X)}
        if not arguments.predict_only:
            actions = {"info": (read_info,), "load": (load,), **actions}
        for name, file in files.items():
            n_bytes = os.path.getsize(file)
            allowed = 5 + n_bytes / 1e7, 300e6 + 100 * n_bytes
            print(f"{name} ({n_bytes} bytes)")
            for what, (action, *inputs) in actions.items():
                outcome, seconds, n_peak_bytes = measure(action, file, *inputs)
                found = seconds, n_peak_bytes - n_idle_bytes
                is_over = any(f > a for f, a in zip(found, allowed, strict=True))
                print(
                    f"  {what:8}{found[0]:6.2f} s{found[1] / 1e6:7.0f} MB  "
                    f"{'OVER ' * is_over}{outcome.split('.skops: ')[-1]:.90}",
                    flush=True,
                )


def write_files(folder):
    import numpy as np
    from costly_models import write_costly, write_full, write_honest, write_large

    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 3, 6, 4)).astype(np.float32)
    y = np.repeat(["blues", "jazz", "rock"], 4)
    honest = write_honest(folder, X, y)
    files = honest | write_large(folder, X) | write_full(folder, honest)
    files |= write_costly(folder, honest)
    np.save(folder / "X.npy", X[:2])
    found = {name: os.fspath(file) for name, file in files.items()}
    (folder / "files.json").write_text(json.dumps(found))
    return f"{len(files)} files"


if __name__ == "__main__":
    main()

"""One fit of a benchmark, and the folder in which finished ones are kept."""

import json
import logging
import math
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
from sklearn.model_selection import cross_validate
from sklearn.pipeline import Pipeline

from skgenre._files import atomic_write, read_json
from skgenre._groups import SEARCHES, name_groups
from skgenre._products import one_blas_thread
from skgenre.benchmark.scorers import SEGMENT_SCORES, TRACK_SCORES, FoldScorer
from skgenre.features import WORKINGS

logger = logging.getLogger(__name__)

# The answers to a million test tracks are a tenth of it.
_MAX_ROW_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Cell:
    """One model to be fitted on one fold.

    Attributes
    ----------
    label : dict
        ``model``, ``protocol``, ``seed`` and ``fold``.
    model : estimator
        Not fitted, and with the seed.
    train, test : ndarray of int
        Rows to fit and to test on.
    """

    label: dict
    model: object
    train: np.ndarray
    test: np.ndarray

    @property
    def key(self):
        """Digest of all that decides the scores, but for the data themselves."""
        return joblib.hash(
            [self.label, _describe_model(self.model), self.train, self.test]
        )


def _describe_model(model):
    """Parameters of a model, but for those that decide no number."""
    parameters = model.get_params()
    return [
        (name, repr(value))
        for name, value in sorted(parameters.items())
        if name.split("__")[-1] not in WORKINGS
        and not hasattr(value, "get_params")
        # A pipeline's list of its steps repeats them.
        and name not in ("steps", "memory")
    ] + [type(value).__name__ for _, value in sorted(parameters.items())]


class CellFolder:
    """The rows of finished cells, one file each; without a folder, none.

    Parameters
    ----------
    folder : Path or None
    """

    def __init__(self, folder):
        self.folder = None if folder is None else Path(folder)

    def load(self, cell):
        """The row of a cell that is finished, else None."""
        if self.folder is None:
            return None
        path = self.folder / f"{cell.key}.json"
        try:
            row = read_json(path, max_bytes=_MAX_ROW_BYTES)
        except FileNotFoundError:
            return None
        except ValueError as error:
            logger.warning("damaged result is made again: %s", error)
            return None
        if not _is_row_of(row, cell):
            logger.warning("damaged result %s is made again", path)
            return None
        return row

    def save(self, cell, row):
        """Keep the row of a cell, whole or not at all."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{cell.key}.json"
        with atomic_write(path, "w", encoding="utf-8") as file:
            json.dump(row, file)


def _is_row_of(row, cell):
    if not isinstance(row, dict) or not isinstance(row.get("predictions"), dict):
        return False
    predictions = [row["predictions"].get(name) for name in ("target", "predicted")]
    return (
        {name: row.get(name) for name in cell.label} == cell.label
        and "error" in row
        and row["predictions"].get("rows") == cell.test.tolist()
        and all(
            isinstance(genres, list) and len(genres) == len(cell.test)
            for genres in predictions
        )
    )


@one_blas_thread()
def run_cell(cell, X, y, groups, *, scoring, rows_are_segments, folder):
    """Fit and score a cell; return its row, with the answers to its test rows.

    A model that can split by groups is given those of its training rows. One that fails
    has its error in the row and NaN for scores.
    """
    scorer = FoldScorer(scoring, rows_are_segments=rows_are_segments)
    sizes = {"n_train": len(cell.train), "n_test": len(cell.test)}
    try:
        done = cross_validate(
            cell.model,
            X,
            y,
            cv=[(cell.train, cell.test)],
            scoring=scorer,
            params=name_groups(cell.model, groups),
            return_train_score=True,
            return_estimator=True,
            error_score="raise",
        )
    # Whatever a model of the user's raises, the rest of the benchmark goes on.
    except Exception as error:
        return {**cell.label, **sizes, "error": f"{type(error).__name__}: {error}"}
    answers = done["estimator"][0]._answers[0]
    row = {
        **cell.label,
        **sizes,
        **_read_scores(done, scoring),
        **_describe_fit(done["estimator"][0], float(done["fit_time"][0])),
        "predict_seconds": answers["seconds"],
        "error": None,
        "predictions": {
            "rows": cell.test.tolist(),
            "target": np.asarray(y)[cell.test].tolist(),
            "predicted": answers["predicted"].tolist(),
        },
    }
    folder.save(cell, row)
    return row


def _read_scores(done, scoring):
    names = (*TRACK_SCORES, *SEGMENT_SCORES, *scoring)
    scores = {name: float(done[f"test_{name}"][0]) for name in names}
    return scores | {f"train_{name}": float(done[f"train_{name}"][0]) for name in names}


def _describe_fit(model, seconds):
    """Time and size of a fitted model; NaN where it has no epochs or weights."""
    is_search = isinstance(model, SEARCHES)
    best = model.best_estimator_ if is_search else model
    last = best[-1] if isinstance(best, Pipeline) else best
    network = getattr(last, "network_", None)
    n_parameters = math.nan
    if network is not None:
        n_parameters = sum(int(weights.size) for weights in network.weights)
    # A search fits many more networks than the one that it keeps.
    has_epochs = network is not None and not is_search
    return {
        "fit_seconds": seconds,
        "seconds_per_epoch": seconds / last.n_iter_ if has_epochs else math.nan,
        "n_parameters": n_parameters,
        "best_params": _write_parameters(model.best_params_) if is_search else None,
    }


def _write_parameters(parameters):
    """Parameters on one line, as in a call."""
    return ", ".join(f"{name}={value!r}" for name, value in parameters.items())

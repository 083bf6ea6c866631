"""One fit of a benchmark, and the folder in which finished ones are kept."""

import hashlib
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sklearn.model_selection import cross_validate
from sklearn.pipeline import Pipeline

from skgenre._fitting import SEARCHES, name_groups
from skgenre._io import atomic_write, read_json
from skgenre._products import one_blas_thread
from skgenre.benchmark.description import explain_change
from skgenre.benchmark.scorers import SEGMENT_SCORES, TRACK_SCORES, FoldScorer

# Name of the folder of finished cells, within that of the results.
CELLS = "cells"

# The answers to a million test tracks are a tenth of it.
_MAX_FILE_BYTES = 1_000_000_000


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
    decided_by : dict of str to str
        Digest of each thing that decides the scores, as `describe_parts` gives them.
    """

    label: dict
    model: object
    train: np.ndarray
    test: np.ndarray
    decided_by: dict = field(default_factory=dict)

    @property
    def file_name(self):
        """Depends on the label alone, so that what is no longer valid is found."""
        return f"{_digest(self.label)[:32]}.json"


class CellFolder:
    """The rows of finished cells, one file each; without a folder, none.

    Parameters
    ----------
    folder : Path or None
    """

    def __init__(self, folder):
        self.folder = None if folder is None else Path(folder)

    def load(self, cell):
        """The row of a finished cell, or None; and why not, where there was one."""
        if self.folder is None:
            return None, None
        path = self.folder / cell.file_name
        if not os.path.lexists(path):
            return None, None
        try:
            # To open a pipe would wait until somebody writes to it.
            kept = (
                read_json(path, max_bytes=_MAX_FILE_BYTES) if path.is_file() else None
            )
        except (OSError, ValueError):
            return None, "damage"
        if not _is_intact(kept) or kept["label"] != cell.label:
            return None, "damage"
        reason = explain_change(kept["decided_by"], cell.decided_by)
        return (kept["row"], None) if reason is None else (None, reason)

    def save(self, cell, row):
        """Keep the row of a cell, whole or not at all."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / cell.file_name
        # Somebody's folder is not ours to remove; this fold is fitted each time.
        if path.is_dir():
            return
        content = {"label": cell.label, "decided_by": cell.decided_by, "row": row}
        with atomic_write(path, "w", encoding="utf-8") as file:
            json.dump({**content, "checksum": _digest(content)}, file)


def _is_intact(kept):
    """Whether what was read from a file is what `CellFolder.save` wrote."""
    if not isinstance(kept, dict) or "checksum" not in kept:
        return False
    content = {name: value for name, value in kept.items() if name != "checksum"}
    try:
        return kept["checksum"] == _digest(content)
    except (RecursionError, ValueError):
        return False


def _digest(content):
    """Checksum of JSON, whatever the order of its names."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


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
    # Taken, since a model that is frozen comes back from every fold.
    answers = vars(done["estimator"][0]).pop("_answers")[0]
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

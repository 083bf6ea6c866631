"""The fits of a benchmark, and the folder that keeps the finished ones."""

import errno
import hashlib
import json
import math
import operator
import sys
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skgenre._fitting import name_groups
from skgenre._io import EXHAUSTED, atomic_write, describe_os_error, read_json
from skgenre._products import one_blas_thread
from skgenre.benchmark.description import explain_change
from skgenre.benchmark.scorers import (
    COSTS,
    is_greater_better,
    list_columns,
    predict,
    score_predictions,
)
from skgenre.benchmark.tracks import StoredSegments

# Name of the folder of finished fits, within that of the results.
FITS_FOLDER = "fits"
# The predictions for a million test tracks are a tenth of it.
_MAX_FILE_BYTES = 1_000_000_000
_MAX_DATA_BYTES = 10_000
# JSON does not have these numbers: they are kept as texts.
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# What content that no benchmark has written may raise where it is looked at.
_DAMAGE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)


@dataclass(frozen=True)
class Fit:
    """A model to be fitted on one fold, with all that this needs.

    Attributes
    ----------
    label : dict
        ``model``, ``protocol``, ``seed`` and ``fold``.
    model : estimator
        Not fitted, and with the seed.
    X : ndarray of shape (n_rows,) or StoredSegments
        Paths of tracks; under the protocol ``"segment"``, segments.
    y : ndarray of shape (n_rows,)
        Genres.
    groups : ndarray of shape (n_rows,) or None
        Artists, for a model whose `fit` takes groups.
    train, test : ndarray of int
        Rows to fit and to test on.
    scoring : dict
        Further scorers by name.
    decided_by : dict of str to str
        Digest of each thing that decides the scores, as `describe_parts` gives them.
    """

    label: dict
    model: object
    X: np.ndarray | StoredSegments
    y: np.ndarray
    groups: np.ndarray | None
    train: np.ndarray
    test: np.ndarray
    scoring: dict
    decided_by: dict = field(default_factory=dict)

    def describe(self):
        """Return the columns of the result that are known before it is run."""
        return {**self.label, "n_train": len(self.train), "n_test": len(self.test)}

    def name_predictions(self, predicted):
        """Return predictions of the test part with what they are of."""
        target = self.y[self.test].tolist()
        return {"rows": self.test.tolist(), "target": target, "predicted": predicted}


@one_blas_thread()
def run_fit(fit, finished):
    """Fit and score a model; return its row of results, with its predictions.

    A model that fails has its error in the row, and no scores.
    """
    y, y_test = fit.y[fit.train], fit.y[fit.test]
    groups = None if fit.groups is None else fit.groups[fit.train]
    # Under this protocol there are no scores per track.
    score = partial(
        score_predictions,
        scoring=fit.scoring,
        rows_are_segments=fit.label["protocol"] == "segment",
    )
    try:
        X, X_test = fit.X[fit.train], fit.X[fit.test]
        model = clone(fit.model)
        started = perf_counter()
        model.fit(X, y, **name_groups(model, groups))
        fitted = perf_counter()
        predictions = predict(model, X_test)
        predicted = perf_counter()
        scores = score(model, X_test, y_test, predictions)
        trained = score(model, X, y, predict(model, X))
        costs = _describe_model(model, fitted - started)
    # Whatever a model of the user's raises, the rest of the benchmark goes on.
    except Exception as error:
        return {**fit.describe(), "error": f"{type(error).__name__}: {error}"}
    row = {
        **fit.describe(),
        **scores,
        **{f"train_{name}": score for name, score in trained.items()},
        **costs,
        "predict_seconds": predicted - fitted,
        "error": None,
        "predictions": fit.name_predictions(predictions[0].tolist()),
    }
    finished.save(fit, row)
    return row


def _describe_model(model, seconds):
    """Costs of a fitted model and what a search chose; NaN where there is none."""
    best_params, n_parameters, seconds_per_epoch = None, math.nan, math.nan
    best = model
    if hasattr(model, "best_estimator_"):  # a search
        best = model.best_estimator_
        items = model.best_params_.items()
        best_params = ", ".join(f"{name}={value!r}" for name, value in items)
    last = best[-1] if isinstance(best, Pipeline) else best
    network = getattr(last, "network_", None)
    if network is not None:
        n_parameters = sum(int(weights.size) for weights in network.weights)
        # A search fits many more networks than the one that it keeps.
        if best is model:
            seconds_per_epoch = seconds / last.n_iter_
    return {
        "fit_seconds": seconds,
        "seconds_per_epoch": seconds_per_epoch,
        "n_parameters": n_parameters,
        "best_params": best_params,
    }


class FinishedFits:
    """The rows of finished fits, in one file each; without a folder, none are kept.

    Parameters
    ----------
    output : str, Path or None
        Folder of the results.
    """

    def __init__(self, output):
        self.folder = None if output is None else Path(output, FITS_FOLDER)

    def find_path(self, fit):
        """Path of a fit's file; depends on its label only, so that it is replaced."""
        return self.folder / f"{_digest(fit.label)[:32]}.json"

    def load(self, fit):
        """Return the row of a finished fit or None, and the reason if it is stale.

        OSError where too many files are open: the fits need not be run again.
        """
        if self.folder is None:
            return None, None
        try:
            kept = read_json(self.find_path(fit), max_bytes=_MAX_FILE_BYTES)
            intact = kept.pop("checksum") == _digest(kept)
            if not intact or kept["label"] != fit.label:
                return None, "damage"
            reason = explain_change(kept["decided_by"], fit.decided_by)
            # A model may be called "nan".
            row = {
                name: _NUMBERS.get(value, value)
                if isinstance(value, str) and name not in fit.label
                else value
                for name, value in kept["row"].items()
            }
            if reason is None and not _is_row_of(fit, row):
                reason = "damage"
        except FileNotFoundError:
            return None, None
        except _DAMAGE:
            return None, "damage"
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise
            is_loop = error.errno == errno.ELOOP  # a link to itself
            return None, "damage" if is_loop else describe_os_error(error)
        return (row, None) if reason is None else (None, reason)

    def save(self, fit, row):
        """Write the row of a fit, whole or not at all."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.find_path(fit)
        # A folder of this name is somebody else's: this model is fitted each time.
        if path.is_dir():
            return
        row = {
            name: str(value)
            if isinstance(value, float) and not math.isfinite(value)
            else value
            for name, value in row.items()
        }
        content = {"label": fit.label, "decided_by": fit.decided_by, "row": row}
        with atomic_write(path, "w", encoding="utf-8") as file:
            content["checksum"] = _digest(content)
            json.dump(content, file, allow_nan=False)


def _is_row_of(fit, row):
    """Whether `run_fit` can have written a row, whatever its checksum."""
    predicted = row["predictions"]["predicted"]
    known = {
        **fit.describe(),
        "error": None,
        "predictions": fit.name_predictions(predicted),
    }
    y_test = known["predictions"]["target"]
    scores = [*list_columns(()), *COSTS]
    names = {*known, *scores, *list_columns(fit.scoring), "best_params"}
    for name in scores:
        highest = 1 if is_greater_better(name) else sys.float_info.max
        if not math.isnan(row[name]) and not 0 <= row[name] <= highest:
            return False
    accuracy = "segment_accuracy" if fit.label["protocol"] == "segment" else "accuracy"
    n_right = sum(map(operator.eq, predicted, y_test))
    return (
        row.keys() == names
        and {name: row[name] for name in known} == known
        and isinstance(row["best_params"], str | None)
        and all(isinstance(row[name], Real) for name in list_columns(fit.scoring))
        and all(isinstance(genre, str | Real) for genre in predicted)
        and len(predicted) == len(y_test)
        and math.isclose(row[accuracy], n_right / len(y_test))
    )


def check_same_data(output, digest):
    """Refuse a folder that holds the results, finished or not, of other tracks.

    The content of their files does not matter here: see `Fit.decided_by`.
    """
    path = Path(output) / "data.json"
    try:
        held = read_json(path, max_bytes=_MAX_DATA_BYTES)
    except FileNotFoundError:
        held = {"data_digest": digest}
        with atomic_write(path, "w", encoding="utf-8") as file:
            json.dump(held, file, allow_nan=False)
    if held != {"data_digest": digest}:
        raise ValueError(
            f"output={str(output)!r} holds results of other data; name another "
            "folder, or delete it."
        )


def _digest(content):
    """Checksum of JSON, whatever the order of its names."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()

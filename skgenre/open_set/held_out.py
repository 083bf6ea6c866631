"""What a classifier says of tracks that it was not trained on."""

import warnings
from collections import Counter
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, check_cv
from sklearn.utils.parallel import Parallel, delayed

from skgenre._validation import check_positive_integer, check_sample_weight


class HeldOutTracks(NamedTuple):
    """Class numbers (n_tracks,) and probabilities (n_tracks, n_classes)."""

    y: np.ndarray
    probabilities: np.ndarray


def split_tracks(cv, X, y, *, groups, split_params):
    """Folds (train, test) of row numbers; a track is in the test of one at most.

    A number of folds (None: five) is stratified, and keeps `groups` together where
    there are any; `split_params` are for a splitter of the caller's own.
    """
    cv = 5 if cv is None else cv
    if isinstance(cv, Integral):
        _check_n_splits(cv, y, groups)
        if groups is not None:
            cv = StratifiedGroupKFold(int(cv))
        split_params = {"groups": groups}
    rows = np.arange(len(y))
    folds = [
        (rows[train], rows[test])
        for train, test in check_cv(cv, y, classifier=True).split(X, y, **split_params)
    ]
    # StratifiedGroupKFold may leave a fold without tracks.
    folds = [(train, test) for train, test in folds if len(test)]
    _check_folds(folds, y)
    return _drop_untrained(folds, y)


def check_splitter(cv):
    """Refuse what holds out no tracks: a number of folds, a splitter or folds do."""
    if isinstance(cv, Integral):
        check_positive_integer(cv, name="cv")
        if cv < 2:
            raise ValueError(f"cv must be at least 2 folds, got {cv!r}.")
    elif isinstance(cv, str) or not (
        cv is None or hasattr(cv, "split") or hasattr(cv, "__iter__")
    ):
        raise ValueError(
            f"cv must be a number of folds, a splitter, folds or None, got {cv!r}."
        )


def _check_n_splits(n_splits, y, groups):
    if groups is not None:
        n_groups = len(set(groups))
        if n_groups < n_splits:
            raise ValueError(
                f"cv must be at most the number of groups, got cv={n_splits} and "
                f"{n_groups} groups."
            )
        return
    genre, n_tracks = min(Counter(y.tolist()).items(), key=lambda item: item[1])
    if n_tracks < n_splits:
        raise ValueError(
            f"cv must be at most the number of tracks of each class (genre), got "
            f"cv={n_splits} and {n_tracks} of {genre!r}."
        )


def _check_folds(folds, y):
    held_out = np.concatenate([test for _, test in folds]) if folds else []
    if len(set(held_out)) < len(held_out):
        raise ValueError(
            f"cv must hold out each track once at most, got {len(held_out)} held-out "
            f"tracks of {len(set(held_out))}."
        )
    for number, (train, _) in enumerate(folds):
        if len(set(y[train])) < 2:
            raise ValueError(
                f"cv must leave at least two classes (genres) to train on, got "
                f"{sorted(set(y[train].tolist()))} in fold {number}."
            )


def _drop_untrained(folds, y):
    """Take from the test rows those of a genre that the fold does not train on.

    To the fold's model they are of no known genre.
    """
    trained = [np.isin(y[test], y[train]) for train, test in folds]
    lost = set()
    for (_, test), is_trained in zip(folds, trained, strict=True):
        lost |= set(y[test[~is_trained]].tolist())
    kept = [
        (train, test[is_trained])
        for (train, test), is_trained in zip(folds, trained, strict=True)
        if is_trained.any()
    ]
    if not kept:
        raise ValueError(
            "cv must hold out tracks whose genre is trained on, got none: each genre "
            "has all its tracks in one fold (or group)."
        )
    if lost:
        warnings.warn(
            "held-out tracks of these genres do not count where no other track of the "
            "genre (of another group, where groups are given) is left to train on: "
            f"{', '.join(sorted(map(str, lost)))}.",
            UserWarning,
            stacklevel=5,  # the caller of `fit`, which is decorated
        )
    return kept


def drop_weightless(folds, sample_weight, *, n_tracks):
    """Take from the test rows those of tracks of weight zero: they do not count."""
    if sample_weight is None:
        return folds
    counts = check_sample_weight(sample_weight, n_tracks=n_tracks) > 0
    kept = [(train, test[counts[test]]) for train, test in folds if counts[test].any()]
    if not kept:
        raise ValueError("sample_weight must not be zero for all tracks held out.")
    return kept


def predict_held_out(estimator, X, y, folds, *, classes, metadata, n_jobs):
    """Fit a clone per fold; give the `HeldOutTracks` of all folds together.

    `metadata` is for `fit`; what of it has one value per track is split, too.
    """
    probabilities = Parallel(n_jobs=n_jobs)(
        delayed(_predict_fold)(
            clone(estimator),
            *(X, y, train, test),
            classes=classes.tolist(),
            metadata=metadata,
        )
        for train, test in folds
    )
    numbers = {genre: number for number, genre in enumerate(classes.tolist())}
    held_out = np.concatenate([test for _, test in folds])
    return HeldOutTracks(
        np.array([numbers[genre] for genre in y[held_out].tolist()]),
        np.concatenate(probabilities),
    )


def _predict_fold(estimator, X, y, train, test, *, classes, metadata):
    metadata = {
        name: _take(values, train) if _is_per_track(values, len(y)) else values
        for name, values in metadata.items()
    }
    estimator.fit(_take(X, train), y[train], **metadata)
    columns = [classes.index(genre) for genre in estimator.classes_.tolist()]
    probabilities = np.zeros((len(test), len(classes)))
    probabilities[:, columns] = estimator.predict_proba(_take(X, test))
    return probabilities


def _is_per_track(values, n_tracks):
    if hasattr(values, "shape"):
        return values.shape[:1] == (n_tracks,)
    return isinstance(values, (list, tuple)) and len(values) == n_tracks


def _take(values, rows):
    """Rows of an array, a sparse matrix, a list or a frame."""
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if isinstance(values, (list, tuple)):
        return [values[row] for row in rows]
    return values[rows]

"""Checks of arguments: each message has the name, the value and what was expected.

scikit-learn's own ``_parameter_constraints`` are private to it.
"""

import itertools
import os
import sys
import warnings
from collections import Counter
from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skgenre._blocks import iterate_blocks

# What the group of a track begins with whose artist is unknown; its name follows.
UNKNOWN_GROUP_PREFIX = "track:"


def plain_integers(value):
    """Return numpy's integers, alone or in lists, tuples and dicts, as Python's.

    Those of numpy have few bits: sums overflow.
    """
    if isinstance(value, np.integer):
        return int(value)
    if type(value) in (list, tuple):
        return type(value)(map(plain_integers, value))
    if type(value) is dict:
        return {name: plain_integers(item) for name, item in value.items()}
    return value


def check_positive_integer(value, *, name):
    """Refuse anything but a whole number of at least one (booleans included)."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a positive integer, got {value!r}.")
    if value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}.")


def check_number(value, *, name, low=None, high=None, low_open=False, high_open=False):
    """Refuse anything but a finite real number between `low` and `high`."""
    bounds = []
    if low is not None:
        bounds.append(f"{'above' if low_open else 'at least'} {low}")
    if high is not None:
        bounds.append(f"{'below' if high_open else 'at most'} {high}")
    expected = f"a finite number {' and '.join(bounds)}".strip()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be {expected}, got {value!r}.")
    number = float(value)  # numpy's integers overflow when compared with floats
    too_low = low is not None and (number < low or (low_open and number == low))
    too_high = high is not None and (number > high or (high_open and number == high))
    if not np.isfinite(number) or too_low or too_high:
        raise ValueError(f"{name} must be {expected}, got {value!r}.")


def check_count(value, *, name):
    """Refuse anything but a whole number that is not negative (booleans included)."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a non-negative integer, got {value!r}.")
    check_verbosity(value, name=name)


def check_verbosity(value, *, name="verbose"):
    """Refuse anything but a whole number that is not negative (booleans are fine)."""
    if not isinstance(value, (Integral, np.bool_)) or value < 0:
        raise ValueError(f"{name} must be a non-negative integer, got {value!r}.")


def check_n_folds(value, y, groups=None, *, name):
    """Refuse more folds than groups or, without these, than tracks of each genre."""
    if groups is not None:
        n_most, expected, found = len(set(groups)), "groups", "groups"
    else:
        genre, n_most = min(Counter(y).items(), key=lambda item: item[1])
        expected, found = "tracks of each genre", f"of {str(genre)!r}"
    if value > n_most:
        raise ValueError(
            f"{name} must be at most the number of {expected}, got {name}={value} and "
            f"{n_most} {found}."
        )


def check_n_jobs(value, *, name="n_jobs"):
    """Refuse anything but None and a whole number that is not zero."""
    if value is not None and (not isinstance(value, Integral) or value == 0):
        raise ValueError(f"{name} must be None or a non-zero integer, got {value!r}.")


def check_progress(value):
    """Refuse anything but None and what can wrap an iterable."""
    if value is not None and not callable(value):
        raise TypeError(
            "progress must be None or a callable like tqdm, progress(iterable, "
            f"total=n, desc=text), got {value!r}; for a bar give tqdm.auto.tqdm."
        )


def check_boolean(value, *, name):
    """Refuse anything but True and False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a bool, got {value!r}.")


def check_choice(value, choices, *, name):
    """Refuse a value that is not one of the `choices`."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}.")


def check_names(value, choices, *, name):
    """Refuse anything but a non-empty sequence of distinct `choices`."""
    if isinstance(value, str) or not hasattr(value, "__len__"):
        raise TypeError(f"{name} must be a sequence of names, got {value!r}.")
    for position, choice in enumerate(value):
        check_choice(choice, choices, name=f"{name}[{position}]")
    if len(value) == 0 or len(set(value)) < len(value):
        raise ValueError(f"{name} must hold one or more distinct names, got {value!r}.")


def check_sizes(value, *, name):
    """Refuse anything but a non-empty sequence of positive integers."""
    if isinstance(value, str) or not hasattr(value, "__len__") or len(value) == 0:
        raise ValueError(
            f"{name} must be a non-empty sequence of positive integers, got {value!r}."
        )
    for position, size in enumerate(value):
        check_positive_integer(size, name=f"{name}[{position}]")


def check_tracks(estimator, X, *, reset):
    """Return features as floats of shape (n_tracks, n_segments, n_frames, n_mfcc).

    2-D input is one segment of one frame per track, 3-D input one segment per track. A
    missing segment is all NaN; a segment that is partly NaN, infinite values and a
    track without any segment are refused, and with `reset` a last axis that can only
    be one of channels. float32 and float64 are kept as they are.

    `reset` sets the estimator's `n_features_in_` and `feature_names_in_` with 2-D
    input, and removes them with any other; without it, 2-D `X` is compared with them.
    """
    _refuse_paths(X, estimator)
    given = X
    X = check_array(
        X,
        dtype=[np.float64, np.float32],
        allow_nd=True,
        # Checked below, block by block.
        ensure_all_finite=False,
        estimator=estimator,
        input_name="X",
    )
    if X.ndim > 4:
        raise ValueError(
            "X must have shape (n_tracks, n_segments, n_frames, n_mfcc), "
            f"(n_tracks, n_frames, n_mfcc) or (n_tracks, n_features), got {X.shape}."
            f"{describe_channels(X.shape)}"
        )
    has_frames = X.ndim > 2
    if not has_frames:
        validate_data(estimator, given, reset=reset, skip_check_array=True)
        assert_all_finite(X, estimator_name=type(estimator).__name__, input_name="X")
        X = X[:, np.newaxis, np.newaxis, :]
    elif X.ndim == 3:
        X = X[:, np.newaxis]
    if 0 in X.shape[1:]:
        raise ValueError(f"X must not have an empty axis, got shape {X.shape}.")
    if reset and has_frames:
        for name in ("n_features_in_", "feature_names_in_"):
            vars(estimator).pop(name, None)
        check_coefficients(X.shape)
    _check_values(X, estimator)
    return X


def check_coefficients(shape):
    """Refuse the shape (n_tracks, n_segments, n_frames, 1) if channels were meant.

    More segments than frames are the frames and coefficients of tracks of one segment
    each, with an axis of channels, as Keras' image layers take them. Other tracks may
    have a single coefficient, as of ``MFCCExtractor(n_mfcc=1)``: that is warned of.
    """
    _, n_segments, n_frames, n_mfcc = shape
    if n_mfcc > 1:
        return
    message = (
        f"X of shape {shape} means tracks of n_segments={n_segments}, "
        f"n_frames={n_frames}, with a single coefficient.{describe_channels(shape)}"
    )
    if n_segments > n_frames > 1:
        raise ValueError(
            f"{message} If you do mean one coefficient in so many segments, give it "
            "twice: np.repeat(X, 2, axis=-1)."
        )
    warnings.warn(message, UserWarning, stacklevel=3)


def describe_channels(shape):
    """Return a hint for messages if the last axis may be one of channels."""
    if len(shape) > 2 and shape[-1] == 1:
        return " If its last axis is one of channels, leave it out: X[..., 0]."
    return ""


def check_sample_weight(sample_weight, *, n_tracks):
    """Return weights of tracks as float64 (n_tracks,); see also `check_weights`."""
    if isinstance(sample_weight, Real):
        sample_weight = [sample_weight] * n_tracks
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (n_tracks,):
        raise ValueError(
            f"sample_weight must have shape (n_tracks,) = ({n_tracks},), "
            f"got {weights.shape}."
        )
    if (weights < 0).any():
        raise ValueError(
            f"sample_weight must not hold negative weights, got {weights.min()}."
        )
    return check_weights(weights, name="sample_weight")


def check_weights(weights, y=None, *, name):
    """Return weights of tracks, those below 1e-30 as zero: such tracks do not count.

    Refused are weights above 1e30, and those that leave no track to train on or, with
    the tracks' classes `y`, tracks of one class only.
    """
    # Far enough from the limits of float32 for sums over a batch's segments.
    if not weights.max() <= 1e30:
        raise ValueError(f"{name} must be at most 1e30, got {weights.max():.4g}.")
    weights = np.where(weights < 1e-30, 0, weights)
    if not weights.any():
        raise ValueError(f"{name} must not be zero (below 1e-30) for all tracks.")
    if y is not None and len(np.unique(y[weights > 0])) < 2:
        raise ValueError(
            f"{name} must leave at least two classes (genres) to train on, but is zero "
            "(below 1e-30) for all tracks of all genres but one."
        )
    return weights


def check_groups(groups, *, n_tracks):
    """Return groups of tracks as integers (n_tracks,), numbered in sorted order.

    A missing group (None, NaN, pd.NA or an empty text) is unknown: that track
    becomes a group of its own. Equal numbers mean equal groups, and nothing else.
    """
    groups = _list_groups(groups, n_tracks)
    known = {group for group in groups if not is_missing(group)}
    try:
        names = sorted(known)
    except TypeError:  # numbers among texts
        names = sorted(known, key=lambda name: (type(name).__name__, str(name)))
    numbers = {name: number for number, name in enumerate(names)}
    unused = itertools.count(len(names))
    found = [next(unused) if is_missing(g) else numbers[g] for g in groups]
    return np.array(found, dtype=np.intp)


def name_missing_groups(groups, names):
    """Return groups of tracks, each missing one named after its track.

    It becomes ``track:`` and the track's name, and the other groups become texts, so
    that all can be sorted. Where none is missing, the groups are returned as they are.
    """
    values = _list_groups(groups, len(names))
    if not any(map(is_missing, values)):
        return np.asarray(groups).ravel()
    return np.array(
        [
            f"{UNKNOWN_GROUP_PREFIX}{name}" if is_missing(group) else str(group)
            for group, name in zip(values, names, strict=True)
        ],
        dtype=object,
    )


def is_known_group(group):
    """Return whether a group names a known artist."""
    return not is_missing(group) and not str(group).startswith(UNKNOWN_GROUP_PREFIX)


def _list_groups(groups, n_tracks):
    # Of objects: numpy would turn a NaN among texts into the text "nan".
    groups = np.asarray(groups, dtype=object)
    if groups.shape not in ((n_tracks,), (n_tracks, 1)):
        raise ValueError(
            f"groups must have shape (n_tracks,) = ({n_tracks},), got {groups.shape}."
        )
    return groups.ravel().tolist()


def check_no_missing_label(labels, *, name):
    """Refuse labels of tracks, or what numpy makes an array of, if one is missing."""
    for track, label in enumerate(np.asarray(labels, dtype=object).ravel().tolist()):
        if is_missing(label):
            raise ValueError(
                f"{name} must hold a genre for each track, got {label!r} for track "
                f"{track}."
            )


def check_labels(y, *, n_tracks):
    """Refuse labels of tracks that no classifier could be trained with.

    There must be one per track, none missing, and two genres at least. Numbers and
    several columns are left to what is trained: that need not be a classifier.
    """
    labels = y if issparse(y) else np.asarray(y, dtype=object)
    if labels.ndim == 0 or labels.shape[0] != n_tracks:
        raise ValueError(
            f"y must hold a label per track, {n_tracks} in all, got "
            f"{labels.shape[0] if labels.ndim else repr(y)}."
        )
    if issparse(y):
        return
    check_no_missing_label(labels, name="y")
    if labels.size == n_tracks:
        first, *others = labels.ravel().tolist()
        if all(label == first for label in others):
            raise ValueError(
                "y must hold at least two classes (genres), got only one class: "
                f"{first!r}."
            )


def is_missing(value):
    """Return whether a group or label is None, NaN, pd.NA, pd.NaT or empty text."""
    # Those of pandas are recognised by their names: it need not be installed.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, Real) and bool(value != value)


def check_class_weight(class_weight, *, classes=None):
    """Refuse anything but None, "balanced" or a dict of weights of `classes`.

    Without `classes`, which are not known before `fit`, any genre passes.
    """
    if class_weight is None:
        return
    if isinstance(class_weight, str) and class_weight == "balanced":
        return
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            "class_weight must be None, 'balanced' or a dict of weights, "
            f"got {class_weight!r}."
        )
    for name, weight in class_weight.items():
        if classes is not None and name not in classes.tolist():
            raise ValueError(
                f"class_weight must hold weights of genres in y, got one of {name!r}; "
                f"y holds {classes.tolist()}."
            )
        check_number(weight, name=f"class_weight[{name!r}]", low=0)


def check_callbacks(callbacks):
    """Return Keras callbacks as a list: none for None, one, or a list of them."""
    if callbacks is None:
        return []
    # Not imported: whoever has a callback has, and TensorFlow would print its messages.
    kind = getattr(sys.modules.get("keras.callbacks"), "Callback", ())
    if not isinstance(callbacks, (list, tuple)):
        callbacks = [callbacks]
    for callback in callbacks:
        if not isinstance(callback, kind):
            raise TypeError(
                "callbacks must be instances of keras.callbacks.Callback, "
                f"got {callback!r}."
            )
    return list(callbacks)


def check_target(y, *, estimator):
    """Return genres as a 1-D array of labels: no missing value, no floats."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is "
            "None."
        )
    check_no_missing_label(y, name="y")
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    return y


def _refuse_paths(X, estimator):
    if hasattr(X, "to_numpy"):
        X = X.to_numpy()
    first = X[0] if isinstance(X, (list, tuple)) and X else X
    if isinstance(first, np.ndarray) and first.dtype.kind in "OU" and first.size:
        first = first.flat[0]
    found = None
    if isinstance(first, (str, os.PathLike)):
        found = f"the path {str(first)!r}"
    elif hasattr(first, "read"):
        found = f"the file {first!r}"
    elif isinstance(first, tuple) and len(first) == 2 and isinstance(first[1], Real):
        found = "the pair (signal, sample_rate)"
    if found is not None:
        raise TypeError(
            f"{type(estimator).__name__} takes features, got {found}: "
            "put an MFCCExtractor before it, as in "
            f"make_pipeline(MFCCExtractor(), {type(estimator).__name__}(...))."
        )


def _check_values(X, estimator):
    """Refuse infinite values, partly missing segments and tracks without any."""
    n_values, present = X.shape[2] * X.shape[3], np.empty(X.shape[:2], dtype=bool)
    # In blocks, because X may be memory-mapped, and a mask of it larger than memory.
    for place in iterate_blocks(X):
        block = X[place]
        assert_all_finite(
            block,
            allow_nan=True,
            estimator_name=type(estimator).__name__,
            input_name="X",
        )
        # One pass over the sums finds the usual case, no NaN at all, four times faster
        # than looking at each value.
        is_whole = np.isfinite(block.sum(axis=(2, 3)))
        tracks, segments = np.nonzero(~is_whole)
        n_missing = np.isnan(block[tracks, segments]).sum(axis=(1, 2))
        for number in np.flatnonzero((n_missing > 0) & (n_missing < n_values)):
            track, segment = (
                part.start + positions[number]
                for part, positions in zip(place, (tracks, segments), strict=True)
            )
            raise ValueError(
                f"X[{track}, {segment}] is partly NaN ({n_missing[number]} of "
                f"{n_values} values): a segment is either complete or, where the track "
                "does not have it, all NaN."
            )
        is_whole[tracks, segments] = n_missing == 0
        present[place] = is_whole
    empty = np.flatnonzero(~present.any(axis=1))
    if len(empty):
        raise ValueError(
            f"X holds no segment for track {empty[0]} ({len(empty)} in all): "
            "expected at least one segment that is not NaN."
        )

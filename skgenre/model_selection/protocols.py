"""Protocols: how tracks, or their segments, are split into training and test."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.utils.validation import check_consistent_length

from skgenre._io import counted
from skgenre._typing import Protocol, RandomState
from skgenre._validation import (
    check_choice,
    check_coefficients,
    check_groups,
    check_n_folds,
    check_no_missing_label,
    check_number,
    check_positive_integer,
    describe_channels,
    is_known_group,
    name_missing_groups,
)
from skgenre.model_selection.splitters import FilteredSplit, StratifiedArtistKFold
from skgenre.model_selection.track_groups import TrackGroups
from skgenre.segments import flatten_tracks

# From the protocol that leaks most to the one that leaks least.
PROTOCOLS = ("segment", "track", "artist", "filtered")


def make_splitter(
    protocol: Protocol,
    target: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    X: Any = None,
    filtered_split: ArrayLike | None = None,
    n_splits: int = 5,
    test_size: float = 0.2,
    random_state: RandomState = None,
) -> Any:
    """Return the scikit-learn splitter of a protocol.

    Parameters
    ----------
    protocol : {"segment", "track", "artist", "filtered"}
        - ``"track"``: whole tracks are shuffled, each genre in equal shares;
        - ``"artist"``: all tracks of a group (artist) are on one side, the genres as
          nearly in equal shares as that allows;
        - ``"filtered"``: one split, given by `filtered_split`;
        - ``"segment"``: rows are *segments*, from `explode_segments`, and those of a
          track fall on both sides. For comparison with published numbers only: what
          it measures is mostly how well tracks are recognised.
    target : array-like of shape (n_tracks,)
        Genres of the tracks (of the segments, for ``"segment"``) that will be split.
    groups : array-like of shape (n_tracks,), default=None
        Artists, for ``"artist"``. One that is missing (None, NaN, pd.NA or an empty
        text) is unknown: that track is a group of its own.
    X : array-like of shape (n_tracks, ...), default=None
        Tracks as they will be split, paths or features, for ``"artist"``. The splitter
        then knows the artist of each by what its row holds, whatever the order, and
        also in a part of the tracks, such as the one that a nested search is given.
        Without it, ``split`` needs the groups again.
    filtered_split : array-like of shape (n_tracks,), default=None
        The part of each track, for ``"filtered"``; see `FilteredSplit`.
    n_splits : int, default=5
        Number of folds, at least two; for ``"segment"``, number of repetitions. Not
        used for ``"filtered"``, which is one split.
    test_size : float, default=0.2
        Share of the segments to test on, for ``"segment"``: the paper tests on 0.2,
        and on 0.8.
    random_state : int, RandomState instance or None, default=None
        Decides the order of tracks.

    Returns
    -------
    splitter : cross-validation splitter
        For the `cv` parameter of scikit-learn's functions and estimators. If that of
        ``"artist"`` knows the groups (see `X`), they need not be passed. Passed all the
        same, also by metadata routing, they must be the same.

    Raises
    ------
    ValueError
        The protocol is unknown or lacks what it needs; there are fewer than two genres,
        or a track without one; a genre has fewer tracks, or there are fewer groups,
        than folds; equal rows of `X` have different groups. Also by the splitter of
        ``"artist"``, when it splits: it does not know a track's group, is given other
        groups than it knows, or the groups do not make so many folds, and one would
        have no track.

    Examples
    --------
    >>> from skgenre.model_selection import make_splitter
    >>> paths = ["1.wav", "2.wav", "3.wav", "4.wav"]
    >>> target = ["blues", "blues", "rock", "rock"]
    >>> artists = ["a", "b", "c", "d"]
    >>> splitter = make_splitter("artist", target, groups=artists, X=paths, n_splits=2)
    >>> [len(test) for _, test in splitter.split(paths, target)]
    [2, 2]
    """
    check_choice(protocol, PROTOCOLS, name="protocol")
    check_positive_integer(n_splits, name="n_splits")
    n_splits = int(n_splits)
    check_no_missing_label(target, name="target")
    labels = np.asarray(target, dtype=object).ravel().tolist()
    genres = sorted(map(str, set(labels)))
    if len(genres) < 2:
        raise ValueError(
            f"target must hold at least two genres, got {genres} in "
            f"{counted(len(labels), 'track')}."
        )
    if protocol == "filtered":
        if filtered_split is None:
            raise ValueError(
                "protocol='filtered' needs filtered_split, the part of each track, as "
                "fetch_gtzan gives it; got None."
            )
        check_consistent_length(target, filtered_split)
        return FilteredSplit(filtered_split)
    if protocol == "segment":
        check_number(
            test_size, name="test_size", low=0, high=1, low_open=True, high_open=True
        )
        return StratifiedShuffleSplit(
            n_splits, test_size=test_size, random_state=random_state
        )
    if n_splits < 2:
        raise ValueError(f"n_splits must be at least 2, got {n_splits!r}.")
    if protocol == "track":
        check_n_folds(n_splits, target, name="n_splits")
        return StratifiedKFold(n_splits, shuffle=True, random_state=random_state)
    if groups is None:
        raise ValueError("protocol='artist' needs groups, the artist of each track.")
    numbers = check_groups(groups, n_tracks=len(labels))
    names = np.asarray(groups, dtype=object).ravel().tolist()
    if len(set(numbers)) == len(names) and not any(map(is_known_group, names)):
        raise ValueError(
            "protocol='artist' needs groups, but no track's artist is known: that "
            "would be the protocol 'track' under another name."
        )
    check_n_folds(n_splits, target, numbers, name="n_splits")
    known = None
    if X is not None:
        check_consistent_length(target, X)
        known = TrackGroups(X, groups)
    return StratifiedArtistKFold(
        n_splits, groups=known, shuffle=True, random_state=random_state
    )


def find_untrained_genres(
    splitter: Any, target: ArrayLike, groups: ArrayLike | None = None
) -> list[list[str]]:
    """Find the genres that a fold tests on but does not train on.

    Parameters
    ----------
    splitter : cross-validation splitter
        As `make_splitter` gives it, with an integer `random_state`.
    target : array-like of shape (n_tracks,)
        Genres of the tracks.
    groups : array-like of shape (n_tracks,), default=None
        Artists of the tracks; one that is missing is a group of its own. Needed for the
        protocol ``"artist"``, even if the splitter knows them.

    Returns
    -------
    untrained_genres : list of list of str
        For each fold; a model cannot classify tracks of these genres correctly.

    Warns
    -----
    UserWarning
        There is such a genre.

    Examples
    --------
    >>> from skgenre.model_selection import find_untrained_genres, make_splitter
    >>> target = ["blues", "blues", "rock", "rock"]
    >>> splitter = make_splitter("track", target, n_splits=2, random_state=0)
    >>> find_untrained_genres(splitter, target)
    [[], []]
    """
    check_no_missing_label(target, name="target")
    target = np.asarray(target, dtype=str)
    if groups is not None:
        groups = check_groups(groups, n_tracks=len(target))
    untrained = list_untrained_genres(splitter.split(target, target, groups), target)
    named = sorted(set().union(*untrained))
    if named:
        warnings.warn(
            f"no fold that tests on these genres can train on them: {', '.join(named)}."
            if all(untrained)
            else f"a fold tests on genres that it cannot train on: {', '.join(named)}.",
            UserWarning,
            stacklevel=2,
        )
    return untrained


def list_untrained_genres(
    folds: Iterable[tuple[Any, Any]], target: NDArray[Any]
) -> list[list[str]]:
    """Return the genres that only the test part of a fold has, sorted, fold by fold."""
    return [
        sorted(set(target[test].tolist()) - set(target[train].tolist()))
        for train, test in folds
    ]


def explode_segments(
    X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None
) -> tuple[NDArray[Any], ...]:
    """Make rows of segments, for the protocol ``"segment"`` only.

    Split at random, the segments of a track fall on both sides, and a model that only
    recognises the track seems to know the genre.

    Parameters
    ----------
    X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
        Features; a missing segment is all NaN.
    y : array-like of shape (n_tracks,)
        Genres.
    groups : array-like of shape (n_tracks,), default=None
        Artists. One that is missing (None, NaN, pd.NA or an empty text) is unknown: the
        segments of that track become a group of their own, ``track:3``.

    Returns
    -------
    X : ndarray of shape (n_rows, n_frames, n_mfcc)
        One row per present segment.
    y : ndarray of shape (n_rows,)
        The genre of its track.
    groups : ndarray of shape (n_rows,)
        The artist of its track; only where `groups` was given.

    Raises
    ------
    TypeError
        `X` holds paths: they have no segments yet.
    ValueError
        `X` is not 4-D, its last axis is one of channels, or it is of another length
        than `y`; a genre is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre.model_selection import explode_segments
    >>> rows, genres = explode_segments(np.zeros((2, 3, 5, 2)), ["blues", "rock"])
    >>> rows.shape, genres.tolist()
    ((6, 5, 2), ['blues', 'blues', 'blues', 'rock', 'rock', 'rock'])
    """
    X = np.asarray(X)
    if X.dtype.kind not in "fiu":
        raise TypeError(
            f"explode_segments takes features, got {X.dtype} in X: paths have no "
            "segments yet; extract them first, with MFCCExtractor().transform(paths)."
        )
    if X.ndim != 4:
        raise ValueError(
            "X must have shape (n_tracks, n_segments, n_frames, n_mfcc), got "
            f"{X.shape}: without segments the paper's protocol means nothing."
            f"{describe_channels(X.shape)}"
        )
    check_coefficients(X.shape)
    check_consistent_length(X, y, groups)
    check_no_missing_label(y, name="y")
    rows, tracks = flatten_tracks(X)
    if groups is None:
        return rows, np.asarray(y)[tracks]
    # Missing ones would be as many groups as there are segments.
    groups = name_missing_groups(groups, range(len(X)))
    return rows, np.asarray(y)[tracks], groups[tracks]

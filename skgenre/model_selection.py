"""Protocols: how tracks are split, and which of them must stay together."""

import warnings
from collections import Counter

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import (
    BaseCrossValidator,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.utils.validation import check_consistent_length

from skgenre._validation import (
    check_choice,
    check_number,
    check_positive_integer,
)
from skgenre.segments import flatten_tracks

PROTOCOLS = ("paper", "track", "artist", "filtered")

# Below, the test part says little: its accuracy has a standard error of 0.07.
MIN_FILTERED_TEST_TRACKS = 50

_SPLIT_NAMES = ("train", "valid", "test", "")


def make_splitter(
    protocol,
    target,
    *,
    groups=None,
    filtered_split=None,
    n_splits=5,
    test_size=0.2,
    random_state=None,
):
    """Give the scikit-learn splitter of a protocol.

    Parameters
    ----------
    protocol : {"paper", "track", "artist", "filtered"}
        - ``"track"``: whole tracks are shuffled, each genre in equal shares;
        - ``"artist"``: all tracks of a group (artist) are on one side, the genres as
          nearly in equal shares as that allows;
        - ``"filtered"``: one split, given by `filtered_split`;
        - ``"paper"``: rows are *segments*, from `explode_segments`, and the segments of
          a track fall on both sides. For comparison with published numbers only: what
          it measures is mostly how well tracks are recognised.
    target : array-like of shape (n_tracks,)
        Genres of the tracks (of the segments, for ``"paper"``) that will be split.
    groups : array-like of shape (n_tracks,), default=None
        Artists, for ``"artist"``.
    filtered_split : array-like of shape (n_tracks,), default=None
        The part of each track, for ``"filtered"``; see `FilteredSplit`.
    n_splits : int, default=5
        Number of folds, at least two; of repetitions, for ``"paper"``.
    test_size : float, default=0.2
        Share of the segments to test on, for ``"paper"``: it tests on 0.2, and on 0.8.
    random_state : int, RandomState instance or None, default=None
        Decides the order of tracks.

    Returns
    -------
    splitter : cross-validation splitter
        For the `cv` parameter of scikit-learn's functions. That of ``"artist"`` needs
        the groups again, as `groups` of these functions.

    Raises
    ------
    ValueError
        The protocol is unknown or lacks what it needs; there are fewer than two genres;
        a genre has fewer tracks, or there are fewer groups, than folds.

    Examples
    --------
    >>> from skgenre.model_selection import make_splitter
    >>> target = ["blues", "blues", "rock", "rock"]
    >>> artists = ["a", "b", "c", "d"]
    >>> splitter = make_splitter("artist", target, groups=artists, n_splits=2)
    >>> [len(test) for _, test in splitter.split(target, target, artists)]
    [2, 2]
    """
    check_choice(protocol, PROTOCOLS, name="protocol")
    check_positive_integer(n_splits, name="n_splits")
    if protocol == "filtered":
        if filtered_split is None:
            raise ValueError(
                "protocol='filtered' needs filtered_split, the part of each track, as "
                "fetch_gtzan gives it; got None."
            )
        check_consistent_length(target, filtered_split)
        return FilteredSplit(filtered_split)
    _check_genres(target)
    if protocol == "paper":
        check_number(test_size, name="test_size", **_OPEN_UNIT_INTERVAL)
        return StratifiedShuffleSplit(
            n_splits, test_size=test_size, random_state=random_state
        )
    if n_splits < 2:
        raise ValueError(f"n_splits must be at least 2, got {n_splits!r}.")
    if protocol == "artist":
        _check_groups(groups, target, n_splits)
        return StratifiedGroupKFold(n_splits, shuffle=True, random_state=random_state)
    _check_genre_sizes(target, n_splits)
    return StratifiedKFold(n_splits, shuffle=True, random_state=random_state)


_OPEN_UNIT_INTERVAL = {"low": 0, "high": 1, "low_open": True, "high_open": True}


class FilteredSplit(BaseCrossValidator):
    """One split that is given: tracks to train on, to validate and to test on.

    Such as the fault-filtered partition of GTZAN after Kereliuk, Sturm and Larsen
    (*Deep Learning and Music Adversaries*, 2015), which keeps artists apart and leaves
    out replicas and damaged tracks. scikit-learn's ``PredefinedSplit`` would train on
    the tracks that are left out.

    Parameters
    ----------
    filtered_split : array-like of shape (n_tracks,)
        ``"train"``, ``"test"``, ``"valid"`` (on neither side here: give those tracks as
        `X_val`) or ``""`` (left out).

    Raises
    ------
    ValueError
        Another name is among them, or no track is to train or to test on.

    Warns
    -----
    UserWarning
        There are fewer than 50 tracks to test on.

    Examples
    --------
    >>> import warnings
    >>> from skgenre.model_selection import FilteredSplit
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     splitter = FilteredSplit(["train", "", "test", "valid", "train"])
    >>> [(train.tolist(), test.tolist()) for train, test in splitter.split(range(5))]
    [([0, 4], [2])]
    """

    def __init__(self, filtered_split):
        self.filtered_split = np.asarray(filtered_split, dtype=str)
        unknown = sorted(set(self.filtered_split.tolist()) - set(_SPLIT_NAMES))
        if unknown:
            raise ValueError(
                f"filtered_split must hold {', '.join(map(repr, _SPLIT_NAMES))}, "
                f"got {unknown}."
            )
        n_tracks = {name: (self.filtered_split == name).sum() for name in _SPLIT_NAMES}
        for name in ("train", "test"):
            if n_tracks[name] == 0:
                raise ValueError(f"filtered_split must hold {name!r}, got none.")
        if n_tracks["test"] < MIN_FILTERED_TEST_TRACKS:
            warnings.warn(
                f"filtered_split has {n_tracks['test']} tracks to test on: fewer than "
                f"{MIN_FILTERED_TEST_TRACKS} tell little.",
                UserWarning,
                stacklevel=2,
            )

    def split(self, X, y=None, groups=None):
        """Give the indices of the tracks to train and to test on.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            Only its length counts.
        y : object, default=None
            Ignored.
        groups : object, default=None
            Ignored.

        Yields
        ------
        train, test : ndarray of int
            Once.
        """
        check_consistent_length(X, self.filtered_split)
        yield tuple(
            np.flatnonzero(self.filtered_split == name) for name in ("train", "test")
        )

    def get_n_splits(self, X=None, y=None, groups=None):
        """Give the number of splits.

        Parameters
        ----------
        X : object, default=None
            Ignored.
        y : object, default=None
            Ignored.
        groups : object, default=None
            Ignored.

        Returns
        -------
        n_splits : int
            One.
        """
        return 1


def merge_replicas(groups, pairs):
    """Put tracks that are the same recording into one group.

    Parameters
    ----------
    groups : array-like of shape (n_tracks,)
        Groups (artists) of the tracks.
    pairs : sequence of (int, int)
        Indices of tracks that are one recording, as `audit_tracks` finds them.

    Returns
    -------
    merged : ndarray of str, of shape (n_tracks,)
        Each track's group, or where a pair joins groups, the first of their names: the
        whole groups are joined, since a group must not be on both sides of a split.

    Raises
    ------
    ValueError
        A pair names a track that is not there.

    Examples
    --------
    >>> from skgenre.model_selection import merge_replicas
    >>> merge_replicas(["b", "c", "a", "b"], [(0, 2)]).tolist()
    ['a', 'c', 'a', 'a']
    """
    names, members = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    if pairs.size and not (pairs.min() >= 0 and pairs.max() < len(members)):
        raise ValueError(
            f"pairs must hold indices of the {len(members)} tracks, got "
            f"{pairs[((pairs < 0) | (pairs >= len(members))).any(axis=1)][0].tolist()}."
        )
    first, second = members[pairs].T
    links = coo_matrix((np.ones(len(pairs)), (first, second)), (len(names),) * 2)
    _, component = connected_components(links, directed=False)
    _, position = np.unique(component, return_index=True)
    return names[position[component[members]]]


def find_untrained_genres(splitter, target, groups=None):
    """Name the genres that a fold tests on but does not train on.

    Parameters
    ----------
    splitter : cross-validation splitter
        As `make_splitter` gives it, with an integer `random_state`.
    target : array-like of shape (n_tracks,)
        Genres of the tracks.
    groups : array-like of shape (n_tracks,), default=None
        Artists of the tracks.

    Returns
    -------
    untrained_genres : list of list of str
        Of each fold; a model cannot get tracks of these genres right.

    Warns
    -----
    UserWarning
        There is such a genre.
    """
    target = np.asarray(target, dtype=str)
    untrained = [
        sorted(set(target[test].tolist()) - set(target[train].tolist()))
        for train, test in splitter.split(target, target, groups)
    ]
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


def explode_segments(X, y, groups=None):
    """Make rows of segments: for the paper's protocol, and for nothing else.

    Split at random, the segments of a track fall on both sides: a model that recognises
    the track is taken for one that knows the genre.

    Parameters
    ----------
    X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
        Features; a missing segment is all NaN.
    y : array-like of shape (n_tracks,)
        Genres.
    groups : array-like of shape (n_tracks,), default=None
        Artists.

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
        `X` is not 4-D, or of another length than `y`.

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
        )
    check_consistent_length(X, y, groups)
    rows, tracks = flatten_tracks(X)
    if groups is None:
        return rows, np.asarray(y)[tracks]
    return rows, np.asarray(y)[tracks], np.asarray(groups)[tracks]


def _check_genres(target):
    genres = sorted(map(str, set(target)))
    if len(genres) < 2:
        raise ValueError(
            f"target must hold at least two genres, got {genres} in "
            f"{len(target)} tracks."
        )


def _check_genre_sizes(target, n_splits):
    genre, n_tracks = min(Counter(target).items(), key=lambda item: item[1])
    if n_tracks < n_splits:
        raise ValueError(
            f"n_splits must be at most the number of tracks of each genre, got "
            f"n_splits={n_splits} and {n_tracks} of {str(genre)!r}."
        )


def _check_groups(groups, target, n_splits):
    if groups is None:
        raise ValueError("protocol='artist' needs groups, the artist of each track.")
    check_consistent_length(target, groups)
    n_groups = len(set(groups))
    if n_groups == len(groups) and all(str(g).startswith("track:") for g in groups):
        raise ValueError(
            "protocol='artist' needs groups, but no track's artist is known: that "
            "would be the protocol 'track' under another name."
        )
    if n_groups < n_splits:
        raise ValueError(
            f"n_splits must be at most the number of groups, got n_splits={n_splits} "
            f"and {n_groups} groups."
        )

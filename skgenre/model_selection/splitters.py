"""Splitters of tracks: artist folds with unknown artists, and given splits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import BaseCrossValidator, StratifiedGroupKFold
from sklearn.utils.validation import check_consistent_length

from skgenre._io import counted
from skgenre._typing import RandomState
from skgenre._validation import check_groups
from skgenre.model_selection.track_groups import TrackGroups

# Below, the test part says little: its accuracy has a standard error of 0.07.
MIN_FILTERED_TEST_TRACKS = 50

_SPLIT_NAMES = ("train", "valid", "test", "")


class StratifiedArtistKFold(StratifiedGroupKFold):
    """Stratified folds of whole artists, some of whom are unknown.

    Without missing groups, the folds are those of `StratifiedGroupKFold`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least two.
    groups : TrackGroups or None, default=None
        Groups of the tracks, and of all parts of them, that are to be split.
    shuffle : bool, default=False
        Whether to shuffle the groups first.
    random_state : int, RandomState instance or None, default=None
        Decides the order of groups; only with `shuffle`.

    Examples
    --------
    >>> from skgenre.model_selection.splitters import StratifiedArtistKFold
    >>> target = ["blues", "blues", "rock", "rock"]
    >>> splitter = StratifiedArtistKFold(2)
    >>> folds = splitter.split(target, target, ["Hooker", None, "Hooker", None])
    >>> [test.tolist() for _, test in folds]
    [[0, 1, 2], [3]]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        groups: TrackGroups | None = None,
        shuffle: bool = False,
        random_state: RandomState = None,
    ) -> None:
        super().__init__(n_splits, shuffle=shuffle, random_state=random_state)
        self.groups = groups

    def split(
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Generate the indices of the tracks to train and to test on, fold by fold.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            Tracks, of those that the splitter knows, in any order and number. Only its
            length counts where the splitter knows none.
        y : array-like of shape (n_tracks,)
            Genres.
        groups : array-like of shape (n_tracks,), default=None
            Artists; None if the splitter knows them. One that is missing (None, NaN,
            pd.NA or an empty text) is unknown: that track is a group of its own.

        Yields
        ------
        folds : iterator of (train, test)
            Arrays of int.

        Raises
        ------
        ValueError
            The groups of the tracks are not known, or `groups` has others; a fold would
            have no track.
        """
        groups = self._find_groups(X, y, groups)
        folds = list(super().split(X, y, groups))
        # Check all before the first is yielded: a model may train for hours.
        for number, parts in enumerate(folds):
            if min(map(len, parts)) == 0:
                raise ValueError(
                    f"protocol='artist' leaves fold {number} of {len(folds)} without a "
                    "track: the groups do not make so many folds of these genres. Use "
                    "fewer folds."
                )
        yield from folds

    def _find_groups(self, X, y, groups):
        if groups is None:
            if self.groups is None:
                raise ValueError(
                    "protocol='artist' needs the groups of the tracks that it splits, "
                    "and this splitter knows none: make it with these tracks as X, "
                    'make_splitter("artist", target, groups=groups, X=X), or pass '
                    "groups."
                )
            return self.groups.find(X)
        groups = check_groups(groups, n_tracks=len(np.asarray(y)))
        if self.groups is not None:
            self.groups.check(X, groups)
        return groups


class FilteredSplit(BaseCrossValidator):
    """One given split: tracks to train on, to validate and to test on.

    For example the fault-filtered partition of GTZAN after Kereliuk, Sturm and Larsen
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

    def __init__(self, filtered_split: ArrayLike) -> None:
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
                f"filtered_split has {counted(n_tracks['test'], 'track')} to test on: "
                f"fewer than {MIN_FILTERED_TEST_TRACKS} tell little.",
                UserWarning,
                stacklevel=2,
            )

    def split(
        self, X: object, y: object = None, groups: object = None
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Generate the indices of the tracks to train and to test on.

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
        train, test = (
            np.flatnonzero(self.filtered_split == name) for name in ("train", "test")
        )
        yield train, test

    def get_n_splits(
        self, X: object = None, y: object = None, groups: object = None
    ) -> int:
        """Return the number of splits.

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

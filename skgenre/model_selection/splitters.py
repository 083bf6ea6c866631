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
from skgenre._validation import check_groups

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

    def split(
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Generate the indices of the tracks to train and to test on, fold by fold.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            Only its length counts.
        y : array-like of shape (n_tracks,)
            Genres.
        groups : array-like of shape (n_tracks,)
            Artists. One that is missing (None, NaN, pd.NA or an empty text) is unknown:
            that track is a group of its own.

        Yields
        ------
        folds : iterator of (train, test)
            Arrays of int.

        Raises
        ------
        ValueError
            A fold would have no track.
        """
        if groups is not None:
            groups = check_groups(groups, n_tracks=len(np.asarray(y)))
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

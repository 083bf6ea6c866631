"""Folds of whole artists, of whom some are unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from skgenre._validation import check_groups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


class StratifiedArtistKFold(StratifiedGroupKFold):
    """scikit-learn's StratifiedGroupKFold, for groups of which some are missing.

    Where none is missing, the folds are the same.

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
    >>> from skgenre.model_selection.artist_folds import StratifiedArtistKFold
    >>> target = ["blues", "blues", "rock", "rock"]
    >>> splitter = StratifiedArtistKFold(2)
    >>> folds = splitter.split(target, target, ["Hooker", None, "Hooker", None])
    >>> [test.tolist() for _, test in folds]
    [[0, 1, 2], [3]]
    """

    def split(
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Give the indices of the tracks to train and to test on, fold by fold.

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
            n_tracks = len(np.asarray(groups, dtype=object))
            groups = check_groups(groups, n_tracks=n_tracks)
        folds = list(super().split(X, y, groups))
        # All are seen before the first is handed out: a model may train for hours.
        for number, parts in enumerate(folds):
            if min(map(len, parts)) == 0:
                raise ValueError(
                    f"protocol='artist' leaves fold {number} of {len(folds)} without a "
                    "track: the groups do not make so many folds of these genres. Use "
                    "fewer folds."
                )
        yield from folds

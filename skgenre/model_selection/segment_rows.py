"""Rows that are segments: the one exception to one row, one track."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_consistent_length

from skgenre._validation import (
    check_coefficients,
    check_no_missing_label,
    describe_channels,
    name_missing_groups,
)
from skgenre.segments import flatten_tracks

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def explode_segments(
    X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None
) -> tuple[NDArray[Any], ...]:
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

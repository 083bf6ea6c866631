"""Groups of tracks that are the same recording, for one side of a split."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from skgenre._validation import UNKNOWN_GROUP_PREFIX, name_missing_groups


def merge_replicas(
    groups: ArrayLike, pairs: Iterable[tuple[int, int]]
) -> NDArray[np.str_]:
    """Put tracks that are the same recording into one group.

    Parameters
    ----------
    groups : array-like of shape (n_tracks,)
        Groups (artists) of the tracks. One that is missing (None, NaN, pd.NA or an
        empty text) is unknown: that track is a group of its own.
    pairs : iterable of (int, int)
        Indices of tracks that are one recording, as `audit_tracks` finds them.

    Returns
    -------
    merged : ndarray of str, of shape (n_tracks,)
        Each track's group. A pair joins the whole groups of its tracks, since a group
        must not be on both sides of a split: all their tracks get the name that is
        first in the alphabet, of a known artist if there is one. A missing group that
        no pair joins is named after the index of its track, ``track:3``.

    Raises
    ------
    ValueError
        A pair is not two indices, or names a track that is not there.

    Examples
    --------
    >>> from skgenre.model_selection import merge_replicas
    >>> merge_replicas(["b", "c", "a", "b"], [(0, 2)]).tolist()
    ['a', 'c', 'a', 'a']
    >>> merge_replicas(["b", None, None], [(0, 1)]).tolist()
    ['b', 'b', 'track:2']
    """
    n_tracks = len(np.asarray(groups, dtype=object))
    groups = np.asarray(name_missing_groups(groups, range(n_tracks)), dtype=str)
    names, members = np.unique(groups, return_inverse=True)
    known_first = np.argsort(
        np.char.startswith(names, UNKNOWN_GROUP_PREFIX), kind="stable"
    )
    names, members = names[known_first], np.argsort(known_first)[members]
    pairs = list(pairs)
    for pair in pairs:
        if np.shape(pair) != (2,) or np.asarray(pair).dtype.kind not in "iu":
            raise ValueError(
                f"pairs must hold two indices of tracks each, as (0, 3), got {pair!r}."
            )
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    if pairs.size and not (pairs.min() >= 0 and pairs.max() < len(members)):
        raise ValueError(
            f"pairs must hold indices of tracks, below {len(members)}, got "
            f"{pairs[((pairs < 0) | (pairs >= len(members))).any(axis=1)][0].tolist()}."
        )
    component = number_components(members[pairs], len(names))
    _, position = np.unique(component, return_index=True)
    return names[position[component[members]]]


def number_components(pairs, n_items):
    """Return a number for each item, equal where a chain of pairs links two of them."""
    # Of wider indices, scipy 1.11 leaves the numbers unset.
    first, second = np.asarray(pairs, dtype=np.int32).reshape(-1, 2).T
    links = coo_matrix((np.ones(len(first)), (first, second)), (n_items, n_items))
    return connected_components(links, directed=False)[1]

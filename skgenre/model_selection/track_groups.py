"""Groups of tracks, found by what a row of X holds and not by its position."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skgenre._validation import check_groups, is_missing
from skgenre.audio import hold_source, list_sources


class TrackGroups:
    """The groups of some tracks, which are found again in any part of them.

    Positions would not do: the splitter of a nested search is given the training tracks
    of an outer fold. Nor would the genres: to exchange two tracks of a genre leaves
    them as they are.

    Parameters
    ----------
    X : array-like of shape (n_tracks, ...)
        Paths, audio in memory, features, or a table of anything that can be hashed.
    groups : array-like of shape (n_tracks,)
        Groups; one that is missing is a group of its own.

    Raises
    ------
    ValueError
        Rows are equal and their groups are not: whose tracks they are, a subset of them
        could not tell.
    """

    def __init__(self, X: ArrayLike, groups: ArrayLike) -> None:
        self._number_of: dict[Any, int] = {}
        row_of: dict[Any, int] = {}
        names = name_rows(X)
        numbers = check_groups(groups, n_tracks=len(names)).tolist()
        for row, (name, number) in enumerate(zip(names, numbers, strict=True)):
            if self._number_of.setdefault(name, number) != number:
                known = np.asarray(groups, dtype=object).ravel().tolist()
                raise ValueError(
                    f"X[{row_of[name]}] and {_describe(row, names)} are the same "
                    f"track, but of the groups {known[row_of[name]]!r} and "
                    f"{known[row]!r}. Give it one group, as merge_replicas does, or "
                    "leave one of the two out."
                )
            row_of.setdefault(name, row)

    def find(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return numbers of the groups of rows (n_rows,), equal for equal groups.

        ValueError where a row is none of the tracks.
        """
        names = name_rows(X)
        unknown = [row for row, name in enumerate(names) if name not in self._number_of]
        if unknown:
            raise ValueError(
                f"{len(unknown)} of {len(names)} rows of X, first "
                f"{_describe(unknown[0], names)}, are not among the tracks that this "
                f"splitter was made with ({self!r}): their groups are unknown. Make it "
                "with the X that it is to split: paths for a search around the whole "
                "pipeline, features for one behind the extractor. Or pass groups; they "
                "reach splitters in nested searches by scikit-learn's metadata routing."
            )
        return np.array([self._number_of[name] for name in names], dtype=np.intp)

    def check(self, X: ArrayLike, groups: NDArray[np.intp]) -> None:
        """Refuse groups of rows that are not, but for their names, the known ones."""
        try:
            names = name_rows(X)
        except (TypeError, ValueError):  # these are not tracks
            return
        there: dict[int, int] = {}
        here: dict[int, int] = {}
        # scikit-learn compares the lengths.
        pairs = zip(names, groups.tolist(), strict=False)
        for row, (name, group) in enumerate(pairs):
            known = self._number_of.get(name)
            if known is None:
                continue
            if (
                there.setdefault(group, known) != known
                or here.setdefault(known, group) != group
            ):
                # Splitters in nested searches would go by the known ones, in silence.
                raise ValueError(
                    "groups must put the same tracks together as those that this "
                    f"splitter was made with, but do not for {_describe(row, names)}. "
                    "Make a splitter with the groups that you mean."
                )

    def __repr__(self) -> str:
        """Return how many there are: the splitter's repr is read in diagrams."""
        n_groups = len(set(self._number_of.values()))
        return f"<{n_groups} groups of {len(self._number_of)} tracks>"


def name_rows(X):
    """Return a name for each row of X: the same for equal rows, whatever is around.

    Rows of numbers are named by a digest (a row of features has 68 kB).
    """
    # pyarrow's refuses texts.
    is_frame = hasattr(X, "to_numpy") and not hasattr(X, "to_pylist")
    try:
        rows = np.asarray(X.to_numpy() if is_frame else X)
    except ValueError:  # signals of various lengths
        return _name_sources(X)
    if rows.ndim and rows.dtype.kind in "biuf":
        return [hashlib.sha256(row.tobytes()).digest() for row in rows]
    is_table = rows.ndim == 2 and rows.shape[1] > 1
    if is_table and not isinstance(rows[0, 0], np.ndarray):  # pairs (signal, rate)
        # Of two NaN, each differs from the other.
        return [
            tuple(None if is_missing(cell) else cell for cell in row) for row in rows
        ]
    return _name_sources(X)


def _name_sources(X):
    sources = list_sources(X)
    # Digests are bytes: what is text is a path, which messages name.
    return [
        s if isinstance(s, str) else hold_source(s).digest.encode() for s in sources
    ]


def _describe(row, names):
    path = f" ({names[row]!r:.200})" if isinstance(names[row], str) else ""
    return f"X[{row}]{path}"

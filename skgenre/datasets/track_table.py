"""Load tracks from a table: a CSV file or a data frame."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from sklearn.utils import Bunch

from skgenre._io import check_columns, counted, read_table
from skgenre._typing import StrPath
from skgenre._validation import is_missing
from skgenre.audio import AudioDecodeError
from skgenre.datasets._tracks import check_genres, make_track_bunch, warn_of_files

# Of a column with this name, and of no other, a table may do without.
_DEFAULT_GROUPS = "artist"
_MAX_LISTED_ROWS = 10


def load_track_table(
    table: StrPath | Any,
    *,
    path: str = "path",
    target: str = "genre",
    groups: str | None = _DEFAULT_GROUPS,
    root: StrPath | None = None,
) -> Bunch:
    """List the tracks of a table with a row per track.

    No audio is read, but each file must be there.

    Parameters
    ----------
    table : str, Path or data frame
        A CSV file, separated by commas, in UTF-8, whose first row has the names of the
        columns; or a frame of pandas or polars, or a table of pyarrow. Other columns
        are ignored.
    path : str, default="path"
        Column of the audio files' paths. A tilde is the user's own folder; backslashes
        may stand for slashes.
    target : str, default="genre"
        Column of the genres.
    groups : str or None, default="artist"
        Column of the artists; a track without one becomes a group of its own. None: all
        artists are unknown, as in a table without a column "artist". A column of
        another name must exist.
    root : str, Path or None, default=None
        Folder that relative paths start from. None: the folder of the CSV file or, for
        a frame, the working directory.

    Returns
    -------
    data : sklearn.utils.Bunch
        Tracks in the order of the table:

        - ``paths`` : ndarray of str, of shape (n_tracks,);
        - ``target`` : ndarray of str, of shape (n_tracks,), the genres;
        - ``target_names`` : ndarray of str, of shape (n_genres,);
        - ``groups`` : ndarray of str, of shape (n_tracks,), the artists;
        - ``DESCR`` : str.

    Raises
    ------
    AudioDecodeError
        Files are missing: the error names all of them. It is an OSError.
    OSError
        The CSV file cannot be read.
    ValueError
        The table lacks a column or has no row; a row has no path or no genre; one file
        has two genres or artists. Rows are counted from 1, without the row of names.
    TypeError
        `table` is neither a path nor a frame; a value in the column of paths is not a
        path.

    Warns
    -----
    UserWarning
        A file is in several rows with the same genre and artist: it counts once. A
        genre has a single track.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skgenre import load_track_table, make_genre_tracks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=1.0, random_state=0
    ...     )
    ...     rows = zip(made.paths, made.target, strict=True)
    ...     lines = ["path,genre", *(f"{path},{genre}" for path, genre in rows)]
    ...     _ = Path(folder, "tracks.csv").write_text("\\n".join(lines))
    ...     data = load_track_table(Path(folder, "tracks.csv"))
    >>> data.paths.shape, data.target_names.tolist()
    ((6,), ['ballad', 'blues'])
    """
    if isinstance(table, (str, os.PathLike)):
        where = os.path.expanduser(table)
        names, rows = read_table(where, (path, target))
        columns = {name: [row[name] for row in rows] for name in names}
        root = os.path.dirname(where) if root is None else root
    else:
        where = "the table"
        columns = _list_columns(table, (path, target, groups))
        names = [*columns]
        check_columns(names, (path, target), where=where)
    if groups == _DEFAULT_GROUPS and not any(map(_is_default_groups, names)):
        groups = None
    if groups is not None:
        check_columns(names, (groups,), where=where)
    paths, genres = columns[path], columns[target]
    artists = [None] * len(paths) if groups is None else columns[groups]
    if not paths:
        raise ValueError(f"{where} must have at least one row, got none.")
    for name, values in ((path, paths), (target, genres)):
        _check_no_missing_value(values, name=name, where=where)
    genres = [*map(str, genres)]
    check_genres(genres, where=where)
    paths = _find_files(paths, "" if root is None else os.path.expanduser(root), where)
    tracks: dict[str, tuple] = {}
    repeated = []
    for row, (file, genre, artist) in enumerate(
        zip(paths, genres, artists, strict=True), start=1
    ):
        track = (genre, None if is_missing(artist) else str(artist))
        first, _, known = tracks.setdefault(os.path.realpath(file), (row, file, track))
        if known != track:
            raise ValueError(
                f"{where} must have one genre and one artist for each file, got "
                f"{known} in row {first} and {track} in row {row} for {file}."
            )
        if first != row:
            repeated.append(file)
    files = [file for _, file, _ in tracks.values()]
    genres, artists = zip(*(track for _, _, track in tracks.values()), strict=True)
    n_tracks = Counter(genres)
    lonely = sorted(genre for genre, count in n_tracks.items() if count == 1)
    for what, found in [
        (f"{where} has files in more than one row, which count once", repeated),
        ("genres with one track, too few to train and test on", lonely),
    ]:
        if found:
            warn_of_files(what, found, stacklevel=2)
    n_genres = counted(len(n_tracks), "genre")
    description = f"{counted(len(files), 'track')} of {n_genres} in {where}"
    return make_track_bunch(files, genres, artists, description)


def _is_default_groups(name):
    # A table with "Artist" is not one without artists.
    return str(name).strip().lower() == _DEFAULT_GROUPS


def _list_columns(table, wanted):
    """Return all names of a frame's columns, and the values of those wanted."""
    names = None
    # A lazy frame of polars has the names of its columns, but no values and no shape.
    if hasattr(type(table), "shape"):
        names = getattr(table, "column_names", None)  # of pyarrow
        if not isinstance(names, list):
            names = getattr(table, "columns", None)
    if names is None:
        raise TypeError(
            "table must be the path of a CSV file or a data frame in memory, got "
            f"{type(table).__name__}."
        )
    for name, count in Counter(names).items():
        if count > 1 and name in wanted:
            raise ValueError(f"table must have each column once, got {name!r} twice.")
    columns = dict.fromkeys(names)
    for name in columns:
        if name in wanted:
            column = table[name]
            is_arrow = hasattr(column, "to_pylist")
            columns[name] = column.to_pylist() if is_arrow else column.to_list()
    return columns


def _check_no_missing_value(values, *, name, where):
    rows = [row for row, value in enumerate(values, start=1) if is_missing(value)]
    if rows:
        listed = ", ".join(map(str, rows[:_MAX_LISTED_ROWS]))
        n_more = len(rows) - _MAX_LISTED_ROWS
        more = f" and {n_more} more" if n_more > 0 else ""
        raise ValueError(
            f"{where} must have a {name!r} in each row, got none in row {listed}{more}."
        )


def _find_files(paths, root, where):
    """Return where files are; AudioDecodeError for all that are missing."""
    files, failures = [], []
    for row, path in enumerate(paths, start=1):
        if not isinstance(path, (str, bytes, os.PathLike)):
            raise TypeError(f"{where} must have paths, got {path!r} in row {row}.")
        path = os.path.expanduser(os.fsdecode(path))
        file = os.path.join(root, path)
        if not os.path.isfile(file) and "\\" in path:
            # A table from Windows; elsewhere a backslash may be a part of a name.
            other = os.path.join(root, path.replace("\\", "/"))
            file = other if os.path.isfile(other) else file
        if not os.path.isfile(file):
            reason = "is a directory" if os.path.isdir(file) else "no such file"
            failures.append((file, f"{reason}, in row {row} of {where}"))
        files.append(file)
    if failures:
        raise AudioDecodeError(failures)
    return files

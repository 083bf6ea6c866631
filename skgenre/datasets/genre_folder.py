"""Load tracks from a folder that has one sub-folder per genre."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from sklearn.utils import Bunch

from skgenre._io import counted, read_table
from skgenre._typing import StrPath
from skgenre.audio import AUDIO_EXTENSIONS
from skgenre.datasets._tracks import (
    find_audio_files,
    is_audio_name,
    is_system_name,
    make_track_bunch,
    path_parts,
    warn_of_files,
)


def load_genre_folder(directory: StrPath, *, groups: StrPath | None = None) -> Bunch:
    """List the tracks of a folder with one sub-folder per genre.

    Tracks are found at any depth below their genre's folder, in an order that is the
    same on every file system. Hidden files and folders, and those of operating systems
    (such as ``$RECYCLE.BIN``, ``lost+found`` and ``@eaDir``), are left out. No audio is
    read.

    Parameters
    ----------
    directory : str or Path
        Folder of genre folders, as in ``directory/blues/track.wav``. The extensions
        that are looked for, such as .flac, .mp3 and .m4a, are listed in the user guide.
    groups : {"subfolder"}, str, Path or None, default=None
        Where artists are found: in the folders below the genres
        (``genre/artist/track.wav``), or in a CSV file with the columns ``path`` (of the
        track, relative to `directory`) and ``group``. A track whose artist is unknown
        becomes a group of its own.

    Returns
    -------
    data : sklearn.utils.Bunch
        - ``paths`` : ndarray of str, of shape (n_tracks,);
        - ``target`` : ndarray of str, of shape (n_tracks,), the genres;
        - ``target_names`` : ndarray of str, of shape (n_genres,);
        - ``groups`` : ndarray of str, of shape (n_tracks,), the artists;
        - ``DESCR`` : str.

    Raises
    ------
    OSError
        `directory`, or a folder in it, does not exist or cannot be read.
    ValueError
        `directory` has no genre folder with audio files; `groups` is none of the
        above, or the CSV file lacks a column, contradicts itself or names no track.

    Warns
    -----
    UserWarning
        Files that are not audio, genres without a track or with a single one, rows of
        the CSV file without a track: each is named.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import load_genre_folder, make_genre_tracks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=1.0, random_state=0
    ...     )
    ...     data = load_genre_folder(folder, groups="subfolder")
    >>> data.paths.shape, len(data.target_names)
    ((6,), 2)
    """
    directory = Path(os.path.expanduser(directory))
    # Not is_dir(): listing tells a missing folder from a file and a forbidden one.
    entries = [
        entry for entry in os.scandir(directory) if not is_system_name(entry.name)
    ]
    genres = sorted(entry.name for entry in entries if entry.is_dir())
    tracks, foreign = [], []
    for genre in genres:
        audio, other = find_audio_files(directory / genre)
        tracks += [(path, genre) for path in audio]
        foreign += other
    extensions = ", ".join(AUDIO_EXTENSIONS)
    if not tracks:
        raise ValueError(
            f"{directory} must have genre folders with audio files ({extensions}), as "
            f"in {directory / 'blues' / 'track.wav'}; got "
            f"{counted(len(genres), 'folder')} and no audio file."
        )
    astray = [directory / e.name for e in entries if is_audio_name(e.name)]
    astray = sorted(filter(Path.is_file, astray), key=path_parts)
    n_tracks = Counter(genre for _, genre in tracks)
    for what, names in [
        ("left out, as they are in no genre's folder", astray),
        (f"left out, as they are not audio ({extensions})", foreign),
        (
            "left out, as they are genre folders without audio files",
            [genre for genre in genres if n_tracks[genre] == 0],
        ),
        (
            "genres with one track, too few to train and test on",
            [genre for genre in genres if n_tracks[genre] == 1],
        ),
    ]:
        if names:
            warn_of_files(what, names, stacklevel=2)
    paths, target = [path for path, _ in tracks], [genre for _, genre in tracks]
    return make_track_bunch(
        paths,
        target,
        _find_groups(directory, paths, groups),
        f"{counted(len(paths), 'track')} of {counted(len(set(target)), 'genre')} in "
        f"{directory}",
    )


def _find_groups(directory, paths, groups):
    """Return the artist of each track, None where it is unknown."""
    if groups is None:
        return [None] * len(paths)
    if isinstance(groups, str) and groups == "subfolder":
        folders = [path.relative_to(directory).parts[1:-1] for path in paths]
        return [parts[0] if parts else None for parts in folders]
    if not isinstance(groups, (str, os.PathLike)) or not os.path.isfile(groups):
        raise ValueError(
            "groups must be None, 'subfolder' or the path of a CSV file, "
            f"got {groups!r}."
        )
    rows = {}
    for row in read_table(groups, ("path", "group"))[1]:
        # Joined, an absolute path stays as it is.
        path = Path(os.path.abspath(directory / row["path"]))
        group = row["group"]
        if rows.setdefault(path, group) != group:
            raise ValueError(
                f"{groups} must give each path one group, got {rows[path]!r} and "
                f"{group!r} for {row['path']}."
            )
    tracks = [Path(os.path.abspath(path)) for path in paths]
    unused = sorted(set(rows) - set(tracks), key=path_parts)
    if len(unused) == len(rows):
        raise ValueError(
            f"{groups} names no track in {directory}, which has {len(paths)}: "
            f"expected paths relative to it, such as {paths[0].relative_to(directory)}."
        )
    if unused:
        what = f"{groups} names files that are not among the tracks in {directory}"
        warn_of_files(what, unused, stacklevel=3)
    return [rows.get(track) for track in tracks]

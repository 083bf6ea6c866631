"""The Bunch that every loader returns, its digest, and names of files."""

import contextlib
import hashlib
import os
import warnings
from collections import Counter
from html import escape
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skgenre._io import printable
from skgenre._tables import write_html
from skgenre._validation import (
    UNKNOWN_GROUP_PREFIX,
    is_known_group,
    name_missing_groups,
)
from skgenre.audio import AUDIO_EXTENSIONS, hold_source, make_source

_N_LISTED = 10
# As of a folder. In an array of texts, each takes up the bytes of the longest one.
MAX_GENRE_CHARACTERS = 255
# In lower case: files and folders that systems put among the user's own.
_WINDOWS_NAMES = {"$recycle.bin", "recycler", "recycled", "system volume information"}
_WINDOWS_FILES = {"desktop.ini", "thumbs.db", "ehthumbs.db", "folder.htt"}
_UNIX_NAMES = {"lost+found", "__macosx", "icon\r"}
_SYNOLOGY_NAMES = {"@eadir", "#recycle", "#snapshot", "@tmp"}
_QNAP_NAMES = {"@recycle", "@recently-snapshot", "@__thumb"}
_SYSTEM_NAMES = _WINDOWS_NAMES.union(
    _WINDOWS_FILES, _UNIX_NAMES, _SYNOLOGY_NAMES, _QNAP_NAMES
)


class TrackBunch(Bunch):
    """Tracks with their genres and artists; in a notebook, a table of the genres."""

    def _repr_html_(self):
        columns = ["genre", "tracks"]
        target = np.asarray(self.get("target", []), dtype=str).tolist()
        rows = [list(row) for row in sorted(Counter(target).items())]
        if self.get("groups") is not None:
            columns.append("known artists")
            # Of a bunch that was cut by hand, one of the two may have all tracks.
            pairs = {*zip(target, self.groups, strict=False)}
            artists = Counter(genre for genre, name in pairs if is_known_group(name))
            rows = [[genre, count, artists[genre]] for genre, count in rows]
        description = escape(printable(self.get("DESCR", "")))
        return f"<p>{description}</p>\n{write_html(columns, rows, text_columns=[0])}"


def make_track_bunch(paths, target, groups, description):
    """Gather tracks: lists of paths, genres and artists -> Bunch.

    An artist that is missing is unknown: the track becomes a group of its own, because
    assuming that unknown artists are one artist would be as wrong as ignoring them.
    """
    target = np.asarray(target, dtype=str)
    # Of objects from the start: artists may have names of any length.
    groups = name_missing_groups(np.array(groups, dtype=object), paths)
    return TrackBunch(
        paths=np.asarray([str(path) for path in paths], dtype=object),
        target=target,
        target_names=np.unique(target),
        groups=np.array([*map(str, groups)], dtype=object),
        DESCR=description,
    )


def check_genres(genres, *, where):
    """Refuse a genre that is longer than a name could be."""
    for genre in genres:
        if len(genre) > MAX_GENRE_CHARACTERS:
            raise ValueError(
                f"{where} must have genres of at most {MAX_GENRE_CHARACTERS} "
                f"characters, got one of {len(genre)}: {genre[:50]!r}..."
            )


def join_tracks(bunches):
    """Return the tracks of several folders in one Bunch.

    A file that is in two of them, under one genre, counts once. Under two genres it
    stays twice: which label is right is not for a loader to decide.
    """
    rows = {}
    for bunch in bunches:
        for row in zip(bunch.paths, bunch.target, bunch.groups, strict=True):
            rows.setdefault((os.path.realpath(row[0]), row[1]), row)
    paths, target, groups = zip(*rows.values(), strict=True)
    description = "; ".join(bunch.DESCR for bunch in bunches)
    return make_track_bunch(paths, target, groups, description)


def digest_tracks(tracks, *, sizes=True):
    """Return a digest of names (and `sizes`) of the files, genres, artists and parts.

    Of audio in memory, the content counts. The digest says which tracks a result or a
    model was made of. The folder does not count, so that results may move with their
    data.
    """
    digest = hashlib.sha256()
    groups = getattr(tracks, "groups", None)
    if groups is not None:
        groups = name_missing_groups(groups, tracks.paths)
    columns = [groups, getattr(tracks, "filtered_split", None)]
    columns = [values for values in columns if values is not None]
    for path, *values in zip(tracks.paths, tracks.target, *columns, strict=True):
        source, size = hold_source(make_source(path)), None
        if not isinstance(source, str):
            source = source.digest
        elif sizes:
            with contextlib.suppress(OSError):
                size = os.path.getsize(source)
        values = [v for v in map(str, values) if not v.startswith(UNKNOWN_GROUP_PREFIX)]
        digest.update(repr((os.path.basename(source), size, values)).encode())
    return digest.hexdigest()


def is_audio_name(name):
    """Whether a file is audio, by its name."""
    return name.lower().endswith(AUDIO_EXTENSIONS)


def is_system_name(name):
    """Whether a file or folder is hidden or an operating system's, by its name."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def find_audio_files(folder):
    """Return the audio files and the other files below a folder, sorted by path."""
    audio, other, visited = [], [], set()
    for parent, folders, names in os.walk(folder, onerror=_fail, followlinks=True):
        # A link may lead back to a folder above it.
        visited.add(os.path.realpath(parent))
        folders[:] = [
            name
            for name in folders
            if not is_system_name(name)
            and os.path.realpath(os.path.join(parent, name)) not in visited
        ]
        for name in names:
            if not is_system_name(name):
                files = audio if is_audio_name(name) else other
                files.append(Path(parent, name))
    return sorted(audio, key=path_parts), sorted(other, key=path_parts)


def _fail(error):
    # By default os.walk skips folders that it cannot list, without an error.
    raise error


def path_parts(path):
    # Path's own order folds case on some systems.
    return path.parts


def warn_of_files(what, names, *, stacklevel):
    """Warn of files: what they have in common, the first names, how many more."""
    listed = ", ".join(str(name) for name in names[:_N_LISTED])
    n_more = len(names) - _N_LISTED
    more = f" and {n_more} more" if n_more > 0 else ""
    warnings.warn(f"{what}: {listed}{more}", UserWarning, stacklevel=stacklevel + 1)

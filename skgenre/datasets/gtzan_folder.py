"""The files of GTZAN in the folders where people keep them."""

import hashlib
import os
import warnings
from pathlib import Path
from typing import NamedTuple

from skgenre.audio import AUDIO_EXTENSIONS
from skgenre.datasets._names import list_names
from skgenre.datasets._system_files import is_system_name
from skgenre.datasets.gtzan_index import IndexRow, read_index

# Folders of genre folders, or of the files themselves, below the one that is named.
LAYOUTS = ("", "genres", "genres_original", os.path.join("Data", "genres_original"))

# The better copy of a track that is there twice comes first.
STATUSES = ("ok", "unknown", "altered")


class FoundTrack(NamedTuple):
    """A file, what is known of its track, and whether its content is the original's."""

    path: Path
    row: IndexRow
    status: str


def find_tracks(folders):
    """Tracks of GTZAN, in the order of the index, then files that are none of them."""
    index, found, foreign = read_index(), {}, []
    for path, genre in _list_files(folders):
        row = index.get(path.stem)
        if row is not None and genre in (None, row.genre):
            found.setdefault(row.track, []).append(_examine(path, row))
        elif genre is not None:
            foreign.append(FoundTrack(path, IndexRow(path.stem, genre), "unknown"))
    _warn_of_foreign(foreign)
    known = [_choose(found[track]) for track in index if track in found]
    return known, foreign


def _list_files(folders):
    """Audio files with the genre of their folder, None where that is no genre's."""
    genres = {row.genre for row in read_index().values()}
    for folder in folders:
        for layout in LAYOUTS:
            base = Path(folder, layout)
            entries = _scan(base)
            yield from ((path, None) for path in _audio_files(entries))
            names = {entry.name for entry in entries if entry.is_dir()}
            if layout == "" and not names & genres:
                continue
            for name in sorted(names - {"genres", "genres_original", "Data"}):
                if not is_system_name(name):
                    files = _audio_files(_scan(base / name))
                    yield from ((path, name) for path in files)


def _scan(folder):
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _audio_files(entries):
    return [
        Path(entry.path)
        for entry in entries
        if entry.name.lower().endswith(AUDIO_EXTENSIONS)
        and not is_system_name(entry.name)
        and entry.is_file()
    ]


def _examine(path, row):
    if path.suffix.lower() != ".wav":
        # The index has checksums of the wav files only.
        return FoundTrack(path, row, "unknown")
    with open(path, "rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    return FoundTrack(path, row, "ok" if md5 == row.md5_wav else "altered")


def _choose(copies):
    best = min(copies, key=lambda copy: STATUSES.index(copy.status))
    others = {copy.status for copy in copies} - {best.status}
    if "altered" in others:
        altered = [str(copy.path) for copy in copies if copy.status == "altered"]
        warnings.warn(
            f"{best.row.track} is there with different contents: {best.path} is taken, "
            f"not {', '.join(altered)}.",
            UserWarning,
            stacklevel=4,
        )
    return best


def _warn_of_foreign(foreign):
    if foreign:
        warnings.warn(
            f"{len(foreign)} files are no tracks of GTZAN, their artists unknown: "
            f"{list_names([track.path for track in foreign])}.",
            UserWarning,
            stacklevel=4,
        )

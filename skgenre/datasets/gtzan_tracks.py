"""Index of the 1000 tracks of GTZAN, and the search for their files in folders.

Artists and titles after Sturm's index (*The GTZAN dataset: its contents, its faults,
their effects on evaluation, and its future use*, 2013), md5 of the wav files as in
mirdata, the fault-filtered split after Kereliuk, Sturm and Larsen (2015) as published
in jongpillee/music_dataset_split (MIT licence), replicas by equal content of files.
"""

import functools
import hashlib
import os
import warnings
from importlib import resources
from pathlib import Path, PurePath
from typing import NamedTuple

from skgenre._io import counted, read_table
from skgenre.datasets._tracks import is_audio_name, is_system_name, warn_of_files

CREDITS = (
    "GTZAN: Tzanetakis and Cook, 'Musical genre classification of audio signals', "
    "2002. "
    "Artists and titles: Sturm, 'The GTZAN dataset', 2013. Checksums: mirdata. "
    "Fault-filtered split: Kereliuk, Sturm and Larsen, 'Deep Learning and Music "
    "Adversaries', 2015, as in jongpillee/music_dataset_split (MIT licence)."
)

# Folders of genre folders, or of the files themselves, below the one that is named.
LAYOUTS = ("", "genres", "genres_original", os.path.join("Data", "genres_original"))

# The better copy of a track that is there twice comes first.
STATUSES = ("ok", "unknown", "altered")


class IndexRow(NamedTuple):
    """A row of the index of GTZAN; an unknown value is an empty string."""

    track: str
    genre: str
    artist: str = ""
    title: str = ""
    md5_wav: str = ""
    filtered_split: str = ""
    replica_of: str = ""

    @property
    def group(self):
        """Artist, or None if unknown; equal recordings share a group in any case."""
        return self.artist or (self.replica_of and f"track:{self.replica_of}") or None


class FoundTrack(NamedTuple):
    """A file, its row of the index, and whether its md5 is the original's."""

    path: Path
    row: IndexRow
    status: str


@functools.cache
def read_index():
    """Return the rows of the index by name of track, such as ``blues.00000``."""
    with resources.as_file(resources.files("skgenre.datasets") / "gtzan.csv") as path:
        _, rows = read_table(path, IndexRow._fields)
    return {row["track"]: IndexRow(**row) for row in rows}


def include_gtzan(paths):
    """Whether some files are tracks of GTZAN, by their names.

    Those that `make_genre_tracks` makes have the same names, in folders of artists.
    """
    index = read_index()
    for path in map(PurePath, paths):
        row = index.get(path.stem)
        if row is not None and not path.parent.name.startswith(f"{row.genre}-"):
            return True
    return False


def find_tracks(folders):
    """Find tracks of GTZAN, in the order of the index, and files that are none of them.

    Of a track that is there twice, the copy that may be the original is taken.
    """
    index, found, foreign = read_index(), {}, []
    for path, genre in _list_files(folders):
        row = index.get(path.stem)
        if row is not None and genre in (None, row.genre):
            status = "unknown"
            # The index has checksums of the wav files only.
            if path.suffix.lower() == ".wav":
                with open(path, "rb") as file:
                    md5 = hashlib.file_digest(file, "md5").hexdigest()
                status = "ok" if md5 == row.md5_wav else "altered"
            found.setdefault(row.track, []).append(FoundTrack(path, row, status))
        elif genre is not None:
            foreign.append(FoundTrack(path, IndexRow(path.stem, genre), "unknown"))
    if foreign:
        files = counted(len(foreign), "file")
        what = f"{files} not of GTZAN, by unknown artists"
        warn_of_files(what, [track.path for track in foreign], stacklevel=3)
    known = []
    for track in filter(found.get, index):
        best = min(found[track], key=lambda copy: STATUSES.index(copy.status))
        known.append(best)
        altered = [str(c.path) for c in found[track] if c.status == "altered"]
        if altered and best.status != "altered":
            warnings.warn(
                f"{track} is there with different contents: {best.path} is taken, not "
                f"{', '.join(altered)}.",
                UserWarning,
                stacklevel=3,
            )
    return known, foreign


def _list_files(folders):
    """Yield audio files and the genre of their folder, None where it has none."""
    genres = {row.genre for row in read_index().values()}
    for folder in folders:
        for layout in LAYOUTS:
            base = Path(folder, layout)
            files, names = _scan(base)
            yield from ((path, None) for path in files)
            if layout == "" and not genres & set(names):
                continue
            for name in names:
                if name not in ("genres", "genres_original", "Data"):
                    yield from ((path, name) for path in _scan(base / name)[0])


def _scan(folder):
    """Return the audio files in a folder, and the names of its folders, sorted."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    entries = [entry for entry in entries if not is_system_name(entry.name)]
    files = [entry for entry in entries if is_audio_name(entry.name)]
    return (
        [Path(entry.path) for entry in files if entry.is_file()],
        [entry.name for entry in entries if entry.is_dir()],
    )

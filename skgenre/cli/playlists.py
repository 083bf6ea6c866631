"""Playlists of predicted genres: one M3U8 file per genre, in one folder."""

import os

from skgenre._io import atomic_write
from skgenre.cli.files import check_writable

_EXTENSION = ".m3u8"
# Of the 255 bytes that file systems allow a name.
_MAX_NAME_BYTES = 200
# In names of files, on any system; and names that are devices of Windows.
_UNSAFE = '<>:"/\\|?*'
_DEVICES = {"con", "prn", "aux", "nul"}.union(
    f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)
)


class Playlists:
    """Tracks by genre, written as playlists once all are known.

    Parameters
    ----------
    folder : str
        Folder of the playlists, made where it does not exist.
    genres : list of str
        Genres that are expected, none of which may have a playlist yet.

    Raises
    ------
    OSError
        A playlist exists, or nothing can be written into the folder.
    """

    def __init__(self, folder, genres):
        os.makedirs(folder, exist_ok=True)
        check_writable(os.path.join(folder, _EXTENSION))
        # Links in its path would lead ".." astray.
        self._folder = os.path.realpath(folder)
        self._entries = {genre: [] for genre in genres}
        self._refuse_existing(self._entries)

    def add(self, path, genre):
        """Add a track; return whether a playlist can name its file."""
        entry = _make_entry(path, self._folder)
        # An entry is a line, which players trim.
        if {"\n", "\r"} & set(entry) or entry != entry.strip():
            return False
        self._entries.setdefault(genre, []).append(entry)
        return True

    def write(self):
        """Write the playlists of all genres with tracks; return how many."""
        genres = [genre for genre, entries in self._entries.items() if entries]
        self._refuse_existing(genres)
        names = _name_files(self._entries)
        for genre in genres:
            with atomic_write(
                os.path.join(self._folder, names[genre]),
                "w",
                encoding="utf-8",
                # Bytes of a name that are not UTF-8 stay as they are.
                errors="surrogateescape",
                newline="\n",
            ) as file:
                file.write("\n".join(["#EXTM3U", *self._entries[genre], ""]))
        return len(genres)

    def _refuse_existing(self, genres):
        names = _name_files(self._entries)
        for genre in genres:
            path = os.path.join(self._folder, names[genre])
            if os.path.lexists(path):
                raise FileExistsError(
                    f"{path} exists: delete it, or name another folder for playlists"
                )


def _name_files(genres):
    """Return a file name for each genre, distinct and safe on any system."""
    names, taken = {}, set()
    for genre in genres:
        letters = (c if c.isprintable() and c not in _UNSAFE else "_" for c in genre)
        name = "".join(letters).encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
        # A dot first would hide the file; Windows drops dots and spaces at the end.
        name = name.strip(". ")
        if not name or name.partition(".")[0].lower() in _DEVICES:
            name = f"_{name}"
        first, number = name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{first} ({number})"
        taken.add(name.casefold())
        names[genre] = name + _EXTENSION
    return names


def _make_entry(path, folder):
    """Return the path of a track as seen from the folder of the playlists."""
    parent, name = os.path.split(path)
    path = os.path.join(os.path.realpath(parent), name)
    try:
        # Collections move, with the playlists in them; players look from there.
        entry = os.path.relpath(path, folder)
    except ValueError:  # on another drive of Windows
        entry = path
    entry = entry.replace(os.sep, "/")
    # A line that begins with "#" is a comment, and spaces are trimmed.
    return f"./{entry}" if entry[0] == "#" or entry[0].isspace() else entry

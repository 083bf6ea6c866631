"""The feature store: one array per audio file and parameter set, kept on disk."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import re
import stat
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skgenre._io import atomic_write, parse_npy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    from skgenre._typing import StrPath

logger = logging.getLogger(__name__)

N_CHECKSUM_BYTES = 4

# No entry takes as long to write.
ABANDONED_AFTER_SECONDS = 3600

# Names that nothing else gives its files: a store may lie in a folder of other things.
SUFFIX = ".skgenre.npy"
_FOLDER = re.compile("[0-9a-f]{2}")
_ENTRY = re.compile("[0-9a-f]{62}" + re.escape(SUFFIX))
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")


class FeatureStore:
    """Features of audio files under a folder, for one set of parameters.

    An entry is found by the file's real path, size and modification time and by the
    parameters: an edited file, or another parameter, is another entry. Several threads
    and processes may share a folder, since an entry is either whole or absent.

    Parameters
    ----------
    directory : str or Path
        Folder of the store; made when the first entry is kept.
    parameters : dict or None, default=None
        Whatever decides the values of an entry; must be JSON-serialisable. Not needed
        for the size of a folder, or to clear it.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import FeatureStore, MFCCExtractor, make_genre_tracks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=1, n_tracks_per_genre=3, duration=3.0, random_state=0
    ...     )
    ...     X = MFCCExtractor(cache_dir=f"{folder}/features").transform(data.paths)
    ...     store = FeatureStore(f"{folder}/features")
    ...     print(store.size())
    ...     store.clear()
    ...     print(store.size())
    20676
    0
    """

    def __init__(
        self, directory: StrPath, parameters: Mapping[str, Any] | None = None
    ) -> None:
        self.directory = Path(directory)
        self._parameters_key = json.dumps(parameters, sort_keys=True)

    def entry_path(self, audio_path: StrPath) -> Path:
        """Tell where the entry of an audio file is, or will be.

        Parameters
        ----------
        audio_path : str or Path
            The audio file.

        Returns
        -------
        entry_path : Path
            Another one as soon as the file changes.

        Raises
        ------
        OSError
            There is no such file.
        """
        audio_path = os.path.realpath(audio_path)
        status = os.stat(audio_path)
        key = "\0".join(
            [
                audio_path,
                str(status.st_size),
                str(status.st_mtime_ns),
                self._parameters_key,
            ]
        )
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        # 256 sub-folders keep listings short when a collection is large.
        return self.directory / digest[:2] / (digest[2:] + SUFFIX)

    def load(self, entry_path: Path) -> NDArray[Any] | None:
        """Read an entry.

        Parameters
        ----------
        entry_path : Path
            As `entry_path` gave it.

        Returns
        -------
        array : ndarray or None
            Read-only; None where the entry is absent or, with a warning in the log,
            damaged.
        """
        try:
            return _read_array(Path(entry_path).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            logger.warning("damaged entry %s is made again: %s", entry_path, error)
            return None

    def save(self, entry_path: Path, array: NDArray[Any]) -> None:
        """Keep an array.

        Parameters
        ----------
        entry_path : Path
            As `entry_path` gave it.
        array : ndarray
            Of any shape, but not of objects.

        Raises
        ------
        OSError
            It cannot be written; nothing is left behind.
        """
        content = _pack_array(array)
        try:
            _write(entry_path, content)
        except FileNotFoundError:
            # Another process has just cleared the store, empty folders included.
            _write(entry_path, content)

    def size(self) -> int:
        """Add up what `clear` would remove, whatever its parameters.

        Returns
        -------
        n_bytes : int
            Size of the files.
        """
        return sum(status.st_size for _, status in self._find_files())

    def clear(self) -> None:
        """Remove every entry of the folder, and what killed processes have left.

        Other files, and links, stay; sub-folders of the store go when they are empty.
        """
        paths = [path for path, _ in self._find_files()]
        for path in paths:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in paths}:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _find_files(self):
        """Yield all files that the store has written, with their status."""
        for path in self.directory.glob("??/*"):
            folder = path.parent
            if not _FOLDER.fullmatch(folder.name) or folder.is_symlink():
                continue
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and _is_written(path.name, status):
                    yield path, status


def _is_written(name, status):
    """Whether a name is an entry's, or that of one half-written by a killed process."""
    if _TEMPORARY.fullmatch(name):
        return time.time() - status.st_mtime > ABANDONED_AFTER_SECONDS
    return _ENTRY.fullmatch(name) is not None


def _write(entry_path, content):
    entry_path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(entry_path) as file:
        file.write(content)


def _pack_array(array):
    """The bytes of a ``.npy`` file, and a checksum, which numpy.load does not mind."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    content = stream.getvalue()
    return content + _checksum(content)


def _checksum(content):
    # A disk that loses power may keep the length of a file and not all of its content.
    return zlib.crc32(content).to_bytes(N_CHECKSUM_BYTES, "little")


def _read_array(content):
    """Parse the bytes of an entry; ValueError unless they are just that."""
    end = len(content) - N_CHECKSUM_BYTES
    if _checksum(memoryview(content)[:end]) != content[end:]:
        raise ValueError(f"{len(content)} bytes with another checksum")
    return parse_npy(memoryview(content)[:end])

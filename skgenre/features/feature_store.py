"""The feature store: one array per audio file and parameter set, kept on disk."""

import contextlib
import errno
import hashlib
import io
import json
import logging
import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from skgenre._io import atomic_write, open_regular, parse_npy
from skgenre._typing import Audio, StrPath
from skgenre._validation import check_choice
from skgenre.audio import digest_source, hold_source, make_source

logger = logging.getLogger(__name__)

CACHE_KEYS = ("stat", "content")

N_CHECKSUM_BYTES = 4

# A bound on what is read: the features of more than twenty days at the default
# parameters. A forged file may claim any length, and take no space on the disk.
MAX_ENTRY_BYTES = 2**32
# The header and the checksum.
MAX_EXTRA_BYTES = 2**17

# A temporary file this old belongs to a killed process: no entry takes as long.
ABANDONED_AFTER_SECONDS = 3600

# Names that no other program uses: the store may be a folder with other files.
SUFFIX = ".skgenre.npy"
_FOLDER = re.compile("[0-9a-f]{2}")
_ENTRY = re.compile("[0-9a-f]{62}" + re.escape(SUFFIX))
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")


class FeatureStore:
    """Features of audio files under a folder, for one set of parameters.

    An entry is found by the audio file, as `cache_key` says (of audio in memory: by a
    digest of it), by the decoder and by the parameters: an edited file, another version
    of the decoder or another parameter is another entry. Several threads and processes
    may share a folder, since an entry is either whole or absent.

    Parameters
    ----------
    directory : str or Path
        Folder of the store; made with the first entry.
    parameters : dict or None, default=None
        Everything that decides the values of an entry; must be JSON-serialisable. Not
        needed for `size` and `clear`.
    cache_key : {"stat", "content"}, default="stat"
        What tells files apart: ``"stat"`` is the real path, size and modification time,
        which another content may share; ``"content"`` is the SHA-256 of the content,
        for which the file is read.

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
        self,
        directory: StrPath,
        parameters: Mapping[str, Any] | None = None,
        *,
        cache_key: str = "stat",
    ) -> None:
        check_choice(cache_key, CACHE_KEYS, name="cache_key")
        self.directory = Path(directory)
        self.cache_key = cache_key
        self._parameters_key = json.dumps(parameters, sort_keys=True)

    def entry_path(self, audio: Audio, *, decoder: str | None = None) -> Path:
        """Return where the entry of an audio file is, or will be.

        Parameters
        ----------
        audio : str, Path, binary file or pair (signal, sample_rate)
            The audio file, or audio in memory as `load_audio` takes it.
        decoder : str or None, default=None
            Name and version of what decodes the file.

        Returns
        -------
        entry_path : Path
            Path of the entry; depends on the file's real path, size and modification
            time, or on the SHA-256 of its content, as `cache_key` says (of audio in
            memory always the latter), on the decoder and on the parameters.

        Raises
        ------
        OSError
            The audio file does not exist or cannot be reached or read.
        """
        source = hold_source(make_source(audio))
        if isinstance(source, str) and self.cache_key == "stat":
            # Not the inode, nor the time of the last change of status: `cp -a` keeps
            # neither, `chmod` and `ln` not the latter (of ten files none, while all
            # kept their modification time), and all would be analysed again.
            try:
                path = os.path.realpath(source)
                status = os.stat(path)
            except ValueError as error:  # a null character in the path
                raise OSError(str(error)) from error
            version = [path, str(status.st_size), str(status.st_mtime_ns)]
        else:
            version = [digest_source(source)]
        key = "\0".join([*version, str(decoder), self._parameters_key])
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        # 256 sub-folders keep listings short when a collection is large.
        return self.directory / digest[:2] / (digest[2:] + SUFFIX)

    def load(
        self,
        entry_path: Path,
        *,
        check: Callable[[NDArray[Any]], object] | None = None,
    ) -> NDArray[Any] | None:
        """Return the array of an entry.

        Parameters
        ----------
        entry_path : Path
            As `entry_path` gave it.
        check : callable, default=None
            Called with the array; its ValueError means that the entry is damaged.

        Returns
        -------
        array : ndarray or None
            Read-only; None where the entry is absent or, with a warning in the log,
            damaged. A link, a pipe or a folder in its place is damage, too.

        Raises
        ------
        OSError
            The entry is there and cannot be read.
        """
        # A link may lead to the entry of another file.
        opener = partial(open_regular, follow_links=False)
        try:
            with open(entry_path, "rb", buffering=0, opener=opener) as file:
                n_bytes = os.fstat(file.fileno()).st_size
                if n_bytes > MAX_ENTRY_BYTES:
                    raise ValueError(f"{n_bytes} bytes, at most {MAX_ENTRY_BYTES}")
                content = file.read()
            packed = memoryview(content)[:-N_CHECKSUM_BYTES]
            if _checksum(packed) != content[-N_CHECKSUM_BYTES:]:
                raise ValueError(f"{len(content)} bytes with another checksum")
            array = parse_npy(packed)
            if check is not None:
                check(array)
            return array
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            logger.warning("damaged entry %s is made again: %s", entry_path, reason)
            return None

    def save(self, entry_path: Path, array: NDArray[Any]) -> None:
        """Write an array as an entry.

        Parameters
        ----------
        entry_path : Path
            As `entry_path` gave it.
        array : ndarray
            Of any shape, but not of objects.

        Raises
        ------
        OSError
            The entry cannot be written; nothing is left behind.
        """
        array = np.ascontiguousarray(array)
        if array.nbytes + MAX_EXTRA_BYTES > MAX_ENTRY_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), os.fspath(entry_path))
        stream = io.BytesIO()
        np.save(stream, array, allow_pickle=False)
        content = stream.getvalue()
        for is_last_try in (False, True):
            try:
                entry_path.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(entry_path) as file:
                    # numpy.load ignores what follows the array.
                    file.write(content + _checksum(content))
                return
            except FileNotFoundError:
                # Another process has just cleared the store, empty folders included.
                if is_last_try:
                    raise

    def size(self) -> int:
        """Return the size of what `clear` would remove, whatever the parameters.

        Returns
        -------
        n_bytes : int
            Size of the files.
        """
        return sum(status.st_size for _, status in self._find_files())

    def clear(self) -> None:
        """Remove every entry of the folder, whatever its parameters.

        Temporary files that killed processes have left are removed once they are an
        hour old. Other files, and links, stay; sub-folders that this empties are
        removed.
        """
        paths = [path for path, _ in self._find_files()]
        for path in paths:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in paths}:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _find_files(self):
        """Yield the files that a store has written, with their status."""
        for path in self.directory.glob("??/*"):
            folder = path.parent
            if not _FOLDER.fullmatch(folder.name) or folder.is_symlink():
                continue
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                age = time.time() - status.st_mtime
                is_written = _ENTRY.fullmatch(path.name) or (
                    _TEMPORARY.fullmatch(path.name) and age > ABANDONED_AFTER_SECONDS
                )
                if is_written and stat.S_ISREG(status.st_mode):
                    yield path, status


@contextlib.contextmanager
def mark_folder(directory):
    """Yield a new empty file in the folder of a store; None if it cannot be written.

    Another process that sees the file has the same folder. A script that is killed
    leaves it to `FeatureStore.clear`.
    """
    path = directory / "00" / f".{uuid4().hex}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:
        yield None
        return
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _checksum(content):
    # After a loss of power a file may have its length, but not all of its content.
    return zlib.crc32(content).to_bytes(N_CHECKSUM_BYTES, "little")

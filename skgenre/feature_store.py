"""The feature store: one array per audio file and parameter set, kept on disk."""

import hashlib
import json
import logging
import os
from pathlib import Path

import numpy as np

from skgenre._files import atomic_write

logger = logging.getLogger(__name__)


class FeatureStore:
    """Features of audio files under a folder, for one set of parameters.

    An entry is found by the file's real path, size and modification time and by the
    parameters: an edited file, or another parameter, is another entry. Several threads
    and processes may share a folder, since an entry is either whole or absent.

    Parameters
    ----------
    directory : str or Path
        Folder of the store; made when the first entry is kept.
    parameters : dict
        Whatever decides the values of an entry; must be JSON-serialisable.
    """

    def __init__(self, directory, parameters):
        self.directory = Path(directory)
        self._parameters_key = json.dumps(parameters, sort_keys=True)

    def entry_path(self, audio_path):
        """Where the entry of an audio file is, or will be; OSError if there is none."""
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
        return self.directory / digest[:2] / f"{digest[2:]}.npy"

    def load(self, entry_path):
        """Return an entry's array, or None where it is absent or damaged."""
        try:
            with open(entry_path, "rb") as file:
                array = np.load(file, allow_pickle=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError) as error:
            logger.warning("damaged entry %s is made again: %s", entry_path, error)
            return None
        return array

    def save(self, entry_path, array):
        """Keep an array under a path that `entry_path` gave; may raise OSError."""
        entry_path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(entry_path) as file:
            np.save(file, array, allow_pickle=False)

    def size(self):
        """Bytes that the entries of the whole folder take."""
        return sum(path.stat().st_size for path in self._entries())

    def clear(self):
        """Remove every entry of the folder, whatever its parameters."""
        for path in self._entries():
            path.unlink(missing_ok=True)

    def _entries(self):
        return self.directory.glob("[0-9a-f][0-9a-f]/*.npy")

"""The file that a command writes: refused before the work, named where it fails."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def check_writable(path):
    """Refuse a file that cannot be written, or is none, before hours of work.

    Raises
    ------
    OSError
        The folder is missing, or nothing can be written into it; `path` is a folder or
        a device.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        # A device would be replaced by a file.
        code = errno.EISDIR if path.is_dir() else errno.EINVAL
        raise OSError(code, os.strerror(code), str(path))
    # Permissions do not tell of a read-only file system, and mean nothing to root.
    probe = path.with_name(f".{uuid4().hex}.tmp")
    with naming(path):
        try:
            probe.touch()
        finally:
            probe.unlink(missing_ok=True)


@contextmanager
def naming(path):
    """Name the file in an error of writing it, whatever temporary file met it."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error

"""The file that a command writes: refused before the work where it cannot be."""

import errno
import os
from pathlib import Path
from uuid import uuid4


def check_writable(path):
    """Refuse an output that cannot be written, or is no file, before hours of work.

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
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error

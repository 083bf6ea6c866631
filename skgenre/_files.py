"""Files that are either whole or absent."""

import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic_write(path, mode="wb", **open_options):
    """Open a temporary neighbour of `path` that takes its name only once it is whole.

    Whatever ends the block early (an error, Ctrl-C, a full disk) leaves `path` as it
    was and no temporary file behind. Not `tempfile`: its files are private, and a
    feature store may lie in a folder that several people share.
    """
    path = Path(path)
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    try:
        with open(temporary, mode.replace("w", "x"), **open_options) as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

"""Where audio comes from: a file, an open file, or samples in memory."""

import io
import os
import stat

from skgenre._io import describe_os_error
from skgenre.audio.errors import AudioDecodeError

FILE_KINDS = {
    stat.S_IFDIR: "directory",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def name_source(audio):
    """Return the path of a file, or a name for audio in memory."""
    if isinstance(audio, (str, os.PathLike)):
        return os.fsdecode(audio)
    return "audio in memory"


def find_version(audio):
    """Return a text that changes when the file does; refuse all but regular files."""
    if not isinstance(audio, (str, os.PathLike)):
        return None
    path = os.fsdecode(audio)
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = f"{describe_os_error(error)}, expected an audio file"
        raise AudioDecodeError([(path, reason)]) from error
    # To open a named pipe would hang.
    if not stat.S_ISREG(status.st_mode):
        kind = FILE_KINDS.get(stat.S_IFMT(status.st_mode), "special file")
        raise AudioDecodeError([(path, f"is a {kind}, expected an audio file")])
    if status.st_size == 0:
        raise AudioDecodeError([(path, "is empty (0 bytes), expected an audio file")])
    return f"{status.st_size} bytes of {status.st_mtime_ns} ns"


def open_source(audio):
    """Return a binary file of a path or of an open file, at its beginning."""
    if isinstance(audio, (str, os.PathLike)):
        return io.FileIO(os.open(audio, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
    audio.seek(0)
    return audio

"""What the bytes of a file tell before it is decoded."""

import os
from bisect import bisect_right
from typing import NamedTuple


class Inspection(NamedTuple):
    """What a file is, which decoder reads all of it, and what is missing.

    Attributes
    ----------
    kind : str
        What the file is, for messages: "an MP4 file (AAC)", "an HTML page".
    decoder : {"libsndfile", "ffmpeg"} or None
        Which decoder reads all of its sound; None where none does.
    demuxer : str or None
        ffmpeg's name of the container, where that may be needed.
    parts : tuple or None
        What libsndfile is given instead of the file, where its header is wrong: pieces
        that follow each other, bytes or pairs (start, stop) of offsets in the file.
    n_frames : int or None
        Frames to read, at most, where more would meet damage; None reads all.
    incomplete : str or None
        What is missing of the sound that the header promises, for a warning, as in
        "ends after 41.20 of the 240.00 s that its header promises". What is there can
        be read.
    fault : str or None
        Why libsndfile cannot read all that is there, for messages.
    following : tuple of Inspection
        Recordings joined behind this one in the same file, each with its own header.
    """

    kind: str
    decoder: str | None = "libsndfile"
    demuxer: str | None = None
    parts: tuple | None = None
    n_frames: int | None = None
    incomplete: str | None = None
    fault: str | None = None
    following: tuple = ()


class View:
    """A seekable file that consists of pieces: bytes, and ranges of another file.

    Parameters
    ----------
    file : binary file
        Seekable; its position is changed.
    parts : tuple of bytes or (start, stop), default=None
        The pieces, in order; None is the whole file.

    Attributes
    ----------
    error : Exception or None
        What the file raised while libsndfile read it. It calls from C, where no
        exception can pass: to libsndfile the rest of the file is missing.
    """

    def __init__(self, file, parts=None):
        if parts is None:
            parts = [(0, file.seek(0, os.SEEK_END))]
        self.error = None
        self._file, self._position, self._length = file, 0, 0
        self._pieces, self._stops = [], []
        for part in parts:
            length = len(part) if isinstance(part, bytes) else part[1] - part[0]
            if length > 0:
                self._length += length
                self._pieces.append(part)
                self._stops.append(self._length)

    def seek(self, offset, whence=os.SEEK_SET):
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence, self._length)
        self._position = max(0, start + offset)
        return self._position

    def tell(self):
        return self._position

    def read(self, n_bytes):
        buffer = bytearray(max(0, min(n_bytes, self._length - self._position)))
        n_read = self._fill(memoryview(buffer))
        return bytes(buffer[:n_read])

    def readinto(self, buffer):
        try:
            return self._fill(memoryview(buffer).cast("B"))
        except Exception as error:  # any file object: raised again by the reader
            self.error = error
            return 0

    def _fill(self, view):
        n_read, number = 0, bisect_right(self._stops, self._position)
        for part, stop in zip(self._pieces[number:], self._stops[number:], strict=True):
            n_wanted = min(stop - self._position, len(view) - n_read)
            if n_wanted == 0:
                break
            if isinstance(part, bytes):
                start = self._position - (stop - len(part))
                found = part[start : start + n_wanted]
            else:
                found = read_at(self._file, part[1] - stop + self._position, n_wanted)
            view[n_read : n_read + len(found)] = found
            n_read += len(found)
            self._position += len(found)
            if len(found) < n_wanted:
                break
        return n_read


def read_at(file, offset, n_bytes):
    """Return bytes of a file from an offset on; fewer where it ends."""
    if offset >= 2**62:  # as damaged headers say
        return b""
    file.seek(offset)
    found = file.read(n_bytes) or b""
    while len(found) < n_bytes:  # raw files may return less than is there
        more = file.read(n_bytes - len(found))
        if not more:
            break
        found += more
    return found


def describe_end(there, promised, seconds=None):
    """Say how much of what a header promises is there, or None where all is.

    Parameters
    ----------
    there, promised : int
        Bytes or frames.
    seconds : float, default=None
        How long the promised ones last, where that is known.
    """
    if there >= promised:
        return None
    if not seconds:
        return f"ends after {there} of the {promised} bytes that its header promises"
    n_digits = 2 if seconds * (promised - there) / promised >= 0.01 else 6
    found = seconds * there / promised
    return (
        f"ends after {found:.{n_digits}f} of the {seconds:.{n_digits}f} s "
        "that its header promises"
    )

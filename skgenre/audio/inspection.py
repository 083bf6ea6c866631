"""What the bytes of a file tell before it is decoded."""

import os
from bisect import bisect_right
from typing import NamedTuple

WINDOW_BYTES = 2**16


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
        What the decoder is given instead of the file, where its header is wrong or tags
        are around it: pieces that follow each other, bytes or pairs (start, stop) of
        offsets in the file.
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
    incomplete: str | None = None
    fault: str | None = None
    following: tuple = ()

    def with_codec(self, codec):
        """Return the same with the name of the codec in its kind; None is not known."""
        return self if codec is None else self._replace(kind=f"{self.kind} ({codec})")


def join_recordings(recordings):
    """Return the Inspection of a file that holds several recordings."""
    first, *following = recordings
    faults = [
        f"{each.incomplete} (recording {number} of {len(recordings)})"
        for number, each in enumerate(recordings, 1)
        if each.incomplete is not None
    ]
    if following and faults:
        first = first._replace(incomplete=faults[0])
    return first._replace(following=tuple(following))


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
        self._window, self._window_start = b"", 0
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
        found = self._read_pieces(n_bytes)
        self._position += len(found)
        return found

    def readinto(self, buffer):
        # libmpg123 reads each frame in two, of 4 and some 400 bytes: files are read in
        # larger windows, or decoding would take a quarter longer.
        n_wanted = len(buffer)
        start = self._position - self._window_start
        found = self._window[start : start + n_wanted] if start >= 0 else b""
        if len(found) < n_wanted:
            try:
                self._window = self._read_pieces(max(n_wanted, WINDOW_BYTES))
            except Exception as error:  # of any file object; the reader raises it again
                self.error, self._window = error, b""
            self._window_start = self._position
            found = self._window[:n_wanted]
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def _read_pieces(self, n_bytes):
        """Return up to n_bytes from the current position on."""
        blocks, position = [], self._position
        stop = min(position + n_bytes, self._length)
        number = bisect_right(self._stops, position)
        while position < stop:
            part, end = self._pieces[number], self._stops[number]
            n_wanted = min(end, stop) - position
            if isinstance(part, bytes):
                start = position - (end - len(part))
                block = part[start : start + n_wanted]
            else:
                block = read_at(self._file, part[1] - end + position, n_wanted)
            blocks.append(block)
            position += len(block)
            number += 1
            if len(block) < n_wanted:
                break
        return b"".join(blocks)


def read_at(file, offset, n_bytes):
    """Return bytes of a file from an offset on; fewer where it ends."""
    # Damaged headers point far beyond what file systems know (2**41 and more).
    if not 0 <= offset < 2**40:
        return b""
    file.seek(offset)
    found = file.read(n_bytes) or b""
    while len(found) < n_bytes:  # raw files may return less than is there
        more = file.read(n_bytes - len(found))
        if not more:
            break
        found += more
    return found


def shift_parts(parts, offset):
    """Return parts of a range of a file as parts of the whole file."""
    return tuple(
        part if isinstance(part, bytes) else (part[0] + offset, part[1] + offset)
        for part in parts
    )


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

"""Blocks of samples decoded by libsndfile, from a file or from repaired bytes."""

import io
import os
from contextlib import nullcontext

import soundfile

from skgenre.audio.c_streams import quiet_decoders

WINDOW_BYTES = 2**16
NAME = f"libsndfile {soundfile.__libsndfile_version__}"


class LibsndfileReader:
    """Read a file, or the pieces that `Inspection.parts` lists, block by block."""

    decoder = NAME
    incomplete = None

    def __init__(self, file, *, parts=None):
        start = find_tail(file, parts)
        if start is not None and os.name == "posix" and isinstance(file, io.FileIO):
            # A descriptor is faster than a file object. libsndfile closes it even when
            # it fails (up to 1.2.0 also when told not to). On Windows it may not know
            # the descriptors of Python.
            file.seek(start)
            source = os.dup(file.fileno())
        else:
            source = View(file, parts)
        with quiet_decoders():
            self._reader = _SequentialReader(source)
        self.sample_rate = self._reader.samplerate
        self.n_channels = self._reader.channels

    def read_blocks(self, n_frames, *, n_block_frames):
        """Yield blocks of up to n_frames (None: all) of what is there."""
        n_left = self._reader.frames
        if n_frames is not None:
            n_left = min(n_frames, n_left)
        # 16-bit samples turned into floats by numpy cost a third of what libsndfile
        # takes.
        dtype = "int16" if self._reader.subtype == "PCM_16" else "float32"
        # The others print nothing.
        prints = self._reader.subtype.startswith(("MPEG", "ALAC"))
        while n_left > 0:
            n_wanted = min(n_left, n_block_frames)
            with quiet_decoders() if prints else nullcontext():
                block = self._reader.read(n_wanted, dtype=dtype)
            n_left = n_left - n_wanted if len(block) == n_wanted else 0
            if len(block):
                yield block

    def close(self):
        self._reader.close()


class _SequentialReader(soundfile.SoundFile):
    # soundfile seeks after each read. Nothing is rewound here, and at the end of a FLAC
    # stream of unknown length that seek fails, although all samples were read.
    def seekable(self):
        return False


def find_tail(file, parts):
    """Return where a file is read from, if that is from there to its end, or None."""
    if parts is None:
        return 0
    size = file.seek(0, os.SEEK_END)
    if len(parts) == 1 and not isinstance(parts[0], bytes) and parts[0][1] == size:
        return parts[0][0]
    return None


class View:
    """A seekable file that consists of pieces: bytes, and parts of another file.

    libsndfile calls it from C, where no exception can pass: what cannot be read is
    missing.
    """

    def __init__(self, file, parts=None):
        if parts is None:
            parts = [(0, file.seek(0, os.SEEK_END))]
        self._file, self._position = file, 0
        self._window, self._window_start = b"", 0
        self._pieces, length = [], 0
        for part in parts:
            piece_length = len(part) if isinstance(part, bytes) else part[1] - part[0]
            self._pieces.append((length, length + piece_length, part))
            length += piece_length
        self._length = length

    def seek(self, offset, whence=os.SEEK_SET):
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence, self._length)
        self._position = max(0, start + offset)
        return self._position

    def tell(self):
        return self._position

    def readinto(self, buffer):
        # libmpg123 reads each frame in two, of 4 and some 400 bytes: files are read in
        # larger windows, or decoding would take a quarter longer.
        n_wanted = len(buffer)
        start = self._position - self._window_start
        found = self._window[start : start + n_wanted] if start >= 0 else b""
        if len(found) < n_wanted:
            self._window = self._read(max(n_wanted, WINDOW_BYTES))
            self._window_start = self._position
            found = self._window[:n_wanted]
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def _read(self, n_bytes):
        """Return up to n_bytes from the current position on."""
        blocks, position = [], self._position
        for start, stop, part in self._pieces:
            if not start <= position < stop:
                continue
            n_wanted = min(stop - position, n_bytes)
            offset = position - start
            if isinstance(part, bytes):
                block = part[offset : offset + n_wanted]
            else:
                try:
                    self._file.seek(part[0] + offset)
                    block = self._file.read(n_wanted) or b""
                except OSError:
                    block = b""
            blocks.append(block)
            position += len(block)
            n_bytes -= len(block)
            if len(block) < n_wanted or n_bytes == 0:
                break
        return b"".join(blocks)

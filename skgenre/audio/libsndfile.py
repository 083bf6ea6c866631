"""Blocks of samples decoded by libsndfile, from a file or from repaired bytes."""

import io
import os

import soundfile

NAME = f"libsndfile {soundfile.__libsndfile_version__}"


class LibsndfileReader:
    """Read a file, or the pieces that `Inspection.parts` lists, block by block."""

    decoder = NAME
    incomplete = None

    def __init__(self, file, *, parts=None):
        if parts is None and os.name == "posix" and isinstance(file, io.FileIO):
            # A descriptor is faster than a file object. libsndfile closes it even when
            # it fails (up to 1.2.0 also when told not to). On Windows it may not know
            # the descriptors of Python.
            file.seek(0)
            self._reader = _SequentialReader(os.dup(file.fileno()))
        else:
            self._reader = _SequentialReader(View(file, parts))
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
        while n_left > 0:
            n_wanted = min(n_left, n_block_frames)
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


class View:
    """A seekable file that consists of pieces: bytes, and parts of another file.

    libsndfile calls it from C, where no exception can pass: what cannot be read is
    missing.
    """

    def __init__(self, file, parts=None):
        if parts is None:
            parts = [(0, file.seek(0, os.SEEK_END))]
        self._file, self._position = file, 0
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
        view, n_read = memoryview(buffer).cast("B"), 0
        for start, stop, part in self._pieces:
            if not start <= self._position < stop:
                continue
            n_wanted = min(stop - self._position, len(view) - n_read)
            offset = self._position - start
            if isinstance(part, bytes):
                found = part[offset : offset + n_wanted]
            else:
                try:
                    self._file.seek(part[0] + offset)
                    found = self._file.read(n_wanted) or b""
                except OSError:
                    found = b""
            view[n_read : n_read + len(found)] = found
            n_read += len(found)
            self._position += len(found)
            if len(found) < n_wanted or n_read == len(view):
                break
        return n_read

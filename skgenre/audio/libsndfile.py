"""Blocks of samples decoded by libsndfile, from a file or from repaired bytes."""

import io
import os
import sys
from contextlib import nullcontext

import soundfile

from skgenre._c_streams import quiet_libraries
from skgenre.audio.errors import DecoderError
from skgenre.audio.inspection import View, read_at
from skgenre.audio.resampling import check_rate, resample

NAME = f"libsndfile {soundfile.__libsndfile_version__}"

# By the error number of libsndfile, where its own words do not tell what is wrong.
_PLAIN_WORDS = {
    1: "of no format that it knows",
    3: "its header is not whole",
    7: "without a complete frame of sound",
    18: "it is damaged, or holds something other than sound",
    24: "no sample rate above zero, no channel or no sample in the header",
    29: "its header is damaged",
    64: "its description of the samples is damaged",
    158: "lost sync",
    161: "its FLAC stream is damaged",
}


class LibsndfileReader:
    """Read a file, or the pieces that an `Inspection` lists, block by block.

    Parameters
    ----------
    file : binary file
        Can be seeked.
    inspection : Inspection
        What to read of it. Recordings that follow are resampled to the rate of the
        first where they have another one.
    """

    decoder = NAME
    incomplete = None

    def __init__(self, file, inspection):
        self._file, self._kind = file, inspection.kind
        self._recordings = (inspection, *inspection.following)
        self._open(inspection.parts)
        self.sample_rate = self._reader.samplerate
        self.n_channels = self._reader.channels

    def _open(self, parts):
        self._view, start = None, _find_tail(self._file, parts)
        if (
            start is not None
            and os.name == "posix"
            and isinstance(self._file, io.FileIO)
        ):
            # A descriptor is faster than a file object. libsndfile closes it even when
            # it fails. On Windows it may not know the descriptors of Python, and those
            # of other file objects may give other bytes: that of a GzipFile gives the
            # compressed ones.
            self._file.seek(start)
            source = os.dup(self._file.fileno())
        else:
            source = self._view = View(self._file, parts)
        try:
            with quiet_libraries():
                self._reader = _SequentialReader(source)
        finally:
            self._check_view()

    def read_blocks(self, n_frames, *, n_block_frames):
        """Yield blocks of up to n_frames (None: all) of what is there."""
        n_left = n_all = sys.maxsize if n_frames is None else n_frames
        for number, recording in enumerate(self._recordings):
            if number > 0:
                self.close()
                self._open(recording.parts)
            n_before, rate = n_all - n_left, self._reader.samplerate
            check_rate(rate, self.sample_rate, n_before / self.sample_rate)
            has_other_rate = rate != self.sample_rate
            n_wanted = sys.maxsize if has_other_rate else n_left
            blocks = self._read_recording(n_wanted, n_block_frames, n_before)
            if has_other_rate:
                blocks = resample(blocks, old_rate=rate, new_rate=self.sample_rate)
            for block in blocks:
                taken = block[:n_left]
                n_left -= len(taken)
                if len(taken):
                    yield taken
                if n_left == 0:
                    return

    def _read_recording(self, n_wanted, n_block_frames, n_before):
        reader = self._reader
        n_left = min(n_wanted, reader.frames)
        # 16-bit samples turned into floats by numpy cost a third of what libsndfile
        # takes.
        is_short = reader.subtype == "PCM_16" and reader.samplerate == self.sample_rate
        dtype = "int16" if is_short else "float32"
        # The others print nothing.
        prints = reader.subtype.startswith(("MPEG", "ALAC"))
        while n_left > 0:
            n_block = min(n_left, n_block_frames)
            try:
                with quiet_libraries() if prints else nullcontext():
                    block = reader.read(n_block, dtype=dtype)
            except soundfile.LibsndfileError as error:
                self._check_view()
                # Of the frames before the damage nothing is returned.
                seconds = (n_before + reader.tell()) / reader.samplerate
                raise DecoderError(
                    f"is {self._kind} that is damaged after {seconds:.2f} s "
                    f"({describe_error(error)}), expected intact audio"
                ) from error
            n_left = n_left - n_block if len(block) == n_block else 0
            if len(block):
                yield block
        self._check_view()

    def _check_view(self):
        if self._view is not None and self._view.error is not None:
            error = self._view.error
            raise OSError(f"{type(error).__name__}: {error}") from error

    def close(self):
        self._reader.close()


def _find_tail(file, parts):
    """Return where a file is read from, if that is from there to its end, or None."""
    if parts is None:
        return 0
    size = file.seek(0, os.SEEK_END)
    if len(parts) == 1 and not isinstance(parts[0], bytes) and parts[0][1] == size:
        start = parts[0][0]
        # MPEG audio: of other formats libsndfile does not read a tail.
        return start if start == 0 or read_at(file, start, 1) == b"\xff" else None
    return None


def describe_error(error):
    """Say in plain words what libsndfile found."""
    return _PLAIN_WORDS.get(error.code, error.error_string.rstrip("."))


class _SequentialReader(soundfile.SoundFile):
    # soundfile seeks after each read. Nothing is rewound here, and at the end of a FLAC
    # stream of unknown length that seek fails, although all samples were read.
    def seekable(self):
        return False

"""Blocks of mono samples from a file, at its own rate, or the error that names it."""

import os
import stat
from collections.abc import Iterable
from contextlib import contextmanager

import numpy as np
import soundfile

from skgenre._io import describe_os_error, printable

MAX_LISTED_FAILURES = 20

FILE_KINDS = {
    stat.S_IFDIR: "directory",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}

FORMATS = "WAV, AU, FLAC, OGG, MP3, AIFF, CAF, W64 or RF64"

# Sample rates of files, in hertz. A damaged header may say 1 Hz: half a minute of
# samples then makes eight hours at 22,050 Hz, which no memory holds.
LOWEST_FILE_RATE = 1_000
HIGHEST_FILE_RATE = 10_000_000

# By the error number of libsndfile, where its own words do not tell what is wrong.
PLAIN_WORDS = {
    7: "no complete frame of sound in the file",
    24: "no sample rate above zero in the header",
}


class AudioDecodeError(OSError, ValueError):
    """Audio files that cannot be analysed, with a reason for each.

    Parameters
    ----------
    failures : iterable of (path, reason)
        What failed: the path of each file and why.

    Attributes
    ----------
    paths : list of str
        The files, in the order given.
    reasons : list of str
        For each file the value found and what was expected.

    Examples
    --------
    >>> from skgenre.audio import AudioDecodeError
    >>> print(AudioDecodeError([("a.wav", "is empty"), ("b.wav", "is a directory")]))
    2 files cannot be analysed:
    a.wav: is empty
    b.wav: is a directory
    """

    def __init__(self, failures: Iterable[tuple[str, str]]) -> None:
        failures = [(os.fsdecode(path), str(reason)) for path, reason in failures]
        self.paths = [path for path, _ in failures]
        self.reasons = [reason for _, reason in failures]
        # The arguments of an exception are what pickle and deepcopy rebuild it from.
        super().__init__(failures)

    def __str__(self):
        # A name that is not UTF-8 breaks print(), a line feed the list of files.
        lines = [
            f"{printable(path)}: {printable(reason)}"
            for path, reason in zip(self.paths, self.reasons, strict=True)
        ]
        if len(lines) == 1:
            return lines[0]
        n_hidden = len(lines) - MAX_LISTED_FAILURES
        if n_hidden > 0:
            lines[MAX_LISTED_FAILURES:] = [f"... and {n_hidden} more (see .paths)"]
        return "\n".join([f"{len(self.paths)} files cannot be analysed:", *lines])


@contextmanager
def open_audio(path):
    """Yield a reader of an audio file; its errors inside the block name the file."""
    try:
        # A descriptor takes names that are not UTF-8, tells why a file cannot be opened
        # and is faster than a file object. libsndfile closes it even when it fails (up
        # to 1.2.0 also when told not to). On Windows it may not know the descriptors of
        # Python.
        file = os.open(path, os.O_RDONLY) if os.name == "posix" else path
        with _SequentialReader(file) as reader:
            if not LOWEST_FILE_RATE <= reader.samplerate <= HIGHEST_FILE_RATE:
                reason = (
                    f"has a sample rate of {reader.samplerate} Hz, expected "
                    f"{LOWEST_FILE_RATE} to {HIGHEST_FILE_RATE}"
                )
                raise AudioDecodeError([(path, reason)])
            yield reader
    except AudioDecodeError:
        raise
    except soundfile.LibsndfileError as error:
        found = PLAIN_WORDS.get(error.code, error.error_string.rstrip("."))
        reason = f"{found}, expected intact {FORMATS} audio"
        raise AudioDecodeError([(path, reason)]) from error
    except OSError as error:
        reason = f"{describe_os_error(error)}, expected a readable file"
        raise AudioDecodeError([(path, reason)]) from error


def read_header(path):
    """Return the sample rate of an audio file, in hertz, and its number of channels."""
    find_version(path)
    with open_audio(path) as reader:
        return reader.samplerate, reader.channels


def find_version(path):
    """Return a text that changes when the file does; refuse all but regular files."""
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


def read_mono(reader, n_frames, *, n_block_frames):
    """Yield blocks of up to n_frames (None: all) of what is there; headers may lie."""
    n_left = reader.frames if n_frames is None else min(n_frames, reader.frames)
    # 16-bit samples turned into floats by numpy cost a third of what libsndfile takes.
    dtype = "int16" if reader.subtype == "PCM_16" else "float32"
    while n_left > 0:
        n_wanted = min(n_left, n_block_frames)
        block = reader.read(n_wanted, dtype=dtype)
        n_left = n_left - n_wanted if len(block) == n_wanted else 0
        if len(block):
            yield _mix_to_mono(block)


class _SequentialReader(soundfile.SoundFile):
    # soundfile seeks after each read. Nothing is rewound here, and at the end of a FLAC
    # stream of unknown length that seek fails, although all samples were read.
    def seekable(self):
        return False


def _mix_to_mono(block):
    """Return float samples (n_frames,) of floats or 16-bit integers, any channels."""
    scale = np.float32(2.0**-15 if block.dtype == np.int16 else 1.0)
    if block.ndim == 1:
        return block if scale == 1 else np.multiply(block, scale, dtype=np.float32)
    # Values that are not finite are refused later, by the number of their frame.
    with np.errstate(over="ignore", invalid="ignore"):
        if block.shape[1] != 2:
            return np.mean(np.multiply(block, scale, dtype=np.float32).T, axis=0)
        # The same bits as np.mean, whose short rows cost twenty times as much: powers
        # of two scale without rounding, and so does the sum of two 16-bit integers.
        mono = np.add(block[:, 0], block[:, 1], dtype=np.float32)
        mono *= np.float32(0.5) * scale
        return mono

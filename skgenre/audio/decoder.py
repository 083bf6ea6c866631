"""Blocks of mono samples from a file, at the rate of the file."""

import os
import stat
from contextlib import contextmanager

import numpy as np
import soundfile

from skgenre._io import describe_os_error
from skgenre.audio.error import AudioDecodeError

FILE_KINDS = {
    stat.S_IFDIR: "directory",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}

FORMATS = "WAV, AU, FLAC, OGG, MP3, AIFF, CAF, W64 or RF64"

# What a file of sound may say in its header, in hertz. A damaged one may say 1 Hz: half
# a minute of samples then makes eight hours at 22,050 Hz, which no memory holds.
LOWEST_FILE_RATE = 1_000
HIGHEST_FILE_RATE = 10_000_000

# What libsndfile's own words do not tell, by its error number.
PLAIN_WORDS = {
    7: "no complete frame of sound in the file",
    24: "no sample rate above zero in the header",
}


@contextmanager
def open_audio(path):
    """A reader of an audio file; what goes wrong with it inside the block names it."""
    try:
        with _SequentialReader(_open(path)) as reader:
            _check_file_rate(path, reader.samplerate)
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


def find_version(path):
    """What changes when the file does; refuses a pipe, since opening it would hang."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = f"{describe_os_error(error)}, expected an audio file"
        raise AudioDecodeError([(path, reason)]) from error
    if not stat.S_ISREG(status.st_mode):
        kind = FILE_KINDS.get(stat.S_IFMT(status.st_mode), "special file")
        raise AudioDecodeError([(path, f"is a {kind}, expected an audio file")])
    if status.st_size == 0:
        raise AudioDecodeError([(path, "is empty (0 bytes), expected an audio file")])
    return f"{status.st_size} bytes of {status.st_mtime_ns} ns"


def read_mono(reader, n_frames, *, n_block_frames):
    """Yield up to n_frames (None: all): what is there counts, not what is promised."""
    n_left = reader.frames if n_frames is None else min(n_frames, reader.frames)
    # Turned into floats here rather than in libsndfile, 16-bit samples cost a third.
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


def _check_file_rate(path, file_rate):
    if not LOWEST_FILE_RATE <= file_rate <= HIGHEST_FILE_RATE:
        reason = (
            f"has a sample rate of {file_rate} Hz, expected {LOWEST_FILE_RATE} to "
            f"{HIGHEST_FILE_RATE}"
        )
        raise AudioDecodeError([(path, reason)])


def _open(path):
    # A descriptor takes names that are not UTF-8, tells why a file cannot be opened and
    # is faster than a file object. libsndfile closes it even when it fails (up to 1.2.0
    # also when told not to). On Windows it may not know the descriptors of Python.
    return os.open(path, os.O_RDONLY) if os.name == "posix" else path


def _mix_to_mono(block):
    """Float samples (n_frames,) from floats or 16-bit integers of any channel count."""
    scale = np.float32(2.0**-15 if block.dtype == np.int16 else 1.0)
    if block.ndim == 1:
        return block if scale == 1 else np.multiply(block, scale, dtype=np.float32)
    # Values that are no sound are refused later, by the number of their frame.
    with np.errstate(over="ignore", invalid="ignore"):
        if block.shape[1] != 2:
            return np.mean(np.multiply(block, scale, dtype=np.float32).T, axis=0)
        # The same bits as np.mean, whose short rows cost twenty times as much: powers
        # of two scale without rounding, and so does the sum of two 16-bit integers.
        mono = np.add(block[:, 0], block[:, 1], dtype=np.float32)
        mono *= np.float32(0.5) * scale
        return mono

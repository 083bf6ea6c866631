"""The mono signal of a file at a given sample rate, whole or block by block."""

import math
import os

import numpy as np
import soxr
from numpy.typing import NDArray

from skgenre._typing import StrPath
from skgenre._validation import check_number, check_positive_integer
from skgenre.audio.decoder import (
    HIGHEST_FILE_RATE,
    AudioDecodeError,
    find_version,
    open_audio,
    read_mono,
)

# Keeps duration * sample_rate far from overflow; 30 years.
MAX_DURATION_SECONDS = 1e9

# Samples of all channels decoded at a time. Small enough for memory to stay flat over a
# recording of hours; a track of 30 s costs the same from 2**18 to 2**24.
MAX_BLOCK_SAMPLES = 2**20

# soxr filters in blocks of fixed size, so from some distance on the first samples of a
# resampled signal no longer depend on what follows. Measured over 700 pairs of rates
# from 2 to 200 kHz: bit for bit from 1,400 frames beyond the last one needed, times the
# factor of decimation. This is nearly three times as much.
RESAMPLING_MARGIN_FRAMES = 4096

# Samples above this mean a damaged file: int32 samples stored as floats reach 2e9, and
# a power spectrum in float32 overflows from about 1e16.
MAX_PEAK = 1e12


def load_audio(
    path: StrPath, *, sample_rate: int = 22050, duration: float | None = None
) -> NDArray[np.float32]:
    """Return the mono signal of an audio file, at the given sample rate.

    The values are those of ``librosa.load(path, sr=sample_rate, mono=True)``, bit for
    bit: channels are averaged, then soxr resamples at its high quality.

    Parameters
    ----------
    path : str or os.PathLike
        A WAV, AU, FLAC, OGG, MP3, AIFF, CAF, W64 or RF64 file, of any sample rate from
        1 kHz to 10 MHz and any number of channels.
    sample_rate : int, default=22050
        Samples per second of the signal returned, in hertz.
    duration : float, default=None
        Seconds to return, counted from the beginning; None for the whole file. They are
        the first seconds of what the whole file gives, although little more than them
        is read. A shorter file is returned whole.

    Returns
    -------
    signal : ndarray of shape (n_samples,), dtype float32
        Samples at `sample_rate`, full scale being -1 to 1. All are finite.

    Raises
    ------
    AudioDecodeError
        The file is missing, unreadable, not audio, without samples, changed while it
        was read, digitally silent or not finite. It is an OSError and a ValueError.
    TypeError, ValueError
        `path`, `sample_rate` or `duration` has the wrong type or is out of range.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import soundfile
    >>> from skgenre.audio import load_audio
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "tone.wav")
    ...     soundfile.write(path, tone, 44100)
    ...     signal = load_audio(path, duration=0.5)
    >>> signal.shape, signal.dtype
    ((11025,), dtype('float32'))
    """
    blocks = list(stream_audio(path, sample_rate=sample_rate, duration=duration))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def stream_audio(path, *, sample_rate=22050, duration=None):
    """Return an iterator over the blocks of what `load_audio` returns whole.

    Memory does not grow with the length of the file. Faults of a file may be found only
    at its end: do not use the blocks before the iterator is exhausted.

    Parameters
    ----------
    path : str or os.PathLike
        Audio file, as in `load_audio`.
    sample_rate : int, default=22050
        Samples per second of the blocks, in hertz.
    duration : float, default=None
        Seconds from the beginning; None for the whole file.

    Returns
    -------
    blocks : iterator of ndarray of shape (n_block_samples,), dtype float32
        Blocks of various lengths, none of them zero.

    Raises
    ------
    AudioDecodeError
        As by `load_audio`, raised by the iterator.
    TypeError, ValueError
        An argument has the wrong type or is out of range.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a str or os.PathLike, got {path!r}.")
    check_positive_integer(sample_rate, name="sample_rate")
    check_number(sample_rate, name="sample_rate", high=HIGHEST_FILE_RATE)
    sample_rate = int(sample_rate)
    n_samples = None
    if duration is not None:
        check_number(
            duration,
            name="duration",
            low=0.5 / sample_rate,  # rounds to no sample
            low_open=True,
            high=MAX_DURATION_SECONDS,
        )
        n_samples = round(float(duration) * sample_rate)
    return _stream(os.fsdecode(path), sample_rate, n_samples)


def _stream(path, sample_rate, n_samples):
    version = find_version(path)
    with open_audio(path) as reader:
        file_rate = reader.samplerate
        # Frames of the file that the samples cover, and those to read; None for all.
        n_kept = n_read = None
        if n_samples is not None:
            n_kept = n_read = -(-n_samples * file_rate // sample_rate)
            if file_rate != sample_rate:
                decimation = max(1, file_rate / sample_rate)
                n_read += math.ceil(RESAMPLING_MARGIN_FRAMES * decimation)
        # A file of few samples per second must not become a large block of many.
        n_wide = max(reader.channels, math.ceil(sample_rate / file_rate))
        n_block_frames = max(1, MAX_BLOCK_SAMPLES // n_wide)
        blocks = read_mono(reader, n_read, n_block_frames=n_block_frames)
        blocks = _check_unchanged(blocks, path, version)
        blocks = _check_sound(blocks, path, n_kept=n_kept, file_rate=file_rate)
        if file_rate != sample_rate:
            blocks = _resample(blocks, file_rate=file_rate, sample_rate=sample_rate)
        yield from _take_samples(blocks, n_samples)


def _check_unchanged(blocks, path, version):
    """Yield the blocks; refuse a file that has changed by the end of the last one."""
    yield from blocks
    version_after = find_version(path)
    if version_after != version:
        reason = f"changed while it was read, from {version} to {version_after}"
        raise AudioDecodeError([(path, reason)])


def _check_sound(blocks, path, *, n_kept, file_rate):
    """Yield the blocks; refuse values that are not finite, and silence in n_kept."""
    n_frames, is_silent = 0, True
    for block in blocks:
        # Extremes are NaN where any value is: two passes, and no temporary array.
        peak = max(-block.min(), block.max())
        if not peak <= MAX_PEAK:
            first = np.flatnonzero(~(np.abs(block) <= MAX_PEAK))[0]
            n_all = n_frames + len(block) + sum(map(len, blocks))
            found = f"frame {n_frames + first} of {n_all} is {block[first]}"
            reason = f"{found}, expected finite values within ±{MAX_PEAK:g}"
            raise AudioDecodeError([(path, reason)])
        if is_silent and peak > 0:
            # The margin does not count: it may hold the first sound after a silent
            # beginning.
            n_left = len(block) if n_kept is None else max(0, n_kept - n_frames)
            is_silent = not block[:n_left].any()
        n_frames += len(block)
        yield block
    if n_frames == 0:
        reason = f"holds no samples (0 at {file_rate} Hz), expected at least one"
        raise AudioDecodeError([(path, reason)])
    if is_silent:
        n_silent = n_frames if n_kept is None else min(n_kept, n_frames)
        reason = f"holds only silence (peak 0.0) in {n_silent} frames, expected sound"
        raise AudioDecodeError([(path, reason)])


def _resample(blocks, *, file_rate, sample_rate):
    """Resample to exactly ceil(n_samples * ratio) samples, as librosa does."""
    # Bit for bit what soxr.resample gives for the whole, however it is cut.
    stream = soxr.ResampleStream(file_rate, sample_rate, 1, quality="HQ")
    n_frames = n_samples = 0
    for block in blocks:
        resampled = stream.resample_chunk(block)
        n_frames += len(block)
        n_samples += len(resampled)
        yield resampled
    rest = stream.resample_chunk(np.empty(0, np.float32), last=True)
    n_rest = math.ceil(n_frames * (sample_rate / file_rate)) - n_samples
    n_missing = n_rest - len(rest)
    yield np.pad(rest, (0, n_missing)) if n_missing > 0 else rest[:n_rest]


def _take_samples(blocks, n_samples):
    """Yield the first samples (None: all); read the blocks beyond them, too."""
    for block in blocks:
        taken = block[:n_samples]
        if n_samples is not None:
            n_samples -= len(taken)
        if len(taken):
            yield taken

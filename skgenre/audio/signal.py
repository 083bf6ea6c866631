"""The mono signal of a file at a given sample rate, whole or block by block."""

import math
import warnings
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from skgenre._io import counted
from skgenre._typing import Audio
from skgenre._validation import check_number, check_positive_integer
from skgenre.audio.decoder import open_audio
from skgenre.audio.errors import AudioDecodeError, IncompleteAudioWarning
from skgenre.audio.resampling import HIGHEST_FILE_RATE, resample
from skgenre.audio.source import find_version, make_source, name_source

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

CHANNEL_NAMES = ("mean", "left", "right")

# Beginnings of the reasons for which intact files are refused.
SILENT = "holds only silence"
CANCELLING = "has channels that cancel out"

CHANGED = "changed while it was read, expected a file that nothing writes to"


def load_audio(
    audio: Audio,
    *,
    sample_rate: int = 22050,
    duration: float | None = None,
    channel: str | int = "mean",
) -> NDArray[np.float32]:
    """Return the mono signal of an audio file, at the given sample rate.

    The values are those of ``librosa.load(path, sr=sample_rate, mono=True)``, bit for
    bit, wherever libsndfile reads the whole file: channels are averaged, then soxr
    resamples at its high quality.

    Parameters
    ----------
    audio : str, os.PathLike, binary file or pair (signal, sample_rate)
        A file of any sample rate from 1 kHz to 10 MHz and any number of channels: its
        path, or the file itself, such as an `io.BytesIO` or an upload, which is read
        from its beginning and left open, at the position where it was. WAV, FLAC, MP3,
        Ogg and others are always read; m4a, WMA, WebM and others need ``pip install
        'skgenre[ffmpeg]'``. Or samples in memory: an array of shape (n_samples,) or
        (n_samples, n_channels), of floats or of integers of 8, 16 or 32 bits, and their
        rate in hertz.
    sample_rate : int, default=22050
        Samples per second of the signal returned, in hertz.
    duration : float, default=None
        Seconds to return, counted from the beginning; None for the whole file. They
        equal the first seconds of the whole file's signal, but little more than them is
        read. A shorter file is returned whole.
    channel : {"mean", "left", "right"} or int, default="mean"
        The mean of all channels, or one of them; numbers count from 0. Of a mono file,
        "left" and "right" are the same channel.

    Returns
    -------
    signal : ndarray of shape (n_samples,), dtype float32
        Samples at `sample_rate`, full scale being -1 to 1. All are finite.

    Raises
    ------
    AudioDecodeError
        The file is missing, unreadable, not audio, without samples, changed while it
        was read, digitally silent or not finite; its channels cancel out, or it lacks
        the `channel`. It is an OSError and a ValueError.
    OSError
        The process or the system can open no more files.
    TypeError, ValueError
        `audio`, `sample_rate`, `duration` or `channel` has the wrong type or is out of
        range.

    Warns
    -----
    IncompleteAudioWarning
        Only a part of what the header promises is there.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import soundfile
    >>> from skgenre import load_audio
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "tone.wav")
    ...     soundfile.write(path, tone, 44100)
    ...     signal = load_audio(path, duration=0.5)
    >>> signal.shape, signal.dtype
    ((11025,), dtype('float32'))
    """
    stream = stream_audio(
        audio, sample_rate=sample_rate, duration=duration, channel=channel
    )
    signal = stream.read()
    if stream.incomplete is not None:
        found = [(stream.name, stream.incomplete)]
        warnings.warn(IncompleteAudioWarning(found), stacklevel=2)
    return signal


def stream_audio(audio, *, sample_rate=22050, duration=None, channel="mean"):
    """Return an iterator over the blocks of what `load_audio` returns whole.

    Memory does not grow with the length of the file. Faults of a file may be found only
    at its end: do not use the blocks before the iterator is exhausted.

    Parameters
    ----------
    audio : str, os.PathLike, binary file or pair (signal, sample_rate)
        As in `load_audio`.
    sample_rate : int, default=22050
        Samples per second of the blocks, in hertz.
    duration : float, default=None
        Seconds from the beginning; None for the whole file.
    channel : {"mean", "left", "right"} or int, default="mean"
        The mean of all channels, or one of them.

    Returns
    -------
    stream : AudioStream
        Iterator over blocks of shape (n_block_samples,), dtype float32, of various
        lengths, none of them zero.

    Raises
    ------
    AudioDecodeError
        As by `load_audio`, raised by the iterator.
    TypeError, ValueError
        An argument has the wrong type or is out of range.
    """
    check_positive_integer(sample_rate, name="sample_rate")
    check_number(sample_rate, name="sample_rate", high=HIGHEST_FILE_RATE)
    sample_rate = int(sample_rate)
    check_channel(channel)
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
    return AudioStream(
        audio, sample_rate=sample_rate, n_samples=n_samples, channel=channel
    )


class AudioStream:
    """An iterator over the blocks of a mono signal, and how they were read.

    Parameters
    ----------
    audio : str or os.PathLike
        As in `stream_audio`, which checks the arguments.
    sample_rate : int or None, default=None
        Samples per second of the blocks, in hertz; None for the file's own.
    n_samples : int or None, default=None
        Length of all blocks together, at most.
    channel : {"mean", "left", "right"} or int, default="mean"
        The mean of all channels, or one of them.
    observe : callable or None, default=None
        Called with each block of the file, (n_frames,) or (n_frames, n_channels) of
        float32 or int16, and the mono signal made of it, (n_frames,) of float32, both
        at the file's own rate.

    Attributes
    ----------
    name : str
        The path, or a name for audio in memory.
    decoder : str or None
        Name and version of what decoded them; None before the first block, as are
        `n_channels` of the file and `sample_rate` of the blocks.
    incomplete : str or None
        What is missing of what the header promises; known after the last block.
    n_samples : int
        Length of the blocks so far.
    """

    def __init__(
        self, audio, *, sample_rate=None, n_samples=None, channel="mean", observe=None
    ):
        self.decoder = self.n_channels = self.sample_rate = self.incomplete = None
        self.n_samples = 0
        self._audio = make_source(audio)
        self.name = name_source(self._audio)
        self._channel, self._observe = channel, observe
        self._blocks = self._decode(sample_rate, n_samples)

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self._blocks)
        self.n_samples += len(block)
        return block

    def read(self):
        """Return what is left of the signal, as one array."""
        blocks = list(self)
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _decode(self, sample_rate, n_samples):
        version = find_version(self._audio)
        with open_audio(self._audio) as (reader, inspection):
            file_rate = reader.sample_rate
            sample_rate = file_rate if sample_rate is None else sample_rate
            self.decoder, self.n_channels = reader.decoder, reader.n_channels
            self.sample_rate = sample_rate
            # Frames of the file that the samples cover, and those to read; None for
            # all.
            n_kept = n_read = None
            if n_samples is not None:
                n_kept = n_read = -(-n_samples * file_rate // sample_rate)
                if file_rate != sample_rate:
                    decimation = max(1, file_rate / sample_rate)
                    n_read += math.ceil(RESAMPLING_MARGIN_FRAMES * decimation)
            n_block_frames = max(1, MAX_BLOCK_SAMPLES // reader.n_channels)
            blocks = reader.read_blocks(n_read, n_block_frames=n_block_frames)
            blocks = self._check_unchanged(blocks, version)
            blocks = self._mix_to_mono(blocks, n_kept=n_kept, file_rate=file_rate)
            if file_rate != sample_rate:
                blocks = resample(blocks, old_rate=file_rate, new_rate=sample_rate)
            yield from _take_samples(blocks, n_samples)
            self.incomplete = inspection.incomplete or reader.incomplete

    def _check_unchanged(self, blocks, version):
        """Yield the blocks; refuse a file that has changed by the end of the last."""
        yield from blocks
        if find_version(self._audio) != version:
            raise AudioDecodeError([(self.name, CHANGED)])

    def _mix_to_mono(self, blocks, *, n_kept, file_rate):
        """Yield mono blocks; refuse values that are not finite, and silence."""
        number = self._find_channel()
        n_frames, is_silent, has_sound = 0, True, False
        for block in blocks:
            if number is None:
                mono = _average_channels(block)
            elif block.ndim == 1 or number < block.shape[1]:
                mono = _pick(block, number)
            else:  # of a recording that is joined behind another
                reason = (
                    f"has {counted(block.shape[1], 'channel')} after "
                    f"{n_frames / file_rate:.2f} s, expected at least {number + 1} "
                    f"for channel={self._channel!r}"
                )
                raise AudioDecodeError([(self.name, reason)])
            # 16-bit samples need no check. Extremes are NaN where any value is: two
            # passes, and no temporary array.
            if block.dtype != np.int16 and not max(-mono.min(), mono.max()) <= MAX_PEAK:
                first = np.flatnonzero(~(np.abs(mono) <= MAX_PEAK))[0]
                n_all = n_frames + len(mono) + sum(map(len, blocks))
                found = f"frame {n_frames + first} of {n_all} is {mono[first]}"
                reason = f"{found}, expected finite values within ±{MAX_PEAK:g}"
                raise AudioDecodeError([(self.name, reason)])
            if is_silent:
                # The margin does not count: it may hold the first sound after a silent
                # beginning.
                n_left = len(mono) if n_kept is None else max(0, n_kept - n_frames)
                # Mostly the first samples tell; all of them take a tenth of decoding.
                is_silent = not (mono[:n_left][:4096].any() or mono[:n_left].any())
                has_sound = has_sound or bool(is_silent and block[:n_left].any())
            n_frames += len(mono)
            if self._observe is not None:
                self._observe(block, mono)
            yield mono
        if n_frames == 0:
            reason = f"holds no samples (0 at {file_rate} Hz), expected at least one"
            raise AudioDecodeError([(self.name, reason)])
        if is_silent:
            n_silent = n_frames if n_kept is None else min(n_kept, n_frames)
            frames = counted(n_silent, "frame")
            reason = f"{SILENT} (peak 0.0) in {frames}, expected sound"
            if has_sound and number is None:
                reason = (
                    f"{CANCELLING} (opposite phase) when they are averaged, expected "
                    "sound: take one of them, with channel='left'"
                )
            elif has_sound:
                reason += f": channel={self._channel!r} has none, but others have"
            raise AudioDecodeError([(self.name, reason)])

    def _find_channel(self):
        """Return the number of the channel to take; None for the mean of all."""
        if self._channel == "mean":
            return None
        number = {"left": 0, "right": 1}.get(self._channel, self._channel)
        if self.n_channels == 1 and self._channel == "right":
            number = 0
        if number >= self.n_channels:
            reason = (
                f"has {counted(self.n_channels, 'channel')}, expected at least "
                f"{number + 1} for channel={self._channel!r}"
            )
            raise AudioDecodeError([(self.name, reason)])
        return number


def check_channel(channel):
    """Refuse all but "mean", "left", "right" and numbers of channels."""
    message = (
        "channel must be 'mean', 'left', 'right' or the number of a channel, counted "
        f"from 0, got {channel!r}."
    )
    if isinstance(channel, bool) or not isinstance(channel, (str, Integral)):
        raise TypeError(message)
    is_name = isinstance(channel, str)
    if (is_name and channel not in CHANNEL_NAMES) or (not is_name and channel < 0):
        raise ValueError(message)


def _pick(block, number):
    channel = block if block.ndim == 1 else block[:, number]
    # A copy: a view would keep the other channels in memory.
    return np.multiply(channel, _find_scale(block), dtype=np.float32)


def _average_channels(block):
    scale = _find_scale(block)
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


def _find_scale(block):
    return np.float32(2.0**-15 if block.dtype == np.int16 else 1.0)


def _take_samples(blocks, n_samples):
    """Yield the first samples (None: all); read the blocks beyond them, too."""
    for block in blocks:
        taken = block[:n_samples]
        if n_samples is not None:
            n_samples -= len(taken)
        if len(taken):
            yield taken

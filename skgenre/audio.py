"""The only decoder of files: one audio file in, one mono signal out, or a reason."""

import math
import os
import stat

import numpy as np
import soundfile
import soxr

from skgenre._validation import check_number, check_positive_integer

# What folders are searched for. The content of a file decides how it is read, not its
# name, and libsndfile reads more than these.
AUDIO_EXTENSIONS = (
    *(".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg"),
    *(".opus", ".rf64", ".snd", ".w64", ".wav"),
)

FORMATS = "WAV, AU, FLAC, OGG, MP3, AIFF, CAF, W64 or RF64"

# What a file of sound may say in its header, in hertz. A damaged one may say 1 Hz: half
# a minute of samples then makes eight hours at 22,050 Hz, which no memory holds.
LOWEST_FILE_RATE = 1_000
HIGHEST_FILE_RATE = 10_000_000

# Keeps duration * sample_rate far from overflow; 30 years.
MAX_DURATION_SECONDS = 1e9

# A header can promise any length: what is allocated ahead of the data has a bound. One
# track of up to 12 minutes at 22,050 Hz is still one block, read without a copy.
MAX_BLOCK_SAMPLES = 2**24

# soxr filters in blocks of fixed size, so from some distance on the first samples of a
# resampled signal no longer depend on what follows. Measured over 700 pairs of rates
# from 2 to 200 kHz: bit for bit from 1,400 frames beyond the last one needed, times the
# factor of decimation. This is nearly three times as much.
RESAMPLING_MARGIN_FRAMES = 4096

# Beyond this a file is damaged: int32 samples stored as floats reach 2e9, while a power
# spectrum in float32 overflows from about 1e16.
MAX_PEAK = 1e12

MAX_LISTED_FAILURES = 20

FILE_KINDS = {
    stat.S_IFDIR: "directory",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}

# What libsndfile's own words do not tell, by its error number.
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

    def __init__(self, failures):
        failures = [(os.fsdecode(path), str(reason)) for path, reason in failures]
        self.paths = [path for path, _ in failures]
        self.reasons = [reason for _, reason in failures]
        # The arguments of an exception are what pickle and deepcopy rebuild it from.
        super().__init__(failures)

    def __str__(self):
        lines = [
            f"{_printable(path)}: {_printable(reason)}"
            for path, reason in zip(self.paths, self.reasons, strict=True)
        ]
        if len(lines) == 1:
            return lines[0]
        n_hidden = len(lines) - MAX_LISTED_FAILURES
        if n_hidden > 0:
            lines[MAX_LISTED_FAILURES:] = [f"... and {n_hidden} more (see .paths)"]
        return "\n".join([f"{len(self.paths)} files cannot be analysed:", *lines])


def load_audio(path, *, sample_rate=22050, duration=None):
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
        If the file is missing, unreadable, not audio, without samples, changed while it
        was read, digitally silent or not finite. It is an OSError and a ValueError.
    TypeError, ValueError
        If `path`, `sample_rate` or `duration` is no such thing or out of range.

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
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a str or os.PathLike, got {path!r}.")
    path = os.fsdecode(path)
    check_positive_integer(sample_rate, name="sample_rate")
    sample_rate = int(sample_rate)
    n_samples = _count_samples(duration, sample_rate)

    version = _check_regular_file(path)
    signal, file_rate = _decode(path, sample_rate=sample_rate, n_samples=n_samples)
    version_after = _check_regular_file(path)
    if version_after != version:
        reason = f"changed while it was read, from {version} to {version_after}"
        raise AudioDecodeError([(path, reason)])
    _check_sound(path, signal, _count_frames(n_samples, sample_rate, file_rate))
    if file_rate != sample_rate:
        signal = _resample(signal, file_rate=file_rate, sample_rate=sample_rate)
    return signal[:n_samples]


def _count_samples(duration, sample_rate):
    if duration is None:
        return None
    shortest = 0.5 / sample_rate  # seconds: rounds to no sample
    check_number(
        duration,
        name="duration",
        low=shortest,
        low_open=True,
        high=MAX_DURATION_SECONDS,
    )
    return round(float(duration) * sample_rate)


def _count_frames(n_samples, sample_rate, file_rate):
    """Frames of the file that the samples cover; None for all."""
    return None if n_samples is None else -(-n_samples * file_rate // sample_rate)


def _check_regular_file(path):
    """Return the version of a file; a pipe is refused, since opening it would hang."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioDecodeError([(path, f"{reason}, expected an audio file")]) from error
    if not stat.S_ISREG(status.st_mode):
        kind = FILE_KINDS.get(stat.S_IFMT(status.st_mode), "special file")
        raise AudioDecodeError([(path, f"is a {kind}, expected an audio file")])
    if status.st_size == 0:
        raise AudioDecodeError([(path, "is empty (0 bytes), expected an audio file")])
    return f"{status.st_size} bytes of {status.st_mtime_ns} ns"


class _SequentialReader(soundfile.SoundFile):
    # soundfile seeks after each read. Nothing is rewound here, and at the end of a FLAC
    # stream of unknown length that seek fails, although all samples were read.
    def seekable(self):
        return False


def _decode(path, *, sample_rate, n_samples):
    """Return the mono signal at the rate of the file, and that rate in hertz."""
    try:
        with _SequentialReader(_open(path)) as reader:
            file_rate = reader.samplerate
            _check_file_rate(path, file_rate)
            n_frames = _count_frames(n_samples, sample_rate, file_rate)
            if n_frames is not None and file_rate != sample_rate:
                decimation = max(1, file_rate / sample_rate)
                n_frames += math.ceil(RESAMPLING_MARGIN_FRAMES * decimation)
            signal = _read_mono(reader, n_frames)
    except soundfile.LibsndfileError as error:
        found = PLAIN_WORDS.get(error.code, error.error_string.rstrip("."))
        reason = f"{found}, expected intact {FORMATS} audio"
        raise AudioDecodeError([(path, reason)]) from error
    except AudioDecodeError:  # an OSError, too
        raise
    except OSError as error:
        reason = f"{error.strerror or error}, expected a readable file"
        raise AudioDecodeError([(path, reason)]) from error
    if len(signal) == 0:
        reason = f"holds no samples (0 at {file_rate} Hz), expected at least one"
        raise AudioDecodeError([(path, reason)])
    return signal, file_rate


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


def _read_mono(reader, n_frames):
    """Read up to n_frames (None: all): what is there counts, not what is promised."""
    n_left = reader.frames if n_frames is None else min(n_frames, reader.frames)
    n_block_frames = max(1, MAX_BLOCK_SAMPLES // reader.channels)
    # Turned into floats here rather than in libsndfile, 16-bit samples cost a third.
    dtype = "int16" if reader.subtype == "PCM_16" else "float32"
    blocks = []
    while True:
        n_wanted = min(n_left, n_block_frames)
        block = reader.read(n_wanted, dtype=dtype)
        blocks.append(_mix_to_mono(block))
        n_left -= len(block)
        if n_left == 0 or len(block) < n_wanted:
            return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _mix_to_mono(block):
    """Float samples (n_frames,) from floats or 16-bit integers of any channel count."""
    scale = np.float32(2.0**-15 if block.dtype == np.int16 else 1.0)
    if block.ndim == 1:
        return block if scale == 1 else np.multiply(block, scale, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # _check_sound names the file
        if block.shape[1] != 2:
            return np.mean(np.multiply(block, scale, dtype=np.float32).T, axis=0)
        # The same bits as np.mean, whose short rows cost twenty times as much: powers
        # of two scale without rounding, and so does the sum of two 16-bit integers.
        mono = np.add(block[:, 0], block[:, 1], dtype=np.float32)
        mono *= np.float32(0.5) * scale
        return mono


def _check_sound(path, signal, n_kept):
    """Refuse values that are not finite, and silence in the frames that are kept."""
    # Extremes are NaN where any value is: two passes, and no temporary array.
    peak = max(-signal.min(), signal.max())
    if not peak <= MAX_PEAK:
        first = np.flatnonzero(~(np.abs(signal) <= MAX_PEAK))[0]
        found = f"frame {first} of {len(signal)} is {signal[first]}"
        reason = f"{found}, expected finite values within ±{MAX_PEAK:g}"
        raise AudioDecodeError([(path, reason)])
    # The margin may hold the first sound after a silent beginning: it has no say here.
    kept = signal[:n_kept]
    if peak == 0 or (len(kept) < len(signal) and not kept.any()):
        reason = f"holds only silence (peak 0.0) in {len(kept)} frames, expected sound"
        raise AudioDecodeError([(path, reason)])


def _resample(signal, *, file_rate, sample_rate):
    """Resample to exactly ceil(n_samples * ratio) samples, as librosa does."""
    n_samples = math.ceil(len(signal) * (sample_rate / file_rate))
    resampled = soxr.resample(signal, file_rate, sample_rate, quality="HQ")
    n_missing = n_samples - len(resampled)
    return np.pad(resampled, (0, n_missing)) if n_missing > 0 else resampled[:n_samples]


def _printable(text):
    # A name that is not UTF-8 breaks print(), a line feed breaks the list of files.
    return text if text.isprintable() else repr(text)[1:-1]

"""Where audio comes from: paths, open files, and samples in memory.

A path is a str. Each other source has a `name`, for messages, and, once `hold_source`
has read open files, a `digest`.
"""

import hashlib
import inspect
import io
import os
import stat
import threading
from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np

from skgenre._io import describe_os_error, name_kind, open_regular
from skgenre._validation import is_missing
from skgenre.audio.errors import AudioDecodeError

# Wider integers have no full scale: numpy makes them of any list of integers.
INTEGER_SAMPLES = ("int8", "uint8", "int16", "int32")

# No system has longer paths: such bytes are the content of a file.
MAX_PATH_BYTES = 4096

ACCEPTED = (
    "the path of an audio file, a binary file that can be sought, or a pair (signal, "
    "sample_rate)"
)

# An open file has one position, and several threads may want to read it.
_reading = threading.Lock()


@dataclass(frozen=True, eq=False)
class NoAudio:
    """What stands where audio should be, and why it is none."""

    name: str
    reason: str

    @property
    def digest(self):
        raise AudioDecodeError([(self.name, self.reason)])


@dataclass(frozen=True, eq=False)
class AudioBytes:
    """The content of an audio file."""

    name: str
    content: bytes = field(repr=False)

    @cached_property
    def digest(self):
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, eq=False)
class AudioSamples:
    """Samples (n_samples,) or (n_samples, n_channels) at a rate in hertz."""

    name: str
    signal: np.ndarray = field(repr=False)
    sample_rate: float

    @cached_property
    def digest(self):
        form = (self.signal.dtype.str, self.signal.shape, self.sample_rate)
        digest = hashlib.sha256(repr(form).encode())
        digest.update(np.ascontiguousarray(self.signal).data)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class OpenFile:
    """A binary file of the user's, which is read whole when its turn comes."""

    name: str
    file: Any

    def __reduce__(self):
        # Another process has no such file.
        held = hold_source(self)
        return type(held), tuple(vars(held).values())


SOURCES = (NoAudio, AudioBytes, AudioSamples, OpenFile)


def list_sources(X):
    """Return the sources of the tracks that X holds, one per track.

    Audio in memory is named after its position, such as ``X[3]``. So is a missing path
    (None, NaN, pd.NA, an empty text), which is a fault of that track; what is neither
    path nor audio is a wrong argument.
    """
    if isinstance(X, (str, bytes, os.PathLike, *SOURCES)) or _is_file(X):
        raise TypeError(
            f"X must be a sequence of tracks, got the single {X!r:.200}: put it into a "
            "list."
        )
    if hasattr(X, "to_pylist"):  # of pyarrow, whose own to_numpy refuses texts
        X = (X.column(0) if getattr(X, "num_columns", 0) == 1 else X).to_pylist()
    elif hasattr(X, "to_numpy"):
        X = X.to_numpy()
    if not hasattr(X, "__len__") or isinstance(X, (Mapping, Set)):
        raise TypeError(f"X must be a sequence of tracks, got {X!r:.200}.")
    if len(X) == 2 and isinstance(X[0], np.ndarray) and isinstance(X[1], Real):
        raise TypeError(
            "X must be a sequence of tracks, got the single pair (signal, "
            "sample_rate): put it into a list."
        )
    if isinstance(X, np.ndarray):
        X = _list_rows(X)
    if len(X) == 0:
        raise ValueError("X must hold at least one track, got none.")
    sources = []
    for position, audio in enumerate(X):
        if isinstance(audio, (list, tuple)) and len(audio) == 1:
            audio = audio[0]
        name = f"X[{position}]"
        if is_missing(audio):
            found = "an empty path" if isinstance(audio, str) else repr(audio)
            sources.append(NoAudio(name, f"is {found}, expected an audio file"))
        else:
            sources.append(make_source(audio, name=name))
    return sources


def _list_rows(X):
    if X.ndim == 1 or (X.ndim == 2 and X.shape[1] == 1):
        return X.ravel().tolist()
    if X.ndim == 2 and X.shape[1] == 2 and X.dtype == object:
        rows = list(map(tuple, X))
        if not any(isinstance(row[0], (str, bytes, os.PathLike)) for row in rows):
            return rows
    raise ValueError(
        "X must hold one track per row, of shape (n_tracks,) or (n_tracks, 1), got "
        f"shape {X.shape}. A signal is a track as the pair (signal, sample_rate)."
    )


def make_source(audio, *, name=None):
    """Return the source of one track; TypeError for what is neither path nor audio.

    Without `name`, audio in memory has its file's own, if any.
    """
    if isinstance(audio, SOURCES):
        return audio
    if _is_file(audio):
        return _make_file_source(audio, name)
    label = name or "audio in memory"
    if isinstance(audio, bytes) and (b"\0" in audio or len(audio) > MAX_PATH_BYTES):
        reason = (
            f"is {len(audio)} bytes, expected a path: the content of a file is given "
            "as io.BytesIO(content)"
        )
        return NoAudio(label, reason)
    if isinstance(audio, (str, bytes, os.PathLike)):
        path = os.fsdecode(audio)
        if path.startswith("~") and not os.path.lexists(path):
            return os.path.expanduser(path)
        return path
    if isinstance(audio, (list, tuple)) and len(audio) == 2:
        signal, sample_rate = audio
        if not isinstance(signal, (str, bytes, os.PathLike)):
            pair = _check_pair(signal, sample_rate, name=name or "audio")
            return AudioSamples(label, *pair)
    raise TypeError(
        f"{name or 'audio'} must be {ACCEPTED}, got {audio!r:.200} of type "
        f"{type(audio).__name__}."
    )


def _is_file(audio):
    # Not hasattr: a frame may have a column of that name.
    return callable(getattr(audio, "read", None))


def _make_file_source(file, name):
    if inspect.iscoroutinefunction(file.read):
        raise TypeError(
            f"{name or 'audio'} must be {ACCEPTED}, got {type(file).__name__}, whose "
            "`read` is asynchronous: give the file inside it, such as upload.file."
        )
    if isinstance(file, io.TextIOBase) or not hasattr(file, "seek"):
        raise TypeError(
            f"{name or 'audio'} must be {ACCEPTED}, got {type(file).__name__}: open "
            "files as 'rb', and read streams into io.BytesIO."
        )
    own_name = getattr(file, "name", None)
    label = name or (own_name if isinstance(own_name, str) else "audio in memory")
    try:
        if isinstance(file, io.BytesIO):
            return AudioBytes(label, file.getvalue())  # shares its memory
        # A file that was opened by its path is that path: the store knows it, and it
        # is read in blocks.
        raw = file.raw if isinstance(file, io.BufferedReader) else file
        has_path = isinstance(raw, io.FileIO) and isinstance(own_name, (str, bytes))
        if has_path and os.path.samestat(os.fstat(file.fileno()), os.stat(own_name)):
            return os.fsdecode(own_name)
    except ValueError as error:
        return NoAudio(label, _refuse_file(error))
    except OSError:  # its path is another file by now, or none
        pass
    return OpenFile(label, file)


def _refuse_file(error):
    reason = describe_os_error(error).rstrip(".")
    return f"{reason}, expected an open file that can be sought"


def _check_pair(signal, sample_rate, *, name):
    if isinstance(signal, Real) and not isinstance(sample_rate, Real):
        raise TypeError(
            f"{name} must be a pair (signal, sample_rate), got (sample_rate, signal), "
            "as scipy.io.wavfile.read returns it: exchange the two."
        )
    if isinstance(sample_rate, (bool, np.bool_)) or not isinstance(sample_rate, Real):
        raise TypeError(
            f"{name} must be a pair (signal, sample_rate), got {sample_rate!r:.80} as "
            "its sample_rate, expected a number."
        )
    try:
        signal = np.asarray(signal)
    except ValueError as error:  # lists of various lengths
        raise TypeError(f"{name} must have an array as its signal: {error}") from error
    is_sound = signal.dtype.kind == "f" or signal.dtype.name in INTEGER_SAMPLES
    if not is_sound or signal.ndim not in (1, 2):
        raise TypeError(
            f"{name} must have a signal of floats, or of {', '.join(INTEGER_SAMPLES)}, "
            "of shape (n_samples,) or (n_samples, n_channels), got "
            f"{signal.dtype} of shape {signal.shape}."
        )
    with suppress(ValueError, OverflowError):  # not finite: refused with the samples
        if int(sample_rate) == sample_rate:
            sample_rate = int(sample_rate)
    return signal, sample_rate


def hold_source(source):
    """Return the content of an open file, and any other source as it is."""
    if not isinstance(source, OpenFile):
        return source
    name, file = source.name, source.file
    try:
        with _reading:
            position = file.tell()
            file.seek(0)
            content = file.read()
            file.seek(position)
    except (OSError, ValueError) as error:  # ValueError: it is closed
        return NoAudio(name, _refuse_file(error))
    if not isinstance(content, (bytes, bytearray, memoryview)):
        reason = f"gives {type(content).__name__}, expected bytes: open it as 'rb'"
        return NoAudio(name, reason)
    return AudioBytes(name, bytes(content))


def name_source(source):
    """Return the path of a file, or the name of audio in memory."""
    return source if isinstance(source, str) else source.name


def find_version(source):
    """Return what changes when a file does: size and modification time; None in memory.

    AudioDecodeError for what cannot be opened, and all but regular files.
    """
    if isinstance(source, NoAudio):
        raise AudioDecodeError([(source.name, source.reason)])
    if not isinstance(source, str):
        return None
    try:
        status = os.stat(source)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = f"{describe_os_error(error)}, expected an audio file"
        raise AudioDecodeError([(source, reason)]) from error
    # To open a named pipe would hang.
    if not stat.S_ISREG(status.st_mode):
        reason = f"is a {name_kind(status)}, expected an audio file"
        raise AudioDecodeError([(source, reason)])
    if status.st_size == 0:
        raise AudioDecodeError([(source, "is empty (0 bytes), expected an audio file")])
    return status.st_size, status.st_mtime_ns


def digest_source(source):
    """Return the SHA-256 of a file's content, or the digest of audio in memory.

    OSError for a file that cannot be read.
    """
    if not isinstance(source, str):
        return source.digest
    find_version(source)
    with open(source, "rb", buffering=0, opener=open_regular) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_source(source):
    """Return a binary file, at its beginning, which is the caller's to close."""
    if isinstance(source, str):
        return io.FileIO(open_regular(source))
    held = hold_source(source)
    if isinstance(held, NoAudio):
        raise AudioDecodeError([(held.name, held.reason)])
    if not held.content:
        reason = "is empty (0 bytes), expected an audio file"
        raise AudioDecodeError([(held.name, reason)])
    return io.BytesIO(held.content)

"""The error and the warning about files that cannot be analysed, or not completely."""

import os
from collections.abc import Iterable

from skgenre._io import printable

MAX_LISTED_FAILURES = 20


class DecoderError(Exception):
    """The reason why a decoder cannot read a file; `open_audio` adds the name."""


class _NamedFiles(Exception):  # noqa: N818
    """The part of exceptions that lists files, with a text on each of them."""

    _WHAT = ""

    def __init__(self, files: Iterable[tuple[str, str]]) -> None:
        files = [(os.fsdecode(path), str(reason)) for path, reason in files]
        self.paths = [path for path, _ in files]
        self.reasons = [reason for _, reason in files]
        # The arguments of an exception are what pickle and deepcopy rebuild it from.
        super().__init__(files)

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
        return "\n".join([f"{len(self.paths)} files {self._WHAT}:", *lines])


class AudioDecodeError(_NamedFiles, OSError, ValueError):
    """Audio files that cannot be analysed, with a reason for each.

    Parameters
    ----------
    files : iterable of (path, reason)
        What failed: the path of each file and why.

    Attributes
    ----------
    paths : list of str
        The files, in the order given.
    reasons : list of str
        For each file what was found and what was expected.

    Examples
    --------
    >>> from skgenre import AudioDecodeError
    >>> print(AudioDecodeError([("a.wav", "is empty"), ("b.wav", "is a directory")]))
    2 files cannot be analysed:
    a.wav: is empty
    b.wav: is a directory
    """

    _WHAT = "cannot be analysed"


class IncompleteAudioWarning(_NamedFiles, UserWarning):
    """Audio files of which only a part is there, with what is missing of each.

    What is there was read. Such a file is a download that broke off, or its header
    promises too much.

    Parameters
    ----------
    files : iterable of (path, reason)
        The path of each file and what is missing.

    Attributes
    ----------
    paths : list of str
        The files, in the order given.
    reasons : list of str
        What is missing of each file.

    Examples
    --------
    >>> from skgenre import IncompleteAudioWarning
    >>> print(IncompleteAudioWarning([("a.mp3", "ends after 41.20 of 240.00 s")]))
    a.mp3: ends after 41.20 of 240.00 s
    """

    _WHAT = "are incomplete"

"""What is said of files that cannot be analysed, or not whole."""

import os
from collections.abc import Iterable

from skgenre._io import printable

MAX_LISTED_FAILURES = 20


class IncompleteAudioWarning(UserWarning):
    """Of some files only a part is there: what is there was read.

    Such files are broken downloads, or their headers are wrong. The warning says how
    much the header promises.
    """


class DecoderError(Exception):
    """The reason why a decoder cannot read a file; `open_audio` adds the name."""


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

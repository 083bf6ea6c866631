"""Answers on standard output, messages and progress on standard error."""

import io
import logging
import os
import shutil
import sys
import textwrap
import warnings
from contextlib import contextmanager, nullcontext, suppress

from skgenre._io import format_json, printable
from skgenre._tables import count_columns, shorten_name

# Of names in tables, where some are longer: on a terminal, and elsewhere.
MIN_NAME_WIDTH = 10
_MIN_WHOLE_NAME_WIDTH = 40

_LOGGER = logging.getLogger("skgenre")


def say(text, *, end="\n"):
    """Print and flush lines of an answer.

    Raises
    ------
    BrokenPipeError
        The reader has gone.
    OSError
        They cannot be written; it names the standard output.
    """
    stream = sys.stdout
    if stream is None:  # as in a program of Windows without a console
        return
    # A terminal that cannot show a character gets its escape, not an error.
    encoding = stream.encoding or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    with _without_progress(stream), _output_errors():
        stream.write(text + end)
        stream.flush()


class JSONArray:
    """A JSON array on standard output, an item a line, printed when it is known."""

    _separator = "[\n"

    def add(self, content):
        """Print an item."""
        # All lines but the last item's end in a comma: print it before the next one.
        say(f"{self._separator}{format_json(content)}", end="")
        self._separator = ",\n"

    def end(self):
        """Close the array."""
        say("\n]")


class NameColumn:
    """The first column of a table that grows line by line: names of files.

    A line fits a terminal, long names being shortened. Elsewhere they are whole, since
    a program may read them; a very long one breaks the alignment of its own line only.

    Parameters
    ----------
    files : list of str
        All files that get a line.
    beside : int
        Characters of the columns beside it, their gaps included.
    """

    def __init__(self, files, *, beside):
        self._is_terminal = is_output_terminal()
        least = MIN_NAME_WIDTH if self._is_terminal else _MIN_WHOLE_NAME_WIDTH
        widths = [count_columns(printable(file)) for file in files]
        self._width = max(4, min(max(widths), max(least, get_width() - beside)))

    def format(self, name):
        """Return the text of the column in a line."""
        return fit_name(name, self._width)

    def format_failure(self, name, reason):
        """Return the line of a file without an answer; on a terminal, maybe several."""
        head, text = self.format(name) + "  ", f"error: {printable(reason)}"
        if self._is_terminal:
            indent = " " * (self._width + 2)
            lines = textwrap.wrap(text, max(20, get_width() - len(indent)))
            text = f"\n{indent}".join(lines)
        return head + text


def fit_name(name, n_columns):
    """Return a name padded with spaces; on a terminal, a longer one is shortened."""
    name = printable(name)
    if is_output_terminal():
        name = shorten_name(name, n_columns)
    return name + " " * (n_columns - count_columns(name))


def get_width():
    """Return how many characters a line may have: a terminal's, or else 80."""
    return max(20, shutil.get_terminal_size().columns)


def flush_output():
    """Flush what libraries have printed; errors are those of `say`."""
    if sys.stdout is not None:
        with _output_errors():
            sys.stdout.flush()


def drop_unwritten_output():
    """Drop unwritten output, of which Python would complain at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "w") as devnull:
            os.dup2(devnull.fileno(), sys.stdout.fileno())


@contextmanager
def _output_errors():
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def complain(text, *, who="skgenre"):
    """Print one line on standard error, whatever the text holds."""
    _log(f"{who}: {one_line(text)}")


def _log(line):
    # A closed standard error is no reason to stop.
    with suppress(OSError), _without_progress(sys.stderr):
        print(line, file=sys.stderr, flush=True)


def is_output_terminal():
    """Return whether answers go to a screen."""
    return _is_terminal(sys.stdout)


def _is_terminal(stream):
    return stream is not None and stream.isatty()


def one_line(text):
    """Return a text on one line, without what a terminal could not show."""
    text = text.strip().replace(":\n", ": ").replace("\n", "; ")
    return printable(text)


def describe_error(error):
    """Return the text of an error and its notes; of an unexpected one, its type too."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{os.fsdecode(error.filename)}: {error.strerror}"
    elif isinstance(error, (ValueError, TypeError, OSError)):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}"
    return text + "".join(f" ({note})" for note in getattr(error, "__notes__", ()))


def show_progress(iterable, *, total, desc):
    """Yield the items; on a terminal, show a bar until the last one is done."""
    if not _is_terminal(sys.stderr):
        return iterable
    from tqdm import tqdm

    class Bar(tqdm):
        monitor_interval = 0  # else a thread stays behind

        @property
        def format_dict(self):
            # tqdm's own estimate is wrong where the longest come first.
            left = getattr(iterable, "seconds_left", None)
            if left is None:
                return super().format_dict
            return {
                **super().format_dict,
                "bar_format": "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{to_go}]",
                "to_go": self.format_interval(left),
            }

    return Bar(
        iterable, total=total, desc=desc, file=sys.stderr, leave=False, miniters=1
    )


def _without_progress(stream):
    # Only where a bar was ever shown: tqdm takes a while to import.
    if "tqdm" not in sys.modules:
        return nullcontext()
    return sys.modules["tqdm"].tqdm.external_write_mode(stream)


@contextmanager
def messages_shown():
    """Show warnings and the package's log, each as a line on standard error."""
    handler, level = _Handler(), _LOGGER.level
    tensorflow, showwarning = logging.getLogger("tensorflow"), warnings.showwarning
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    tensorflow.addFilter(_is_error)
    # Entering this makes Python show again the warnings that another command in this
    # process has shown. Filters are not restored: libraries add theirs on import, once.
    with warnings.catch_warnings():
        pass
    warnings.showwarning = _show_warning
    try:
        yield
    finally:
        warnings.showwarning = showwarning
        tensorflow.removeFilter(_is_error)
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)


def _is_error(record):
    # TensorFlow's notices of retracing tell a user of the command line nothing.
    return record.levelno >= logging.ERROR


class _Handler(logging.Handler):
    def emit(self, record):
        _log(self.format(record))


def _show_warning(message, *_):
    # Of an IncompleteAudioWarning, a line per file. Its import takes a while.
    if hasattr(message, "reasons"):
        for found in zip(message.paths, message.reasons, strict=True):
            complain(f"warning: {type(message)([found])}")
    else:
        complain(f"warning: {message}")


def open_closed_streams():
    """Open the null device in place of closed standard streams.

    Otherwise the next file that is opened, such as a model, gets the number of a
    standard stream, and all that is printed goes into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is taken, which is this one.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


@contextmanager
def native_messages_hidden(*, unless):
    """Hide what libraries of C++ and worker processes write to file descriptor 2.

    TensorFlow does so before it has read any setting, and again in each worker;
    `_c_streams`, which a library can afford, hides only known messages, and only where
    the C library is glibc. Python keeps a descriptor of its own for standard error
    meanwhile.
    """
    stderr = sys.stderr
    if unless or not _is_real_stderr(stderr):
        yield
        return
    kept = os.dup(2)
    # Nothing may wait in a buffer: on a full disk, closing it would be an error.
    with io.TextIOWrapper(
        open(kept, "wb", buffering=0),
        encoding=stderr.encoding,
        errors="backslashreplace",
        write_through=True,
    ) as own:
        with open(os.devnull, "w") as devnull:
            os.dup2(devnull.fileno(), 2)
        sys.stderr = own
        try:
            yield
        finally:
            sys.stderr = stderr
            os.dup2(kept, 2)


def _is_real_stderr(stream):
    # Not where it is captured, as by a notebook or a test.
    try:
        return stream.fileno() == 2
    except (OSError, AttributeError):
        return False

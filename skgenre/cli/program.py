# PYTHON_ARGCOMPLETE_OK: argcomplete looks for this word before it runs a program.
"""The command line, from its words to an exit code."""

import os
import shlex
import signal
import sys
import threading
from contextlib import contextmanager

from skgenre.cli.arguments import Parser, VersionAction, propose
from skgenre.cli.audit import add_command as add_audit
from skgenre.cli.benchmark import add_command as add_benchmark
from skgenre.cli.extract import add_command as add_extract
from skgenre.cli.info import add_command as add_info
from skgenre.cli.predict import add_command as add_predict
from skgenre.cli.screen import (
    complain,
    describe_error,
    drop_unwritten_output,
    flush_output,
    messages_shown,
    native_messages_hidden,
    open_closed_streams,
)
from skgenre.cli.tag import add_command as add_tag
from skgenre.cli.train import add_command as add_train

EXIT_FAILED = 1
EXIT_USAGE = 2  # as argparse has it
EXIT_INTERRUPTED = 130
# What a shell reports of a program that ends by SIGPIPE.
EXIT_OUTPUT_CLOSED = 141

_TEXT = """\
Music genre classification from audio files: train a model, predict genres, compare
models, look for faults in a collection.

examples:
  skgenre audit genres
  skgenre benchmark genres --output report
  skgenre train genres --model cnn --set epochs=30 -o model.skops
  skgenre train --tags music -o model.skops
  skgenre predict model.skops new/*.mp3
  skgenre tag new/*.mp3
  skgenre info model.skops

"genres" is a folder with one sub-folder of audio files per genre, as in
genres/blues/track.wav, or a CSV file with the columns path, genre and, if
known, artist. "music" is any folder of files whose tags name genre and artist,
as players show them. m4a, WMA, WebM and some other formats need: pip install
'skgenre[ffmpeg]'. Each command has its own --help.

exit codes: 0 done, 1 the work failed or not all of it could be done, 2 the
command is wrong, 130 interrupted by Ctrl-C
"""


def run():
    """Run the command line of this process; what is set here stays set to its end.

    Returns
    -------
    exit_code : int
        As `main` returns it.
    """
    if "_ARGCOMPLETE" in os.environ:
        return _complete()
    arguments = sys.argv[1:]
    open_closed_streams()
    # TensorFlow reads it once, when it is imported; its start-up notices are no errors.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Figures go to files only.
    os.environ["MPLBACKEND"] = "agg"
    # A model that may use code of the user's own may need plots and tables.
    if arguments[:1] == ["predict"] and not any(
        word.startswith("--trusted") for word in arguments
    ):
        sys.meta_path.insert(0, _ImportRefusal())
    try:
        with native_messages_hidden(unless="--debug" in arguments):
            return main(arguments)
    finally:
        drop_unwritten_output()


def _complete():
    """Answer a shell that asks what may stand at its cursor, and end the process."""
    try:
        import argcomplete
    except ImportError:
        # The shell has it from elsewhere. Nothing may be run in its place.
        return EXIT_FAILED
    argcomplete.autocomplete(
        make_parser()[0],
        always_complete_options=False,
        default_completer=argcomplete.SuppressCompleter(),
    )


class _ImportRefusal:
    """A finder that reports libraries of plots and tables as not installed.

    Keras and scikit-learn import them where they are installed, and do without where
    they are not: a second of CPU time, a fifth of what it takes to import TensorFlow.
    """

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("matplotlib", "pandas"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main(arguments=None):
    """Run a command in this process, and leave the process as it was.

    Parameters
    ----------
    arguments : list of str or None, default=None
        Words of the command line; None takes the process's own.

    Returns
    -------
    exit_code : int
        0: done; 1: the work failed, or not all of it could be done; 2: the command is
        wrong (raised as SystemExit); 130: interrupted; 141: the reader of standard
        output has gone.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    with messages_shown(), _interruptible() as interruption:
        try:
            options = _parse(arguments)
            options.command = shlex.join(["skgenre", *arguments])
            exit_code = options.run(options) or 0
            # What libraries have printed, too: an error of it is reported like others.
            flush_output()
            return exit_code
        except BrokenPipeError:
            # The reader has gone, as after `| head -1`: no reason to complain.
            return EXIT_OUTPUT_CLOSED
        # At this outermost door every error becomes one line.
        except (KeyboardInterrupt, Exception) as error:
            # In the middle of an import, Ctrl-C may come out as some other error.
            if interruption.is_set() or isinstance(error, KeyboardInterrupt):
                complain("interrupted")
                return EXIT_INTERRUPTED
            if "--debug" in arguments:
                raise
            complain(f"error: {describe_error(error)}")
            return EXIT_FAILED


def _parse(arguments):
    """Return the options of a command, or exit: with help, the version or an error."""
    parser, commands = make_parser()
    if not arguments:
        parser.exit(EXIT_USAGE, parser.format_help())
    first, *others = arguments
    if first == "help" and others:
        first, others = others[0], ["--help"]
    if first in commands:
        return commands[first].parse(others)
    if first in ("help", "version"):
        first = f"--{first}"
    if first.startswith("-"):
        # Help and the version exit here.
        parser.parse_known_args([first])
        parser.error(f"{first!r} stands before the command, expected it behind")
    parser.error(f"no command {first!r}{propose(first, commands)}")


def make_parser():
    """Return the parser of the command line, and those of the commands by name."""
    parser = Parser(prog="skgenre", text=_TEXT)
    parser.add_argument(
        *("-V", "--version"),
        nargs=0,
        action=VersionAction,
        help="show the version, and exit",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_extract(commands)
    add_train(commands)
    add_predict(commands)
    add_info(commands)
    add_benchmark(commands)
    add_audit(commands)
    add_tag(commands)
    return parser, commands.choices


@contextmanager
def _interruptible():
    """Give an event that Ctrl-C sets; KeyboardInterrupt is raised as well."""
    interruption = threading.Event()

    def interrupt(*_):
        interruption.set()
        raise KeyboardInterrupt

    if (
        threading.current_thread() is not threading.main_thread()
        # Ignored, as by nohup and in the background of a script: so it stays.
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield interruption
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

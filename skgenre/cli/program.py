"""From the words of a command to its exit code, whatever goes wrong between."""

import shlex
import signal
import sys
import threading
from contextlib import contextmanager

from skgenre.cli.arguments import Parser, VersionAction
from skgenre.cli.audit import add_command as add_audit
from skgenre.cli.benchmark import add_command as add_benchmark
from skgenre.cli.extract import add_command as add_extract
from skgenre.cli.info import add_command as add_info
from skgenre.cli.predict import add_command as add_predict
from skgenre.cli.screen import (
    complain,
    describe_error,
    flush_output,
    messages_shown,
)
from skgenre.cli.train import add_command as add_train

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
# What a shell reports of a program that ends by SIGPIPE.
EXIT_OUTPUT_CLOSED = 141

_COMMANDS = (add_extract, add_train, add_predict, add_info, add_benchmark, add_audit)
_EXAMPLES = """\
examples:
  skgenre audit genres
  skgenre benchmark --data genres --protocols track --output report
  skgenre train genres --model cnn --set epochs=30 -o model.skops
  skgenre predict model.skops new/*.mp3
  skgenre info model.skops

"genres" is a folder with one sub-folder of audio files (wav, au, flac, ogg, mp3) per
genre: genres/blues/track.wav. Each command has its own --help.

exit codes: 0 done, 1 the work failed or not all of it could be done, 2 the command is
wrong, 130 interrupted by Ctrl-C
"""


def main(arguments=None):
    """Run a command in this process, and leave the process as it was.

    What only a process of its own may do, `skgenre.cli.process.run` does.

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
            return _run(arguments)
        except BrokenPipeError:
            # Nobody reads any more, as after `| head -1`: no reason to complain.
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


def _run(arguments):
    try:
        options = _make_parser().parse_args(arguments)
        options.command = shlex.join(["skgenre", *arguments])
        return options.run(options) or 0
    finally:
        # Of what libraries have printed, too; an error here is still ours.
        flush_output()


def _make_parser():
    parser = Parser(
        prog="skgenre",
        description="Music genre classification from audio files: train a model, "
        "predict genres, compare models, look for faults in a collection.",
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "--version", action=VersionAction, help="show the version, and exit"
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )
    for add_command in _COMMANDS:
        add_command(commands)
    return parser


@contextmanager
def _interruptible():
    """An event that is set once Ctrl-C is pressed, which also raises as ever."""
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

"""Words of the command line: the parser, and the types that several commands share."""

import argparse
import textwrap

from skgenre.cli.screen import complain, say

# Names, not the registry itself: its import would make --help wait for scikit-learn.
MODEL_NAMES = ("mlp", "mlp-regularized", "cnn", "lstm", "covariance")
MODEL_NAMES += ("logistic", "logistic-segments", "lda", "svm", "forest", "knn", "dummy")

_WIDTH = 79


class Parser(argparse.ArgumentParser):
    """A parser whose help keeps the lines of its epilog, and whose errors are one line.

    Parameters
    ----------
    description : str
        What the command does; is wrapped.
    epilog : str
        Shown as it is: examples.
    **arguments : dict
        As `argparse.ArgumentParser` takes them.
    """

    def __init__(self, *, description, epilog, **arguments):
        super().__init__(
            description=textwrap.fill(description, _WIDTH),
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            # Else an option added later could change what a shortened one means.
            allow_abbrev=False,
            **arguments,
        )

    def print_help(self, file=None):
        """Print the help; where argparse would hide that it cannot, an error."""
        say(self.format_help().rstrip("\n"))

    def error(self, message):
        """End with exit code 2 and one line, where argparse would print its usage."""
        complain(f"error: {message} (see {self.prog} --help)", who=self.prog)
        self.exit(2)


class VersionAction(argparse.Action):
    """Show the version of skgenre, and exit."""

    def __init__(self, option_strings, dest, help=None):
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser, *_):
        from skgenre import __version__

        say(f"skgenre {__version__}")
        parser.exit()


def add_command_parser(commands, name, run, *, help, description, examples):
    """Add the parser of one command.

    `run` takes the options and returns an exit code or None.
    """
    parser = commands.add_parser(
        name, help=help, description=description, epilog=f"examples:\n{examples}"
    )
    parser.set_defaults(run=run, usage_error=parser.error)
    return parser


def add_folders(parser):
    """Where the tracks are, for commands that need labelled ones."""
    parser.add_argument(
        "folders",
        nargs="+",
        metavar="DIR",
        help="folders of genre folders (DIR/blues/track.wav)",
    )
    parser.add_argument(
        "--gtzan",
        action="store_true",
        help="the tracks are GTZAN's, whose artists and faults are known",
    )


def add_analysis(parser, *, jobs="files analysed at the same time, in threads"):
    """How the files are analysed, but for what changes the features."""
    add = parser.add_argument
    add("--cache-dir", metavar="DIR", help="keep the features of each file here")
    add_jobs(parser, jobs)
    add(
        "--strict",
        action="store_true",
        help="stop at files that cannot be analysed, instead of leaving them out",
    )


def add_jobs(parser, what):
    """How much is done at the same time."""
    parser.add_argument(
        "--jobs",
        type=at_least(1),
        default=1,
        metavar="N",
        help=f"{what} (default: 1)",
    )


def add_debug(parser):
    """The option that every command has, the last in its help."""
    parser.add_argument(
        "--debug",
        action="store_true",
        help="show the traceback of an error, and all that libraries print",
    )


def names(text):
    """Distinct names, separated by commas."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"expected distinct names, got {text!r}")
    return found


def seeds(text):
    """Distinct seeds, separated by commas."""
    try:
        found = [seed(word) for word in text.split(",")]
    except argparse.ArgumentTypeError:
        found = []
    if not found or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(
            f"expected distinct whole numbers from 0 to 2**32 - 1, got {text!r}"
        )
    return found


def seed(text):
    """One seed, as scikit-learn takes them."""
    number = _whole_number(text)
    if number is None or not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from 0 to 2**32 - 1, got {text!r}"
        )
    return number


def at_least(minimum):
    """A type of whole numbers that are not below `minimum`."""

    def parse(text):
        number = _whole_number(text)
        if number is None or number < minimum:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {minimum}, got {text!r}"
            )
        return number

    return parse


def _whole_number(text):
    try:
        return int(text)
    except ValueError:
        return None

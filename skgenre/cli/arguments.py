"""The parser of the command line, and the options that several commands share."""

import argparse
import difflib
import re
import textwrap

from skgenre.cli.screen import complain, get_width, say

# Names, not the registry itself: its import would make --help wait for scikit-learn.
MODEL_NAMES = (
    "mlp",
    "mlp-regularized",
    "cnn",
    "lstm",
    "covariance",
    "logistic",
    "logistic-segments",
    "lda",
    "svm",
    "forest",
    "knn",
    "dummy",
    "embedding",
    "embedding-mlp",
)
# Of these, the models that a benchmark tries by default: no dummy, and none that needs
# weights that are not in the package.
DEFAULT_NAMES = MODEL_NAMES[: MODEL_NAMES.index("dummy")]
PROTOCOL_NAMES = ("segment", "track", "artist", "filtered")
# The networks of skgenre.pretrained.
PRETRAINED_NAMES = ("MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg")


class Parser(argparse.ArgumentParser):
    """A parser that shows texts as they are, and errors on one line.

    Parameters
    ----------
    text : str or None
        What the command does, up to the line "examples:", and examples after it.
    **arguments : dict
        Keyword arguments of `argparse.ArgumentParser`.
    """

    def __init__(self, *, text, **arguments):
        # `python -OO` has no docstrings, and so no text.
        description, title, examples = (text or "").partition("examples:\n")
        super().__init__(
            # As wide as argparse makes the rest.
            description=textwrap.fill(" ".join(description.split()), get_width() - 2),
            epilog=title + examples,
            formatter_class=_HelpFormatter,
            # Else an option added later could change what a shortened one means.
            allow_abbrev=False,
            **arguments,
        )

    def print_help(self, file=None):
        """Print the help; argparse would ignore an error of writing it."""
        say(self.format_help().rstrip("\n"))

    def error(self, message):
        """Exit with code 2 and one line; argparse would print its usage as well."""
        complain(f"error: {message} (see {self.prog} --help)", who=self.prog)
        self.exit(2)

    def parse(self, words):
        """Parse the words of a command; options may stand between its files."""
        parse = self.parse_known_intermixed_args
        if "--" in words:  # which it takes for a word of the command (Python 3.11)
            parse = self.parse_known_args
        options, unknown = parse(words)
        if unknown:
            known = set(re.findall(r"(?<![\w-])--[a-z-]+", self.format_help()))
            hint = propose(unknown[0].partition("=")[0], known)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return options


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Names such as logistic-segments are not broken at their hyphens."""

    def _split_lines(self, text, width):
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


def propose(word, known):
    """Return what a wrong word may mean, as the end of an error, or an empty text."""
    likely = difflib.get_close_matches(word, known, n=1)
    return f", did you mean {likely[0]}?" if likely else ""


class Completer:
    """What argcomplete proposes for a word; its attribute of an action is `completer`.

    Parameters
    ----------
    names : sequence of str, default=()
        Names of which the word may have several, separated by commas; empty: files.
    suffixes : sequence of str or None, default=()
        Of the files; empty: any, None: folders only.
    """

    def __init__(self, names=(), *, suffixes=()):
        self.names = names
        self.suffixes = suffixes

    def __call__(self, prefix, **_):
        """Return the words that begin so, as argcomplete asks."""
        # Imported here: no command needs it.
        from argcomplete.completers import DirectoriesCompleter, FilesCompleter

        if self.names:
            before, comma, _ = prefix.rpartition(",")
            taken = before.split(",")
            return [before + comma + name for name in self.names if name not in taken]
        if self.suffixes is None:
            return DirectoriesCompleter()(prefix)
        return FilesCompleter(self.suffixes)(prefix)


FOLDERS = Completer(suffixes=None)
MODEL_FILES = Completer(suffixes=["skops"])


class VersionAction(argparse.Action):
    """Show the version of skgenre, and exit."""

    def __call__(self, parser, *_):
        from skgenre import __version__

        say(f"skgenre {__version__}")
        parser.exit()


def add_command_parser(commands, name, run, *, help, text):
    """Add the parser of one command, with the option that every command has.

    `run` takes the options and returns an exit code or None; `text` is for `Parser`.
    """
    parser = commands.add_parser(name, help=help, text=text)
    parser.set_defaults(run=run, usage_error=parser.error)
    parser.add_argument(
        "--debug",
        action="store_true",
        help="show the traceback of an error, and all that libraries print",
    )
    return parser


def add_folders(parser, *, nargs="+", more=""):
    """Add the folders of labelled tracks; `more` ends the help about them."""
    folders = parser.add_argument(
        "folders",
        nargs=nargs,
        type=named_path,
        metavar="DIR",
        help="folders of genre folders (DIR/blues/track.wav), or CSV files with the "
        f"columns path, genre and, if known, artist{more}",
    )
    folders.completer = Completer(suffixes=["csv"])
    layouts = parser.add_mutually_exclusive_group()
    for name, text in [
        ("gtzan", "the tracks are GTZAN's, whose artists and faults are known"),
        (
            "tags",
            "genres and artists are in the files' own tags, and folders of any form; "
            "needs pip install 'skgenre[tags]'",
        ),
        (
            "artist-folders",
            "a genre's folder has one folder per artist, as in DIR/blues/ARTIST/*.wav",
        ),
    ]:
        layouts.add_argument(
            f"--{name}", action="store_const", const=name, dest="layout", help=text
        )


def add_json(parser, what):
    """Add the choice of JSON instead of a text to read."""
    parser.add_argument(
        "--json", action="store_true", help=f"print JSON instead of text: {what}"
    )


def add_jobs(parser, what, *, default=1):
    """Add the number of jobs that run at the same time; None is one per core."""
    parser.add_argument(
        "--jobs",
        type=whole_number(1),
        default=default,
        metavar="N",
        help=f"{what} (default: {default or 'one per core'})",
    )


def add_files(parser):
    """Add the audio files of a command that works through them one by one."""
    files = parser.add_argument(
        "files", nargs="+", metavar="FILE", help="audio files of any format"
    )
    files.completer = Completer()
    parser.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help="a FILE may be a folder, which stands for all audio files in it and in "
        "its folders",
    )


def add_channel(parser):
    """Add which channel of each file is analysed."""
    parser.add_argument(
        "--channel",
        type=_channel,
        default="mean",
        metavar="NAME",
        help="the mean of all channels or, where they cancel out, one of them: left, "
        "right or a number, counted from 0 (default: mean)",
    )


def _channel(text):
    if text in ("mean", "left", "right"):
        return text
    if text.isascii() and text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(
        f"expected mean, left, right or the number of a channel, got {text!r}"
    )


def add_analysis(parser):
    """Add what happens to features once computed, and to files that have none."""
    parser.add_argument(
        "--cache-dir",
        type=named_path,
        metavar="DIR",
        help="keep the features of each file here",
    ).completer = FOLDERS
    parser.add_argument(
        "--cache-key",
        choices=("stat", "content"),
        default="stat",
        help="tell files there apart by path, size and modification time (stat), or by "
        "their content, which is certain and reads each file (default: stat)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop at files that cannot be analysed, instead of leaving them out",
    )


def named_path(text):
    """Refuse an empty word, as of an unset variable: it would mean this folder."""
    if not text:
        raise argparse.ArgumentTypeError(f"expected a path, got {text!r}")
    return text


def whole_number(low, high=None):
    """Make a type of whole numbers from `low` to `high`, both included."""

    def parse(text):
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < low or (high is not None and number > high):
            limits = f"of at least {low}" if high is None else f"from {low} to {high}"
            raise argparse.ArgumentTypeError(
                f"expected a whole number {limits}, got {text!r}"
            )
        return number

    return parse


# As scikit-learn takes them.
seed = whole_number(0, 2**32 - 1)


def seeds(text):
    """Parse distinct seeds, separated by commas."""
    found = [seed(word) for word in names(text)]
    # 1 and 01 are distinct words.
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"expected distinct seeds, got {text!r}")
    return found


def names(text):
    """Parse distinct words, separated by commas."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"expected distinct names, got {text!r}")
    return found

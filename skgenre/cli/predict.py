"""Predict the genre of each audio file, with a model that `skgenre train` or
skgenre.save_model has written. All segments of a recording are taken, however
long it is. A file that cannot be analysed gets a row that says why, and the exit
code is then 1.

examples:
  skgenre predict model.skops new/*.mp3
  skgenre predict model.skops song.flac --segments
  skgenre predict model.skops new/*.mp3 --json > genres.json
  skgenre predict model.skops new/*.mp3 --csv | cut -d, -f1,2
  skgenre predict model.skops song.flac --labels audacity > song.txt
  skgenre predict model.skops music -r --playlist music/genres
"""

import logging
from functools import partial

from skgenre._io import counted, format_csv_row, printable
from skgenre._tables import count_columns
from skgenre.cli.arguments import (
    FOLDERS,
    MODEL_FILES,
    add_command_parser,
    add_files,
    named_path,
)
from skgenre.cli.files import explain_no_path, list_files
from skgenre.cli.playlists import Playlists
from skgenre.cli.screen import (
    MIN_NAME_WIDTH,
    JSONArray,
    NameColumn,
    complain,
    fit_name,
    get_width,
    is_output_terminal,
    say,
    show_progress,
)

# As those of Timeline.to_labels, whose import would make --help wait for scikit-learn.
LABEL_FORMATS = ("audacity", "sonic-visualiser", "jams")


logger = logging.getLogger(__name__)


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "predict",
        _run,
        help="predict the genres of audio files",
        text=__doc__,
    )
    add = parser.add_argument
    model = add(
        "model", type=named_path, metavar="MODEL", help="file of a trained model"
    )
    model.completer = MODEL_FILES
    add_files(parser)
    add(
        "--segments",
        action="store_true",
        help="a row per segment, with its start and end in seconds and the probability "
        "of each genre",
    )
    form = parser.add_mutually_exclusive_group()
    for option, form_class, what in [
        ("--json", JSONAnswers, "JSON instead of text: an array, one object per row"),
        (
            "--csv",
            CSVAnswers,
            "CSV instead of text; a name that a spreadsheet would run as a formula, "
            "such as =1+1, gets a quote (') first",
        ),
    ]:
        form.add_argument(
            option,
            dest="form",
            action="store_const",
            const=form_class,
            default=TableAnswers,
            help=f"print {what}",
        )
    form.add_argument(
        "--labels",
        choices=LABEL_FORMATS,
        metavar="TOOL",
        help=f"print labels for an annotation tool ({', '.join(LABEL_FORMATS)}): of "
        "one FILE, with a label wherever the genre changes",
    )
    add(
        "--playlist",
        type=named_path,
        metavar="DIR",
        help="write a playlist of the files of each genre here, DIR/GENRE.m3u8, with "
        "paths as seen from DIR; a playlist that exists is not replaced, but an error",
    ).completer = FOLDERS
    add(
        "--trusted",
        action="append",
        default=[],
        metavar="NAME",
        help="full name of a type or function of your own that the model may use, such "
        "as mypackage.networks.build_gru; may be repeated. It is imported and run; "
        "`skgenre info` lists those that a model needs",
    )


def _run(options):
    files = list_files(options.files, recursive=options.recursive)
    if options.labels is not None and len(files) > 1:
        options.usage_error(f"argument --labels: expected one FILE, got {len(files)}")
    from skgenre import AudioDecodeError, load_model, predict_timeline
    from skgenre.features import list_extractors

    model = load_model(options.model, trusted=options.trusted)
    # Before the first row: missing weights are an error of no file.
    for extractor in list_extractors(model):
        extractor.fit(files)
    classes = list(map(str, model.classes_))
    playlists = None
    if options.playlist is not None:
        playlists = Playlists(options.playlist, classes)
    form = options.form
    if options.labels is not None:
        form = partial(LabelAnswers, options.labels)
    answers = form(files, classes, segments=options.segments)
    # On a screen, the rows themselves show the progress.
    if not is_output_terminal():
        files = show_progress(files, total=len(files), desc="predicting")
    n_failed = 0
    answers.begin()
    for path in files:
        reason = explain_no_path(path)
        if reason is None:
            try:
                timeline = predict_timeline(model, path)
            except AudioDecodeError as error:
                reason = error.reasons[0]
        if reason is not None:
            n_failed += 1
            answers.add_failure(path, reason)
            continue
        answers.add(timeline, has_probabilities=hasattr(model, "predict_proba"))
        if playlists is not None and not playlists.add(path, str(timeline.genre)):
            n_failed += 1
            complain(
                f"left out of the playlists, which cannot hold such a name: {path!r}"
            )
    answers.end()
    if playlists is not None:
        genres = counted(playlists.write(), "genre")
        logger.info("%s: playlists of %s", options.playlist, genres)
    return int(n_failed > 0)


class _Answers:
    """Rows of predictions on standard output, each printed as soon as it is known.

    Parameters
    ----------
    files : list of str
        All files that get an answer.
    classes : list of str
        The genres.
    segments : bool
        Whether rows are segments rather than tracks.
    """

    def __init__(self, files, classes, *, segments):
        self.files = files
        self.classes = classes
        self.segments = segments

    def begin(self):
        """Print what comes before the first row."""

    def end(self):
        """Print what comes after the last row."""

    def add(self, timeline, *, has_probabilities):
        """Print the row of a file, or those of its segments."""
        rows = [((), str(timeline.genre), timeline.track_probabilities)]
        if self.segments:
            rows = [
                ((float(start), float(end)), self.classes[int(p.argmax())], p)
                for start, end, p in zip(
                    timeline.start, timeline.end, timeline.probabilities, strict=True
                )
            ]
        for times, genre, probabilities in rows:
            # Without probabilities, and of a label that is none of the classes (by a
            # classifier of the user's), a row shows none.
            best, shown = None, None
            if has_probabilities:
                shown = [float(p) for p in probabilities]
                best = dict(zip(self.classes, shown, strict=True)).get(genre)
            self._print_row(timeline.path, times, genre, best, shown)


class TableAnswers(_Answers):
    """Aligned columns; a row is one line, whatever the names hold."""

    def begin(self):
        """Print the head of the table."""
        columns = [*map(printable, self.classes)] if self.segments else []
        times = ["   start", "     end"] if self.segments else []
        # The last gap is the one before the genre.
        n_others = sum(len(text) + 2 for text in [*times, "probability"]) + 2
        n_columns = sum(max(5, count_columns(name)) + 2 for name in columns)
        widths = [count_columns(printable(name)) for name in ["genre", *self.classes]]
        self._genre_width = max(widths)
        if is_output_terminal():
            room = get_width() - n_others - MIN_NAME_WIDTH
            self._genre_width = min(self._genre_width, max(MIN_NAME_WIDTH, room))
            if columns and n_columns > room - self._genre_width:
                columns, n_columns = [], 0
                complain("too narrow for a column per genre: --csv has them all")
        self._heads = ["probability", *columns]
        beside = n_others + self._genre_width + n_columns
        self._names = NameColumn(self.files, beside=beside)
        self._print_columns("file", times, "genre", self._heads)

    def add_failure(self, path, reason):
        """Print the row of a file that has no answer."""
        say(self._names.format_failure(path, reason))

    def _print_row(self, path, times, genre, best, probabilities):
        values = [best, *(probabilities or [None] * len(self.classes))]
        values = values[: len(self._heads)]
        shown = ["-" if value is None else f"{value:.3f}" for value in values]
        self._print_columns(path, [f"{time:8.2f}" for time in times], genre, shown)

    def _print_columns(self, path, times, genre, last):
        genre = fit_name(genre, self._genre_width)
        last = [
            " " * (max(5, count_columns(head)) - count_columns(text)) + text
            for text, head in zip(last, self._heads, strict=True)
        ]
        say("  ".join([self._names.format(path), *times, genre, *last]))


class JSONAnswers(_Answers):
    """A JSON array, each of whose objects is one line."""

    def begin(self):
        """Begin the array."""
        self._array = JSONArray()

    def end(self):
        """Close the array."""
        self._array.end()

    def add_failure(self, path, reason):
        """Print the object of a file that has no answer: ``path`` and ``error``."""
        self._array.add({"path": path, "error": reason})

    def _print_row(self, path, times, genre, best, probabilities):
        row = {"path": path}
        if times:
            row["start"], row["end"] = times
        if probabilities is not None:
            probabilities = dict(zip(self.classes, probabilities, strict=True))
        row.update(genre=genre, probability=best, probabilities=probabilities)
        self._array.add(row)


class CSVAnswers(_Answers):
    """Comma-separated values; a row with an error has no genre."""

    def begin(self):
        """Print the names of the columns."""
        times = ["start", "end"] if self.segments else []
        heads = [f"probability_{name}" for name in self.classes]
        self._print_values("path", *times, "genre", "probability", *heads, "error")

    def add_failure(self, path, reason):
        """Print the row of a file that has no answer."""
        n_empty = 2 + 2 * self.segments + len(self.classes)
        self._print_values(path, *[None] * n_empty, reason)

    def _print_row(self, path, times, genre, best, probabilities):
        # csv writes None as an empty value.
        shown = probabilities or [None] * len(self.classes)
        self._print_values(path, *times, genre, best, *shown, None)

    def _print_values(self, *values):
        line = format_csv_row(values).removesuffix("\n")
        # A program gets names as they are; a terminal would obey what is in them.
        say(printable(line) if is_output_terminal() else line)


class LabelAnswers(_Answers):
    """Labels for an annotation tool, of one file."""

    def __init__(self, tool, *arguments, **options):
        super().__init__(*arguments, **options)
        self.tool = tool

    def add(self, timeline, **_):
        """Print the labels of the file."""
        say(timeline.to_labels(self.tool), end="")

    def add_failure(self, path, reason):
        """Complain that the file has no labels."""
        complain(f"error: {path}: {reason}")

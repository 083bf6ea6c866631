"""Rows of predictions on standard output: a table to read, JSON or CSV."""

import csv
import io
import json
from typing import NamedTuple

from skgenre._io import printable
from skgenre.cli.screen import say

# A longer name breaks the alignment of its own row only.
_MAX_NAME_WIDTH = 60


class Row(NamedTuple):
    """What is said of a track, or of a segment of it.

    Attributes
    ----------
    path : str
    times : tuple of float
        Start and end of the segment, in seconds; empty for a track.
    genre : str
    probability : float or None
        Of the genre; None where the model tells none, or has the genre for "none of
        these".
    probabilities : list of float or None
        Of all genres; None where the model tells none.
    """

    path: str
    times: tuple
    genre: str
    probability: float | None
    probabilities: list | None


class Answers:
    """Base of the forms: each row is printed as soon as it is known.

    Parameters
    ----------
    files : list of str
        All that will be answered for.
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

    def add(self, timeline, *, is_certain):
        """Print the rows of a file; `is_certain`: the model tells no probabilities."""
        for times, genre, probabilities in self._list_parts(timeline):
            probability, shown = None, None
            if not is_certain:
                shown = [float(p) for p in probabilities]
                probability = dict(zip(self.classes, shown, strict=True)).get(genre)
            self._print_row(Row(timeline.path, times, genre, probability, shown))

    def _list_parts(self, timeline):
        """Yield times, genre and probabilities of the track, or of each segment."""
        if not self.segments:
            yield (), str(timeline.genre), timeline.track_probabilities
            return
        for start, end, probabilities in zip(
            timeline.start, timeline.end, timeline.probabilities, strict=True
        ):
            genre = self.classes[int(probabilities.argmax())]
            yield (float(start), float(end)), genre, probabilities


class TableAnswers(Answers):
    """Aligned columns, on lines of their own whatever the names hold."""

    def begin(self):
        """Print the head of the table."""
        lengths = [len(printable(file)) for file in self.files]
        self._name_width = max(4, min(max(lengths), _MAX_NAME_WIDTH))
        genres = ["genre", *map(printable, self.classes)]
        self._genre_width = max(map(len, genres))
        times = ["   start", "     end"] if self.segments else []
        self._print_columns("file", times, "genre", ["probability", *self._class_names])

    @property
    def _class_names(self):
        return [printable(name) for name in self.classes if self.segments]

    def add_failure(self, path, reason):
        """Print the row of a file that has no answer."""
        name = printable(path).ljust(self._name_width)
        say(f"{name}  error: {printable(reason)}")

    def _print_row(self, row):
        times = [f"{time:8.2f}" for time in row.times]
        values = [row.probability]
        if self.segments:
            values += row.probabilities or [None] * len(self.classes)
        shown = ["-" if value is None else f"{value:.3f}" for value in values]
        self._print_columns(row.path, times, row.genre, shown)

    def _print_columns(self, path, times, genre, last):
        name = printable(path).ljust(self._name_width)
        genre = printable(genre).ljust(self._genre_width)
        heads = ["probability", *self._class_names]
        last = [
            text.rjust(max(5, len(head)))
            for text, head in zip(last, heads, strict=True)
        ]
        say("  ".join([name, *times, genre, *last]))


class JSONAnswers(Answers):
    """A JSON array, whose objects are on lines of their own."""

    _separator = "[\n"

    def end(self):
        """Close the array."""
        say("\n]")

    def add_failure(self, path, reason):
        """Print the object of a file that has no answer: ``file`` and ``error``."""
        self._print_object({"file": path, "error": reason})

    def _print_row(self, row):
        times = dict(zip(("start", "end"), row.times, strict=False))
        probabilities = row.probabilities
        if probabilities is not None:
            probabilities = dict(zip(self.classes, probabilities, strict=True))
        answer = {"genre": row.genre, "probability": row.probability}
        self._print_object(
            {"file": row.path, **times, **answer, "probabilities": probabilities}
        )

    def _print_object(self, content):
        # Every line but the last object's ends in a comma, which is known one later.
        say(f"{self._separator}{json.dumps(content)}", end="")
        self._separator = ",\n"


class CSVAnswers(Answers):
    """Comma-separated values; a row that has an error has no genre."""

    def begin(self):
        """Print the names of the columns."""
        times = ["start", "end"] if self.segments else []
        heads = [f"probability_{name}" for name in self.classes]
        self._print_values(["file", *times, "genre", "probability", *heads, "error"])

    def add_failure(self, path, reason):
        """Print the row of a file that has no answer."""
        n_empty = 2 + 2 * self.segments + len(self.classes)
        self._print_values([path, *[""] * n_empty, reason])

    def _print_row(self, row):
        # csv writes None as an empty value.
        shown = [row.probability, *(row.probabilities or [None] * len(self.classes))]
        self._print_values([row.path, *row.times, row.genre, *shown, None])

    def _print_values(self, values):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(values)
        say(line.getvalue())

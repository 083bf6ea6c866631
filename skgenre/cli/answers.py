"""Rows of predictions on standard output: a table to read, JSON or CSV."""

import csv
import io
import json

from skgenre.cli.screen import printable, say

# A longer name breaks the alignment of its own row only.
_MAX_NAME_WIDTH = 60


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
        for times, genre, probabilities in self._list_rows(timeline):
            shown = None if is_certain else [float(p) for p in probabilities]
            self._print_row(timeline.path, times, genre, shown)

    def _list_rows(self, timeline):
        """Yield times, genre and probabilities of the track, or of each segment."""
        if not self.segments:
            yield None, str(timeline.genre), timeline.track_probabilities
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

    def _print_row(self, path, times, genre, probabilities):
        times = [f"{time:8.2f}" for time in times or ()]
        if probabilities is None:
            shown = ["-"] * (1 + len(self._class_names))
        else:
            shown = [max(probabilities), *(probabilities if self.segments else ())]
            shown = [f"{probability:.3f}" for probability in shown]
        self._print_columns(path, times, genre, shown)

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

    def _print_row(self, path, times, genre, probabilities):
        row = {"file": path}
        if times is not None:
            row["start"], row["end"] = times
        row["genre"] = genre
        row["probability"] = None if probabilities is None else max(probabilities)
        row["probabilities"] = None
        if probabilities is not None:
            row["probabilities"] = dict(zip(self.classes, probabilities, strict=True))
        self._print_object(row)

    def _print_object(self, row):
        # Every line but the last object's ends in a comma, which is known one later.
        say(f"{self._separator}{json.dumps(row)}", end="")
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

    def _print_row(self, path, times, genre, probabilities):
        if probabilities is None:
            shown = [""] * (1 + len(self.classes))
        else:
            shown = [max(probabilities), *probabilities]
        self._print_values([path, *(times or ()), genre, *shown, ""])

    def _print_values(self, values):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(values)
        say(line.getvalue())

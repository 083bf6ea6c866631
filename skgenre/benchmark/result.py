"""The scores of a benchmark, and how they are written down."""

import dataclasses
import json
import math
import platform
from importlib import metadata
from pathlib import Path

import numpy as np

from skgenre._files import atomic_write

PAPER_NOTE = (
    "paper: rows are segments, and those of one track are on both sides of the split. "
    "This measures how well known tracks are recognised, not new ones; it is for "
    "comparison with published numbers only."
)
_PACKAGES = ("skgenre", "scikit-learn", "tensorflow", "keras", "librosa", "numpy")


@dataclasses.dataclass(frozen=True)
class BenchmarkResult:
    """Scores of models, fold by fold.

    Attributes
    ----------
    folds : list of dict
        One row per model, protocol, seed and fold: its scores on the fold's test
        tracks (``accuracy`` per track, ``segment_accuracy`` where the model has one,
        else NaN), ``fit_seconds`` and ``score_seconds``.
    score_names : tuple of str
        The scores that each row has.
    unreadable : list of dict
        ``path`` and ``reason`` of the files left out before any split.
    setting : dict
        What was run on what: models, protocols, folds, seeds, tracks per genre.
    versions : dict
        Of python and of the packages that decide the numbers.
    untrained_genres : list of dict
        ``protocol``, ``seed``, ``fold`` and ``genres`` of the folds that test on genres
        of which they have no track to train on.
    """

    folds: list
    score_names: tuple
    unreadable: list
    setting: dict
    versions: dict
    untrained_genres: list = dataclasses.field(default_factory=list)

    def summary(self):
        """Mean and standard deviation over folds and seeds.

        Returns
        -------
        rows : list of dict
            One per model and protocol: ``<score>_mean`` and ``<score>_std`` of each
            score, and ``fit_seconds``, the mean.
        """
        return [
            {"model": model, "protocol": protocol, **self._summarise(folds)}
            for (model, protocol), folds in self._cells().items()
        ]

    def _cells(self):
        cells = {}
        for fold in self.folds:
            cells.setdefault((fold["model"], fold["protocol"]), []).append(fold)
        return cells

    def _summarise(self, folds):
        row = {}
        for name in self.score_names:
            values = [fold.get(name, math.nan) for fold in folds]
            row[f"{name}_mean"] = float(np.mean(values))
            row[f"{name}_std"] = float(np.std(values))
        row["fit_seconds"] = float(np.mean([fold["fit_seconds"] for fold in folds]))
        return row

    def to_frame(self):
        """Give the folds as a table.

        Returns
        -------
        frame : pandas.DataFrame
            One row per model, protocol, seed and fold. Needs pandas, as in
            ``pip install skgenre[report]``.
        """
        import pandas as pd

        return pd.DataFrame(self.folds)

    def to_table(self):
        """Write the summary as text.

        Returns
        -------
        table : str
            Aligned columns in Markdown: mean ± standard deviation of each score. Notes
            below say what the numbers do not mean.
        """
        rows = [["model", "protocol", *map(score_title, self.score_names), "fit, s"]]
        for (model, protocol), folds in self._cells().items():
            scores = [
                format_scores([fold.get(name, math.nan) for fold in folds])
                for name in self.score_names
            ]
            fit_seconds = np.mean([fold["fit_seconds"] for fold in folds])
            rows.append([model, protocol, *scores, f"{fit_seconds:.1f}"])
        return "\n\n".join([_align(rows), *self._notes()])

    def _notes(self):
        if any(fold["protocol"] == "paper" for fold in self.folds):
            yield PAPER_NOTE
        lost = {}
        for entry in self.untrained_genres:
            lost.setdefault(entry["protocol"], set()).update(entry["genres"])
        for protocol, genres in lost.items():
            yield (
                f"{protocol}: {', '.join(sorted(genres))} could not be trained on in "
                "every fold that tests on them."
            )

    def to_json(self):
        """Write everything as JSON.

        Returns
        -------
        text : str
            The attributes and the summary; a score that a model does not have is null.
        """
        content = {"summary": self.summary(), **dataclasses.asdict(self)}
        return json.dumps(_without_nan(content), indent=2)

    def save(self, directory):
        """Write ``results.json``, whole or not at all.

        Parameters
        ----------
        directory : str or Path
            Folder to write to; made where it does not exist.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        with atomic_write(directory / "results.json", "w", encoding="utf-8") as file:
            file.write(self.to_json() + "\n")


def describe_versions():
    """Versions of python and of the packages that decide the numbers."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            # tensorflow-cpu, say, has the same modules under another name.
            versions[name] = None
    return versions


def format_scores(values):
    """Mean ± standard deviation; a dash where a model does not have the score."""
    mean = np.mean(values)
    return "–" if math.isnan(mean) else f"{mean:.3f} ± {np.std(values):.3f}"


def score_title(name):
    """A score's name as people read it."""
    titles = {
        "accuracy": "accuracy per track",
        "segment_accuracy": "accuracy per segment",
    }
    return titles.get(name, name)


def _align(rows):
    """Rows of cells as a Markdown table that is aligned in plain text too."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True))
        + " |"
        for row in rows
    )


def _without_nan(content):
    """Replace NaN, which JSON does not have, by None."""
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content

"""The result of a benchmark: its scores, as a table and as files."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from skgenre._io import (
    atomic_write,
    format_csv_row,
    format_json,
    printable,
)
from skgenre._tables import fill_text, write_html, write_table
from skgenre._typing import Row, StrPath
from skgenre._validation import check_choice, check_number
from skgenre.benchmark.scorers import COSTS, LABEL, SIZES, list_columns
from skgenre.benchmark.statistics import accuracy_interval, compare_models
from skgenre.datasets.gtzan_tracks import include_gtzan

if TYPE_CHECKING:
    import pandas as pd

SEGMENT_NOTE = (
    "segment: rows are segments, and those of one track are on both sides of the "
    "split. This measures how well known tracks are recognised, not new ones; it is "
    "for comparison with published numbers only."
)
MSD_NOTE = (
    "{models}: numbers on GTZAN are optimistic, since the Million Song Dataset, which "
    "the pretrained network was trained on, holds an estimated 2,300 clips by GTZAN's "
    "artists, some 80 of them perhaps the same songs."
)
MTT_NOTE = (
    "{models}: the pretrained network was trained on MagnaTagATune, clips of the label "
    "Magnatune; no overlap with GTZAN is known."
)
# Their splits keep artists apart: tracks of one artist are not independent.
_PROTOCOLS_BY_ARTIST = ("artist", "filtered")
SCORE_TITLES = {
    "accuracy": "accuracy per track",
    "segment_accuracy": "accuracy per segment",
    "train_accuracy": "in training",
}
RESULT_FILES = ("results.json", "results.csv")
PACKAGES = (
    "skgenre",
    "scikit-learn",
    "tensorflow",
    "keras",
    "librosa",
    "numpy",
    "scipy",
    "soxr",
    "soundfile",
)


@dataclasses.dataclass(frozen=True, repr=False, kw_only=True)
class BenchmarkResult:
    """Scores of models for each fold; printed, or in a notebook, it is a table.

    Attributes
    ----------
    folds : list of dict
        One row per model, protocol, seed and fold: ``accuracy``, ``balanced_accuracy``,
        ``f1_macro`` and ``log_loss`` per track, ``segment_accuracy`` and
        ``segment_log_loss``, each also on the training part (``train_...``);
        ``fit_seconds``, ``predict_seconds`` (of the test part), ``seconds_per_epoch``,
        ``n_parameters``, ``n_train``, ``n_test``; ``best_params``, what a search chose;
        and ``error``, None unless the model failed. What a model or protocol does not
        have is NaN: there is no score per track under the protocol ``"segment"``, whose
        rows are segments.
    predictions : list of dict
        Per row: its label, and of its test part ``rows``, ``target`` and ``predicted``.
    scoring : tuple of str
        The further scores that each row has.
    unreadable : list of dict
        ``path`` and ``error`` of the files left out before any split.
    setting : dict
        What was run on what: models, protocols, folds, seeds, tracks per genre.
    paths : list of str
        The tracks; ``rows`` are indices into it (but for ``"segment"``).
    groups : list of int or None
        The artist of each track, as a number; None where no artists were given.
    versions : dict
        Of python and of the packages that decide the numbers.
    untrained_genres : list of dict
        ``protocol``, ``seed``, ``fold`` and ``genres`` of the folds that test on genres
        of which they have no track to train on.
    """

    folds: list
    predictions: list
    scoring: tuple = ()
    unreadable: list = dataclasses.field(default_factory=list)
    setting: dict = dataclasses.field(default_factory=dict)
    paths: list = dataclasses.field(default_factory=list)
    groups: list | None = None
    versions: dict = dataclasses.field(default_factory=dict)
    untrained_genres: list = dataclasses.field(default_factory=list)

    @classmethod
    def from_rows(
        cls, rows: list[Row], *, scoring: Sequence[str] = (), **described: Any
    ) -> Self:
        """Make a result from rows that contain their predictions.

        Parameters
        ----------
        rows : list of dict
            Rows as in `folds`, with what `predictions` has of each as ``predictions``.
        scoring : tuple of str, default=()
            The further scores that each row has.
        **described : dict
            Further attributes, by name.

        Returns
        -------
        result : BenchmarkResult
            The rows in order, each with all columns.
        """
        names = [*LABEL, *SIZES, *list_columns(scoring), *COSTS]
        folds = [
            {name: row.get(name, math.nan) for name in names}
            | {name: row.get(name) for name in ("best_params", "error")}
            for row in rows
        ]
        predictions = [
            {**{name: row[name] for name in LABEL}, **row["predictions"]}
            for row in rows
            if "predictions" in row
        ]
        return cls(
            folds=folds,
            predictions=predictions,
            scoring=tuple(scoring),
            **described,
        )

    @property
    def failed(self) -> list[Row]:
        """Rows of models that failed."""
        return [fold for fold in self.folds if fold["error"] is not None]

    def summary(self) -> list[Row]:
        """Mean and standard deviation over folds and seeds.

        Returns
        -------
        rows : list of dict
            One per model and protocol: ``<score>_mean`` and ``<score>_std`` of each
            score, over the folds that did not fail; ``accuracy_low`` and
            ``accuracy_high``, a 95 % interval of the accuracy over all tested tracks:
            a track is one observation under the protocol ``"track"``, an artist (where
            known) under ``"artist"`` and ``"filtered"``; the mean of ``fit_seconds``;
            ``n_failed``.
        """
        rows_of: dict[tuple[str, str], list[Row]] = {}
        for fold in self.folds:
            rows_of.setdefault((fold["model"], fold["protocol"]), []).append(fold)
        summary = []
        for (model, protocol), folds in rows_of.items():
            done = [fold for fold in folds if fold["error"] is None]
            row: Row = {"model": model, "protocol": protocol}
            for name in list_columns(self.scoring):
                values = [fold[name] for fold in done] or [math.nan]
                row[f"{name}_mean"] = float(np.mean(values))
                row[f"{name}_std"] = float(np.std(values))
            seconds = [fold["fit_seconds"] for fold in done] or [math.nan]
            row["fit_seconds"] = float(np.mean(seconds))
            row["n_failed"] = len(folds) - len(done)
            low, high = self._find_interval(model, protocol)
            row |= {"accuracy_low": low, "accuracy_high": high}
            summary.append(row)
        return summary

    def _find_interval(self, model, protocol):
        correct, tracks = [], []
        for entry in self.predictions:
            if entry["model"] == model and entry["protocol"] == protocol:
                correct += map(operator.eq, entry["predicted"], entry["target"])
                tracks += entry["rows"]
        if protocol == "segment" or not tracks:
            return math.nan, math.nan
        artists = None
        if self.groups is not None and protocol in _PROTOCOLS_BY_ARTIST:
            artists = [self.groups[track] for track in tracks]
        return accuracy_interval(correct, tracks, artists)

    def compare(self, *, score: str = "accuracy", alpha: float = 0.05) -> list[Row]:
        """Compare each pair of models within each protocol, on the same folds.

        Parameters
        ----------
        score : str, default="accuracy"
            A score or cost of `folds`. Lower is better for losses, times and numbers of
            parameters; greater is better for all others, your own scorers included.
        alpha : float, default=0.05
            Level of significance, over all comparisons, in (0, 1).

        Returns
        -------
        rows : list of dict
            ``protocol``, ``first``, ``second``, ``difference`` of their means,
            ``p_value`` (corrected resampled t-test of Nadeau and Bengio, then Holm's
            correction over the rows), ``better``: the model that is, or None, and
            ``reason``: None, or why the scores allow no test. The p-value is then NaN:
            there are fewer than three folds, or a single split (``"filtered"``), or the
            difference is the same in all folds.

        Raises
        ------
        ValueError
            `folds` has no such score, or `alpha` is out of range.
        """
        check_choice(score, [*list_columns(self.scoring), *COSTS], name="score")
        check_number(alpha, name="alpha", low=0, high=1, low_open=True, high_open=True)
        return compare_models(self.folds, score=score, alpha=alpha)

    def to_frame(self) -> pd.DataFrame:
        """Return the folds as a table.

        Returns
        -------
        frame : pandas.DataFrame
            One row per model, protocol, seed and fold. Needs pandas, as in
            ``pip install 'skgenre[report]'``.
        """
        import pandas as pd

        return pd.DataFrame(self.folds)

    def __repr__(self) -> str:
        return self.to_table()

    def to_table(self, width: int | None = None) -> str:
        """Write the summary as text.

        Parameters
        ----------
        width : int, default=None
            Characters that a line may have, as on a terminal: columns that do not fit
            follow below. None is a table in Markdown, as wide as it needs to be.

        Returns
        -------
        table : str
            Aligned columns: mean ± standard deviation of each score. Notes below say
            what the numbers do not mean.
        """
        columns, rows = self._tabulate()
        table = write_table([columns, *rows], width=width, n_keys=2)
        return "\n\n".join([table, *(fill_text(note, width) for note in self.notes())])

    def _repr_html_(self) -> str:
        columns, rows = self._tabulate()
        notes = [f"<p>{escape(printable(note))}</p>" for note in self.notes()]
        return "\n".join([write_html(columns, rows, text_columns=[0, 1]), *notes])

    def _tabulate(self):
        """Return the names of the columns, and rows of texts."""
        shown = ["accuracy", "segment_accuracy", "train_accuracy", *self.scoring]
        titles = [SCORE_TITLES.get(name, name) for name in shown]
        columns = ["model", "protocol", titles[0], "95 %", *titles[1:], "fit, s"]
        rows = []
        for row in self.summary():
            scores = [
                f"{row[f'{name}_mean']:.3f} ± {row[f'{name}_std']:.3f}"
                for name in shown
            ]
            interval = f"{row['accuracy_low']:.2f} to {row['accuracy_high']:.2f}"
            texts = [scores[0], interval, *scores[1:], f"{row['fit_seconds']:.1f}"]
            # A dash where a model does not have the score.
            texts = ["–" if "nan" in text else text for text in texts]
            rows.append([row["model"], row["protocol"], *texts])
        return columns, rows

    def notes(self) -> Iterator[str]:
        """Yield what failed, and what the numbers do not mean.

        Yields
        ------
        note : str
            A sentence or two.
        """
        failed: dict[tuple[str, str], list[Row]] = {}
        for fold in self.failed:
            failed.setdefault((fold["model"], fold["protocol"]), []).append(fold)
        for (model, protocol), folds in failed.items():
            # A model mostly fails in all folds, and for one reason.
            first, times = folds[0], ""
            if len(folds) > 1:
                times = f" (the first of {len(folds)} failures)"
            yield (
                f"{model}, protocol {protocol}, seed {first['seed']}, fold "
                f"{first['fold']} failed{times}: {first['error']}"
            )
        if any(fold["protocol"] == "segment" for fold in self.folds):
            yield SEGMENT_NOTE
        lost: dict[str, set[str]] = {}
        for entry in self.untrained_genres:
            lost.setdefault(entry["protocol"], set()).update(entry["genres"])
        for protocol, genres in lost.items():
            named = ", ".join(sorted(genres))
            yield f"{protocol}: some folds test on {named} without a track to train on."
        pretrained = self.setting.get("pretrained", {})
        if pretrained and include_gtzan(self.paths):
            for prefix, note in (("MSD", MSD_NOTE), ("MTT", MTT_NOTE)):
                models = [
                    model
                    for model, networks in pretrained.items()
                    if any(network.startswith(prefix) for network in networks)
                ]
                if models:
                    yield note.format(models=", ".join(models))

    def to_json(self) -> str:
        """Write everything as JSON.

        Returns
        -------
        text : str
            The attributes and the summary; a score that a model does not have is null.
        """
        content = {"summary": self.summary(), **dataclasses.asdict(self)}
        return format_json(content, indent=2)

    def save(self, directory: StrPath) -> None:
        """Write ``results.json`` and ``results.csv``, whole or not at all.

        In ``results.csv``, a text that a spreadsheet would run as a formula gets a
        quote (``'``) first; ``results.json`` has it as it is.

        Parameters
        ----------
        directory : str or Path
            Folder to write to; made where it does not exist.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        json_path, csv_path = (directory / name for name in RESULT_FILES)
        with atomic_write(json_path, "w", encoding="utf-8") as file:
            file.write(self.to_json() + "\n")
        with atomic_write(
            csv_path,
            "w",
            encoding="utf-8",
            # An error may name a file, and that need not be UTF-8.
            errors="backslashreplace",
            newline="",
        ) as file:
            rows = [self.folds[0], *(fold.values() for fold in self.folds)]
            file.writelines(map(format_csv_row, rows))

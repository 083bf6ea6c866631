"""The scores of a benchmark, and how they are written down."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skgenre._io import atomic_write, find_versions, read_json
from skgenre._validation import check_choice, check_number
from skgenre.benchmark.scorers import COSTS, SEGMENT_SCORES, TRACK_SCORES
from skgenre.benchmark.statistics import accuracy_interval, compare_models
from skgenre.benchmark.table import (
    align,
    format_interval,
    format_mean,
    score_title,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Self

    import pandas as pd

    from skgenre._typing import Row, StrPath

SEGMENT_NOTE = (
    "segment: rows are segments, those of one track on both sides of the split. "
    "This measures how well known tracks are recognised, not new ones; it is for "
    "comparison with published numbers only."
)
_LABEL = ("model", "protocol", "seed", "fold")
_SIZES = ("n_train", "n_test")
# Their splits keep artists apart, whose tracks are therefore not independent.
_PROTOCOLS_BY_ARTIST = ("artist", "filtered")
RESULT_FILES = ("results.json", "results.csv")
_MAX_DATA_BYTES = 10_000
PACKAGES = (
    *("skgenre", "scikit-learn", "tensorflow", "keras", "librosa", "numpy"),
    *("scipy", "soxr", "soundfile"),
)


@dataclasses.dataclass(frozen=True, repr=False)
class BenchmarkResult:
    """Scores of models, fold by fold; printed, a table of them.

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
        ``path`` and ``reason`` of the files left out before any split.
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
        """Make a result of rows that still hold their predictions.

        Parameters
        ----------
        rows : list of dict
            Rows as in `folds`, with what `predictions` has of each as ``predictions``.
        scoring : tuple of str, default=()
            The further scores that each row has.
        **described : dict
            Further attributes.

        Returns
        -------
        result : BenchmarkResult
            The rows in order, each with all columns.
        """
        names = [*_LABEL, *_SIZES, *list_columns(scoring), *COSTS]
        folds = [
            {name: row.get(name, math.nan) for name in names}
            | {name: row.get(name) for name in ("best_params", "error")}
            for row in rows
        ]
        predictions = [
            {**{name: row[name] for name in _LABEL}, **row["predictions"]}
            for row in rows
            if "predictions" in row
        ]
        return cls(
            folds=folds,
            predictions=predictions,
            scoring=tuple(scoring),
            **{"versions": describe_versions(), **described},
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
        return [
            {
                "model": model,
                "protocol": protocol,
                **self._summarise(folds),
                **self._find_interval(model, protocol),
            }
            for (model, protocol), folds in self._cells().items()
        ]

    def compare(self, *, score: str = "accuracy", alpha: float = 0.05) -> list[Row]:
        """Compare each pair of models within each protocol, fold by fold.

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

    def _cells(self):
        cells = {}
        for fold in self.folds:
            cells.setdefault((fold["model"], fold["protocol"]), []).append(fold)
        return cells

    def _summarise(self, folds):
        row, done = {}, [fold for fold in folds if fold["error"] is None]
        for name in list_columns(self.scoring):
            values = [fold[name] for fold in done] or [math.nan]
            row[f"{name}_mean"] = float(np.mean(values))
            row[f"{name}_std"] = float(np.std(values))
        seconds = [fold["fit_seconds"] for fold in done] or [math.nan]
        row["fit_seconds"] = float(np.mean(seconds))
        row["n_failed"] = len(folds) - len(done)
        return row

    def _find_interval(self, model, protocol):
        answers = [
            entry
            for entry in self.predictions
            if (entry["model"], entry["protocol"]) == (model, protocol)
        ]
        if protocol == "segment" or not answers:
            return {"accuracy_low": math.nan, "accuracy_high": math.nan}
        correct = [
            predicted == target
            for entry in answers
            for predicted, target in zip(
                entry["predicted"], entry["target"], strict=True
            )
        ]
        tracks = [row for entry in answers for row in entry["rows"]]
        artists = None
        if self.groups is not None and protocol in _PROTOCOLS_BY_ARTIST:
            artists = [self.groups[track] for track in tracks]
        low, high = accuracy_interval(correct, tracks, artists)
        return {"accuracy_low": low, "accuracy_high": high}

    def to_frame(self) -> pd.DataFrame:
        """Give the folds as a table.

        Returns
        -------
        frame : pandas.DataFrame
            One row per model, protocol, seed and fold. Needs pandas, as in
            ``pip install skgenre[report]``.
        """
        import pandas as pd

        return pd.DataFrame(self.folds)

    def __repr__(self) -> str:
        return self.to_table()

    def to_table(self) -> str:
        """Write the summary as text.

        Returns
        -------
        table : str
            Aligned columns in Markdown: mean ± standard deviation of each score. Notes
            below say what the numbers do not mean.
        """
        shown = ["accuracy", "segment_accuracy", "train_accuracy", *self.scoring]
        titles = [score_title(name) for name in shown]
        rows = [["model", "protocol", titles[0], "95 %", *titles[1:], "fit, s"]]
        for row in self.summary():
            scores = [
                format_mean(row[f"{name}_mean"], row[f"{name}_std"]) for name in shown
            ]
            interval = format_interval(row["accuracy_low"], row["accuracy_high"])
            seconds = (
                "–" if math.isnan(row["fit_seconds"]) else f"{row['fit_seconds']:.1f}"
            )
            label = [row["model"], row["protocol"]]
            rows.append([*label, scores[0], interval, *scores[1:], seconds])
        return "\n\n".join([align(rows), *self.notes()])

    def notes(self) -> Iterator[str]:
        """Say what the numbers do not mean, and what failed.

        Yields
        ------
        note : str
            A sentence or two.
        """
        for fold in self.failed:
            what = "{model}, protocol {protocol}, seed {seed}, fold {fold}"
            yield f"{what.format(**fold)} failed: {fold['error']}"
        if any(fold["protocol"] == "segment" for fold in self.folds):
            yield SEGMENT_NOTE
        lost: dict[str, set[str]] = {}
        for entry in self.untrained_genres:
            lost.setdefault(entry["protocol"], set()).update(entry["genres"])
        for protocol, genres in lost.items():
            yield (
                f"{protocol}: some folds test on {', '.join(sorted(genres))} without a "
                "track of it to train on."
            )

    def to_json(self) -> str:
        """Write everything as JSON.

        Returns
        -------
        text : str
            The attributes and the summary; a score that a model does not have is null.
        """
        content = {"summary": self.summary(), **dataclasses.asdict(self)}
        return json.dumps(_without_nan(content), indent=2)

    def save(self, directory: StrPath) -> None:
        """Write ``results.json`` and ``results.csv``, whole or not at all.

        Parameters
        ----------
        directory : str or Path
            Folder to write to; made where it does not exist.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        json_file, csv_file = (directory / name for name in RESULT_FILES)
        with atomic_write(json_file, "w", encoding="utf-8") as file:
            file.write(self.to_json() + "\n")
        # An error may name a file, and that need not be UTF-8.
        form = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
        with atomic_write(csv_file, "w", **form) as file:
            writer = csv.DictWriter(file, self.folds[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.folds)


def check_same_data(directory, fingerprint):
    """Refuse a folder that holds the results, finished or not, of other tracks.

    What is in their files is no matter here: folds of other audio are fitted again.
    """
    path = Path(directory) / "data.json"
    try:
        held = read_json(path, max_bytes=_MAX_DATA_BYTES)
    except FileNotFoundError:
        held = {"fingerprint": fingerprint}
        with atomic_write(path, "w", encoding="utf-8") as file:
            json.dump(held, file)
    if held != {"fingerprint": fingerprint}:
        raise ValueError(
            f"output={str(directory)!r} holds results of other data; name another "
            "folder, or delete it."
        )


def describe_versions():
    """Return the versions of python and of the packages that decide the numbers."""
    return {"python": platform.python_version(), **find_versions(PACKAGES)}


def list_columns(scoring):
    """Columns of scores: on the test part, then on the training part."""
    names = (*TRACK_SCORES, *SEGMENT_SCORES, *scoring)
    return [*names, *(f"train_{name}" for name in names)]


def _without_nan(content):
    """Replace NaN, which JSON does not have, by None."""
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content

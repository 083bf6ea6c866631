"""Run a benchmark: every model on the same folds of the same tracks."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
import numpy as np
from sklearn.base import clone

from skgenre._validation import check_groups, check_n_jobs, check_positive_integer
from skgenre._workers import choose_return, explaining_dead_workers
from skgenre.benchmark.arguments import (
    check_choices,
    check_data,
    check_folder,
    check_models,
)
from skgenre.benchmark.cells import Cell, CellFolder, run_cell
from skgenre.benchmark.protocols import (
    check_paper_model,
    explode_tracks,
    list_folds,
    list_paper_folds,
    make_splitter,
)
from skgenre.benchmark.result import BenchmarkResult, check_same_data
from skgenre.benchmark.scorers import list_scores
from skgenre.benchmark.table import format_scores, score_title
from skgenre.benchmark.tracks import analyse_tracks
from skgenre.datasets import fingerprint_tracks
from skgenre.features import MFCCExtractor
from skgenre.model_selection import list_untrained_genres

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from sklearn.utils import Bunch

    from skgenre._typing import Progress, Protocol, StrPath

logger = logging.getLogger(__name__)


def run_benchmark(
    models: Sequence[str] | Mapping[str, Any],
    data: Bunch,
    *,
    protocols: Sequence[Protocol] = ("track",),
    n_splits: int = 5,
    seeds: Sequence[int] = (0,),
    epochs: int | None = None,
    scoring: str | Callable[..., Any] | Sequence[str] | Mapping[str, Any] | None = None,
    n_jobs: int | None = None,
    cache_dir: StrPath | None = None,
    output: StrPath | None = None,
    strict: bool = False,
    command: str | None = None,
    progress: Progress = None,
) -> BenchmarkResult:
    """Cross-validate models on the same folds of tracks.

    Every file is analysed once, before any split; files that cannot be analysed are
    left out and listed in the result. Progress goes to the logger ``skgenre``.

    Parameters
    ----------
    models : sequence of str or dict of estimators
        Names that `make_model` knows, or whole pipelines, from paths to genres, by
        names of your own. Where the data has ``groups``, a search (`GridSearchCV`) and
        a model, or last step, whose `fit` takes groups are given those of the training
        tracks, for inner folds that keep artists apart, too.
    data : Bunch
        Tracks as the loaders return them: ``paths`` and ``target``; for the protocol
        ``"artist"`` also ``groups``, for ``"filtered"`` ``filtered_split``.
    protocols : sequence of {"paper", "track", "artist", "filtered"}, default=("track",)
        How tracks are split; see `skgenre.model_selection.make_splitter`. For
        ``"paper"`` the rows are segments: it has no scores per track.
    n_splits : int, default=5
        Number of folds.
    seeds : sequence of int, default=(0,)
        Each gives other folds, and is the `random_state` of every model.
    epochs : int or None, default=None
        Epochs of every network; None leaves the models as they are.
    scoring : str, callable, sequence of str, dict or None, default=None
        Further scores per track, as in `sklearn.model_selection.cross_validate`.
        Accuracy, balanced accuracy, macro F1 and log-loss, and accuracy and log-loss
        per segment, are always there.
    n_jobs : int or None, default=None
        Folds fitted at the same time, in processes of their own.
    cache_dir : str, Path or None, default=None
        Folder of the features; None is a temporary one.
    output : str, Path or None, default=None
        Folder that gets ``results.json`` and ``results.csv``, and each fold as it is
        finished: a run that was stopped goes on where it was.
    strict : bool, default=False
        Raise for files that cannot be analysed, instead of leaving them out.
    command : str or None, default=None
        How the benchmark was called, for the record.
    progress : callable or None, default=None
        Shows progress of your own: called as ``progress(iterable, total=n, what=text)``
        for the analysis and for the folds of each model, it hands on the items.

    Returns
    -------
    result : BenchmarkResult
        Scores, fold by fold.

    Raises
    ------
    AudioDecodeError
        No file, or with `strict` not every file, can be analysed.
    ValueError, TypeError, OSError
        An unknown model or protocol, a parameter of a model that is out of range (see
        `check_model`), fewer than two genres, a genre with fewer tracks than folds, a
        folder that cannot be written to or holds the results of other data: all before
        any file is read. A model that fails in a fold is no error: its row says so.
    concurrent.futures.process.BrokenProcessPool
        A worker process died. With `output`, the folds that were finished are kept.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import make_genre_tracks, run_benchmark
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=4, duration=6.0, random_state=0
    ...     )
    ...     result = run_benchmark(["logistic", "dummy"], data, n_splits=2)
    >>> len(result.folds)
    4
    """
    # All that can be wrong is found before hours of analysis and fits.
    models, scoring = check_models(models), list_scores(scoring)
    tracks = check_data(data)
    protocols, seeds = check_choices(protocols, seeds)
    if epochs is not None:
        check_positive_integer(epochs, name="epochs")
    check_n_jobs(n_jobs)
    _make_splitters(tracks, protocols, seeds, n_splits)
    if "paper" in protocols:
        for name, model in models.items():
            check_paper_model(model, name)
    for name, folder in [("cache_dir", cache_dir), ("output", output)]:
        check_folder(folder, name=name)
    fingerprint = fingerprint_tracks(tracks)
    if output is not None:
        check_same_data(output, fingerprint)
    with _features_folder(cache_dir) as features_dir:
        models = {
            name: _configure(model, epochs=epochs, cache_dir=features_dir)
            for name, model in models.items()
        }
        failures = analyse_tracks(
            models.values(),
            tracks.paths.tolist(),
            n_jobs=n_jobs,
            strict=strict,
            progress=progress,
        )
        tracks = _leave_out(tracks, failures)
        rows, untrained = _run_models(
            models,
            tracks,
            _make_splitters(tracks, protocols, seeds, n_splits),
            scoring=scoring,
            n_jobs=n_jobs,
            output=output,
            progress=progress,
        )
    result = BenchmarkResult.from_rows(
        rows,
        scoring=tuple(scoring),
        unreadable=[{"path": path, "reason": failures[path]} for path in failures],
        setting={
            "command": command,
            "models": list(models),
            "protocols": list(protocols),
            "n_splits": n_splits,
            "seeds": list(seeds),
            "epochs": epochs,
            "n_tracks_per_genre": dict(Counter(tracks.target.tolist())),
            "fingerprint": fingerprint,
        },
        paths=[str(path) for path in tracks.paths],
        groups=None
        if tracks.groups is None
        else check_groups(tracks.groups, n_tracks=len(tracks.paths)).tolist(),
        untrained_genres=untrained,
    )
    if output is not None:
        result.save(output)
    return result


def _make_splitters(tracks, protocols, seeds, n_splits):
    return [
        (
            {"protocol": protocol, "seed": seed},
            make_splitter(protocol, tracks, n_splits=n_splits, seed=seed),
        )
        for protocol in protocols
        for seed in seeds
    ]


def _find_untrained(label, folds, tracks):
    """One entry per fold that tests on genres it cannot train on."""
    if label["protocol"] == "paper":
        return []
    found = []
    for fold, genres in enumerate(list_untrained_genres(folds, tracks.target)):
        if genres:
            logger.warning(
                "protocol %s, seed %d, fold %d: no track to train on of %s",
                *(label["protocol"], label["seed"], fold),
                ", ".join(genres),
            )
            found.append({**label, "fold": fold, "genres": genres})
    return found


@contextmanager
def _features_folder(cache_dir):
    if cache_dir is not None:
        yield cache_dir
        return
    with tempfile.TemporaryDirectory(prefix="skgenre-features-") as folder:
        yield folder


def _configure(model, *, epochs, cache_dir):
    """A clone whose extractors share one store, and whose networks train `epochs`."""
    model = clone(model)
    for name, value in model.get_params().items():
        if isinstance(value, MFCCExtractor) and value.cache_dir is None:
            value.set_params(cache_dir=cache_dir)
        if epochs is not None and name.split("__")[-1] == "epochs":
            model.set_params(**{name: epochs})
    return model


def _seed(model, seed):
    model = clone(model)
    names = [
        name for name in model.get_params() if name.split("__")[-1] == "random_state"
    ]
    return model.set_params(**dict.fromkeys(names, seed))


def _leave_out(tracks, failures):
    kept = np.asarray([path not in failures for path in tracks.paths])
    lost = sorted(map(str, set(tracks.target) - set(tracks.target[kept])))
    if lost:
        logger.warning(
            "genres without a readable track are left out: %s", ", ".join(lost)
        )
    return tracks.take(kept)


def _run_models(models, tracks, splitters, **options):
    """One row per model and fold of each splitter; and the genres not trained on."""
    rows, untrained = [], []
    for label, splitter in splitters:
        folds = list_folds(splitter, tracks, label)
        untrained += _find_untrained(label, folds, tracks)
        for name, model in models.items():
            model = _seed(model, label["seed"])
            label_of_model = {"model": name, **label}
            rows += _run_model(model, tracks, folds, label=label_of_model, **options)
    return rows, untrained


def _run_model(model, tracks, folds, *, label, scoring, n_jobs, output, progress):
    """One row per fold of one model; those that are finished already are read."""
    X, target, groups = tracks.paths, tracks.target, tracks.groups
    is_paper = label["protocol"] == "paper"
    if is_paper:
        X, target, model = explode_tracks(model, tracks)
        groups = None
        folds = list_paper_folds(folds, target)
    folder = CellFolder(None if output is None else Path(output, "cells"))
    cells = [
        Cell({**label, "fold": number}, model, *fold)
        for number, fold in enumerate(folds)
    ]
    rows = [folder.load(cell) for cell in cells]
    missing = [number for number, row in enumerate(rows) if row is None]
    what = "{model}, protocol {protocol}, seed {seed}".format(**label)
    logger.info("%s: fitting %d folds of %d", what, len(missing), len(cells))
    return_as = "list" if progress is None else choose_return()
    with explaining_dead_workers(f"fitting {what}", output):
        done = joblib.Parallel(n_jobs=n_jobs, return_as=return_as)(
            joblib.delayed(run_cell)(
                *(cells[number], X, target, groups),
                scoring=scoring,
                rows_are_segments=is_paper,
                folder=folder,
            )
            for number in missing
        )
        if progress is not None:
            done = progress(done, total=len(missing), what=f"fitting {label['model']}")
        for number, row in zip(missing, done, strict=True):
            rows[number] = row
    _log_scores(what, rows)
    return rows


def _log_scores(what, rows):
    for row in rows:
        if row["error"] is not None:
            logger.warning("%s, fold %d failed: %s", what, row["fold"], row["error"])
    done = [row for row in rows if row["error"] is None]
    if done:
        shown = [
            f"{score_title(name)} {format_scores([row[name] for row in done])}"
            for name in ("accuracy", "segment_accuracy")
        ]
        logger.info("%s: %s", what, ", ".join(shown))

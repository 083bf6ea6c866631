"""Run a benchmark: every model on the same folds of the same tracks."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
import numpy as np
from sklearn import get_config
from sklearn.base import clone

from skgenre._validation import check_groups, check_n_jobs, check_positive_integer
from skgenre._workers import choose_return, explaining_dead_workers
from skgenre.benchmark.arguments import (
    check_choices,
    check_data,
    check_folder,
    check_models,
    check_output,
)
from skgenre.benchmark.cells import CELLS, Cell, CellFolder, run_cell
from skgenre.benchmark.description import describe_parts
from skgenre.benchmark.protocols import (
    check_segment_model,
    explode_tracks,
    list_folds,
    list_segment_folds,
    make_splitter,
)
from skgenre.benchmark.result import (
    BenchmarkResult,
    check_same_data,
    describe_versions,
)
from skgenre.benchmark.scorers import list_scores
from skgenre.benchmark.table import format_scores, score_title
from skgenre.benchmark.tracks import (
    analyse_tracks,
    digest_files,
    features_folder,
    leave_out,
    list_unreadable,
)
from skgenre.datasets import digest_tracks
from skgenre.features import MFCCExtractor
from skgenre.model_selection import list_untrained_genres

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from sklearn.utils import Bunch

    from skgenre._typing import Progress, Protocol, StrPath

logger = logging.getLogger(__name__)

_SETTINGS = ("enable_metadata_routing", "transform_output")


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
    protocols : sequence of str, default=("track",)
        How tracks are split, by ``"segment"``, ``"track"``, ``"artist"`` or
        ``"filtered"``; see `skgenre.model_selection.make_splitter`. For
        ``"segment"`` the rows are segments: it has no scores per track.
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
        finished: a run that was stopped goes on where it was. A finished fold is fitted
        again, and the log says so, unless the content of its audio files, all
        parameters of the model, the scorers and the versions of the packages are those
        it was fitted with.
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
    check_positive_integer(n_splits, name="n_splits")
    n_splits = int(n_splits)
    if epochs is not None:
        check_positive_integer(epochs, name="epochs")
        epochs = int(epochs)
    check_n_jobs(n_jobs)
    _list_splits(tracks, protocols, seeds, n_splits)
    if "segment" in protocols:
        for name, model in models.items():
            check_segment_model(model, name)
    check_folder(cache_dir, name="cache_dir")
    check_output(output)
    audio = {}
    if output is not None:
        check_same_data(output, digest_tracks(tracks, sizes=False))
        # Before the analysis: a file that changes meanwhile is another one next time.
        audio = digest_files(tracks.paths.tolist())
    with features_folder(cache_dir) as features_dir:
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
        tracks = leave_out(tracks, failures)
        splits = _list_splits(tracks, protocols, seeds, n_splits)
        untrained = [
            entry for split in splits for entry in _find_untrained(split, tracks)
        ]
        rows = _run_models(
            models,
            tracks,
            splits,
            scoring=scoring,
            audio=audio,
            n_jobs=n_jobs,
            output=output,
            progress=progress,
        )
    result = BenchmarkResult.from_rows(
        rows,
        scoring=tuple(scoring),
        unreadable=list_unreadable(failures),
        setting={
            "command": command,
            "models": list(models),
            "protocols": list(protocols),
            "n_splits": n_splits,
            "seeds": list(seeds),
            "epochs": epochs,
            "n_tracks_per_genre": dict(Counter(tracks.target.tolist())),
            "fingerprint": digest_tracks(tracks),
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


@dataclass(frozen=True)
class _Split:
    """One protocol under one seed.

    Attributes
    ----------
    label : dict
        ``protocol`` and ``seed``.
    splitter : cross-validation splitter
    folds : list of (train, test) or None
        Indices of tracks; None for the paper's protocol, whose rows are segments.
    """

    label: dict
    splitter: object
    folds: list | None


def _list_splits(tracks, protocols, seeds, n_splits):
    splits = []
    for protocol in protocols:
        for seed in seeds:
            splitter = make_splitter(protocol, tracks, n_splits=n_splits, seed=seed)
            folds = (
                None
                if protocol == "segment"
                else list_folds(protocol, splitter, tracks)
            )
            label = {"protocol": protocol, "seed": seed}
            splits.append(_Split(label, splitter, folds))
    return splits


def _find_untrained(split, tracks):
    """One entry per fold that tests on genres it cannot train on."""
    untrained = list_untrained_genres(split.folds or (), tracks.target)
    for fold, genres in enumerate(untrained):
        if genres:
            logger.warning(
                "protocol %s, seed %d, fold %d: no track to train on of %s",
                *(split.label["protocol"], split.label["seed"], fold),
                ", ".join(map(str, genres)),
            )
            yield {**split.label, "fold": fold, "genres": genres}


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
    # What is frozen has none, and returns nothing.
    model.set_params(**dict.fromkeys(names, seed))
    return model


def _run_models(models, tracks, splits, *, scoring, audio, output, **options):
    """One row per model and fold of each split; those of finished folds are read."""
    folder = CellFolder(None if output is None else Path(output, CELLS))
    versions = describe_versions()
    runs, reasons = [], Counter()
    for split in splits:
        for name, model in models.items():
            model = _seed(model, split.label["seed"])
            cells = _list_cells(name, model, split, tracks)
            if output is not None:
                cells = _identify(cells, model, split, tracks, scoring, audio, versions)
            rows = []
            for cell in cells:
                row, reason = folder.load(cell)
                rows.append(row)
                reasons.update([reason] if reason else [])
            runs.append((model, split, cells, rows))
    if reasons:
        logger.warning(
            "finished folds fitted again: %d (%s)",
            reasons.total(),
            "; ".join(f"{n} for {reason}" for reason, n in reasons.items()),
        )
    options |= {"scoring": scoring, "output": output, "folder": folder}
    return [row for run in runs for row in _run_model(*run, tracks, **options)]


def _list_cells(name, model, split, tracks):
    """The folds of one model."""
    folds = split.folds
    if folds is None:
        _, target, model = explode_tracks(model, tracks)
        folds = list_segment_folds(split.splitter, target)
    label = {"model": name, **split.label}
    return [
        Cell({**label, "fold": number}, model, train, test)
        for number, (train, test) in enumerate(folds)
    ]


def _identify(cells, model, split, tracks, scoring, audio, versions):
    """The same folds, each with all that decides its scores."""
    scorers = sorted(scoring.items(), key=lambda item: str(item[0]))
    # Of scikit-learn's settings, those that change what steps and splitters are given.
    settings = [get_config()[name] for name in _SETTINGS]
    shared = describe_parts(
        model=model, scorers=scorers, settings=settings, versions=versions
    )
    identified = []
    for cell in cells:
        # Rows are segments, of any track.
        rows = slice(None)
        if split.folds is not None:
            rows = np.concatenate([cell.train, cell.test])
        groups = None if tracks.groups is None else tracks.groups[rows]
        own = describe_parts(
            audio=[audio[path] for path in tracks.paths[rows].tolist()],
            folds=[len(cells), cell.train, cell.test, tracks.target[rows], groups],
        )
        identified.append(replace(cell, decided_by={**own, **shared}))
    return identified


def _run_model(
    model, split, cells, rows, tracks, *, scoring, n_jobs, output, folder, progress
):
    """One row per fold of one model; those that are None are made."""
    missing = [number for number, row in enumerate(rows) if row is None]
    label = cells[0].label
    what = "{model}, protocol {protocol}, seed {seed}".format(**label)
    logger.info("%s: fitting %d folds of %d", what, len(missing), len(cells))
    X, target, groups = tracks.paths, tracks.target, tracks.groups
    is_segment = split.folds is None
    if is_segment and missing:
        X, target, _ = explode_tracks(model, tracks)
        groups = None
    return_as = "list" if progress is None else choose_return()
    with explaining_dead_workers(f"fitting {what}", output):
        done = joblib.Parallel(n_jobs=n_jobs, return_as=return_as)(
            joblib.delayed(run_cell)(
                *(cells[number], X, target, groups),
                scoring=scoring,
                rows_are_segments=is_segment,
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

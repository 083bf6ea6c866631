"""Run a benchmark: every model on the same folds of the same tracks."""

import logging
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import cross_validate

from skgenre._validation import check_positive_integer
from skgenre.benchmark.result import (
    BenchmarkResult,
    describe_versions,
    format_scores,
    score_title,
)
from skgenre.benchmark.scorers import make_scorers
from skgenre.benchmark.tracks import analyse_tracks
from skgenre.features import MFCCExtractor
from skgenre.model_selection import make_splitter
from skgenre.models import make_model

logger = logging.getLogger(__name__)


def run_benchmark(
    models,
    data,
    *,
    protocols=("track",),
    n_splits=5,
    seeds=(0,),
    epochs=None,
    scoring=None,
    n_jobs=None,
    cache_dir=None,
    output=None,
    strict=False,
    command=None,
):
    """Cross-validate models on the same folds of tracks.

    Every file is analysed once, before any split; files that cannot be analysed are
    left out and listed in the result. Progress goes to the logger ``skgenre``.

    Parameters
    ----------
    models : sequence of str or dict of estimators
        Names that `make_model` knows, or whole pipelines, from paths to genres, by
        names of your own.
    data : Bunch
        Tracks as the loaders return them: ``paths`` and ``target``.
    protocols : sequence of {"track"}, default=("track",)
        How tracks are split; see `skgenre.model_selection.make_splitter`.
    n_splits : int, default=5
        Number of folds.
    seeds : sequence of int, default=(0,)
        Each gives other folds, and is the `random_state` of every model.
    epochs : int or None, default=None
        Epochs of every network; None leaves the models as they are.
    scoring : str, callable, sequence of str, dict or None, default=None
        Scores per track, as in `sklearn.model_selection.cross_validate`; None is
        accuracy. Accuracy per segment is always added.
    n_jobs : int or None, default=None
        Folds fitted at the same time, in processes of their own.
    cache_dir : str, Path or None, default=None
        Folder of the features; None is a temporary one.
    output : str, Path or None, default=None
        Folder that gets ``results.json``.
    strict : bool, default=False
        Raise for files that cannot be analysed, instead of leaving them out.
    command : str or None, default=None
        How the benchmark was called, for the record.

    Returns
    -------
    result : BenchmarkResult
        Scores, fold by fold.

    Raises
    ------
    AudioDecodeError
        No file, or with `strict` not every file, can be analysed.
    ValueError
        An unknown model or protocol; a genre with fewer tracks than folds.

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
    if epochs is not None:
        check_positive_integer(epochs, name="epochs")
    models, scorers = _check_models(models), make_scorers(scoring)
    # Before hours of analysis: an unknown protocol, too few tracks, nowhere to write.
    _make_splitters(data.target, protocols, seeds, n_splits)
    if output is not None:
        Path(output).mkdir(parents=True, exist_ok=True)
    with _features_folder(cache_dir) as features_dir:
        models = {
            name: _configure(model, epochs=epochs, cache_dir=features_dir)
            for name, model in models.items()
        }
        failures = analyse_tracks(
            models.values(), data.paths, n_jobs=n_jobs, strict=strict
        )
        paths, target = _leave_out(data, failures)
        folds = []
        for label, splitter in _make_splitters(target, protocols, seeds, n_splits):
            for name, model in models.items():
                folds += _cross_validate(
                    _seed(model, label["seed"]),
                    paths,
                    target,
                    label={"model": name, **label},
                    cv=splitter,
                    scoring=scorers,
                    n_jobs=n_jobs,
                )
    result = BenchmarkResult(
        folds=folds,
        score_names=tuple(scorers),
        unreadable=[{"path": path, "reason": failures[path]} for path in failures],
        setting={
            "command": command,
            "models": list(models),
            "protocols": list(protocols),
            "n_splits": n_splits,
            "seeds": list(seeds),
            "epochs": epochs,
            "n_tracks_per_genre": dict(Counter(target.tolist())),
        },
        versions=describe_versions(),
    )
    if output is not None:
        result.save(output)
    return result


def _check_models(models):
    if isinstance(models, str):
        models = [models]
    if not isinstance(models, dict):
        models = {name: make_model(name) for name in models}
    if not models:
        raise ValueError("models must hold at least one model, got none.")
    return models


def _make_splitters(target, protocols, seeds, n_splits):
    return [
        (
            {"protocol": protocol, "seed": seed},
            make_splitter(protocol, target, n_splits=n_splits, random_state=seed),
        )
        for protocol in protocols
        for seed in seeds
    ]


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


def _leave_out(data, failures):
    kept = [path not in failures for path in data.paths]
    return np.asarray(data.paths)[kept], np.asarray(data.target)[kept]


def _cross_validate(model, paths, target, *, label, cv, scoring, n_jobs):
    """One row per fold of one model."""
    what = "{model}, protocol {protocol}, seed {seed}".format(**label)
    logger.info("%s: fitting %d folds", what, cv.get_n_splits())
    scores = cross_validate(
        model,
        paths,
        target,
        cv=cv,
        scoring=scoring,
        n_jobs=n_jobs,
        error_score="raise",
    )
    shown = [
        f"{score_title(name)} {format_scores(scores[f'test_{name}'])}"
        for name in scoring
    ]
    logger.info("%s: %s", what, ", ".join(shown))
    return [
        {
            **label,
            "fold": fold,
            **{name: float(scores[f"test_{name}"][fold]) for name in scoring},
            "fit_seconds": float(fit_seconds),
            "score_seconds": float(scores["score_time"][fold]),
        }
        for fold, fit_seconds in enumerate(scores["fit_time"])
    ]

"""Run a benchmark: every model on the same folds of the same tracks."""

from __future__ import annotations

import itertools
import logging
import platform
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from time import monotonic
from typing import Any

import joblib
import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skgenre._io import counted, describe_os_error, find_versions
from skgenre._typing import Progress, Protocol, StrPath
from skgenre._validation import (
    check_choice,
    check_groups,
    check_n_jobs,
    check_positive_integer,
    check_progress,
    plain_integers,
)
from skgenre.benchmark.description import describe_parts
from skgenre.benchmark.fits import (
    FITS_FOLDER,
    FinishedFits,
    Fit,
    check_same_data,
)
from skgenre.benchmark.queue import Estimates, FitQueue
from skgenre.benchmark.result import (
    PACKAGES,
    RESULT_FILES,
    SCORE_TITLES,
    BenchmarkResult,
)
from skgenre.benchmark.scorers import check_scorers
from skgenre.benchmark.tracks import (
    StoredSegments,
    analyse_tracks,
    check_data,
    digest_files,
    features_folder,
    leave_out,
    list_unreadable,
    split_extraction,
)
from skgenre.datasets import digest_tracks
from skgenre.features import CACHE_KEYS, BaseSegmentExtractor, list_extractors
from skgenre.model_check import check_model, naming_part
from skgenre.model_selection import make_splitter
from skgenre.model_selection.protocols import list_untrained_genres
from skgenre.models import make_model
from skgenre.pretrained import MODELS as PRETRAINED
from skgenre.segment_union import SegmentUnion

logger = logging.getLogger(__name__)

# Between two lines of the log that tell how many fits are done.
SECONDS_PER_MESSAGE = 60

# Of scikit-learn's settings, those that change what steps and splitters are given.
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
    cache_key: str = "stat",
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
        any name. If the data has ``groups``, those of the training tracks are passed to
        a search (`GridSearchCV`) and to a model, or last step, whose `fit` takes
        groups, so that inner folds keep artists apart, too. Within other models, use a
        splitter that knows the groups (`X` of `make_splitter`).
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
        Number of fits that run at the same time, in separate processes; the longest
        first. A search that runs in one of them uses that process only.
    cache_dir : str, Path or None, default=None
        Folder of the features; None is a temporary one.
    cache_key : {"stat", "content"}, default="stat"
        How files are told apart in it, as in `MFCCExtractor`. An extractor whose own is
        ``"content"`` keeps it.
    output : str, Path or None, default=None
        Folder for ``results.json``, ``results.csv`` and each finished fit (a model
        under one protocol, seed and fold), so that a run that was stopped continues
        from there. A finished fit runs again, and the log says so, unless the content
        of its audio files, all parameters of the model, the scorers and the versions of
        the packages are the same.
    strict : bool, default=False
        Raise for files that cannot be analysed, instead of leaving them out.
    command : str or None, default=None
        How the benchmark was called, for the record.
    progress : callable or None, default=None
        Wraps an iterable like `tqdm`: ``progress(iterable, total=n, desc=text)`` yields
        its items. Called for the analysis and for the fits; the iterable of the latter
        has an attribute ``seconds_left``, an estimate.

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
        any file is read. A model that fails in a fold is no error: its row says so, as
        it does if the worker process of a fit dies twice.
    concurrent.futures.process.BrokenProcessPool
        A worker process died in the analysis.

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
    protocols = _check_distinct(protocols, name="protocols", one=str)
    seeds = _check_distinct(seeds, name="seeds", one=Integral)
    for seed in seeds:
        if not isinstance(seed, Integral) or not 0 <= int(seed) < 2**32:
            raise ValueError(
                f"seeds must be whole numbers from 0 to 2**32 - 1, got {seed!r}."
            )
    check_positive_integer(n_splits, name="n_splits")
    if epochs is not None:
        check_positive_integer(epochs, name="epochs")
    check_choice(cache_key, CACHE_KEYS, name="cache_key")
    n_splits, seeds, epochs = plain_integers((n_splits, seeds, epochs))
    check_n_jobs(n_jobs)
    check_progress(progress)
    # Raises where the configured backend has no workers.
    joblib.effective_n_jobs(n_jobs)
    models, scoring = _check_models(models, protocols), check_scorers(scoring)
    tracks = check_data(data)
    for protocol, seed in itertools.product(protocols, seeds):
        _split(protocol, seed, n_splits, tracks)
    if cache_dir is not None:
        with _naming_folder(cache_dir, "cache_dir"):
            Path(cache_dir).mkdir(parents=True, exist_ok=True)
    audio = None
    if output is not None:
        _check_output(output)
        check_same_data(output, digest_tracks(tracks, sizes=False))
        # Before the analysis: a file that changes meanwhile is another one next time.
        audio = digest_files(tracks.paths.tolist())
    versions = {"python": platform.python_version(), **find_versions(PACKAGES)}

    with features_folder(cache_dir) as features_dir:
        models = {name: clone(model) for name, model in models.items()}
        for model in models.values():
            for extractor in list_extractors(model):
                if extractor.cache_dir is None:
                    extractor.set_params(cache_dir=features_dir)
                    if extractor.cache_key == "stat":
                        extractor.set_params(cache_key=cache_key)
        failures = analyse_tracks(
            models.values(),
            tracks.paths.tolist(),
            n_jobs=n_jobs,
            strict=strict,
            progress=progress,
        )
        tracks = leave_out(tracks, failures)
        fits = _list_fits(
            models,
            tracks,
            protocols=protocols,
            seeds=seeds,
            n_splits=n_splits,
            epochs=epochs,
            scoring=scoring,
            audio=audio,
            versions=versions,
        )
        untrained = _find_untrained(fits)
        rows = _run_fits(fits, output=output, n_jobs=n_jobs, progress=progress)

    groups = tracks.groups
    if groups is not None:
        groups = check_groups(groups, n_tracks=len(tracks.paths)).tolist()
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
            "data_digest": digest_tracks(tracks),
            "pretrained": {
                name: sorted(networks)
                for name, model in models.items()
                if (networks := _find_pretrained(model))
            },
        },
        paths=tracks.paths.tolist(),
        groups=groups,
        versions=versions,
        untrained_genres=untrained,
    )
    if output is not None:
        result.save(output)
    return result


def _check_models(models, protocols):
    """Return the models as a dict of estimators by name."""
    if isinstance(models, str):
        models = [models]
    if not isinstance(models, dict):
        names = list(models)
        if not all(isinstance(name, str) for name in names):
            raise TypeError(
                f"models must be names, or a dict of estimators by name, got {names!r}."
            )
        models = {name: make_model(name) for name in names}
    if not models:
        raise ValueError("models must hold at least one model, got none.")
    for name, model in models.items():
        with naming_part(f"models[{name!r}]"):
            check_model(model)
        if not hasattr(model, "predict"):
            raise TypeError(f"models[{name!r}] must have predict, got {model!r}.")
        first = model
        while isinstance(first, Pipeline):
            first = first[0]
        if "segment" in protocols and not (
            isinstance(first, BaseSegmentExtractor | SegmentUnion)
            and list_extractors(first)
        ):
            raise ValueError(
                "protocol 'segment' needs pipelines that begin with an extractor of "
                f"features, or a SegmentUnion of such, got {name!r}: {model!r}."
            )
    return models


def _find_pretrained(value):
    """Names of the pretrained networks in a model, also in a search's candidates."""
    if isinstance(value, str):
        return {value} & {*PRETRAINED}
    if isinstance(value, Mapping):
        value = value.values()
    elif hasattr(value, "get_params") and not isinstance(value, type):
        value = value.get_params(deep=False).values()
    elif not isinstance(value, (list, tuple)):
        return set()
    return set().union(*map(_find_pretrained, value))


def _check_distinct(values, *, name, one):
    """Return values as a tuple, also a single one."""
    values = (values,) if isinstance(values, one) else tuple(values)
    if not values or len(set(values)) < len(values):
        raise ValueError(
            f"{name} must hold one or more distinct values, got {values!r}."
        )
    return values


@contextmanager
def _naming_folder(folder, name):
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{name} must be a folder that can be written to, got {str(folder)!r}: "
            f"{describe_os_error(error)}."
        ) from error


def _check_output(output):
    """Make the folder of the results, and check that they can be written there."""
    # Permissions do not tell of a read-only file system, and mean nothing to root.
    with _naming_folder(output, "output"):
        Path(output).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    for name in (*RESULT_FILES, FITS_FOLDER):
        path = Path(output, name)
        if path.exists() and not (
            path.is_dir() if name == FITS_FOLDER else path.is_file()
        ):
            raise OSError(
                f"output must be a folder of results, got {str(output)!r}, where "
                f"something else has the name {name!r}."
            )


def _split(protocol, seed, n_splits, tracks, segments=None):
    """Folds of the tracks, or under `segment` of the `segments`' genres (n_segments,).

    Refuses folds that no classifier can be trained on.
    """
    splitter = make_splitter(
        protocol,
        tracks.target,
        groups=tracks.groups,
        X=tracks.paths,
        filtered_split=tracks.filtered_split,
        n_splits=n_splits,
        random_state=seed,
    )
    if protocol == "segment":
        # Their number is known once the tracks are analysed.
        if segments is None:
            return []
        try:
            return list(splitter.split(segments, segments))
        except ValueError as error:
            raise ValueError(
                f"protocol 'segment' cannot split {counted(len(segments), 'segment')}: "
                f"{error}"
            ) from error
    # Splitters that use no groups warn of them.
    groups = None if protocol in ("track", "filtered") else tracks.groups
    folds = list(splitter.split(tracks.paths, tracks.target, groups))
    for number, (train, _) in enumerate(folds):
        genres = set(tracks.target[train].tolist())
        if len(genres) < 2:
            raise ValueError(
                f"protocol={protocol!r} leaves fold {number} of {len(folds)} a single "
                f"genre to train on, {genres.pop()!r}: a classifier needs two."
            )
    return folds


def _list_fits(
    models, tracks, *, protocols, seeds, n_splits, epochs, scoring, audio, versions
):
    """Return all fits; with `audio`, digests by path, each has what decides its scores.

    Under the protocol ``"segment"`` a model's rows are the segments that its extractors
    find, and the model is what follows these.
    """
    shared, segments_of, fits = {}, {}, []
    if audio is not None:
        shared = describe_parts(
            scorers=sorted(scoring.items(), key=lambda item: str(item[0])),
            settings=[get_config()[name] for name in _SETTINGS],
            versions=versions,
        )
    for protocol, seed in itertools.product(protocols, seeds):
        X, y, groups = tracks.paths, tracks.target, tracks.groups
        folds = _split(protocol, seed, n_splits, tracks)
        decide_fold = _describe_folds(folds, tracks, audio)
        for name, model in models.items():
            model = clone(model)
            for parameter in model.get_params():
                last = parameter.split("__")[-1]
                if last == "random_state":
                    model.set_params(**{parameter: seed})
                elif last == "epochs" and epochs is not None:
                    model.set_params(**{parameter: epochs})
            decide_model = {} if audio is None else describe_parts(model=model)
            if protocol == "segment":
                extractors, model = split_extraction(model)
                # Read once for all models with the same extractor: how many there are.
                key = repr([sorted(e.get_params().items()) for e in extractors])
                if key not in segments_of:
                    segments_of[key] = StoredSegments(extractors, tracks.paths)
                X, groups = segments_of[key], None
                y = tracks.target[X.tracks]
                folds = _split(protocol, seed, n_splits, tracks, segments=y)
                decide_fold = _describe_folds(folds, tracks, audio, of_segments=True)
            for number, (train, test) in enumerate(folds):
                label = {"model": name, "protocol": protocol, "seed": seed}
                fits.append(
                    Fit(
                        label={**label, "fold": number},
                        model=model,
                        X=X,
                        y=y,
                        groups=groups,
                        train=train,
                        test=test,
                        scoring=scoring,
                        decided_by={**decide_fold[number], **decide_model, **shared},
                    )
                )
    return fits


def _describe_folds(folds, tracks, audio, *, of_segments=False):
    """Return digests of the files and the rows of each fold; none without `audio`."""
    if audio is None:
        return [{}] * len(folds)
    described = []
    for train, test in folds:
        # Segments may be of any track. Sorted: other folds of the same tracks have the
        # same audio.
        rows = slice(None) if of_segments else np.sort(np.concatenate([train, test]))
        groups = None if tracks.groups is None else tracks.groups[rows]
        own = describe_parts(
            audio=[audio[path] for path in tracks.paths[rows].tolist()],
            folds=[len(folds), train, test, tracks.target[rows], groups],
        )
        described.append(own)
    return described


def _find_untrained(fits):
    """Return, and log, the folds that test on genres without a track to train on."""
    untrained = {}
    for fit in fits:
        (genres,) = list_untrained_genres([(fit.train, fit.test)], fit.y)
        label = {name: fit.label[name] for name in ("protocol", "seed", "fold")}
        if genres:
            # Once, not for each model.
            untrained[tuple(label.values())] = {**label, "genres": genres}
    for entry in untrained.values():
        logger.warning(
            "protocol %(protocol)s, seed %(seed)d, fold %(fold)d: no track of "
            "%(genres)s to train on",
            {**entry, "genres": ", ".join(map(str, entry["genres"]))},
        )
    return list(untrained.values())


def _run_fits(fits, *, output, n_jobs, progress):
    """Return one row per fit; those of finished fits are read."""
    finished = FinishedFits(output)
    rows, reasons = map(list, zip(*map(finished.load, fits), strict=True))
    reasons = Counter(reason for reason in reasons if reason is not None)
    if reasons:
        logger.warning(
            "finished fits run again: %d (%s)",
            reasons.total(),
            "; ".join(f"{n} for {reason}" for reason, n in reasons.items()),
        )
    missing = {number: fit for number, fit in enumerate(fits) if rows[number] is None}
    estimates, models = Estimates(), {}
    for number, (fit, row) in enumerate(zip(fits, rows, strict=True)):
        what = "{model}, protocol {protocol}, seed {seed}".format(**fit.label)
        models.setdefault(what, []).append(number)
        if row is not None:
            estimates.add(fit, row)
    for what, numbers in models.items():
        n_missing = sum(number in missing for number in numbers)
        logger.info("%s: %d of %d fits to run", what, n_missing, len(numbers))
        _log_scores(what, [rows[number] for number in numbers])
    queue = FitQueue(missing, finished, estimates, n_jobs=n_jobs)
    done = queue
    if progress is not None:
        done = progress(queue, total=len(missing), desc="fitting")
    last_message = monotonic()
    for n_done, (number, row) in enumerate(done, start=1):
        rows[number] = row
        what = "{model}, protocol {protocol}, seed {seed}".format(**row)
        _log_scores(what, [rows[number] for number in models[what]])
        if monotonic() - last_message > SECONDS_PER_MESSAGE:
            last_message, minutes = monotonic(), queue.seconds_left / 60
            message = "fitted %d of %d, about %.0f min to go"
            logger.info(message, n_done, len(missing), minutes)
    if None in rows:
        raise ValueError(
            f"progress must yield all items ({len(missing)}), got "
            f"{rows.count(None)} fewer."
        )
    return rows


def _log_scores(what, rows):
    """Log the result of a model under one protocol and seed, once it has all folds."""
    if None in rows:
        return
    for row in rows:
        if row["error"] is not None:
            logger.warning("%s, fold %d failed: %s", what, row["fold"], row["error"])
    scored = [row for row in rows if row["error"] is None]
    for name in ("accuracy", "segment_accuracy"):
        values = [row[name] for row in scored]
        if np.isfinite(values).any():
            mean, deviation = np.mean(values), np.std(values)
            title = SCORE_TITLES[name]
            logger.info("%s: %s %.3f ± %.3f", what, title, mean, deviation)

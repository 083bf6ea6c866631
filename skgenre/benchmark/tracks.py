"""The tracks of a benchmark, each analysed once, before any split."""

import contextlib
import logging
import math
import tempfile
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone

from skgenre._io import EXHAUSTED
from skgenre._validation import check_no_missing_label, name_missing_groups
from skgenre.audio import (
    AudioDecodeError,
    NoAudio,
    digest_source,
    list_sources,
    name_source,
)
from skgenre.features import list_extractors
from skgenre.model_selection import explode_segments
from skgenre.segment_union import join_segments
from skgenre.timeline import replace_extractors

logger = logging.getLogger(__name__)

# Tracks analysed between two lines of the log.
N_TRACKS_PER_MESSAGE = 50

# Tracks whose segments are read at a time: 6.8 MB.
_N_TRACKS_PER_BLOCK = 100


@dataclass(frozen=True)
class Tracks:
    """Paths, genres and, where known, artists and given parts: (n_tracks,) each."""

    paths: np.ndarray
    target: np.ndarray
    groups: np.ndarray | None = None
    filtered_split: np.ndarray | None = None

    def take(self, kept):
        """Return the tracks of a mask (n_tracks,)."""
        values = self.paths, self.target, self.groups, self.filtered_split
        return Tracks(*(None if v is None else v[kept] for v in values))


def check_data(data):
    """Return the tracks of a Bunch."""
    if not hasattr(data, "paths") or not hasattr(data, "target"):
        raise TypeError(
            "data must have paths and target, as load_genre_folder returns them, got "
            f"{type(data).__name__}."
        )
    check_no_missing_label(data.target, name="target")
    paths, target = _list_paths(data.paths), np.asarray(data.target)
    if len(paths) != len(target):
        raise ValueError(
            f"data must have one target per path, got {len(target)} for {len(paths)}."
        )
    groups = getattr(data, "groups", None)
    filtered_split = getattr(data, "filtered_split", None)
    return Tracks(
        np.asarray(paths, dtype=object),
        target,
        # Named, so that any splitter within a model takes them, too.
        None if groups is None else name_missing_groups(groups, paths),
        None if filtered_split is None else np.asarray(filtered_split),
    )


def _list_paths(paths):
    sources = list_sources(paths)
    for position, source in enumerate(sources):
        # A missing path is one of a file that cannot be read.
        if not isinstance(source, (str, NoAudio)):
            raise TypeError(
                f"data.paths[{position}] must be the path of a file, got audio in "
                "memory: results name their tracks."
            )
    return list(map(name_source, sources))


@contextlib.contextmanager
def features_folder(cache_dir):
    """Yield the folder of the features: `cache_dir`, or a temporary one."""
    if cache_dir is not None:
        yield cache_dir
        return
    with tempfile.TemporaryDirectory(prefix="skgenre-features-") as folder:
        yield folder


def digest_files(paths):
    """Compute a digest of each file's content, by path; random if it cannot be read.

    Size and modification time are not enough: another file may have both.
    """
    digests = {}
    for path in set(paths):
        try:
            digests[path] = digest_source(path)
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise
            digests[path] = uuid4().hex
    return digests


def analyse_tracks(models, paths, *, n_jobs, strict, progress):
    """Fill the store for every extractor in use; return path -> reason where it failed.

    With `strict`, or where no file can be analysed, those are raised instead.
    """
    extractors = {}
    for model in models:
        for extractor in list_extractors(model):
            extractors[repr(sorted(extractor.get_params().items()))] = extractor
    failures = {}
    for extractor in extractors.values():
        if extractor.n_jobs is None:
            extractor = clone(extractor).set_params(n_jobs=n_jobs)
        analysis = extractor.analyse(
            paths,
            strict=strict,
            keep_features=False,
            # A verbose extractor shows a bar of its own, unless it is given one.
            progress=None
            if extractor.verbose and progress is None
            else partial(_log_progress, shown=progress),
        )
        failures |= analysis.failures
    if len(failures) == len(set(paths)):
        raise AudioDecodeError(failures.items())
    return failures


def _log_progress(outcomes, *, total, desc, shown):
    """Yield the items, in the user's progress bar if there is one, and log them."""
    if shown is not None:
        outcomes = shown(outcomes, total=total, desc=desc)
    for number, outcome in enumerate(outcomes, start=1):
        yield outcome
        if number % N_TRACKS_PER_MESSAGE == 0 or number == total:
            logger.info("analysed %d of %d tracks", number, total)


def leave_out(tracks, failures):
    """Return the tracks whose files can be analysed."""
    kept = np.asarray([path not in failures for path in tracks.paths])
    lost = sorted(map(str, set(tracks.target) - set(tracks.target[kept])))
    if lost:
        logger.warning(
            "genres without a readable track are left out: %s", ", ".join(lost)
        )
    return tracks.take(kept)


def list_unreadable(failures):
    """Return the files that cannot, as results list them."""
    return [{"path": path, "error": reason} for path, reason in failures.items()]


class StoredSegments:
    """Rows of segments, as `explode_segments` orders them, read when they are indexed.

    Holds no features: they come from the extractors' store, some tracks at a time. A
    row has the features of all extractors, flat, one after the other.

    Parameters
    ----------
    extractors : list of extractors
        Of the same segments, with a folder of features.
    paths : ndarray of shape (n_tracks,)
        The tracks.

    Attributes
    ----------
    tracks : ndarray of int of shape (n_rows,)
        The track of each segment.
    """

    def __init__(self, extractors, paths):
        self.extractors, self.paths = extractors, paths
        # Tracks of any length share no array.
        self.step = 1 if extractors[0].n_segments is None else _N_TRACKS_PER_BLOCK
        starts = range(0, len(paths), self.step)
        self.tracks = np.concatenate([self._read(start)[1] for start in starts])

    def _read(self, start):
        tracks = np.arange(len(self.paths))[start : start + self.step]
        features = {}
        for number, extractor in enumerate(self.extractors):
            found = extractor.transform(self.paths[tracks])
            features[number] = found.reshape(*found.shape[:2], 1, -1)
        return explode_segments(join_segments(features), tracks)

    def __getitem__(self, rows):
        """Return segments (n_rows, 1, n_values), each row named once."""
        place = np.full(len(self.tracks), -1)
        place[rows] = np.arange(len(rows))
        starts = np.unique(self.tracks[rows] // self.step) * self.step
        segments = None
        for start in starts.tolist():
            block, tracks = self._read(start)
            first, last = self.tracks.searchsorted([start, tracks[-1] + 1])
            wanted = place[first:last]
            if segments is None:
                segments = np.empty((len(rows), *block.shape[1:]), block.dtype)
            segments[wanted[wanted >= 0]] = block[wanted >= 0]
        return segments


def split_extraction(model):
    """Return the extractors of a pipeline, and what it does with segments' features.

    The latter takes rows of `StoredSegments` instead of paths.
    """
    extractors, start = [], 0

    def take(extractor):
        nonlocal start
        shape = extractor._describe_analysis().segment_shape
        extractors.append(extractor)
        part = StoredPart(start, shape)
        start += math.prod(shape)
        return part

    return extractors, replace_extractors(model, take)


class StoredPart(TransformerMixin, BaseEstimator):
    """Takes the place of an extractor: cuts its features out of rows of segments."""

    def __init__(self, start, shape):
        self.start = start
        self.shape = shape

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        values = X[:, 0, self.start : self.start + math.prod(self.shape)]
        return values.reshape(len(X), 1, *self.shape)

    def __sklearn_is_fitted__(self):
        return True

"""The splits of a benchmark: on tracks, or for the paper's protocol on segments."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline

from skgenre.features import MFCCExtractor
from skgenre.model_selection import explode_segments
from skgenre.model_selection import make_splitter as make_plain_splitter


@dataclass(frozen=True)
class Tracks:
    """What a benchmark runs on: paths, genres, and where known artists and parts."""

    paths: np.ndarray
    target: np.ndarray
    groups: np.ndarray | None = None
    filtered_split: np.ndarray | None = None

    def take(self, kept):
        """The tracks of a mask."""
        values = self.paths, self.target, self.groups, self.filtered_split
        return Tracks(*(None if v is None else v[kept] for v in values))


def make_splitter(protocol, tracks, *, n_splits, seed):
    """The splitter of a protocol for these tracks."""
    return make_plain_splitter(
        protocol,
        tracks.target,
        groups=tracks.groups,
        filtered_split=tracks.filtered_split,
        n_splits=n_splits,
        random_state=seed,
    )


def list_folds(protocol, splitter, tracks):
    """Indices of the tracks to train and to test on, fold by fold.

    Refuses folds that no classifier can be trained on.
    """
    with warnings.catch_warnings():
        # Of a splitter that needs no groups.
        warnings.filterwarnings("ignore", "The groups parameter is ignored")
        folds = list(splitter.split(tracks.paths, tracks.target, tracks.groups))
    for number, (train, _) in enumerate(folds):
        genres = set(tracks.target[train].tolist())
        if len(genres) < 2:
            raise ValueError(
                f"protocol={protocol!r} leaves fold {number} of {len(folds)} a single "
                f"genre to train on, {genres.pop()!r}: a classifier needs two."
            )
    return folds


def list_segment_folds(splitter, target):
    """Indices of the segments to train and to test on."""
    try:
        return list(splitter.split(np.zeros(len(target)), target))
    except ValueError as error:
        raise ValueError(
            f"protocol 'segment' cannot split these {len(target)} segments: {error}"
        ) from error


def check_segment_model(model, name):
    """Refuse what cannot be cut between tracks and segments."""
    if not isinstance(model, Pipeline) or not isinstance(model[0], MFCCExtractor):
        raise ValueError(
            f"protocol 'segment' needs pipelines that begin with an MFCCExtractor, got "
            f"{name!r}: {model!r}."
        )


def explode_tracks(model, tracks):
    """Segments, their genres, and the model for them: all steps but the extractor."""
    X = model[0].transform(tracks.paths)
    return *explode_segments(X, tracks.target), model[1:]

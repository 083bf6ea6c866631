"""Tracks on their way to a network: checked, encoded, weighed."""

from typing import NamedTuple

import numpy as np

from skgenre._validation import check_weights
from skgenre.pooling import pool_probabilities
from skgenre.segments import SegmentRows, present_segments, unflatten_segments
from skgenre.training import Rows, Validation


class Tracks(NamedTuple):
    """Features of tracks, their class numbers, weights (None: all one) and groups.

    `members` are the indices of the tracks in `X`, None for all: `X` may be too large
    to be copied.
    """

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    members: np.ndarray | None = None

    def take(self, indices):
        """The tracks at these indices."""
        members = np.arange(len(self.X)) if self.members is None else self.members
        X, *values = self._replace(members=members)
        return Tracks(X, *(None if v is None else v[indices] for v in values))

    def without_weight_zero(self):
        """The tracks that count: weight zero must be as good as absent."""
        if self.sample_weight is None or self.sample_weight.all():
            return self
        return self.take(np.flatnonzero(self.sample_weight))

    def weigh_classes(self, class_weight, *, classes):
        """The tracks that count, with their weights times those of their classes."""
        weights = weigh_tracks(
            self.y, self.sample_weight, class_weight, classes=classes
        )
        if weights is not None:
            # Those that count may all have been held out.
            weights = check_weights(weights, name="sample_weight times class_weight")
        return self._replace(sample_weight=weights).without_weight_zero()

    def to_rows(self):
        """The segments that the tracks have; each gets its track's weight."""
        segments = SegmentRows(self.X, self.members)
        y = self.y[segments.tracks]
        if self.sample_weight is None:
            return Rows(segments, y, np.ones(len(segments)))
        return Rows(segments, y, self.sample_weight[segments.tracks])

    def to_validation(self, *, pooling):
        """What a network is validated on: segments, and their tracks by `pooling`.

        All count alike: a loss must not depend on how its tracks were chosen.
        """
        present = present_segments(self.X)
        if self.members is not None:
            present = present[self.members]

        def score_tracks(probabilities):
            segments = unflatten_segments(probabilities, present)
            pooled = pool_probabilities(segments, pooling=pooling)
            return np.mean(pooled.argmax(axis=1) == self.y)

        return Validation(self._replace(sample_weight=None).to_rows(), score_tracks)


def weigh_tracks(y, sample_weight, class_weight, *, classes):
    """Weights of tracks times those of their classes; None if all are one.

    `y` holds class numbers (n_tracks,), `class_weight` is None, "balanced" or a dict.
    """
    if class_weight is None:
        return sample_weight
    weights = np.ones(len(y)) if sample_weight is None else sample_weight
    if isinstance(class_weight, str):
        totals = np.bincount(y, weights, minlength=len(classes))
        mean = weights.sum() / np.count_nonzero(totals)
        return weights * np.divide(mean, totals, where=totals > 0, out=0 * totals)[y]
    by_class = [class_weight.get(name, 1) for name in classes.tolist()]
    with np.errstate(over="ignore"):  # the product is checked
        return weights * np.array(by_class, dtype=np.float64)[y]

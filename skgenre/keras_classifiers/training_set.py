"""The tracks that a network is trained on, and the choice of those held out."""

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from skgenre._io import counted
from skgenre._validation import check_weights
from skgenre.pooling import pool_probabilities
from skgenre.segments import SegmentRows, present_segments, unflatten_segments
from skgenre.training import Rows, Validation


class TrainingSet(NamedTuple):
    """Tracks to train on: features, class numbers, weights (None: all 1) and groups.

    `members` are the indices of the tracks in `X`, None for all: `X` may be too large
    to be copied.
    """

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    members: np.ndarray | None = None

    def take(self, indices):
        """Return the tracks at these indices."""
        members = np.arange(len(self.X)) if self.members is None else self.members
        X, *values = self._replace(members=members)
        return TrainingSet(X, *(None if v is None else v[indices] for v in values))

    def without_weight_zero(self):
        """Return the tracks that are trained on: weight zero is as good as absent."""
        if self.sample_weight is None:
            return self
        return self.take(np.flatnonzero(self.sample_weight))

    def weigh_classes(self, class_weight, *, classes, allow_one_class):
        """Return the tracks with their weights times those of their classes.

        `class_weight` is None, "balanced" or a dict.
        """
        if class_weight is None and self.sample_weight is None:
            return self
        weights, name = self.sample_weight, "sample_weight"
        if weights is None:
            weights, name = np.ones(len(self.y)), "class_weight"
        elif class_weight is not None:
            name = "sample_weight times class_weight"
        if isinstance(class_weight, str):
            totals = np.bincount(self.y, weights, minlength=len(classes))
            mean = weights.sum() / np.count_nonzero(totals)
            shares = np.divide(mean, totals, where=totals > 0, out=0 * totals)
            weights = weights * shares[self.y]
        elif class_weight is not None:
            by_class = [class_weight.get(genre, 1) for genre in classes.tolist()]
            with np.errstate(over="ignore"):  # `check_weights` refuses what overflows.
                weights = weights * np.array(by_class, dtype=np.float64)[self.y]
        weights = check_weights(weights, None if allow_one_class else self.y, name=name)
        return self._replace(sample_weight=weights).without_weight_zero()

    def to_rows(self):
        """Return the segments that the tracks have, each with its track's weight."""
        segments = SegmentRows(self.X, self.members)
        y = self.y[segments.tracks]
        if self.sample_weight is None:
            return Rows(segments, y, np.ones(len(segments)))
        return Rows(segments, y, self.sample_weight[segments.tracks])

    def to_validation(self, *, pooling):
        """Return what a network is validated on: segments, and their pooled tracks.

        All weights are one, so that a loss does not depend on how its tracks were
        chosen.
        """
        present = present_segments(self.X)
        if self.members is not None:
            present = present[self.members]

        def score_tracks(probabilities):
            segments = unflatten_segments(probabilities, present)
            pooled = pool_probabilities(segments, pooling=pooling)
            return np.mean(pooled.argmax(axis=1) == self.y)

        return Validation(self._replace(sample_weight=None).to_rows(), score_tracks)


def hold_out_tracks(y, groups, *, validation_fraction, random_state):
    """Return indices of the tracks to train on and of those held out, both sorted.

    `y` holds class numbers (n_tracks,). Genres keep their shares; with `groups`
    (n_tracks,), as nearly as whole groups allow.
    """
    if groups is None:
        held_out = _hold_out_stratified(y, validation_fraction, random_state)
    else:
        held_out = _hold_out_groups(y, groups, validation_fraction, random_state)
    trained = np.setdiff1d(np.arange(len(y)), held_out)
    if not len(held_out) or len(np.unique(y[trained])) < len(np.unique(y)):
        reason = "each group has all tracks of a genre"
        raise _too_few_tracks(y, validation_fraction, reason)
    return trained, np.sort(held_out)


def _hold_out_stratified(y, fraction, random_state):
    counts = np.bincount(y)
    n_genres, fewest = np.count_nonzero(counts), counts[counts > 0].min()
    n_held_out = int(np.ceil(fraction * len(y)))
    if fewest < 2:
        raise _too_few_tracks(y, fraction, "a genre has a single track")
    if n_held_out < n_genres or len(y) - n_held_out < n_genres:
        reason = f"{n_held_out} of them would be held out, for {n_genres} genres"
        raise _too_few_tracks(y, fraction, reason)
    splitter = StratifiedShuffleSplit(
        n_splits=1, test_size=n_held_out, random_state=random_state
    )
    (_, held_out), *_ = splitter.split(np.zeros(len(y)), y)
    return held_out


def _hold_out_groups(y, groups, fraction, random_state):
    """Take groups, in random order, as long as they bring the genres to their shares.

    If none does, since all are too large, take the one that comes nearest.
    """
    names, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), y.max() + 1))
    np.add.at(counts, (members, y), 1)
    trained = counts.sum(axis=0)
    missing = fraction * trained
    taken, possible = [], []
    for group in random_state.permutation(len(names)):
        if (counts[group] == trained)[counts[group] > 0].any():
            continue  # a genre would have nothing left to train on
        possible.append(group)
        if _distance(missing - counts[group]) < _distance(missing):
            missing, trained = missing - counts[group], trained - counts[group]
            taken.append(group)
    if possible and not taken:
        taken = [min(possible, key=lambda group: _distance(missing - counts[group]))]
    return np.flatnonzero(np.isin(members, taken))


def _distance(missing):
    # The distance of genres from their shares; ties go by that of all tracks, so that
    # of artists of two tracks, for shares of one, every second is taken and not none.
    return round((missing**2).sum(), 9), round(abs(missing.sum()), 9)


def _too_few_tracks(y, fraction, reason):
    return ValueError(
        f"validation_fraction={fraction} needs more than {counted(len(y), 'track')}: "
        f"{reason}."
    )

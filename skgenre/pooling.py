"""Pooling of the probabilities of segments into those of their tracks."""

import numpy as np


def pool_probabilities(probabilities, *, pooling):
    """Pool over segments: (n_tracks, n_segments, n_classes) -> (n_tracks, n_classes).

    Missing segments are NaN and left out. Rows sum to one, in float64.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    pooled = _POOLINGS[pooling](probabilities)
    return pooled / pooled.sum(axis=1, keepdims=True)


def _geometric(probabilities):
    # A single underflowed zero must not veto a genre for the whole track.
    logs = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    means = np.nanmean(logs, axis=1)
    # Up to a factor the mean is free: dividing by the largest avoids underflow.
    return np.exp(means - means.max(axis=1, keepdims=True))


def _median(probabilities):
    medians = np.nanmedian(probabilities, axis=1)
    # All medians may be zero: three segments, each sure of another genre.
    undecided = medians.sum(axis=1) == 0
    medians[undecided] = np.nanmean(probabilities[undecided], axis=1)
    return medians


def _vote(probabilities):
    present = ~np.isnan(probabilities[:, :, 0])
    choices = np.argmax(np.nan_to_num(probabilities), axis=2)
    votes = choices[:, :, np.newaxis] == np.arange(probabilities.shape[2])
    return (votes & present[:, :, np.newaxis]).sum(axis=1).astype(np.float64)


def _mean(probabilities):
    return np.nanmean(probabilities, axis=1)


def _max(probabilities):
    return np.nanmax(probabilities, axis=1)


_POOLINGS = {
    "mean": _mean,
    "geometric": _geometric,
    "median": _median,
    "vote": _vote,
    "max": _max,
}
POOLINGS = tuple(_POOLINGS)

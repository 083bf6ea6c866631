"""Which tracks to hold out for validation: whole tracks, and whole groups."""

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit


def hold_out_tracks(y, groups, *, validation_fraction, random_state):
    """Indices of the tracks to train on and of those held out, both sorted.

    `y` holds class numbers (n_tracks,). Genres keep their shares; with `groups`
    (n_tracks,), as nearly as whole groups allow.
    """
    if groups is None:
        held_out = _hold_out_stratified(y, validation_fraction, random_state)
    else:
        held_out = _hold_out_groups(y, groups, validation_fraction, random_state)
    trained = np.setdiff1d(np.arange(len(y)), held_out)
    if not len(held_out) or len(np.unique(y[trained])) < len(np.unique(y)):
        raise _too_few_tracks(
            y,
            validation_fraction,
            "no group can be held out that leaves every genre its share",
        )
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
    """Take groups, in random order, as long as they bring each genre to its share."""
    names, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), y.max() + 1))
    np.add.at(counts, (members.ravel(), y), 1)
    missing = fraction * counts.sum(axis=0)
    taken = []
    for group in random_state.permutation(len(names)):
        left = missing - counts[group]
        if (left**2).sum() < (missing**2).sum():
            missing = left
            taken.append(group)
    return np.flatnonzero(np.isin(members.ravel(), taken))


def _too_few_tracks(y, fraction, reason):
    return ValueError(
        f"validation_fraction={fraction} needs more than these {len(y)} tracks: "
        f"{reason}."
    )

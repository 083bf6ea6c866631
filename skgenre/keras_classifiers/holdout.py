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

    Where none does, since all are too large, the one that comes nearest.
    """
    names, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), y.max() + 1))
    np.add.at(counts, (members.ravel(), y), 1)
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
    return np.flatnonzero(np.isin(members.ravel(), taken))


def _distance(missing):
    """How far genres are from their shares; if as far, how far all tracks are.

    So of artists of two tracks, for shares of one, every second is taken and not none.
    """
    return round((missing**2).sum(), 9), round(abs(missing.sum()), 9)


def _too_few_tracks(y, fraction, reason):
    return ValueError(
        f"validation_fraction={fraction} needs more than these {len(y)} tracks: "
        f"{reason}."
    )

"""The one shape in which every loader returns its tracks."""

import os

import numpy as np
from sklearn.utils import Bunch

from skgenre._validation import UNKNOWN_GROUP_PREFIX, is_missing


def make_track_bunch(paths, target, groups, description):
    """Gather tracks: lists of paths, genres and artists -> Bunch.

    An artist that is missing is unknown: the track becomes a group of its own, because
    assuming that unknown artists are one artist would be as wrong as ignoring them.
    """
    target = np.asarray(target, dtype=str)
    known_groups = [
        f"{UNKNOWN_GROUP_PREFIX}{path}" if is_missing(group) else str(group)
        for path, group in zip(paths, groups, strict=True)
    ]
    return Bunch(
        paths=np.asarray([str(path) for path in paths], dtype=object),
        target=target,
        target_names=np.unique(target),
        groups=np.asarray(known_groups, dtype=object),
        DESCR=description,
    )


def join_tracks(bunches):
    """Join the tracks of several folders.

    A file that is in two of them, under one genre, counts once. Under two genres it
    stays twice: which label is right is not for a loader to decide.
    """
    rows = {}
    for bunch in bunches:
        for row in zip(bunch.paths, bunch.target, bunch.groups, strict=True):
            rows.setdefault((os.path.realpath(row[0]), row[1]), row)
    paths, target, groups = zip(*rows.values(), strict=True)
    description = "; ".join(bunch.DESCR for bunch in bunches)
    return make_track_bunch(paths, target, groups, description)

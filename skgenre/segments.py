"""Segments of tracks: cut from a signal, present or missing, as rows of an array."""

import numpy as np

from skgenre._blocks import iterate_blocks, release


def count_segment_samples(segment_duration, sample_rate):
    """Return the length of a segment in samples, from seconds and hertz."""
    return round(float(segment_duration) * int(sample_rate))


def split_segments(blocks, *, n_segment_samples, n_required_samples):
    """Yield the present segments of a signal that comes in blocks.

    Each has `n_segment_samples`; the last may end with the signal if it has at least
    `n_required_samples`. They are views of the blocks where they lie within one.
    """
    parts, n_missing = [], n_segment_samples
    for block in blocks:
        while len(block) >= n_missing:
            segment, block = block[:n_missing], block[n_missing:]
            yield np.concatenate([*parts, segment]) if parts else segment
            parts, n_missing = [], n_segment_samples
        if len(block):
            parts.append(block)
        n_missing -= len(block)
    if n_segment_samples - n_missing >= n_required_samples:
        yield np.concatenate(parts)


def present_segments(X):
    """Return which segments tracks have, as bool of shape (n_tracks, n_segments)."""
    present = np.empty(X.shape[:2], dtype=bool)
    for place in iterate_blocks(X):
        present[place] = ~np.isnan(X[place][:, :, 0, 0])
    return present


class SegmentRows:
    """The present segments of tracks as rows, copied only when they are indexed.

    Indexed by integers or a slice like an array (n_rows, n_frames, n_mfcc). `X`
    (n_tracks, n_segments, n_frames, n_mfcc) may be memory-mapped; `members` are the
    indices of the tracks to take, None for all. `tracks` (n_rows,) is the position in
    `members` of each row's track.
    """

    def __init__(self, X, members=None):
        members = np.arange(len(X)) if members is None else members
        self.tracks, segments = np.nonzero(present_segments(X)[members])
        self._places = members[self.tracks] * X.shape[1] + segments
        self._segments = X.reshape(-1, *X.shape[2:])

    def __len__(self):
        return len(self._places)

    def __getitem__(self, rows):
        copied = self._segments[self._places[rows]]
        release(self._segments)
        return copied


def flatten_tracks(X):
    """Return the present segments as rows, and the index of each row's track.

    (n_tracks, n_segments, n_frames, n_mfcc) -> (n_rows, n_frames, n_mfcc), (n_rows,)
    """
    present = present_segments(X)
    return X[present], np.nonzero(present)[0]


def unflatten_segments(rows, present):
    """Return rows in their places: (n_rows, k) -> (n_tracks, n_segments, k)."""
    placed = np.full((*present.shape, rows.shape[1]), np.nan, dtype=np.float64)
    placed[present] = rows
    return placed

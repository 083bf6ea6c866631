"""Segments of tracks: where they are cut, which are present, how they become rows."""

import numpy as np


def count_segment_samples(segment_duration, sample_rate):
    """Length of a segment in samples, from seconds and hertz."""
    return round(float(segment_duration) * int(sample_rate))


def split_segments(blocks, *, n_segment_samples, n_required_samples):
    """Cut a signal that comes in blocks into its present segments, as they come.

    Each has `n_segment_samples`, but the last may be cut where the signal ends, as long
    as it keeps `n_required_samples`.
    """
    parts, n_missing = [], n_segment_samples
    for block in blocks:
        while len(block) >= n_missing:
            yield np.concatenate([*parts, block[:n_missing]])
            block = block[n_missing:]
            parts, n_missing = [], n_segment_samples
        parts.append(block)
        n_missing -= len(block)
    if n_segment_samples - n_missing >= n_required_samples:
        yield np.concatenate(parts)


def present_segments(X):
    """Mask of the segments that tracks have: (n_tracks, n_segments) of bool."""
    return ~np.isnan(X[:, :, 0, 0])


class SegmentRows:
    """The present segments of tracks as rows, copied only as they are taken.

    To those who take rows, by indices or a slice, it is an array of shape
    (n_rows, n_frames, n_mfcc). `X` (n_tracks, n_segments, n_frames, n_mfcc) may be
    memory-mapped; `members` are the indices of the tracks that count, None for all.
    `tracks` (n_rows,) tells of each row which of these its track is.
    """

    def __init__(self, X, members=None):
        members = np.arange(len(X)) if members is None else members
        self.tracks, segments = np.nonzero(present_segments(X)[members])
        self._places = members[self.tracks] * X.shape[1] + segments
        self._segments = X.reshape(-1, *X.shape[2:])

    def __len__(self):
        return len(self._places)

    def __getitem__(self, rows):
        return self._segments[self._places[rows]]


def flatten_tracks(X):
    """Make rows of the present segments.

    (n_tracks, n_segments, n_frames, n_mfcc) -> (n_rows, n_frames, n_mfcc) and, for each
    row, the index of its track, of shape (n_rows,).
    """
    present = present_segments(X)
    return X[present], np.nonzero(present)[0]


def unflatten_segments(rows, present):
    """Put rows back in their places: (n_rows, k) -> (n_tracks, n_segments, k)."""
    placed = np.full((*present.shape, rows.shape[1]), np.nan, dtype=np.float64)
    placed[present] = rows
    return placed

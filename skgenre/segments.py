"""Segments of tracks: where they are cut, which are present, how they become rows."""

import numpy as np


def count_segment_samples(segment_duration, sample_rate):
    """Length of a segment in samples, from seconds and hertz."""
    return round(segment_duration * sample_rate)


def split_segments(signal, *, n_segment_samples, n_required_samples, n_segments):
    """Cut a signal into its present segments: (n_samples,) -> list of 1-D views.

    Each has `n_segment_samples`, but the last may be cut where the signal ends, as long
    as it keeps `n_required_samples`. ``n_segments=None`` takes all there are.
    """
    starts = range(0, len(signal) - n_required_samples + 1, n_segment_samples)
    if n_segments is not None:
        starts = starts[:n_segments]
    return [signal[start : start + n_segment_samples] for start in starts]


def stack_tracks(tracks, n_segments):
    """Stack tracks of unequal length, missing segments being all NaN.

    A list of arrays (n_present_segments, n_frames, n_mfcc) becomes one float32 array
    (n_tracks, n_segments, n_frames, n_mfcc); ``n_segments=None``: the longest track's.
    """
    if n_segments is None:
        n_segments = max(len(track) for track in tracks)
    shape = (len(tracks), n_segments, *tracks[0].shape[1:])
    stacked = np.full(shape, np.nan, dtype=np.float32)
    for row, track in zip(stacked, tracks, strict=True):
        row[: len(track)] = track
    return stacked


def present_segments(X):
    """Mask of the segments that tracks have: (n_tracks, n_segments) of bool."""
    return ~np.isnan(X[:, :, 0, 0])


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

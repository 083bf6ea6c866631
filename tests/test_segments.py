import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgenre.segments import (
    SegmentRows,
    flatten_tracks,
    present_segments,
    split_segments,
    unflatten_segments,
)


def split(n_samples, n_block_samples=100):
    signal = np.arange(n_samples)
    starts = range(0, n_samples, n_block_samples)
    blocks = [signal[start : start + n_block_samples] for start in starts]
    segments = split_segments(blocks, n_segment_samples=10, n_required_samples=8)
    return [segment.tolist() for segment in segments]


@pytest.mark.parametrize(
    ("n_samples", "lengths"),
    [(7, []), (8, [8]), (10, [10]), (17, [10]), (18, [10, 8]), (30, [10, 10, 10])],
)
def test_segment_is_present_when_enough_of_it_is_left(n_samples, lengths):
    assert [len(segment) for segment in split(n_samples)] == lengths


@pytest.mark.parametrize("n_block_samples", [1, 3, 9, 10, 11, 20, 25, 38])
def test_segments_follow_each_other_however_the_signal_comes(n_block_samples):
    segments = split(38, n_block_samples)
    assert [sample for segment in segments for sample in segment] == list(range(38))


def test_segments_come_before_the_signal_has_ended():
    def endless():
        while True:
            yield np.ones(7)

    segments = split_segments(endless(), n_segment_samples=10, n_required_samples=8)
    assert len(next(segments)) == 10


def test_flattening_leaves_missing_segments_out_and_knows_the_tracks():
    X = np.repeat([1.0, 1, 2, np.nan], 12).reshape(2, 2, 3, 4)
    rows, tracks = flatten_tracks(X)
    assert_array_equal(rows[:, 0, 0], [1, 1, 2])
    assert_array_equal(tracks, [0, 0, 1])


def test_rows_are_the_present_segments_of_the_members():
    X = np.arange(72.0).reshape(3, 2, 3, 4)
    X[1, 1] = np.nan
    expected, tracks = flatten_tracks(X)
    rows = SegmentRows(X)
    assert len(rows) == 5
    assert_array_equal(rows[:], expected)
    assert_array_equal(rows[np.array([4, 0])], expected[[4, 0]])
    assert_array_equal(rows.tracks, tracks)
    chosen = SegmentRows(X, members=np.array([2, 1]))
    assert_array_equal(chosen[:], expected[[3, 4, 2]])
    assert_array_equal(chosen.tracks, [0, 0, 1])


def test_rows_of_a_large_array_are_not_copied_before_they_are_taken():
    X = np.zeros((3, 2, 3, 4))
    rows = SegmentRows(X)
    X[1, 0] = 7
    assert rows[2:3].min() == 7


def test_of_no_segments_none_is_present():
    assert present_segments(np.zeros((3, 0, 4, 5))).shape == (3, 0)


def test_unflattened_rows_are_back_in_their_places():
    X = np.ones((2, 3, 3, 4))
    X[0, 1:] = X[1, 2:] = np.nan
    placed = unflatten_segments(np.array([[1.0], [2.0], [3.0]]), present_segments(X))
    nan = np.nan
    assert_array_equal(placed[:, :, 0], [[1, nan, nan], [2, 3, nan]])

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgenre.segments import (
    flatten_tracks,
    present_segments,
    split_segments,
    stack_tracks,
    unflatten_segments,
)


def split(n_samples, n_segments=None):
    segments = split_segments(
        np.arange(n_samples),
        n_segment_samples=10,
        n_required_samples=8,
        n_segments=n_segments,
    )
    return [segment.tolist() for segment in segments]


@pytest.mark.parametrize(
    ("n_samples", "lengths"),
    [(7, []), (8, [8]), (10, [10]), (17, [10]), (18, [10, 8]), (30, [10, 10, 10])],
)
def test_segment_is_present_when_enough_of_it_is_left(n_samples, lengths):
    assert [len(segment) for segment in split(n_samples)] == lengths


def test_segments_follow_each_other_without_gap_or_overlap():
    assert [sample for segment in split(38) for sample in segment] == list(range(38))


def test_segments_beyond_the_wanted_number_are_left_out():
    assert len(split(100, n_segments=3)) == 3


def test_flattening_leaves_missing_segments_out_and_knows_the_tracks():
    X = stack_tracks([np.ones((2, 3, 4)), 2 * np.ones((1, 3, 4))], n_segments=None)
    rows, tracks = flatten_tracks(X)
    assert X.shape == (2, 2, 3, 4)
    assert_array_equal(rows[:, 0, 0], [1, 1, 2])
    assert_array_equal(tracks, [0, 0, 1])


def test_unflattened_rows_are_back_in_their_places():
    X = stack_tracks([np.ones((1, 3, 4)), np.ones((2, 3, 4))], n_segments=3)
    placed = unflatten_segments(np.array([[1.0], [2.0], [3.0]]), present_segments(X))
    nan = np.nan
    assert_array_equal(placed[:, :, 0], [[1, nan, nan], [2, 3, nan]])

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from skgenre import (
    MFCCScaler,
    MLPGenreClassifier,
    SegmentPoolingClassifier,
    SegmentStatistics,
    TrackStatistics,
)
from skgenre._validation import (
    check_choice,
    check_groups,
    check_number,
    check_positive_integer,
    check_sizes,
    check_tracks,
)
from skgenre.model_selection import explode_segments


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (1.0, TypeError)])
def test_positive_integer_is_told_from_others(value, error):
    check_positive_integer(np.int64(1), name="n")
    with pytest.raises(error, match=f"^n must be a positive integer, got {value!r}"):
        check_positive_integer(value, name="n")


@pytest.mark.parametrize("value", [-1, 0, 2.5, float("nan"), float("inf")])
def test_number_outside_its_interval_is_refused(value):
    check_number(2, name="x", low=0, high=2, low_open=True)
    with pytest.raises(
        ValueError, match="x must be a finite number above 0 and at most"
    ):
        check_number(value, name="x", low=0, high=2, low_open=True)


def test_unknown_choice_lists_the_known():
    with pytest.raises(ValueError, match="pooling must be one of 'a', 'b', got 'c'"):
        check_choice("c", ("a", "b"), name="pooling")


@pytest.mark.parametrize("value", [(), "ab", 3, (4, 0)])
def test_sizes_are_a_sequence_of_positive_integers(value):
    with pytest.raises(ValueError, match=r"^units"):
        check_sizes(value, name="units")


def test_fewer_axes_are_one_segment_or_one_frame():
    estimator = MFCCScaler()
    assert check_tracks(estimator, np.zeros((5, 4, 3)), reset=True).shape == (
        5,
        1,
        4,
        3,
    )
    assert not hasattr(estimator, "n_features_in_")
    assert check_tracks(estimator, np.zeros((5, 3)), reset=True).shape == (5, 1, 1, 3)
    assert estimator.n_features_in_ == 3


def bad_tracks(change):
    X = np.zeros((3, 2, 4, 5))
    change(X)
    return X


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda X: X.__setitem__((1, 0, 2, 3), np.nan),
            r"X\[1, 0\] is partly NaN \(1 of",
        ),
        (lambda X: X.__setitem__(2, np.nan), "no segment for track 2"),
        (lambda X: X.__setitem__((0, 0, 0, 0), np.inf), "infinity"),
    ],
)
def test_faulty_features_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        check_tracks(MFCCScaler(), bad_tracks(change), reset=True)


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3, 4, 5), (2, 0, 4, 3), (0, 1, 4, 3)])
def test_other_ranks_and_empty_axes_are_refused(shape):
    with pytest.raises(ValueError, match=r"rray|axis|shape"):
        check_tracks(MFCCScaler(), np.zeros(shape), reset=True)


@pytest.mark.parametrize(
    "X",
    [
        ["a.wav", "b.wav"],
        np.array(["a.wav"]),
        np.array(["a.wav"], dtype=object),
        pd.Series(["a.wav"]),
        pd.DataFrame({"path": ["a.wav"]}),
    ],
)
def test_paths_where_features_are_due_get_the_remedy(X):
    with pytest.raises(TypeError, match="put an MFCCExtractor before it"):
        SegmentPoolingClassifier(DummyClassifier()).fit(X, ["blues"] * len(X))


TAKE_FEATURES = [
    SegmentPoolingClassifier(LogisticRegression()),
    MLPGenreClassifier(hidden_layer_sizes=(2,), epochs=1),
    MFCCScaler(),
    TrackStatistics(),
    SegmentStatistics(),
]
BY_NAME = pytest.mark.parametrize(
    "estimator", TAKE_FEATURES, ids=lambda estimator: type(estimator).__name__
)


@BY_NAME
@pytest.mark.parametrize("shape", [(6, 13, 4, 1), (6, 2, 13, 4, 1)])
def test_axis_of_channels_is_refused_and_the_remedy_told(estimator, shape):
    X, y = np.random.default_rng(0).normal(size=shape), ["a", "b"] * 3
    with pytest.raises(
        ValueError, match=r"one of channels, leave it out: X\[\.\.\., 0\]"
    ):
        clone(estimator).fit(X, y)
    fitted = clone(estimator).fit(X[..., 0], y)
    with pytest.raises(ValueError, match=r"leave it out: X\[\.\.\., 0\]"):
        getattr(fitted, "predict", getattr(fitted, "transform", None))(X)


@BY_NAME
@pytest.mark.parametrize("shape", [(6, 2, 13, 1), (6, 13, 1), (6, 13, 1, 1)])
def test_one_coefficient_may_be_meant_and_is_warned_of(estimator, shape):
    X, y = np.random.default_rng(0).normal(size=shape), ["a", "b"] * 3
    with pytest.warns(UserWarning, match="with a single coefficient.*leave it out"):
        fitted = clone(estimator).fit(X, y)
    answer = getattr(fitted, "predict", getattr(fitted, "transform", None))(X)
    assert len(answer) == 6


def test_one_feature_and_one_coefficient_given_twice_are_taken_as_they_are():
    X, y = np.random.default_rng(0).normal(size=(6, 13, 4, 1)), ["a", "b"] * 3
    model = clone(TAKE_FEATURES[0])
    with warnings.catch_warnings(action="error"):
        model.fit(np.repeat(X, 2, axis=-1), y)
        model.fit(X[:, 0, 0], y)


def test_axis_of_channels_makes_no_rows_of_segments():
    with pytest.raises(ValueError, match="one of channels"):
        explode_segments(np.zeros((4, 130, 13, 1)), list("abab"))
    with pytest.raises(ValueError, match="one of channels"):
        explode_segments(np.zeros((4, 10, 130, 13, 1)), list("abab"))


def test_missing_segments_pass_and_input_is_not_written_to():
    X = np.ones((2, 2, 3, 4), dtype=np.float32)
    X[0, 1] = np.nan
    before = X.copy()
    checked = check_tracks(MFCCScaler(), X, reset=True)
    assert checked.dtype == np.float32
    assert_array_equal(checked, before)
    assert_array_equal(X, before)


@pytest.mark.parametrize("missing", [None, np.nan, np.float32("nan"), pd.NA, "", " "])
def test_each_missing_group_is_a_group_of_its_own(missing):
    groups = ["b", missing, "a", missing, "b"]
    numbers = check_groups(groups, n_tracks=5)
    assert numbers[[0, 2, 4]].tolist() == [1, 0, 1]
    assert sorted(numbers[[1, 3]]) == [2, 3]


def test_groups_without_a_missing_one_are_numbered_as_numpy_sorts_them():
    for groups in (["c", "a", "b", "a"], [10, 9, 9, -1], pd.Series([2.5, 1.5, 2.5, 0])):
        expected = np.unique(groups, return_inverse=True)[1]
        assert_array_equal(check_groups(groups, n_tracks=4), expected)


def test_groups_may_mix_numbers_and_texts():
    numbers = check_groups([1, "1", 2, 1], n_tracks=4)
    assert len(set(numbers)) == 3
    assert numbers[0] == numbers[3]


def test_groups_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"groups must have shape .* = \(3,\)"):
        check_groups(["a", "b"], n_tracks=3)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from skgenre.pooling import POOLINGS, pool_probabilities

SEGMENTS = np.array([[[0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.5, 0.2, 0.3]]])
MISSING = np.full((1, 1, 3), np.nan)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean", [1.2 / 3, 1.3 / 3, 0.5 / 3]),
        ("median", [0.5 / 0.9, 0.3 / 0.9, 0.1 / 0.9]),
        ("vote", [2 / 3, 1 / 3, 0]),
        ("max", [0.6 / 1.7, 0.8 / 1.7, 0.3 / 1.7]),
        (
            "geometric",
            np.cbrt([0.03, 0.048, 0.003]) / np.cbrt([0.03, 0.048, 0.003]).sum(),
        ),
    ],
)
def test_pooled_probabilities_are_those_worked_out_by_hand(pooling, expected):
    assert_allclose(pool_probabilities(SEGMENTS, pooling=pooling), [expected])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_missing_segments_have_no_say(pooling):
    padded = np.concatenate([SEGMENTS, MISSING], axis=1)
    assert_allclose(
        pool_probabilities(padded, pooling=pooling),
        pool_probabilities(SEGMENTS, pooling=pooling),
    )


@given(arrays(np.float64, (2, 4, 3), elements=st.floats(0, 1)))
def test_pooled_probabilities_sum_to_one(weights):
    weights[:, :, 0] += 1e-3
    probabilities = weights / weights.sum(axis=2, keepdims=True)
    for pooling in POOLINGS:
        pooled = pool_probabilities(probabilities.astype(np.float32), pooling=pooling)
        assert pooled.dtype == np.float64
        assert (pooled >= 0).all()
        assert_allclose(pooled.sum(axis=1), 1, rtol=1e-12)


def test_segments_each_sure_of_another_genre_leave_the_track_undecided():
    certain = np.eye(3)[np.newaxis]
    for pooling in POOLINGS:
        assert_allclose(pool_probabilities(certain, pooling=pooling), [[1 / 3] * 3])

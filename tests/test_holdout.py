import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skgenre.keras_classifiers.holdout import hold_out_tracks

GENRES = np.repeat([0, 1, 2], 20)


def hold_out(y, groups=None, fraction=0.1, seed=0):
    return hold_out_tracks(
        y,
        groups,
        validation_fraction=fraction,
        random_state=np.random.RandomState(seed),
    )


def test_genres_keep_their_shares():
    trained, held_out = hold_out(GENRES)
    assert np.bincount(GENRES[held_out]).tolist() == [2, 2, 2]
    assert np.bincount(GENRES[trained]).tolist() == [18, 18, 18]
    assert sorted([*trained, *held_out]) == list(range(60))


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 0.6))
def test_whole_groups_are_held_out_near_their_share(seed, fraction):
    groups = np.repeat(np.arange(30), 2)
    trained, held_out = hold_out(GENRES, groups, fraction, seed)
    assert not set(groups[trained]) & set(groups[held_out])
    shares = np.bincount(GENRES[held_out], minlength=3) / 20
    assert np.abs(shares - fraction).max() <= 0.05


def test_another_random_state_holds_out_others():
    assert (hold_out(GENRES)[1] != hold_out(GENRES, seed=1)[1]).any()
    groups = np.repeat(np.arange(30), 2)
    one, other = hold_out(GENRES, groups)[1], hold_out(GENRES, groups, seed=1)[1]
    assert set(one) != set(other)


@pytest.mark.parametrize(
    ("y", "groups", "fraction"),
    [
        (np.repeat([0, 1, 2], 5), None, 0.1),
        (np.repeat([0, 1, 2], 5), None, 0.9),
        (np.array([0] * 20 + [1]), None, 0.2),
        (np.repeat([0, 1], 10), np.repeat([0, 1], 10), 0.6),
        (np.repeat([0, 1], 10), np.repeat([0, 1], 10), 0.2),
    ],
    ids=["none per genre", "none to train", "single", "train nothing", "none fits"],
)
def test_too_few_tracks_are_refused_with_the_reason(y, groups, fraction):
    with pytest.raises(ValueError, match=rf"validation_fraction={fraction} needs more"):
        hold_out(y, groups, fraction)

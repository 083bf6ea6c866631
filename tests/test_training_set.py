import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skgenre.keras_classifiers.training_set import hold_out_tracks

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
    assert np.abs(shares - fraction).max() <= 0.05 + 1e-9


def test_artists_of_two_tracks_are_held_out_for_shares_of_one():
    y, groups = np.repeat(np.arange(10), 10), np.repeat(np.arange(50), 2)
    trained, held_out = hold_out(y, groups, fraction=0.1)
    assert not set(groups[trained]) & set(groups[held_out])
    assert len(held_out) == 10
    assert np.bincount(y[trained]).min() >= 8


def test_the_nearest_group_is_held_out_where_all_are_too_large():
    y, groups = np.repeat([0, 1], 20), np.repeat([0, 1, 2, 3, 4], [4, 16, 10, 6, 4])
    _, held_out = hold_out(y, groups, fraction=0.05)
    # For shares of one track each, four of one genre are off by 9 + 1: the least.
    assert set(groups[held_out]) in ({0}, {4})


@settings(deadline=None, max_examples=300)
@given(
    st.integers(1, 6),
    st.lists(st.integers(1, 12), min_size=1, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
)
def test_groups_are_held_out_whenever_one_can_be(n_genres, sizes, fraction, seed):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    y = rng.integers(0, n_genres, len(sizes))[groups]
    y = np.unique(np.where(rng.random(len(y)) < 0.1, 0, y), return_inverse=True)[1]
    totals = np.bincount(y)
    shares = [
        np.bincount(y[groups == group], minlength=len(totals)) for group in groups
    ]
    if not any((share < totals).all() for share in shares):
        with pytest.raises(ValueError, match="each group has all tracks of a genre"):
            hold_out(y, groups, fraction, seed)
        return
    trained, held_out = hold_out(y, groups, fraction, seed)
    assert len(held_out)
    assert not set(groups[trained]) & set(groups[held_out])
    assert sorted([*trained, *held_out]) == list(range(len(y)))
    assert set(y[trained]) == set(y)
    np.testing.assert_array_equal(held_out, hold_out(y, groups, fraction, seed)[1])


@settings(deadline=None)
@given(st.lists(st.integers(1, 12), min_size=20, max_size=60), st.floats(0.05, 0.6))
def test_share_is_missed_by_half_a_group_of_each_genre_at_most(sizes, fraction):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    y = groups % 2
    held_out = hold_out(y, groups, fraction)[1]
    off = np.bincount(y[held_out], minlength=2) - fraction * np.bincount(y)
    assert np.abs(off).max() <= max(sizes) / 2 + 1e-9


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

import itertools
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from skgenre import BenchmarkResult

COLUMNS = BenchmarkResult.from_rows([{}]).folds[0]


def make_result(correct, *, protocol, groups, tracks=None):
    """A benchmark that tested these tracks: None is each of them once."""
    n_tracks = len(correct)
    row = {
        **{"model": "knn", "protocol": protocol, "seed": 0, "fold": 0, "error": None},
        **{"accuracy": np.mean(correct), "fit_seconds": 1.0},
        "predictions": {
            "rows": list(range(n_tracks) if tracks is None else tracks),
            "target": ["blues"] * n_tracks,
            "predicted": np.where(correct, "blues", "rock").tolist(),
        },
    }
    return BenchmarkResult.from_rows([row], groups=groups)


def read_interval(correct, *, protocol="artist", groups=None, tracks=None):
    """Ends of the interval of a benchmark that tested these tracks."""
    result = make_result(correct, protocol=protocol, groups=groups, tracks=tracks)
    (row,) = result.summary()
    return row["accuracy_low"], row["accuracy_high"]


def measure_coverage(correct, p, *, protocol, groups):
    """Share of the repetitions (n_repetitions, n_tracks) whose interval holds `p`."""
    covered = 0
    for one in correct:
        low, high = read_interval(one, protocol=protocol, groups=groups)
        covered += low <= p <= high
    return covered / len(correct)


def draw_tracks(rng, sizes, *, p, correlation, n_repetitions):
    """Right or wrong by track; artists differ so that their tracks are correlated."""
    by_artist = np.full((n_repetitions, len(sizes)), p)
    if correlation:
        total = 1 / correlation - 1
        by_artist = rng.beta(p * total, (1 - p) * total, size=by_artist.shape)
    by_track = np.repeat(by_artist, sizes, axis=1)
    return rng.random(by_track.shape) < by_track


@pytest.mark.parametrize("correlation", [0, 0.2, 0.45])
@pytest.mark.parametrize("p", [0.6, 0.85])
@pytest.mark.parametrize(
    "sizes",
    [[5] * 28, [30, 20, 15, 10, 10, 8, 6, 5, 4, 3, 3, 2, 2, *[1] * 7]],
    ids=["28 artists of 5", "20 unequal artists"],
)
def test_interval_over_artists_covers_the_truth_as_often_as_it_says(
    sizes, p, correlation
):
    rng = np.random.default_rng(0)
    correct = draw_tracks(rng, sizes, p=p, correlation=correlation, n_repetitions=500)
    groups = np.repeat(np.arange(len(sizes)), sizes).tolist()
    coverage = measure_coverage(correct, p, protocol="artist", groups=groups)
    assert 0.90 <= coverage <= 0.98


@pytest.mark.parametrize(
    ("protocol", "by_artist"), [("artist", True), ("filtered", True), ("track", False)]
)
def test_interval_is_over_artists_where_the_protocol_keeps_them_apart(
    protocol, by_artist
):
    correct, artists = np.repeat([True, False, True], 10), np.repeat([0, 1, 2], 10)
    low, high = read_interval(correct, protocol=protocol, groups=artists.tolist())
    by_track = read_interval(correct, protocol=protocol)
    if by_artist:
        assert low < by_track[0]
        assert high > by_track[1]
    else:
        assert (low, high) == by_track


@pytest.mark.parametrize("n_tracks", [20, 100])
@pytest.mark.parametrize("groups", [None, "few artists"])
def test_interval_over_tracks_covers_the_truth_as_often_as_it_says(n_tracks, groups):
    correct = np.random.default_rng(0).random((400, n_tracks)) < 0.6
    if groups is not None:
        groups = [track % 3 for track in range(n_tracks)]
    coverage = measure_coverage(correct, 0.6, protocol="track", groups=groups)
    assert 0.92 <= coverage <= 0.98


def test_interval_over_tracks_is_nearly_the_binomial_one_of_wilson():
    correct = np.arange(500) < 350
    expected = stats.binomtest(350, 500).proportion_ci(method="wilson")
    assert_allclose(read_interval(correct), expected, atol=5e-4)


def test_interval_over_artists_is_worked_out_by_hand():
    # Of three artists with two tracks each: 2, 1 and 0 right. The jackknife leaves
    # 1/4, 2/4 and 3/4, so the variance is 2/3 (1/16 + 0 + 1/16) = 1/12, that of three
    # independent tracks: Wilson's formula with n = 3 and Student's t of two degrees.
    correct, artists = [1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 2, 2]
    t, n = stats.t.ppf(0.975, 2), 3
    half_width = t / (1 + t**2 / n) * np.sqrt(0.25 / n + t**2 / (4 * n**2))
    low, high = read_interval(correct, groups=artists)
    assert_allclose([low, high], [0.5 - half_width, 0.5 + half_width])


@pytest.mark.parametrize("correlation", [0, 0.3])
def test_interval_by_artist_is_never_narrower_than_by_track(correlation):
    rng = np.random.default_rng(0)
    drawn = draw_tracks(rng, [2] * 6, p=0.5, correlation=correlation, n_repetitions=50)
    # Last, artists whose accuracies do not vary at all.
    for correct in [*drawn, np.tile([True, False], 6)]:
        by_track = read_interval(correct)
        by_artist = read_interval(correct, groups=np.arange(12) // 2)
        assert by_artist[0] <= by_track[0]
        assert by_artist[1] >= by_track[1]


@pytest.mark.parametrize("right", [True, False])
def test_interval_is_open_where_all_or_none_are_right(right):
    low, high = read_interval(np.full(30, right), groups=np.arange(30) // 5)
    # Six artists: the interval is that of six tracks, with Student's quantile.
    n, t = 6, stats.t.ppf(0.975, 5)
    width = t**2 / n / (1 + t**2 / n)
    assert_allclose([low, high], [1 - width, 1] if right else [0, width])


def test_one_artist_tells_nothing_of_others():
    assert np.isnan(read_interval([True, False, True], groups=[0, 0, 0])).all()


def test_repeating_predictions_over_seeds_does_not_narrow_the_interval():
    correct, tracks = np.arange(50) < 30, np.arange(50)
    for groups in (None, tracks // 5):
        assert_allclose(
            read_interval(correct, groups=groups),
            read_interval(
                np.tile(correct, 20), groups=groups, tracks=np.tile(tracks, 20)
            ),
        )


def make_comparison(*scores, protocol="track", score="accuracy", n_test=20):
    """A benchmark of models a, b, ... with these scores, fold by fold."""
    rows = [
        {
            **{"model": model, "protocol": protocol, "seed": 0, "fold": fold},
            **{"n_train": 80, "n_test": n_test, "error": None, score: value},
        }
        for model, values in zip("abcd", scores, strict=False)
        for fold, value in enumerate(values)
    ]
    return BenchmarkResult.from_rows(
        rows, scoring=() if score in COLUMNS else (score.removeprefix("train_"),)
    )


@pytest.mark.parametrize(("n_test", "share"), [(20, 0.25), (0, 0)])
def test_p_value_is_the_formula_of_nadeau_and_bengio(n_test, share):
    differences = np.array([0.1, 0.05, 0.2, 0.0, 0.15])
    t = 0.1 / np.sqrt((1 / 5 + share) * differences.var(ddof=1))
    (row,) = make_comparison(0.5 + differences, [0.5] * 5, n_test=n_test).compare()
    assert_allclose(row["p_value"], 2 * stats.t.sf(t, 4))


def test_p_values_of_several_comparisons_are_adjusted_by_holm():
    scores = np.random.default_rng(0).normal([[0.5], [0.52], [0.6]], 0.05, (3, 8))
    # The last differs from the third by the same in all folds: that pair has no test.
    rows = make_comparison(*scores, scores[2] + 0.1).compare()
    pairs = itertools.combinations([*scores, scores[2] + 0.1], 2)
    alone = [make_comparison(*pair).compare()[0]["p_value"] for pair in pairs]
    expected, largest = np.full(6, np.nan), 0
    for number, place in enumerate(np.argsort(alone)[:5]):
        largest = max(largest, min(1, (5 - number) * alone[place]))
        expected[place] = largest
    assert_allclose([row["p_value"] for row in rows], expected)
    assert np.isnan(alone[5])


@pytest.mark.parametrize(("gap", "better"), [(0.3, "a"), (-0.3, "b"), (0.0, None)])
def test_a_model_is_called_better_only_where_the_test_says_so(gap, better):
    scores = 0.5 + np.random.default_rng(0).normal(scale=0.05, size=(2, 15))
    (row,) = make_comparison(scores[0] + gap, scores[1]).compare()
    assert row["better"] == better
    assert row["reason"] is None
    assert row["difference"] == pytest.approx(gap, abs=0.1)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([0.75, 0.75], [0.5, 0.5], "needs 3 folds .* got 2"),
        ([0.75, 0.8], [0.5, 0.6], "needs 3 folds .* got 2"),
        ([0.75], [0.5], "needs 3 folds .* got 1"),
        # 0.1 apart, but for rounding errors.
        ([0.4, 0.7, 0.9], [0.3, 0.6, 0.8], "same in all 3 folds"),
        ([0.5, 0.6, 0.7, 0.8], [0.5, 0.6, 0.7, 0.8], "same in all 4 folds"),
        ([0.9, 0.8, np.nan], [0.5, 0.6, 0.7], "needs 3 folds .* got 2"),
    ],
)
def test_scores_that_allow_no_test_give_no_verdict_but_the_reason(
    first, second, reason
):
    (row,) = make_comparison(first, second).compare(alpha=0.999)
    assert np.isnan(row["p_value"])
    assert row["better"] is None
    assert re.search(reason, row["reason"])


def test_seeds_on_a_single_split_give_no_verdict():
    (row,) = make_comparison(
        [0.8, 0.81, 0.82, 0.79], [0.5, 0.5, 0.5, 0.5], protocol="filtered"
    ).compare()
    assert np.isnan(row["p_value"])
    assert row["better"] is None
    assert "one split only" in row["reason"]


@pytest.mark.parametrize(
    ("score", "better"),
    [
        *(("accuracy", "b"), ("f1_macro", "b"), ("segment_accuracy", "b")),
        *(("log_loss", "a"), ("segment_log_loss", "a"), ("train_log_loss", "a")),
        *(("fit_seconds", "a"), ("seconds_per_epoch", "a"), ("n_parameters", "a")),
        # A scorer of the user's follows scikit-learn's rule.
        *(("neg_log_loss", "b"), ("top_2", "b"), ("train_top_2", "b")),
    ],
)
def test_better_model_has_more_of_a_score_and_less_of_a_loss_or_cost(score, better):
    low = 1 + np.random.default_rng(0).normal(scale=0.01, size=10)
    result = make_comparison(low, low[::-1] + 1, score=score)
    (row,) = result.compare(score=score)
    assert row["better"] == better


@pytest.mark.parametrize("score", ["acuracy", "model", "best_params", None])
def test_comparison_by_what_is_no_score_is_refused(score):
    result = make_comparison([0.5, 0.6, 0.7], [0.7, 0.6, 0.4])
    with pytest.raises(ValueError, match="score must be one of 'accuracy'"):
        result.compare(score=score)


@pytest.mark.parametrize("alpha", [0, 1, -0.05, 5, np.nan])
def test_level_that_is_no_probability_is_refused(alpha):
    result = make_comparison([0.5, 0.6, 0.7], [0.7, 0.6, 0.4])
    with pytest.raises(ValueError, match="alpha must be a finite number above 0"):
        result.compare(alpha=alpha)

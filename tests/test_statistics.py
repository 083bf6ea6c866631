import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from skgenre.benchmark.statistics import (
    adjust_holm,
    bootstrap_interval,
    compare_models,
    corrected_t_test,
)


def test_interval_over_tracks_is_that_of_the_binomial():
    correct = np.arange(200) < 140
    low, high = bootstrap_interval(correct, np.arange(200), n_resamples=20_000)
    expected = stats.binom.ppf([0.025, 0.975], 200, 0.7) / 200
    assert_allclose([low, high], expected, atol=0.006)


def test_repeating_predictions_over_seeds_does_not_narrow_the_interval():
    correct = np.arange(50) < 30
    once = bootstrap_interval(correct, np.arange(50))
    often = bootstrap_interval(np.tile(correct, 20), np.tile(np.arange(50), 20))
    assert_allclose(once, often)


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        low, high = bootstrap_interval(
            rng.random(100) < 0.6, np.arange(100), n_resamples=500, seed=seed
        )
        covered += low <= 0.6 <= high
    assert 0.89 <= covered / 200 <= 0.99


def test_corrected_test_is_the_formula_of_nadeau_and_bengio():
    differences = np.array([0.1, 0.05, 0.2, 0.0, 0.15])
    t = 0.1 / np.sqrt((1 / 5 + 0.25) * differences.var(ddof=1))
    expected = 2 * stats.t.sf(t, 4)
    assert_allclose(corrected_t_test(differences, [0.25] * 5), expected)
    plain = stats.ttest_1samp(differences, 0).pvalue
    assert_allclose(corrected_t_test(differences, [0] * 5), plain)
    assert corrected_t_test(differences, [0.25] * 5) > plain


def test_corrected_test_of_too_little_says_nothing():
    assert np.isnan(corrected_t_test([0.1], [0.25]))
    assert corrected_t_test([0.0, 0.0], [0.25] * 2) == 1


def test_holm_is_worked_out_by_hand():
    adjusted = adjust_holm([0.01, 0.04, 0.03, np.nan, 0.5])
    assert_allclose(adjusted, [0.04, 0.09, 0.09, np.nan, 0.5])
    assert adjust_holm([]).shape == (0,)


@pytest.mark.parametrize(("gap", "better"), [(0.3, "good"), (0.0, None)])
def test_a_model_is_called_better_only_where_the_test_says_so(gap, better):
    rng = np.random.default_rng(0)
    folds = [
        {
            **{"model": model, "protocol": "track", "seed": seed, "fold": fold},
            **{"n_train": 80, "n_test": 20},
            "accuracy": 0.5 + gap * (model == "good") + rng.normal(scale=0.05),
        }
        for model in ("poor", "good")
        for seed in range(3)
        for fold in range(5)
    ]
    (row,) = compare_models(folds, score="accuracy", alpha=0.05)
    assert row["better"] == better
    assert row["difference"] == pytest.approx(-gap, abs=0.1)

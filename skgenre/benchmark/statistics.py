"""How sure the scores are: intervals over artists or tracks, and tests over folds."""

import itertools
import math

import numpy as np
from scipy import stats

from skgenre.benchmark.scorers import is_greater_better

# With two folds the t-test has one degree of freedom, and practically never rejects.
MIN_FOLDS = 3


def accuracy_interval(correct, tracks, artists=None, *, confidence=0.95):
    """Confidence interval of an accuracy on tracks of the same kind: (low, high).

    `correct` (n_predictions,) says which predictions are right, and `tracks` of which
    track each is: the predictions of a track under several seeds are not independent.
    With `artists` (n_predictions,) neither are the tracks of an artist. Where all are
    of one track, or of one artist, nothing is known of others: both ends are NaN.

    The variance is found by resampling what is independent: a delete-one jackknife over
    the artists. It gives the number of independent predictions that would be as
    variable, and that number Wilson's interval, with Student's quantile (Korn and
    Graubard, *Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data*, 1998; Dean and Pagano, *Evaluating
    confidence interval methods for binomial proportions in clustered surveys*, 2015).
    A bootstrap over artists is too narrow for few of them: `bench_intervals.py`.
    """
    low, high = _wilson_interval(correct, tracks, confidence)
    if artists is None:
        return low, high
    # The few artists of a test may vary less than their tracks do, by chance.
    low_by_artist, high_by_artist = _wilson_interval(correct, artists, confidence)
    return float(np.minimum(low, low_by_artist)), float(
        np.maximum(high, high_by_artist)
    )


def _wilson_interval(correct, clusters, confidence):
    correct = np.asarray(correct, dtype=float)
    _, members = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(members)
    n_predictions, n_clusters = sizes.sum(), len(sizes)
    if n_clusters < 2:
        return math.nan, math.nan
    accuracy = correct.mean()
    n_right = np.bincount(members, weights=correct)
    without_one = (n_right.sum() - n_right) / (n_predictions - sizes)
    variance = np.sum((without_one - accuracy) ** 2) * (n_clusters - 1) / n_clusters
    # Clusters of one size that would weigh as much (Kish, 1965).
    n_equal_clusters = n_predictions**2 / np.sum(sizes**2)
    if accuracy in (0, 1):
        n_effective = n_equal_clusters
    elif variance > 0:
        n_effective = accuracy * (1 - accuracy) / variance
    else:
        n_effective = n_predictions
    quantile = stats.t.ppf((1 + confidence) / 2, max(1, n_equal_clusters - 1))
    share = quantile**2 / n_effective
    centre = (accuracy + share / 2) / (1 + share)
    spread = accuracy * (1 - accuracy) / n_effective + (share / quantile / 2) ** 2
    half_width = quantile * np.sqrt(spread) / (1 + share)
    return max(0.0, float(centre - half_width)), min(1.0, float(centre + half_width))


def corrected_t_test(differences, test_shares):
    """Two-sided p-value of a mean difference over folds being zero.

    `differences` (n_folds,) are of two models on the same folds, `test_shares` the
    sizes of the folds' test parts over those of their training parts: folds share
    training tracks, and without that correction differences look surer than they are
    (Nadeau and Bengio, *Inference for the generalization error*, 2003). The differences
    must vary: see `find_reason_for_no_test`.
    """
    differences = np.asarray(differences, dtype=float)
    n_folds = len(differences)
    variance = differences.var(ddof=1)
    scale = np.sqrt((1 / n_folds + np.mean(test_shares)) * variance)
    return float(2 * stats.t.sf(abs(differences.mean()) / scale, n_folds - 1))


def find_reason_for_no_test(first, second, *, protocol):
    """Say why the scores (n_folds,) of two models allow no test; None if they do."""
    if protocol == "filtered":
        # More seeds only train anew: how the scores vary with the tracks is not seen.
        return "there is one split only, and so one set of test tracks"
    if len(first) < MIN_FOLDS:
        return f"the test needs {MIN_FOLDS} folds with scores of both, got {len(first)}"
    # Differences of equal accuracies differ by rounding errors of their scores.
    rounding = 1e-9 * np.max(np.abs([first, second]))
    if np.ptp(np.subtract(first, second)) <= rounding:
        return f"the difference is the same in all {len(first)} folds"
    return None


def adjust_holm(p_values):
    """P-values adjusted for their number (Holm, 1979); NaN are not counted."""
    p_values = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(p_values), np.nan)
    order = np.argsort(p_values)[: np.isfinite(p_values).sum()]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * factors))
    return adjusted


def compare_models(folds, *, score, alpha):
    """Compare each pair of models within each protocol, on the folds of both.

    Pairs without a fold that both have a score for are left out. Returns a list of
    dict: ``protocol``, ``first``, ``second``, ``difference`` (of the means),
    ``p_value`` (corrected, then adjusted for all comparisons in the list), ``better``:
    the model that is, or None, and ``reason``: why there is no p-value, or None.
    """
    scores, shares = {}, {}
    for fold in folds:
        split = fold["seed"], fold["fold"]
        models = scores.setdefault(fold["protocol"], {})
        models.setdefault(fold["model"], {})[split] = fold[score]
        shares[fold["protocol"], split] = fold["n_test"] / fold["n_train"]
    rows = [
        _compare_pair(protocol, first, second, models, shares)
        for protocol, models in scores.items()
        for first, second in itertools.combinations(models, 2)
    ]
    rows = [row for row in rows if not math.isnan(row["difference"])]
    adjusted = adjust_holm([row["p_value"] for row in rows])
    for row, p_value in zip(rows, adjusted, strict=True):
        row["p_value"] = float(p_value)
        gain = row["difference"] if is_greater_better(score) else -row["difference"]
        better = row["first"] if gain > 0 else row["second"]
        row["better"] = better if p_value < alpha else None
    return rows


def _compare_pair(protocol, first, second, models, shares):
    splits = [
        split
        for split in models[first]
        if split in models[second]
        and np.isfinite([models[first][split], models[second][split]]).all()
    ]
    first_scores = [models[first][split] for split in splits]
    second_scores = [models[second][split] for split in splits]
    differences = np.subtract(first_scores, second_scores)
    row = {
        "protocol": protocol,
        "first": first,
        "second": second,
        "difference": float(differences.mean()) if splits else math.nan,
        "p_value": math.nan,
        "better": None,
        "reason": find_reason_for_no_test(
            first_scores, second_scores, protocol=protocol
        ),
    }
    if row["reason"] is None:
        row["p_value"] = corrected_t_test(
            differences, [shares[protocol, split] for split in splits]
        )
    return row

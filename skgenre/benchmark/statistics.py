"""Confidence intervals over artists or tracks, and tests over folds."""

import itertools
import math

import numpy as np
from scipy import stats

from skgenre.benchmark.scorers import is_greater_better

# With two folds the t-test has one degree of freedom, and practically never rejects.
MIN_FOLDS = 3


def accuracy_interval(correct, tracks, artists=None, *, confidence=0.95):
    """Compute the confidence interval (low, high) of an accuracy.

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
    A bootstrap over artists is too narrow for few of them
    (benchmarks/bench_intervals.py).
    """
    intervals = [_wilson_interval(correct, tracks, confidence)]
    if artists is not None:
        # The few artists of a test may vary less than their tracks do, by chance.
        intervals.append(_wilson_interval(correct, artists, confidence))
    lows, highs = zip(*intervals, strict=True)
    return float(np.min(lows)), float(np.max(highs))


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
    """Compute the two-sided p-value of a mean difference over folds being zero.

    `differences` (n_folds,) are of two models on the same folds, `test_shares` the
    sizes of the folds' test parts over those of their training parts: folds share
    training tracks, and without that correction differences look surer than they are
    (Nadeau and Bengio, *Inference for the generalization error*, 2003). The differences
    must vary.
    """
    differences = np.asarray(differences, dtype=float)
    n_folds = len(differences)
    variance = differences.var(ddof=1)
    scale = np.sqrt((1 / n_folds + np.mean(test_shares)) * variance)
    return float(2 * stats.t.sf(abs(differences.mean()) / scale, n_folds - 1))


def adjust_holm(p_values):
    """Adjust p-values for their number (Holm, 1979); NaN are not counted."""
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
    rows = []
    for protocol, models in scores.items():
        for first, second in itertools.combinations(models, 2):
            pairs = [
                (models[first][split], models[second][split], shares[protocol, split])
                for split in models[first]
                if np.isfinite(
                    [models[first][split], models[second].get(split, math.nan)]
                ).all()
            ]
            if not pairs:
                continue
            first_scores, second_scores, test_shares = np.transpose(pairs)
            differences = first_scores - second_scores
            # Differences of equal accuracies differ by rounding errors of their scores.
            rounding = 1e-9 * np.abs(pairs)[:, :2].max()
            reason, p_value = None, math.nan
            if protocol == "filtered":
                # More seeds do not show how the scores vary with the tracks.
                reason = "there is one split only, and so one set of test tracks"
            elif len(pairs) < MIN_FOLDS:
                reason = (
                    f"the test needs {MIN_FOLDS} folds with scores of both, got "
                    f"{len(pairs)}"
                )
            elif np.ptp(differences) <= rounding:
                reason = f"the difference is the same in all {len(pairs)} folds"
            else:
                p_value = corrected_t_test(differences, test_shares)
            rows.append(
                {
                    "protocol": protocol,
                    "first": first,
                    "second": second,
                    "difference": float(differences.mean()),
                    "p_value": p_value,
                    "better": None,
                    "reason": reason,
                }
            )
    adjusted = adjust_holm([row["p_value"] for row in rows])
    for row, p_value in zip(rows, adjusted, strict=True):
        row["p_value"] = float(p_value)
        is_first = (row["difference"] > 0) == is_greater_better(score)
        if p_value < alpha:
            row["better"] = row["first"] if is_first else row["second"]
    return rows

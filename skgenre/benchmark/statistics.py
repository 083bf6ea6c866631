"""How sure the scores are: intervals over tracks, and tests over folds."""

import itertools
import math

import numpy as np
from scipy import stats


def bootstrap_interval(correct, tracks, *, confidence=0.95, n_resamples=2000, seed=0):
    """Percentile interval of an accuracy, resampling tracks: (low, high).

    `correct` (n_predictions,) says which predictions are right, and `tracks` of which
    track each is: all predictions of a track, over seeds, are drawn together, since
    they are no independent observations.
    """
    _, members = np.unique(tracks, return_inverse=True)
    n_predictions = np.bincount(members)
    n_correct = np.bincount(members, weights=np.asarray(correct, dtype=float))
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(n_predictions), size=(n_resamples, len(n_predictions)))
    accuracies = n_correct[drawn].sum(axis=1) / n_predictions[drawn].sum(axis=1)
    tails = (1 - confidence) / 2
    return tuple(float(q) for q in np.quantile(accuracies, [tails, 1 - tails]))


def corrected_t_test(differences, test_shares):
    """Two-sided p-value of a mean difference over folds being zero.

    `differences` (n_folds,) are of two models on the same folds, `test_shares` the
    sizes of the folds' test parts over those of their training parts: folds share
    training tracks, and without that correction differences look surer than they are
    (Nadeau and Bengio, *Inference for the generalization error*, 2003).
    """
    differences = np.asarray(differences, dtype=float)
    n_folds = len(differences)
    if n_folds < 2:
        return float("nan")
    variance = differences.var(ddof=1)
    if variance == 0:
        return 1.0 if differences.mean() == 0 else 0.0
    scale = np.sqrt((1 / n_folds + np.mean(test_shares)) * variance)
    return float(2 * stats.t.sf(abs(differences.mean()) / scale, n_folds - 1))


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
    ``p_value`` (corrected, then adjusted for all comparisons in the list) and
    ``better``: the model that is, or None.
    """
    scores, shares = {}, {}
    for fold in folds:
        cell = fold["seed"], fold["fold"]
        models = scores.setdefault(fold["protocol"], {})
        models.setdefault(fold["model"], {})[cell] = fold[score]
        shares[fold["protocol"], cell] = fold["n_test"] / fold["n_train"]
    rows = [
        _compare_pair(protocol, first, second, models, shares)
        for protocol, models in scores.items()
        for first, second in itertools.combinations(models, 2)
    ]
    rows = [row for row in rows if not math.isnan(row["difference"])]
    adjusted = adjust_holm([row["p_value"] for row in rows])
    for row, p_value in zip(rows, adjusted, strict=True):
        row["p_value"] = float(p_value)
        better = row["first"] if row["difference"] > 0 else row["second"]
        row["better"] = better if p_value < alpha else None
    return rows


def _compare_pair(protocol, first, second, models, shares):
    cells = [
        cell
        for cell in models[first].keys() & models[second].keys()
        if np.isfinite([models[first][cell], models[second][cell]]).all()
    ]
    differences = [models[first][cell] - models[second][cell] for cell in cells]
    return {
        "protocol": protocol,
        "first": first,
        "second": second,
        "difference": float(np.mean(differences)) if cells else float("nan"),
        "p_value": corrected_t_test(
            differences, [shares[protocol, cell] for cell in cells]
        ),
    }

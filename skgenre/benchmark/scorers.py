"""Scores of a benchmark: per track, as scikit-learn has them, and per segment."""

import math

import numpy as np
from sklearn.pipeline import Pipeline

# Columns that a row of results has besides its scores.
RESERVED_NAMES = {"model", "protocol", "seed", "fold", "fit_seconds", "score_seconds"}
RESERVED_NAMES |= {"segment_accuracy"}


def make_scorers(scoring):
    """Any form of scikit-learn's `scoring` as a dict, plus accuracy per segment."""
    if scoring is None:
        scoring = {"accuracy": "accuracy"}
    elif isinstance(scoring, str):
        scoring = {scoring: scoring}
    elif callable(scoring):
        scoring = {"score": scoring}
    elif not isinstance(scoring, dict):
        scoring = {name: name for name in scoring}
    taken = sorted(RESERVED_NAMES & set(scoring))
    if taken:
        raise ValueError(
            f"scoring must not use the names of other columns, got {taken}."
        )
    return {**scoring, "segment_accuracy": score_segments}


def score_segments(model, paths, target):
    """Accuracy per segment of a whole pipeline; NaN where it does not know segments."""
    if not isinstance(model, Pipeline) or not hasattr(
        model[-1], "predict_segments_proba"
    ):
        return math.nan
    probabilities = model[-1].predict_segments_proba(model[:-1].transform(paths))
    present = ~np.isnan(probabilities[:, :, 0])
    genres = model.classes_[np.argmax(np.nan_to_num(probabilities), axis=2)]
    return float((genres == np.asarray(target)[:, np.newaxis])[present].mean())

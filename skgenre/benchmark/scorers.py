"""Scores of a benchmark: per track, as scikit-learn has them, and per segment."""

import math

import numpy as np
from sklearn.pipeline import Pipeline


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

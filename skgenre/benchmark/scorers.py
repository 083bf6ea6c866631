"""Scores of a fitted model: per track, per segment, and any of scikit-learn's."""

import math

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    check_scoring,
    f1_score,
    get_scorer,
    recall_score,
)
from sklearn.pipeline import Pipeline

from skgenre.track_classifier import BaseTrackClassifier, predict_tracks_and_segments

# Per track; "log_loss" is the paper's "error".
TRACK_SCORES = ("accuracy", "balanced_accuracy", "f1_macro", "log_loss")
SEGMENT_SCORES = ("segment_accuracy", "segment_log_loss")
COSTS = ("fit_seconds", "predict_seconds", "seconds_per_epoch", "n_parameters")

LABEL = ("model", "protocol", "seed", "fold")
SIZES = ("n_train", "n_test")
# All others, the user's own included, follow scikit-learn's rule: greater is better.
_LOWER_IS_BETTER = {"log_loss", "segment_log_loss", *COSTS}


def is_greater_better(name):
    """Whether a model with more of this score, or cost, is the better one."""
    return name.removeprefix("train_") not in _LOWER_IS_BETTER


def list_columns(scoring):
    """List the scores of a fit: on the test part, then on the training part."""
    names = [*TRACK_SCORES, *SEGMENT_SCORES, *scoring]
    return names + [f"train_{name}" for name in names]


def check_scorers(scoring):
    """Return any form of scikit-learn's `scoring` as a dict of further scores."""
    if scoring is None:
        return {}
    if isinstance(scoring, str):
        scoring = [scoring]
    elif callable(scoring):
        scoring = {"score": scoring}
    if not isinstance(scoring, dict):
        scoring = {name: name for name in scoring if name not in TRACK_SCORES}
    for scorer in scoring.values():
        if isinstance(scorer, str):
            # Refuses an unknown name before any model is fitted.
            get_scorer(scorer)
    taken = {*LABEL, *SIZES, *COSTS, *TRACK_SCORES, *SEGMENT_SCORES, "error"}
    taken = sorted(taken & set(scoring))
    if taken:
        raise ValueError(
            f"scoring must not use the names of other columns, got {taken}."
        )
    return scoring


def predict(model, X):
    """Predict genres of rows, and where the model can, probabilities of their segments.

    Returns
    -------
    predicted : ndarray of shape (n_rows,)
    probabilities : ndarray of shape (n_rows, n_classes) or None
    segments : ndarray of shape (n_rows, n_segments, n_classes) or None
        Only of a pipeline that ends in a classifier of tracks.
    """
    segments = None
    if isinstance(model, Pipeline) and isinstance(model[-1], BaseTrackClassifier):
        probabilities, segments = predict_tracks_and_segments(model, X)
    elif hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(X)
    else:
        return model.predict(X), None, None
    return model.classes_[probabilities.argmax(axis=1)], probabilities, segments


def score_predictions(model, X, y, predictions, *, scoring, rows_are_segments):
    """Compute the scores of a fitted model by name, from what `predict` returned.

    Where `rows_are_segments`, there are no scores per track: they are NaN.
    """
    predicted, probabilities, segments = predictions
    scores = dict.fromkeys([*TRACK_SCORES, *SEGMENT_SCORES, *scoring], math.nan)
    if rows_are_segments:
        scores["segment_accuracy"] = float(accuracy_score(y, predicted))
        if probabilities is not None:
            scores["segment_log_loss"] = _log_loss(model.classes_, y, probabilities)
        return scores
    scores["accuracy"] = float(accuracy_score(y, predicted))
    # Not balanced_accuracy_score: it warns of genres that are only predicted.
    recalls = recall_score(y, predicted, labels=np.unique(y), average=None)
    scores["balanced_accuracy"] = float(recalls.mean())
    scores["f1_macro"] = float(f1_score(y, predicted, average="macro", zero_division=0))
    if probabilities is not None:
        scores["log_loss"] = _log_loss(model.classes_, y, probabilities)
    if segments is not None:
        present = ~np.isnan(segments[:, :, 0])
        genres = np.broadcast_to(y[:, np.newaxis], present.shape)[present]
        answers = model.classes_[segments[present].argmax(axis=1)]
        scores["segment_accuracy"] = float(np.mean(answers == genres))
        scores["segment_log_loss"] = _log_loss(
            model.classes_, genres, segments[present]
        )
    for name, scorer in scoring.items():
        scores[name] = float(check_scoring(model, scorer)(model, X, y))
    return scores


def _log_loss(classes, y, probabilities):
    """Mean of -log p of the true genre; p is zero for one that was not trained on.

    scikit-learn's log_loss refuses genres that the model does not know.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    true = np.where(y[:, np.newaxis] == classes, probabilities, 0).sum(axis=-1)
    return float(-np.log(np.clip(true, np.finfo(np.float32).eps, 1)).mean())

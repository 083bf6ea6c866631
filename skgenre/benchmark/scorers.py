"""Scores of a fold: per track, per segment, and any of scikit-learn's."""

import math
from time import perf_counter

import numpy as np
from sklearn.metrics import check_scoring, f1_score, get_scorer
from sklearn.pipeline import Pipeline

from skgenre.pooling import pool_probabilities
from skgenre.track_classifier import BaseTrackClassifier

# Per track; "log_loss" is the paper's "error".
TRACK_SCORES = ("accuracy", "balanced_accuracy", "f1_macro", "log_loss")
SEGMENT_SCORES = ("segment_accuracy", "segment_log_loss")

COSTS = ("fit_seconds", "predict_seconds", "seconds_per_epoch", "n_parameters")
# All others, the user's included, follow scikit-learn's rule: greater is better.
_LOWER_IS_BETTER = {"log_loss", "segment_log_loss", *COSTS}

# Columns that a row of results has besides its scores.
RESERVED_NAMES = {
    *("model", "protocol", "seed", "fold", "error", "n_train", "n_test"),
    *(*COSTS, *TRACK_SCORES, *SEGMENT_SCORES),
}


def is_greater_better(name):
    """Whether a model with more of this score, or cost, is the better one."""
    return name.removeprefix("train_") not in _LOWER_IS_BETTER


def list_scores(scoring):
    """Any form of scikit-learn's `scoring` as a dict of further scores."""
    if scoring is None:
        return {}
    if isinstance(scoring, str):
        scoring = [scoring]
    elif callable(scoring):
        scoring = {"score": scoring}
    if not isinstance(scoring, dict):
        scoring = {name: name for name in scoring if name not in TRACK_SCORES}
    for one in scoring.values():
        if isinstance(one, str):
            # Refuses an unknown name now, not once a model is fitted.
            get_scorer(one)
    taken = sorted(RESERVED_NAMES & set(scoring))
    if taken:
        raise ValueError(
            f"scoring must not use the names of other columns, got {taken}."
        )
    return scoring


class FoldScorer:
    """Scores one fitted model on the two parts of a fold; a scorer of scikit-learn.

    The model is given ``_answers``: call by call, what it `predicted` and how many
    `seconds` that took. It comes back from another process, which the scorer does not.

    Parameters
    ----------
    scoring : dict
        Further scores, as `list_scores` gives them.
    rows_are_segments : bool
        Whether the rows are segments: then there are no scores per track.
    """

    def __init__(self, scoring, *, rows_are_segments):
        self.scoring = scoring
        self.rows_are_segments = rows_are_segments

    def __call__(self, model, X, y):
        """Scores of the model by name."""
        started = perf_counter()
        segments = _answer_segments(model, X)
        predicted, probabilities = _answer(model, X, segments)
        seconds = perf_counter() - started
        answers = vars(model).setdefault("_answers", [])
        answers.append({"predicted": predicted, "seconds": seconds})
        scores = _score_rows(model, y, predicted, probabilities)
        if self.rows_are_segments:
            nan = dict.fromkeys((*TRACK_SCORES, *self.scoring), math.nan)
            return nan | {
                "segment_accuracy": scores["accuracy"],
                "segment_log_loss": scores["log_loss"],
            }
        further = {
            name: check_scoring(model, one)(model, X, y)
            for name, one in self.scoring.items()
        }
        return scores | further | _score_segments(model, y, segments)


def _answer_segments(model, X):
    """Probabilities of segments, of a pipeline that knows segments; else None."""
    if isinstance(model, Pipeline) and isinstance(model[-1], BaseTrackClassifier):
        # An empty pipeline cannot transform.
        features = model[:-1].transform(X) if len(model) > 1 else X
        return model[-1].predict_segments_proba(features)
    return None


def _answer(model, X, segments):
    if segments is not None:
        # As the classifier itself would, without predicting all segments again.
        probabilities = pool_probabilities(segments, pooling=model[-1].pooling)
        return model.classes_[probabilities.argmax(axis=1)], probabilities
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(X)
        return model.classes_[probabilities.argmax(axis=1)], probabilities
    return model.predict(X), None


def _score_rows(model, y, predicted, probabilities):
    y = np.asarray(y)
    genres = np.unique(y)
    return {
        "accuracy": float(np.mean(predicted == y)),
        "balanced_accuracy": float(
            np.mean([np.mean(predicted[y == genre] == genre) for genre in genres])
        ),
        "f1_macro": float(f1_score(y, predicted, average="macro", zero_division=0)),
        "log_loss": math.nan
        if probabilities is None
        else _log_loss(model.classes_, y, probabilities),
    }


def _log_loss(classes, y, probabilities):
    """Mean of -log p of the true genre; of one that was not trained on, p is zero.

    scikit-learn's refuses genres that the model does not know.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    matches = np.asarray(y)[:, np.newaxis] == classes
    true = np.where(matches, probabilities, 0).sum(axis=-1)
    return float(-np.log(np.clip(true, np.finfo(np.float32).eps, 1)).mean())


def _score_segments(model, y, probabilities):
    if probabilities is None:
        return dict.fromkeys(SEGMENT_SCORES, math.nan)
    present = ~np.isnan(probabilities[:, :, 0])
    genres = np.broadcast_to(np.asarray(y)[:, np.newaxis], present.shape)[present]
    segments = probabilities[present]
    return {
        "segment_accuracy": float(
            np.mean(model.classes_[segments.argmax(axis=1)] == genres)
        ),
        "segment_log_loss": _log_loss(model.classes_, genres, segments),
    }

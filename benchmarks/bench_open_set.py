"""How well music of no known genre is told from music of the known ones.

Leaves out one genre after the other. Of the tracks of the others, three folds by
artist: on two, `OpenSetClassifier` and `TemperatureScaledClassifier` are fitted, with
inner folds by artist, too; tested are the third, the known tracks, and the left-out
genre, the unknown ones. A known track whose genre cannot be trained on, because one
artist has all of it, is left out, and so is an unknown track of an artist who was
trained on. With ``--by track`` each track counts as an artist of its own.

    OMP_NUM_THREADS=1 python benchmarks/bench_open_set.py FOLDER... --cache features

FOLDER holds tracks of GTZAN. The expected calibration error is that of the highest
probability, in 15 bins of equal width: the mean, over tracks, of the difference between
accuracy and mean probability in the track's bin.
"""

import argparse
import warnings
from collections import defaultdict

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from skgenre import (
    MFCCExtractor,
    OpenSetClassifier,
    TemperatureScaledClassifier,
    fetch_gtzan,
    make_model,
)

METHODS = ("max_probability", "margin", "entropy")
TARGETS = (0.95, 0.9, 0.8)
N_FOLDS = 3
N_BINS = 15


class Remembered(ClassifierMixin, BaseEstimator):
    """A classifier that is fitted once on the same tracks, whoever asks for it."""

    fitted = {}  # noqa: RUF012

    def __init__(self, name):
        self.name = name

    def fit(self, X, y):
        """Fit, or remember."""
        self.key_ = self.name, joblib.hash((X, y))
        if self.key_ not in self.fitted:
            self.fitted[self.key_] = make_classifier(self.name).fit(X, y)
        self.classes_ = self.fitted[self.key_].classes_
        return self

    def predict_proba(self, X):
        """Of the remembered classifier."""
        return self.fitted[self.key_].predict_proba(X)


def make_classifier(name):
    """A model on features."""
    classifier = make_model(name)[1:]
    seeds = [key for key in classifier.get_params() if key.endswith("__random_state")]
    return classifier.set_params(**dict.fromkeys(seeds, 0))


def measure_calibration_error(confidence, is_right):
    """Expected calibration error; both of shape (n_tracks,)."""
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gaps = np.bincount(bins, is_right - confidence, minlength=N_BINS)
    return np.abs(gaps).sum() / len(confidence)


def split_known(X, y, groups):
    """Folds by artist, without test tracks of a genre that is not trained on."""
    folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(X, y, groups):
        yield train, test[np.isin(y[test], y[train])]


def measure_genre(name, data, X, genre):
    """Scores with one genre left out, by name."""
    known = np.flatnonzero(data.target != genre)
    unknown = np.flatnonzero(data.target == genre)
    values = defaultdict(list)
    folds = split_known(X[known], data.target[known], data.groups[known])
    for train, test in folds:
        train, test = known[train], known[test]
        others = unknown[~np.isin(data.groups[unknown], data.groups[train])]
        fit = X[train], data.target[train], data.groups[train]
        for key, value in measure_rejection(name, fit, X[test], X[others]):
            values[key].extend(value)
        for key, value in measure_probabilities(name, fit, X[test], data.target[test]):
            values[key].extend(value)
    values = {key: np.array(value) for key, value in values.items()}
    is_right = values["accuracy"]
    for when in ("before", "after"):
        confidence = values.pop(f"confidence {when}")
        values[f"ECE {when}"] = measure_calibration_error(confidence, is_right)
    return {key: np.mean(value) for key, value in values.items()}


def measure_rejection(name, fit, known, unknown):
    """Yield AUROC of the fold, and which of its tracks are accepted or rejected."""
    is_known = np.arange(len(known) + len(unknown)) < len(known)
    tested = np.concatenate([known, unknown])
    for method in METHODS:
        model = OpenSetClassifier(Remembered(name), method=method, cv=N_FOLDS)
        evidence = model.fit(*fit).score_samples(tested)
        yield f"AUROC, {method}", [roc_auc_score(is_known, evidence)]
    for target in TARGETS:
        model = OpenSetClassifier(
            Remembered(name), target_coverage=target, cv=N_FOLDS
        ).fit(*fit)
        yield f"known accepted of {target}", model.predict(known) != "unknown"
        yield f"unknown rejected at {target}", model.predict(unknown) == "unknown"


def measure_probabilities(name, fit, X, y):
    """Yield what `TemperatureScaledClassifier` changes, for each known track."""
    model = TemperatureScaledClassifier(Remembered(name), cv=N_FOLDS).fit(*fit)
    yield "accuracy", model.predict(X) == y
    yield "temperature", [model.temperature_]
    true = np.arange(len(y)), np.searchsorted(model.classes_, y)
    for when, one in [("before", model.estimator_), ("after", model)]:
        probabilities = one.predict_proba(X)
        yield f"confidence {when}", probabilities.max(axis=1)
        yield f"log-loss {when}", -np.log(np.maximum(probabilities[true], 1e-12))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--cache", default=None)
    parser.add_argument("--models", default="lda,logistic,covariance")
    parser.add_argument("--by", choices=["artist", "track"], default="artist")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "held-out tracks of these genres do not count")
    warnings.filterwarnings("ignore", "The least populated class in y")
    # Shrinkage, of a genre with one track in a fold.
    warnings.filterwarnings("ignore", "Only one sample available")
    data = fetch_gtzan(data_home=options.folders, download_if_missing=False)
    if options.by == "track":
        data.groups = np.arange(len(data.paths))
    X = MFCCExtractor(cache_dir=options.cache).transform(data.paths)
    for name in options.models.split(","):
        rows = {}
        for genre in data.target_names:
            rows[str(genre)] = measure_genre(name, data, X, genre)
            Remembered.fitted.clear()
            auroc = rows[str(genre)]["AUROC, max_probability"]
            print(f"{name}, without {genre}: AUROC {auroc:.3f}", flush=True)
        for key in rows[str(genre)]:
            values = [row[key] for row in rows.values()]
            print(
                f"{name:12} {key:30} {np.mean(values):6.3f}"
                f"  ({min(values):.3f} to {max(values):.3f})",
                flush=True,
            )


if __name__ == "__main__":
    main()

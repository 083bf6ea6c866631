"""Whether music of unknown genres can be told, and what temperature scaling is worth.

    OMP_NUM_THREADS=1 python benchmarks/bench_open_set.py DATA --work FOLDER [--test]

DATA is the npz of log-mel spectrograms of `bench_gtzan.py`, with its index beside it.
All choices are made on the parts `train` and `valid` of the fault-filtered split, in
three folds by artist; with ``--test``, all of both is trained on, and `test` tested on.

Unknown genres: each genre is left out of the training part in turn. The area under the
ROC curve (AUROC) then compares, by several measures of evidence, the tested tracks of
the other genres with those of the left-out one. None is by an artist who was trained
on. Distances are between the mean statistics of the tracks' segments.

Calibration: `CalibratedClassifierCV(method="temperature")` of scikit-learn with one
model (``ensemble=False``) or one for each of five inner folds, which are by artist or,
for comparison, by track. The calibration error is that of the highest probability, the
mean difference between accuracy and probability over 15 bins: of equal width; of equal
mass; and, in these, the root of the mean square without what chance adds (Kumar, Liang
and Ma: Verified Uncertainty Calibration, 2019).
"""

import argparse
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from logmel_tracks import MFCCFromLogMels, load_tracks
from scipy.special import entr
from sklearn.calibration import CalibratedClassifierCV
from sklearn.covariance import shrunk_covariance
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgenre import SegmentStatistics, make_model
from skgenre.model_selection.splitters import StratifiedArtistKFold

# Of the segments, for distances between tracks.
STATISTICS = ("mean", "log_covariance", "change_log_std")

N_FOLDS = 3
N_INNER_FOLDS = 5
N_BINS = 15
SHRINKAGES = (0.2, 0.5, 0.8)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", metavar="DATA")
    add("--work", required=True, help="folder for the tracks' spectrograms")
    add("--models", default="logistic-segments,lda,covariance")
    add("--n-mfcc", type=int, default=13)
    add("--seeds", type=int, default=3, help="number of seeds of the folds")
    add("--test", action="store_true", help="test on `test`, in place of folds")
    options = parser.parse_args()
    # By artist, a genre may have one track in a fold, or none in an inner fold.
    warnings.filterwarnings("ignore", "Only one sample available")
    warnings.filterwarnings("ignore", "The least populated class in y")
    index = Path(options.data).with_name("gtzan_index.csv")
    try:
        tracks = load_tracks(options.data, index, options.work)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    X = MFCCFromLogMels(n_mfcc=options.n_mfcc).transform(tracks.paths)
    seeds = range(1 if options.test else options.seeds)
    repeats = [list(split(tracks, options.test, seed)) for seed in seeds]
    statistics = SegmentStatistics(statistics=STATISTICS).fit_transform(X)
    statistics = statistics.mean(axis=(1, 2))
    print_rejection("statistics", statistics, tracks, repeats, measure_distances)
    for name in options.models.split(","):
        model, features = prepare(name, X)

        def measure(X, y, tested, model=model):
            return measure_probabilities(model.fit(X, y).predict_proba(tested))

        print_rejection(name, features, tracks, repeats, measure)
        print_calibration(name, features, tracks, repeats, model)


def split(tracks, test, seed):
    """Yield row numbers to train and to test on."""
    known = np.flatnonzero(np.isin(tracks.filtered_split, ["train", "valid"]))
    if test:
        yield known, np.flatnonzero(tracks.filtered_split == "test")
        return
    folds = StratifiedArtistKFold(N_FOLDS, shuffle=True, random_state=seed)
    for train, tested in folds.split(known, tracks.target[known], tracks.groups[known]):
        yield known[train], known[tested]


def prepare(name, X):
    """Return a model and its features: statistics, which learn nothing, if any."""
    model = make_model(name)[1:]
    seeds = [key for key in model.get_params() if key.endswith("random_state")]
    model.set_params(**dict.fromkeys(seeds, 0))
    return (model[1:], model[0].fit_transform(X)) if len(model) > 1 else (model, X)


# ---- Unknown genres


def print_rejection(name, X, tracks, repeats, measure):
    """Print the AUROC of each evidence: the mean over genres, the range, each genre.

    And the share of unknown tracks that are rejected where 90 % of the known ones are
    accepted.
    """
    values = defaultdict(lambda: defaultdict(list))
    rejected = defaultdict(list)
    for genre in tracks.target_names:
        for train, tested in (fold for folds in repeats for fold in folds):
            train = train[tracks.target[train] != genre]
            is_unknown = tracks.target[tested] == genre
            trained = np.isin(tracks.target[tested], tracks.target[train])
            tested, is_unknown = (a[trained | is_unknown] for a in (tested, is_unknown))
            if is_unknown.any():
                evidence = measure(X[train], tracks.target[train], X[tested])
                for key, value in evidence.items():
                    values[key][genre].append(roc_auc_score(~is_unknown, value))
                    accepted_from = np.quantile(value[~is_unknown], 0.1)
                    rejected[key].append(np.mean(value[is_unknown] < accepted_from))
    for key, genres in values.items():
        means = {genre: np.mean(aurocs) for genre, aurocs in genres.items()}
        low, mean, high = (f([*means.values()]) for f in (min, np.mean, max))
        each = " ".join(f"{genre} {value:.2f}" for genre, value in means.items())
        print(f"{name} {key:22} {mean:.3f} ({low:.2f} to {high:.2f})", end="")
        print(f" rejected {np.mean(rejected[key]):.2f} {each}", flush=True)


def measure_probabilities(probabilities):
    """Evidence (n_tracks,) that tracks are of a known genre, by name."""
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    entropy = entr(probabilities).sum(axis=1)
    return {"max_probability": first, "margin": first - second, "entropy": -entropy}


def measure_distances(X, y, tested):
    """The same by distances from the tracks `X` (n_tracks, n_statistics)."""
    scaler = StandardScaler().fit(X)
    X, tested = scaler.transform(X), scaler.transform(tested)
    genres, numbers = np.unique(y, return_inverse=True)
    means = np.stack([X[y == genre].mean(axis=0) for genre in genres])
    evidence = {"nearest track": -euclidean_distances(tested, X).min(axis=1)}
    for shrinkage in SHRINKAGES:
        # Lee et al. 2018; relative to that of all tracks: Ren et al. 2021.
        within = square_distances(tested, means, shrinkage, X - means[numbers])
        whole = square_distances(tested, X.mean(axis=0)[np.newaxis], shrinkage, X)
        evidence[f"Mahalanobis {shrinkage}"] = -within.min(axis=1)
        evidence[f"relative {shrinkage}"] = whole[:, 0] - within.min(axis=1)
    machine = SVC(C=3, gamma=2 / X.shape[1], class_weight="balanced")
    machines = OneVsRestClassifier(machine).fit(X, y)
    evidence["one-vs-rest SVM"] = machines.decision_function(tested).max(axis=1)
    return evidence


def square_distances(tested, centres, shrinkage, deviations):
    """Squared Mahalanobis distances, by the shrunken covariance of `deviations`."""
    covariance = deviations.T @ deviations / len(deviations)
    covariance = shrunk_covariance(covariance, shrinkage)
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    return euclidean_distances(tested @ whitening, centres @ whitening, squared=True)


# ---- Calibration


def print_calibration(name, X, tracks, repeats, model):
    """Print errors before and after scaling: the mean over repeats of the folds."""
    values = defaultdict(list)
    for folds in repeats:
        predicted = defaultdict(list)
        for train, tested in folds:
            for key, one in list_calibrated(model, tracks, train):
                one.fit(X[train], tracks.target[train])
                predicted[key].append(one.predict_proba(X[tested]))
        true = tracks.target[np.concatenate([tested for _, tested in folds])]
        for key, probabilities in predicted.items():
            values[key].append(score(np.concatenate(probabilities), true))
    for key, scores in values.items():
        means = {what: np.mean([s[what] for s in scores]) for what in scores[0]}
        print(
            f"{name} {key:22}",
            *(f"{w} {mean:.3f}" for w, mean in means.items()),
            flush=True,
        )


def list_calibrated(model, tracks, train):
    """Yield the model as it is, and in `CalibratedClassifierCV`, by name."""
    yield "before", model
    y, groups = tracks.target[train], tracks.groups[train]
    folds = {"n_splits": N_INNER_FOLDS, "shuffle": True, "random_state": 0}
    by_artist = list(StratifiedArtistKFold(**folds).split(train, y, groups))
    by_track = list(StratifiedKFold(**folds).split(train, y))
    for name, cv in [("by artist", by_artist), ("by track", by_track)]:
        for kind, ensemble in [("one model", False), ("ensemble", True)]:
            calibrated = CalibratedClassifierCV(
                model, method="temperature", cv=cv, ensemble=ensemble
            )
            yield f"{name}, {kind}", calibrated


def score(probabilities, true):
    """Scores by name of probabilities (n_tracks, n_genres) of sorted genres."""
    numbers = np.unique(true, return_inverse=True)[1]
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == numbers
    order = np.argsort(confidence)
    equal_width = np.digitize(confidence[order], np.arange(1, N_BINS) / N_BINS)
    equal_mass = np.arange(len(order)) * N_BINS // len(order)
    scores = {"accuracy": is_right.mean()}
    for name, bins in [("ECE", equal_width), ("ECE of equal mass", equal_mass)]:
        gaps = np.bincount(bins, (is_right - confidence)[order])
        scores[name] = np.abs(gaps).sum() / len(order)
    n = np.bincount(equal_mass)
    accuracy = np.bincount(equal_mass, is_right[order]) / n
    squares = (gaps / n) ** 2 - accuracy * (1 - accuracy) / (n - 1)
    scores["without chance"] = np.sqrt(max(0, n @ squares / len(order)))
    of_true = probabilities[np.arange(len(numbers)), numbers]
    scores["log-loss"] = -np.log(np.maximum(of_true, 1e-12)).mean()
    return scores


if __name__ == "__main__":
    main()

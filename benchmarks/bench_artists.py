"""Which model is best on artists that it has never heard.

Compares the paper's CNN with models whose configuration is chosen, fold by fold, by an
inner cross-validation that keeps artists apart, too: one search over the networks of
`CovarianceGenreClassifier`, one over classical models. Other models run as they are.

    python benchmarks/bench_artists.py FOLDER... --output OUT [--jobs 2]

FOLDER holds tracks of GTZAN. A run that was stopped goes on from OUT.
"""

import argparse
import json
import logging
from pathlib import Path

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgenre import (
    MFCCExtractor,
    SegmentPoolingClassifier,
    SegmentStatistics,
    TrackStatistics,
    fetch_gtzan,
    make_model,
    run_benchmark,
)
from skgenre.benchmark.statistics import compare_models

STEP = "covariancegenreclassifier"
NETWORKS = [
    {
        "mfccextractor__n_mfcc": [13, 20],
        **{f"{STEP}__hidden_units": [0], f"{STEP}__l2": [0.1]},
    },
    {
        "mfccextractor__n_mfcc": [20],
        **{f"{STEP}__hidden_units": [64], f"{STEP}__l2": [0.03]},
    },
]
MOMENTS = ("mean", "log_std", "delta_log_std")
COVARIANCES = ("mean", "log_covariance", "change_log_std")
# Those that are compared, declared before the run: what the question is about.
COMPARED = "cnn", "networks", "classical"


def list_classical():
    shrunken = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    balanced = {"class_weight": "balanced", "max_iter": 1000}
    voting = [LogisticRegression(C=C, **balanced) for C in (0.003, 0.01)]
    of_tracks = [LogisticRegression(max_iter=2000), shrunken, SVC()]
    return [
        {
            "mfccextractor__n_mfcc": [13, 20],
            "statistics": [SegmentStatistics(statistics=COVARIANCES)],
            "classifier": [vote(classifier) for classifier in voting],
        },
        {
            "statistics": [SegmentStatistics()],
            "classifier": [vote(LogisticRegression(C=0.03, max_iter=1000))],
        },
        {
            "statistics": [SegmentStatistics(statistics=COVARIANCES)],
            "classifier": [vote(shrunken)],
        },
        {
            "statistics": [TrackStatistics(statistics=MOMENTS)],
            "classifier": [make_pipeline(StandardScaler(), c) for c in of_tracks],
        },
        {
            "statistics": [TrackStatistics(statistics=(*MOMENTS, "correlation"))],
            "classifier": [ExtraTreesClassifier(300)],
        },
    ]


def vote(classifier):
    """A classifier of segments, whose probabilities are pooled per track."""
    return SegmentPoolingClassifier(
        make_pipeline(StandardScaler(), classifier), pooling="geometric"
    )


def search(pipeline, grid):
    """The model that an inner cross-validation over artists chooses from a grid."""
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    return GridSearchCV(pipeline, grid, cv=folds)


def search_networks():
    return search(make_model("covariance"), NETWORKS)


def search_classical():
    pipeline = Pipeline(
        [
            ("mfccextractor", MFCCExtractor()),
            ("statistics", TrackStatistics()),
            ("classifier", LogisticRegression()),
        ]
    )
    return search(pipeline, list_classical())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--output", required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--models",
        default="cnn,networks,classical,covariance,logistic,logistic-segments",
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    searches = {"networks": search_networks, "classical": search_classical}
    data = fetch_gtzan(data_home=options.folders, download_if_missing=False)
    result = run_benchmark(
        {
            name: searches[name]() if name in searches else make_model(name)
            for name in options.models.split(",")
        },
        data,
        protocols=("artist",),
        n_splits=3,
        seeds=tuple(range(options.seeds)),
        n_jobs=options.jobs,
        cache_dir=Path(options.output, "features"),
        output=options.output,
    )
    print(result.to_table())
    folds = [fold for fold in result.folds if fold["model"] in COMPARED]
    for row in compare_models(folds, score="accuracy", alpha=0.05):
        print(json.dumps(row))


if __name__ == "__main__":
    main()

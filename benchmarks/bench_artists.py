"""Which model is best on artists that it has never heard.

Compares the paper's CNN with models whose configuration is chosen, fold by fold, by an
inner cross-validation that keeps artists apart, too: one search over the networks of
`CovarianceGenreClassifier`, one over classical models.

    python benchmarks/bench_artists.py FOLDER... --output OUT [--jobs 2]

FOLDER holds tracks of GTZAN. A run that was stopped goes on from OUT.
"""

import argparse
import json
import logging
from pathlib import Path

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgenre import (
    CovarianceGenreClassifier,
    MFCCExtractor,
    SegmentPoolingClassifier,
    SegmentStatistics,
    TrackStatistics,
    fetch_gtzan,
    make_model,
    run_benchmark,
)

MOMENTS = ("mean", "log_std", "delta_log_std")
NETWORKS = {
    "plain": {},
    "no hidden layer": {"hidden_units": [0]},
    "channel shift": {"channel_shift": [0.3]},
    "label smoothing": {"label_smoothing": [0.1]},
    "mixup": {"mixup": [0.2]},
    "time mask": {"time_mask": [0.2]},
    "coefficient mask": {"coefficient_mask": [0.1]},
    "shift, smoothing": {"channel_shift": [0.3], "label_smoothing": [0.1]},
    "shift, smoothing, dropout 0.5": {
        "channel_shift": [0.3],
        "label_smoothing": [0.1],
        "dropout": [0.5],
    },
}


def list_classical():
    logistic = LogisticRegression(max_iter=2000)
    shrunken = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    forests = [RandomForestClassifier(300), ExtraTreesClassifier(300)]
    svm = SVC()
    voting = [
        SegmentPoolingClassifier(make_pipeline(StandardScaler(), classifier))
        for classifier in (
            LogisticRegression(C=0.03, max_iter=1000),
            LogisticRegression(C=0.3, max_iter=1000),
            shrunken,
        )
    ]
    of_tracks = [TrackStatistics(), TrackStatistics(statistics=MOMENTS)]
    of_tracks.append(TrackStatistics(statistics=(*MOMENTS, "correlation")))
    of_segments = [SegmentStatistics(statistics=MOMENTS), SegmentStatistics()]
    scaled = [
        make_pipeline(StandardScaler(), model) for model in (logistic, shrunken, svm)
    ]
    return [
        {"statistics": of_tracks, "classifier": [*scaled, *forests]},
        {"statistics": of_segments, "classifier": voting},
    ]


def search(pipeline, grid):
    """The model that an inner cross-validation over artists chooses from a grid."""
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    return GridSearchCV(pipeline, grid, cv=folds)


def search_networks():
    pipeline = make_pipeline(MFCCExtractor(), CovarianceGenreClassifier())
    step = pipeline.steps[-1][0]
    grid = [
        {f"{step}__{name}": values for name, values in parameters.items()}
        for parameters in NETWORKS.values()
    ]
    return search(pipeline, grid)


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
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", default="cnn,logistic,networks,classical")
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
    for row in result.compare():
        print(json.dumps(row))


if __name__ == "__main__":
    main()

"""What features of pretrained networks are worth, beside those of this package.

    OMP_NUM_THREADS=1 python benchmarks/bench_embedding.py TRACKS... --cache FOLDER
    OMP_NUM_THREADS=1 python benchmarks/bench_embedding.py --gtzan DIR... --cache FOLDER

TRACKS are folders of genre folders, or CSV files with the columns path, genre and, if
known, artist (`load_track_table`). The weights must be there: pip install --no-deps
musicnn==0.1.0. What is computed of the audio is kept in FOLDER. Five experiments:

artist   accuracy, three folds by artist (those of `bench_artists.py`), ten seeds, with
         the corrected test of each difference from `logistic-segments`; and the same
         without the tested tracks of genres that no track was trained on;
track    the same by track, five seeds;
few      five tracks per genre are trained on, all others tested, by track, 50 draws;
unknown  one genre is left out of the training part of the folds by artist: the area
         under the ROC curve (AUROC) with which tracks of the other genres are told from
         those of this one, by the highest probability of each model and by the
         distance of Mahalanobis in the space of each kind of features (the means of a
         track's segments, standardised; within-genre covariance after Ledoit and Wolf);
costs    CPU seconds per track and peak memory of each kind of features, each in a
         process of its own, without the cache.

The statistics of `logistic-segments` are the MFCC statistics of `embedding`, with the
same classifier; `MTT alone` and `MSD alone` are the embeddings with it.
"""

import argparse
import itertools
import logging
import multiprocessing
import os
import resource
import sys
import warnings
from collections import defaultdict
from time import process_time

import numpy as np
from sklearn.base import clone
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenre import MusicnnEmbedding, make_model
from skgenre._tables import write_markdown
from skgenre._validation import is_known_group
from skgenre.benchmark.result import MSD_NOTE
from skgenre.benchmark.statistics import compare_models
from skgenre.cli.files import load_tracks
from skgenre.datasets.gtzan_tracks import include_gtzan
from skgenre.features import list_extractors
from skgenre.model_selection import make_splitter

EXPERIMENTS = ("artist", "track", "few", "unknown", "costs")
N_FOLDS = 3
N_SHOTS = 5
REFERENCE = "logistic-segments"


def make_alone(model):
    """The classifier of `embedding`, on the embedding alone."""
    return make_pipeline(MusicnnEmbedding(model=model), make_model("embedding")[-1])


MODELS = {
    "covariance": lambda: make_model("covariance"),
    REFERENCE: lambda: make_model(REFERENCE),
    "MTT alone": lambda: make_alone("MTT_musicnn"),
    "MSD alone": lambda: make_alone("MSD_musicnn"),
    "embedding MTT": lambda: make_model("embedding", model="MTT_musicnn"),
    "embedding MTT_vgg": lambda: make_model("embedding", model="MTT_vgg"),
    "embedding MSD": lambda: make_model("embedding", model="MSD_musicnn"),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("tracks", nargs="*", metavar="TRACKS")
    add("--gtzan", nargs="+", metavar="DIR", help="folders of GTZAN's tracks")
    add("--cache", required=True, metavar="FOLDER")
    add("--models", type=split_names, default=[*MODELS])
    add("--experiments", type=split_names, default=EXPERIMENTS)
    add("--seeds", type=int, default=10, help="of the folds by artist (default: 10)")
    add("--track-seeds", type=int, default=5, help="of those by track (default: 5)")
    add("--draws", type=int, default=50, help="of a few tracks (default: 50)")
    add("--unknown-seeds", type=int, default=3, help="of `unknown` (default: 3)")
    add("--timed", type=int, default=10, help="tracks of `costs` (default: 10)")
    add("--jobs", type=int, default=1, help="files analysed at the same time")
    add("--weights-dir", metavar="DIR", help="folder of the weights")
    options = parser.parse_args()
    unknown = {*options.models} - {*MODELS} | {*options.experiments} - {*EXPERIMENTS}
    if unknown or bool(options.tracks) == bool(options.gtzan):
        parser.error(f"unknown: {unknown}" if unknown else "give TRACKS or --gtzan")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # By artist, a genre may have one track in a fold; GTZAN may be there in part.
    warnings.filterwarnings("ignore", "Only one sample available")
    warnings.filterwarnings("ignore", "The least populated class in y")
    try:
        run(options)
    except (OSError, ValueError) as error:
        print(f"bench_embedding: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)


def split_names(text):
    return [name for name in text.split(",") if name]


def run(options):
    layout = "gtzan" if options.gtzan else None
    tracks = load_tracks(options.gtzan or options.tracks, layout=layout)
    models = {name: MODELS[name]() for name in options.models}
    for extractor in itertools.chain(*map(list_extractors, models.values())):
        if isinstance(extractor, MusicnnEmbedding):
            extractor.set_params(weights_dir=options.weights_dir)
    genres = ", ".join(f"{g} {n}" for g, n in count(tracks.target).items())
    print(f"{len(tracks.paths)} tracks by {len({*tracks.groups})} artists: {genres}\n")
    msd = [name for name in models if "MSD" in name]
    if msd and include_gtzan(tracks.paths):
        print(MSD_NOTE.format(models=", ".join(msd)) + "\n")
    if "costs" in options.experiments:
        print_costs(models, tracks.paths[: options.timed].tolist())
    features = {}
    for name, model in models.items():
        for extractor in list_extractors(model):
            extractor.set_params(cache_dir=options.cache, n_jobs=options.jobs)
        logging.info("features of %s", name)
        # They learn nothing from other tracks.
        features[name] = model[:-1].fit_transform(tracks.paths, tracks.target)
    classifiers = {name: model[-1] for name, model in models.items()}
    experiments, apart = {*options.experiments}, "artist"
    if not any(map(is_known_group, tracks.groups)):
        print("No artist is known: all folds are by track.\n")
        experiments, apart = experiments - {"artist"}, "track"
    for protocol, n_seeds in [
        ("artist", options.seeds),
        ("track", options.track_seeds),
    ]:
        if protocol in experiments:
            print_folds(protocol, n_seeds, classifiers, features, tracks)
    if "few" in experiments:
        print_few(options.draws, classifiers, features, tracks)
    # A classifier needs two genres besides.
    if "unknown" in experiments and len(tracks.target_names) > 2:
        print_unknown(apart, options.unknown_seeds, classifiers, features, tracks)


def count(labels):
    return dict(zip(*np.unique(labels, return_counts=True), strict=True))


def split(protocol, tracks, seed):
    """Rows to train and to test on, of each fold."""
    X, y, groups = tracks.paths, tracks.target, tracks.groups
    splitter = make_splitter(
        protocol, y, groups=groups, n_splits=N_FOLDS, random_state=seed
    )
    return list(splitter.split(X, y, groups if protocol == "artist" else None))


def fit(classifier, X, y, seed):
    seeds = [key for key in classifier.get_params() if key.endswith("random_state")]
    return clone(classifier).set_params(**dict.fromkeys(seeds, seed)).fit(X, y)


# ---- Accuracies


def print_folds(protocol, n_seeds, classifiers, features, tracks):
    """Print accuracies by folds, and differences from the reference."""
    heads = ["model", "accuracy", "± over seeds", "of trained genres", "CPU s per fit"]
    rows, table = [], [heads]
    for name, classifier in classifiers.items():
        own, seconds, of_trained = [], [], []
        for seed in range(n_seeds):
            for number, (train, test) in enumerate(split(protocol, tracks, seed)):
                start, X = process_time(), features[name]
                fitted = fit(classifier, X[train], tracks.target[train], seed)
                seconds.append(process_time() - start)
                true = tracks.target[test]
                is_right = fitted.predict(X[test]) == true
                # By artist, all tracks of a genre may be in the tested part.
                is_trained = np.isin(true, tracks.target[train])
                of_trained.append(is_right[is_trained].mean())
                row = {"model": name, "protocol": protocol}
                row["accuracy"] = is_right.mean()
                row |= {"seed": seed, "fold": number}
                own.append({**row, "n_train": len(train), "n_test": len(test)})
        means = np.reshape([row["accuracy"] for row in own], (n_seeds, -1)).mean(axis=1)
        cells = [means.mean(), means.std(), np.mean(of_trained), np.median(seconds)]
        table.append([name, *map("{:.3f}".format, cells)])
        rows += own
        logging.info("%s: %s", protocol, " ".join(table[-1]))
    print(f"## Accuracy by {protocol}, {N_FOLDS} folds, {n_seeds} seeds\n")
    print(write_markdown(table) + "\n")
    table = [["model", f"difference from {REFERENCE}", "p (corrected, one by one)"]]
    for name in classifiers:
        pair = [row for row in rows if row["model"] in (name, REFERENCE)]
        for row in compare_models(pair, score="accuracy", alpha=0.05):
            sign = 1 if row["first"] == name else -1
            difference = f"{sign * row['difference']:+.3f}"
            table.append([name, difference, row["reason"] or f"{row['p_value']:.2g}"])
    if len(table) > 1:
        print(write_markdown(table) + "\n", flush=True)


def print_few(n_draws, classifiers, features, tracks):
    """Print accuracies after training on a few tracks of each genre."""
    accuracies = defaultdict(list)
    for draw in range(n_draws):
        random = np.random.RandomState(draw)
        train = np.concatenate(
            [
                random.permutation(np.flatnonzero(tracks.target == genre))[:N_SHOTS]
                for genre in tracks.target_names
            ]
        )
        test = np.setdiff1d(np.arange(len(tracks.paths)), train)
        for name, classifier in classifiers.items():
            fitted = fit(classifier, features[name][train], tracks.target[train], draw)
            score = fitted.score(features[name][test], tracks.target[test])
            accuracies[name].append(score)
    table = [["model", "accuracy", "± over draws"]]
    for name, values in accuracies.items():
        table.append([name, f"{np.mean(values):.3f}", f"{np.std(values):.3f}"])
    print(f"## {N_SHOTS} tracks per genre, all others tested, {n_draws} draws\n")
    print(write_markdown(table) + "\n", flush=True)


# ---- Unknown genres


def print_unknown(protocol, n_seeds, classifiers, features, tracks):
    """Print the AUROC of each evidence that a track is of a known genre."""
    values = defaultdict(lambda: defaultdict(list))
    for seed in range(n_seeds):
        for train, test in split(protocol, tracks, seed):
            for genre in tracks.target_names:
                kept = train[tracks.target[train] != genre]
                is_unknown = tracks.target[test] == genre
                judged = is_unknown | np.isin(tracks.target[test], tracks.target[kept])
                if not is_unknown.any() or is_unknown[judged].all():
                    continue
                for name, classifier in classifiers.items():
                    X, y = features[name][kept], tracks.target[kept]
                    tested = features[name][test[judged]]
                    fitted = fit(classifier, X, y, seed)
                    evidence = {"probability": fitted.predict_proba(tested).max(axis=1)}
                    # Frames of coefficients make no space of tracks.
                    if X.shape[2] == 1:
                        means = (np.nanmean(a, axis=(1, 2)) for a in (X, tested))
                        evidence["distance"] = -measure_distances(*means, y)
                    for kind, value in evidence.items():
                        area = roc_auc_score(~is_unknown[judged], value)
                        values[name, kind][genre].append(area)
        logging.info("unknown: seed %d", seed)
    table = [["model", "evidence", "AUROC", "lowest", "highest genre"]]
    for (name, kind), genres in values.items():
        means = {genre: np.mean(areas) for genre, areas in genres.items()}
        low, high = (f(means, key=means.get) for f in (min, max))
        ends = [f"{genre} {means[genre]:.2f}" for genre in (low, high)]
        table.append([name, kind, f"{np.mean([*means.values()]):.3f}", *ends])
    print(f"## One genre unknown, AUROC, folds by {protocol}, {n_seeds} seeds\n")
    print(write_markdown(table) + "\n", flush=True)


def measure_distances(X, tested, y):
    """Squared distances (n_tested,) of tracks (n_tested, n_features) to a genre."""
    scaler = StandardScaler().fit(X)
    X, tested = scaler.transform(X), scaler.transform(tested)
    genres, numbers = np.unique(y, return_inverse=True)
    means = np.stack([X[y == genre].mean(axis=0) for genre in genres])
    deviations = X - means[numbers]
    shrinkage = ledoit_wolf_shrinkage(deviations, assume_centered=True)
    variance = np.mean(deviations**2)
    # In the space that the tracks span, whose dimensions are fewer than the features.
    basis = np.linalg.qr(np.vstack([X, tested]).T)[0]
    deviations, means, tested = (a @ basis for a in (deviations, means, tested))
    covariance = (1 - shrinkage) * deviations.T @ deviations / len(deviations)
    covariance += shrinkage * variance * np.eye(len(covariance))
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    distances = euclidean_distances(tested @ whitening, means @ whitening, squared=True)
    return distances.min(axis=1)


# ---- Costs


def print_costs(models, paths):
    """Print what the analysis of tracks costs; libraries are loaded by one before."""
    table = [["features of", "CPU s per track", "memory, MB", "of which imports"]]
    for name, model in models.items():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, before, after = pool.apply(measure_costs, (model[:-1], paths))
        cells = [f"{seconds:.2f}", f"{after:.0f}", f"{before:.0f}"]
        table.append([name, *cells])
    print(f"## Costs of the analysis, {len(paths)} tracks\n")
    print(write_markdown(table) + "\n", flush=True)


def measure_costs(transformer, paths):
    """CPU seconds per track, and peak memory before and after, of a fresh process."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    transformer.fit_transform(paths[:1])
    start = process_time()
    transformer.transform(paths)
    seconds = (process_time() - start) / len(paths)
    return seconds, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    # TensorFlow is imported with the first network.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()

"""Accuracy of the networks against a plain Keras script, over seeds, on real tracks.

    python benchmarks/bench_accuracy.py ../shared/data/gtzan_mini/genres

Both train on the same tracks and answer per track, by the mean over its segments.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from bench_networks import BUILDERS, CLASSIFIERS
from pairs import describe_versions
from sklearn.model_selection import train_test_split

from skgenre import MFCCExtractor, load_genre_folder

EPOCHS = {"MLP": 50, "CNN": 30, "LSTM": 30}


def score_keras(name, X, y, X_test, y_test, seed):
    import keras

    keras.utils.set_random_seed(seed)
    build, parameters = BUILDERS[name]
    model = build(X.shape[2:], int(y.max()) + 1, **parameters)
    optimizer = keras.optimizers.Adam(1e-4)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    present = ~np.isnan(X[:, :, 0, 0])
    model.fit(
        X[present],
        y[np.nonzero(present)[0]],
        **{"epochs": EPOCHS[name], "batch_size": 32, "verbose": 0},
    )
    pooled = [
        model.predict(track[~np.isnan(track[:, 0, 0])], verbose=0).mean(axis=0)
        for track in X_test
    ]
    return np.mean(np.argmax(pooled, axis=1) == y_test)


def score_ours(name, X, y, X_test, y_test, seed):
    model = CLASSIFIERS[name](epochs=EPOCHS[name], random_state=seed)
    return model.fit(X, y).score(X_test, y_test)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="folder of genres")
    parser.add_argument("--n-seeds", type=int, default=5)
    arguments = parser.parse_args()
    tracks = load_genre_folder(arguments.data)
    X = MFCCExtractor().fit_transform(tracks.paths)
    y = np.unique(tracks.target, return_inverse=True)[1]
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.4, stratify=y, random_state=0
    )
    print(describe_versions())
    for name in BUILDERS:
        scores = np.array(
            [
                [
                    score(name, X, y, X_test, y_test, seed)
                    for seed in range(arguments.n_seeds)
                ]
                for score in (score_ours, score_keras)
            ]
        )
        means, spreads = scores.mean(axis=1), scores.std(axis=1, ddof=1)
        print(
            f"{name:5} ours {means[0]:.3f} ± {spreads[0]:.3f}, Keras {means[1]:.3f} ± "
            f"{spreads[1]:.3f}, difference {means[0] - means[1]:+.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

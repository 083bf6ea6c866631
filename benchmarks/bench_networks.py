"""Fits, epochs, predictions and memory of the networks against scikeras and Keras.

The fits of 20 segments are of a single step: what is left is the fixed cost of a fit.

python benchmarks/bench_networks.py [--only fits epochs predictions memory]

Memory is what a process still uses after a fit: without Python's garbage, and without
the free memory that C's allocator holds back. The allocator takes and gives back up to
70 MB at a time, once in tens of fits: over 20 fits, that alone is 3 MB per fit.
"""

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
from importlib import metadata

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import psutil
from pairs import measure_pairs, print_header, print_pairs

from skgenre import CNNGenreClassifier, LSTMGenreClassifier, MLPGenreClassifier
from skgenre.networks import build_cnn, build_lstm, build_mlp

SHAPE, N_CLASSES, N_SEGMENTS = (130, 13), 10, 10
BUILDERS = {
    "MLP": (build_mlp, {"hidden_layer_sizes": (512, 256, 64), "dropout": 0, "l2": 0}),
    "CNN": (
        build_cnn,
        {
            "filters": (32, 32, 32),
            "kernel_sizes": ((3, 3), (3, 3), (2, 2)),
            "padding": "valid",
            "dense_units": 64,
            "dropout": 0.3,
            "l2": 0,
        },
    ),
    "LSTM": (build_lstm, {"units": (64, 64), "dense_units": 64, "dropout": 0.3}),
}
CLASSIFIERS = {
    "MLP": MLPGenreClassifier,
    "CNN": CNNGenreClassifier,
    "LSTM": LSTMGenreClassifier,
}


def make_tracks(n_tracks):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_tracks, N_SEGMENTS, *SHAPE)).astype(np.float32)
    return X, np.arange(n_tracks) % N_CLASSES


def make_scikeras(name, epochs=2):
    from scikeras.wrappers import KerasClassifier

    build, parameters = BUILDERS[name]

    def model():
        return build(SHAPE, N_CLASSES, **parameters)

    return KerasClassifier(
        model,
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        epochs=epochs,
        verbose=0,
    )


def make_keras(name):
    build, parameters = BUILDERS[name]
    model = build(SHAPE, N_CLASSES, **parameters)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def flatten(X, y):
    return X.reshape(-1, *SHAPE), y.repeat(N_SEGMENTS)


def measure_fits(name, n_tracks, epochs, n_pairs):
    X, y = make_tracks(n_tracks)
    rows, targets = flatten(X, y)
    ours = CLASSIFIERS[name](epochs=epochs)
    seconds = measure_pairs(
        lambda: ours.fit(X, y),
        lambda: make_scikeras(name, epochs).fit(rows, targets),
        n_pairs,
    )
    print_pairs(f"{name}: fit, {len(rows)} segments, {epochs} epochs", seconds)


def measure_epochs(name, n_tracks, n_pairs):
    X, y = make_tracks(n_tracks)
    rows, targets = flatten(X, y)
    ours, theirs = CLASSIFIERS[name](), make_keras(name)
    seconds = measure_pairs(
        lambda: ours.partial_fit(X, y),
        lambda: theirs.fit(rows, targets, batch_size=32, verbose=0),
        n_pairs,
    )
    print_pairs(f"{name}: epoch, {len(rows)} segments", seconds)


def measure_predictions(name, n_pairs):
    X, y = make_tracks(20)
    ours, theirs = CLASSIFIERS[name](epochs=1).fit(X, y), make_keras(name)
    seconds = measure_pairs(
        lambda: ours.predict_proba(X[:1]),
        lambda: theirs.predict(X[0], verbose=0).mean(axis=0),
        n_pairs,
    )
    print_pairs(f"{name}: predict one track", seconds)


def read_used_memory():
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return psutil.Process().memory_info().rss


def fit_and_print_memory(name, whose, n_fits):
    """In a process of its own: megabytes kept per fit, after the first two."""
    X, y = make_tracks(64)
    rows, targets = flatten(X, y)
    kept = []
    for _ in range(n_fits + 2):
        if whose == "ours":
            CLASSIFIERS[name](epochs=2).fit(X, y)
        else:
            make_scikeras(name).fit(rows, targets)
        kept.append(read_used_memory() / 1e6)
    print(json.dumps((kept[-1] - kept[1]) / n_fits))


def measure_memory(name, n_fits):
    command = [sys.executable, __file__, "--memory-of", name, "--n-fits", str(n_fits)]
    ours, theirs = (
        json.loads(
            subprocess.check_output([*command, "--whose", whose]).splitlines()[-1]
        )
        for whose in ("ours", "theirs")
    )
    print(
        f"{name + ': memory kept per further fit':34} {ours:6.2f} MB {theirs:6.2f} MB"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ("fits", "epochs", "predictions", "memory")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--n-pairs", type=int, default=10)
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    parser.add_argument("--whose", help=argparse.SUPPRESS)
    parser.add_argument("--n-fits", type=int, default=20)
    arguments = parser.parse_args()
    if arguments.memory_of:
        fit_and_print_memory(arguments.memory_of, arguments.whose, arguments.n_fits)
        return
    print_header()
    names = ("tensorflow", "keras", "scikeras")
    print(", ".join(f"{name} {metadata.version(name)}" for name in names))
    for name in BUILDERS:
        if "fits" in arguments.only:
            measure_fits(name, 64, 2, arguments.n_pairs)
            measure_fits(name, 2, 1, arguments.n_pairs)
        if "epochs" in arguments.only:
            measure_epochs(name, 800 if name == "MLP" else 160, arguments.n_pairs)
        if "predictions" in arguments.only:
            measure_predictions(name, 3 * arguments.n_pairs)
        if "memory" in arguments.only:
            measure_memory(name, arguments.n_fits)


if __name__ == "__main__":
    main()

"""A 5-fold search over eight MLPs, from the files, against scikeras without a store.

python benchmarks/bench_search.py ../shared/data/gtzan_mini/genres
"""

import argparse
import os
import tempfile
from time import perf_counter, process_time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from pairs import describe_versions
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skgenre import MFCCExtractor, MLPGenreClassifier, load_genre_folder
from skgenre.networks import build_mlp

HIDDEN_LAYER_SIZES = [(512, 256, 64), (256, 64)]
LEARNING_RATES = [1e-3, 3e-4, 1e-4, 3e-5]
EPOCHS = 5


class ScikerasTracks(ClassifierMixin, BaseEstimator):
    """scikeras' classifier on the segments of tracks, averaged."""

    def __init__(self, hidden_layer_sizes=(512, 256, 64), learning_rate=1e-4):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate

    def fit(self, X, y):
        from keras.optimizers import Adam
        from scikeras.wrappers import KerasClassifier

        self.classes_, sizes = np.unique(y), self.hidden_layer_sizes

        def model():
            return build_mlp(
                X.shape[2:],
                len(self.classes_),
                hidden_layer_sizes=sizes,
                dropout=0,
                l2=0,
            )

        self.model_ = KerasClassifier(
            model,
            optimizer=Adam(self.learning_rate),
            loss="sparse_categorical_crossentropy",
            epochs=EPOCHS,
            verbose=0,
        )
        present = ~np.isnan(X[:, :, 0, 0])
        self.model_.fit(X[present], y[np.nonzero(present)[0]])
        return self

    def predict(self, X):
        present = ~np.isnan(X[:, :, 0, 0])
        segments = np.full((*present.shape, len(self.classes_)), np.nan)
        segments[present] = self.model_.predict_proba(X[present], verbose=0)
        return self.classes_[np.nanmean(segments, axis=1).argmax(axis=1)]


def search(extractor, classifier, tracks):
    name = type(classifier).__name__.lower()
    grid = {
        f"{name}__hidden_layer_sizes": HIDDEN_LAYER_SIZES,
        f"{name}__learning_rate": LEARNING_RATES,
    }
    wall, cpu = perf_counter(), process_time()
    found = GridSearchCV(make_pipeline(extractor, classifier), grid, cv=5)
    found.fit(tracks.paths, tracks.target)
    return perf_counter() - wall, process_time() - cpu, found.best_score_


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="folder of genres")
    tracks = load_genre_folder(parser.parse_args().data)
    print(describe_versions())
    import scikeras.wrappers  # noqa: F401  (TensorFlow's import is neither's time)

    with tempfile.TemporaryDirectory() as folder:
        ours = search(
            MFCCExtractor(cache_dir=folder),
            MLPGenreClassifier(epochs=EPOCHS, random_state=0),
            tracks,
        )
    theirs = search(MFCCExtractor(), ScikerasTracks(), tracks)
    for name, (wall, cpu, score), store in (
        ("ours", ours, "the store empty at first"),
        ("scikeras", theirs, "no store"),
    ):
        print(
            f"{name} {wall:.1f} s, CPU {cpu:.1f} s (best accuracy {score:.3f}), {store}"
        )
    print(f"ratio {theirs[0] / ours[0]:.2f}, CPU {theirs[1] / ours[1]:.2f}")


if __name__ == "__main__":
    main()

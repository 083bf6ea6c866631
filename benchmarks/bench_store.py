"""The feature store: a warm hit against joblib.Memory, and analyses in a grid search.

With --data, also what files told apart by their content cost, warm and cold.

python benchmarks/bench_store.py [--n-pairs 11] [--data DIR]
"""

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from joblib import Memory
from pairs import measure_pairs, print_header, print_pairs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skgenre import (
    FeatureStore,
    MFCCExtractor,
    TrackStatistics,
    load_genre_folder,
    make_genre_tracks,
)
from skgenre.features import base as base_module

N_HITS = 200
PARAMETERS = {"n_mfcc": 13, "n_fft": 2048}
CANDIDATES = {"logisticregression__C": np.logspace(-2, 2, 8)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-pairs", type=int, default=11)
    parser.add_argument("--data", type=Path, help="folder of genre folders")
    arguments = parser.parse_args()
    print_header()
    with tempfile.TemporaryDirectory() as folder:
        compare_hits(Path(folder), arguments.n_pairs)
        if arguments.data is not None:
            compare_keys(Path(folder), arguments.data, arguments.n_pairs)
        count_analyses(Path(folder))


def compare_hits(folder, n_pairs):
    """One track's features, kept by either, read again."""
    audio = folder / "track.wav"
    audio.write_bytes(b"sound")
    features = np.random.default_rng(0).normal(size=(10, 130, 13)).astype(np.float32)
    store = FeatureStore(folder / "store", PARAMETERS)
    store.save(store.entry_path(audio), features)
    remembered = Memory(folder / "joblib", verbose=0).cache(give)
    remembered(str(audio), PARAMETERS)
    raw = folder / "raw.npy"
    np.save(raw, features)

    def hit():
        for _ in range(N_HITS):
            store.load(store.entry_path(audio))

    def remember():
        for _ in range(N_HITS):
            remembered(str(audio), PARAMETERS)

    def read():
        for _ in range(N_HITS):
            raw.read_bytes()

    print_pairs("hit, joblib.Memory", measure_pairs(hit, remember, n_pairs), N_HITS)
    print_pairs("hit, raw read of the file", measure_pairs(hit, read, n_pairs), N_HITS)


def compare_keys(folder, data, n_pairs):
    """All tracks of a folder, found by their stat (theirs) and their content (ours)."""
    paths = load_genre_folder(data).paths
    n_bytes = sum(os.path.getsize(path) for path in paths)
    print(f"{len(paths)} tracks of {n_bytes / len(paths) / 1e6:.2f} MB")
    for what, is_warm in ("warm", True), ("cold", False):

        def extract(key, is_warm=is_warm):
            store = folder / key
            if not is_warm:
                FeatureStore(store).clear()
            MFCCExtractor(cache_dir=store, cache_key=key).transform(paths)

        sides = partial(extract, "content"), partial(extract, "stat")
        seconds = measure_pairs(*sides, n_pairs)
        print_pairs(f"{what}, by content and by stat", seconds, len(paths))


def give(path, parameters):
    rng = np.random.default_rng(0)
    return rng.normal(size=(10, 130, 13)).astype(np.float32)


def count_analyses(folder):
    """How often a file is analysed in a 5-fold search over 8 candidates."""
    data = make_genre_tracks(
        folder / "tracks",
        n_genres=2,
        n_tracks_per_genre=5,
        duration=6.0,
        random_state=0,
    )
    for what, memory, cache_dir in [
        ("cache_dir", None, folder / "features"),
        ("Pipeline(memory=...)", str(folder / "memory"), None),
    ]:
        extractor = MFCCExtractor(n_segments=2, cache_dir=cache_dir)
        classifier = LogisticRegression(max_iter=1000)
        pipe = make_pipeline(extractor, TrackStatistics(), classifier, memory=memory)
        with Counter() as analyses:
            search = GridSearchCV(pipe, CANDIDATES, cv=5)
            search.fit(data.paths, data.target)
        per_file = analyses.count / len(data.paths)
        print(f"analyses of one file in the search, {what}: {per_file:.1f}")


class Counter:
    """Count the files that extractors decode inside the block."""

    def __enter__(self):
        self.count, self._stream_audio = 0, base_module.stream_audio
        base_module.stream_audio = self._stream
        return self

    def _stream(self, path, **parameters):
        self.count += 1
        return self._stream_audio(path, **parameters)

    def __exit__(self, *error):
        base_module.stream_audio = self._stream_audio


if __name__ == "__main__":
    main()

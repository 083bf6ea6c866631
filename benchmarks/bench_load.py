"""Load: many tracks through the extractor, its store and a cross-validation.

python benchmarks/bench_load.py [--n-tracks 20000] [--n-files 400]

Tracks of 3 s are hard links to a few hundred files; to the store each is its own.
Blocks of 1000 go by turns into one store that grows and into an empty one.
Times are of the processor, one core.
"""

import argparse
import os
import resource
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import psutil
from sklearn.model_selection import cross_val_score

from skgenre import MFCCExtractor, make_genre_tracks, make_model

BLOCK = 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-tracks", type=int, default=20_000)
    parser.add_argument("--n-files", type=int, default=400)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths, genres = link_tracks(Path(folder), arguments.n_tracks, arguments.n_files)
        extract("warm-up", paths[:50], Path(folder))
        measure_extraction(paths, Path(folder))
        measure_look_ups(paths, Path(folder))
        measure_cross_validation(paths, genres, Path(folder))


def link_tracks(folder, n_tracks, n_files):
    """Paths and genres of hard links to a few files."""
    files = make_genre_tracks(
        folder / "files",
        n_genres=4,
        n_tracks_per_genre=n_files // 4,
        duration=3.0,
        random_state=0,
    )
    chosen = np.random.default_rng(0).integers(0, len(files.paths), n_tracks)
    paths = []
    for number, file in enumerate(chosen):
        path = folder / "tracks" / str(number // BLOCK) / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(files.paths[file], path)
        paths.append(str(path))
    return paths, files.target[chosen]


def extract(store, paths, folder):
    """Features, and seconds of processor time per track."""
    extractor = MFCCExtractor(n_segments=1, cache_dir=folder / store)
    started = process_time()
    X = extractor.transform(paths)
    return X, (process_time() - started) / len(paths)


def measure_extraction(paths, folder):
    results, growing, empty = [], [], []
    for start in range(0, len(paths), BLOCK):
        block = paths[start : start + BLOCK]
        X, seconds = extract("store", block, folder)
        results.append(X)
        growing.append(seconds)
        empty.append(extract(f"empty {start}", block, folder)[1])
        if start == 0:
            rss = resident_bytes()
    n_thousands = (len(paths) - BLOCK) / 1000
    n_result = sum(X.nbytes for X in results[1:]) / n_thousands
    grown = (resident_bytes() - rss) / n_thousands
    ratios = np.divide(growing, empty)
    n_late = max(1, len(ratios) // 4)
    print(f"result               {n_result / 1e6:.2f} MB per 1000 tracks")
    print(f"memory grown by      {grown / 1e6:.2f} MB per 1000 tracks")
    print(f"first blocks         {1e3 * np.median(growing[:n_late]):.2f} ms per track")
    print(f"last blocks          {1e3 * np.median(growing[-n_late:]):.2f} ms per track")
    print(f"empty store, then    {1e3 * np.median(empty[-n_late:]):.2f} ms per track")
    print(f"  last, of an empty  {np.median(ratios[-n_late:]):.2f}")
    print(f"tracks per s, core   {1 / np.median(growing):.0f}")


def measure_look_ups(paths, folder):
    """A block's warm hits in a store of 1000 tracks and in that of all, by turns."""
    few, many = [], []
    for _ in range(9):
        few.append(extract("empty 0", paths[:BLOCK], folder)[1])
        many.append(extract("store", paths[:BLOCK], folder)[1])
    print(f"look-up, of 1000     {1e3 * np.median(few):.3f} ms")
    print(f"look-up, of all      {1e3 * np.median(many):.3f} ms")
    print(f"  ratio              {np.median(np.divide(many, few)):.2f}")
    X, seconds = extract("store", paths, folder)
    print(f"look-up, all at once {1e3 * seconds:.3f} ms, {X.nbytes / 1e6:.0f} MB")


def measure_cross_validation(paths, genres, folder):
    model = make_model("logistic", n_segments=1, cache_dir=folder / "store")
    for n_tracks in (BLOCK, len(paths)):
        started = process_time()
        cross_val_score(model, paths[:n_tracks], genres[:n_tracks], cv=3)
        seconds = (process_time() - started) / n_tracks
        print(f"cross_val_score      {1e3 * seconds:.2f} ms per track of {n_tracks}")
    print(f"peak memory          {peak_bytes() / 1e6:.0f} MB")


def resident_bytes():
    return psutil.Process().memory_info().rss


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()

"""Two processes against one: 40 fits of the CNN, and the extraction of 100 tracks.

    python benchmarks/bench_distributed.py [--backend dask] [--n-pairs 5]

One process is a plain script: TensorFlow has the threads that it takes by itself. The
two are a `LocalCluster` of dask, with one thread per worker, or those of joblib's loky.
All have imported what they need, and started TensorFlow, before. The fits are those of
`run_benchmark`, from features that are in the store. Extraction is into an empty store,
which the cluster shares, and without a store: then features are sent.
"""

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import joblib
import numpy as np
from pairs import describe_versions, refuse_thread_limits, time_with_children

from skgenre import MFCCExtractor, make_genre_tracks, make_model, run_benchmark


def fit_all(data, folder, *, n_seeds, n_splits=5):
    """Cross-validate the CNN; the store in `folder` has the features, if it can."""
    model = make_model("cnn", epochs=2)
    seeds, folder = range(n_seeds), folder / "benchmark"
    result = run_benchmark(
        {"cnn": model}, data, n_splits=n_splits, seeds=seeds, cache_dir=folder
    )
    assert not result.failed


def extract(paths, cache_dir):
    """Features of all tracks."""
    return MFCCExtractor(cache_dir=cache_dir).transform(paths)


def start_cluster(backend, stack):
    """Start two processes, which end with the stack; joblib starts those of loky."""
    if backend == "dask":
        from dask.distributed import Client, LocalCluster

        options = {"threads_per_worker": 1, "dashboard_address": ":0"}
        cluster = stack.enter_context(LocalCluster(n_workers=2, **options))
        stack.enter_context(Client(cluster))
    elif backend == "ray":
        import ray
        from ray.util.joblib import register_ray

        register_ray()
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)


def warm_up(data, folder):
    """Import everything and start TensorFlow in both processes."""
    pool = joblib.Parallel(batch_size=1)
    pool(joblib.delayed(_warm_up)(data, folder) for _ in range(2))


def _warm_up(data, folder):
    with joblib.parallel_config("sequential"):
        fit_all(data, folder, n_seeds=1, n_splits=2)
    time.sleep(5)  # so that each process gets one


def print_pairs(what, job, two, n_pairs):
    """Print each pair, one process first, and the medians."""
    ratios = []
    for number in range(n_pairs):
        seconds = {}
        for side in ("one", "two") if number % 2 else ("two", "one"):
            config = joblib.parallel_config("sequential") if side == "one" else two()
            with config:
                seconds[side] = time_with_children(job)
        (wall, cpu), (wall_two, cpu_two) = seconds["one"], seconds["two"]
        ratios.append((wall / wall_two, cpu / cpu_two))
        print(
            f"{what}: one {wall:.2f} s (CPU {cpu:.2f}), two {wall_two:.2f} s "
            f"(CPU {cpu_two:.2f}), ratio {ratios[-1][0]:.2f}",
            flush=True,
        )
    wall, cpu = np.median(ratios, axis=0)
    print(f"{what}: median of the ratios {wall:.2f}, of CPU {cpu:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="dask", choices=("dask", "loky", "ray"))
    parser.add_argument("--n-pairs", type=int, default=5)
    parser.add_argument("--n-seeds", type=int, default=8, help="of five fits each")
    arguments = parser.parse_args()
    refuse_thread_limits()
    print(describe_versions())
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        songs = make_genre_tracks(
            folder / "songs", n_genres=4, n_tracks_per_genre=25, random_state=0
        )
        few = make_genre_tracks(
            folder / "few", n_genres=4, n_tracks_per_genre=10, random_state=1
        )
        start_cluster(arguments.backend, stack)

        def two():
            return joblib.parallel_config(arguments.backend, n_jobs=2)

        _warm_up(few, folder)
        with two():
            warm_up(few, folder)

        def extract_to_empty_store():
            with tempfile.TemporaryDirectory(dir=folder) as store:
                extract(songs.paths, store)

        n_pairs, n_seeds = arguments.n_pairs, arguments.n_seeds
        print_pairs("100 tracks, to a store", extract_to_empty_store, two, n_pairs)
        print_pairs(
            "100 tracks, by the wire", lambda: extract(songs.paths, None), two, n_pairs
        )
        print_pairs(
            f"{5 * n_seeds} fits of the CNN",
            lambda: fit_all(few, folder, n_seeds=n_seeds),
            two,
            n_pairs,
        )


if __name__ == "__main__":
    main()

"""Workers with a share of the threads against workers with a thread per core each.

A large machine is simulated: eight workers fit networks at the same time, with eight
threads in each, as TensorFlow starts them on eight cores, or with one. A pair is the
same queue of fits on both, in workers that have started TensorFlow before.
"""

import argparse
import time

import joblib
import numpy as np
from pairs import describe_versions, refuse_thread_limits, time_with_children

from skgenre import CNNGenreClassifier, LSTMGenreClassifier, MLPGenreClassifier

N_TRACKS, N_SEGMENTS, N_FRAMES, N_MFCC = 64, 10, 130, 13


def fit(network, seed):
    """Fit to noise: nothing but the time is of interest."""
    noise = np.random.default_rng(seed)
    X = noise.normal(size=(N_TRACKS, N_SEGMENTS, N_FRAMES, N_MFCC)).astype(np.float32)
    network.set_params(random_state=seed).fit(X, np.arange(N_TRACKS) % 10)


def warm_up(network):
    """Start TensorFlow; so long that each worker gets one."""
    fit(network, 0)
    time.sleep(10)


def run_queue(networks, n_workers, n_threads):
    """Wall and CPU seconds of all fits."""
    with joblib.parallel_config(
        "loky", n_jobs=n_workers, inner_max_num_threads=n_threads
    ):
        pool = joblib.Parallel(batch_size=1)
        pool(joblib.delayed(warm_up)(networks[0]) for _ in range(n_workers))
        tasks = [
            joblib.delayed(fit)(network, seed)
            for seed in range(n_workers)
            for network in networks
        ]
        return time_with_children(lambda: pool(tasks))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=8)
    arguments = parser.parse_args()
    refuse_thread_limits()
    n_workers = arguments.workers
    networks = [
        LSTMGenreClassifier(epochs=1),
        CNNGenreClassifier(epochs=1),
        MLPGenreClassifier(epochs=5),
    ]
    print(describe_versions())
    n_fits = n_workers * len(networks)
    print(f"{n_fits} fits (LSTM, CNN, MLP), {joblib.cpu_count()} cores,")
    print(f"{n_workers} workers with one thread each against {n_workers} threads each")
    seconds = np.empty((arguments.pairs, 2, 2))
    for number, pair in enumerate(seconds):
        for side in ((0, 1), (1, 0))[number % 2]:
            pair[side] = run_queue(networks, n_workers, (1, n_workers)[side])
        (wall, cpu), (wall_many, cpu_many) = pair
        print(
            f"wall {wall:.1f} s against {wall_many:.1f} s ({wall_many / wall:.2f}), "
            f"CPU {cpu:.1f} s against {cpu_many:.1f} s ({cpu_many / cpu:.2f})",
            flush=True,
        )
    wall, cpu = np.median(seconds[:, 1] / seconds[:, 0], axis=0)
    print(f"medians: wall {wall:.2f}, CPU {cpu:.2f}")


if __name__ == "__main__":
    main()

"""The queue of a benchmark's fits: simulated on many workers, and run on two.

    python benchmarks/bench_queue.py simulate RESULTS.json
    python benchmarks/bench_queue.py run [--n-pairs 3]

`simulate` reads how long each fit took from a benchmark's results.json and repeats
these fits, with seeds that change their times by a tenth, until there are 40 for each
worker. Then it hands them out, event by event, to 16, 160 and 1,600 workers: one model
and protocol at a time (as before the queue), in random order, the longest first by
their true times, and by the package's own estimates, which begin as guesses. It counts
the sending of a fit, one after the other in the user's process (`--send-seconds`), and
prints by how much the end is later than the ideal: the sum of all over the workers, or
the longest fit.

`run` measures a small benchmark in this process against two workers: the ratio of the
clock and the CPU seconds of both, those of the workers included.
"""

import argparse
import heapq
import json
import logging
import resource
import tempfile
import time
from types import SimpleNamespace

import numpy as np

from skgenre import make_genre_tracks, make_model, run_benchmark
from skgenre.benchmark.queue import Estimates, find_kind

N_FITS_PER_WORKER = 40


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    simulation = commands.add_parser("simulate")
    simulation.add_argument("results", help="results.json of a benchmark")
    simulation.add_argument("--send-seconds", type=float, default=0.002)
    run = commands.add_parser("run")
    run.add_argument("--n-pairs", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.command == "run":
        measure(arguments.n_pairs)
        return
    with open(arguments.results) as file:
        folds = json.load(file)["folds"]
    print("| workers | fits | ideal, s | one at a time | random | longest | ours |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n_workers in (16, 160, 1600):
        fits = make_fits(folds, N_FITS_PER_WORKER * n_workers)
        seconds = [fit.seconds for fit in fits]
        ideal = max(sum(seconds) / n_workers, max(seconds))
        ends = [
            simulate(order, fits, n_workers, arguments.send_seconds)
            for order in (in_turn, at_random, by_true_times, by_estimates)
        ]
        later = " | ".join(f"+{100 * (end / ideal - 1):.1f} %" for end in ends)
        print(f"| {n_workers} | {len(fits)} | {ideal:.0f} | {later} |", flush=True)
        print(
            f"  longest {max(seconds):.1f} s; sending all takes "
            f"{arguments.send_seconds * len(fits):.0f} s in one process"
        )


def make_fits(folds, n_fits):
    """Repeat measured fits, in the order of a benchmark: by model, then by seed."""
    rng, fits = np.random.default_rng(0), []
    n_seeds = max(n_fits // len(folds), 1)
    for model in dict.fromkeys(fold["model"] for fold in folds):
        own = [fold for fold in folds if fold["model"] == model]
        estimator = make_model(model)
        for seed in range(n_seeds):
            for fold in own:
                n_predicted = 1 + fold["n_train"] / fold["n_test"]
                seconds = fold["fit_seconds"] + fold["predict_seconds"] * n_predicted
                seconds *= rng.lognormal(sigma=0.1)
                fits.append(
                    SimpleNamespace(
                        label={
                            **{k: fold[k] for k in ("model", "protocol")},
                            "seed": seed,
                        },
                        model=estimator,
                        train=range(fold["n_train"]),
                        seconds=seconds,
                        row={**fold, "fit_seconds": seconds, "predict_seconds": 0.0},
                    )
                )
    return fits


def in_turn(fits, estimates):
    """One model and seed at a time: None tells to wait for all before."""
    kind = None
    for fit in fits:
        if kind not in (None, (*find_kind(fit), fit.label["seed"])):
            yield None
        kind = (*find_kind(fit), fit.label["seed"])
        yield fit


def at_random(fits, estimates):
    order = np.random.default_rng(1).permutation(len(fits))
    yield from (fits[number] for number in order)


def by_true_times(fits, estimates):
    yield from sorted(fits, key=lambda fit: -fit.seconds)


def by_estimates(fits, estimates):
    """As `FitQueue` does."""
    waiting = {}
    for fit in fits:
        waiting.setdefault(find_kind(fit), []).append(fit)
    while waiting := {kind: some for kind, some in waiting.items() if some}:
        yield max(waiting.values(), key=lambda some: estimates.of(some[0])).pop()


def simulate(order, fits, n_workers, send_seconds):
    """Return when the last fit ends."""
    free, running = [0.0] * n_workers, []
    estimates, sender = Estimates(), 0.0
    for fit in order(fits, estimates):
        if fit is None:
            free = [max(free)] * n_workers
            continue
        start = heapq.heappop(free)
        # What has ended by now is known.
        while running and running[0][0] <= start:
            _, _, ended = heapq.heappop(running)
            estimates.add(ended, ended.row)
        sender = max(sender, start) + send_seconds
        end = sender + fit.seconds
        heapq.heappush(free, end)
        heapq.heappush(running, (end, id(fit), fit))
    return max(free)


def measure(n_pairs):
    """Print the ratio of a benchmark in one process to that of two workers."""
    logging.getLogger("skgenre").setLevel(logging.ERROR)
    names = ["cnn", "covariance", "logistic-segments", "logistic"]
    print("| serial, s | two workers, s | ratio | CPU: serial, s | two workers, s |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        data = make_genre_tracks(folder, duration=15.0, random_state=0)
        store = f"{folder}/features"

        def run(n_jobs):
            wall, cpu = time.perf_counter(), used_seconds()
            run_benchmark(names, data, n_splits=10, cache_dir=store, n_jobs=n_jobs)
            return time.perf_counter() - wall, used_seconds() - cpu

        for number in range(n_pairs + 1):
            serial, parallel = run(1), run(2)
            if number:  # the first starts TensorFlow and the workers
                print(
                    f"| {serial[0]:.1f} | {parallel[0]:.1f} | "
                    f"{serial[0] / parallel[0]:.2f} | {serial[1]:.1f} | "
                    f"{parallel[1]:.1f} |",
                    flush=True,
                )


def used_seconds():
    """CPU seconds of this process and of its workers, ended or not."""
    import psutil

    own = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        seconds += times.user + times.system
    return seconds


if __name__ == "__main__":
    main()

"""Paired, alternating measurements: what the machine does falls on both sides."""

import os
import platform
from importlib import metadata
from time import perf_counter, process_time

import numpy as np
import psutil

N_WARM_UP_PAIRS = 2


def measure_pairs(ours, theirs, n_pairs):
    """Wall and CPU seconds of two functions: (n_pairs, 2, 2), ours first."""
    seconds = np.empty((n_pairs + N_WARM_UP_PAIRS, 2, 2))
    for number, pair in enumerate(seconds):
        # Each side goes first in every other pair.
        for side in ((0, 1), (1, 0))[number % 2]:
            wall, cpu = perf_counter(), process_time()
            (ours, theirs)[side]()
            pair[side] = perf_counter() - wall, process_time() - cpu
    return seconds[N_WARM_UP_PAIRS:]


def refuse_thread_limits():
    """Users set no such variable, and it hides what threads cost."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        if name in os.environ:
            raise SystemExit(f"unset {name}: users run without it")


def describe_versions():
    """What was measured with."""
    names = ("numpy", "scipy", "scikit-learn", "librosa", "soundfile", "soxr", "joblib")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    return f"Python {platform.python_version()}, {versions}"


def print_header():
    """Name the versions and the columns."""
    print(describe_versions())
    print(f"{'':34} {'ours':>9} {'theirs':>9} {'ratio':>6}  (range), CPU ratio")


def print_pairs(what, seconds, per=1):
    """One line: medians in milliseconds per item, and the ratio, pair by pair."""
    ours, theirs = 1000 * np.median(seconds[:, :, 0], axis=0) / per
    wall, cpu = (seconds[:, 1] / seconds[:, 0]).T
    print(
        f"{what:34} {ours:6.2f} ms {theirs:6.2f} ms {np.median(wall):6.2f}"
        f"  ({wall.min():.2f} to {wall.max():.2f}), {np.median(cpu):.2f}"
    )


def time_with_children(function):
    """Wall and CPU seconds of a function; of the processes that it uses, too.

    Those must be there before it begins and until it has ended.
    """
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    wall, cpu = perf_counter(), sum(map(_cpu_seconds, processes))
    function()
    return perf_counter() - wall, sum(map(_cpu_seconds, processes)) - cpu


def _cpu_seconds(process):
    times = process.cpu_times()
    return times.user + times.system

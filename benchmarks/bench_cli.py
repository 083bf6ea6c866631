"""Commands as whole processes: the start of --help, predict against import tensorflow.

    python benchmarks/bench_cli.py [--model mlp] [--n-pairs 9]

Each process is started anew; its CPU time is what the operating system counted for it.
Both sides run in turn, each first in every other pair.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from time import perf_counter

import numpy as np
from pairs import N_WARM_UP_PAIRS, describe_versions

from skgenre import make_genre_tracks
from skgenre.cli import main as run_command

TENSORFLOW = [sys.executable, "-c", "import tensorflow"]
SKGENRE = [sys.executable, "-P", "-m", "skgenre"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="mlp", help="network to predict with")
    parser.add_argument("--n-pairs", type=int, default=9)
    arguments = parser.parse_args()
    print(describe_versions())
    with tempfile.TemporaryDirectory() as folder:
        made = make_genre_tracks(f"{folder}/genres", random_state=0)
        network, classical = f"{folder}/network.skops", f"{folder}/classical.skops"
        train = ["train", f"{folder}/genres"]
        run_command(
            [*train, "--model", arguments.model, "--set", "epochs=1", "-o", network]
        )
        run_command([*train, "--model", "logistic", "-o", classical])
        commands = {
            "skgenre --help": ["--help"],
            "predict, network": ["predict", network, made.paths[0]],
            "predict, classical": ["predict", classical, made.paths[0]],
            "info": ["info", network],
        }
        for name, command in commands.items():
            pairs = [
                measure_pair([*SKGENRE, *command], TENSORFLOW, number)
                for number in range(arguments.n_pairs + N_WARM_UP_PAIRS)
            ]
            print_pairs(name, np.asarray(pairs[N_WARM_UP_PAIRS:]))


def measure_pair(ours, theirs, number):
    """Wall and CPU seconds of both processes: (2, 2), ours first."""
    seconds = np.empty((2, 2))
    for side in ((0, 1), (1, 0))[number % 2]:
        seconds[side] = measure((ours, theirs)[side])
    return seconds


def measure(command):
    """Wall and CPU seconds of one process."""
    start = perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return perf_counter() - start, usage.ru_utime + usage.ru_stime


def print_pairs(what, pairs):
    """One line: medians in seconds, and ratios, pair by pair."""
    (wall, cpu), (_, their_cpu) = np.median(pairs, axis=0)
    wall_ratio, cpu_ratio = np.median(pairs[:, 0] / pairs[:, 1], axis=0)
    print(
        f"{what:20} {wall:6.2f} s, {cpu:6.2f} s CPU; import tensorflow {their_cpu:6.2f}"
        f" s CPU; ratio {wall_ratio:.2f}, CPU {cpu_ratio:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()

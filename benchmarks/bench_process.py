"""A whole process, imports included: extraction of 24 tracks against a librosa script.

    python benchmarks/bench_process.py [--data DIR] [--n-pairs 7]

Each process is started anew; its CPU time and peak memory are what the operating system
counted for it. pandas is kept out of both: scikit-learn imports it where it is
installed, though extraction has no use for it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from pairs import N_WARM_UP_PAIRS, describe_versions, refuse_thread_limits

from skgenre import make_genre_tracks

N_TRACKS = 24
OURS = """
import json, sys
sys.modules["pandas"] = None
from skgenre import MFCCExtractor
X = MFCCExtractor().transform(json.load(sys.stdin))
"""
THEIRS = """
import json, sys
sys.modules["pandas"] = None
import librosa, numpy as np
X = np.full((24, 10, 130, 13), np.nan, dtype=np.float32)
for row, path in zip(X, json.load(sys.stdin)):
    signal, sample_rate = librosa.load(path)
    for segment in range(10):
        part = signal[segment * 66150 : (segment + 1) * 66150]
        if len(part) >= 66048:
            row[segment] = librosa.feature.mfcc(y=part, sr=sample_rate, n_mfcc=13).T
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of wav files")
    parser.add_argument("--n-pairs", type=int, default=7)
    arguments = parser.parse_args()
    refuse_thread_limits()
    print(describe_versions())
    with tempfile.TemporaryDirectory() as folder:
        if arguments.data is None:
            paths = make_genre_tracks(folder, random_state=0).paths.tolist()
        else:
            paths = [str(path.resolve()) for path in arguments.data.rglob("*.wav")]
        paths = json.dumps(sorted(paths)[:N_TRACKS])
        pairs = [
            [run(script, paths) for script in (OURS, THEIRS)]
            for _ in range(arguments.n_pairs + N_WARM_UP_PAIRS)
        ]
    cpu, memory = np.moveaxis(np.asarray(pairs[N_WARM_UP_PAIRS:]), 2, 0)
    for what, values, unit in [("CPU time", cpu, "s"), ("peak memory", memory, "MB")]:
        ours, theirs = np.median(values, axis=0)
        ratios = values[:, 1] / values[:, 0]
        print(
            f"{what}: ours {ours:.2f} {unit}, theirs {theirs:.2f} {unit}, "
            f"theirs / ours {np.median(ratios):.2f} "
            f"({ratios.min():.2f} to {ratios.max():.2f})"
        )


def run(script, text):
    """CPU seconds and peak megabytes of one process."""
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    process.stdin.write(text.encode())
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()

"""How much faster than librosa a file becomes a signal: paired, alternating runs.

Run it as ``python benchmarks/bench_decode.py [n_pairs]``. A ratio of 2 means that
load_audio took half the time; nothing fails by the clock.
"""

import platform
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import librosa
import numpy as np
import soundfile
import soxr

from skgenre.audio import load_audio

DURATION = 30  # seconds
TRACKS = [("wav", 22050, 1), ("wav", 44100, 2), ("flac", 44100, 2), ("mp3", 44100, 2)]


def write_track(folder, extension, sample_rate, n_channels):
    """Write tones in noise, a little longer than the part that is read."""
    rng = np.random.default_rng(0)
    n_frames = int(DURATION * 1.01 * sample_rate)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(n_frames) / sample_rate)
    signal = tone[:, np.newaxis] + 0.1 * rng.standard_normal((n_frames, n_channels))
    path = Path(folder) / f"{sample_rate}x{n_channels}.{extension}"
    soundfile.write(path, signal, sample_rate)
    return path


def measure_seconds(function, path):
    start = perf_counter()
    function(path)
    return perf_counter() - start


def load_ours(path):
    return load_audio(path, duration=DURATION)


def load_with_librosa(path):
    return librosa.load(path, duration=DURATION)[0]


def read_only(path):
    return soundfile.read(path, dtype="float32")[0]


def compare(path, n_pairs):
    """Milliseconds of load_audio, librosa.load and a bare read: (n_pairs, 3)."""
    functions = [load_ours, load_with_librosa, read_only]
    for function in functions:  # the first call of librosa imports and compiles
        function(path)
    rows = []
    for i in range(n_pairs):
        order = [0, 1, 2] if i % 2 else [1, 0, 2]
        row = np.empty(3)
        for j in order:
            row[j] = 1000 * measure_seconds(functions[j], path)
        rows.append(row)
    return np.array(rows)


def main(n_pairs):
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"librosa {librosa.__version__}, soundfile {soundfile.__version__}, "
        f"libsndfile {soundfile.__libsndfile_version__}, soxr {soxr.__version__}"
    )
    print(f"medians of {n_pairs} alternating pairs, the first {DURATION} s of a track")
    print("track             load_audio  librosa.load  bare read  ratio (range)")
    with tempfile.TemporaryDirectory() as folder:
        for extension, sample_rate, n_channels in TRACKS:
            path = write_track(folder, extension, sample_rate, n_channels)
            times = compare(path, n_pairs)
            ours, theirs, bare = np.median(times, axis=0)
            ratios = times[:, 1] / times[:, 0]
            print(
                f"{extension:4} {sample_rate} Hz x{n_channels}"
                f"{ours:10.2f} ms {theirs:10.2f} ms {bare:7.2f} ms"
                f"{np.median(ratios):7.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)

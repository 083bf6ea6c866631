"""How much faster the MFCC kernel is than librosa, one segment at a time.

    python benchmarks/bench_kernel.py [--data DIR] [--n-pairs 21]

Either side analyses the ten segments of 30 s tracks at 22050 Hz, on one thread. The two
take turns, so that whatever else the machine does falls on both, and the ratios are
taken pair by pair. A track is decoded just before its pair, off the clock: that leaves
the allocator as an extraction leaves it, and librosa takes 28 to 39 ms by how often it
has to ask the system for memory.
"""

import argparse
import os
import platform
import time
from collections import defaultdict
from pathlib import Path

import librosa
import numpy as np
import scipy
import soundfile
from threadpoolctl import threadpool_limits

from skgenre import mfcc

SAMPLE_RATE = 22050
N_SEGMENTS = 10
TRACK_SECONDS = 30
N_WARM_UP_PAIRS = 3
PARAMETERS = {
    "n_mfcc": 13,
    "n_fft": 2048,
    "hop_length": 512,
    "n_mels": 128,
    "fmin": 0.0,
    "fmax": None,
}
# In the order of their work. The names are functions of skgenre.mfcc.
STAGES = {
    "framing, window": "_cut_frames",
    "FFT": "_transform_fourier",
    "power, energy": "_square",
    "mel": "_apply_filters",
    "80 dB floor": "_raise_to_floor",
    "float32 check": "_estimate_float32_error",
    "logarithm, DCT": "_transform_cosine",
}


def main():
    arguments = parse_arguments()
    print_versions()
    paths = find_tracks(arguments.data)
    with threadpool_limits(1):
        print_deviation(paths)
        print_ratios(paths, arguments.n_pairs)
        print_stages(paths, arguments.n_pairs)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of wav files; default noise")
    parser.add_argument("--n-pairs", type=int, default=21)
    return parser.parse_args()


def print_versions():
    print(
        f"python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, librosa {librosa.__version__}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


def find_tracks(folder):
    """Ten paths spread over the folder, or seeds for noise where there is none."""
    if folder is None:
        print("noise, falling by 6 dB per octave")
        return range(10)
    paths = sorted(folder.rglob("*.wav"))
    if not paths:
        raise SystemExit(f"no wav file in {folder}")
    print(f"tracks from {folder}")
    return paths[:: max(1, len(paths) // 10)]


def load_track(path):
    """Equal segments of one track: (n_segments, n_samples), float32."""
    if isinstance(path, int):
        noise = np.random.default_rng(path).standard_normal(TRACK_SECONDS * SAMPLE_RATE)
        # Mixed with its running sum, so that highs are weaker, as in music.
        signal = 0.05 * noise + 0.002 * np.cumsum(noise - noise.mean())
    else:
        signal, sample_rate = soundfile.read(path, dtype="float32")
        if sample_rate != SAMPLE_RATE or signal.ndim > 1:
            raise SystemExit(f"{path} is not mono at {SAMPLE_RATE} Hz")
    n_samples = len(signal) // N_SEGMENTS * N_SEGMENTS
    return np.float32(signal[:n_samples]).reshape(N_SEGMENTS, -1)


def analyse_kernel(track):
    return [
        mfcc.compute_mfcc(segment, sample_rate=SAMPLE_RATE, **PARAMETERS)
        for segment in track
    ]


def analyse_librosa(track):
    return [
        librosa.feature.mfcc(y=segment, sr=SAMPLE_RATE, **PARAMETERS).T
        for segment in track
    ]


def print_deviation(paths):
    worst = max(
        np.abs(ours - theirs).max()
        for track in map(load_track, paths)
        for ours, theirs in zip(
            analyse_kernel(track), analyse_librosa(track), strict=True
        )
    )
    print(f"largest difference from librosa: {worst:.1e} dB\n")


def measure(function, *args):
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    function(*args)
    return time.perf_counter() - wall, time.process_time() - cpu


def print_ratios(paths, n_pairs):
    """One line per clock: milliseconds per track, and ratios pair by pair."""
    # Every pair is of one track, and either side begins every other pair.
    seconds = np.empty((N_WARM_UP_PAIRS + n_pairs, 2, 2))
    for pair in range(len(seconds)):
        track = load_track(paths[pair % len(paths)])
        sides = [(0, analyse_kernel), (1, analyse_librosa)]
        for side, analyse in sides[:: 1 if pair % 2 else -1]:
            seconds[pair, side] = measure(analyse, track)
    seconds = seconds[N_WARM_UP_PAIRS:]
    print(f"{n_pairs} pairs   kernel  librosa   ratio (least to most)")
    for clock, name in enumerate(["wall", "CPU"]):
        kernel, other = np.median(seconds[:, :, clock], axis=0) * 1e3
        ratios = seconds[:, 1, clock] / seconds[:, 0, clock]
        print(
            f"{name:8} {kernel:6.2f} ms {other:5.1f} ms   {np.median(ratios):4.2f} "
            f"({ratios.min():.2f} to {ratios.max():.2f})"
        )
    print()


def print_stages(paths, n_rounds):
    """One line per stage: milliseconds per track, and its multiple of the bare FFT."""
    originals = {name: getattr(mfcc, name) for name in STAGES.values()}
    rounds = []
    for count in range(n_rounds):
        track = load_track(paths[count % len(paths)])
        spent = defaultdict(float)
        for name, function in originals.items():
            setattr(mfcc, name, timed(function, name, spent))
        spent["whole"] = measure(analyse_kernel, track)[0]
        for name, function in originals.items():
            setattr(mfcc, name, function)
        spent["floor"] = measure_bare_fft()
        rounds.append(spent)
    median = {
        name: np.median([spent[name] for spent in rounds]) * 1e3
        for name in [*originals, "whole", "floor"]
    }
    floor = median["floor"]
    print("ms per track       of the bare FFT")
    for title, name in STAGES.items():
        print(f"{title:16} {median[name]:5.2f}   {median[name] / floor:5.2f}")
    rest = median["whole"] - sum(median[name] for name in originals)
    print(f"{'rest':16} {rest:5.2f}   {rest / floor:5.2f}")
    print(f"{'whole':16} {median['whole']:5.2f}   {median['whole'] / floor:5.2f}")
    print(f"{'bare FFT':16} {floor:5.2f}   (scipy.fft.rfft, float32, warm)")


def timed(function, name, spent):
    def wrapper(*args):
        begin = time.perf_counter()
        result = function(*args)
        spent[name] += time.perf_counter() - begin
        return result

    return wrapper


def measure_bare_fft():
    """Seconds that the spectra of one track cost when nothing else is done."""
    n_samples = TRACK_SECONDS * SAMPLE_RATE // N_SEGMENTS
    n_fft, hop_length = PARAMETERS["n_fft"], PARAMETERS["hop_length"]
    n_frames = mfcc.count_frames(n_samples, n_fft=n_fft, hop_length=hop_length)
    frames = np.random.default_rng(0).standard_normal((n_frames // 2, n_fft))
    frames = frames.astype(np.float32)

    def transform():
        for _ in range(2 * N_SEGMENTS):
            scipy.fft.rfft(frames, workers=1)

    transform()
    return measure(transform)[0]


if __name__ == "__main__":
    main()

"""AAC in m4a: MFCCExtractor against ffmpeg and librosa, and the memory of three hours.

    python benchmarks/bench_second_decoder.py [--data DIR] [--n-pairs 11]

The usual loop has the program ffmpeg write floats to a pipe, averages the channels,
resamples with librosa (soxr) and calls librosa.feature.mfcc for each segment. CPU
time is that of this process and of the programs that it started.

Memory is how far the peak of predict, in a process of its own, lies above what that
process held with everything imported and one short m4a predicted. Needs ffmpeg; the
memory, Linux. With --data, tracks are taken from there; without, they are invented.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import librosa
import numpy as np
from bench_extraction import N_TRACKS, SEGMENT_SAMPLES, convert, find_tracks
from bench_songs import read_memory
from pairs import N_WARM_UP_PAIRS, print_header, print_pairs, refuse_thread_limits

from skgenre import MFCCExtractor, make_genre_tracks, make_model

FFMPEG = ["ffmpeg", "-v", "error", "-y"]
SOURCES = {
    "AAC in m4a": "-c:a aac -b:a 192k -f ipod",
    "ALAC in m4a": "-c:a alac -f ipod",
    "WMA 2": "-c:a wmav2 -f asf",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of wav files")
    parser.add_argument("--n-pairs", type=int, default=11)
    parser.add_argument("--minutes", type=int, nargs="*", default=[10, 180])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(*measure(arguments.measure))
        return
    refuse_thread_limits()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.n_pairs:
            print_header()
            sources = find_tracks(arguments.data, folder)[:N_TRACKS]
            for name, options in SOURCES.items():
                paths = [encode(path, folder, options) for path in sources]
                seconds = measure_pairs(
                    partial(MFCCExtractor().transform, paths),
                    partial(loop, paths),
                    arguments.n_pairs,
                )
                print_pairs(f"44100 Hz x2, {name}", seconds, per=len(paths))
    for minutes in arguments.minutes:
        with tempfile.TemporaryDirectory() as folder:
            path = write_recording(Path(folder, "recording.m4a"), minutes)
            command = [sys.executable, __file__, "--measure", path]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            memory, seconds = done.stdout.split()
            print(f"{minutes} min m4a: {memory} MB above the process, {seconds} s")


def encode(path, folder, options):
    """Have ffmpeg encode a track of 44.1 kHz in stereo."""
    wav = convert(path, Path(folder, "wav"), 44100, 2, "wav")
    encoded = Path(wav).with_suffix(f".{options.split()[1]}")
    subprocess.run([*FFMPEG, "-i", wav, *options.split(), encoded], check=True)
    return str(encoded)


def loop(paths):
    for path in paths:
        command = ["ffmpeg", "-v", "error", "-i", path, "-f", "f32le", "-"]
        samples = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        signal = np.frombuffer(samples, np.float32).reshape(-1, 2).mean(axis=1)
        signal = librosa.resample(signal, orig_sr=44100, target_sr=22050)
        for start in range(0, len(signal) - SEGMENT_SAMPLES + 1, SEGMENT_SAMPLES):
            segment = signal[start : start + SEGMENT_SAMPLES]
            librosa.feature.mfcc(y=segment, sr=22050, n_mfcc=13)


def measure_pairs(ours, theirs, n_pairs):
    """As `pairs.measure_pairs`, with the CPU time of programs that were started."""
    seconds = np.empty((n_pairs + N_WARM_UP_PAIRS, 2, 2))
    for number, pair in enumerate(seconds):
        for side in ((0, 1), (1, 0))[number % 2]:
            wall, cpu = time.perf_counter(), sum(os.times()[:4])
            (ours, theirs)[side]()
            pair[side] = time.perf_counter() - wall, sum(os.times()[:4]) - cpu
    return seconds[N_WARM_UP_PAIRS:]


def write_recording(path, minutes):
    """Noise and a tone in stereo, whose level changes."""
    sound = (
        "anoisesrc=r=44100:a=0.2:seed=1,tremolo=f=0.1:d=0.8[a];"
        "sine=r=44100:f=220[b];[a][b]amerge"
    )
    command = [*FFMPEG, "-filter_complex", sound, "-t", str(60 * minutes)]
    # The fast coder takes minutes for hours of sound.
    command += ["-c:a", "aac", "-aac_coder", "fast", "-b:a", "128k", path]
    subprocess.run(command, check=True)
    return path


def measure(path):
    """Megabytes and seconds that the prediction of a recording takes."""
    with tempfile.TemporaryDirectory() as folder:
        data = make_genre_tracks(
            folder, n_genres=3, n_tracks_per_genre=4, duration=6.0, random_state=0
        )
        # All segments of all lengths: the recording is read to its end.
        model = make_model("logistic", n_segments=None).fit(data.paths, data.target)
        short = write_recording(Path(folder, "short.m4a"), 1)
        model.predict([short])
    Path("/proc/self/clear_refs").write_text("5")
    before, start = read_memory("VmRSS"), time.perf_counter()
    model.predict([path])
    seconds = time.perf_counter() - start
    return round(read_memory("VmHWM") - before), round(seconds, 1)


if __name__ == "__main__":
    main()

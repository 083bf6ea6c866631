"""Long recordings: the memory and time of predict_timeline on recordings of hours.

    python benchmarks/bench_songs.py [--minutes 10 180] [--models logistic cnn]

Each row is a process of its own, which fits the model on short tracks, predicts one of
them, and then a recording of noise and tones at 44.1 kHz in stereo. Memory is how far
the peak of that last step lies above what the process held before; time is of that step
alone. Linux only.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from skgenre import make_genre_tracks, make_model, predict_timeline

SAMPLE_RATE = 44100
EXTENSIONS = ("wav", "flac", "ogg", "mp3")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 180])
    parser.add_argument("--models", nargs="+", default=["logistic", "cnn"])
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(*measure(*arguments.measure))
        return
    print("recording      model      segments  MB above the model  seconds")
    for extension in EXTENSIONS:
        for minutes in arguments.minutes:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, f"recording.{extension}")
                write_recording(path, minutes)
                for model in arguments.models:
                    n_segments, memory, seconds = run(model, path)
                    name = f"{minutes} min {extension}"
                    print(
                        f"{name:<14} {model:<10} {n_segments:>8}  "
                        f"{memory:>18}  {seconds:>7}",
                        flush=True,
                    )


def write_recording(path, minutes):
    """A minute of noise under two tones, over and over, at ever other levels."""
    rng = np.random.default_rng(0)
    t = np.arange(60 * SAMPLE_RATE) / SAMPLE_RATE
    sound = 0.1 * rng.standard_normal((len(t), 2), dtype=np.float32)
    sound += 0.3 * np.sin(2 * np.pi * np.outer(t, [220, 330])).astype(np.float32)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, channels=2) as file:
        for level in rng.uniform(0.1, 0.9, size=minutes).astype(np.float32):
            for start in range(0, len(t), SAMPLE_RATE):
                file.write(level * sound[start : start + SAMPLE_RATE])


def run(model, path):
    command = [sys.executable, __file__, "--measure", model, path]
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.split()


def measure(name, path):
    """Segments of a recording, megabytes and seconds that its prediction takes."""
    with tempfile.TemporaryDirectory() as folder:
        data = make_genre_tracks(
            folder, n_genres=3, n_tracks_per_genre=4, duration=6.0, random_state=0
        )
        options = {"epochs": 1} if name in ("mlp", "cnn", "lstm", "covariance") else {}
        model = make_model(name, n_segments=2, **options)
        model.fit(data.paths, data.target)
        predict_timeline(model, data.paths[0])
    # Forget the peak of fitting, which would hide that of predicting.
    Path("/proc/self/clear_refs").write_text("5")
    before, start = read_memory("VmRSS"), time.perf_counter()
    timeline = predict_timeline(model, path)
    seconds = time.perf_counter() - start
    memory = read_memory("VmHWM") - before
    return len(timeline.start), round(memory), round(seconds, 1)


def read_memory(name):
    """Memory of this process, in megabytes: ``VmRSS`` now, ``VmHWM`` its peak."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main()

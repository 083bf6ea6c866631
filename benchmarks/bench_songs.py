"""Long recordings: the memory and time of predictions of recordings of hours.

    python benchmarks/bench_songs.py [--minutes 10 180] [--models logistic cnn]
    python benchmarks/bench_songs.py --hours 1 24 --models logistic covariance cnn lstm

Each row is a process of its own, which fits the model on short tracks, predicts one of
them, and then a recording of noise and tones. Memory is how far the peak of that last
step lies above what the process held before; time is of that step alone. Recordings of
`--minutes` are at 44.1 kHz in stereo, in four formats; those of `--hours` are flac
files at 22.05 kHz with one channel (24 hours: 3 GB on the disk), and are predicted
twice: by `predict_timeline`, and by `predict` with ``n_segments=None``. Linux only.
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

EXTENSIONS = ("wav", "flac", "ogg", "mp3")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 180])
    parser.add_argument("--hours", type=int, nargs="+")
    parser.add_argument("--models", nargs="+", default=["logistic", "cnn"])
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(*measure(*arguments.measure))
        return
    print("recording      model       call       MB above the model  CPU s per hour")
    if arguments.hours:
        for hours in arguments.hours:
            calls = ("timeline", "predict")
            compare("flac", 60 * hours, arguments.models, calls, rate=22050, channels=1)
        return
    for extension in EXTENSIONS:
        for minutes in arguments.minutes:
            compare(extension, minutes, arguments.models, rate=44100, channels=2)


def compare(extension, minutes, models, calls=("timeline",), **form):
    """Print a row per model and call."""
    name = f"{minutes} min {extension}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"recording.{extension}")
        write_recording(path, minutes, **form)
        for model in models:
            for call in calls:
                memory, seconds = map(float, run(model, path, call))
                print(
                    f"{name:<14} {model:<11} {call:<9} {memory:>19.0f} "
                    f"{60 * seconds / minutes:>15.2f}",
                    flush=True,
                )


def write_recording(path, minutes, *, rate, channels):
    """A minute of noise under tones, over and over, at ever other levels."""
    rng = np.random.default_rng(0)
    t = np.arange(60 * rate) / rate
    sound = 0.1 * rng.standard_normal((len(t), channels), dtype=np.float32)
    tones = [220, 330][:channels]
    sound += 0.3 * np.sin(2 * np.pi * np.outer(t, tones)).astype(np.float32)
    with soundfile.SoundFile(path, "w", rate, channels=channels) as file:
        for level in rng.uniform(0.1, 0.9, size=minutes).astype(np.float32):
            for start in range(0, len(t), rate):
                file.write(level * sound[start : start + rate])


def run(model, path, call):
    command = [sys.executable, __file__, "--measure", model, path, call]
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.split()


def measure(name, path, call):
    """Megabytes and CPU seconds that the prediction of a recording takes."""
    with tempfile.TemporaryDirectory() as folder:
        data = make_genre_tracks(
            folder, n_genres=3, n_tracks_per_genre=4, duration=6.0, random_state=0
        )
        options = {"epochs": 1} if name in ("mlp", "cnn", "lstm", "covariance") else {}
        model = make_model(name, n_segments=2, **options)
        model.fit(data.paths, data.target)
        predict_timeline(model, data.paths[0])
        if call == "predict":
            model.set_params(mfccextractor__n_segments=None).predict(data.paths[:1])
    # Forget the peak of fitting, which would hide that of predicting.
    Path("/proc/self/clear_refs").write_text("5")
    before, start = read_memory("VmRSS"), time.process_time()
    if call == "predict":
        model.predict([path])
    else:
        predict_timeline(model, path)
    return read_memory("VmHWM") - before, time.process_time() - start


def read_memory(name):
    """Memory of this process, in megabytes: ``VmRSS`` now, ``VmHWM`` its peak."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main()

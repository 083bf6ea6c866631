"""Out-of-phase tracks that the audit finds, among real tracks made stereo.

python benchmarks/bench_phase.py DATA [--n-tracks 140]

Needs the ffmpeg program, and PyAV for AAC.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from skgenre import audit_tracks

# Files of an inverted channel: extension and options of ffmpeg.
LOSSY = {
    "mp3 64k, joint stereo": ("mp3", "-b:a 64k"),
    "mp3 64k, left and right": ("mp3", "-b:a 64k -joint_stereo 0"),
    "mp3 320k, joint stereo": ("mp3", "-b:a 320k"),
    "AAC 64k": ("m4a", "-b:a 64k"),
    "AAC 128k": ("m4a", "-b:a 128k"),
    "Vorbis, quality 0": ("ogg", "-c:a libvorbis -q:a 0"),
    "Vorbis, quality 5": ("ogg", "-c:a libvorbis -q:a 5"),
    "Opus 64k": ("opus", "-c:a libopus -b:a 64k -ar 48000"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with GTZAN tracks")
    parser.add_argument("--n-tracks", type=int, default=140)
    arguments = parser.parse_args()
    suffixes = {".wav", ".flac", ".au"}
    sources = sorted(p for p in arguments.data.rglob("*") if p.suffix in suffixes)
    sources = sources[:: max(1, len(sources) // arguments.n_tracks)]
    signals = [soundfile.read(path, dtype="float32") for path in sources]
    found, counted = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (signal, sample_rate) in enumerate(signals):
            other, _ = signals[(number + len(signals) // 4) % len(signals)]
            for kind, path in write_kinds(Path(folder), signal, other, sample_rate):
                counts = audit_tracks([path]).count_findings()
                found[kind] = found.get(kind, 0) + ("out-of-phase" in counts)
                counted[kind] = counted.get(kind, 0) + 1
    for kind, n_tracks in counted.items():
        print(f"{kind:36} {found[kind]:4d} of {n_tracks}")


def write_kinds(folder, signal, other, sample_rate):
    """Write one kind of stereo after the other; yield its name and path."""
    n_samples = min(len(signal), len(other))
    signal, other = 0.45 * signal[:n_samples], 0.45 * other[:n_samples]
    late = np.roll(signal, round(0.015 * sample_rate))
    kinds = {
        "equal": (signal, signal),
        "unrelated": (signal, other),
        "difference as loud as the sum": (signal + other, signal - other),
        "one channel 15 ms late": (signal, late),
        "15 ms late and inverted": (signal, -late),
        "inverted, 0.7 times as loud": (signal, -0.7 * signal),
        "inverted, 0.9 times as loud": (signal, -0.9 * signal),
        "inverted": (signal, -signal),
    }
    path = folder / "track.wav"
    for kind, channels in kinds.items():
        dither = np.random.default_rng(0).uniform(-1, 1, (n_samples, 2)) / 2**15
        soundfile.write(path, np.stack(channels, axis=1) + dither, sample_rate)
        yield kind, path
    for kind, (extension, options) in LOSSY.items():
        coded = folder / f"track.{extension}"
        command = ["ffmpeg", "-v", "error", "-y", "-i", path, *options.split(), coded]
        subprocess.run(command, check=True)
        yield f"inverted, {kind}", coded


if __name__ == "__main__":
    main()

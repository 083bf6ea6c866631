"""What an audit costs against extracting the features, and what replicas it finds.

    python benchmarks/bench_audit.py DIR [--n-tracks 1000] [--n-pairs 3]

DIR is a folder of tracks. Played at other speeds they make as many different tracks as
are asked for. Replicas are planted among the tracks as they are.
"""

import argparse
import resource
import tempfile
from collections import Counter
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
import soxr
from pairs import measure_pairs, print_header, print_pairs

from skgenre import MFCCExtractor
from skgenre.audio import AUDIO_EXTENSIONS, load_audio
from skgenre.audit import audit_tracks

SAMPLE_RATE = 22050
# Steps of 5 %: a fingerprint tells 2 % apart.
SPEEDS = 1.05 ** np.array([0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5])
N_PLANTED = 50
SHIFT_SECONDS = 7.3
GAIN = 10 ** (-6 / 20)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of tracks")
    parser.add_argument("--n-tracks", type=int, default=1000)
    parser.add_argument("--n-pairs", type=int, default=3)
    arguments = parser.parse_args()
    sources = [
        str(path)
        for path in sorted(arguments.data.rglob("*"))
        if path.suffix in AUDIO_EXTENSIONS
    ]
    with tempfile.TemporaryDirectory() as folder:
        print_recall(sources, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        paths = list(islice(make_variants(sources, Path(folder)), arguments.n_tracks))
        print_memory(paths)
        print_header()
        seconds = measure_pairs(
            partial(audit_tracks, paths),
            partial(MFCCExtractor().transform, paths),
            arguments.n_pairs,
        )
        print_pairs(f"audit, MFCCs; {len(paths)} tracks", seconds, per=len(paths))


def make_variants(sources, folder):
    """Write each source at each speed, where it can be read; yield the paths."""
    for number, speed in enumerate(SPEEDS):
        for path in sources:
            signal = load_audio(path)
            faster = soxr.resample(signal, SAMPLE_RATE * speed, SAMPLE_RATE)
            variant = folder / f"{number}.{Path(path).stem}.wav"
            soundfile.write(variant, faster, SAMPLE_RATE)
            yield str(variant)


def print_memory(paths):
    """What auditing all of the tracks takes beyond a tenth of them."""
    peaks = []
    for n_tracks in (len(paths) // 10, len(paths)):
        report = audit_tracks(paths[:n_tracks])
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(
        f"{len(paths)} tracks: {len(report.replicas)} pairs of replicas, peak memory "
        f"{peaks[1]:.0f} MB, {peaks[1] - peaks[0]:.0f} MB more than for a tenth"
    )


def print_recall(sources, folder):
    """Which of the planted replicas are found, by kind, and what else is."""
    step = max(1, len(sources) // N_PLANTED)
    planted = [
        (path, *replica)
        for path in sources[::step][:N_PLANTED]
        for replica in plant(path, folder)
    ]
    paths = [*sources, *(replica for _, _, replica in planted)]
    origin = {replica: source for source, _, replica in planted}
    report = audit_tracks(paths)
    found = {(paths[i], paths[j]) for i, j in report.replicas}
    n_false = sum(origin.get(a, a) != origin.get(b, b) for a, b in found)
    n_planted = Counter(kind for _, kind, _ in planted)
    n_found = Counter(
        kind for source, kind, replica in planted if (source, replica) in found
    )
    for kind, n_tracks in n_planted.items():
        print(f"recall {n_found[kind] / n_tracks:.3f} of {n_tracks}: {kind}")
    print(f"{n_false} false pairs among {len(paths)} tracks, {len(sources)} as given")


def plant(path, folder):
    """Replicas of one track: yield what was done, and the path."""
    signal = load_audio(path)
    shifted = signal[round(SHIFT_SECONDS * SAMPLE_RATE) :]
    stereo = np.stack([soxr.resample(GAIN * shifted, SAMPLE_RATE, 44100)] * 2, axis=1)
    for kind, samples, extension in (
        ("flac", signal, "flac"),
        ("mp3", signal, "mp3"),
        ("ogg", signal, "ogg"),
        ("-6 dB", GAIN * signal, "wav"),
        ("7.3 s later", shifted, "wav"),
        ("7.3 s later, -6 dB, mp3", GAIN * shifted, "mp3"),
        ("7.3 s later, -6 dB, ogg", GAIN * shifted, "ogg"),
        ("7.3 s later, -6 dB, 44.1 kHz stereo", stereo, "wav"),
        ("7.3 s later, -6 dB, 44.1 kHz stereo, mp3", stereo, "mp3"),
    ):
        replica = folder / f"{Path(path).stem}.{kind.replace(' ', '-')}.{extension}"
        sample_rate = SAMPLE_RATE if samples.ndim == 1 else 44100
        soundfile.write(replica, samples, sample_rate)
        yield kind, str(replica)


if __name__ == "__main__":
    main()

"""From the file to the MFCCs: MFCCExtractor against the usual loop of librosa.

    python benchmarks/bench_extraction.py [--data DIR] [--n-pairs 11]

The usual loop loads a track with librosa.load, cuts it and calls librosa.feature.mfcc
for each segment. With --data, tracks are taken from there and put into each format;
without, they are invented. The last line compares the extraction as it comes with the
same under a limit of one BLAS thread: its CPU ratio is 1.00 where products start no
threads, and at least 0.95 is the goal.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import soundfile
from pairs import measure_pairs, print_header, print_pairs, refuse_thread_limits
from threadpoolctl import threadpool_limits

from skgenre import MFCCExtractor, make_genre_tracks

N_TRACKS = 6
N_THREAD_TRACKS = 48
SEGMENT_SAMPLES = 66150
FORMATS = [(22050, 1, "wav"), (44100, 2, "wav"), (44100, 2, "flac"), (44100, 2, "mp3")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of wav files")
    parser.add_argument("--n-pairs", type=int, default=11)
    arguments = parser.parse_args()
    refuse_thread_limits()
    print_header()
    with tempfile.TemporaryDirectory() as folder:
        sources = find_tracks(arguments.data, folder)
        for sample_rate, n_channels, extension in FORMATS:
            name = f"{sample_rate} Hz x{n_channels} {extension}"
            paths = [
                convert(path, Path(folder, name), sample_rate, n_channels, extension)
                for path in sources[:N_TRACKS]
            ]
            seconds = measure_pairs(
                partial(extract, paths), partial(loop, paths), arguments.n_pairs
            )
            print_pairs(f"{name}, one thread", seconds, per=len(paths))
        many = (sources * N_THREAD_TRACKS)[:N_THREAD_TRACKS]
        seconds = measure_pairs(
            partial(extract, many, n_jobs=2), partial(loop, many), arguments.n_pairs
        )
        print_pairs(f"{len(many)} wav tracks, two threads", seconds, per=len(many))
        seconds = measure_pairs(
            partial(extract, many), partial(extract_limited, many), arguments.n_pairs
        )
        print_pairs("as it comes, one BLAS thread", seconds, per=len(many))


def find_tracks(data, folder):
    if data is not None:
        return [str(path) for path in sorted(data.rglob("*.wav"))][:N_THREAD_TRACKS]
    return make_genre_tracks(folder, random_state=0).paths.tolist()


def convert(path, folder, sample_rate, n_channels, extension):
    folder.mkdir(exist_ok=True)
    signal = librosa.load(path, sr=sample_rate)[0][: 30 * sample_rate]
    channels = [np.roll(signal, 7 * channel) for channel in range(n_channels)]
    converted = folder / f"{Path(path).stem}.{extension}"
    soundfile.write(converted, np.stack(channels, axis=1), sample_rate)
    return str(converted)


def extract(paths, n_jobs=None):
    MFCCExtractor(n_jobs=n_jobs).transform(paths)


def extract_limited(paths):
    with threadpool_limits(1, "blas"):
        extract(paths)


def loop(paths):
    for path in paths:
        signal, sample_rate = librosa.load(path)
        for start in range(0, len(signal) - SEGMENT_SAMPLES + 1, SEGMENT_SAMPLES):
            segment = signal[start : start + SEGMENT_SAMPLES]
            librosa.feature.mfcc(y=segment, sr=sample_rate, n_mfcc=13)


if __name__ == "__main__":
    main()

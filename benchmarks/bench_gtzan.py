"""What each model is worth on all of GTZAN."""

import argparse
import logging
from pathlib import Path

import numpy as np
from logmel_tracks import MFCCFromLogMels

from skgenre import make_model, run_benchmark
from skgenre._io import read_table
from skgenre.datasets._tracks import make_track_bunch
from skgenre.datasets.gtzan_tracks import IndexRow
from skgenre.models import MODEL_NAMES

PROTOCOLS = ("segment", "track", "artist", "filtered")
CURVE = (100, 200, 400)


def load(data, index, output):
    with np.load(data) as arrays:
        X, ids = arrays["X"], arrays["ids"].tolist()
    _, table = read_table(index, IndexRow._fields)
    index = {row["track"]: IndexRow(**row) for row in table}
    rows = [index[track] for track in ids]
    folder = Path(output, "tracks")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{track}.npy" for track in ids]
    for path, x in zip(paths, X, strict=True):
        if not path.exists():
            np.save(path, x)
    tracks = make_track_bunch(
        paths, [row.genre for row in rows], [row.group for row in rows], "GTZAN"
    )
    parts = np.array([row.filtered_split for row in rows])
    tracks.filtered_split = np.where(parts == "valid", "train", parts)
    return tracks


def make(name):
    model = make_model(name)
    names = ("n_mfcc", "segment_duration", "n_segments")
    kept = {key: getattr(model[0], key) for key in names}
    return model.set_params(mfccextractor=MFCCFromLogMels(**kept))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--index")
    parser.add_argument("--output", required=True)
    parser.add_argument(
        "--models", default=",".join(n for n in MODEL_NAMES if n != "dummy")
    )
    parser.add_argument("--protocols", default=",".join(PROTOCOLS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    index = options.index or Path(options.data).with_name("gtzan_index.csv")
    tracks = load(options.data, index, options.output)
    result = run_benchmark(
        {name: make(name) for name in options.models.split(",")},
        tracks,
        protocols=options.protocols.split(","),
        n_splits=3,
        seeds=range(options.seeds),
        n_jobs=options.jobs,
        output=options.output,
    )
    print(result)


if __name__ == "__main__":
    main()

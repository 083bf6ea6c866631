"""What a fit, a prediction and a model file of each model cost, beside the extraction.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 \
      TF_NUM_INTEROP_THREADS=1 python benchmarks/bench_costs.py DATA [--models cnn,lda]

DATA is the npz of log-mel spectrograms that bench_gtzan.py describes. Models are
fitted on the 639 tracks of GTZAN's fault-filtered parts `train` and `valid`, ten
segments each. The 38 stored frames of a segment are repeated up to the 130 that audio
has. Times are CPU times. The paper's networks are fitted for one and for three epochs,
and 50 are extrapolated.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from logmel_tracks import MFCCFromLogMels, load_tracks

from skgenre import make_model, save_model
from skgenre.models import MODEL_NAMES, PRETRAINED_NAMES

N_FRAMES = 130
N_TIMED = 20
EXTRAPOLATED = {"mlp", "mlp-regularized", "cnn", "lstm"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", metavar="DATA")
    names = [name for name in MODEL_NAMES if name not in PRETRAINED_NAMES]
    parser.add_argument("--models", default=",".join(names))
    options = parser.parse_args()
    print("| model | fit | predict a track | model file |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        index = Path(options.data).with_name("gtzan_index.csv")
        tracks = load_tracks(options.data, index, folder)
        is_train = np.isin(tracks.filtered_split, ["train", "valid"])
        paths, target = tracks.paths[is_train], tracks.target[is_train]
        for name in options.models.split(","):
            extractor, *steps = make_model(name)
            X = MFCCFromLogMels(n_mfcc=extractor.n_mfcc).transform(paths)
            X = X[:, :, np.arange(N_FRAMES) % X.shape[2]]
            model = make_model(name)[1:] if len(steps) > 1 else steps[0]
            seconds = time_fit(name, model, X, target)
            start = time.process_time()
            for n in range(N_TIMED):
                model.predict(X[n : n + 1])
            per_track = (time.process_time() - start) / N_TIMED
            file = Path(folder, "model.skops")
            save_model(model, file)
            print(
                f"| {name} | {seconds:.1f} s | {per_track * 1e3:.1f} ms "
                f"| {file.stat().st_size / 1e3:.0f} kB |",
                flush=True,
            )


def time_fit(name, model, X, target):
    """CPU seconds of a fit, after one on few tracks that loads all libraries."""
    if name in EXTRAPOLATED:
        n_epochs = model.epochs
        model.set_params(epochs=1).fit(X[::16], target[::16])
        one = time_call(model.fit, X, target)
        three = time_call(model.set_params(epochs=3).fit, X, target)
        return one + (n_epochs - 1) * (three - one) / 2
    model.fit(X[::16], target[::16])
    return time_call(model.fit, X, target)


def time_call(function, *arguments):
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


if __name__ == "__main__":
    main()

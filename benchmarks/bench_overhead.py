"""What run_benchmark costs beyond scikit-learn's cross_validate on the same folds.

python benchmarks/bench_overhead.py ../shared/data/gtzan_mini/genres
"""

import argparse
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from pairs import measure_pairs, print_header, print_pairs
from sklearn.model_selection import cross_validate

from skgenre import load_genre_folder, make_model, run_benchmark
from skgenre.model_selection import make_splitter

NETWORKS = ("mlp", "mlp-regularized", "cnn", "lstm")
CLASSICAL = ("logistic", "svm", "forest", "knn")
EPOCHS, N_SPLITS = 2, 3


def cross_validate_all(data, cache_dir):
    """What a user would write without run_benchmark: one score of each part."""
    splitter = make_splitter("track", data.target, n_splits=N_SPLITS, random_state=0)
    for name in (*NETWORKS, *CLASSICAL):
        epochs = {"epochs": EPOCHS} if name in NETWORKS else {}
        model = make_model(name, cache_dir=cache_dir, **epochs)
        cross_validate(
            model, data.paths, data.target, cv=splitter, return_train_score=True
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--n-pairs", type=int, default=5)
    options = parser.parse_args()
    data = load_genre_folder(options.folder)
    fit_shares = []
    with tempfile.TemporaryDirectory() as cache_dir:

        def benchmark():
            with tempfile.TemporaryDirectory() as output:
                result = run_benchmark(
                    [*NETWORKS, *CLASSICAL],
                    data,
                    n_splits=N_SPLITS,
                    epochs=EPOCHS,
                    cache_dir=cache_dir,
                    output=output,
                )
            fit_shares.append(sum(row["fit_seconds"] for row in result.folds))

        seconds = measure_pairs(
            benchmark, lambda: cross_validate_all(data, cache_dir), options.n_pairs
        )
    print_header()
    print_pairs("run_benchmark, cross_validate", seconds)
    fits = np.median(fit_shares[-options.n_pairs :])
    print(f"the fits alone: {1000 * fits:.0f} ms")


if __name__ == "__main__":
    main()

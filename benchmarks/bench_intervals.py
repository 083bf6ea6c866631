"""How often 95 % intervals of an accuracy hold the truth, where artists differ.

Predictions are drawn right or wrong, with a given correlation within artists. Each
repetition gives the package's interval (over artists) and, for comparison, percentile
bootstraps over tracks and over artists. Prints the share of intervals that hold the
true accuracy, and their mean width.

    python benchmarks/bench_intervals.py
"""

import argparse

import numpy as np

from skgenre.benchmark.statistics import accuracy_interval

# GTZAN's fault-filtered test part has 125 artists, with up to 19 tracks each.
SIZES = {
    "28 artists of 5": [5] * 28,
    "10 artists of 5": [5] * 10,
    "20 unequal artists": [30, 20, 15, 10, 10, 8, 6, 5, 4, 3, 3, 2, 2, *[1] * 7],
    "125 unequal artists": [19, 17, 15, 14, 12, 11, 10, 9, 8, 7, *[2] * 52, *[1] * 63],
}
CORRELATIONS = (0, 0.2, 0.45)


def draw_tracks(rng, sizes, *, p, correlation):
    """Whether each track (n_tracks,) is answered correctly."""
    by_artist = np.full(len(sizes), p)
    if correlation:
        total = 1 / correlation - 1
        by_artist = rng.beta(p * total, (1 - p) * total, size=len(sizes))
    return rng.random(sum(sizes)) < np.repeat(by_artist, sizes)


def bootstrap_interval(rng, correct, clusters, *, n_resamples=1000):
    """Percentile interval, resampling clusters: (low, high)."""
    sizes = np.bincount(clusters)
    n_right = np.bincount(clusters, weights=correct)
    drawn = rng.integers(len(sizes), size=(n_resamples, len(sizes)))
    accuracies = n_right[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return np.quantile(accuracies, [0.025, 0.975])


def measure(sizes, *, p, correlation, n_repetitions, seed=0):
    """Coverage and mean width of the three intervals."""
    rng = np.random.default_rng(seed)
    tracks = np.arange(sum(sizes))
    artists = np.repeat(np.arange(len(sizes)), sizes)
    intervals = []
    for _ in range(n_repetitions):
        correct = draw_tracks(rng, sizes, p=p, correlation=correlation)
        intervals.append(
            [
                bootstrap_interval(rng, correct, tracks),
                bootstrap_interval(rng, correct, artists),
                accuracy_interval(correct, tracks, artists),
            ]
        )
    low, high = np.moveaxis(intervals, 2, 0)
    return ((low <= p) & (p <= high)).mean(axis=0), (high - low).mean(axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--n-repetitions", type=int, default=1000)
    options = parser.parse_args()
    print("| artists | accuracy | correlation | bootstrap: tracks | artists | ours |")
    print("|---|---|---|---|---|---|")
    for name, sizes in SIZES.items():
        for p in (0.6, 0.85):
            for correlation in CORRELATIONS:
                coverages, widths = measure(
                    sizes,
                    p=p,
                    correlation=correlation,
                    n_repetitions=options.n_repetitions,
                )
                cells = [
                    f"{coverage:.3f} (width {width:.2f})"
                    for coverage, width in zip(coverages, widths, strict=True)
                ]
                print(f"| {name} | {p} | {correlation} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

"""Statistics of coefficients over frames."""

import numpy as np
from scipy.signal import savgol_filter

# librosa's default width of its delta filter, in frames.
DELTA_WIDTH = 9

# Added to a deviation (dB) before its logarithm is taken: constants have one, too.
_SMALL_DEVIATION = 1e-2

STATISTICS = (
    "mean",
    "std",
    "log_std",
    "delta_mean",
    "delta_std",
    "delta_log_std",
    "correlation",
)


def summarise(segments, statistics):
    """Summarise frames: (n_segments, n_frames, n_mfcc) -> (n_values,), in float64."""
    values = {"": segments}
    if any(name.startswith("delta_") for name in statistics):
        values["delta_"] = _deltas(segments)
    moments = {}
    for prefix, frames in values.items():
        deviations = np.std(frames, axis=(0, 1), dtype=np.float64)
        moments[f"{prefix}mean"] = np.mean(frames, axis=(0, 1), dtype=np.float64)
        moments[f"{prefix}std"] = deviations
        moments[f"{prefix}log_std"] = np.log(deviations + _SMALL_DEVIATION)
    if "correlation" in statistics:
        moments["correlation"] = _correlate(segments, moments["mean"], moments["std"])
    return np.concatenate([moments[name] for name in statistics])


def name_values(statistics, n_mfcc):
    """Names of what `summarise` gives: ``mfcc1_mean``, ``mfcc1_mfcc2_correlation``."""
    coefficients = [f"mfcc{number + 1}" for number in range(n_mfcc)]
    pairs = zip(*np.triu_indices(n_mfcc, k=1), strict=True)
    pairs = [f"{coefficients[i]}_{coefficients[j]}" for i, j in pairs]
    return [
        f"{of}_{statistic}"
        for statistic in statistics
        for of in (pairs if statistic == "correlation" else coefficients)
    ]


def _correlate(segments, means, deviations):
    """Correlation of each pair of coefficients; zero where one of them is constant."""
    frames = segments.reshape(-1, segments.shape[-1]) - means
    scales = deviations + _SMALL_DEVIATION
    correlations = frames.T @ frames / len(frames) / np.outer(scales, scales)
    return correlations[np.triu_indices(len(means), k=1)]


def _deltas(segments):
    n_frames = segments.shape[1]
    width = min(DELTA_WIDTH, n_frames - 1 + n_frames % 2)
    if width < 3:
        return np.zeros_like(segments)
    return savgol_filter(segments, width, polyorder=1, deriv=1, axis=1)

"""Statistics of coefficients over frames."""

import numpy as np
from scipy.signal import savgol_filter

from skgenre._products import multiply_by_transpose

# librosa's default width of its delta filter, in frames.
DELTA_WIDTH = 9

# Distances, in frames, over which changes are measured: octaves of rates, from half the
# frames' own to 0.7 per second at the extractor's defaults.
CHANGE_LAGS = (1, 2, 4, 8, 16)

# Added to a deviation (dB) before its logarithm is taken: constants have one, too.
_SMALL_DEVIATION = 1e-2

# Added to the variances (dB squared) before a covariance's logarithm is taken:
# directions of less variance are noise, and not to be told apart.
_SMALL_VARIANCE = 3.0

STATISTICS = (
    "mean",
    "std",
    "log_std",
    "delta_mean",
    "delta_std",
    "delta_log_std",
    "change_log_std",
    "correlation",
    "log_covariance",
)

# Statistics with a value per pair of coefficients, by where pairs start: at the next
# coefficient, or at the coefficient itself.
_OF_PAIRS = {"correlation": 1, "log_covariance": 0}


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
    if "log_covariance" in statistics:
        moments["log_covariance"] = _log_covariance(segments)
    if "change_log_std" in statistics:
        moments["change_log_std"] = _measure_changes(segments)
    return np.concatenate([moments[name] for name in statistics])


def name_values(statistics, coefficients):
    """Names of what `summarise` gives, from those of the coefficients.

    ``mfcc0_mean``, ``mfcc0_mfcc1_correlation``.
    """
    return [
        name
        for statistic in statistics
        for name in _name_statistic(statistic, coefficients)
    ]


def _name_statistic(statistic, coefficients):
    if statistic in _OF_PAIRS:
        pairs = np.triu_indices(len(coefficients), k=_OF_PAIRS[statistic])
        of = [
            f"{coefficients[i]}_{coefficients[j]}" for i, j in zip(*pairs, strict=True)
        ]
    elif statistic == "change_log_std":
        of = [f"{name}_lag{lag}" for lag in CHANGE_LAGS for name in coefficients]
    else:
        of = coefficients
    return [f"{name}_{statistic}" for name in of]


def _correlate(segments, means, deviations):
    """Correlation of each pair of coefficients; zero where one of them is constant."""
    frames = segments.reshape(-1, segments.shape[-1]) - means
    scales = deviations + _SMALL_DEVIATION
    correlations = (
        multiply_by_transpose(frames) / len(frames) / np.outer(scales, scales)
    )
    return correlations[np.triu_indices(len(means), k=1)]


def _deltas(segments):
    n_frames = segments.shape[1]
    width = min(DELTA_WIDTH, n_frames - 1 + n_frames % 2)
    if width < 3:
        return np.zeros_like(segments)
    return savgol_filter(segments, width, polyorder=1, deriv=1, axis=1)


def _log_covariance(segments):
    """Upper triangle of the matrix logarithm of the coefficients' covariance."""
    n_mfcc = segments.shape[-1]
    frames = segments.reshape(-1, n_mfcc).astype(np.float64)
    centred = frames - frames.mean(axis=0)
    covariance = multiply_by_transpose(centred) / len(frames)
    covariance += _SMALL_VARIANCE * np.eye(n_mfcc)
    variances, axes = np.linalg.eigh(covariance)
    logarithm = axes * np.log(variances) @ axes.T
    return logarithm[np.triu_indices(n_mfcc)]


def _measure_changes(segments):
    """Logarithms of the deviations of changes inside segments, lag by lag."""
    deviations = [
        np.std(segments[:, lag:] - segments[:, :-lag], axis=(0, 1), dtype=np.float64)
        if lag < segments.shape[1]
        else np.zeros(segments.shape[-1])
        for lag in CHANGE_LAGS
    ]
    return np.log(np.concatenate(deviations) + _SMALL_DEVIATION)

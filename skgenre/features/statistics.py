"""Transformers that summarise tracks or segments by statistics of their frames."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import savgol_filter

from skgenre._blocks import count_block_rows, release
from skgenre._fitting import atomic_fit
from skgenre._products import multiply_by_transpose, one_blas_thread
from skgenre._validation import check_names, check_tracks
from skgenre.features.output import ArrayOutputMixin, TrackTransformer, keep_index
from skgenre.networks import (
    CHANGE_LAGS,
    CONTEXT_COEFFICIENTS,
    CONTEXT_FRAMES,
    SMALL_VARIANCE,
)
from skgenre.segments import SegmentRows, present_segments

# librosa's default width of its delta filter, in frames.
DELTA_WIDTH = 9

# Added to a deviation (dB) before its logarithm is taken: that of a constant is finite.
_SMALL_DEVIATION = 1e-2

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
    "context_log_covariance",
)

# Statistics with a value per pair of coefficients, by where pairs start: at the next
# coefficient, or at the coefficient itself.
_OF_PAIRS = {"correlation": 1, "log_covariance": 0, "context_log_covariance": 0}


class _Statistics(TrackTransformer):
    """Base class of the two transformers of this module."""

    @atomic_fit
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the number of coefficients.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; missing segments are all NaN.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        TypeError, ValueError
            `statistics` has an unknown name, or a name twice; `X` has another shape or
            type.
        """
        self._check_parameters()
        self.n_mfcc_ = check_tracks(self, X, reset=True).shape[-1]
        self._keep_names(X)
        return self

    def _check_parameters(self):
        check_names(self.statistics, STATISTICS, name="statistics")

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Return the names of the statistics.

        Parameters
        ----------
        input_features : array-like of str of shape (n_mfcc,), default=None
            Names of the coefficients; None takes those that `fit` has seen (the columns
            of a frame or, where frames are asked for, the names of the step before),
            else ``mfcc0``, ``mfcc1``, ...

        Returns
        -------
        names : ndarray of str of shape (n_statistics,)
            ``mfcc0_mean``, ..., ``mfcc0_std``, ..., ``mfcc0_delta_mean``, ...; for
            pairs ``mfcc0_mfcc1_correlation``, ...; for changes
            ``mfcc0_lag1_change_log_std``, ...; for pairs in neighbouring frames
            ``mfcc0_frame0_mfcc0_frame1_context_log_covariance``, ...

        Raises
        ------
        ValueError
            `input_features` differ from the names seen in `fit`.
        """
        coefficients = self._check_names(input_features)
        names = []
        for statistic in self.statistics:
            of = coefficients
            if statistic in _OF_PAIRS:
                if statistic == "context_log_covariance":
                    of = [
                        f"{name}_frame{frame}"
                        for frame in range(CONTEXT_FRAMES)
                        for name in coefficients[:CONTEXT_COEFFICIENTS]
                    ]
                pairs = np.triu_indices(len(of), k=_OF_PAIRS[statistic])
                of = [f"{of[i]}_{of[j]}" for i, j in zip(*pairs, strict=True)]
            elif statistic == "change_log_std":
                of = [f"{name}_lag{lag}" for lag in CHANGE_LAGS for name in of]
            names += [f"{name}_{statistic}" for name in of]
        return np.asarray(names, dtype=object)


class TrackStatistics(_Statistics):
    """Summarise each track by the statistics of its coefficients.

    They are taken over all frames of the segments that the track has. By default they
    are the mean and standard deviation of each coefficient and of its delta:
    ``4 * n_mfcc`` values. Deltas are those of `librosa.feature.delta` (a Savitzky-Golay
    slope over nine frames), taken inside each segment, so that no slope crosses the
    border of two segments. Segments of fewer than nine frames take the largest odd
    width that fits; below three frames, deltas are zero.

    Parameters
    ----------
    statistics : tuple of str, default=("mean", "std", "delta_mean", "delta_std")
        In the order of the output, of ``"mean"``, ``"std"``, ``"log_std"`` (the natural
        logarithm of the deviation), the same three of the deltas (``"delta_mean"``,
        ``"delta_std"``, ``"delta_log_std"``), each with one value per coefficient;
        ``"change_log_std"``, with one per coefficient for its changes over 1, 2, 3, 4,
        6, 8, 12, 16, 24, 32 and 48 frames each; ``"correlation"``, with one per pair of
        coefficients; ``"log_covariance"``, with one per pair and per coefficient: the
        upper triangle of the covariance's matrix logarithm (3 dB² are added to the
        variances); and ``"context_log_covariance"``, the same of the first 13
        coefficients of three frames in a row together.

    Attributes
    ----------
    n_mfcc_ : int
        Number of coefficients seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.
    feature_names_in_ : ndarray of str of shape (n_mfcc,)
        Names of the coefficients; only where `X` had them.

    See Also
    --------
    SegmentStatistics : The same statistics for each segment.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import TrackStatistics
    >>> X = np.zeros((5, 10, 130, 13))
    >>> TrackStatistics().fit_transform(X).shape
    (5, 52)
    >>> TrackStatistics(statistics=("mean", "correlation")).fit_transform(X).shape
    (5, 91)
    """

    def __init__(
        self, *, statistics: Sequence[str] = ("mean", "std", "delta_mean", "delta_std")
    ) -> None:
        self.statistics = statistics

    @one_blas_thread()
    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the statistics of each track.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; missing segments are all NaN.

        Returns
        -------
        statistics : ndarray of shape (n_tracks, n_statistics)
            Statistics in the order of `statistics`, in the floating type of `X`.
        """
        tracks = self._check_tracks(X)
        rows = [
            summarise(_iterate_segments(track, present), self.statistics)
            for track, present in zip(tracks, present_segments(tracks), strict=True)
        ]
        return keep_index(self, np.stack(rows).astype(tracks.dtype), X)


class SegmentStatistics(ArrayOutputMixin, _Statistics):
    """Summarise each segment by the statistics of its coefficients.

    The statistics take the place of the coefficients of one frame, so that every step
    that takes segments takes them, too: a `SegmentPoolingClassifier` predicts each
    segment from them and pools per track. They are those of `TrackStatistics`, over the
    frames of one segment.

    Parameters
    ----------
    statistics : tuple of str, default=("mean", "log_std", "delta_log_std", \
"correlation")
        In the order of the output; see `TrackStatistics`.

    Attributes
    ----------
    n_mfcc_ : int
        Number of coefficients seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.
    feature_names_in_ : ndarray of str of shape (n_mfcc,)
        Names of the coefficients; only where `X` had them.

    See Also
    --------
    TrackStatistics : The same statistics for each track.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import SegmentStatistics
    >>> X = np.zeros((5, 10, 130, 13))
    >>> SegmentStatistics().fit_transform(X).shape
    (5, 10, 1, 117)
    """

    def __init__(
        self,
        *,
        statistics: Sequence[str] = ("mean", "log_std", "delta_log_std", "correlation"),
    ) -> None:
        self.statistics = statistics

    @one_blas_thread()
    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the statistics of each segment.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; missing segments are all NaN.

        Returns
        -------
        statistics : ndarray of shape (n_tracks, n_segments, 1, n_statistics)
            Statistics in the order of `statistics`, in the floating type of `X`;
            missing segments are all NaN.
        """
        tracks = self._check_tracks(X)
        present = present_segments(tracks)
        segments = SegmentRows(tracks)
        shape = (*tracks.shape[:2], 1, len(self.get_feature_names_out()))
        summary = np.full(shape, np.nan, dtype=tracks.dtype)
        for row, place in enumerate(np.argwhere(present)):
            values = summarise([segments[row : row + 1]], self.statistics)
            summary[*place, 0] = values
        return keep_index(self, summary, X)


def _iterate_segments(track, present):
    """Yield the present segments of a track, in blocks."""
    n_rows = count_block_rows(track[0].nbytes)
    for start in range(0, len(track), n_rows):
        rows = slice(start, start + n_rows)
        yield track[rows][present[rows]]
        release(track)


def summarise(blocks, statistics):
    """Summarise frames: blocks (n_segments, n_frames, n_mfcc) -> (n_values,).

    In float64. Blocks of one track, which may be of hours, are never held together.
    """
    n_segments, merged = 0, {}
    for segments in blocks:
        n_new = len(segments)
        if not n_new:
            continue
        moments = _measure(segments, statistics)
        merged = _merge(merged, n_segments, moments, n_new) if merged else moments
        n_segments += n_new
    values = {}
    for prefix in ("", "delta_"):
        if prefix in merged:
            mean, variance = merged[prefix]
            deviations = np.sqrt(variance)
            values[f"{prefix}mean"] = mean
            values[f"{prefix}std"] = deviations
            values[f"{prefix}log_std"] = np.log(deviations + _SMALL_DEVIATION)
    if "covariance" in merged:
        _, covariance = merged["covariance"]
        scales = values["std"] + _SMALL_DEVIATION
        correlations = covariance / np.outer(scales, scales)
        values["correlation"] = correlations[np.triu_indices(len(scales), k=1)]
    for prefix in ("", "context_"):
        if f"{prefix}log_covariance" in statistics:
            _, covariance = merged[f"{prefix}covariance"]
            values[f"{prefix}log_covariance"] = _take_logarithm(covariance)
    if "change_log_std" in statistics:
        changes = np.concatenate([np.sqrt(merged[lag][1]) for lag in CHANGE_LAGS])
        values["change_log_std"] = np.log(changes + _SMALL_DEVIATION)
    return np.concatenate([values[name] for name in statistics])


def _take_logarithm(covariance):
    """Return the upper triangle of a covariance's matrix logarithm."""
    covariance = covariance + SMALL_VARIANCE * np.eye(len(covariance))
    variances, axes = np.linalg.eigh(covariance)
    logarithm = axes * np.log(variances) @ axes.T
    return logarithm[np.triu_indices(len(covariance))]


def _measure(segments, statistics):
    """Return what `statistics` need of segments, as pairs of mean and variance.

    Of the coefficients (""), of their "delta_", of their changes by lag; the pair of
    "covariance" has that of all coefficients in place of the variance, and that of
    "context_covariance" those of neighbouring frames.
    """
    n_frames, n_mfcc = segments.shape[1:]
    mean, variance, centred = _measure_frames(segments)
    moments = {"": (mean, variance)}
    if not {"correlation", "log_covariance"}.isdisjoint(statistics):
        moments["covariance"] = mean, _measure_covariance(centred)
    del centred
    if "context_log_covariance" in statistics:
        mean, _, centred = _measure_frames(_join_neighbours(segments))
        moments["context_covariance"] = mean, _measure_covariance(centred)
        del centred
    if any(name.startswith("delta_") for name in statistics):
        # The largest odd width that fits; three frames are the fewest with a slope.
        width = min(DELTA_WIDTH, n_frames - 1 + n_frames % 2)
        deltas = np.zeros_like(segments)
        if width >= 3:
            deltas = savgol_filter(segments, width, polyorder=1, deriv=1, axis=1)
        moments["delta_"] = _measure_frames(deltas)[:2]
        del deltas
    if "change_log_std" in statistics:
        # Inside segments, so that no change crosses the border of two.
        for lag in CHANGE_LAGS:
            moments[lag] = np.zeros((2, n_mfcc))
            if lag < n_frames:
                changes = segments[:, lag:] - segments[:, :-lag]
                moments[lag] = _measure_frames(changes)[:2]
    return moments


def _join_neighbours(segments):
    """Return frames with those that follow: (n_segments, n_positions, n_values).

    The last frame of a segment of fewer than three is repeated.
    """
    first = segments[:, :, :CONTEXT_COEFFICIENTS]
    missing = max(0, CONTEXT_FRAMES - first.shape[1])
    first = np.pad(first, ((0, 0), (0, missing), (0, 0)), mode="edge")
    n_positions = first.shape[1] - CONTEXT_FRAMES + 1
    frames = [first[:, start : start + n_positions] for start in range(CONTEXT_FRAMES)]
    return np.concatenate(frames, axis=2)


def _measure_covariance(centred):
    """Return the covariance of centred frames (n_segments, n_frames, n_values)."""
    rows = centred.reshape(-1, centred.shape[-1])
    return multiply_by_transpose(rows) / len(rows)


def _measure_frames(frames):
    """Return mean and variance of each coefficient, and the centred frames."""
    mean = np.mean(frames, axis=(0, 1), dtype=np.float64)
    centred = frames - mean
    return mean, np.mean(centred * centred, axis=(0, 1)), centred


def _merge(moments, n, others, n_others):
    """Return the moments of `n` and `n_others` segments together.

    T. F. Chan, G. H. Golub, R. J. LeVeque: Algorithms for Computing the Sample
    Variance. The American Statistician 37 (3), 1983.
    """
    share = n_others / (n + n_others)
    merged = {}
    for name, (mean, spread) in moments.items():
        other_mean, other_spread = others[name]
        shift = other_mean - mean
        is_covariance = spread.ndim == 2
        squares = np.outer(shift, shift) if is_covariance else shift * shift
        spread = spread + share * (other_spread - spread + (1 - share) * squares)
        merged[name] = mean + share * shift, spread
    return merged

"""Summary statistics of tracks, and of segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgenre._doc_links import DocLinkMixin
from skgenre._fitting import atomic_fit
from skgenre._validation import check_n_mfcc, check_names, check_tracks
from skgenre.features.array_output import ArrayOutputMixin, keep_index
from skgenre.features.names import check_names_in
from skgenre.features.summary import STATISTICS, name_values, summarise
from skgenre.segments import SegmentRows, present_segments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self

    from numpy.typing import ArrayLike, NDArray


class _Statistics(TransformerMixin, DocLinkMixin, BaseEstimator):
    """What the two transformers of this module share."""

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
            `statistics` has names that are unknown, or one name twice; `X` is no such
            array.
        """
        self._check_parameters()
        self.n_mfcc_ = check_tracks(self, X, reset=True).shape[-1]
        return self

    def _check_parameters(self):
        check_names(self.statistics, STATISTICS, name="statistics")

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Name the statistics.

        Parameters
        ----------
        input_features : array-like of str of shape (n_mfcc,), default=None
            Names of the coefficients; None takes those of the columns of a frame that
            `fit` was given, else ``mfcc0``, ``mfcc1``, ...

        Returns
        -------
        names : ndarray of str of shape (n_statistics,)
            ``mfcc0_mean``, ..., ``mfcc0_std``, ..., ``mfcc0_delta_mean``, ...; of pairs
            ``mfcc0_mfcc1_correlation``, ...; of changes ``mfcc0_lag1_change_log_std``,
            ...

        Raises
        ------
        ValueError
            `input_features` are not those that `fit` has seen.
        """
        names = name_values(self.statistics, check_names_in(self, input_features))
        return np.asarray(names, dtype=object)

    def _check_tracks(self, X):
        check_is_fitted(self)
        X = check_tracks(self, X, reset=False)
        check_n_mfcc(self, X)
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class TrackStatistics(_Statistics):
    """Summarise each track by the statistics of its coefficients.

    They are taken over all frames of the track's present segments. By default: the mean
    and standard deviation of each coefficient and of its delta, ``4 * n_mfcc`` values.
    Deltas are those of `librosa.feature.delta` (a Savitzky-Golay slope over nine
    frames), taken inside each segment, so that no slope crosses the border of two
    segments. Segments of fewer than nine frames take the largest odd width that fits,
    and have no delta (zero) below three.

    Parameters
    ----------
    statistics : tuple of str, default=("mean", "std", "delta_mean", "delta_std")
        In the order of the output, of ``"mean"``, ``"std"``, ``"log_std"`` (the natural
        logarithm of the deviation), the same three of the deltas (``"delta_mean"``,
        ``"delta_std"``, ``"delta_log_std"``), each with one value per coefficient;
        ``"change_log_std"``, with one per coefficient for its changes over 1, 2, 4, 8
        and 16 frames each; ``"correlation"``, with one per pair of coefficients; and
        ``"log_covariance"``, with one per pair and per coefficient: the upper triangle
        of the covariance's matrix logarithm (3 dB² are added to the variances).

    Attributes
    ----------
    n_mfcc_ : int
        Number of coefficients seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.

    See Also
    --------
    SegmentStatistics : The same of each segment by itself.

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

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Summarise tracks.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; missing segments are all NaN.

        Returns
        -------
        statistics : ndarray of shape (n_tracks, n_statistics)
            The statistics in the order in which they were named, in the floating type
            of `X`.
        """
        tracks = self._check_tracks(X)
        rows = [
            summarise(track[present], self.statistics)
            for track, present in zip(tracks, present_segments(tracks), strict=True)
        ]
        return keep_index(self, np.stack(rows).astype(tracks.dtype), X)


class SegmentStatistics(ArrayOutputMixin, _Statistics):
    """Summarise each segment by the statistics of its coefficients.

    The statistics stand where one frame's coefficients would, so that whatever takes
    segments takes them: `SegmentPoolingClassifier` lets the segments of a track vote
    on them. They are those of `TrackStatistics`, over the frames of one segment.

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

    See Also
    --------
    TrackStatistics : The same of whole tracks.

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

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Summarise segments.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; missing segments are all NaN.

        Returns
        -------
        statistics : ndarray of shape (n_tracks, n_segments, 1, n_statistics)
            The statistics in the order in which they were named, in the floating type
            of `X`; missing segments are all NaN.
        """
        tracks = self._check_tracks(X)
        present = present_segments(tracks)
        segments = SegmentRows(tracks)
        rows = [
            summarise(segments[row : row + 1], self.statistics)
            for row in range(len(segments))
        ]
        shape = (*tracks.shape[:2], 1, len(rows[0]))
        summary = np.full(shape, np.nan, dtype=tracks.dtype)
        summary[present, 0] = rows
        return keep_index(self, summary, X)

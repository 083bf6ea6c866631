"""Summary statistics of tracks."""

import numpy as np
from scipy.signal import savgol_filter
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgenre._validation import check_n_mfcc, check_tracks
from skgenre.segments import present_segments

# librosa's default width of its delta filter, in frames.
DELTA_WIDTH = 9


class TrackStatistics(TransformerMixin, BaseEstimator):
    """Summarise each track by the statistics of its coefficients.

    The mean and standard deviation, over all frames of the track's present segments, of
    each coefficient and of its delta: ``4 * n_mfcc`` features. Deltas are those of
    `librosa.feature.delta` (a Savitzky-Golay slope over nine frames), taken inside each
    segment, so that no slope crosses the border of two segments. Segments of fewer than
    nine frames take the largest odd width that fits, and have no delta (zero) below
    three.

    Attributes
    ----------
    n_mfcc_ : int
        Number of coefficients seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import TrackStatistics
    >>> X = np.zeros((5, 10, 130, 13))
    >>> TrackStatistics().fit_transform(X).shape
    (5, 52)
    """

    def fit(self, X, y=None):
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
        """
        self.n_mfcc_ = check_tracks(self, X, reset=True).shape[-1]
        return self

    def transform(self, X):
        """Summarise tracks.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; missing segments are all NaN.

        Returns
        -------
        statistics : ndarray of shape (n_tracks, 4 * n_mfcc)
            Means, deviations, means of deltas and deviations of deltas, in that order,
            in the floating type of `X`.
        """
        check_is_fitted(self)
        X = check_tracks(self, X, reset=False)
        check_n_mfcc(self, X)
        present = present_segments(X)
        rows = [_summarise(track[kept]) for track, kept in zip(X, present, strict=True)]
        return np.stack(rows).astype(X.dtype)

    def get_feature_names_out(self, input_features=None):
        """Name the statistics.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored.

        Returns
        -------
        names : ndarray of str of shape (4 * n_mfcc,)
            ``mfcc1_mean``, ..., ``mfcc1_std``, ..., ``mfcc1_delta_mean``, ...,
            ``mfcc1_delta_std``, ...
        """
        check_is_fitted(self)
        return np.asarray(
            [
                f"mfcc{coefficient + 1}_{statistic}"
                for statistic in ("mean", "std", "delta_mean", "delta_std")
                for coefficient in range(self.n_mfcc_)
            ],
            dtype=object,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _summarise(segments):
    """Statistics of one track: (n_segments, n_frames, n_mfcc) -> (4 * n_mfcc,)."""
    deltas = _deltas(segments)
    return np.concatenate(
        [
            statistic(values, axis=(0, 1), dtype=np.float64)
            for values in (segments, deltas)
            for statistic in (np.mean, np.std)
        ]
    )


def _deltas(segments):
    n_frames = segments.shape[1]
    width = min(DELTA_WIDTH, n_frames - 1 + n_frames % 2)
    if width < 3:
        return np.zeros_like(segments)
    return savgol_filter(segments, width, polyorder=1, deriv=1, axis=1)

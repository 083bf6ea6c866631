"""The transformer that standardises coefficients, for networks."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skgenre._blocks import gather_rows, is_temporary, iterate_blocks
from skgenre._fitting import atomic_fit
from skgenre._validation import check_tracks
from skgenre.features.output import ArrayOutputMixin, TrackTransformer, keep_index
from skgenre.segments import present_segments


class MFCCScaler(ArrayOutputMixin, TrackTransformer):
    """Standardise each coefficient over all frames of the training tracks.

    Missing segments stay missing. The paper feeds its networks raw coefficients, so the
    models of the paper leave this step out.

    Attributes
    ----------
    mean_ : ndarray of shape (n_mfcc,)
        Mean of each coefficient.
    scale_ : ndarray of shape (n_mfcc,)
        Standard deviation of each coefficient; 1 where it is constant.
    n_mfcc_ : int
        Number of coefficients seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.
    feature_names_in_ : ndarray of str of shape (n_mfcc,)
        Names of the coefficients; only where `X` had them.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import MFCCScaler
    >>> X = np.arange(24.0).reshape(2, 2, 3, 2)
    >>> MFCCScaler().fit(X).mean_
    array([11., 12.])
    """

    @atomic_fit
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the mean and scale of each coefficient.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features of the training tracks; missing segments are all NaN.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted scaler.
        """
        tracks = check_tracks(self, X, reset=True)
        frames = tracks[present_segments(tracks)].reshape(-1, tracks.shape[-1])
        self.mean_ = frames.mean(axis=0, dtype=np.float64)
        scale = frames.std(axis=0, dtype=np.float64)
        # Rounding errors give a constant coefficient a deviation above zero.
        constant = scale <= 10 * np.finfo(tracks.dtype).eps * np.abs(self.mean_)
        self.scale_ = np.where(constant, 1.0, scale)
        self.n_mfcc_ = tracks.shape[-1]
        self._keep_names(X)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Standardise the coefficients.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; missing segments are all NaN.

        Returns
        -------
        features : ndarray of the shape of X
            Standardised features, in the floating type of `X`.
        """
        tracks = self._check_tracks(X)
        mean, scale = self.mean_.astype(tracks.dtype), self.scale_.astype(tracks.dtype)
        if is_temporary(tracks):
            scaled = gather_rows(
                ((tracks[place] - mean) / scale).reshape(-1, *tracks.shape[2:])
                for place in iterate_blocks(tracks)
            )
        else:
            scaled = (tracks - mean) / scale
        return keep_index(self, scaled.reshape(np.asarray(X).shape), X)

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Return the names of the coefficients.

        Parameters
        ----------
        input_features : array-like of str of shape (n_mfcc,), default=None
            Names of the coefficients; None takes those that `fit` has seen (the columns
            of a frame or, where frames are asked for, the names of the step before),
            else ``mfcc0``, ``mfcc1``, ...

        Returns
        -------
        names : ndarray of str of shape (n_mfcc,)
            The same names, those of the last axis of the features.

        Raises
        ------
        ValueError
            `input_features` differ from the names seen in `fit`.
        """
        return self._check_names(input_features)

    def _check_parameters(self):
        """There are none; `check_model` calls this."""

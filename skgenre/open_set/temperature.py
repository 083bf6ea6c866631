"""Probabilities of tracks that are right as often as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax
from sklearn.utils.validation import check_is_fitted

from skgenre.open_set.base import CrossFittedClassifier

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from skgenre._typing import CrossValidation

# Likelihood has no maximum where no held-out track is mistaken, or most are.
TEMPERATURE_BOUNDS = (0.05, 100.0)
# A vote of ten segments gives zeros, and one of them must not outweigh all tracks.
SMALLEST_PROBABILITY = 1e-12


class TemperatureScaledClassifier(CrossFittedClassifier):
    """Any classifier of tracks, with its probabilities calibrated by a temperature.

    The probabilities p of a track become proportional to p ** (1 / temperature). The
    temperature is the one of the highest likelihood on tracks that were held out: above
    one where the classifier is too sure, below where it is not sure enough. The order
    of the genres, and so every prediction, stays what it was.

    Parameters
    ----------
    estimator : classifier
        Anything with `predict_proba`, whole pipelines from paths included. A
        `sklearn.frozen.FrozenEstimator` is not fitted again: then all tracks of `fit`
        count as held out.
    cv : int, cross-validation splitter, iterable or None, default=5
        How tracks are held out. A number of folds is stratified by genre, and keeps
        groups together where `fit` is given any; as in scikit-learn, tracks are not
        shuffled, and None is five. A splitter may hold out a part of the tracks only,
        but none twice.
    n_jobs : int or None, default=None
        Folds fitted at the same time, in processes of their own.

    Attributes
    ----------
    temperature_ : float
        Between 0.05 and 100.
    estimator_ : classifier
        The clone that was fitted on all tracks.
    classes_ : ndarray of shape (n_classes,)
        The genres, as the estimator has them.
    n_features_in_, feature_names_in_ : int, ndarray
        Of the estimator, where it has them.

    Notes
    -----
    What is scaled are the probabilities of tracks, after pooling: segments of a track
    are too alike for their probabilities to be calibrated one by one. Zeros count as
    1e-12. Where no held-out track is mistaken, the likelihood has no maximum, and the
    temperature is as low as it may be.

    scikit-learn's ``CalibratedClassifierCV(method="temperature")``, from 1.8, takes
    paths and 4-D features, too. But it holds out whole groups only with a splitter of
    groups and metadata routing; it keeps a model per fold and averages them, so that
    there are as many networks to store, and predictions change; and with
    ``ensemble=False`` it trains on numbers in place of genres, which refuses a
    `class_weight` by genre. Here one model is kept, and in memory one fold at a time.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger: On Calibration of Modern Neural
    Networks. ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skgenre import TemperatureScaledClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> y = np.repeat(["blues", "rock"], 30)
    >>> X[30:] += 1
    >>> knn = KNeighborsClassifier(3)
    >>> model = TemperatureScaledClassifier(knn, cv=5).fit(X, y)
    >>> model.temperature_ > 1
    True
    >>> bool((model.predict(X) == knn.fit(X, y).predict(X)).all())
    True
    """

    def __init__(
        self, estimator: Any, *, cv: CrossValidation = 5, n_jobs: int | None = None
    ) -> None:
        self.estimator = estimator
        self.cv = cv
        self.n_jobs = n_jobs

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the genre of each track, as the estimator does.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            As in `fit`.

        Returns
        -------
        genres : ndarray of shape (n_tracks,)
            The genre of the highest probability.
        """
        check_is_fitted(self)
        # Before scaling, which could round two probabilities to the same.
        return self.classes_[self.estimator_.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict the calibrated probability of each genre for each track.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            As in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_tracks, n_classes)
            In the order of `classes_`; rows sum to one.
        """
        check_is_fitted(self)
        return scale_probabilities(self.estimator_.predict_proba(X), self.temperature_)

    def _fit_held_out(self, held_out):
        self.temperature_ = fit_temperature(held_out.probabilities, held_out.y)


def fit_temperature(probabilities, y):
    """The likeliest temperature of probabilities (n_tracks, n_classes).

    `y` holds class numbers (n_tracks,).
    """
    logits = _log(probabilities)
    true = logits[np.arange(len(y)), y]

    def log_loss(log_temperature):
        # Convex in the inverse temperature: one minimum, on this scale as well.
        inverse = np.exp(-log_temperature)
        return np.mean(logsumexp(logits * inverse, axis=1) - true * inverse)

    found = minimize_scalar(
        log_loss,
        bounds=np.log(TEMPERATURE_BOUNDS),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def scale_probabilities(probabilities, temperature):
    """Probabilities (n_tracks, n_classes) to the power of one over the temperature."""
    return softmax(_log(probabilities) / temperature, axis=1)


def _log(probabilities):
    probabilities = np.asarray(probabilities, dtype=np.float64)
    return np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))

"""Rejection of tracks that are probably of no known genre."""

from __future__ import annotations

import math
import warnings
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr
from sklearn.utils.validation import check_is_fitted

from skgenre._typing import CrossValidation
from skgenre._validation import check_choice, check_number
from skgenre.calibration import CrossFittedClassifier

METHODS = ("max_probability", "margin", "entropy")
# The default label; replaced by a number if the genres are numbers.
UNKNOWN = "unknown"


class OpenSetClassifier(CrossFittedClassifier):
    """Let any classifier of tracks reject tracks that are of no known genre.

    A track is rejected, and labelled "unknown", if its evidence (`score_samples`) is
    below a threshold: the one at which the fraction `target_coverage` of held-out
    tracks of the known genres is accepted. No track of an unknown genre is needed.

    Parameters
    ----------
    estimator : classifier
        Any classifier with `predict_proba`, also a whole pipeline that takes paths. A
        `sklearn.frozen.FrozenEstimator` is not fitted again: all tracks given to `fit`
        count as held out.
    method : {"max_probability", "margin", "entropy"}, default="max_probability"
        The evidence that a track is of a known genre: its highest probability; the
        highest minus the second highest; or one minus the entropy as a fraction of the
        largest possible entropy. Each is one if a genre has probability one.
    target_coverage : float, default=0.95
        Fraction of the tracks of known genres to accept, in (0, 1]; 1 accepts all
        tracks.
    unknown_label : str or number, default="unknown"
        Label of rejected tracks: text if the genres are text, a number if they are
        numbers, and none of the genres. For numbers the default means -1,
        scikit-learn's label of outliers, or one less than the smallest genre if that
        is negative.
    cv : int, cross-validation splitter, iterable or None, default=5
        How tracks are held out. A number of folds is stratified by genre, and keeps
        groups together where `fit` is given any; as in scikit-learn, tracks are not
        shuffled, and None means five. A splitter may hold out only a part of the
        tracks, but no track twice.
    n_jobs : int or None, default=None
        Number of folds to fit at the same time, in processes of their own.

    Attributes
    ----------
    threshold_ : float
        Evidence from which tracks are accepted. Minus infinity (all are accepted) if
        too few tracks were held out to reject any.
    coverage_ : float
        Fraction of the held-out tracks that are accepted.
    unknown_label_ : str or number
        The label of rejected tracks.
    estimator_ : classifier
        The clone that was fitted on all tracks.
    classes_ : ndarray of shape (n_classes,)
        The known genres, in the order of the estimator's; not the unknown label, which
        `predict` may return as well.
    n_features_in_, feature_names_in_ : int, ndarray
        Those of the estimator, if it has them.

    Warns
    -----
    UserWarning
        There are too few held-out tracks to reject any: fewer than c / (1 - c) for a
        target coverage c, which is 19 for 0.95.

    Notes
    -----
    With n held-out tracks, the threshold is the k-th smallest of their evidence, k =
    floor((n + 1) (1 - target_coverage)); evidence equal to it is accepted. If the n
    tracks and a new track of a known genre are exchangeable, and the model was trained
    on none of them, the new track is accepted with a probability of at least
    `target_coverage`. This split conformal guarantee is over the draw of all n + 1
    tracks, not for each genre nor for each set of n tracks. It holds for a
    `FrozenEstimator`, and approximately with cross-fitting, where models of the folds
    predict the n tracks, and a model fitted on all tracks predicts new ones.

    Tracks of one artist are alike. Without `groups` the guarantee is for new tracks of
    the same artists; with `groups` it is for new artists, and depends on the number of
    artists. There is no guarantee of how many tracks of unknown genres are rejected.

    There is no `decision_function`: scikit-learn's scorers would take it for the
    scores of the classes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgenre import OpenSetClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> y = np.repeat(["blues", "rock"], 30)
    >>> X[:30, 0] -= 3
    >>> X[30:, 0] += 3
    >>> model = OpenSetClassifier(LogisticRegression(), target_coverage=0.9).fit(X, y)
    >>> model.predict([[-3, 0], [3, 0], [0, 0]])
    array(['blues', 'rock', 'unknown'], dtype='<U7')
    """

    def __init__(
        self,
        estimator: Any,
        *,
        method: Literal["max_probability", "margin", "entropy"] = "max_probability",
        target_coverage: float = 0.95,
        unknown_label: Any = "unknown",
        cv: CrossValidation = 5,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.target_coverage = target_coverage
        self.unknown_label = unknown_label
        self.cv = cv
        self.n_jobs = n_jobs

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the genre of each track, or the unknown label.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            As in `fit`.

        Returns
        -------
        genres : ndarray of shape (n_tracks,)
            The genre of the highest probability, or ``unknown_label_`` where the
            evidence is below the threshold.
        """
        probabilities = self.predict_proba(X)
        is_known = measure_evidence(probabilities, self.method) >= self.threshold_
        genres = np.append(self.classes_, self.unknown_label_)
        return genres[np.where(is_known, probabilities.argmax(axis=1), -1)]

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict the probability of each known genre, given that the track is of one.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            As in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_tracks, n_classes)
            The estimator's, also for rejected tracks, in the order of `classes_`; rows
            sum to one.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def score_samples(self, X: Any) -> NDArray[Any]:
        """Measure the evidence that each track is of a known genre.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            As in `fit`.

        Returns
        -------
        evidence : ndarray of shape (n_tracks,)
            At most one; tracks below `threshold_` are rejected.
        """
        return measure_evidence(self.predict_proba(X), self.method)

    def _check_parameters(self):
        super()._check_parameters()
        check_choice(self.method, METHODS, name="method")
        check_number(
            self.target_coverage, name="target_coverage", low=0, high=1, low_open=True
        )

    def _check_genres(self, y, *, known):
        super()._check_genres(y, known=known)
        self.unknown_label_ = choose_unknown_label(self.unknown_label, known)

    def _fit_held_out(self, probabilities, y):
        evidence = measure_evidence(probabilities, self.method)
        self.threshold_ = find_threshold(evidence, self.target_coverage)
        self.coverage_ = float(np.mean(evidence >= self.threshold_))


def choose_unknown_label(label, genres):
    """Return the label of rejected tracks, of the same kind as the genres."""
    genres = genres.tolist()
    are_words = isinstance(genres[0], str)
    if label == UNKNOWN and not are_words:
        label = min(-1, min(genres) - 1)
    if not isinstance(label, str if are_words else Real):
        raise TypeError(
            f"unknown_label must be a {'str' if are_words else 'number'}, as the "
            f"genres in y are, got {label!r}."
        )
    if label in genres:
        raise ValueError(
            f"unknown_label must not be a genre in y, got {label!r}: tracks of no "
            "known genre are not trained on."
        )
    return label


def find_threshold(evidence, target_coverage):
    """Return the smallest evidence to accept; see the notes of `OpenSetClassifier`."""
    n_tracks = len(evidence)
    # Rounded, since 10 * (1 - 0.9) is less than one. With a coverage of nearly zero the
    # rank is n_tracks + 1: at least the track of the highest evidence is accepted.
    rank = math.floor(round((n_tracks + 1) * (1 - float(target_coverage)), 9))
    if rank > 0:
        return float(np.sort(evidence)[min(rank, n_tracks) - 1])
    if target_coverage < 1:
        warnings.warn(
            f"{n_tracks} held-out tracks are too few to reject any with "
            f"target_coverage={target_coverage}: all tracks will be accepted.",
            UserWarning,
            stacklevel=5,  # the caller of `fit`, which is decorated
        )
    return -math.inf


def measure_evidence(probabilities, method):
    """Return the evidence (n_tracks,) of probabilities (n_tracks, n_classes)."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if method == "max_probability":
        return probabilities.max(axis=1)
    if method == "margin":
        second, first = np.sort(probabilities, axis=1)[:, -2:].T
        return first - second
    highest_entropy = math.log(probabilities.shape[1])
    return 1 - entr(probabilities).sum(axis=1) / highest_entropy

"""Temperature scaling: calibrated probabilities per track, and its base class."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils import get_tags, indexable, metadata_routing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skgenre._doc_links import DocLinkMixin
from skgenre._fitting import atomic_fit, name_groups, name_sample_weight
from skgenre._typing import CrossValidation
from skgenre._validation import (
    check_labels,
    check_n_folds,
    check_n_jobs,
    check_sample_weight,
    check_target,
    name_missing_groups,
)

# The likelihood has no maximum if all held-out tracks are classified correctly, or
# most of them wrongly; the temperature is then at one of these bounds.
TEMPERATURE_BOUNDS = (0.05, 100.0)
# Voting segments give probabilities of zero; a single zero must not decide the
# likelihood.
SMALLEST_PROBABILITY = 1e-12


class CrossFittedClassifier(
    MetaEstimatorMixin, ClassifierMixin, DocLinkMixin, BaseEstimator
):
    """Base class: fit an estimator, then tune post-processing on held-out tracks.

    For each fold, a clone of the estimator is fitted on the other folds and predicts
    the probabilities of the fold's tracks. `_fit_held_out`, which a subclass
    implements, tunes its step on the probabilities of all folds. One more clone is
    fitted on all tracks, and kept. A subclass has the parameters ``estimator``, ``cv``
    and ``n_jobs``.
    """

    # With metadata routing, groups reach the folds without a request by the user.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    @atomic_fit
    def fit(
        self, X: Any, y: ArrayLike, groups: ArrayLike | None = None, **fit_params: Any
    ) -> Self:
        """Fit the estimator, and tune the step that follows on held-out tracks.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            Paths or features, as the estimator takes them.
        y : array-like of shape (n_tracks,)
            Genres.
        groups : array-like of shape (n_tracks,), default=None
            Artists, or other groups that must not be split: whole groups are held out.
            A track whose group is missing is a group of its own. The groups are passed
            to the estimator's `fit` as well, if it (or the last step of a pipeline)
            takes any; with metadata routing, if it requests them.
        **fit_params : dict
            Metadata for the estimator's `fit`, such as ``sample_weight`` (for the last
            step of a pipeline). Metadata with one value per track are split with the
            tracks. Held-out tracks of weight zero are left out, all others count alike.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            A parameter is out of range, the estimator has no `predict_proba`, `y` holds
            one genre only, or there are fewer groups (without groups: fewer tracks of a
            genre) than folds.

        Warns
        -----
        UserWarning
            All tracks of a genre are in one group. When they are held out, no track of
            the genre is left to train on, and they are not used for tuning.
        """
        self._check_parameters()
        y = check_target(y, estimator=self)
        X, y, groups = indexable(X, y, groups)
        if groups is not None:
            groups = name_missing_groups(groups, range(len(y)))
        weights = fit_params.get("sample_weight")
        counts = np.ones(len(y), dtype=bool)
        if weights is not None:
            counts = check_sample_weight(weights, n_tracks=len(y)) > 0
        metadata, split_params = self._route_fit(groups, fit_params)
        if isinstance(self.estimator, FrozenEstimator):
            # Fitted before, on other tracks: all of these are held out.
            folds = [(np.arange(len(y)), np.flatnonzero(counts))]
        else:
            check_labels(y, n_tracks=len(y))
            self._check_genres(y, known=np.unique(y))
            folds = split_tracks(
                self.cv, X, y, groups=groups, split_params=split_params, counts=counts
            )
        self.estimator_ = clone(self.estimator).fit(X, y, **metadata)
        self.classes_ = self.estimator_.classes_
        self._check_genres(y, known=self.classes_)
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        # Not cross_val_predict: it trains on numbers in place of genres, so that a
        # class_weight by genre fails, and needs folds that hold out every track.
        classes = self.classes_.tolist()
        probabilities = Parallel(n_jobs=self.n_jobs)(
            delayed(_predict_fold)(self.estimator, X, y, train, test, classes, metadata)
            for train, test in folds
        )
        held_out = np.concatenate([test for _, test in folds])
        self._fit_held_out(np.concatenate(probabilities), y[held_out])
        return self

    def _check_parameters(self):
        if not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                f"estimator must have predict_proba, got {self.estimator!r}."
            )
        if not isinstance(self.cv, Iterator):  # check_cv would exhaust it
            check_cv(self.cv)
        check_n_jobs(self.n_jobs)

    def _check_genres(self, y, *, known):
        """Refuse a `y` with genres that the estimator does not know."""
        if len(known) < 2 or not set(y.tolist()) <= set(known.tolist()):
            raise ValueError(
                "estimator must know at least two classes (genres), and all of y, "
                f"got {np.unique(y).tolist()}; known are {known.tolist()}."
            )

    def _route_fit(self, groups, fit_params):
        """Return keywords for the estimator's `fit`, and for the `split` of `cv`."""
        if get_config()["enable_metadata_routing"]:
            routed = metadata_routing.process_routing(
                self, "fit", groups=groups, **fit_params
            )
            return routed.estimator.fit, routed.splitter.split
        weights = fit_params.pop("sample_weight", None)
        fit_params.update(name_groups(self.estimator, groups))
        fit_params.update(name_sample_weight(self.estimator, weights))
        return fit_params, {"groups": groups}

    @abstractmethod
    def _fit_held_out(self, probabilities, y):
        """Tune the post-processing step.

        `probabilities` (n_held_out, n_classes) are in the order of `classes_`; `y`
        (n_held_out,) holds the genres of the held-out tracks.
        """

    def get_metadata_routing(self) -> metadata_routing.MetadataRouter:
        """Get the metadata routing of this classifier.

        Returns
        -------
        router : sklearn.utils.metadata_routing.MetadataRouter
            Routes metadata from `fit` to the estimator and to the splitter.
        """
        to_fit = metadata_routing.MethodMapping().add(caller="fit", callee="fit")
        to_split = metadata_routing.MethodMapping().add(caller="fit", callee="split")
        return (
            metadata_routing.MetadataRouter(owner=type(self).__name__)
            .add_self_request(self)
            .add(estimator=self.estimator, method_mapping=to_fit)
            .add(splitter=self.cv, method_mapping=to_split)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags


class TemperatureScaledClassifier(CrossFittedClassifier):
    """Calibrate the probabilities of any classifier of tracks with a temperature.

    The probabilities p of a track become proportional to p ** (1 / temperature). The
    temperature maximises the likelihood of held-out tracks: it is above one if the
    classifier is overconfident, and below one if it is underconfident. The order of the
    genres stays the same, and so does every prediction.

    Parameters
    ----------
    estimator : classifier
        Any classifier with `predict_proba`, also a whole pipeline that takes paths. A
        `sklearn.frozen.FrozenEstimator` is not fitted again: all tracks given to `fit`
        count as held out.
    cv : int, cross-validation splitter, iterable or None, default=5
        How tracks are held out. A number of folds is stratified by genre, and keeps
        groups together where `fit` is given any; as in scikit-learn, tracks are not
        shuffled, and None means five. A splitter may hold out only a part of the
        tracks, but no track twice.
    n_jobs : int or None, default=None
        Number of folds to fit at the same time, in processes of their own.

    Attributes
    ----------
    temperature_ : float
        Between 0.05 and 100.
    estimator_ : classifier
        The clone that was fitted on all tracks.
    classes_ : ndarray of shape (n_classes,)
        The genres, in the order of the estimator's.
    n_features_in_, feature_names_in_ : int, ndarray
        Those of the estimator, if it has them.

    Notes
    -----
    Probabilities are scaled per track, after pooling: the segments of a track are too
    similar to calibrate their probabilities one by one. A zero counts as 1e-12. If all
    held-out tracks are classified correctly, the likelihood has no maximum, and the
    temperature is at its lower bound.

    scikit-learn's ``CalibratedClassifierCV(method="temperature")``, from version 1.8,
    takes paths and 4-D features as well, but

    - holds out whole groups only with a group splitter and metadata routing;
    - keeps and averages one model per fold, which changes the predictions;
    - with ``ensemble=False`` trains on numbers in place of genres, so that a
      `class_weight` by genre fails.

    This classifier keeps one model.

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
        # Not of scaled probabilities: two of them could be rounded to a tie.
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
        logits = _log(self.estimator_.predict_proba(X))
        return softmax(logits / self.temperature_, axis=1)

    def _fit_held_out(self, probabilities, y):
        is_true = y[:, np.newaxis] == self.classes_
        self.temperature_ = fit_temperature(probabilities, is_true)


def fit_temperature(probabilities, is_true):
    """Return the temperature of maximum likelihood.

    `is_true` (n_tracks, n_classes) marks each track's genre among its `probabilities`.
    """
    logits = _log(probabilities)
    true = logits[is_true]

    def log_loss(log_temperature):
        # Convex in the inverse temperature: one minimum, on this scale as well.
        inverse = np.exp(-log_temperature)
        return np.mean(logsumexp(logits * inverse, axis=1) - true * inverse)

    found = minimize_scalar(
        log_loss, bounds=np.log(TEMPERATURE_BOUNDS), options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def _log(probabilities):
    probabilities = np.asarray(probabilities, dtype=np.float64)
    return np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))


def split_tracks(cv, X, y, *, groups, split_params, counts):
    """Return folds (train, test) of row numbers; no track is held out twice.

    With a number of folds (None: five), these are stratified, and `groups`, if any, are
    kept together; `split_params` are for a splitter of the user's. Held-out tracks are
    left out if `counts` (n_tracks,) is false, or if the fold does not train on their
    genre: its model gives that genre no probability.
    """
    cv = 5 if cv is None else cv
    if isinstance(cv, Integral):
        check_n_folds(cv, y, groups, name="cv")
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        cv, split_params = kind(int(cv)), {"groups": groups}
    rows = np.arange(len(y))
    folds, held_out, untrained = [], [], set()
    for train, test in check_cv(cv).split(X, y, **split_params):
        train, test = rows[train], rows[test]  # a user's splitter may yield masks
        genres = np.unique(y[train])
        if len(genres) < 2:
            raise ValueError(
                f"cv must train on at least two classes (genres), got only {genres}."
            )
        held_out += test.tolist()
        is_trained = np.isin(y[test], genres)
        untrained |= set(y[test[~is_trained]].tolist())
        test = test[is_trained & counts[test]]
        if len(test):
            folds.append((train, test))
    if len(set(held_out)) < len(held_out):
        raise ValueError(
            f"cv must hold out each track once at most, got {len(held_out)} held-out "
            f"tracks of {len(set(held_out))}."
        )
    if not folds:
        raise ValueError(
            "cv must hold out tracks that count, got none: each genre has all its "
            "tracks in one fold (or group), or those held out have weight zero."
        )
    if untrained:
        warnings.warn(
            "held-out tracks of these genres do not count where no other track of the "
            "genre (of another group, where groups are given) is left to train on: "
            f"{', '.join(sorted(map(str, untrained)))}.",
            UserWarning,
            stacklevel=4,  # the caller of `fit`, which is decorated
        )
    return folds


def _predict_fold(estimator, X, y, train, test, classes, metadata):
    """Fit a clone on `train`; return probabilities (n_test, n_classes) of `test`.

    A genre of `classes` that is not in `train` has probability zero.
    """
    metadata = {name: _take(value, train, len(y)) for name, value in metadata.items()}
    fitted = clone(estimator).fit(_take(X, train, len(y)), y[train], **metadata)
    probabilities = np.zeros((len(test), len(classes)))
    columns = [classes.index(genre) for genre in fitted.classes_]
    probabilities[:, columns] = fitted.predict_proba(_take(X, test, len(y)))
    return probabilities


def _take(values, rows, n_tracks):
    """Return rows of what has one value per track; anything else as it is."""
    if isinstance(values, (list, tuple)) and len(values) == n_tracks:
        return [values[row] for row in rows]
    if getattr(values, "shape", ())[:1] == (n_tracks,):
        return values.iloc[rows] if hasattr(values, "iloc") else values[rows]
    return values

"""Base class of classifiers of tracks, and the wrapper of classifiers of segments."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skgenre._blocks import count_block_rows
from skgenre._doc_links import DocLinkMixin
from skgenre._fitting import atomic_fit, name_sample_weight
from skgenre._products import one_blas_thread
from skgenre._scikeras import prepare_scikeras
from skgenre._typing import Pooling
from skgenre._validation import (
    check_choice,
    check_sample_weight,
    check_target,
    check_tracks,
    check_weights,
    describe_channels,
    name_missing_groups,
)
from skgenre.pooling import POOLINGS, pool_probabilities
from skgenre.segments import (
    SegmentRows,
    flatten_tracks,
    present_segments,
    unflatten_segments,
)


class BaseTrackClassifier(ClassifierMixin, DocLinkMixin, BaseEstimator):
    """Base of all classifiers of tracks.

    A row of `X` is a track, of shape (n_segments, n_frames, n_mfcc). The segments that
    the tracks have become the rows that a subclass trains on, in `_fit_segments`; the
    probabilities that it gives for segments, in `_predict_segments`, are pooled per
    track. The number of segments is free; their shape, (n_frames, n_mfcc), must be the
    same in `fit` and `predict`.

    A subclass has a constructor parameter ``pooling`` and implements the two methods:
    ``_fit_segments(segments, y, sample_weight, tracks)``, which is given rows of shape
    (n_rows, n_frames, n_mfcc), their class numbers, their weights or None, and the
    index of each row's track; and ``_predict_segments(segments)``, which returns
    probabilities of shape (n_rows, n_classes).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The genres, sorted.
    segment_shape_ : tuple of int
        (n_frames, n_mfcc) of the segments seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Names of the features; only where `fit` was given a data frame.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import BaseTrackClassifier
    >>> class LevelClassifier(BaseTrackClassifier):
    ...     def __init__(self, *, pooling="mean"):
    ...         self.pooling = pooling
    ...     def _fit_segments(self, segments, y, sample_weight, tracks):
    ...         self.levels_ = [segments[y == n].mean() for n in np.unique(y)]
    ...     def _predict_segments(self, segments):
    ...         levels = segments.mean(axis=(1, 2))[:, np.newaxis]
    ...         closeness = np.exp(-np.abs(levels - self.levels_))
    ...         return closeness / closeness.sum(axis=1, keepdims=True)
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> X[4:] += 3
    >>> LevelClassifier().fit(X, y).predict(X[[0, 7]])
    array(['blues', 'rock'], dtype='<U5')
    """

    @atomic_fit
    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train on the segments of tracks.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; a missing segment is all NaN. Also (n_tracks, n_frames, n_mfcc):
            one segment per track, or (n_tracks, n_features): one segment of one frame.
        y : array-like of shape (n_tracks,)
            Genres.
        sample_weight : array-like of shape (n_tracks,), default=None
            Weights of the tracks; each of a track's segments gets its weight. A track
            of weight zero is not trained on; its genre stays one of `classes_`.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        TypeError, ValueError
            A parameter has the wrong type or is out of range; `X` holds paths, has
            another rank, infinite values, partly missing segments or a track without
            any; `y`, or what of it has a weight, holds one genre only.
        """
        return self._fit_tracks(X, y, sample_weight)

    def _fit_tracks(self, X, y, sample_weight=None, **fit_arguments):
        self._check_parameters()
        X = self._check_features(X, reset=True)
        y = self._encode_target(y)
        check_consistent_length(X, y)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, n_tracks=len(X))
            sample_weight = check_weights(sample_weight, y, name="sample_weight")
        segments, tracks = flatten_tracks(X)
        if sample_weight is not None:
            sample_weight = sample_weight[tracks]
        self._fit_segments(segments, y[tracks], sample_weight, tracks, **fit_arguments)
        return self

    def _encode_target(self, y):
        y = check_target(y, estimator=self)
        self.classes_, encoded = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                "y must hold at least two classes (genres), got only one class: "
                f"{str(self.classes_[0])!r}."
            )
        return encoded

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the genre of each track.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features, as in `fit`.

        Returns
        -------
        genres : ndarray of shape (n_tracks,)
            The genre of the highest pooled probability.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the probability of each genre for each track.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features, as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_tracks, n_classes)
            Probabilities pooled over each track's segments, in the order of
            `classes_`; rows sum to one.
        """
        return pool_probabilities(self.predict_segments_proba(X), pooling=self.pooling)

    def predict_segments_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the probability of each genre for each segment.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features, as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_tracks, n_segments, n_classes)
            NaN where a track has no segment.
        """
        check_is_fitted(self)
        X = self._check_features(X, reset=False)
        rows = SegmentRows(X)
        n_rows = count_block_rows(X[0, 0].nbytes)
        probabilities = [
            self._predict_segments(rows[start : start + n_rows])
            for start in range(0, len(rows), n_rows)
        ]
        return unflatten_segments(np.concatenate(probabilities), present_segments(X))

    @abstractmethod
    def _fit_segments(self, segments, y, sample_weight, tracks):
        """Train on rows (n_rows, n_frames, n_mfcc).

        `y` holds their class numbers, `sample_weight` their weights or is None, and
        `tracks` the index of each row's track. What an earlier fit has left may be
        replaced, not changed in place: if training fails, it stands.
        """

    @abstractmethod
    def _predict_segments(self, segments):
        """Probabilities of rows: (n_rows, n_frames, n_mfcc) -> (n_rows, n_classes)."""

    def _check_parameters(self):
        check_choice(self.pooling, POOLINGS, name="pooling")

    def _check_features(self, X, *, reset):
        X = check_tracks(self, X, reset=reset)
        if reset:
            self.segment_shape_ = X.shape[2:]
        elif X.shape[2:] != self.segment_shape_:
            raise ValueError(
                f"X has segments of shape (n_frames, n_mfcc) = {X.shape[2:]}, but "
                f"{type(self).__name__} was fitted on {self.segment_shape_}."
                f"{describe_channels(X.shape)}"
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def predict_tracks_and_segments(pipeline, X):
    """Return the probabilities of tracks, and those of their segments.

    Of a pipeline that ends in a classifier of tracks: those that its `predict_proba`
    and `predict_segments_proba` return, without predicting each segment twice.
    """
    # An empty pipeline cannot transform.
    features = pipeline[:-1].transform(X) if len(pipeline) > 1 else X
    segments = pipeline[-1].predict_segments_proba(features)
    return pool_probabilities(segments, pooling=pipeline[-1].pooling), segments


class SegmentPoolingClassifier(MetaEstimatorMixin, BaseTrackClassifier):
    """Any scikit-learn classifier, trained on segments and pooled per track.

    Parameters
    ----------
    estimator : classifier
        A clone of it is fitted on one row per segment, of n_frames · n_mfcc values.
        Where it has no `predict_proba`, only ``pooling="vote"`` works.
    pooling : {"mean", "geometric", "median", "vote", "max"}, default="mean"
        How the probabilities of a track's segments become the track's.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone.
    classes_ : ndarray of shape (n_classes,)
        The genres, sorted.
    segment_shape_ : tuple of int
        (n_frames, n_mfcc) of the segments seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Names of the features; only where `fit` was given a data frame.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgenre import SegmentPoolingClassifier
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> X[4:] += 3
    >>> SegmentPoolingClassifier(LogisticRegression()).fit(X, y).predict(X[[0, 7]])
    array(['blues', 'rock'], dtype='<U5')
    """

    # Weights are for the estimator: this class only repeats them per segment.
    __metadata_request__fit = {"sample_weight": UNUSED}  # noqa: RUF012

    def __init__(self, estimator: Any, *, pooling: Pooling = "mean") -> None:
        self.estimator = estimator
        self.pooling = pooling

    @atomic_fit
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self:
        """Fit a clone of the estimator on the segments of tracks.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; a missing segment is all NaN.
        y : array-like of shape (n_tracks,)
            Genres.
        sample_weight : array-like of shape (n_tracks,), default=None
            Weights of the tracks; each of a track's segments gets its weight. A track
            of weight zero is not trained on; its genre stays one of `classes_`. They
            are for the estimator, or for the last step of a pipeline; under metadata
            routing, for what requests them.
        **fit_params : dict
            Metadata for the estimator, routed to it as it is. Requires
            ``sklearn.set_config(enable_metadata_routing=True)``.

        Returns
        -------
        self : object
            The fitted classifier.
        """
        return self._fit_tracks(X, y, sample_weight, **fit_params)

    @one_blas_thread()
    def _fit_segments(self, segments, y, sample_weight, tracks, **fit_params):
        n_tracks = tracks[-1] + 1
        if fit_params.get("groups") is not None:
            # A missing group is one of its own for the track, not for each segment.
            named = name_missing_groups(fit_params["groups"], range(n_tracks))
            fit_params = {**fit_params, "groups": named}
        if sample_weight is not None:
            # Weight zero is as good as absent, to every step of a pipeline, too.
            counts = sample_weight > 0
            segments, y, sample_weight, tracks = (
                rows[counts] for rows in (segments, y, sample_weight, tracks)
            )
        # Metadata of tracks, such as groups, is repeated for each track's segments.
        metadata = {
            name: np.asarray(values)[tracks]
            if hasattr(values, "__len__") and len(values) == n_tracks
            else values
            for name, values in fit_params.items()
        }
        if get_config()["enable_metadata_routing"]:
            if sample_weight is not None:
                metadata["sample_weight"] = sample_weight
            metadata = process_routing(self, "fit", **metadata).estimator.fit
        elif metadata:
            raise ValueError(
                f"fit got the metadata {sorted(metadata)}, which needs "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        else:
            metadata = name_sample_weight(self.estimator, sample_weight)
        self.estimator_ = clone(self.estimator)
        prepare_scikeras(self.estimator_)
        self.estimator_.fit(
            segments.reshape(len(segments), -1), self.classes_[y], **metadata
        )

    def _check_parameters(self):
        super()._check_parameters()
        if self.pooling != "vote" and not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                f"estimator must have predict_proba for pooling={self.pooling!r}, got "
                f"{self.estimator!r}; pooling='vote' needs only predict."
            )

    @one_blas_thread()
    def _predict_segments(self, segments):
        rows = segments.reshape(len(segments), -1)
        if hasattr(self.estimator_, "predict_proba"):
            # It knows no genre whose tracks all had weight zero.
            probabilities = np.zeros((len(rows), len(self.classes_)))
            is_known = np.isin(self.classes_, self.estimator_.classes_)
            # Of one row, scikeras returns probabilities without an axis of rows, which
            # the assignment broadcasts.
            probabilities[:, is_known] = self.estimator_.predict_proba(rows)
            return probabilities
        predicted = self.estimator_.predict(rows)
        return (predicted[:, np.newaxis] == self.classes_).astype(np.float64)

    def get_metadata_routing(self) -> MetadataRouter:
        """Get the metadata routing of this classifier.

        Returns
        -------
        router : sklearn.utils.metadata_routing.MetadataRouter
            Routes metadata from `fit` to the estimator.
        """
        return (
            MetadataRouter(owner=type(self).__name__)
            .add_self_request(self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
        )

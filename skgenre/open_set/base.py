"""A classifier with something set on tracks that it was not trained on."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags, indexable
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)

from skgenre._atomic_fit import atomic_fit
from skgenre._doc_links import DocLinkMixin
from skgenre._groups import name_groups
from skgenre._sample_weight import name_sample_weight
from skgenre._validation import check_n_jobs, check_target, name_missing_groups
from skgenre.open_set.held_out import (
    check_splitter,
    drop_weightless,
    predict_held_out,
    split_tracks,
)

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import ArrayLike


class CrossFittedClassifier(
    MetaEstimatorMixin, ClassifierMixin, DocLinkMixin, BaseEstimator
):
    """Base: fits a classifier on all tracks, and something more on held-out ones.

    Clones of the estimator are fitted, fold by fold, on the other folds. What they say
    of the tracks held out goes to a subclass, in `_fit_held_out`. One more clone is
    fitted on all tracks, and kept. A subclass has the parameters ``estimator``,
    ``cv`` and ``n_jobs``.
    """

    # Groups are for the folds, whoever routes them here.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    @atomic_fit
    def fit(
        self, X: Any, y: ArrayLike, groups: ArrayLike | None = None, **fit_params: Any
    ) -> Self:
        """Fit a clone of the estimator on all tracks, and others on the folds.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            What the estimator takes: paths, for a whole pipeline, or features.
        y : array-like of shape (n_tracks,)
            Genres.
        groups : array-like of shape (n_tracks,), default=None
            Artists, or whatever must not be on both sides: whole groups are held out.
            One that is missing is a group of its own.
            The estimator's own `fit` is given them, too, where it (or the last step of
            a pipeline) takes groups. Under metadata routing they are requested, and
            the estimator gets what it requests itself.
        **fit_params : dict
            Metadata for the estimator's `fit`, such as ``sample_weight`` (for the last
            step of a pipeline). What has one value per track is split as the tracks
            are. Held out, all tracks whose weight is not zero count alike.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            A parameter is out of range, the estimator has no `predict_proba`, `y` holds
            one genre only; there are fewer groups than folds or, without groups, fewer
            tracks of a genre.

        Warns
        -----
        UserWarning
            All tracks of a genre are in one group: held out, they are of no known
            genre, and are left out.
        """
        y = self._check_fit(y)
        X, y, groups = indexable(X, y, groups)
        if groups is not None:
            groups = name_missing_groups(groups, range(len(y)))
        metadata, split_params = self._route_fit(groups, fit_params)
        if isinstance(self.estimator, FrozenEstimator):
            # It is fitted already, and on other tracks: all of these are held out.
            folds = [(np.arange(len(y)),) * 2]
        else:
            folds = split_tracks(
                self.cv, X, y, groups=groups, split_params=split_params
            )
        folds = drop_weightless(folds, fit_params.get("sample_weight"), n_tracks=len(y))
        self.estimator_ = clone(self.estimator).fit(X, y, **metadata)
        self.classes_ = self.estimator_.classes_
        if len(self.classes_) < 2:
            raise ValueError(
                "estimator must know at least two classes (genres), got one that was "
                f"fitted on only one class: {self.classes_.tolist()}."
            )
        self._check_known(y)
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        self._fit_held_out(
            predict_held_out(
                *(self.estimator, X, y, folds),
                classes=self.classes_,
                metadata=metadata,
                n_jobs=self.n_jobs,
            )
        )
        return self

    def _check_parameters(self):
        if not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                "estimator must be a classifier with predict_proba, got "
                f"{self.estimator!r}."
            )
        check_splitter(self.cv)
        check_n_jobs(self.n_jobs)

    def _check_fit(self, y):
        self._check_parameters()
        y = check_target(y, estimator=self)
        genres = np.unique(y)
        if len(genres) < 2 and not isinstance(self.estimator, FrozenEstimator):
            raise ValueError(
                "y must hold at least two classes (genres), got only one class: "
                f"{genres.tolist()}."
            )
        return y

    def _check_known(self, y):
        unknown = sorted(set(y.tolist()) - set(self.classes_.tolist()))
        if unknown:
            raise ValueError(
                f"y must hold genres that the estimator was fitted on, got {unknown}; "
                f"known are {self.classes_.tolist()}."
            )

    def _route_fit(self, groups, fit_params):
        """Metadata for the estimator's `fit`, and for the `split` of `cv`."""
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", groups=groups, **fit_params)
            return routed.estimator.fit, routed.splitter.split
        fit_params = dict(fit_params)
        weights = fit_params.pop("sample_weight", None)
        return {
            **name_groups(self.estimator, groups),
            **name_sample_weight(self.estimator, weights),
            **fit_params,
        }, {"groups": groups}

    @abstractmethod
    def _fit_held_out(self, held_out):
        """Set what is to be set on `HeldOutTracks`."""

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell scikit-learn where `fit` hands its metadata on.

        Returns
        -------
        router : sklearn.utils.metadata_routing.MetadataRouter
            To the estimator and to the splitter.
        """
        return (
            MetadataRouter(owner=type(self).__name__)
            .add_self_request(self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        given = get_tags(self.estimator).input_tags
        tags.input_tags.sparse = given.sparse
        tags.input_tags.allow_nan = given.allow_nan
        tags.input_tags.three_d_array = given.three_d_array
        return tags

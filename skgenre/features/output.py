"""Input and output of the transformers of tracks: arrays, names, the index of rows."""

from contextlib import suppress
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgenre._doc_links import DocLinkMixin
from skgenre._io import counted
from skgenre._validation import check_choice, check_tracks, describe_channels


class ArrayOutputMixin(TransformerMixin):
    """Mixin of transformers whose output, an array of four axes, fits in no frame.

    It opts out of scikit-learn's wrapping, which would make a frame of the array, and
    keeps the index of the rows for the steps behind it.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(auto_wrap_output_keys=None, **options)

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Set the kind of output of the steps behind this one.

        The output of this transformer stays an array. With ``"pandas"`` it has the
        index of a given frame or series as its attribute `index`, so that a later step
        that makes a frame gives each track its own row.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Kind of the frames; None changes nothing.

        Returns
        -------
        self : object
            This transformer.
        """
        if transform is not None:
            from skgenre._compat import set_transform_output

            check_choice(transform, ("default", "pandas", "polars"), name="transform")
            set_transform_output(self, transform)
        return self


class IndexedTracks(np.ndarray):
    """Features of tracks, with the index of their rows and the names of the last axis.

    The names are None where a part of a union does not tell them.
    """

    def __array_finalize__(self, array):
        # A slice, for example, has other rows.
        self.index = self.names = None

    def __reduce__(self):
        make, arguments, state = super().__reduce__()
        return make, arguments, (state, self.index, self.names)

    def __setstate__(self, state):
        state, self.index, self.names = state
        super().__setstate__(state)


def keep_index(transformer, values, X):
    """Return `values`, one row per row of X, with the index of X.

    Only where pandas is the transformer's output: frames are joined there by their
    index, not by the order of their rows.
    """
    if not isinstance(X, IndexedTracks) and not hasattr(X, "iloc"):
        return values
    # Not above: it imports scikit-learn's callbacks, which take 8 MB and 0.1 s.
    from skgenre._compat import get_transform_output

    if get_transform_output(transformer) != "pandas":
        return values
    if X.index is None:
        raise ValueError(
            "X must have the index of its tracks, which a step before "
            f"{type(transformer).__name__} has lost: let it keep X.index, or hand on "
            "np.asarray(X) to have the rows numbered anew."
        )
    names = None
    with suppress(AttributeError):  # a union with a part that has none
        names = transformer.get_feature_names_out(
            X.names if isinstance(X, IndexedTracks) else None
        )
    if values.ndim == 2:
        import pandas as pd

        return pd.DataFrame(values, index=X.index, columns=names)
    values = values.view(IndexedTracks)
    values.index, values.names = X.index, names
    return values


def name_coefficients(n_mfcc):
    """Return the names of the last axis of features: ``mfcc0``, ``mfcc1``, ..."""
    return np.array([f"mfcc{number}" for number in range(n_mfcc)], dtype=object)


def check_n_names(input_features, n_features):
    """Return names as an array of shape (n_features,), refusing more or fewer."""
    names = np.asarray(input_features, dtype=object)
    if names.shape != (n_features,):
        raise ValueError(
            "input_features should have length equal to number of features "
            f"({n_features}), got {input_features!r}."
        )
    return names


class TrackTransformer(TransformerMixin, DocLinkMixin, BaseEstimator):
    """Base class of transformers of features, whose `fit` sets `n_mfcc_`."""

    def _check_tracks(self, X):
        """Return features as an array of four axes, like those of `fit`."""
        check_is_fitted(self)
        X = check_tracks(self, X, reset=False)
        if X.shape[-1] != self.n_mfcc_:
            raise ValueError(
                f"X has {counted(X.shape[-1], 'coefficient')}, but "
                f"{type(self).__name__} was fitted on {self.n_mfcc_}."
                f"{describe_channels(X.shape)}"
            )
        return X

    def _keep_names(self, X):
        """Remember the names of the features in X, if `keep_index` has kept them."""
        if isinstance(X, IndexedTracks) and X.names is not None:
            self.feature_names_in_ = X.names

    def _check_names(self, input_features):
        """Return the names of the coefficients seen by `fit`; refuse others."""
        check_is_fitted(self)
        seen = getattr(self, "feature_names_in_", None)
        if input_features is None:
            return name_coefficients(self.n_mfcc_) if seen is None else seen
        names = check_n_names(input_features, self.n_mfcc_)
        if seen is not None and not np.array_equal(names, seen):
            raise ValueError(
                "input_features is not equal to feature_names_in_, "
                f"{seen.tolist()}, got {names.tolist()}."
            )
        return names

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

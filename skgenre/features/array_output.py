"""Transformers whose output is an array of tracks, which no frame can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn import get_config
from sklearn.base import TransformerMixin

from skgenre._validation import check_choice

if TYPE_CHECKING:
    from typing import Any, Literal, Self


class ArrayOutputMixin(TransformerMixin):
    """Take part in a pipeline's `set_output`, keeping the rows' index for later steps.

    It opts out of scikit-learn's wrapping, which would make a frame of the array.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(auto_wrap_output_keys=None, **options)

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Tell what a later step makes frames of.

        An array of four axes has no form as a frame, and stays an array. With
        ``"pandas"`` it has the index of a given frame or series as its attribute
        `index`, so that the step that makes a frame gives each track its own row.

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
            check_choice(transform, ("default", "pandas", "polars"), name="transform")
            # Where scikit-learn has it too: `clone` copies it.
            self._sklearn_output_config = {"transform": transform}
        return self


class IndexedTracks(np.ndarray):
    """Features of tracks, and the index of the rows that they were made of."""

    def __array_finalize__(self, array):
        # Whatever is made of it, a slice for one, may have other rows.
        self.index = None

    def __reduce__(self):
        make, arguments, state = super().__reduce__()
        return make, arguments, (state, self.index)

    def __setstate__(self, state):
        state, index = state
        super().__setstate__(state)
        self.index = index


def keep_index(transformer, values, X):
    """The values that a transformer has made of X, row by row, with the index of X.

    Only where pandas is its output: frames are joined there by their index, not by the
    order of their rows.
    """
    config = getattr(transformer, "_sklearn_output_config", {})
    output = config.get("transform", get_config()["transform_output"])
    is_indexed = isinstance(X, IndexedTracks) or hasattr(X, "iloc")
    if output != "pandas" or not is_indexed:
        return values
    if X.index is None:
        raise ValueError(
            "X must have the index of its tracks, which a step before "
            f"{type(transformer).__name__} has lost: let it keep X.index, or hand on "
            "np.asarray(X) to have the rows numbered anew."
        )
    if values.ndim == 2:
        import pandas as pd

        return pd.DataFrame(
            values, index=X.index, columns=transformer.get_feature_names_out()
        )
    values = values.view(IndexedTracks)
    values.index = X.index
    return values

"""Names of coefficients, and of what is made of them."""

import numpy as np
from sklearn.utils.validation import check_is_fitted


def name_coefficients(n_mfcc):
    """Names of the last axis of features: ``mfcc0``, ``mfcc1``, ..."""
    return np.array([f"mfcc{number}" for number in range(n_mfcc)], dtype=object)


def check_names_in(transformer, input_features):
    """Names of the coefficients that `fit` has seen; refuses others."""
    check_is_fitted(transformer)
    seen = getattr(transformer, "feature_names_in_", None)
    if input_features is None:
        return name_coefficients(transformer.n_mfcc_) if seen is None else seen
    names = check_n_names(input_features, transformer.n_mfcc_)
    if seen is not None and not np.array_equal(names, seen):
        raise ValueError(
            "input_features is not equal to feature_names_in_, "
            f"{seen.tolist()}, got {names.tolist()}."
        )
    return names


def check_n_names(input_features, n_features):
    """Return names as an array of shape (n_features,), refusing more or fewer."""
    names = np.asarray(input_features, dtype=object)
    if names.shape != (n_features,):
        raise ValueError(
            "input_features should have length equal to number of features "
            f"({n_features}), got {input_features!r}."
        )
    return names

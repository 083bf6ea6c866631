"""Fits that succeed or change nothing, and the keywords that a `fit` takes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, TypeVar, cast

from sklearn import get_config
from sklearn.utils.validation import has_fit_parameter

_Method = TypeVar("_Method", bound="Callable[..., Any]")


def is_search(model: Any) -> bool:
    """Return whether a model is a search, which hands groups to its splitter only.

    Those of other packages count, and scikit-learn's by successive halving.
    """
    return hasattr(model, "estimator") and (
        hasattr(model, "param_grid") or hasattr(model, "param_distributions")
    )


def atomic_fit(method: _Method) -> _Method:
    """Decorate a `fit`, so that refused or failed it leaves the estimator as it was.

    The method runs on a copy, whose attributes the estimator takes over at the end, in
    one assignment: after an interruption, and in other threads meanwhile, the last fit
    is whole. The copy is shallow: what an earlier fit has left may be replaced, not
    changed in place.
    """

    @functools.wraps(method)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        fitted = object.__new__(type(self))
        vars(fitted).update(vars(self))
        method(fitted, *args, **kwargs)
        self.__dict__ = vars(fitted)
        return self

    return cast("_Method", fit)


def name_groups(model, groups):
    """Return groups (n_tracks,) as keywords for a model's `fit`, none if it takes none.

    A pipeline takes them for its last step.
    """
    if groups is None or get_config()["enable_metadata_routing"]:
        # With routing, models say themselves what they request, and would have to.
        return {}
    prefix, last = _find_last_step(model)
    if has_fit_parameter(last, "groups") or (
        is_search(last) and _takes_any_keyword(last)
    ):
        return {f"{prefix}groups": groups}
    return {}


def name_sample_weight(model, sample_weight):
    """Return weights (n_samples,), or None, as keywords for a model's `fit`.

    A pipeline takes them for its last step, a search for what it searches. A model that
    takes none is refused.
    """
    if sample_weight is None:
        return {}
    name, last = _find_last_step(model)
    # What takes any keyword hands it on as it is, to one estimator or to several.
    while _takes_any_keyword(last) and hasattr(last, "estimator"):
        prefix, last = _find_last_step(last.estimator)
        name += prefix
    if not has_fit_parameter(last, "sample_weight") and not _takes_any_keyword(last):
        raise ValueError(f"sample_weight is not supported by the estimator {model!r}.")
    return {f"{name}sample_weight": sample_weight}


def _find_last_step(model):
    """Return the prefix of keywords for the last step of a pipeline, and the step."""
    # Not above: every extraction imports this module, and it takes 0.1 s and 8 MB.
    from sklearn.pipeline import Pipeline

    prefix = ""
    while isinstance(model, Pipeline):
        name, model = model.steps[-1]
        prefix += f"{name}__"
    return prefix, model


def _takes_any_keyword(model):
    """Whether `fit` takes weights as one of any keywords, and not by their name."""
    if not hasattr(model, "fit") or has_fit_parameter(model, "sample_weight"):
        return False
    kinds = [parameter.kind for parameter in signature(model.fit).parameters.values()]
    return Parameter.VAR_KEYWORD in kinds

"""The name under which the `fit` of a model takes weights."""

from inspect import Parameter, signature

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter


def name_sample_weight(model, sample_weight):
    """Weights (n_samples,), or None, as keywords for a model's `fit`.

    A pipeline takes them for its last step, a search for what it searches. A model
    that takes none is refused.
    """
    if sample_weight is None:
        return {}
    name = _find_name(model)
    if name is None:
        raise ValueError(f"sample_weight is not supported by the estimator {model!r}.")
    return {name: sample_weight}


def _find_name(model):
    if isinstance(model, Pipeline):
        step, last = model.steps[-1]
        name = _find_name(last)
        return None if name is None else f"{step}__{name}"
    if has_fit_parameter(model, "sample_weight"):
        return "sample_weight"
    if not hasattr(model, "fit") or not _takes_any(model.fit):
        return None
    # What takes any keyword hands it on as it is, to one estimator or to several.
    return (
        _find_name(model.estimator) if hasattr(model, "estimator") else "sample_weight"
    )


def _takes_any(fit):
    kinds = {parameter.kind for parameter in signature(fit).parameters.values()}
    return Parameter.VAR_KEYWORD in kinds

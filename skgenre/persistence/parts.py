"""A copy of a model that travels, and the objects that it is made of."""

import inspect
import sys
from types import FunctionType

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import BallTree, KDTree
from sklearn.utils import Bunch

from skgenre._compat import drop_callbacks
from skgenre._validation import plain_integers
from skgenre.features import EXECUTION_PARAMETERS, MFCCExtractor
from skgenre.training import TrainedNetwork

# Parameters of any estimator that say how one machine is to do the work, and where:
# they go back to their defaults.
_LOCAL_PARAMETERS = (*EXECUTION_PARAMETERS, "callbacks", "memory")
# What only further training needs (the routing of metadata, scikit-learn's optimizers
# and generators), and a key that is valid in one process.
_LOCAL_ATTRIBUTES = (
    "_metadata_request",
    "_optimizer",
    "_feature_subsample_rng",
    "_digest",
)
_NEIGHBOR_TREES = {"kd_tree": KDTree, "ball_tree": BallTree}


def copy_model(model):
    """Copy a model without what belongs to one machine; its arrays are shared.

    Searches are replaced by what they have found, parameters such as `n_jobs` by their
    defaults; what only further training needs is left out.

    Returns
    -------
    copied : estimator
    parts : list
        Every object in the copy: estimators, networks, functions, arrays, containers.
    """
    # With the originals, whose ids would otherwise be used again.
    copies = {}

    def copy(value):
        if id(value) not in copies:
            copies[id(value)] = value, _copy_value(value, copy)
        return copies[id(value)][1]

    copied = copy(model)
    return copied, [part for _, part in copies.values()]


def list_attributes(part):
    """The attributes of an estimator or network, by name; none of anything else."""
    return vars(part) if _is_composed(part) else {}


def check_importable(part):
    """Refuse a function or an estimator's class that no other process can import."""
    if isinstance(part, (FunctionType, type)):
        target = part
    elif isinstance(part, BaseEstimator):
        target = type(part)
    else:
        return
    module, name = target.__module__, target.__qualname__
    found = getattr(sys.modules.get(module), name, None)
    if module == "__main__" or found is not target:
        kind = "class" if isinstance(target, type) else "function"
        raise ValueError(
            f"the model has the {kind} {module}.{name}, which no other process can "
            "import: define it at the top level of a module of its own."
        )


def list_feature_parameters(parts):
    """What decides the numbers of each extractor in a model, as dicts, each once."""
    found = []
    for part in parts:
        if isinstance(part, MFCCExtractor):
            parameters = part.get_params().items()
            features = {
                name: v for name, v in parameters if name not in EXECUTION_PARAMETERS
            }
            if features not in found:
                found.append(features)
    return found


def settle(part, cache_dir, *, written_by_other_keras):
    """Make one part of a loaded model at home in this process."""
    if isinstance(part, MFCCExtractor):
        part.cache_dir = cache_dir
    elif isinstance(part, TrainedNetwork) and written_by_other_keras:
        part.forget_fingerprint()
    elif getattr(part, "_fit_method", None) in _NEIGHBOR_TREES:
        # Trees are not saved: a crafted one could make scikit-learn read outside of it.
        part._tree = _NEIGHBOR_TREES[part._fit_method](
            part._fit_X,
            part.leaf_size,
            metric=part.effective_metric_,
            **part.effective_metric_params_,
        )


def _copy_value(value, copy):
    """Copy one object; `copy` copies those in it."""
    if type(value) in (list, tuple):
        return type(value)([copy(item) for item in value])
    if type(value) in (dict, Bunch):
        copied = type(value)()
        copied.update((name, copy(item)) for name, item in value.items())
        return copied
    if isinstance(value, np.ndarray) and value.dtype == object:
        copied = np.empty_like(value)
        copied.flat = [copy(item) for item in value.flat]
        return copied
    if isinstance(value, (GridSearchCV, RandomizedSearchCV)) or hasattr(
        value, "best_estimator_"
    ):
        return copy(getattr(value, "best_estimator_", value.estimator))
    if not _is_composed(value):
        return value
    copied = type(value).__new__(type(value))
    vars(copied).update(copy(_list_travelling(value)))
    return copied


def _list_travelling(value):
    """The attributes of an object that its copy is to have."""
    attributes = drop_callbacks(vars(value))
    for name in _LOCAL_ATTRIBUTES:
        attributes.pop(name, None)
    if isinstance(value, TrainedNetwork):
        attributes["training_state"] = None
    if attributes.get("_fit_method") in _NEIGHBOR_TREES:
        attributes["_tree"] = None
    if isinstance(value, BaseEstimator):
        for name, attribute in attributes.items():
            # A parameter: unlike `vars`, the signature lacks those of a user's builder.
            if not name.startswith("_") and not name.endswith("_"):
                attributes[name] = plain_integers(attribute)
        for name, parameter in inspect.signature(type(value)).parameters.items():
            # The version that wrote an older file did not have all parameters, and
            # `cv` may list the splits of the training tracks.
            if (
                name in _LOCAL_PARAMETERS
                or name not in attributes
                or (name == "cv" and not isinstance(attributes["cv"], (int, str)))
            ) and parameter.default is not parameter.empty:
                attributes[name] = parameter.default
    return attributes


def _is_composed(value):
    """Whether an object is an estimator, or a part of one, all of it in its `__dict__`.

    Objects from elsewhere may hold anything, and are left to skops.
    """
    kind = type(value)
    return (
        isinstance(value, BaseEstimator)
        or kind.__module__.partition(".")[0] in ("skgenre", "sklearn")
    ) and (
        hasattr(value, "__dict__")
        and not isinstance(value, (type, FunctionType))
        and kind.__reduce__ is object.__reduce__
        and kind.__reduce_ex__ is object.__reduce_ex__
    )

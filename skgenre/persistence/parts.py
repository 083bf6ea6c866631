"""The objects that a model is made of, and a copy of those that travel."""

import inspect
import sys
from types import FunctionType

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import BallTree, KDTree
from sklearn.utils import Bunch

from skgenre._sklearn_callbacks import drop_callbacks
from skgenre._validation import plain_integers
from skgenre.features import WORKINGS
from skgenre.training import TrainedNetwork

# Parameters of any estimator that say how one machine is to do the work, and where:
# they go back to their defaults.
_LOCAL_PARAMETERS = (*WORKINGS, "callbacks", "memory")
# What only further training needs (the routing of metadata, scikit-learn's optimizers
# and generators), and a key that is valid in one process.
_LOCAL_ATTRIBUTES = (
    *("_metadata_request", "_optimizer", "_feature_subsample_rng"),
    "_digest",
)
_NEIGHBOR_TREES = {"kd_tree": KDTree, "ball_tree": BallTree}


def iterate_parts(model):
    """Every object in a model, once: estimators, networks, functions, arrays."""
    seen, waiting = {}, [model]
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen[id(part)] = part
            yield part
            waiting += _list_children(part)


def list_attributes(part):
    """The attributes of an estimator or network, by name; none of anything else."""
    return vars(part) if _is_composed(part) else {}


def copy_parts(model):
    """A copy that shares the model's arrays, without what belongs to one machine.

    Searches are replaced by what they have found, parameters such as `n_jobs` by their
    defaults; what only further training needs is left out.
    """
    return _Copier().copy(model)


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


def build_neighbor_tree(neighbors):
    """Build the tree of a nearest neighbours' estimator anew, from its samples.

    Trees are not saved: a crafted one could make scikit-learn read outside of it.
    """
    tree = _NEIGHBOR_TREES.get(getattr(neighbors, "_fit_method", None))
    if tree is not None:
        neighbors._tree = tree(
            neighbors._fit_X,
            neighbors.leaf_size,
            metric=neighbors.effective_metric_,
            **neighbors.effective_metric_params_,
        )


class _Copier:
    def __init__(self):
        # With the originals, whose ids would otherwise be used again.
        self._copies = {}

    def copy(self, value):
        if id(value) not in self._copies:
            self._copies[id(value)] = value, self._copy(value)
        return self._copies[id(value)][1]

    def _copy(self, value):
        if type(value) in (list, tuple):
            return type(value)([self.copy(item) for item in value])
        if type(value) in (dict, Bunch):
            copied = type(value)()
            copied.update((name, self.copy(item)) for name, item in value.items())
            return copied
        if isinstance(value, np.ndarray) and value.dtype == object:
            copied = np.empty_like(value)
            copied.flat = [self.copy(item) for item in value.flat]
            return copied
        if _is_search(value):
            return self.copy(getattr(value, "best_estimator_", value.estimator))
        return self._copy_object(value) if _is_composed(value) else value

    def _copy_object(self, value):
        attributes = _drop_local(list_attributes(value))
        if isinstance(value, TrainedNetwork):
            attributes["training_state"] = None
        if isinstance(value, BaseEstimator):
            attributes.update(_list_defaults(value))
            # Parameters; a file of an older version may lack some.
            for name, attribute in attributes.items():
                if not name.startswith("_") and not name.endswith("_"):
                    attributes[name] = plain_integers(attribute)
        if attributes.get("_fit_method") in _NEIGHBOR_TREES:
            attributes["_tree"] = None
        copied = type(value).__new__(type(value))
        vars(copied).update(self.copy(attributes))
        return copied


def _list_defaults(estimator):
    """Defaults of the parameters that are about one machine.

    And of those that the estimator lacks, because its version did not have them.
    """
    parameters = inspect.signature(type(estimator)).parameters
    names = {*_LOCAL_PARAMETERS, *(parameters.keys() - vars(estimator).keys())}
    # Splits of the training tracks may be listed here.
    if not isinstance(getattr(estimator, "cv", None), (int, str)):
        names.add("cv")
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if name in names and parameter.default is not parameter.empty
    }


def _list_children(part):
    if type(part) in (list, tuple):
        return part
    if type(part) in (dict, Bunch):
        return part.values()
    if isinstance(part, np.ndarray) and part.dtype == object:
        return part.flat
    return list_attributes(part).values()


def _drop_local(attributes):
    attributes = drop_callbacks(attributes)
    return {n: v for n, v in attributes.items() if n not in _LOCAL_ATTRIBUTES}


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


def _is_search(value):
    return hasattr(value, "best_estimator_") or isinstance(
        value, (GridSearchCV, RandomizedSearchCV)
    )

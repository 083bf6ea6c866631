"""A copy of a model without what belongs to one machine, and checks of its parts."""

import inspect
import sys
from collections import UserList
from types import FunctionType

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skgenre._compat import (
    SKLEARN_TRAINING_ATTRIBUTES,
    drop_callbacks,
    drop_derived_parts,
    make_derived_parts,
)
from skgenre._fitting import is_search
from skgenre._validation import plain_integers
from skgenre.features import EXECUTION_PARAMETERS, BaseSegmentExtractor
from skgenre.track_classifier import BaseTrackClassifier
from skgenre.training import TrainedNetwork

# Parameters of any estimator that say how one machine is to do the work, and where:
# they go back to their defaults.
_LOCAL_PARAMETERS = (*EXECUTION_PARAMETERS, "callbacks", "memory", "n_threads")
# The last is a key of `Architecture` that is valid in one process.
_LOCAL_ATTRIBUTES = (*SKLEARN_TRAINING_ATTRIBUTES, "_digest")


def copy_model(model):
    """Copy a fitted classifier; its arrays are shared.

    Searches are replaced by what they have found, parameters such as `n_jobs` by their
    defaults; what only further training needs is left out, as are samplers.

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
            _check_importable(copies[id(value)][1])
        return copies[id(value)][1]

    return copy(model), [part for _, part in copies.values()]


def check_classifier(model):
    """Refuse what is not a fitted classifier."""
    if not isinstance(model, BaseEstimator) or not hasattr(model, "predict"):
        raise TypeError(
            "model must be a fitted classifier, or a pipeline or search that ends in "
            f"one, got {model!r}."
        )
    check_is_fitted(model)
    if not hasattr(model, "classes_"):
        raise TypeError(f"model must be a classifier, with classes_, got {model!r}.")


def _copy_value(value, copy):
    """Copy one object; `copy` copies those in it."""
    if isinstance(value, UserList):
        # Of scikit-learn's, up to 1.8, for the remaining columns.
        value = value.data
    if type(value) in (list, tuple):
        return type(value)([copy(item) for item in value])
    if type(value) in (dict, Bunch):
        copied = type(value)()
        copied.update((name, copy(item)) for name, item in value.items())
        return copied
    if isinstance(value, np.ndarray) and value.dtype == object:
        # Not assigned to `flat`, which would unpack arrays in the array.
        items = [copy(item) for item in value.flat]
        return np.fromiter(items, dtype=object).reshape(value.shape)
    if is_search(value) or hasattr(value, "best_estimator_"):
        # Not fitted, it is a parameter of another estimator.
        return copy(getattr(value, "best_estimator_", value.estimator))
    if isinstance(value, Pipeline):
        # Samplers of imbalanced-learn's pipelines act on training tracks only.
        steps = [step for step in value.steps if not hasattr(step[1], "fit_resample")]
        if len(steps) < len(value.steps):
            return copy(Pipeline(steps))
    if not _is_composed(value):
        return value
    attributes = make_portable(type(value), vars(value))
    copied = type(value).__new__(type(value))
    vars(copied).update(copy(attributes))
    return copied


def make_portable(kind, attributes):
    """Return attributes of an object of a type, without what belongs to one machine."""
    attributes = drop_callbacks(attributes)
    for name in _LOCAL_ATTRIBUTES:
        attributes.pop(name, None)
    drop_derived_parts(kind, attributes)
    if issubclass(kind, TrainedNetwork):
        attributes["training_state"] = None
    is_estimator = issubclass(kind, BaseEstimator)
    for name, attribute in attributes.items():
        # Nothing that predicts needs the state of a generator.
        if isinstance(attribute, (np.random.RandomState, np.random.Generator)):
            attributes[name] = None
        # A parameter: unlike `vars`, the signature lacks those of a user's builder.
        elif is_estimator and not name.startswith("_") and not name.endswith("_"):
            attributes[name] = plain_integers(attribute)
    if is_estimator:
        for name, parameter in inspect.signature(kind).parameters.items():
            # The version that wrote an older file did not have all parameters, and
            # `cv` may list the splits of the training tracks.
            is_local = name in _LOCAL_PARAMETERS or name not in attributes
            if name == "cv" and not is_local:
                is_local = not isinstance(attributes["cv"], (int, str))
            if is_local and parameter.default is not parameter.empty:
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


def list_feature_parameters(parts):
    """Return what decides the numbers of each extractor in a model, as dicts."""
    found = []
    for part in parts:
        if isinstance(part, BaseSegmentExtractor):
            features = {"extractor": type(part).__name__, **part.get_params()}
            for name in EXECUTION_PARAMETERS:
                features.pop(name, None)
            if features not in found:
                found.append(features)
    return found


def _check_importable(part):
    """Refuse a function, type or estimator that no other process can import."""
    target = part if isinstance(part, (FunctionType, type)) else type(part)
    module, name = target.__module__, target.__qualname__
    is_there = getattr(sys.modules.get(module), name, None) is target
    if target is not part and not isinstance(part, BaseEstimator):
        is_there = True
    if module == "__main__" or not is_there:
        kind = "class" if isinstance(target, type) else "function"
        raise ValueError(
            f"the {kind} {module}.{name}, which no other process can import: define it "
            "at the top level of a module of its own"
        )


def check_object(part, *, is_allowed):
    """Refuse an object whose content does not fit its type, allowed or only trusted.

    With crafted attributes a loaded model could replace methods, or make compiled code
    read outside of its arrays.
    """
    kind = type(part)
    for name in getattr(part, "__dict__", ()):
        replaced = getattr(kind, name, None)
        # The default of a data class; and a property is found before an attribute.
        is_harmless = name in getattr(kind, "__dataclass_fields__", ())
        is_harmless |= isinstance(replaced, property) or not is_allowed
        if callable(replaced) or (hasattr(kind, name) and not is_harmless):
            raise ValueError(f"an attribute replaces {kind.__name__}.{name}")
    if isinstance(part, (BaseSegmentExtractor, BaseTrackClassifier, TrainedNetwork)):
        part._check_parameters()
    n_classes = getattr(part, "n_classes_", None)
    # Probabilities are allocated by the one, and filled by the other.
    is_number = isinstance(n_classes, (int, np.integer))
    is_sound = n_classes == len(part.classes_) if is_number else n_classes is None
    if not is_sound and (is_number or is_allowed):
        raise ValueError(f"the parts of its {kind.__name__} do not fit together")


def settle(part, cache_dir, *, written_by_other_keras):
    """Prepare one part of a loaded model for this process."""
    if isinstance(part, BaseSegmentExtractor):
        part.cache_dir = cache_dir
    elif isinstance(part, TrainedNetwork) and written_by_other_keras:
        part.forget_fingerprint()
    make_derived_parts(part)

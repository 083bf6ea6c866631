"""Whether a loaded model is one that predicts, and cannot read outside its arrays.

Of allowed types, but with crafted content, some of scikit-learn's compiled code would
read or write outside of arrays: it trusts what its own `fit` has left.
"""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import BaseDecisionTree
from sklearn.utils.validation import check_is_fitted

from skgenre.features import MFCCExtractor
from skgenre.persistence.parts import list_attributes
from skgenre.track_classifier import BaseTrackClassifier
from skgenre.training import OWN_SETTINGS, Architecture, TrainedNetwork


def check_classifier(model):
    """Refuse anything but a fitted classifier."""
    if not isinstance(model, BaseEstimator) or not hasattr(model, "predict"):
        raise TypeError(
            "model must be a fitted classifier, or a pipeline or search that ends in "
            f"one, got {model!r}."
        )
    check_is_fitted(model)
    if not hasattr(model, "classes_"):
        raise TypeError(f"model must be a classifier, with classes_, got {model!r}.")


def check_sound(part):
    """Refuse a part of a model that is not as its own `fit` would have left it."""
    for name in list_attributes(part):
        # Methods must not be replaced.
        _require(not callable(getattr(type(part), name, None)), part)
    for kind, check in _CHECKS.items():
        if isinstance(part, kind):
            check(part)


def _check_parameters(estimator):
    estimator._check_parameters()


def _check_network(network):
    _require(isinstance(network.architecture, Architecture), network)
    weights = network.weights
    _require(isinstance(weights, list) and weights, network)
    _require(all(_is_numeric(array) for array in weights), network)


def _check_architecture(architecture):
    shape = architecture.input_shape
    _require(isinstance(shape, tuple) and len(shape) == 2, architecture)
    _require(all(type(size) is int for size in shape), architecture)
    _require(type(architecture.n_classes) is int, architecture)
    _require(isinstance(architecture.parameters, dict), architecture)
    _require(callable(architecture.build), architecture)
    settings = architecture.settings
    if settings is not None:
        types = {name: type(value) for name, value in OWN_SETTINGS.items()}
        _require(isinstance(settings, dict), architecture)
        _require({n: type(v) for n, v in settings.items()} == types, architecture)


def _check_tree(estimator):
    tree = getattr(estimator, "tree_", None)
    if tree is None:
        return
    # In this order: until the count is known to be true, no array may be looked at.
    _require(0 < tree.node_count == tree.capacity, estimator)
    _require(tree.n_features == estimator.n_features_in_, estimator)
    numbers = np.arange(tree.node_count)
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    is_inner = left != -1
    for children in (left, right):
        inner = children[is_inner]
        # Later than their parents: no path goes in circles.
        _require((inner > numbers[is_inner]).all(), estimator)
        _require((inner < tree.node_count).all(), estimator)
    inner = feature[is_inner]
    _require(((inner >= 0) & (inner < tree.n_features)).all(), estimator)


def _check_forest(ensemble):
    # Its trees are handed what the forest has checked.
    for estimator in getattr(ensemble, "estimators_", ()):
        _require(isinstance(estimator, BaseDecisionTree), ensemble)
        _require(estimator.n_features_in_ == ensemble.n_features_in_, ensemble)


def _check_machine(machine):
    if not hasattr(machine, "support_vectors_"):
        return
    n_classes, n_vectors = len(machine.classes_), len(machine.support_vectors_)
    n_pairs = n_classes * (n_classes - 1) // 2
    shapes = {
        "support_": (n_vectors,),
        "support_vectors_": (n_vectors, machine.n_features_in_),
        "_dual_coef_": (n_classes - 1, n_vectors),
        "_intercept_": (n_pairs,),
        "_n_support": (n_classes,),
    }
    for name, shape in shapes.items():
        _require(np.shape(getattr(machine, name)) == shape, machine)
    counts = machine._n_support
    _require(machine._sparse is False, machine)
    _require((counts >= 0).all() and counts.sum() == n_vectors, machine)
    for name in ("_probA", "_probB"):
        _require(np.shape(getattr(machine, name)) in ((0,), (n_pairs,)), machine)


def _check_neighbors(neighbors):
    if not hasattr(neighbors, "_fit_X"):
        return
    shape = np.shape(neighbors._fit_X)
    _require(shape == (neighbors.n_samples_fit_, neighbors.n_features_in_), neighbors)
    _require(neighbors.n_neighbors <= neighbors.n_samples_fit_, neighbors)
    y, n_classes = neighbors._y, len(neighbors.classes_)
    _require(y.shape == shape[:1] and y.dtype.kind in "iu", neighbors)
    _require(((y >= 0) & (y < n_classes)).all(), neighbors)


def _is_numeric(array):
    return isinstance(array, np.ndarray) and array.dtype.kind in "fiu"


def _require(holds, part):
    if not holds:
        raise ValueError(f"the parts of its {type(part).__name__} do not fit together")


_CHECKS = {
    MFCCExtractor: _check_parameters,
    BaseTrackClassifier: _check_parameters,
    TrainedNetwork: _check_network,
    Architecture: _check_architecture,
    BaseDecisionTree: _check_tree,
    RandomForestClassifier: _check_forest,
    ExtraTreesClassifier: _check_forest,
    SVC: _check_machine,
    KNeighborsClassifier: _check_neighbors,
}

"""Private parts of dependencies: each test names what a new version has changed."""

import importlib

import numpy as np
import pytest
import skops.io._audit
import skops.io._protocol
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skgenre._compat import (
    SKLEARN_TRAINING_ATTRIBUTES,
    SKOPS_PROTOCOL,
    drop_neighbor_tree,
    is_memory_safe,
    make_neighbor_tree,
    validate_sklearn_parameters,
)
from skgenre.persistence.allowed_types import ALLOWED_TYPES
from skgenre.persistence.schema import _find_package

X, Y = load_iris(return_X_y=True)
NAMES = sorted({name for names in ALLOWED_TYPES.values() for name in names})


def test_skops_writes_the_format_that_is_audited():
    assert skops.io._protocol.PROTOCOL == SKOPS_PROTOCOL


def test_skops_makes_every_kind_of_node_that_is_allowed():
    kinds = {name for name, _ in skops.io._audit.NODE_TYPE_MAPPING}
    assert set(ALLOWED_TYPES) <= kinds


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("sklearn.")])
def test_allowed_names_of_scikit_learn_are_its_outermost(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)
    assert _find_package(module, attribute) == module


def test_scikit_learn_validates_parameters_without_a_fit():
    validate_sklearn_parameters(LogisticRegression())
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression"):
        validate_sklearn_parameters(LogisticRegression(C=-1))


def test_scikit_learn_keeps_the_state_of_training_under_known_names():
    with config_context(enable_metadata_routing=True):
        asking = LogisticRegression().set_fit_request(sample_weight=True)
    network = MLPClassifier(max_iter=20, tol=1e9).fit(X, Y)
    boosted = HistGradientBoostingClassifier(max_iter=1).fit(X, Y)
    found = {*vars(asking), *vars(network), *vars(boosted)}
    assert set(SKLEARN_TRAINING_ATTRIBUTES) <= found


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
def test_search_tree_of_neighbours_is_built_again(algorithm):
    neighbours = KNeighborsClassifier(algorithm=algorithm).fit(X, Y)
    expected = neighbours.kneighbors(X)[0]
    drop_neighbor_tree(vars(neighbours))
    assert neighbours._tree is None
    make_neighbor_tree(neighbours)
    assert np.array_equal(neighbours.kneighbors(X)[0], expected)


FITTED = [
    DecisionTreeClassifier(),
    RandomForestClassifier(3),
    ExtraTreesClassifier(3),
    SVC(),
    SVC(kernel="linear", decision_function_shape="ovo"),
    KNeighborsClassifier(),
    KNeighborsClassifier(algorithm="brute"),
]


@pytest.mark.parametrize("estimator", FITTED, ids=str)
def test_what_scikit_learn_has_fitted_is_memory_safe(estimator):
    # With iris' labels and two of them: pairs of classes are counted otherwise.
    for rows in (Y < 3, Y < 2):
        assert is_memory_safe(estimator.fit(X[rows], Y[rows]))


@pytest.mark.parametrize(
    ("estimator", "name", "value"),
    [
        (DecisionTreeClassifier(), "n_features_in_", 1000),
        (RandomForestClassifier(3), "n_features_in_", 1000),
        (SVC(), "_dual_coef_", np.zeros((1, 1))),
        (SVC(), "_n_support", np.array([1, 1, 1])),
        (SVC(), "_probA", np.zeros(1000)),
        (SVC(), "_sparse", True),
        (KNeighborsClassifier(), "_y", np.full(len(Y), 1000)),
        (KNeighborsClassifier(), "n_samples_fit_", 1000),
    ],
)
def test_arrays_of_other_sizes_are_not_memory_safe(estimator, name, value):
    estimator.fit(X, Y)
    assert hasattr(estimator, name), f"scikit-learn has no {name} any more"
    setattr(estimator, name, value)
    assert not is_memory_safe(estimator)


def test_negative_numbers_of_support_vectors_are_not_memory_safe():
    machine = SVC().fit(X, Y)
    n_vectors = len(machine.support_)
    machine._n_support = np.array([-1, 1, n_vectors], dtype=np.int32)
    assert not is_memory_safe(machine)

"""What compiled code of scikit-learn trusts: what it has fitted passes, no other."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import KBinsDiscretizer, PolynomialFeatures
from sklearn.svm import SVC, NuSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skgenre.persistence.allowed_types import CHECKS
from skgenre.persistence.schema import _find_package

X, Y = load_iris(return_X_y=True)
BOOSTED = GradientBoostingClassifier(n_estimators=2)
HISTOGRAMS = HistGradientBoostingClassifier(max_iter=2)
STACK = StackingClassifier([("a", LogisticRegression(max_iter=500))], cv=2)
FITTED = [
    DecisionTreeClassifier(),
    RandomForestClassifier(3),
    ExtraTreesClassifier(3),
    BOOSTED,
    GradientBoostingClassifier(n_estimators=2, init="zero"),
    HISTOGRAMS,
    STACK,
    SVC(),
    SVC(kernel="linear", decision_function_shape="ovo"),
    NuSVC(kernel="sigmoid"),
    KNeighborsClassifier(),
    KNeighborsClassifier(algorithm="brute", metric="cosine"),
    KNeighborsClassifier(metric="mahalanobis", metric_params={"VI": np.eye(4)}),
    KNeighborsClassifier(metric="mahalanobis", metric_params={"V": np.eye(4)}),
    KNeighborsClassifier(metric="seuclidean", metric_params={"V": np.ones(4)}),
    KNeighborsClassifier(p=3, metric_params={"w": np.ones(4)}),
    KBinsDiscretizer(3, strategy="uniform"),
    PolynomialFeatures(3),
]


def check(estimator):
    """Whether the attributes of a fitted estimator pass the check of its type."""
    kind = type(estimator)
    name = f"{_find_package(kind.__module__, kind.__name__)}.{kind.__name__}"
    attribute, passes = CHECKS[name]
    assert hasattr(estimator, attribute), f"a fitted {name} has no {attribute} any more"
    return passes(estimator)


@pytest.mark.parametrize("estimator", FITTED, ids=str)
def test_what_scikit_learn_has_fitted_is_sound(estimator):
    # With iris' labels and two of them: pairs of classes are counted otherwise.
    for rows in (Y < 3, Y < 2):
        assert check(estimator.fit(X[rows], Y[rows]))


def fit_dummy(n_classes):
    return DummyClassifier(strategy="prior").fit(X, np.arange(len(Y)) % n_classes)


def fit_tree(n_features):
    return DecisionTreeRegressor().fit(X[:, :n_features], Y)


@pytest.mark.parametrize(
    ("estimator", "name", "value"),
    [
        (DecisionTreeClassifier(), "n_features_in_", 1000),
        (RandomForestClassifier(3), "n_features_in_", 1000),
        (RandomForestClassifier(3), "estimators_", [fit_tree(1).tree_]),
        # Its trees would add to columns that are not there.
        (BOOSTED, "init_", fit_dummy(2)),
        (BOOSTED, "n_classes_", 2),
        (GradientBoostingClassifier(init="zero"), "n_trees_per_iteration_", 1),
        (BOOSTED, "estimators_", np.array([[fit_tree(4)] * 4])),
        (BOOSTED, "estimators_", np.array([[fit_tree(3)] * 3])),
        (BOOSTED, "n_features_in_", 1000),
        (HISTOGRAMS, "n_features_in_", 1),
        (HISTOGRAMS, "n_trees_per_iteration_", 1 << 40),
        (HISTOGRAMS, "_preprocessor", PolynomialFeatures()),
        # It would take features of any number for bins.
        (HISTOGRAMS, "_in_fit", True),
        (STACK, "stack_method_", ["_dense_predict"]),
        (SVC(), "_dual_coef_", np.zeros((1, 1))),
        (SVC(), "_n_support", np.array([1, 1, 1])),
        (SVC(), "_probA", np.zeros(1000)),
        (SVC(), "_sparse", True),
        (NuSVC(), "support_", np.full(150, 2**31 - 9)),
        (KNeighborsClassifier(), "_y", np.full(len(Y), 1000)),
        (KNeighborsClassifier(), "n_samples_fit_", 1000),
        (KNeighborsClassifier(), "n_neighbors", -1),
        # Their features would not be counted.
        (KNeighborsClassifier(), "metric", "precomputed"),
        (KNeighborsClassifier(), "metric_params", {"Y_norm_squared": np.ones(1)}),
        (
            KNeighborsClassifier(),
            "effective_metric_params_",
            {"Y_norm_squared": np.ones(1)},
        ),
        # Of bytes, millions of samples are a small file.
        (KNeighborsClassifier(), "_y", np.zeros(len(Y), np.int8)),
        # Compiled code reads as many as there are features, squared.
        (KNeighborsClassifier(), "effective_metric_params_", {"VI": np.ones((1, 1))}),
        (KBinsDiscretizer(), "bin_edges_", [np.zeros(1 << 20)] * 2),
        (PolynomialFeatures(), "_n_out_full", 1 << 40),
        (PolynomialFeatures(), "_max_degree", 1 << 40),
    ],
)
def test_attributes_that_do_not_fit_together_are_not_sound(estimator, name, value):
    estimator = type(estimator)(**estimator.get_params(deep=False)).fit(X, Y)
    if name != "_in_fit":
        assert hasattr(estimator, name), f"scikit-learn has no {name} any more"
    setattr(estimator, name, value)
    assert not check(estimator)


def fit_histogram_tree():
    return HistGradientBoostingClassifier(max_iter=1).fit(X, Y)._predictors[0][0]


def test_tree_of_histograms_is_sound_as_it_is_fitted():
    assert check(fit_histogram_tree())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left", 0),
        ("right", 1 << 30),
        ("feature_idx", -9),
        # Of categories, bits are looked up in arrays of any size.
        ("is_categorical", 1),
    ],
)
def test_tree_of_histograms_that_leads_elsewhere_is_not_sound(field, value):
    tree = fit_histogram_tree()
    tree.nodes[field][tree.nodes["is_leaf"] == 0] = value
    assert not check(tree)


def test_tree_of_histograms_without_nodes_is_not_sound():
    tree = fit_histogram_tree()
    tree.nodes = tree.nodes[:0]
    assert not check(tree)


def test_mapper_of_bins_has_all_of_each_feature():
    mapper = HistGradientBoostingClassifier(max_iter=1).fit(X, Y)._bin_mapper
    assert check(mapper)
    mapper.is_categorical_ = mapper.is_categorical_[:1]
    assert not check(mapper)


@pytest.mark.parametrize(("n_classes", "is_sound"), [(540, True), (560, False)])
def test_pairs_of_classes_are_bounded(n_classes, is_sound):
    y = np.arange(2 * n_classes) % n_classes
    assert check(SVC().fit(y[:, None], y)) == is_sound


def test_negative_numbers_of_support_vectors_are_not_sound():
    machine = SVC().fit(X, Y)
    n_vectors = len(machine.support_)
    machine._n_support = np.array([-1, 1, n_vectors], dtype=np.int32)
    assert not check(machine)


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (
            GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()),
            "init of gradient boosting is a LogisticRegression, not None or 'zero'",
        ),
        (SVC(kernel=lambda X, Y: X @ Y.T), "has a function as its kernel"),
    ],
)
def test_options_without_a_check_are_named(estimator, reason):
    with pytest.raises(ValueError, match=reason):
        check(estimator.fit(np.round(X), Y))

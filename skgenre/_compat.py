"""Private and version-dependent parts of dependencies.

Each has a test in ``tests/test_compat.py`` that fails with its name once a new version
of the dependency has changed it.
"""

import numpy as np

# Version of skops' file format whose nodes `skgenre.persistence` audits.
SKOPS_PROTOCOL = 2

# What scikit-learn's estimators need for further training only: requests of metadata,
# the optimizers and random generators of its networks and boosted trees.
SKLEARN_TRAINING_ATTRIBUTES = (
    "_metadata_request",
    "_optimizer",
    "_feature_subsample_rng",
)


def validate_sklearn_parameters(estimator):
    """Refuse parameters that scikit-learn's own `fit` would refuse first."""
    from sklearn import get_config

    is_wanted = not get_config()["skip_parameter_validation"]
    if is_wanted and hasattr(estimator, "_parameter_constraints"):
        estimator._validate_params()


def drop_neighbor_tree(attributes):
    """Remove the compiled search tree from the attributes of a nearest neighbours'.

    A crafted one could make scikit-learn read outside of it.
    """
    if attributes.get("_fit_method") in ("kd_tree", "ball_tree"):
        attributes["_tree"] = None


def make_neighbor_tree(estimator):
    """Build the search tree of a nearest neighbours' estimator that lacks it."""
    from sklearn.neighbors import BallTree, KDTree

    trees = {"kd_tree": KDTree, "ball_tree": BallTree}
    if getattr(estimator, "_fit_method", None) in trees:
        estimator._tree = trees[estimator._fit_method](
            estimator._fit_X,
            estimator.leaf_size,
            metric=estimator.effective_metric_,
            **estimator.effective_metric_params_,
        )


def is_memory_safe(estimator):
    """Whether compiled code of scikit-learn stays inside an estimator's fitted arrays.

    It trusts what `fit` has left: trees, support vectors and neighbours' classes from
    elsewhere could make it read or write outside of arrays.
    """
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC
    from sklearn.tree import BaseDecisionTree

    if isinstance(estimator, BaseDecisionTree) and hasattr(estimator, "tree_"):
        return _is_tree_safe(estimator.tree_, estimator.n_features_in_)
    if isinstance(estimator, (ExtraTreesClassifier, RandomForestClassifier)):
        # The trees are handed what the forest has checked.
        return all(
            isinstance(tree, BaseDecisionTree)
            and tree.n_features_in_ == estimator.n_features_in_
            for tree in getattr(estimator, "estimators_", ())
        )
    if isinstance(estimator, SVC) and hasattr(estimator, "support_vectors_"):
        return _is_machine_safe(estimator)
    if isinstance(estimator, KNeighborsClassifier) and hasattr(estimator, "_fit_X"):
        n_samples, y = estimator.n_samples_fit_, estimator._y
        return bool(
            np.shape(estimator._fit_X) == (n_samples, estimator.n_features_in_)
            and estimator.n_neighbors <= n_samples
            and y.shape == (n_samples,)
            and y.dtype.kind in "iu"
            and ((y >= 0) & (y < len(estimator.classes_))).all()
        )
    return True


def _is_tree_safe(tree, n_features):
    # Until the count is known to be true, no array may be looked at.
    if not 0 < tree.node_count == tree.capacity or tree.n_features != n_features:
        return False
    is_inner = tree.children_left != -1
    numbers = np.flatnonzero(is_inner)
    left, right = tree.children_left[is_inner], tree.children_right[is_inner]
    feature = tree.feature[is_inner]
    return bool(
        # Children come after their parents: no path returns to where it was.
        ((left > numbers) & (left < tree.node_count)).all()
        and ((right > numbers) & (right < tree.node_count)).all()
        and ((feature >= 0) & (feature < n_features)).all()
    )


def _is_machine_safe(machine):
    n_classes, n_vectors = len(machine.classes_), len(machine.support_vectors_)
    n_pairs = n_classes * (n_classes - 1) // 2
    shapes = {
        "support_": (n_vectors,),
        "support_vectors_": (n_vectors, machine.n_features_in_),
        "_dual_coef_": (n_classes - 1, n_vectors),
        "_intercept_": (n_pairs,),
        "_n_support": (n_classes,),
    }
    counts = machine._n_support
    return bool(
        all(np.shape(getattr(machine, n)) == shape for n, shape in shapes.items())
        and np.shape(machine._probA) in ((0,), (n_pairs,))
        and np.shape(machine._probB) in ((0,), (n_pairs,))
        and machine._sparse is False
        and (counts >= 0).all()
        and counts.sum() == n_vectors
    )

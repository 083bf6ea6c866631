"""Checks of what compiled code of scikit-learn trusts, where it is made.

Trees, support vectors and neighbours that `fit` has not made could have scikit-learn
read or write outside of arrays, or never end. Each check says whether the attributes
of a fitted object fit together; what it trips over may raise any error.
"""

import numpy as np

# Pairs of classes of a support vector machine, as of 548 classes: Python takes 15
# microseconds for each.
MAX_N_PAIRS = 150_000
# Bins of all features together: the encoder made of them takes 100 bytes for each.
MAX_N_BINS = 1 << 20


def make_tree(arguments, state):
    """Make a decision tree's `Tree` from what its `__reduce__` has returned."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    n_features, n_classes, n_outputs = arguments
    nodes, values, n_nodes = state["nodes"], state["values"], state["node_count"]
    is_sound = (
        type(n_features) is int
        and 0 < n_features < 2**31
        and (type(n_outputs), n_outputs) == (int, 1)
        and _is_array(n_classes, (1,), np.intp)
        and n_classes[0] > 0
        and state.keys() == {"max_depth", "node_count", "nodes", "values"}
        and type(state["max_depth"]) is int
        and 0 < n_nodes == len(nodes)
        and _is_array(nodes, (n_nodes,), NODE_DTYPE)
        and _is_array(values, (n_nodes, 1, n_classes[0]), np.float64)
        and are_nodes_sound(
            nodes["left_child"],
            nodes["right_child"],
            nodes["feature"],
            is_leaf=nodes["left_child"] == -1,
            n_features=n_features,
        )
    )
    if not is_sound:
        raise ValueError("the parts of its Tree do not fit together")
    tree = Tree(n_features, n_classes, n_outputs)
    tree.__setstate__(state)
    return tree


def are_nodes_sound(left, right, feature, *, is_leaf, n_features):
    """Whether a way through the nodes of a tree ends, and looks only at features."""
    numbers = np.arange(len(left))
    # Children come after their parents: no path returns to where it was.
    are_inner_sound = (
        (numbers < left)
        & (left < len(left))
        & (numbers < right)
        & (right < len(left))
        & (feature >= 0)
        & (feature < n_features)
    )
    return bool((is_leaf | are_inner_sound).all())


def check_decision_tree(tree):
    """Whether a tree looks only at features that the estimator has."""
    from sklearn.tree._tree import Tree

    return (
        isinstance(tree.tree_, Tree)
        and tree.tree_.n_features == tree.n_features_in_
        and tree.n_outputs_ == 1
    )


def check_forest(forest):
    """Whether each tree expects the features that the forest has checked."""
    from sklearn.tree import BaseDecisionTree

    # Of a forest, one array of probabilities is made for each output.
    return getattr(forest, "n_outputs_", 1) == 1 and all(
        isinstance(tree, BaseDecisionTree)
        and tree.n_features_in_ == forest.n_features_in_
        for tree in np.ravel(forest.estimators_)
    )


def check_boosting(boosted):
    """Whether all trees expect the features, and add to columns, that there are."""
    from sklearn.dummy import DummyClassifier

    start, n_classes = boosted.init_, boosted.n_classes_
    n_columns = 1 if n_classes == 2 else n_classes
    if isinstance(start, DummyClassifier):
        is_start_sound = start.strategy == "prior" and start.n_outputs_ == 1
        is_start_sound &= np.shape(start.class_prior_) == (n_classes,)
    elif start == "zero":
        is_start_sound = boosted.n_trees_per_iteration_ == n_columns
    else:
        name = type(start).__name__
        raise ValueError(f"init of gradient boosting is a {name}, not None or 'zero'")
    is_shape_sound = np.shape(boosted.estimators_)[1:] == (n_columns,)
    return is_start_sound and is_shape_sound and check_forest(boosted)


def check_histograms(boosted):
    """Whether all trees look only at features that the estimator has checked."""
    n_classes = len(boosted.classes_)
    return (
        # One for categories would decide how many features the trees are given.
        boosted._preprocessor is None
        and not getattr(boosted, "_in_fit", False)
        and boosted.n_trees_per_iteration_ == (1 if n_classes == 2 else n_classes)
        and all(
            tree.nodes["feature_idx"].max() < boosted.n_features_in_
            for trees in boosted._predictors
            for tree in trees
        )
    )


def check_bin_mapper(mapper):
    """Whether each array has an entry for each feature, as compiled code reads them."""
    n_features = len(mapper.n_bins_non_missing_)
    is_categorical = np.shape(mapper.is_categorical_)
    return len(mapper.bin_thresholds_) == n_features == sum(is_categorical)


def check_histogram_tree(tree):
    """Whether a way through the nodes ends, and depends on numbers only."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes = tree.nodes
    left, right, feature = nodes["left"], nodes["right"], nodes["feature_idx"]
    return (
        len(nodes) > 0
        and _is_array(nodes, (len(nodes),), PREDICTOR_RECORD_DTYPE)
        and not nodes["is_categorical"].any()
        # The boosting that has it compares the features with its own.
        and are_nodes_sound(
            left, right, feature, is_leaf=nodes["is_leaf"] != 0, n_features=np.inf
        )
    )


def check_stack(stack):
    """Whether the stack calls only methods that check what they are given."""
    return {*stack.stack_method_} <= {"predict_proba", "decision_function", "predict"}


def check_polynomials(polynomials):
    """Whether a row of features is not expanded to more than memory holds."""
    return polynomials._max_degree <= 100 and polynomials._n_out_full <= 1 << 20


def check_bins(discretizer):
    """Whether there are no more bins than an encoder can be made for."""
    return sum(map(len, discretizer.bin_edges_)) <= MAX_N_BINS


def check_machine(machine):
    """Whether the arrays of a support vector machine have the sizes it reads."""
    if callable(machine.kernel):
        raise ValueError("a support vector machine has a function as its kernel")
    n_classes, n_vectors = len(machine.classes_), len(machine.support_)
    n_pairs = n_classes * (n_classes - 1) // 2
    shapes = {
        "support_vectors_": (n_vectors, machine.n_features_in_),
        "_dual_coef_": (n_classes - 1, n_vectors),
        "_intercept_": (n_pairs,),
        "_n_support": (n_classes,),
    }
    if machine.kernel == "precomputed":
        shapes["support_vectors_"] = (0, 0)
    support, counts = machine.support_, machine._n_support
    return (
        all(np.shape(getattr(machine, name)) == size for name, size in shapes.items())
        and n_pairs <= MAX_N_PAIRS
        # Where the first has a size, the second is read.
        and np.shape(machine._probA) == np.shape(machine._probB)
        and np.shape(machine._probA) in ((0,), (n_pairs,))
        and machine._sparse is False
        and (counts >= 0).all()
        and counts.sum() == n_vectors
        # Of a computed kernel, these are the columns that are read.
        and machine.shape_fit_[1] == machine.n_features_in_
        and (support >= 0).all()
        and (support < machine.shape_fit_[0]).all()
    )


def check_neighbors(neighbors):
    """Whether there are as many training samples as it says, each of a class."""
    n_samples, y = neighbors.n_samples_fit_, neighbors._y
    is_computed = neighbors.metric == "precomputed"
    n_features = neighbors.n_features_in_
    # Others are refused: compiled code reads the norms of the samples, for one, without
    # looking at their length.
    shapes = {
        **{"p": [()], "w": [(n_features,)], "VI": [(n_features, n_features)]},
        "V": [(n_features,), (n_features, n_features)],
    }
    parameters = [neighbors.effective_metric_params_, neighbors.metric_params or {}]
    return (
        np.shape(neighbors._fit_X) == (n_samples, n_features)
        and 0 < neighbors.n_neighbors <= n_samples
        # Of smaller integers, a small file could have millions of samples.
        and _is_array(y, (n_samples,), np.intp)
        and ((y >= 0) & (y < len(neighbors.classes_))).all()
        # Of distances that are computed already, no features are checked.
        and is_computed == (neighbors.effective_metric_ == "precomputed")
        and all(
            value is None or np.shape(value) in shapes.get(name, ())
            for values in parameters
            for name, value in values.items()
        )
    )


def _is_array(value, shape, dtype):
    return (
        isinstance(value, np.ndarray) and value.shape == shape and value.dtype == dtype
    )

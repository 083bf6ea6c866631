"""Private parts of dependencies: each test names what a new version has changed."""

import importlib
import random
from concurrent.futures import Future
from inspect import signature
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn
import skops.io._audit
import skops.io._protocol
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

from skgenre import _compat
from skgenre._compat import (
    SKLEARN_TRAINING_ATTRIBUTES,
    SKOPS_PROTOCOL,
    JoiningUnion,
    drop_derived_parts,
    make_derived_parts,
    validate_sklearn_parameters,
)
from skgenre.persistence.allowed_types import ALLOWED_TYPES
from skgenre.persistence.schema import _find_package

X, Y = load_iris(return_X_y=True)
NAMES = sorted({name for names in ALLOWED_TYPES.values() for name in names})


def test_joblib_hears_of_tasks_that_dask_gives_up():
    backend = pytest.importorskip("joblib._dask").DaskDistributedBackend
    pending, heard = Future(), []

    class DaskDistributedBackend:
        def submit(self, func, callback=None):
            return pending

        def effective_n_jobs(self, n_jobs):
            return 1

    assert signature(backend.submit) == signature(DaskDistributedBackend.submit)
    fake, batch = DaskDistributedBackend(), SimpleNamespace(items=[(len, ("a",), {})])
    with _compat.dask_losses_reported(fake):
        fake.submit(batch, callback=heard.extend)
        assert fake.effective_n_jobs(-1) == 2
    pending.set_exception(OSError("gone"))
    (lost,) = heard
    assert lost.arguments == ("a",)
    assert str(lost.error) == "gone"
    assert "submit" not in vars(fake)


def test_skops_writes_the_format_that_is_audited():
    assert skops.io._protocol.PROTOCOL == SKOPS_PROTOCOL


def test_skops_makes_every_kind_of_node_that_is_allowed():
    kinds = {name for name, _ in skops.io._audit.NODE_TYPE_MAPPING}
    assert set(ALLOWED_TYPES) <= kinds


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("sklearn.")])
def test_allowed_names_of_scikit_learn_are_its_outermost(name):
    module, _, attribute = name.rpartition(".")
    version = tuple(map(int, sklearn.__version__.split(".")[:2]))
    if attribute == "_TemperatureScaling" and version < (1, 8):
        pytest.skip("scikit-learn has temperature scaling from 1.8")
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
    # Scored by name, it replaces its own method, and puts it back as an attribute.
    boosted = HistGradientBoostingClassifier(
        max_iter=1, early_stopping=True, scoring="accuracy"
    ).fit(X, Y)
    descent = SGDClassifier().fit(X, Y)
    found = {*vars(asking), *vars(network), *vars(boosted), *vars(descent)}
    assert set(SKLEARN_TRAINING_ATTRIBUTES) <= found


def test_scikit_learn_keeps_and_clones_the_output_of_a_transformer():
    scaler = StandardScaler()
    with config_context(transform_output="polars"):
        assert _compat.get_transform_output(scaler) == "polars"
    scaler.set_output(transform="pandas")
    assert _compat.get_transform_output(scaler) == "pandas"
    _compat.set_transform_output(scaler, "default")
    assert isinstance(scaler.fit_transform(X), np.ndarray)
    assert _compat.get_transform_output(clone(scaler)) == "default"


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
def test_search_tree_of_neighbours_is_built_again(algorithm):
    neighbours = KNeighborsClassifier(algorithm=algorithm).fit(X, Y)
    expected = neighbours.kneighbors(X)[0]
    drop_derived_parts(type(neighbours), vars(neighbours))
    assert neighbours._tree is None
    make_derived_parts(neighbours)
    assert np.array_equal(neighbours.kneighbors(X)[0], expected)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (GradientBoostingClassifier(n_estimators=2), "_loss"),
        (HistGradientBoostingClassifier(max_iter=2), "_loss"),
        (KBinsDiscretizer(3, encode="onehot-dense"), "_encoder"),
    ],
)
def test_parts_that_follow_from_others_are_made_again(estimator, name):
    estimator.fit(X, Y)
    use = estimator.transform if name == "_encoder" else estimator.predict_proba
    expected = use(X)
    drop_derived_parts(type(estimator), vars(estimator))
    assert not hasattr(estimator, name)
    make_derived_parts(estimator)
    assert np.array_equal(use(X), expected)


def require(owner, name, use):
    """Fail, naming what broke, if a private name is gone."""
    assert hasattr(owner, name), f"{owner!r} has no {name!r} any more: {use}"


def test_keras_has_its_global_state():
    from keras.src.backend.common import global_state

    use = "_compat.get_keras_global and set_keras_global need it"
    require(global_state, "get_global_attribute", use)
    require(global_state, "set_global_attribute", use)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("global_random_seed", lambda keras: keras.utils.set_random_seed(7)),
        (
            "global_seed_generator",
            lambda keras: keras.random.normal((1,)),
        ),
        ("object_name_uids", lambda keras: keras.layers.Dense(1)),
        ("dtype_policy", lambda keras: keras.config.dtype_policy()),
    ],
)
def test_keras_keeps_its_state_under_the_names_that_are_read(name, change):
    import keras

    before = _compat.get_keras_global(name)
    _compat.set_keras_global(name, None)
    try:
        change(keras)
        message = f"Keras no longer keeps {name!r} in its global state"
        assert _compat.get_keras_global(name) is not None, message
    finally:
        _compat.set_keras_global(name, before)


def test_keras_draws_seeds_from_the_generator_that_it_is_given():
    import keras
    from keras.src.random import seed_generator

    use = "_compat.replace_keras_random needs it"
    require(seed_generator, "python_random", use)
    replaced = _compat.replace_keras_random(random.Random(3))
    try:
        drawn = [keras.initializers.GlorotUniform().seed for _ in range(2)]
    finally:
        _compat.replace_keras_random(replaced)
    expected = random.Random(3)
    assert drawn == [expected.randint(1, 10**9) for _ in range(2)], use


def test_tensorflow_has_its_seed_in_its_context():
    import tensorflow as tf
    from tensorflow.python.eager.context import context

    for name in ("_seed", "_set_global_seed"):
        require(context(), name, "_compat.get_tensorflow_seed and set_ need it")
    before = _compat.get_tensorflow_seed()
    try:
        for reset_kernels in (False, True):
            _compat.set_tensorflow_seed(
                5, random.Random(5), reset_kernels=reset_kernels
            )
            ours = float(tf.random.uniform(()))
            tf.random.set_seed(5)
            if reset_kernels:
                assert ours == float(tf.random.uniform(()))
            assert _compat.get_tensorflow_seed()[0] == 5
    finally:
        _compat.set_tensorflow_seed(*before, reset_kernels=True)


def test_tensorflow_tells_whether_its_operations_are_deterministic():
    from tensorflow.python.framework import config

    require(config, "is_op_determinism_enabled", "_compat.read_op_determinism needs it")
    assert _compat.read_op_determinism() is False


def test_keras_callback_has_its_model_in_the_attribute_that_is_cleared():
    import keras

    callback = keras.callbacks.Callback()
    callback.set_model(keras.Sequential())
    _compat.detach_callback(callback)
    message = "keras.callbacks.Callback no longer keeps its model in `_model`"
    assert callback.model is None, message


def test_scikit_learns_callbacks_have_the_methods_that_are_called():
    callback = pytest.importorskip("sklearn.callback")
    use = "_compat.FitCallbacks needs it"
    require(callback.CallbackSupportMixin, "_init_callback_context", use)
    from sklearn.callback import CallbackContext

    for name in ("subcontext", "call_on_fit_task_begin", "call_on_fit_task_end"):
        require(CallbackContext, name, use)


def test_scikit_learns_callbacks_are_kept_in_the_attributes_that_are_dropped():
    callback = pytest.importorskip("sklearn.callback")
    from skgenre import MLPGenreClassifier

    model = MLPGenreClassifier()
    before = set(vars(model))
    model.set_callbacks(callback.ProgressBar())
    assert set(vars(model)) > before
    message = "scikit-learn keeps callbacks in other attributes than drop_callbacks has"
    assert set(_compat.drop_callbacks(vars(model))) == before, message


def test_a_union_of_scikit_learn_joins_its_parts_by_a_method():
    class Union(JoiningUnion):
        def _join(self, parts):
            return [part.shape for part in parts]

    union = Union([("a", "passthrough"), ("b", "drop"), ("c", "passthrough")])
    X = np.zeros((2, 3, 4, 5))
    assert union.fit_transform(X) == union.transform(X) == [X.shape, X.shape]

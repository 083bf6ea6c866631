"""The private parts of other libraries that skgenre needs do what it needs."""

import random

import pytest

from skgenre import _compat


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

import inspect
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skgenre import KerasGenreClassifier, MLPGenreClassifier, clear_network_pool
from skgenre.networks import build_mlp
from skgenre.training import isolated_random_state
from skgenre.training.trained_network import POOL

FAST = {"learning_rate": 0.02, "epochs": 8, "batch_size": 8, "random_state": 0}


def build_gru(input_shape, n_classes, units=4, dropout=0.2):
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input(input_shape),
            layers.GRU(units),
            layers.Dropout(dropout),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


def build_functional(input_shape, n_classes):
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    branches = [layers.Flatten()(layers.Conv1D(4, size)(inputs)) for size in (2, 3)]
    outputs = layers.Dense(n_classes, "softmax")(layers.concatenate(branches))
    return keras.Model(inputs, outputs)


def build_subclass(input_shape, n_classes):
    import keras
    from keras import layers

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten = layers.Flatten()
            self.dense = layers.Dense(n_classes, activation="softmax")

        def call(self, inputs):
            return self.dense(self.flatten(inputs))

    return Net()


def build_unbuilt(input_shape, n_classes):
    from keras import Sequential, layers

    return Sequential([layers.Flatten(), layers.Dense(n_classes, "softmax")])


ALL = pytest.mark.parametrize(
    "build", [build_gru, build_functional, build_subclass, build_unbuilt]
)


@ALL
def test_any_network_learns_separable_genres(build, features):
    X, y = features
    model = KerasGenreClassifier(build, **{**FAST, "epochs": 60}).fit(X, y)
    assert model.score(X, y) > 0.9
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@ALL
def test_fits_in_one_process_do_not_see_each_other(build, features):
    model = KerasGenreClassifier(build, **FAST)
    first = clone(model).fit(*features)
    expected = first.predict_proba(features[0])
    other = clone(model).set_params(random_state=1).fit(*features)
    assert (other.predict_proba(features[0]) != expected).any()
    again = clone(model).fit(*features)
    assert_array_equal(again.predict_proba(features[0]), expected)
    assert_array_equal(first.predict_proba(features[0]), expected)


def test_own_copy_of_the_mlp_equals_the_named_one(features):
    parameters = {"hidden_layer_sizes": (16,), "dropout": 0.3, "l2": 0.0}
    named = MLPGenreClassifier(**parameters, **FAST).fit(*features)
    own = KerasGenreClassifier(
        build_mlp, **{f"build__{k}": v for k, v in parameters.items()}, **FAST
    ).fit(*features)
    assert own.history_ == named.history_


def test_parameters_of_the_builder_are_searched(features):
    model = KerasGenreClassifier(build_gru, **FAST)
    grid = {"build__units": [1, 8], "learning_rate": [0.05]}
    search = GridSearchCV(model, grid, cv=2).fit(*features)
    assert search.best_params_["build__units"] in (1, 8)
    units = search.best_estimator_.network_.weights[0].shape[1] // 3
    assert units == search.best_params_["build__units"]


def test_parameters_are_those_given_and_the_builders_defaults():
    model = KerasGenreClassifier(build_gru, build__units=2)
    assert model.get_params()["build__dropout"] == 0.2
    assert "build__dropout" not in model.get_params(deep=False)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(build__units=5, epochs=3).get_params()["build__units"] == 5
    assert "build__units=5" in repr(model)


def test_learning_rate_is_by_default_that_of_keras():
    import keras

    expected = inspect.signature(keras.optimizers.Adam).parameters["learning_rate"]
    assert KerasGenreClassifier(build_gru).learning_rate == expected.default


def test_unknown_parameters_are_refused():
    with pytest.raises(TypeError, match=r"no parameter 'units'.*'build__units'"):
        KerasGenreClassifier(build_gru, units=3)
    model = KerasGenreClassifier(build_gru)
    with pytest.raises(
        ValueError, match=r"'build__n' is not a parameter.*build__units"
    ):
        model.set_params(build__n=3)


def test_unknown_parameter_of_the_builder_is_refused_in_fit(features):
    model = KerasGenreClassifier(build_gru, build__n=3)
    with pytest.raises(ValueError, match=r"'build__n' is not a parameter"):
        model.fit(*features)


def test_a_builder_that_depends_on_globals_is_not_mistaken(features):
    units = [3]

    def build(input_shape, n_classes):
        return build_gru(input_shape, n_classes, units[0])

    model = KerasGenreClassifier(build, **FAST)
    first = clone(model).fit(*features)
    units[0] = 5
    second = clone(model).fit(*features)
    assert first.network_.weights[0].shape[1] == 9
    assert second.network_.weights[0].shape[1] == 15


def test_weights_that_the_builder_loads_are_kept(features):
    with isolated_random_state(5):
        given = build_gru((6, 4), 3).get_weights()

    def build(input_shape, n_classes):
        model = build_gru(input_shape, n_classes, dropout=0)
        model.set_weights(given)
        return model

    for _ in range(2):
        model = KerasGenreClassifier(build, **FAST)
        model.set_params(learning_rate=1e-30, epochs=1).fit(*features)
        for ours, theirs in zip(model.network_.weights, given, strict=True):
            assert_allclose(ours, theirs, atol=1e-12)


def test_a_compiled_network_is_used_again(features):
    model = KerasGenreClassifier(build_gru, **FAST)
    clone(model).fit(*features)
    n_kept = len(POOL)
    clone(model).fit(*features)
    assert len(POOL) == n_kept


def test_further_fits_keep_little_memory(features):
    import psutil

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2, 130, 13)), np.arange(20) % 4
    model = KerasGenreClassifier(build_mlp, **FAST).set_params(
        **{"epochs": 1, "build__hidden_layer_sizes": (256,)},
        **{"build__dropout": 0.2, "build__l2": 0.0},
    )
    kept = []
    for _ in range(12):
        clone(model).fit(X, y)
        kept.append(psutil.Process().memory_info().rss)
    assert (kept[-1] - kept[1]) / 10 < 2e6


@pytest.fixture
def set_policy():
    """Sets Keras' policy as a user does; back to its default at the end."""
    import keras

    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("build", [build_functional, build_subclass, build_unbuilt])
def test_own_network_learns_under_the_policy_of_the_user(
    build, policy, features, set_policy
):
    set_policy(policy)
    # From other weights, half precision may round a genre's probability to zero.
    model = KerasGenreClassifier(build, **{**FAST, "epochs": 60, "random_state": 1})
    first = model.fit(*features).history_
    assert model.score(*features) > 0.9
    kept_in = "float64" if policy == "float64" else "float32"
    assert model.network_.weights[0].dtype == kept_in
    # The scale of its loss, too, starts anew.
    assert clone(model).fit(*features).history_ == first


def test_own_network_is_used_under_the_settings_it_was_trained_under(
    features, set_policy
):
    import keras

    X, y = features
    set_policy("float64")
    model = KerasGenreClassifier(build_functional, warm_start=True, **FAST).fit(X, y)
    expected = model.predict_proba(X)
    copies = [pickle.loads(pickle.dumps(model)) for _ in range(2)]
    assert copies[0].fit(X, y).network_.weights[0].dtype == "float64"
    set_policy("mixed_float16")
    clear_network_pool()
    assert_array_equal(model.predict_proba(X), expected)
    # Training goes on under them.
    assert copies[1].fit(X, y).history_ == copies[0].history_
    assert keras.config.dtype_policy().name == "mixed_float16"


def build_layout(input_shape, n_classes):
    from keras import Sequential, layers

    stack = [layers.Input(input_shape), layers.Reshape((*input_shape, 1))]
    stack += [layers.GlobalAveragePooling2D(), layers.Dense(n_classes, "softmax")]
    return Sequential(stack)


def test_own_networks_of_two_data_formats_are_not_mistaken(features):
    import keras

    X, y = features
    model = KerasGenreClassifier(build_layout, **FAST)
    last = clone(model).fit(X, y)
    keras.config.set_image_data_format("channels_first")
    try:
        first = clone(model).fit(X, y)
    finally:
        keras.config.set_image_data_format("channels_last")
    # One weight per channel and genre: of one channel, or of six "channels" of frames.
    assert last.network_.weights[0].shape == (1, 3)
    assert first.network_.weights[0].shape == (6, 3)
    assert first.predict(X).shape == last.predict(X).shape


def build_logits(input_shape, n_classes):
    from keras import Sequential, layers

    return Sequential(
        [layers.Input(input_shape), layers.Flatten(), layers.Dense(n_classes)]
    )


def build_too_few(input_shape, n_classes):
    return build_unbuilt(input_shape, n_classes - 1)


def build_two_outputs(input_shape, n_classes):
    import keras

    inputs = keras.Input(input_shape)
    outputs = keras.layers.Dense(n_classes, "softmax")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, [outputs, outputs])


def build_compiled(input_shape, n_classes):
    model = build_unbuilt(input_shape, n_classes)
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (None, TypeError, "build must be callable, got None"),
        (lambda shape, n: "network", TypeError, "return a Keras model, got 'network'"),
        (build_logits, ValueError, "probabilities that sum to one"),
        (build_too_few, ValueError, r"output of shape.*\(2, 3\).*got \(2, 2\)"),
        (build_two_outputs, ValueError, "one output of shape"),
        (build_compiled, ValueError, "uncompiled model"),
    ],
)
def test_builder_of_something_else_is_refused(build, error, message, features):
    with pytest.raises(error, match=message):
        KerasGenreClassifier(build, **FAST).fit(*features)


def test_small_numbers_of_numpy_reach_a_builder_as_pythons(features):
    seen = []

    def build(input_shape, n_classes, units, mask):
        seen.append((units, mask))
        return build_mlp(
            input_shape, n_classes, hidden_layer_sizes=units, dropout=0, l2=0
        )

    mask = np.ones(3, np.uint8)
    units = (np.uint8(200), np.uint8(100))
    mine = KerasGenreClassifier(build, build__units=units, build__mask=mask, epochs=1)
    mine.fit(*features)
    assert seen[0][0] == (200, 100)
    assert [type(n) for n in seen[0][0]] == [int, int]
    assert_array_equal(seen[0][1], mask, strict=True)

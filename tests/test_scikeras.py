"""Networks as Keras models and scikeras classifiers, and the user's own, pooled."""

import pickle
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from skgenre import (
    CNNGenreClassifier,
    CovarianceGenreClassifier,
    KerasGenreClassifier,
    LSTMGenreClassifier,
    MLPGenreClassifier,
    SegmentPoolingClassifier,
)

FAST = {"learning_rate": 0.02, "epochs": 3, "batch_size": 8, "random_state": 0}


def build_own(input_shape, n_classes):
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input(input_shape),
            layers.Reshape((*input_shape, 1)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(n_classes, "softmax"),
        ]
    )


MLP = MLPGenreClassifier(hidden_layer_sizes=(16,), dropout=0.2, **FAST)
NETWORKS = [
    MLP,
    CNNGenreClassifier(filters=(8,), kernel_sizes=((2, 2),), **FAST),
    LSTMGenreClassifier(units=(8, 8), dense_units=8, **FAST),
    CovarianceGenreClassifier(hidden_units=8, **FAST),
    KerasGenreClassifier(build_own, **FAST),
]
ALL = pytest.mark.parametrize("network", NETWORKS, ids=lambda one: type(one).__name__)


@ALL
def test_keras_model_and_scikeras_classifier_predict_segments_alike(network, features):
    X, y = features
    model = clone(network).fit(X, y)
    expected = model.predict_segments_proba(X).reshape(36, 3)
    rows = X.reshape(36, 6, 4)
    assert_allclose(model.to_keras().predict(rows, verbose=0), expected, atol=1e-6)
    wrapper = model.to_scikeras()
    assert_allclose(wrapper.predict_proba(rows), expected, atol=1e-6)
    assert_array_equal(wrapper.predict(rows), model.classes_[expected.argmax(axis=1)])
    assert_array_equal(wrapper.classes_, model.classes_)


@ALL
def test_training_of_what_was_handed_out_changes_nothing_here(network, features):
    X, y = features
    model = clone(network).fit(X, y)
    expected, rows, genres = model.predict_proba(X), X.reshape(36, 6, 4), y.repeat(3)
    keras_model, wrapper = model.to_keras(), model.to_scikeras()
    keras_model.fit(rows, np.searchsorted(model.classes_, genres), verbose=0)
    before = wrapper.predict_proba(rows)
    wrapper.partial_fit(rows, genres)
    assert np.abs(wrapper.predict_proba(rows) - before).max() > 1e-4
    assert_array_equal(model.predict_proba(X), expected)
    assert_array_equal(clone(model).fit(X, y).predict_proba(X), expected)


def test_scikeras_classifier_is_tuned_further_from_the_trained_weights(features):
    X, y = features
    model = clone(MLP).set_params(dropout=0.0).fit(X, y)
    rows, numbers = X.reshape(36, 6, 4), np.repeat([0, 1, 2], 12)
    probabilities = model.predict_segments_proba(X).reshape(36, 3)
    expected = -np.log(probabilities[np.arange(36), numbers]).mean()
    # Steps so small change no loss.
    wrapper = model.set_params(learning_rate=1e-12, epochs=1).to_scikeras()
    tuned = wrapper.set_params(warm_start=True).fit(rows, y.repeat(3))
    assert tuned.history_["loss"] == pytest.approx([expected], rel=1e-4)
    anew = clone(wrapper).fit(rows, y.repeat(3))
    assert anew.history_["loss"] != pytest.approx([expected], rel=1e-2)


def test_scikeras_classifier_can_be_pickled(features):
    X, y = features
    wrapper = clone(MLP).fit(X, y).to_scikeras()
    rows = X.reshape(36, 6, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # of variables that are skipped
        again = pickle.loads(pickle.dumps(wrapper))
    assert_allclose(again.predict_proba(rows), wrapper.predict_proba(rows), rtol=1e-6)


def test_numbers_and_two_genres_are_handed_out_as_they_are(features):
    X, y = features[0][:8], np.repeat([7, 3], 4)
    model = clone(MLP).fit(X, y)
    wrapper = model.to_scikeras()
    rows = X.reshape(24, 6, 4)
    assert wrapper.classes_.tolist() == [3, 7]
    expected = model.predict_segments_proba(X).reshape(24, 2)
    assert_allclose(wrapper.predict_proba(rows), expected, atol=1e-6)
    assert set(wrapper.predict(rows)) <= {3, 7}


@pytest.mark.parametrize("settings", [{}, {"image_data_format": "channels_first"}])
def test_keras_model_has_the_settings_that_it_was_trained_under(settings, features):
    import keras

    X, y = features
    model = KerasGenreClassifier(build_own, **FAST)
    keras.config.set_dtype_policy("float64")
    for name, value in settings.items():
        getattr(keras.config, f"set_{name}")(value)
    try:
        model.fit(X, y)
    finally:
        keras.config.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
    keras_model = model.to_keras()
    assert keras_model.compute_dtype == "float64"
    assert keras.config.dtype_policy().name == "float32"
    expected = model.predict_segments_proba(X).reshape(36, 3)
    rows = X.reshape(36, 6, 4)
    assert_allclose(keras_model.predict(rows, verbose=0), expected, atol=1e-6)


def test_handing_out_leaves_random_states_as_they_were(features):
    import keras
    import tensorflow as tf

    model = clone(MLP).fit(*features)
    keras.utils.set_random_seed(3)
    expected = random.random(), np.random.rand(), float(tf.random.uniform(()))
    keras.utils.set_random_seed(3)
    model.to_keras()
    drawn = random.random(), np.random.rand(), float(tf.random.uniform(()))
    assert drawn == expected


def test_keras_model_is_exported_and_converted(features, tmp_path):
    import tensorflow as tf

    model = clone(MLP).fit(*features)
    rows = features[0].reshape(36, 6, 4).astype(np.float32)
    expected = model.predict_segments_proba(features[0]).reshape(36, 3)
    keras_model = model.to_keras()
    keras_model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    assert_allclose(exported.serve(rows), expected, atol=1e-6)
    if hasattr(tf, "lite"):
        converted = tf.lite.TFLiteConverter.from_keras_model(keras_model).convert()
        interpreter = tf.lite.Interpreter(model_content=converted)
        interpreter.allocate_tensors()
        inputs, outputs = (
            details[0]["index"]
            for details in (
                interpreter.get_input_details(),
                interpreter.get_output_details(),
            )
        )
        interpreter.set_tensor(inputs, rows[:1])
        interpreter.invoke()
        assert_allclose(interpreter.get_tensor(outputs), expected[:1], atol=1e-6)


def test_network_that_its_builder_no_longer_builds_is_not_handed_out(features):
    activations = ["relu"]

    def build(input_shape, n_classes):
        from keras import Sequential, layers

        stack = [layers.Input(input_shape), layers.Flatten()]
        stack += [layers.Dense(4, activations[0]), layers.Dense(n_classes, "softmax")]
        return Sequential(stack)

    model = KerasGenreClassifier(build, **FAST).fit(*features)
    activations[0] = "tanh"
    with pytest.raises(ValueError, match="no longer builds"):
        model.to_keras()


def build_dense(meta, units=8):
    """A scikeras model of flat rows, as users write them."""
    from keras import Sequential, layers

    network = Sequential(
        [
            layers.Input((meta["n_features_in_"],)),
            layers.Dense(units, "relu"),
            layers.Dense(meta["n_classes_"], "softmax"),
        ]
    )
    network.compile("adam", "sparse_categorical_crossentropy")
    return network


def make_pooled(**parameters):
    from scikeras.wrappers import KerasClassifier

    arguments = {"epochs": 10, "verbose": 0, "random_state": 0, **parameters}
    return SegmentPoolingClassifier(KerasClassifier(build_dense, **arguments))


def test_own_scikeras_model_is_pooled_per_track(features):
    X, y = features
    model = make_pooled().fit(X, y)
    segments = model.estimator_.predict_proba(X.reshape(36, 24)).reshape(12, 3, 3)
    assert_allclose(model.predict_proba(X), segments.mean(axis=1), atol=1e-6)
    scores = cross_val_score(make_pooled(), X, y, cv=2)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_pooled_scikeras_model_predicts_one_segment_as_among_others(features):
    X, y = features
    model = make_pooled().fit(X, y)
    expected = model.predict_segments_proba(X)[:1, :1]
    assert_allclose(model.predict_segments_proba(X[:1, :1]), expected, atol=1e-6)


def test_pickled_scikeras_model_predicts_alike(features):
    X, y = features
    model = make_pooled().fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert_allclose(copy.predict_proba(X), model.predict_proba(X), rtol=1e-6)


def test_parameters_of_a_scikeras_model_are_searched(features):
    model = make_pooled(model__units=4)
    grid = {"estimator__model__units": [1, 16]}
    search = GridSearchCV(model, grid, cv=2).fit(*features)
    kernel = search.best_estimator_.estimator_.model_.get_weights()[0]
    assert kernel.shape[1] == search.best_params_["estimator__model__units"]


def test_generators_of_two_states_seed_scikeras_differently(features):
    X, y = features
    first, again, other = (
        make_pooled(random_state=np.random.RandomState(seed)).fit(X, y).predict_proba(X)
        for seed in (1, 1, 2)
    )
    assert_array_equal(first, again)
    assert (first != other).any()


def test_class_weight_of_scikeras_leaves_sample_weight_alone(features):
    X, y = features
    weights = np.arange(1.0, 13.0)
    make_pooled(class_weight="balanced").fit(X, y, sample_weight=weights)
    assert_array_equal(weights, np.arange(1.0, 13.0))


def test_seeded_scikeras_model_leaves_unseeded_training_possible():
    # In a process of its own: the first seeded fit is the one that is repaired.
    script = (
        "import numpy as np, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_scikeras import make_pooled\n"
        "X, y = np.random.default_rng(0).normal(size=(6, 2, 5, 3)), list('ababab')\n"
        "make_pooled(random_state=0).fit(X, y)\n"
        "make_pooled(random_state=None).fit(X, y)\n"
    )
    command = [sys.executable, "-c", script, __file__.rsplit("/", 1)[0]]
    subprocess.run(command, check=True, capture_output=True)

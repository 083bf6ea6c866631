import functools
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgenre import LSTMGenreClassifier
from skgenre.networks import build_lstm
from skgenre.training import Architecture, isolated_random_state, read_settings
from skgenre.training.fused_lstm import fuse_lstm_layers
from skgenre.training.trained_network import POOL

N_CLASSES = 3


def is_fused(layer):
    return "call" in vars(layer)


def make_networks(input_shape, units):
    """A plain network and one with the kernel, of equal weights."""
    with isolated_random_state(0):
        plain, fused = (
            build_lstm(input_shape, N_CLASSES, units=units, dense_units=4, dropout=0)
            for _ in range(2)
        )
    fused.set_weights(plain.get_weights())
    fuse_lstm_layers(fused)
    assert all(map(is_fused, fused.layers[: len(units)]))
    return plain, fused


def make_tracks(shape=(12, 3, 6, 4)):
    rng = np.random.default_rng(0)
    return rng.normal(size=shape).astype(np.float32), np.arange(shape[0]) % N_CLASSES


@pytest.mark.parametrize("units", [(64, 64), (8,), (1, 7, 3)])
@pytest.mark.parametrize(("n_rows", "n_frames"), [(32, 130), (1, 9), (5, 1), (129, 2)])
def test_training_has_the_outputs_and_gradients_of_keras(units, n_rows, n_frames):
    import tensorflow as tf
    from keras.losses import sparse_categorical_crossentropy

    X = np.random.default_rng(0).normal(size=(n_rows, n_frames, 13)).astype(np.float32)
    results = []
    for network in make_networks(X.shape[1:], units):
        with tf.GradientTape() as tape:
            outputs = network(X, training=True)
            losses = sparse_categorical_crossentropy(np.arange(n_rows) % 3, outputs)
            loss = tf.reduce_mean(losses)
        variables = [variable.value for variable in network.trainable_variables]
        results.append([outputs, *tape.gradient(loss, variables)])
    for expected, computed in zip(*results, strict=True):
        assert_allclose(computed, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("units", [(64, 64), (5,)])
def test_losses_and_predictions_are_those_of_keras_fit(units):
    X, y = make_tracks((33, 1, 6, 4))
    ours = LSTMGenreClassifier(
        **{"units": units, "dropout": 0, "learning_rate": 0.01, "shuffle": False},
        **{"epochs": 5, "batch_size": 8, "random_state": 0},
    ).fit(X, y)
    with isolated_random_state(int(np.random.RandomState(0).randint(2**31 - 1))):
        plain = build_lstm((6, 4), N_CLASSES, units=units, dense_units=64, dropout=0)
        plain.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        plain.optimizer.learning_rate = 0.01
        settings = {"epochs": 5, "batch_size": 8, "shuffle": False, "verbose": 0}
        history = plain.fit(X[:, 0], y, **settings).history
    assert_allclose(ours.history_["loss"], history["loss"], atol=1e-5)
    predicted = plain.predict(X[:, 0], verbose=0)
    assert_allclose(ours.predict_proba(X), predicted, atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"activation": "relu"},
        {"recurrent_activation": "hard_sigmoid"},
        {"activation": None},
        {"use_bias": False},
        {"dropout": 0.1},
        {"recurrent_dropout": 0.1},
        {"return_state": True},
        {"go_backwards": True},
        {"stateful": True},
        {"unroll": True},
        {"use_cudnn": True},
        *({"dtype": name} for name in ("float16", "float64", "mixed_bfloat16")),
    ],
    ids=str,
)
def test_layer_that_asks_for_more_than_the_kernel_can_do_stays_keras(arguments):
    from keras import Input, layers

    inputs = Input((6, 4), batch_size=2)
    plain, other = layers.LSTM(3), layers.LSTM(3, **arguments)
    plain(inputs)
    if "use_cudnn" not in arguments:  # Without cuDNN, a call is an error.
        other(inputs)
    fuse_lstm_layers(SimpleNamespace(layers=[plain, other]))
    assert [is_fused(plain), is_fused(other)] == [True, False]


@pytest.mark.parametrize("argument", ["mask", "initial_state"])
def test_call_that_asks_for_more_than_the_kernel_can_do_is_keras(argument):
    plain, fused = (network.layers[0] for network in make_networks((6, 4), (3,)))
    X = make_tracks((2, 6, 4))[0]
    value = np.array([[True] * 4 + [False] * 2] * 2)
    if argument == "initial_state":
        value = [np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)]
    expected = np.array(plain(X, training=True, **{argument: value}))
    computed = np.array(fused(X, training=True, **{argument: value}))
    assert_array_equal(computed, expected)
    assert np.abs(computed - np.array(fused(X, training=True))).max() > 1e-3


def test_with_a_gpu_the_layers_stay_keras(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    network = build_lstm((6, 4), 3, units=(3,), dense_units=4, dropout=0)
    fuse_lstm_layers(network)
    assert not any(map(is_fused, network.layers))


def test_kernel_trains_and_keras_predicts():
    import tensorflow as tf

    _, fused = make_networks((6, 4), (3, 3))
    kinds = []
    for training in (True, False):
        call = tf.function(functools.partial(fused, training=training))
        graph = call.get_concrete_function(tf.TensorSpec((None, 6, 4))).graph
        kinds.append([operation.type for operation in graph.get_operations()])
    assert [kind.count("BlockLSTMV2") for kind in kinds] == [2, 0]


def test_layers_of_a_user_s_network_stay_keras():
    parameters = {"units": (3,), "dense_units": 4, "dropout": 0}
    ours = Architecture(build_lstm, (6, 4), 3, parameters)
    users = replace(ours, settings=read_settings())
    for architecture, expected in [(ours, True), (users, False)]:
        with POOL.lend(architecture) as network:
            network.prepare_training(0.1)
            assert is_fused(network.model.layers[0]) is expected


def test_exported_model_is_plain_keras_also_in_the_middle_of_training(tmp_path):
    import keras

    saver = keras.callbacks.ModelCheckpoint(tmp_path / "epoch.keras")
    X, y = make_tracks()
    model = LSTMGenreClassifier(
        **{"units": (5, 3), "dense_units": 4, "epochs": 2, "callbacks": saver}
    ).fit(X, y)
    model.to_keras().save(tmp_path / "end.keras")
    np.save(tmp_path / "rows.npy", X.reshape(-1, 6, 4))
    code = (
        "import keras, numpy, sys\n"
        "models = [keras.models.load_model(f'{n}.keras') for n in ('epoch', 'end')]\n"
        "assert all(type(m.layers[0]) is keras.layers.LSTM for m in models)\n"
        "X = numpy.load('rows.npy')\n"
        "numpy.save('rows.npy', [m.predict(X, verbose=0) for m in models])\n"
        "assert 'skgenre' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    expected = model.predict_segments_proba(X).reshape(-1, N_CLASSES)
    for predicted in np.load(tmp_path / "rows.npy"):
        assert_allclose(predicted, expected, atol=1e-6)

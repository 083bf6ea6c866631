import ctypes
import gc
import pickle
import random
import subprocess
import sys
import threading
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgenre.networks import build_cnn, build_lstm, build_mlp
from skgenre.training import (
    Architecture,
    FitSettings,
    Rows,
    TrainedNetwork,
    Validation,
    clear_network_pool,
    isolated_random_state,
    read_settings,
)
from skgenre.training.fused_adam import fuse_adam
from skgenre.training.fused_l2 import fuse_l2
from skgenre.training.network_pool import read_values
from skgenre.training.trained_network import POOL

SHAPE = (5, 3)
MLP = {"hidden_layer_sizes": (8,), "dropout": 0.3, "l2": 0.01}
CNN = {
    **{"filters": (4, 4), "kernel_sizes": ((3, 2), (2, 1)), "padding": "same"},
    **{"dense_units": 4, "dropout": 0.3, "l2": 0.01},
}
LSTM = {"units": (4, 4), "dense_units": 4, "dropout": 0.3}
NETWORKS = {
    "mlp": Architecture(build_mlp, SHAPE, 2, MLP),
    "mlp-xla": Architecture(
        *(build_mlp, SHAPE, 2, {**MLP, "dropout": 0.0}),
        jit_training=True,
    ),
    "cnn": Architecture(build_cnn, SHAPE, 2, CNN),
    "lstm": Architecture(build_lstm, SHAPE, 2, LSTM),
}
ALL = pytest.mark.parametrize("name", NETWORKS)


def build_around(input_shape, n_classes, *, kind):
    """A network around a layer of some kind, as `docs/developing.rst` has one added."""
    import keras
    import tensorflow as tf
    from keras import Input, Model, Sequential, layers

    class Noise(layers.Layer):
        def call(self, values, training=False):
            if not training:
                return values
            return values + keras.random.normal(keras.ops.shape(values))

    class KernelNoise(layers.Layer):
        def call(self, values, training=False):
            if not training:
                return values
            return values + tf.random.normal(tf.shape(values))

    class Drawn(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.random.normal(size=shape)

    inner = Sequential([Input(input_shape), layers.Dense(3), layers.Dropout(0.2)])
    functional_inputs = Input(input_shape)
    functional = Model(functional_inputs, layers.Conv1D(3, 2)(functional_inputs))
    layer = {
        "bidirectional": lambda: layers.Bidirectional(layers.LSTM(3)),
        "time distributed": lambda: layers.TimeDistributed(layers.Dense(3)),
        "stacked cells": lambda: layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)]),
        "nested sequential": lambda: inner,
        "nested functional": lambda: functional,
        "separable": lambda: layers.SeparableConv1D(3, 2),
        "spectral": lambda: layers.SpectralNormalization(layers.Dense(3)),
        "own initialiser": lambda: layers.Dense(3, kernel_initializer=Drawn()),
        "unseeded noise": Noise,
        "TensorFlow's noise": KernelNoise,
    }.get(kind)
    inputs = Input(input_shape)
    if layer is None:
        hidden = layers.MultiHeadAttention(2, 2, dropout=0.1)(inputs, inputs)
    else:
        hidden = layer()(inputs)
    outputs = layers.Dense(n_classes, "softmax")(layers.Flatten()(hidden))
    return Model(inputs, outputs)


KINDS = [
    *("bidirectional", "time distributed", "stacked cells", "nested sequential"),
    *("nested functional", "separable", "spectral", "own initialiser"),
    *("unseeded noise", "TensorFlow's noise", "attention"),
]
FIT = {"learning_rate": 0.01, "epochs": 3, "batch_size": 8}


@pytest.fixture
def rows():
    """Four batches of eight rows and one of four."""
    return make_rows()


def make_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(36, *SHAPE)).astype(np.float32)
    return Rows(X, rng.integers(0, 2, 36), rng.uniform(0.5, 2, 36).astype(np.float32))


def train(rows, name="mlp", seed=0, **changes):
    validation = changes.pop("validation", None)
    network = TrainedNetwork(NETWORKS[name])
    settings = FitSettings(seed=seed, **FIT | changes)
    return network, network.fit(rows, settings, validation=validation)


def compile_plain(model, learning_rate=0.01):
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(
        reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    return model


@ALL
def test_losses_are_those_of_plain_keras_from_the_same_weights_and_order(name, rows):
    _, history = train(rows, name, seed=3)
    order = np.random.default_rng(3)
    with isolated_random_state(3):
        model = compile_plain(NETWORKS[name].build_model())
        for epoch in range(3):
            X, y, weights = rows.take(order.permutation(36))
            plain = model.fit(
                *(X, y), sample_weight=weights, batch_size=8, shuffle=False, verbose=0
            ).history
            assert_allclose(history["loss"][epoch], plain["loss"][0], rtol=1e-4)
            assert_allclose(history["accuracy"][epoch], plain["accuracy"][0], 1e-6)


@ALL
def test_fresh_weights_equal_a_fresh_build_bit_for_bit(name, rows):
    train(rows, name, seed=1)
    for seed in (5, 6):
        with isolated_random_state(seed):
            built = read_values(NETWORKS[name].build_model().variables)
        with (
            isolated_random_state(seed),
            POOL.lend(NETWORKS[name], fresh=True) as network,
        ):
            drawn = read_values(network.model.variables)
        for one, other in zip(built, drawn, strict=True):
            assert_array_equal(one, other)


def fit_around(rows, kind, seed):
    network = TrainedNetwork(Architecture(build_around, SHAPE, 2, {"kind": kind}))
    network.fit(rows, FitSettings(seed=seed, **FIT))
    return network.predict(rows.X)


@pytest.fixture(scope="module")
def fitted_alone(tmp_path_factory):
    """What the first fit of each kind of layer gives, in a process of its own."""
    path = tmp_path_factory.mktemp("alone") / "predicted.npz"
    script = (
        "import sys, numpy as np\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_training import KINDS, fit_around, make_rows\n"
        "fitted = {kind: fit_around(make_rows(), kind, 1) for kind in KINDS}\n"
        "np.savez(sys.argv[2], **fitted)\n"
    )
    command = [sys.executable, "-c", script, Path(__file__).parent, path]
    subprocess.run(command, check=True, capture_output=True)
    return np.load(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_later_fit_of_any_layer_equals_the_first_of_a_process(
    kind, rows, fitted_alone
):
    other, again = fit_around(rows, kind, 0), fit_around(rows, kind, 1)
    assert (other != again).any()
    assert_array_equal(again, fitted_alone[kind])


@ALL
def test_fits_in_one_process_do_not_see_each_other(name, rows):
    first, history = train(rows, name)
    predicted = first.predict(rows.X)
    _, other = train(rows, name, seed=1)
    again, repeated = train(rows, name)
    assert history == repeated
    assert history != other
    assert_array_equal(again.predict(rows.X), predicted)
    assert_array_equal(first.predict(rows.X), predicted)


def test_a_fit_after_others_equals_the_same_alone_in_a_fresh_process(rows, tmp_path):
    np.savez(tmp_path / "rows.npz", *rows)
    script = (
        "import sys, numpy as np\n"
        "from skgenre.networks import build_cnn\n"
        "from skgenre.training import Architecture, FitSettings, Rows, TrainedNetwork\n"
        "rows = Rows(*np.load(sys.argv[1]).values())\n"
        f"network = TrainedNetwork(Architecture(build_cnn, {SHAPE}, 2, {CNN}))\n"
        f"network.fit(rows, FitSettings(seed=0, **{FIT}))\n"
        "np.save(sys.argv[2], network.predict(rows.X))\n"
    )
    alone = tmp_path / "alone.npy"
    command = [sys.executable, "-P", "-c", script, tmp_path / "rows.npz", alone]
    subprocess.run(command, check=True, capture_output=True)
    train(rows, "cnn", seed=1)
    train(rows, "mlp", seed=1)
    assert_array_equal(train(rows, "cnn")[0].predict(rows.X), np.load(alone))


@ALL
def test_training_goes_on_where_it_ended(name, rows):
    whole, history = train(rows, name, epochs=4)
    parts = TrainedNetwork(NETWORKS[name])
    losses = []
    for number in range(4):
        settings = FitSettings(seed=0, **FIT | {"epochs": 1})
        part = parts.fit(
            rows, replace(settings, resume=number > 0, keep_training_state=True)
        )
        # In between, someone else trains the same compiled network.
        train(rows, name, seed=7)
        parts = pickle.loads(pickle.dumps(parts))
        losses += part["loss"]
    assert losses == history["loss"]
    assert_array_equal(parts.predict(rows.X), whole.predict(rows.X))


def test_a_new_seed_gives_other_weights_in_every_layer(rows):
    (first, _), (second, _) = train(rows, "lstm", 0), train(rows, "lstm", 1)
    for one, other in zip(first.weights, second.weights, strict=True):
        assert (one != other).any()


def test_a_compiled_network_is_used_again(rows):
    train(rows)
    n_kept = len(POOL)
    train(rows, seed=1)
    assert len(POOL) == n_kept


def make_callback(**hooks):
    import keras

    return type("Callback", (keras.callbacks.Callback,), hooks)()


def set_learning_rate(callback, epoch, logs=None):
    callback.model.optimizer.learning_rate = 5.0


def stop_training(callback, epoch, logs=None):
    callback.model.stop_training = True


def rebuild(callback, epoch, logs=None):
    callback.model.layers[-1].activation = None


def recompile(callback, logs=None):
    callback.model.compile("sgd", "mse")


@pytest.mark.parametrize(
    "hooks",
    [
        {"on_epoch_begin": set_learning_rate},
        {"on_epoch_end": stop_training},
        {"on_epoch_end": rebuild},
        {"on_train_end": recompile},
    ],
    ids=["learning rate", "stop", "activation", "compile"],
)
def test_a_callback_leaves_no_trace_on_later_fits(hooks, rows):
    _, expected = train(rows)
    callback = make_callback(**hooks)
    train(rows, callbacks=[callback])
    assert callback.model is None
    assert train(rows)[1] == expected


def test_a_callback_may_stop_and_change_the_learning_rate(rows):
    assert (
        len(
            train(rows, callbacks=[make_callback(on_epoch_end=stop_training)])[1][
                "loss"
            ]
        )
        == 1
    )
    _, changed = train(
        rows, callbacks=[make_callback(on_epoch_begin=set_learning_rate)]
    )
    assert changed["loss"] != train(rows)[1]["loss"]


def test_a_callback_for_batches_sees_each_batch(rows):
    seen = []
    callback = make_callback(
        on_train_batch_end=lambda c, batch, logs: seen.append(batch)
    )
    _, history = train(rows, callbacks=[callback], epochs=2)
    assert seen == [0, 1, 2, 3, 4] * 2
    assert_allclose(history["loss"], train(rows, epochs=2)[1]["loss"], rtol=1e-5)


def test_a_callback_may_fit_the_same_network(rows):
    _, expected = train(rows)
    nested = []
    callback = make_callback(
        on_epoch_end=lambda c, epoch, logs: nested.append(train(rows)[1])
    )
    assert train(rows, callbacks=[callback])[1] == expected
    assert nested == [expected] * 3


def test_validation_loss_is_that_of_plain_keras(rows):
    held_out = rows.take(np.arange(20, 36))
    _, history = train(
        rows, validation=Validation(held_out, lambda p: 0.25), shuffle=False, seed=3
    )
    with isolated_random_state(3):
        model = compile_plain(NETWORKS["mlp"].build_model())
        plain = model.fit(
            *rows[:2],
            sample_weight=rows.sample_weight,
            validation_data=tuple(held_out),
            **{"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0},
        ).history
        # Keras weighs batches by their rows, not by their weights: one batch, then.
        last = model.evaluate(*held_out[:2], 16, 0, held_out.sample_weight)
    assert_allclose(history["val_loss"][-1], last[0], rtol=1e-4)
    assert_allclose(history["val_accuracy"], plain["val_accuracy"], rtol=1e-5)
    assert history["val_track_accuracy"] == [0.25] * 3


def test_early_stopping_goes_back_to_the_best_weights(rows):
    # What is learnt from these labels is wrong for the others.
    wrong = Rows(rows.X, 1 - rows.y, rows.sample_weight)
    arguments = {"validation": Validation(wrong, lambda p: 0), "learning_rate": 0.1}
    network, history = train(
        rows, **arguments, early_stopping=True, n_iter_no_change=2, epochs=50
    )
    n_best = int(np.argmin(history["val_loss"])) + 1
    assert len(history["loss"]) == n_best + 2
    best, _ = train(rows, **arguments, epochs=n_best)
    assert_array_equal(network.predict(rows.X), best.predict(rows.X))


def test_global_states_are_left_as_they_were(rows):
    import keras
    import tensorflow as tf

    def draw():
        name = keras.layers.Dense(1).name
        return random.random(), np.random.rand(), float(tf.random.uniform(())), name

    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    draw()
    expected = draw()
    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    draw()
    train(rows)
    assert draw() == expected


def test_global_random_states_are_put_back_after_an_error():
    state = random.getstate()
    with pytest.raises(KeyError), isolated_random_state(0):
        raise KeyError
    assert random.getstate() == state


def test_an_error_in_the_middle_of_training_leaves_no_trace(rows):
    _, expected = train(rows)

    def fail(callback, epoch, logs=None):
        raise RuntimeError("the callback failed")

    state = random.getstate()
    with pytest.raises(RuntimeError, match="callback failed"):
        train(rows, callbacks=[make_callback(on_epoch_end=fail)])
    assert random.getstate() == state
    assert train(rows)[1] == expected


def test_unseeded_keras_training_still_works_afterwards(rows):
    train(rows)
    compile_plain(build_mlp(SHAPE, 2, **MLP)).fit(rows.X, rows.y, verbose=0)


@ALL
def test_prediction_is_that_of_plain_keras(name, rows):
    network, _ = train(rows, name)
    model = NETWORKS[name].build_model()
    model.set_weights(network.weights)
    expected = model.predict(rows.X, verbose=0)
    assert_allclose(network.predict(rows.X), expected, 1e-5)


def test_a_row_is_predicted_alike_in_any_company(rows):
    network, _ = train(rows, "cnn")
    whole = network.predict(rows.X)
    assert_array_equal(network.predict(rows.X[:1]), whole[:1])
    assert_array_equal(network.predict(rows.X[17:35]), whole[17:35])


def test_pickled_network_predicts_alike_and_holds_no_keras_object(rows):
    network, _ = train(rows)
    pickled = pickle.dumps(network)
    assert b"keras" not in pickled
    assert b"tensorflow" not in pickled
    assert_array_equal(pickle.loads(pickled).predict(rows.X), network.predict(rows.X))


def test_first_prediction_of_a_process_leaves_no_trace_either(rows, monkeypatch):
    import keras

    network, _ = train(rows)
    expected = network.predict(rows.X)
    POOL.clear()
    keras.layers.Dense(1)  # a network built now would get other names
    name = keras.layers.Dense(1).name
    state = random.getstate()
    assert_array_equal(network.predict(rows.X), expected)
    assert random.getstate() == state
    assert keras.layers.Dense(1).name == f"dense_{int(name.split('_')[1]) + 1}"


def test_a_network_that_its_builder_no_longer_builds_is_refused(rows, monkeypatch):
    units = [8]

    def build(input_shape, n_classes):
        return build_mlp(input_shape, n_classes, **MLP | {"hidden_layer_sizes": units})

    network = TrainedNetwork(Architecture(build, SHAPE, 2, {}, read_settings()))
    network.fit(rows, FitSettings(seed=0, **FIT))
    POOL.clear()
    units[0] = 9
    with pytest.raises(ValueError, match="no longer builds"):
        network.predict(rows.X)


@ALL
def test_threads_get_the_serial_result(name, rows):
    serial = [train(rows, name, seed=seed)[0].predict(rows.X) for seed in (0, 1)]
    threaded = [None, None]

    def work(seed):
        threaded[seed] = train(rows, name, seed=seed)[0].predict(rows.X)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_array_equal(threaded, serial)


def test_other_threads_that_draw_random_numbers_change_no_fit(rows):
    expected = train(rows, "mlp", seed=1)[0].predict(rows.X)
    is_over = threading.Event()

    def draw():
        while not is_over.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        fits = [train(rows, "mlp", seed=1)[0].predict(rows.X) for _ in range(5)]
    finally:
        is_over.set()
        thread.join()
    assert_array_equal(fits, [expected] * 5)


def test_settings_of_a_fit_cannot_be_changed():
    settings = FitSettings(seed=0, **FIT)
    with pytest.raises(FrozenInstanceError):
        settings.epochs = 5
    assert replace(settings, epochs=5).epochs == 5
    assert settings.epochs == FIT["epochs"]


def test_a_cleared_pool_is_empty_and_changes_no_fit(rows):
    network, expected = train(rows)
    predicted = network.predict(rows.X)
    assert len(POOL) > 0
    clear_network_pool()
    assert len(POOL) == 0
    assert_array_equal(network.predict(rows.X), predicted)
    assert train(rows)[1] == expected


@pytest.mark.skipif(sys.platform != "linux", reason="needs malloc_trim")
def test_further_fits_keep_neither_objects_nor_memory():
    # The paper's MLP, with 3.6 MB of weights: one kept copy per fit would be seen.
    sizes = {"hidden_layer_sizes": (512, 256, 64), "dropout": 0.1, "l2": 0.0}
    network = TrainedNetwork(Architecture(build_mlp, (130, 13), 2, sizes))
    rows = Rows(np.zeros((8, 130, 13)), np.arange(8) % 2, np.ones(8))

    def fit_and_measure(seed):
        network.fit(rows, FitSettings(seed=seed, **FIT))
        gc.collect()
        # Free memory that the allocator holds back comes and goes by 60 MB.
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        return len(gc.get_objects()), psutil.Process().memory_info().rss

    measured = [fit_and_measure(seed) for seed in range(15)]
    n_objects, n_bytes = np.subtract(measured[-1], measured[4])
    assert n_objects < 100
    assert n_bytes < 10e6


def test_pool_drops_the_networks_used_longest_ago(rows, monkeypatch):
    names = ["mlp", "cnn", "lstm"]
    clear_network_pool()
    monkeypatch.setattr("skgenre.training.network_pool.MAX_NETWORKS", 2)
    for name in names:
        train(rows, name, epochs=1)
    kept = [network.architecture for network in POOL._networks]
    assert kept == [NETWORKS["cnn"], NETWORKS["lstm"]]


def test_pool_is_bounded_by_the_bytes_of_weights_and_optimizer(rows, monkeypatch):
    clear_network_pool()
    network, _ = train(rows, "cnn", epochs=1)
    # Adam keeps two values for each trained weight; two moments of each of the two
    # batch normalisations are not trained.
    n_weights = sum(weights.size for weights in network.weights)
    n_trained = n_weights - 4 * 4
    at_least = 4 * (n_weights + 2 * n_trained)
    assert at_least <= POOL._networks[-1].n_bytes < at_least + 100
    train(rows, "mlp", epochs=1)
    n_bytes = POOL._networks[-1].n_bytes
    monkeypatch.setattr("skgenre.training.network_pool.MAX_BYTES", n_bytes)
    train(rows, "mlp", epochs=1)
    assert [one.architecture for one in POOL._networks] == [NETWORKS["mlp"]]
    monkeypatch.setattr("skgenre.training.network_pool.MAX_BYTES", 100)
    train(rows, "cnn", epochs=1)
    assert [one.architecture for one in POOL._networks] == [NETWORKS["cnn"]]


def train_by_adam(gradients, *, fused, dtype="float32"):
    """A large variable and its optimizer after steps with these gradients."""
    import keras

    variable = keras.Variable(np.ones((2**9, 2**8)), dtype=dtype)
    optimizer = keras.optimizers.Adam(0.01, name="adam")
    optimizer.build([variable])
    if fused:
        fuse_adam(optimizer)
    for gradient in gradients:
        optimizer.apply([gradient])
    return variable, optimizer


def test_fused_adam_takes_the_steps_of_keras():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    dense = list(rng.normal(size=(5, 2**9, 2**8)).astype(np.float32))
    rows = tf.IndexedSlices(tf.ones((2, 2**8)), tf.constant([3, 7]), (2**9, 2**8))
    gradients = [*map(tf.constant, dense), rows]
    variable, optimizer = train_by_adam(gradients, fused=True)
    plain, plain_optimizer = train_by_adam(gradients, fused=False)
    assert_allclose(variable, plain, atol=1e-6)
    for ours, theirs in zip(
        optimizer.variables, plain_optimizer.variables, strict=True
    ):
        # The kernel computes 1 - 0.999 in float32.
        assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)
    assert optimizer.get_config() == plain_optimizer.get_config()


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_variables_of_other_types_take_the_steps_of_keras_bit_for_bit(dtype):
    import tensorflow as tf

    values = np.random.default_rng(0).normal(size=(5, 2**9, 2**8))
    gradients = [tf.constant(value, dtype) for value in values]
    fused, plain = (
        train_by_adam(gradients, fused=choice, dtype=dtype)[1].variables
        for choice in (True, False)
    )
    for ours, theirs in zip(fused, plain, strict=True):
        assert_array_equal(ours, theirs)


def test_network_of_large_layers_is_trained_as_by_keras_adam(monkeypatch):
    parameters = {"hidden_layer_sizes": (512, 256), "dropout": 0.3, "l2": 0.01}
    architecture = Architecture(build_mlp, (32, 8), 2, parameters)
    rng = np.random.default_rng(0)
    y = np.arange(64) % 2
    X = rng.normal(size=(64, 32, 8)).astype(np.float32) + y[:, None, None]
    rows, losses = Rows(X, y, np.ones(64)), []
    settings = FitSettings(seed=0, learning_rate=1e-3, epochs=3, batch_size=16)
    for size in (2**17, 2**30):  # The second is larger than any variable.
        clear_network_pool()
        monkeypatch.setattr("skgenre.training.fused_adam._MIN_SIZE", size)
        losses.append(TrainedNetwork(architecture).fit(rows, settings)["loss"])
    assert losses[0] != losses[1]
    assert_allclose(losses[0], losses[1], atol=1e-5, rtol=0)


def test_fused_l2_penalties_and_their_gradients_are_those_of_keras():
    import tensorflow as tf

    parameters = {"hidden_layer_sizes": (7, 5), "dropout": 0.0, "l2": 0.02}
    model = build_mlp(SHAPE, 2, **parameters)
    kernels = [layer.kernel for layer in model.layers[1:-1]]
    config = model.get_config()
    fuse_l2(model)
    with tf.GradientTape() as tape:
        penalty = tf.add_n(model.losses)
    gradients = tape.gradient(penalty, [kernel.value for kernel in kernels])
    expected = 0.02 * sum((kernel.numpy() ** 2).sum() for kernel in kernels)
    assert_allclose(penalty, expected, rtol=1e-6)
    for gradient, kernel in zip(gradients, kernels, strict=True):
        assert_allclose(gradient, 0.04 * kernel.numpy(), rtol=1e-6)
    assert model.get_config() == config

import pickle
import random
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgenre.networks import build_mlp
from skgenre.training import TrainedNetwork, isolated_random_state

PARAMETERS = {"hidden_layer_sizes": (8,), "dropout": 0.3, "l2": 0.0}
FIT = {"learning_rate": 0.01, "epochs": 3, "batch_size": 8, "verbose": 0}


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 5, 3)).astype(np.float32), rng.integers(0, 2, 40)


def train(rows, seed=0, **changes):
    network = TrainedNetwork(build_mlp, (5, 3), 2, PARAMETERS)
    history = network.fit(*rows, None, seed=seed, **{**FIT, **changes})
    return network, history


def test_same_seed_gives_the_same_network(rows):
    (first, history), (second, again), (other, _) = (
        train(rows),
        train(rows),
        train(rows, seed=1),
    )
    assert history == again
    assert_array_equal(first.predict(rows[0]), second.predict(rows[0]))
    assert (first.predict(rows[0]) != other.predict(rows[0])).any()


def test_global_random_states_are_left_as_they_were(rows):
    import keras
    import tensorflow as tf

    def draw():
        return random.random(), np.random.rand(), float(tf.random.uniform(()))

    keras.utils.set_random_seed(7)
    draw()
    expected = draw()
    keras.utils.set_random_seed(7)
    draw()
    train(rows)
    assert draw() == expected


def test_global_random_states_are_put_back_after_an_error():
    state = random.getstate()
    with pytest.raises(KeyError), isolated_random_state(0):
        raise KeyError
    assert random.getstate() == state


def test_unseeded_keras_training_still_works_afterwards(rows):
    import keras

    train(rows)
    model = build_mlp((5, 3), 2, **PARAMETERS)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy())
    model.fit(*rows, verbose=0)


def test_prediction_is_that_of_plain_keras(rows):
    network, _ = train(rows)
    model = build_mlp((5, 3), 2, **PARAMETERS)
    model.set_weights(network.weights)
    assert_allclose(network.predict(rows[0]), model.predict(rows[0], verbose=0), 1e-6)


def test_first_epoch_of_one_batch_has_the_loss_of_plain_keras(rows):
    import keras

    network = TrainedNetwork(build_mlp, (5, 3), 2, {**PARAMETERS, "dropout": 0.0})
    fit = {**FIT, "batch_size": 40, "epochs": 4}
    history = network.fit(*rows, None, seed=3, **fit)
    keras.utils.set_random_seed(3)
    model = build_mlp((5, 3), 2, **{**PARAMETERS, "dropout": 0.0})
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    plain = model.fit(*rows, batch_size=40, epochs=4, verbose=0).history
    assert_allclose(history["loss"], plain["loss"], rtol=1e-5)


def test_pickled_network_predicts_alike_and_holds_no_keras_object(rows):
    network, _ = train(rows)
    pickled = pickle.dumps(network)
    assert b"keras" not in pickled
    assert b"tensorflow" not in pickled
    assert_array_equal(pickle.loads(pickled).predict(rows[0]), network.predict(rows[0]))


def test_threads_get_the_serial_result(rows):
    serial = [train(rows, seed=seed)[0].predict(rows[0]) for seed in (0, 1)]
    threaded = [None, None]

    def work(seed):
        threaded[seed] = train(rows, seed=seed)[0].predict(rows[0])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_array_equal(threaded, serial)

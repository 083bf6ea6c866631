"""Tests of the convolutional network's fused training."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgenre import CNNGenreClassifier
from skgenre.networks import build_cnn
from skgenre.training import Architecture, isolated_random_state
from skgenre.training.fused_cnn import fuse_convolutions

PAPER = {
    "filters": (32, 32, 32),
    "kernel_sizes": ((3, 3), (3, 3), (2, 2)),
    "padding": "valid",
    "dense_units": 64,
    "dropout": 0.3,
    "l2": 0.001,
}
SMALL = PAPER | {"filters": (8, 8), "kernel_sizes": ((3, 3), (2, 2))}


# A few steps: with weights one rounding apart, plain Keras' own losses differ by 1e-5
# after ten steps of Adam, and by 1e-3 after ten of SGD with a rate of 0.01.
def train(parameters, *, fuse, values):
    X = np.random.default_rng(0).normal(size=(128, *values.shape)) + values
    y = np.arange(128) % 4
    X = (X + y[:, None, None]).astype(np.float32)
    with isolated_random_state(1):
        model = build_cnn(values.shape, 4, **parameters)
        if fuse:
            fuse_convolutions(model)
        model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy")
        history = model.fit(X, y, shuffle=False, verbose=0).history
    return history["loss"], model.predict(X, verbose=0)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_fused_losses_and_predictions_are_those_of_plain_keras(padding):
    values, parameters = np.zeros((130, 13)), PAPER | {"padding": padding}
    fused = train(parameters, fuse=True, values=values)
    plain = train(parameters, fuse=False, values=values)
    assert_allclose(fused[0], plain[0], rtol=1e-5)
    assert_allclose(fused[1], plain[1], atol=1e-5)


def test_fused_training_follows_keras_for_coefficients_far_from_zero():
    # A first coefficient in dB, and the others not standardised.
    values = np.broadcast_to([-300.0, 80, 20, 5, 0, 0], (40, 6))
    fused = train(SMALL, fuse=True, values=values)
    plain = train(SMALL, fuse=False, values=values)
    assert_allclose(fused[0], plain[0], rtol=1e-4)


def test_frozen_layers_stay_as_they_are():
    with isolated_random_state(0):
        model = build_cnn((20, 8), 3, **SMALL)
    fuse_convolutions(model)
    model.layers[3].trainable = False
    before = model.layers[3].get_weights()
    model(np.ones((4, 20, 8), np.float32), training=True)
    for ours, kept in zip(model.layers[3].get_weights(), before, strict=True):
        assert_allclose(ours, kept)


def test_exported_network_has_keras_own_layers_and_call():
    X = np.random.default_rng(0).normal(size=(8, 2, 20, 8)).astype(np.float32)
    cnn = CNNGenreClassifier(padding="same", epochs=1, random_state=0).fit(
        X, np.arange(8) % 2
    )
    model = cnn.to_keras()
    assert type(model) is keras.Sequential
    assert "call" not in vars(model)
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}


def test_fused_network_has_the_fingerprint_of_the_plain_one():
    from skgenre.training.network_pool import fingerprint_model

    architecture = Architecture(build_cnn, (20, 8), 3, SMALL)
    with isolated_random_state(0):
        model = architecture.build_model()
    plain = fingerprint_model(model)
    fuse_convolutions(model)
    assert fingerprint_model(model) == plain

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

from skgenre.networks import (
    WEIGHT_LISTS,
    build_cnn,
    build_covariance,
    build_lstm,
    build_mlp,
    convolved_shape,
    pool_statistics,
    weigh_statistics,
)

INPUT_SHAPE, N_GENRES = (130, 13), 10
CNN = {
    "filters": (32, 32, 32),
    "kernel_sizes": ((3, 3), (3, 3), (2, 2)),
    "padding": "valid",
    "dense_units": 64,
    "dropout": 0.3,
    "l2": 0.0,
}


def layer_names(model):
    return [type(layer).__name__ for layer in model.layers]


def test_mlp_has_the_papers_layers():
    sizes = (512, 256, 64)
    model = build_mlp(
        INPUT_SHAPE, N_GENRES, hidden_layer_sizes=sizes, dropout=0.0, l2=0.0
    )
    n_inputs = [130 * 13, *sizes]
    expected = sum((n + 1) * m for n, m in zip(n_inputs, [*sizes, 10], strict=True))
    assert layer_names(model) == ["Flatten", *["Dense"] * 4]
    assert model.count_params() == expected
    assert not model.compiled


def test_regularized_mlp_penalises_and_drops_on_each_hidden_layer():
    model = build_mlp(
        INPUT_SHAPE, N_GENRES, hidden_layer_sizes=(8, 4), dropout=0.3, l2=0.001
    )
    assert layer_names(model) == ["Flatten", *["Dense", "Dropout"] * 2, "Dense"]
    penalties = [getattr(layer, "kernel_regularizer", None) for layer in model.layers]
    assert [float(penalty.l2) for penalty in penalties if penalty] == [0.001] * 2
    assert {layer.rate for layer in model.layers if "dropout" in layer.name} == {0.3}


def test_cnn_has_the_papers_layers():
    model = build_cnn(INPUT_SHAPE, N_GENRES, **CNN)
    block = ["Conv2D", "MaxPooling2D", "BatchNormalization"]
    head = ["Flatten", "Dense", "Dropout", "Dense"]
    assert layer_names(model) == ["Reshape", *block * 3, *head]
    pools = [layer for layer in model.layers if "pooling" in layer.name]
    assert [pool.pool_size for pool in pools] == [(3, 3), (3, 3), (2, 2)]
    assert {pool.strides for pool in pools} == {(2, 2)}
    assert {pool.padding for pool in pools} == {"same"}


def test_lstm_returns_sequences_but_for_its_last_layer():
    model = build_lstm(
        INPUT_SHAPE, N_GENRES, units=(64, 64), dense_units=64, dropout=0.3
    )
    assert layer_names(model) == ["LSTM", "LSTM", "Dense", "Dropout", "Dense"]
    assert [layer.return_sequences for layer in model.layers[:2]] == [True, False]
    assert model.output_shape == (None, 10)


@pytest.mark.parametrize("input_shape", [(130, 13), (388, 13), (130, 20), (11, 11)])
def test_convolved_shape_is_that_of_keras(input_shape):
    model = build_cnn(input_shape, N_GENRES, **CNN)
    last_pool = model.layers[8]
    assert convolved_shape(input_shape, CNN["kernel_sizes"]) == (
        None,
        tuple(last_pool.output.shape[1:3]),
    )


def test_first_convolution_that_does_not_fit_is_found():
    assert convolved_shape((130, 6), CNN["kernel_sizes"]) == (1, (64, 2))


COVARIANCE = {"lags": (1, 2), "hidden_units": 64, "dropout": 0.3, "l2": 0}


def make_rows(n_rows=64, n_frames=50, n_mfcc=4):
    rng = np.random.default_rng(0)
    return rng.normal(2, 1, size=(n_rows, n_frames, n_mfcc)).astype(np.float32)


def test_pooled_statistics_are_numpys():
    rows = 20 * make_rows(n_rows=3, n_mfcc=15)
    pooled = np.array(pool_statistics(rows, lags=(2, 5, 50)))
    assert pooled.shape == (3, 15 + 15 + 120 + 780 + 2 * 15)
    # Of the first 13 coefficients of three frames in a row.
    context = [np.hstack([row[i : 48 + i, :13] for i in range(3)]) for row in rows]
    for row, joined, values in zip(rows.astype(float), context, pooled, strict=True):
        expected = [row.mean(axis=0), np.log(row.var(axis=0) + 3) / 2]
        for frames in (row, joined.astype(float)):
            n = frames.shape[1]
            logarithm = scipy.linalg.logm(np.cov(frames.T, bias=True) + 3 * np.eye(n))
            expected.append(logarithm[np.triu_indices(n)])
        for lag in (2, 5):
            expected.append(np.log((row[lag:] - row[:-lag]).var(axis=0) + 3) / 2)
        assert_allclose(values, np.concatenate(expected), atol=1e-3)


def test_statistics_of_high_coefficients_weigh_less():
    weights = weigh_statistics((50, 21), lags=(1, 60))
    pairs = list(zip(*np.triu_indices(21), strict=True))
    assert len(weights) == 21 + 21 + len(pairs) + 780 + 21
    # 1 / (1 + k / 10) of coefficient k; twice that of the deviations.
    assert_allclose(weights[[0, 10, 20]], [1, 1 / 2, 1 / 3])
    assert_allclose(weights[[21, 31]], [2, 1])
    assert weights[42 + pairs.index((0, 20))] == pytest.approx(np.sqrt(1 / 3))
    assert_allclose(weights[-21:], weights[21:42])


def test_pooled_statistics_do_not_depend_on_the_company_of_a_row():
    rows = make_rows(n_rows=5)
    together = np.array(pool_statistics(rows, lags=(1, 2)))
    alone = np.array(pool_statistics(rows[3:4], lags=(1, 2)))
    assert_allclose(together[3:4], alone, atol=1e-5)


def test_both_dense_layers_are_penalised():
    model = build_covariance((50, 4), 3, **{**COVARIANCE, "l2": 0.01})
    kernels = [layer.kernel for layer in model.layers if "dense" in layer.name]
    expected = 0.01 * sum(np.square(kernel.numpy()).sum() for kernel in kernels)
    assert len(kernels) == 2
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 13), (2, 3), (3, 1), (130, 13)])
def test_statistics_of_small_and_constant_segments_are_finite(shape):
    model = build_covariance(shape, N_GENRES, **COVARIANCE)
    probabilities = np.array(model(np.zeros((2, *shape))))
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (build_mlp, {"hidden_layer_sizes": (5, 3), "dropout": 0.1, "l2": 0.0}),
        (build_mlp, {"hidden_layer_sizes": (), "dropout": 0.0, "l2": 0.0}),
        (build_cnn, CNN),
        (build_cnn, {**CNN, "padding": "same", "dropout": 0.0}),
        (build_lstm, {"units": (3, 5), "dense_units": 4, "dropout": 0.1}),
        *(
            (
                build_covariance,
                {
                    **{"lags": (1, 3, 500), "hidden_units": n_units},
                    **{"dropout": 0.1, "l2": 0.0},
                },
            )
            for n_units in (0, 6)
        ),
    ],
)
def test_listed_shapes_are_those_of_the_weights_that_keras_makes(build, parameters):
    model = build(INPUT_SHAPE, N_GENRES, **parameters)
    expected = [array.shape for array in model.get_weights()]
    listed = WEIGHT_LISTS[build](INPUT_SHAPE, N_GENRES, **parameters)
    assert [shape for shape, _ in listed] == expected

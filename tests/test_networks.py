import pytest

from skgenre.networks import build_cnn, build_lstm, build_mlp, convolved_shape

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

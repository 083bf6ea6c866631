"""The networks: pure functions that return uncompiled Keras models.

Each takes the shape of one segment, (n_frames, n_mfcc), and returns a model from
segments to the probabilities of `n_classes` genres. MLP, CNN and LSTM are the paper's;
the covariance network is for new artists.
"""

import math
from itertools import pairwise

import numpy as np

# Momentum of the moving moments: with Keras' 0.99 they would still be far off after a
# few epochs of a hundred tracks.
_MOMENTUM = 0.9

# Added to variances, in squared units of the coefficients (dB): constants have a
# logarithm, too, and directions of less variance are noise, not to be told apart.
SMALL_VARIANCE = 3.0

# Distances, in frames, over which changes are measured: 23 ms to 1.1 s by default.
CHANGE_LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)

# Neighbouring frames whose covariance is taken together: how many, and how many
# coefficients of each.
CONTEXT_FRAMES = 3
CONTEXT_COEFFICIENTS = 13

# The coefficient whose statistics weigh half as much as those of coefficient 0.
_HALVING_COEFFICIENT = 10

# Upper limits, per segment, for a network in a model file; the largest of the default
# networks has 6,900,000 and 49,152.
MAX_MULTIPLICATIONS = 2**29
MAX_LAYER_OUTPUTS = 2**21


def build_mlp(input_shape, n_classes, *, hidden_layer_sizes, dropout, l2):
    """Multi-layer perceptron over the flattened segment."""
    from keras import Sequential, layers

    stack = [layers.Input(input_shape), layers.Flatten()]
    for n_units in hidden_layer_sizes:
        stack.append(
            layers.Dense(n_units, activation="relu", kernel_regularizer=_penalty(l2))
        )
        if dropout:
            stack.append(layers.Dropout(dropout))
    return Sequential([*stack, layers.Dense(n_classes, activation="softmax")])


def build_cnn(
    input_shape,
    n_classes,
    *,
    filters,
    kernel_sizes,
    padding,
    dense_units,
    dropout,
    l2,
):
    """Convolutions over frames and coefficients, max-pooled and batch-normalised."""
    from keras import Sequential, layers

    stack = [layers.Input(input_shape), layers.Reshape((*input_shape, 1))]
    for n_filters, kernel_size in zip(filters, kernel_sizes, strict=True):
        stack += [
            layers.Conv2D(
                n_filters,
                kernel_size,
                padding=padding,
                activation="relu",
                kernel_regularizer=_penalty(l2),
            ),
            # The paper pools over windows of the kernel's own size.
            layers.MaxPooling2D(kernel_size, strides=(2, 2), padding="same"),
            layers.BatchNormalization(),
        ]
    stack += [
        layers.Flatten(),
        layers.Dense(dense_units, activation="relu", kernel_regularizer=_penalty(l2)),
    ]
    if dropout:
        stack.append(layers.Dropout(dropout))
    return Sequential([*stack, layers.Dense(n_classes, activation="softmax")])


def build_lstm(input_shape, n_classes, *, units, dense_units, dropout):
    """Stacked LSTMs over the frames; the last one's final state decides."""
    from keras import Sequential, layers

    stack = [layers.Input(input_shape)]
    for position, n_units in enumerate(units):
        is_last = position == len(units) - 1
        stack.append(layers.LSTM(n_units, return_sequences=not is_last))
    stack.append(layers.Dense(dense_units, activation="relu"))
    if dropout:
        stack.append(layers.Dropout(dropout))
    return Sequential([*stack, layers.Dense(n_classes, activation="softmax")])


def convolved_shape(input_shape, kernel_sizes):
    """Shape that valid convolutions leave, up to the first that does not fit.

    Returns the position of that convolution (None if all fit) and the shape before it.
    """
    n_frames, n_mfcc = input_shape
    for position, (n_rows, n_columns) in enumerate(kernel_sizes):
        if n_frames < n_rows or n_mfcc < n_columns:
            return position, (n_frames, n_mfcc)
        # A valid convolution, then max-pooling of stride two with padding "same".
        n_frames = -(-(n_frames - n_rows + 1) // 2)
        n_mfcc = -(-(n_mfcc - n_columns + 1) // 2)
    return None, (n_frames, n_mfcc)


def build_covariance(input_shape, n_classes, *, lags, hidden_units, dropout, l2):
    """Dense layers over the standardised statistics of the coefficients."""
    from keras import Input, Model, layers

    segments = Input(input_shape)
    # Standardises each statistic by its moments over the training segments.
    standardise = layers.BatchNormalization(
        momentum=_MOMENTUM, center=False, scale=False
    )
    statistics = standardise(pool_statistics(segments, lags=lags))
    statistics = statistics * weigh_statistics(input_shape, lags=lags)
    if dropout:
        statistics = layers.Dropout(dropout)(statistics)
    if hidden_units:
        hidden = layers.Dense(
            hidden_units, activation="relu", kernel_regularizer=_penalty(l2)
        )(statistics)
        if dropout:
            hidden = layers.Dropout(dropout)(hidden)
        # The statistics also reach the output directly, as in logistic regression.
        statistics = layers.Concatenate()([statistics, hidden])
    probabilities = layers.Dense(
        n_classes, activation="softmax", kernel_regularizer=_penalty(l2)
    )(statistics)
    return Model(segments, probabilities)


def pool_statistics(values, *, lags):
    """Pool frames: (n_rows, n_frames, n_mfcc) -> (n_rows, n_statistics).

    Of each coefficient the mean and the logarithm of the deviation; the matrix
    logarithm of the coefficients' covariance, and of that of the first ones in
    neighbouring frames; for each lag the logarithms of the deviations of the
    coefficients' changes over so many frames.
    """
    from keras import ops

    n_frames = values.shape[1]
    n_context = min(n_frames, CONTEXT_FRAMES)
    first = values[:, :, :CONTEXT_COEFFICIENTS]
    context = [first[:, i : n_frames - n_context + 1 + i] for i in range(n_context)]
    statistics = [
        ops.mean(values, axis=1),
        _log_deviation(values),
        _log_covariance(values),
        _log_covariance(ops.concatenate(context, axis=2)),
    ]
    for lag in lags:
        if lag < n_frames:
            statistics.append(_log_deviation(values[:, lag:] - values[:, :-lag]))
    return ops.concatenate(statistics, axis=1)


def weigh_statistics(input_shape, *, lags):
    """Weights (n_statistics,) of standardised statistics: less for high coefficients.

    A penalty on the layer's weights then shrinks those of high coefficients, which are
    many and tell less, more than those of low ones.
    """
    n_frames, n_mfcc = input_shape
    of_one = 1 / (1 + np.arange(n_mfcc) / _HALVING_COEFFICIENT)
    context = np.tile(of_one[:CONTEXT_COEFFICIENTS], min(n_frames, CONTEXT_FRAMES))
    of_pairs = [
        np.sqrt(np.outer(of, of))[np.triu_indices(len(of))] for of in (of_one, context)
    ]
    n_lags = sum(lag < n_frames for lag in lags)
    weights = [of_one, 2 * of_one, *of_pairs, *[2 * of_one] * n_lags]
    return np.concatenate(weights).astype(np.float32)


def _log_deviation(values):
    """Logarithm of the deviation of each coefficient over the frames."""
    from keras import ops

    return ops.log(ops.var(values, axis=1) + SMALL_VARIANCE) / 2


def _log_covariance(values):
    """Upper triangle of the matrix logarithm of each row's covariance.

    Covariances lie on a cone, their logarithms in a plain space, where means and
    linear functions are what they should be (Arsigny et al., 2006).
    """
    from keras import ops

    n_frames, n_mfcc = values.shape[1:]
    centred = values - ops.mean(values, axis=1, keepdims=True)
    products = ops.matmul(ops.transpose(centred, (0, 2, 1)), centred)
    noise = SMALL_VARIANCE * ops.eye(n_mfcc, dtype=products.dtype)
    covariances = products / n_frames + noise
    variances, axes = ops.eigh(covariances)
    logarithms = ops.matmul(
        axes * ops.log(variances)[:, None], ops.transpose(axes, (0, 2, 1))
    )
    rows, columns = np.triu_indices(n_mfcc)
    flat = ops.reshape(logarithms, (-1, n_mfcc * n_mfcc))
    return ops.take(flat, rows * n_mfcc + columns, axis=1)


def _list_mlp(input_shape, n_classes, *, hidden_layer_sizes, dropout, l2):
    return _list_dense(math.prod(input_shape), *hidden_layer_sizes, n_classes)


def _list_cnn(
    input_shape,
    n_classes,
    *,
    filters,
    kernel_sizes,
    padding,
    dense_units,
    dropout,
    l2,
):
    (n_rows, n_columns), n_inputs = input_shape, 1
    for n_filters, (height, width) in zip(filters, kernel_sizes, strict=True):
        if padding == "valid":
            n_rows, n_columns = n_rows - height + 1, n_columns - width + 1
        n_uses = n_rows * n_columns
        yield (height, width, n_inputs, n_filters), n_uses
        yield from [((n_filters,), n_uses)] * 5
        n_rows, n_columns, n_inputs = -(-n_rows // 2), -(-n_columns // 2), n_filters
    yield from _list_dense(n_rows * n_columns * n_inputs, dense_units, n_classes)


def _list_lstm(input_shape, n_classes, *, units, dense_units, dropout):
    n_frames, n_inputs = input_shape
    for n_units in units:
        for shape in [(n_inputs, 4 * n_units), (n_units, 4 * n_units), (4 * n_units,)]:
            yield shape, n_frames
        n_inputs = n_units
    yield from _list_dense(n_inputs, dense_units, n_classes)


def _list_covariance(input_shape, n_classes, *, lags, hidden_units, dropout, l2):
    n_frames, n_mfcc = input_shape
    n_rows = 2 + sum(lag < n_frames for lag in lags)
    n_context = min(n_frames, CONTEXT_FRAMES) * min(n_mfcc, CONTEXT_COEFFICIENTS)
    n_statistics = n_rows * n_mfcc
    n_statistics += sum(n * (n + 1) // 2 for n in (n_mfcc, n_context))
    # Each takes its share of the changes, and of the two decompositions.
    n_uses = math.ceil(len(lags) * n_frames * n_mfcc / n_statistics)
    n_uses += 4 * max(n_mfcc, n_context)
    yield from [((n_statistics,), n_uses)] * 2
    if hidden_units:
        yield from _list_dense(n_statistics, hidden_units)
    yield from _list_dense(n_statistics + hidden_units, n_classes)


def _list_dense(*sizes):
    for n_inputs, n_units in pairwise(sizes):
        yield (n_inputs, n_units), 1
        yield (n_units,), 1


def check_weights(weights, architecture):
    """Refuse arrays that are not those of the network that would be built for them.

    Keras allocates whatever the parameters say before it compares any shapes.
    """
    if architecture.build not in WEIGHT_LISTS and not architecture.is_own:
        return
    list_weights = WEIGHT_LISTS[architecture.build]
    shape, n_classes = architecture.input_shape, architecture.n_classes
    listed = [*list_weights(shape, n_classes, **architecture.parameters)]
    if [array.shape for array in weights] != [shape for shape, _ in listed]:
        raise ValueError("the weights of a network are not those of its architecture")
    n_multiplications = sum(n * math.prod(shape) for shape, n in listed)
    n_outputs = max(n * shape[-1] for shape, n in listed)
    if n_multiplications > MAX_MULTIPLICATIONS or n_outputs > MAX_LAYER_OUTPUTS:
        raise ValueError(
            f"a network takes {n_multiplications} multiplications per segment and "
            f"{n_outputs} outputs of a layer, expected at most {MAX_MULTIPLICATIONS} "
            f"and {MAX_LAYER_OUTPUTS}"
        )


# Of each builder: the weights it will make, as pairs of the shape and of how often
# a segment uses it, in the order of Keras' `get_weights`.
WEIGHT_LISTS = {
    build_mlp: _list_mlp,
    build_cnn: _list_cnn,
    build_lstm: _list_lstm,
    build_covariance: _list_covariance,
}


def _penalty(l2):
    from keras import regularizers

    return regularizers.L2(l2) if l2 else None

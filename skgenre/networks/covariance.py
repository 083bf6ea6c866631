"""A network for few tracks: second-order statistics instead of flattened frames."""

import numpy as np

# Of the moving moments: Keras' 0.99 would still be far off after a few epochs of a
# hundred tracks.
_MOMENTUM = 0.9

# Added to variances, in squared units of the coefficients (dB): constants have a
# logarithm, too, and directions of less variance are noise, not to be told apart.
_SMALL_VARIANCE = 3.0


def build_covariance(
    input_shape, n_classes, *, lags, hidden_units, dropout, l2, channel_shift
):
    """Dense layers over the standardised covariance statistics of the coefficients."""
    from keras import Input, Model, layers, regularizers

    segments = Input(input_shape)
    statistics = pool_statistics(shift_channel(segments, channel_shift), lags=lags)
    # Standardises each statistic by its moments over the training segments.
    hidden = layers.BatchNormalization(momentum=_MOMENTUM)(statistics)
    hidden = _drop(hidden, dropout)
    penalty = regularizers.L2(l2) if l2 else None
    if hidden_units:
        hidden = layers.Dense(
            hidden_units, activation="relu", kernel_regularizer=penalty
        )(hidden)
        hidden = _drop(hidden, dropout)
    probabilities = layers.Dense(
        n_classes, activation="softmax", kernel_regularizer=penalty
    )(hidden)
    return Model(segments, probabilities)


def shift_channel(values, deviation):
    """In training, add a normal constant to each coefficient of a row.

    A fixed linear filter, such as another room or equaliser, adds a constant to the
    cepstrum. The deviation is in dB; 0 leaves the shift out.
    """
    from keras import layers, ops

    if not deviation:
        return values
    # Keras' layer takes deviations of up to one.
    noise = layers.GaussianNoise(1.0)(ops.zeros_like(values[:, :1]))
    return values + deviation * noise


def pool_statistics(values, *, lags):
    """Pool frames: (n_rows, n_frames, n_mfcc) -> (n_rows, n_statistics).

    The mean of each coefficient; the matrix logarithm of their covariance; for each lag
    the logarithms of the deviations of the coefficients' changes over so many frames.
    """
    from keras import ops

    n_frames = values.shape[1]
    statistics = [ops.mean(values, axis=1), _log_covariance(values)]
    for lag in lags:
        if lag < n_frames:
            changes = ops.var(values[:, lag:] - values[:, :-lag], axis=1)
            statistics.append(ops.log(changes + _SMALL_VARIANCE) / 2)
    return ops.concatenate(statistics, axis=1)


def _log_covariance(values):
    """Of each row the upper triangle of the covariance's matrix logarithm.

    Covariances lie on a cone, their logarithms in a plain space, where means and
    linear functions are what they should be (Arsigny et al., 2006).
    """
    from keras import ops

    n_frames, n_mfcc = values.shape[1:]
    centred = values - ops.mean(values, axis=1, keepdims=True)
    products = ops.matmul(ops.transpose(centred, (0, 2, 1)), centred)
    noise = _SMALL_VARIANCE * ops.eye(n_mfcc, dtype=products.dtype)
    covariances = products / n_frames + noise
    # Over one that overflows TensorFlow would end the batch: its logarithm is NaN.
    is_finite = ops.isfinite(covariances)
    variances, axes = ops.eigh(ops.where(is_finite, covariances, 0.0))
    logarithms = ops.matmul(
        axes * ops.log(variances)[:, None], ops.transpose(axes, (0, 2, 1))
    )
    logarithms = ops.where(is_finite, logarithms, np.nan)
    rows, columns = np.triu_indices(n_mfcc)
    flat = ops.reshape(logarithms, (-1, n_mfcc * n_mfcc))
    return ops.take(flat, rows * n_mfcc + columns, axis=1)


def _drop(values, dropout):
    from keras import layers

    return layers.Dropout(dropout)(values) if dropout else values

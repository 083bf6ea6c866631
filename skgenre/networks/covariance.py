"""A network for few tracks: second-order statistics instead of flattened frames."""

import numpy as np

from skgenre.networks.augmentation import (
    make_soft_label_model,
    mask_coefficients,
    mask_frames,
    mix_rows,
    shift_channel,
)

# Of the moving moments: Keras' 0.99 would still be far off after a few epochs of a
# hundred tracks.
_MOMENTUM = 0.9

# Added to variances of standardised values, so that a constant has a logarithm.
_SMALL_VARIANCE = 1e-3


def build_covariance(
    input_shape,
    n_classes,
    *,
    hidden_units,
    dropout,
    channel_shift,
    time_mask,
    coefficient_mask,
    mixup,
    label_smoothing,
):
    """Dense layers over the covariance statistics of the standardised coefficients.

    Shift, masks, mixup and label smoothing change the training only.
    """
    from keras import Input, layers

    segments = Input(input_shape)
    # Standardises each coefficient by its moments over the training segments.
    standardise = layers.BatchNormalization(
        center=False, scale=False, momentum=_MOMENTUM
    )
    mixed, mixing = mix_rows(standardise(segments), mixup)
    shifted = shift_channel(mixed, channel_shift)
    masked = mask_coefficients(mask_frames(shifted, time_mask), coefficient_mask)
    hidden = layers.BatchNormalization(momentum=_MOMENTUM)(pool_statistics(masked))
    hidden = _drop(hidden, dropout)
    if hidden_units:
        hidden = layers.Dense(hidden_units, activation="relu")(hidden)
        hidden = _drop(hidden, dropout)
    probabilities = layers.Dense(n_classes, activation="softmax")(hidden)
    return make_soft_label_model(
        segments, probabilities, mixing=mixing, label_smoothing=label_smoothing
    )


def pool_statistics(values):
    """Pool frames: (n_rows, n_frames, n_mfcc) -> (n_rows, n_statistics).

    Means and logarithms of standard deviations of the coefficients, the latter also of
    their changes over two frames, and the correlations of each pair of coefficients.
    """
    from keras import ops

    n_frames, n_mfcc = values.shape[1:]
    means = ops.mean(values, axis=1, keepdims=True)
    covariances = _covariances(values - means, n_frames)
    variances = ops.diagonal(covariances, axis1=1, axis2=2) + _SMALL_VARIANCE
    statistics = [means[:, 0], ops.log(variances) / 2]
    if n_frames > 2:
        changes = ops.var(values[:, 2:] - values[:, :-2], axis=1) + _SMALL_VARIANCE
        statistics.append(ops.log(changes) / 2)
    if n_mfcc > 1:
        scales = ops.sqrt(variances)
        correlations = covariances / (scales[:, :, None] * scales[:, None, :])
        statistics.append(_upper_triangle(correlations, n_mfcc))
    return ops.concatenate(statistics, axis=1)


def _covariances(centred, n_frames):
    from keras import ops

    return ops.matmul(ops.transpose(centred, (0, 2, 1)), centred) / n_frames


def _upper_triangle(matrices, size):
    from keras import ops

    rows, columns = np.triu_indices(size, k=1)
    flat = ops.reshape(matrices, (-1, size * size))
    return ops.take(flat, rows * size + columns, axis=1)


def _drop(values, dropout):
    from keras import layers

    return layers.Dropout(dropout)(values) if dropout else values

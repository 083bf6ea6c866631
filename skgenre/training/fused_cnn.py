"""Training of the convolutional network with fewer passes over its arrays, on CPUs."""

import functools


def fuse_convolutions(model):
    """Let a CNN's convolutions, pooling and batch normalisation be trained together.

    The function that training computes stays the same up to rounding. Layers, weights
    and configuration stay Keras', and so does prediction.

    Parameters
    ----------
    model : keras.Sequential
        As `build_cnn` makes it; one without convolutions is left alone.
    """
    import tensorflow as tf
    from keras import layers

    if tf.config.list_logical_devices("GPU"):
        return
    if any(type(layer) is layers.Conv2D for layer in model.layers):
        model.call = functools.partial(_call, model, model.call)


def _call(model, keras_call, inputs, training=None, mask=None):
    if not training or not all(layer.trainable for layer in model.layers):
        return keras_call(inputs, training=training, mask=mask)
    import tensorflow as tf
    from keras import layers

    outputs, scale, shift = inputs, None, None
    for layer in model.layers:
        if type(layer) is layers.Conv2D:
            kernel, bias, padding = layer.kernel.value, layer.bias.value, layer.padding
            if scale is not None:
                bias = bias + tf.reduce_sum(kernel * shift[:, None], (0, 1, 2))
                kernel, scale = kernel * scale[:, None], None
            if padding == "same":
                edges = [((n - 1) // 2, n // 2) for n in layer.kernel_size]
                outputs = tf.pad(outputs, [(0, 0), *edges, (0, 0)])
            outputs = tf.custom_gradient(_convolve)(outputs, kernel)
        elif type(layer) is layers.MaxPooling2D:
            # Bias and ReLU do not change which value is the largest: behind the
            # pooling there are four times fewer. TensorFlow's `bias_add` has a gradient
            # whose last bits depend on the number of threads.
            outputs = tf.nn.relu(_pool(layer, outputs) + bias)
        elif type(layer) is layers.BatchNormalization:
            mean, variance = _compute_moments(outputs)
            _update(layer.moving_mean, mean, layer.momentum)
            _update(layer.moving_variance, variance, layer.momentum)
            scale = tf.math.rsqrt(variance + layer.epsilon) * layer.gamma
            shift = layer.beta - mean * scale
            # The next convolution takes scale and shift into its weights, unless it
            # pads: zeros would be shifted with the rest.
            if padding == "same":
                outputs, scale = outputs * scale + shift, None
        else:
            if scale is not None:
                outputs, scale = outputs * scale + shift, None
            outputs = layer(outputs)
    return outputs


def _convolve(inputs, kernel):
    """Convolution without padding: (n_rows, height, width, n) -> (..., n_filters)."""
    import tensorflow as tf

    def differentiate(gradient):
        by_inputs = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(inputs),
            filter=kernel,
            out_backprop=gradient,
            strides=[1, 1, 1, 1],
            padding="VALID",
        )
        return by_inputs, _differentiate_kernel(inputs, gradient, kernel.shape)

    return tf.nn.conv2d(inputs, kernel, strides=1, padding="VALID"), differentiate


# TensorFlow's own kernel adds up one part of the rows per thread, so that its last bits
# depend on their number; it would take 10 % off the CPU time of a step.
def _differentiate_kernel(inputs, gradient, shape):
    """Gradient by the kernel, from that by the outputs (n_rows, ..., n_filters)."""
    import tensorflow as tf

    if inputs.shape[-1] > 1:
        # By a convolution, with rows and channels exchanged.
        by_kernel = tf.nn.conv2d(
            tf.transpose(inputs, (3, 1, 2, 0)),
            tf.transpose(gradient, (1, 2, 0, 3)),
            strides=1,
            padding="VALID",
        )
        return tf.transpose(by_kernel, (1, 2, 0, 3))
    # That of a single channel depends on the threads, too. Here all columns of the
    # inputs are multiplied by all of the gradient; column `first + i` and column
    # `first` belong to column `i` of the kernel.
    (n_kernel_rows, n_kernel_columns), n_filters = shape[:2], shape[-1]
    n_columns, (height, width) = inputs.shape[2], gradient.shape[1:3]
    bands = [inputs[:, row : row + height, :, 0] for row in range(n_kernel_rows)]
    products = tf.matmul(
        tf.concat(bands, axis=2),
        tf.reshape(gradient, (-1, height, width * n_filters)),
        transpose_a=True,
    )
    products = tf.reshape(
        tf.reduce_sum(products, 0), (n_kernel_rows, n_columns * width, n_filters)
    )
    pairs = [
        [(first + i) * width + first for first in range(width)]
        for i in range(n_kernel_columns)
    ]
    return tf.reduce_sum(tf.gather(products, pairs, axis=1), 2)[:, :, None]


def _pool(layer, values):
    """Pool, in batches that are filled up with zeros.

    The last bits of oneDNN's gradient, of windows that overlap, depend on the number of
    threads for many numbers of rows, but of multiples of 32 for none that was tried.
    """
    import tensorflow as tf

    n_rows = values.shape[0] or tf.shape(values)[0]
    if isinstance(n_rows, int) and n_rows % 32 == 0:
        return layer(values)
    padded = tf.pad(values, [(0, -n_rows % 32), (0, 0), (0, 0), (0, 0)])
    return layer(padded)[:n_rows]


def _update(moving, value, momentum):
    moving.assign(moving * momentum + value * (1.0 - momentum))


def _compute_moments(values):
    """Mean and variance per channel: (..., n_channels) -> twice (n_channels,)."""
    import tensorflow as tf

    @tf.custom_gradient
    def compute(rows):
        n_rows = tf.cast(tf.shape(rows)[0], rows.dtype)
        mean = tf.reduce_mean(rows, 0)
        variance = tf.reduce_mean(tf.math.squared_difference(rows, mean), 0)

        def differentiate(by_mean, by_variance):
            slope = 2 * by_variance / n_rows
            # TensorFlow's own gradient takes five passes over the rows.
            return rows * slope + (by_mean / n_rows - mean * slope)

        return (mean, variance), differentiate

    return compute(tf.reshape(values, (-1, values.shape[-1])))

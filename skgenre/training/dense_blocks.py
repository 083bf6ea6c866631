"""Dense layers whose training in XLA does not depend on the number of threads."""

import functools

# XLA gives dot products to Eigen, which adds up longer ones in another order with one
# thread than with several (`shardByInnerDim`); from fewer elements on where there are
# fewer than eight rows or columns.
_MAX_BLOCK, _MAX_BLOCK_OF_FEW, _FEW = 256, 64, 8


def split_dense_products(model):
    """Let a model's dense layers add up their products in blocks while training.

    Workers with one thread then train the same network, bit for bit, as a process with
    all. Layers, weights and configuration stay Keras', and so does prediction. It takes
    1 to 2 % of the CPU time of the paper's network.
    """
    import tensorflow as tf
    from keras import layers

    if tf.config.list_logical_devices("GPU"):
        return
    for layer in model.layers:
        if type(layer) is layers.Dense:
            layer.call = functools.partial(_call, layer, layer.call)


def _call(layer, keras_call, inputs, training=None):
    if not training:
        return keras_call(inputs, training=training)
    import tensorflow as tf

    multiply = tf.custom_gradient(_multiply_dense)
    kernel, bias = layer.kernel.value, layer.bias.value
    return layer.activation(multiply(inputs, tf.convert_to_tensor(kernel)) + bias)


def _multiply_dense(rows, kernel):
    import tensorflow as tf

    def differentiate(gradient):
        by_rows = multiply_in_blocks(gradient, tf.transpose(kernel))
        by_kernel = multiply_in_blocks(tf.transpose(rows), gradient)
        return by_rows, by_kernel

    return multiply_in_blocks(rows, kernel), differentiate


def multiply_in_blocks(left, right):
    """Matrix product, (n, k) and (k, m) -> (n, m), summed over blocks of k."""
    import tensorflow as tf

    size, sides = left.shape[1], (left.shape[0], right.shape[1])
    is_thin = any(n is not None and n < _FEW for n in sides)
    limit = _MAX_BLOCK_OF_FEW if is_thin else _MAX_BLOCK
    if size is None or size <= limit:
        return left @ right
    block = max(n for n in range(1, limit + 1) if size % n == 0)
    if block < limit // 4:
        # Padding copies the matrices: a third more time, so only where it must be.
        block, n_missing = limit, -size % limit
        left = tf.pad(left, ((0, 0), (0, n_missing)))
        right = tf.pad(right, ((0, n_missing), (0, 0)))
    blocks = tf.transpose(tf.reshape(left, (tf.shape(left)[0], -1, block)), (1, 0, 2))
    products = blocks @ tf.reshape(right, (-1, block, tf.shape(right)[1]))
    return tf.reduce_sum(products, 0)

"""Training of Keras' LSTM layers by TensorFlow's fused kernel, on CPUs."""

import functools

# What the kernel computes, of all that a layer can be asked for.
_FUSED_CONFIG = {
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "use_bias": True,
    "dropout": 0,
    "recurrent_dropout": 0,
    "return_state": False,
    "go_backwards": False,
    "stateful": False,
    "unroll": False,
}


def fuse_lstm_layers(model):
    """Let a model's LSTM layers be trained by the fused kernel, where it can do it.

    The layers stay Keras', with its configuration and its weights: what is made or
    saved from them is a plain `keras.layers.LSTM`. Prediction stays Keras', too.
    """
    import tensorflow as tf
    from keras import layers

    if tf.config.list_logical_devices("GPU"):
        return  # Keras takes cuDNN's kernel there.
    for layer in model.layers:
        if type(layer) is layers.LSTM and _is_plain(layer):
            layer.call = functools.partial(_call, layer, layer.call)


def _is_plain(layer):
    config = layer.get_config()
    return (
        layer.dtype_policy.name == "float32"
        # True asks for cuDNN, or an error.
        and layer.use_cudnn is not True
        and all(config[name] == value for name, value in _FUSED_CONFIG.items())
    )


def _call(layer, keras_call, sequences, initial_state=None, mask=None, training=False):
    # The kernel is faster with its gradient only. A prediction of 16 rows takes it 5 ms
    # of CPU time; Keras' loop, compiled by XLA, 3.5 ms.
    if not training or initial_state is not None or mask is not None:
        return keras_call(
            sequences, initial_state=initial_state, mask=mask, training=training
        )
    import tensorflow as tf

    cell = layer.cell
    outputs = tf.custom_gradient(_run_kernel)(
        tf.transpose(sequences, (1, 0, 2)),
        tf.concat([cell.kernel.value, cell.recurrent_kernel.value], axis=0),
        tf.convert_to_tensor(cell.bias.value),
    )
    return tf.transpose(outputs, (1, 0, 2)) if layer.return_sequences else outputs[-1]


def _run_kernel(frames, weights, biases):
    """Outputs of (n_frames, n_rows, n_inputs) by unit, and their gradient's function.

    TensorFlow has registered for the second version of the kernel, whose gates are in
    Keras' order, the gradient of the first, whose gates are not.
    """
    import tensorflow as tf

    n_units = weights.shape[1] // 4
    zeros, unused = tf.zeros((tf.shape(frames)[1], n_units)), tf.zeros(n_units)
    inputs = {
        "seq_len_max": tf.shape(frames, tf.int64)[0],
        "x": frames,
        "cs_prev": zeros,
        "h_prev": zeros,
        "w": weights,
        "wci": unused,
        "wcf": unused,
        "wco": unused,
        "b": biases,
        "use_peephole": False,
    }
    results = tf.raw_ops.BlockLSTMV2(**inputs, cell_clip=0.0)

    def differentiate(gradient):
        gradients = tf.raw_ops.BlockLSTMGradV2(
            **inputs,
            **results._asdict(),
            h_grad=gradient,
            cs_grad=tf.zeros_like(gradient),
        )
        return gradients.x_grad, gradients.w_grad, gradients.b_grad

    return results.h, differentiate

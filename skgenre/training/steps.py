"""What a network computes, as TensorFlow functions traced once per network.

A partial, unlike a function, has no code object by which TensorFlow would take one
network's tracing for another's, and warn of retracing from the fifth network on.
"""

import functools

import numpy as np

# Batches of training per call of TensorFlow: enough to hide the cost of a call.
N_BATCHES_PER_CALL = 50

# Rows per call of prediction. Always as many, so that a row's probabilities do not
# depend on its company; few, since most predictions are of one track of ten segments.
PREDICTION_BATCH_SIZE = 16

EVALUATION_BATCH_SIZE = 256


def train_batches(network, rows, batch_size):
    """Train on rows in their order, in batches of `batch_size` that are all full."""
    batches = [a.reshape(-1, batch_size, *a.shape[1:]) for a in network.cast(*rows)]
    n_batches = len(batches[0])
    if network.jit_training:
        # XLA compiles for one shape: what is left of the buffer stays unused.
        batches = [_pad(batch, N_BATCHES_PER_CALL) for batch in batches]
    network.traced(_make_train_batches, batch_size)(*batches, np.int32(n_batches))


def train_batch(network, rows):
    """Train on a single batch, of any size."""
    network.traced(_make_train_batch)(*network.cast(*rows))


def evaluate(network, X, y, sample_weight):
    """Class probabilities of rows, and the loss, penalties included."""
    evaluate_batch = network.traced(_make_evaluate_batch)
    probabilities, losses, weights = [], [], []
    for start in range(0, len(y), EVALUATION_BATCH_SIZE):
        part = slice(start, start + EVALUATION_BATCH_SIZE)
        batch = network.cast(X[part], y[part], sample_weight[part])
        batch_probabilities, loss = evaluate_batch(*batch)
        probabilities.append(batch_probabilities)
        losses.append(loss)
        weights.append(batch[2].sum())
    return np.concatenate(probabilities), float(np.average(losses, weights=weights))


def predict(network, X):
    """Class probabilities: (n_rows, n_frames, n_mfcc) -> (n_rows, n_classes)."""
    forward = network.traced(_make_forward)
    size = PREDICTION_BATCH_SIZE
    padded = _pad(network.cast_features(X), -(-len(X) // size) * size)
    batches = [forward(padded[i : i + size]) for i in range(0, len(padded), size)]
    return np.concatenate(batches)[: len(X)]


def _pad(rows, n_rows):
    padded = np.zeros((n_rows, *rows.shape[1:]), rows.dtype)
    padded[: len(rows)] = rows
    return padded


def _make_train_batches(network, batch_size):
    import tensorflow as tf

    n_batches = N_BATCHES_PER_CALL if network.jit_training else None
    return _trace(
        _train_batches,
        network,
        [
            *_rows_signature(network, (n_batches, batch_size)),
            tf.TensorSpec((), "int32"),
        ],
        jit_compile=network.jit_training or None,
    )


def _train_batches(model, X, y, sample_weight, n_batches):
    import tensorflow as tf

    def train_one(i):
        model.train_step((X[i], y[i], sample_weight[i]))
        return (i + 1,)

    tf.while_loop(lambda i: i < n_batches, train_one, (0,))


def _make_train_batch(network):
    return _trace(_train_batch, network, _rows_signature(network, (None,)))


def _train_batch(model, X, y, sample_weight):
    model.train_step((X, y, sample_weight))


def _make_evaluate_batch(network):
    return _trace(_evaluate_batch, network, _rows_signature(network, (None,)))


def _evaluate_batch(model, X, y, sample_weight):
    probabilities = model(X, training=False)
    loss = model.compute_loss(
        x=X, y=y, y_pred=probabilities, sample_weight=sample_weight, training=False
    )
    return probabilities, loss


def _make_forward(network):
    signature = _rows_signature(network, (PREDICTION_BATCH_SIZE,))[:1]
    return _trace(
        _forward, network, signature, jit_compile=network.jit_prediction or None
    )


def _forward(model, X):
    return model(X, training=False)


def _rows_signature(network, shape):
    import tensorflow as tf

    return [
        tf.TensorSpec((*shape, *network.input_shape), network.dtype),
        tf.TensorSpec(shape, "int32"),
        tf.TensorSpec(shape, network.dtype),
    ]


def _trace(function, network, signature, **options):
    import tensorflow as tf

    return tf.function(
        functools.partial(function, network.model),
        input_signature=signature,
        autograph=False,
        **options,
    ).get_concrete_function()

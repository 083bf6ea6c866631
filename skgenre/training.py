"""Training and use of Keras networks, without a trace on the process around them."""

import functools
import random
import threading
from contextlib import contextmanager

import numpy as np

from skgenre._scikeras import fit_network

# Keras keeps its state per process, not per thread: without the lock, threads are
# neither safe nor reproducible. Re-entrant, since a fit may predict.
KERAS_LOCK = threading.RLock()

# Rows per prediction step: large enough to hide the cost of a step, small enough that
# activations of the CNN stay below 100 MB.
PREDICTION_BATCH_SIZE = 256


class TrainedNetwork:
    """A network kept as the arguments of its builder and its weights as numpy arrays.

    Pickle, deepcopy and other processes see only those: no Keras object is ever
    serialised, and TensorFlow is not loaded before the first prediction.

    Parameters
    ----------
    build : callable
        Builder: `(input_shape, n_classes, **parameters)` -> uncompiled model.
    input_shape : tuple of int
        (n_frames, n_mfcc).
    n_classes : int
    parameters : dict
        Further arguments of the builder.
    """

    def __init__(self, build, input_shape, n_classes, parameters):
        self.build = build
        self.input_shape = tuple(input_shape)
        self.n_classes = n_classes
        self.parameters = parameters
        self.weights = None
        self._forward = None

    def fit(self, X, y, sample_weight, *, seed, **fit_arguments):
        """Train on rows (n_rows, n_frames, n_mfcc) from freshly drawn weights.

        Returns the history: a dict of lists, one value per epoch.
        """
        with KERAS_LOCK, isolated_random_state(seed):
            model, history = fit_network(
                self._build_model, X, y, sample_weight, **fit_arguments
            )
            self.weights = model.get_weights()
            self._forward = _compile_forward(model, self.input_shape)
        return history

    def predict(self, X):
        """Class probabilities: (n_rows, n_frames, n_mfcc) -> (n_rows, n_classes)."""
        with KERAS_LOCK:
            if self._forward is None:
                self._forward = self._rebuild_forward()
            batches = range(0, len(X), PREDICTION_BATCH_SIZE)
            return np.concatenate(
                [self._forward(X[i : i + PREDICTION_BATCH_SIZE]) for i in batches]
            )

    def _build_model(self):
        return self.build(self.input_shape, self.n_classes, **self.parameters)

    def _rebuild_forward(self):
        with isolated_random_state(0):
            model = self._build_model()
        model.set_weights(self.weights)
        return _compile_forward(model, self.input_shape)

    def __getstate__(self):
        return {**self.__dict__, "_forward": None}


def _compile_forward(model, input_shape):
    """The model's prediction, traced once for batches of any size.

    ``Model.predict`` costs 0.15 s a call, mostly set-up, and warns of retracing from
    the fifth network of a process on. A partial, unlike a function, has no code object
    by which TensorFlow would take one network's tracing for another's.
    """
    import tensorflow as tf

    signature = tf.TensorSpec((None, *input_shape), model.input_dtype)
    forward = tf.function(
        functools.partial(model, training=False), input_signature=[signature]
    )
    return lambda X: forward(tf.constant(X, signature.dtype)).numpy()


@contextmanager
def isolated_random_state(seed):
    """Seed python, numpy, TensorFlow and Keras; put all four back at the end.

    Keras draws initialisers' and dropout's seeds from python's generator and the order
    of rows from TensorFlow's.
    """
    import keras
    from keras.src.backend.common import global_state
    from tensorflow.python.eager.context import context

    # Keras has no public way to read them, and its constants moved between versions.
    keras_names = ("global_random_seed", "global_seed_generator")
    python_state, numpy_state = random.getstate(), np.random.get_state()
    keras_state = [global_state.get_global_attribute(name) for name in keras_names]
    tensorflow_seed, tensorflow_rng = context()._seed, getattr(context(), "_rng", None)
    try:
        keras.utils.set_random_seed(seed)
        yield
    finally:
        # By the setter first: it also empties TensorFlow's cache of seeded kernels.
        context()._set_global_seed(tensorflow_seed)
        if tensorflow_rng is not None:
            context()._rng = tensorflow_rng
        for name, value in zip(keras_names, keras_state, strict=True):
            global_state.set_global_attribute(name, value)
        np.random.set_state(numpy_state)
        random.setstate(python_state)

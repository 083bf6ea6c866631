"""Training without a trace on the process around it."""

import random
import threading
from contextlib import contextmanager

import numpy as np

# Keras keeps its state per process, not per thread: without the lock, threads are
# neither safe nor reproducible. Re-entrant, since a fit may predict.
KERAS_LOCK = threading.RLock()

# Keras has no public way to read them, and its constants moved between versions.
_KERAS_STATE_NAMES = ("global_random_seed", "global_seed_generator", "object_name_uids")


@contextmanager
def isolated_random_state(seed):
    """Seed python, numpy, TensorFlow and Keras; put all four back at the end.

    Keras draws initialisers' and dropout's seeds from python's generator. Within, it
    also names layers as in a new process: equal networks have equal configurations.
    """
    import keras
    from keras.src.backend.common import global_state
    from tensorflow.python.eager.context import context

    python_state, numpy_state = random.getstate(), np.random.get_state()
    keras_state = [
        global_state.get_global_attribute(name) for name in _KERAS_STATE_NAMES
    ]
    tensorflow_seed, tensorflow_rng = context()._seed, getattr(context(), "_rng", None)
    try:
        global_state.set_global_attribute("object_name_uids", None)
        keras.utils.set_random_seed(seed)
        yield
    finally:
        # By the setter first: it also empties TensorFlow's cache of seeded kernels.
        context()._set_global_seed(tensorflow_seed)
        if tensorflow_rng is not None:
            context()._rng = tensorflow_rng
        for name, value in zip(_KERAS_STATE_NAMES, keras_state, strict=True):
            global_state.set_global_attribute(name, value)
        np.random.set_state(numpy_state)
        random.setstate(python_state)

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
def isolated_random_state(seed, *, reset_kernels=True):
    """Seed python, numpy, TensorFlow and Keras; put all four back at the end.

    Keras draws initialisers' and dropout's seeds from python's generator, as other
    threads (of a cluster's client, say) may do meanwhile: it is given one of its own,
    in the same state. Within, it also names layers as in a new process: equal networks
    have equal configurations.

    TensorFlow's kernels with a random state of their own (none of the named networks
    has any) start anew only with `reset_kernels`. That drops all that TensorFlow has
    optimised: the next call of a traced function costs 0.1 to 0.3 s.
    """
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator
    from tensorflow.python.eager.context import context

    python_state, numpy_state = random.getstate(), np.random.get_state()
    keras_state = [
        global_state.get_global_attribute(name) for name in _KERAS_STATE_NAMES
    ]
    keras_random = seed_generator.python_random
    tensorflow_state = context()._seed, getattr(context(), "_rng", None)
    try:
        for name, value in zip(_KERAS_STATE_NAMES, (seed, None, None), strict=True):
            global_state.set_global_attribute(name, value)
        random.seed(seed)
        seed_generator.python_random = random.Random(seed)
        np.random.seed(seed)
        if reset_kernels:
            context()._set_global_seed(seed)
        else:
            context()._seed, context()._rng = seed, random.Random(seed)
        yield
    finally:
        seed_generator.python_random = keras_random
        if reset_kernels:
            context()._set_global_seed(tensorflow_state[0])
        context()._seed, context()._rng = tensorflow_state
        for name, value in zip(_KERAS_STATE_NAMES, keras_state, strict=True):
            global_state.set_global_attribute(name, value)
        np.random.set_state(numpy_state)
        random.setstate(python_state)

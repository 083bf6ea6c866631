"""Keras' state in the process: its lock, its settings and its random state."""

import os
import random
import sys
import threading
from contextlib import contextmanager, nullcontext
from functools import cache

import numpy as np

from skgenre._c_streams import quiet_libraries
from skgenre._compat import (
    get_keras_global,
    get_tensorflow_seed,
    replace_keras_random,
    set_keras_global,
    set_tensorflow_seed,
)
from skgenre._threads import limit_tensorflow

# Keras keeps its state per process, not per thread: without the lock, threads are
# neither safe nor reproducible. Re-entrant, since a fit may predict.
KERAS_LOCK = threading.RLock()

# What the package's networks are built, trained and used under: Keras' defaults.
OWN_SETTINGS = {
    "floatx": "float32",
    "dtype_policy": "float32",
    "image_data_format": "channels_last",
    "epsilon": 1e-7,
}


def check_backend():
    """Refuse any backend of Keras but TensorFlow; does not load Keras."""
    if "keras" in sys.modules:
        from keras import config

        name = config.backend()
    else:
        name = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if name != "tensorflow":
        raise RuntimeError(
            f"the networks need Keras with TensorFlow, but its backend is {name!r}: "
            "set the environment variable KERAS_BACKEND=tensorflow before Keras is "
            "imported."
        )


def read_settings():
    """Return Keras' global settings, by name, as in `OWN_SETTINGS`."""
    check_backend()
    _start_tensorflow()
    from keras import config

    # The lock keeps out those of a network that another thread is training.
    with KERAS_LOCK:
        policy = get_keras_global("dtype_policy")
        return {
            "floatx": config.floatx(),
            "dtype_policy": config.floatx() if policy is None else policy.name,
            "image_data_format": config.image_data_format(),
            "epsilon": float(config.epsilon()),
        }


def quiet_tensorflow():
    """Keep TensorFlow's messages about this machine from the user's streams.

    Why it aborts, as on a processor without AVX, is shown. All are shown with
    ``TF_CPP_MIN_LOG_LEVEL=0``, its own switch.
    """
    are_wanted = os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0"
    return nullcontext() if are_wanted else quiet_libraries(may_abort=True)


@cache
def _start_tensorflow():
    """Import Keras and TensorFlow, and let it look for devices: once in a process."""
    with quiet_tensorflow():
        import keras

        check_backend()  # Keras reads its configuration file, keras.json, on import.
        limit_tensorflow()
        keras.ops.convert_to_tensor(0)


@contextmanager
def settings_in_force(settings):
    """Put Keras' settings in force, None for `OWN_SETTINGS`; restore them at the end.

    They hold for the whole process, callbacks included; the policy, which Keras keeps
    per thread, for this thread.
    """
    settings, before = settings or OWN_SETTINGS, read_settings()
    from keras import config

    policy = get_keras_global("dtype_policy")
    try:
        _set_all_but_policy(settings)
        # A policy with more than a name, such as a map of policies, is left in place.
        if policy is None or policy.name != settings["dtype_policy"]:
            config.set_dtype_policy(settings["dtype_policy"])
        yield
    finally:
        _set_all_but_policy(before)
        set_keras_global("dtype_policy", policy)


def _set_all_but_policy(settings):
    from keras import config

    config.set_floatx(settings["floatx"])
    config.set_image_data_format(settings["image_data_format"])
    config.set_epsilon(settings["epsilon"])


@contextmanager
def isolated_random_state(seed, *, reset_kernels=True):
    """Seed python, numpy, TensorFlow and Keras; restore all four at the end.

    Layers are named as in a new process, so that equal networks have equal
    configurations. For `reset_kernels` see `set_tensorflow_seed`; the layers of Keras
    have no such kernels.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    tensorflow_seed = get_tensorflow_seed()
    names = ("global_random_seed", "global_seed_generator", "object_name_uids")
    keras_globals = {name: get_keras_global(name) for name in names}
    # Other threads (of a cluster's client, say) may draw from python's generator.
    keras_random = replace_keras_random(random.Random(seed))
    try:
        set_keras_global("global_random_seed", seed)
        set_keras_global("global_seed_generator", None)
        set_keras_global("object_name_uids", None)
        random.seed(seed)
        np.random.seed(seed)
        set_tensorflow_seed(seed, random.Random(seed), reset_kernels=reset_kernels)
        yield
    finally:
        set_tensorflow_seed(*tensorflow_seed, reset_kernels=reset_kernels)
        for name, value in keras_globals.items():
            set_keras_global(name, value)
        replace_keras_random(keras_random)
        np.random.set_state(numpy_state)
        random.setstate(python_state)

"""Keras' global settings: one set per network, whatever the process has."""

import os
import sys
from contextlib import contextmanager

from skgenre.training.isolation import KERAS_LOCK

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
    """The settings in force, by name, as `settings_in_force` takes them."""
    from keras import config

    # Not those of a network that another thread is training.
    with KERAS_LOCK:
        policy = _read_policy()
        return {
            "floatx": config.floatx(),
            "dtype_policy": config.floatx() if policy is None else policy.name,
            "image_data_format": config.image_data_format(),
            "epsilon": float(config.epsilon()),
        }


@contextmanager
def settings_in_force(settings):
    """Put settings in force, None for the defaults; put back what was at the end.

    They hold for the whole process, callbacks included; the policy, which Keras keeps
    per thread, for this thread.
    """
    check_backend()
    from keras import config
    from keras.src.backend.common import global_state

    check_backend()  # it may be that of a file, keras.json
    before = {**read_settings(), "epsilon": config.epsilon()}
    policy = _read_policy()
    try:
        _set(OWN_SETTINGS if settings is None else settings, policy)
        yield
    finally:
        _set(before, policy)
        global_state.set_global_attribute("dtype_policy", policy)


def _set(settings, policy):
    from keras import config

    config.set_floatx(settings["floatx"])
    config.set_image_data_format(settings["image_data_format"])
    config.set_epsilon(settings["epsilon"])
    # One that is more than its name, such as a map of policies, stays if it is there.
    if policy is None or policy.name != settings["dtype_policy"]:
        config.set_dtype_policy(settings["dtype_policy"])


def _read_policy():
    """The policy of this thread; None where there is none yet.

    Keras' public function would set one for good: `floatx` then decides it no longer.
    """
    from keras.src.backend.common import global_state

    return global_state.get_global_attribute("dtype_policy")

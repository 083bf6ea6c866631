"""Training and use of Keras networks, cheaply and without a trace on the process."""

from skgenre.training.epochs import EarlyStopping, Rows, Validation
from skgenre.training.isolation import KERAS_LOCK, isolated_random_state
from skgenre.training.keras_settings import (
    OWN_SETTINGS,
    check_backend,
    read_settings,
)
from skgenre.training.network_pool import Architecture
from skgenre.training.trained_network import TrainedNetwork

__all__ = [
    "KERAS_LOCK",
    "OWN_SETTINGS",
    "Architecture",
    "EarlyStopping",
    "Rows",
    "TrainedNetwork",
    "Validation",
    "check_backend",
    "isolated_random_state",
    "read_settings",
]

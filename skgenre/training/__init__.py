"""Training and prediction of Keras networks, without side effects on the process."""

from skgenre.training.epochs import FitSettings, Rows, Validation
from skgenre.training.keras_state import (
    KERAS_LOCK,
    OWN_SETTINGS,
    check_backend,
    isolated_random_state,
    read_settings,
)
from skgenre.training.network_pool import Architecture
from skgenre.training.trained_network import TrainedNetwork, clear_network_pool

__all__ = [
    "KERAS_LOCK",
    "OWN_SETTINGS",
    "Architecture",
    "FitSettings",
    "Rows",
    "TrainedNetwork",
    "Validation",
    "check_backend",
    "clear_network_pool",
    "isolated_random_state",
    "read_settings",
]

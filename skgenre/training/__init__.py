"""Training and use of Keras networks, cheaply and without a trace on the process."""

from skgenre.training.epochs import EarlyStopping, Rows, Validation
from skgenre.training.isolation import KERAS_LOCK, isolated_random_state
from skgenre.training.network_pool import Architecture
from skgenre.training.trained_network import TrainedNetwork

__all__ = [
    "KERAS_LOCK",
    "Architecture",
    "EarlyStopping",
    "Rows",
    "TrainedNetwork",
    "Validation",
    "isolated_random_state",
]

"""The paper's networks, and any other, as classifiers of tracks."""

from skgenre.keras_classifiers.base import KerasTrackClassifier
from skgenre.keras_classifiers.cnn import CNNGenreClassifier
from skgenre.keras_classifiers.custom import KerasGenreClassifier
from skgenre.keras_classifiers.lstm import LSTMGenreClassifier
from skgenre.keras_classifiers.mlp import MLPGenreClassifier

__all__ = [
    "CNNGenreClassifier",
    "KerasGenreClassifier",
    "KerasTrackClassifier",
    "LSTMGenreClassifier",
    "MLPGenreClassifier",
]

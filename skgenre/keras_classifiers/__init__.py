"""Keras networks as classifiers: the paper's, one for new artists, and any other."""

from skgenre.keras_classifiers.base import KerasTrackClassifier
from skgenre.keras_classifiers.cnn import CNNGenreClassifier
from skgenre.keras_classifiers.covariance import CovarianceGenreClassifier
from skgenre.keras_classifiers.custom import KerasGenreClassifier
from skgenre.keras_classifiers.lstm import LSTMGenreClassifier
from skgenre.keras_classifiers.mlp import MLPGenreClassifier

__all__ = [
    "CNNGenreClassifier",
    "CovarianceGenreClassifier",
    "KerasGenreClassifier",
    "KerasTrackClassifier",
    "LSTMGenreClassifier",
    "MLPGenreClassifier",
]

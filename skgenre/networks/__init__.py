"""The networks: pure functions that return uncompiled Keras models.

Each takes the shape of one segment, (n_frames, n_mfcc), and returns a model from
segments to the probabilities of `n_classes` genres.
"""

from skgenre.networks.covariance import build_covariance
from skgenre.networks.paper import build_cnn, build_lstm, build_mlp, convolved_shape

__all__ = [
    "build_cnn",
    "build_covariance",
    "build_lstm",
    "build_mlp",
    "convolved_shape",
]

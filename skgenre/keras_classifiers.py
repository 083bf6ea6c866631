"""The paper's networks as classifiers of tracks."""

import functools

from sklearn.utils import check_random_state

from skgenre._validation import (
    check_choice,
    check_number,
    check_positive_integer,
    check_sizes,
    check_verbosity,
)
from skgenre.networks import build_cnn, build_lstm, build_mlp, convolved_shape
from skgenre.track_classifier import BaseTrackClassifier
from skgenre.training import TrainedNetwork


class KerasTrackClassifier(BaseTrackClassifier):
    """Base of the classifiers whose model is a Keras network.

    A subclass names the network's builder in `_build`, and in `_network_parameters` the
    constructor parameters that the builder takes. Keras is composed, not subclassed:
    a fitted classifier holds numpy weights, and no Keras object is ever pickled.
    """

    _build = None
    _network_parameters = ()

    def _check_parameters(self):
        super()._check_parameters()
        check_number(self.learning_rate, name="learning_rate", low=0, low_open=True)
        check_positive_integer(self.epochs, name="epochs")
        check_positive_integer(self.batch_size, name="batch_size")
        check_verbosity(self.verbose)
        for name in self._network_parameters:
            _NETWORK_PARAMETER_CHECKS[name](getattr(self, name), name=name)

    def _fit_segments(self, segments, y, sample_weight, tracks):
        input_shape = segments.shape[1:]
        self._check_input_shape(input_shape)
        if sample_weight is not None:
            # A segment of weight zero must be as good as absent, and present it would
            # still take a place in a batch.
            used = sample_weight > 0
            segments, y, sample_weight = segments[used], y[used], sample_weight[used]
        parameters = {name: getattr(self, name) for name in self._network_parameters}
        self.network_ = TrainedNetwork(
            type(self)._build, input_shape, len(self.classes_), parameters
        )
        self.history_ = self.network_.fit(
            segments,
            y,
            sample_weight,
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
            learning_rate=self.learning_rate,
            epochs=self.epochs,
            batch_size=self.batch_size,
            verbose=int(self.verbose),
        )

    def _check_input_shape(self, input_shape):
        """Refuse segments that the network cannot take."""

    def _predict_segments(self, segments):
        return self.network_.predict(segments)


class MLPGenreClassifier(KerasTrackClassifier):
    """Multi-layer perceptron over a segment's flattened coefficients.

    The paper's first network: dense layers of 512, 256 and 64 units. Its second, which
    fights overfitting, is the same with ``l2=0.001, dropout=0.3``.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(512, 256, 64)
        Units of each hidden layer, with ReLU.
    dropout : float, default=0.0
        Fraction of each hidden layer's units dropped while training, in [0, 1).
    l2 : float, default=0.0
        Penalty on the squared weights of each hidden layer.
    learning_rate : float, default=1e-4
        Step size of Adam.
    epochs : int, default=50
        Passes over the training segments.
    batch_size : int, default=32
        Segments per step.
    pooling : {"mean", "geometric", "median", "vote", "max"}, default="mean"
        How the probabilities of a track's segments become the track's.
    random_state : int, RandomState instance or None, default=None
        Decides the initial weights, the order of segments and the dropout.
    verbose : int, default=0
        What Keras shows while training: nothing, a progress bar (1) or lines (2).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The genres, sorted.
    history_ : dict of list of float
        Per epoch, in terms of segments: `loss` and `accuracy` in training.
    network_ : TrainedNetwork
        The builder's arguments and the trained weights.
    segment_shape_ : tuple of int
        (n_frames, n_mfcc) of the segments seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import MLPGenreClassifier
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> X[4:] += 3
    >>> mlp = MLPGenreClassifier(
    ...     hidden_layer_sizes=(8,), learning_rate=0.05, epochs=20, random_state=0
    ... )
    >>> mlp.fit(X, y).predict(X[[0, 7]])
    array(['blues', 'rock'], dtype='<U5')
    """

    _build = staticmethod(build_mlp)
    _network_parameters = ("hidden_layer_sizes", "dropout", "l2")

    def __init__(
        self,
        *,
        hidden_layer_sizes=(512, 256, 64),
        dropout=0.0,
        l2=0.0,
        learning_rate=1e-4,
        epochs=50,
        batch_size=32,
        pooling="mean",
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.l2 = l2
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.pooling = pooling
        self.random_state = random_state
        self.verbose = verbose


class CNNGenreClassifier(KerasTrackClassifier):
    """Convolutional network over a segment's frames and coefficients.

    The paper's third network: three convolutions, each followed by max-pooling (a
    window of the kernel's size, stride 2) and batch normalisation, then a dense layer.

    Parameters
    ----------
    filters : tuple of int, default=(32, 32, 32)
        Filters of each convolution, with ReLU.
    kernel_sizes : tuple of (int, int), default=((3, 3), (3, 3), (2, 2))
        Frames and coefficients that each convolution, and its max-pooling, spans.
    padding : {"valid", "same"}, default="valid"
        Whether convolutions shrink their input; "same" takes input of any size.
    dense_units : int, default=64
        Units of the dense layer, with ReLU.
    dropout : float, default=0.3
        Fraction of the dense layer's units dropped while training, in [0, 1).
    l2 : float, default=0.0
        Penalty on the squared weights of the convolutions and the dense layer.
    learning_rate : float, default=1e-4
        Step size of Adam.
    epochs : int, default=50
        Passes over the training segments.
    batch_size : int, default=32
        Segments per step.
    pooling : {"mean", "geometric", "median", "vote", "max"}, default="mean"
        How the probabilities of a track's segments become the track's.
    random_state : int, RandomState instance or None, default=None
        Decides the initial weights, the order of segments and the dropout.
    verbose : int, default=0
        What Keras shows while training: nothing, a progress bar (1) or lines (2).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The genres, sorted.
    history_ : dict of list of float
        Per epoch, in terms of segments: `loss` and `accuracy` in training.
    network_ : TrainedNetwork
        The builder's arguments and the trained weights.
    segment_shape_ : tuple of int
        (n_frames, n_mfcc) of the segments seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import CNNGenreClassifier
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> X[4:] += 3
    >>> cnn = CNNGenreClassifier(
    ...     filters=(4,), kernel_sizes=((3, 2),), learning_rate=0.05, epochs=20,
    ...     random_state=0,
    ... )
    >>> cnn.fit(X, y).predict_segments_proba(X).shape
    (8, 3, 2)
    """

    _build = staticmethod(build_cnn)
    _network_parameters = (
        "filters",
        "kernel_sizes",
        "padding",
        "dense_units",
        "dropout",
        "l2",
    )

    def __init__(
        self,
        *,
        filters=(32, 32, 32),
        kernel_sizes=((3, 3), (3, 3), (2, 2)),
        padding="valid",
        dense_units=64,
        dropout=0.3,
        l2=0.0,
        learning_rate=1e-4,
        epochs=50,
        batch_size=32,
        pooling="mean",
        random_state=None,
        verbose=0,
    ):
        self.filters = filters
        self.kernel_sizes = kernel_sizes
        self.padding = padding
        self.dense_units = dense_units
        self.dropout = dropout
        self.l2 = l2
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.pooling = pooling
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self):
        super()._check_parameters()
        if len(self.filters) != len(self.kernel_sizes):
            raise ValueError(
                "filters and kernel_sizes must have one entry per convolution, got "
                f"filters={self.filters!r} and kernel_sizes={self.kernel_sizes!r}."
            )

    def _check_input_shape(self, input_shape):
        if self.padding == "same":
            return
        position, shape = convolved_shape(input_shape, self.kernel_sizes)
        if position is not None:
            kernel = self.kernel_sizes[position]
            raise ValueError(
                f"Segments of {input_shape[0]} frames × {input_shape[1]} coefficients "
                f"are too small for padding='valid': {shape[0]} × {shape[1]} are left "
                f"before convolution {position + 1} of {len(self.kernel_sizes)}, which "
                f"needs at least {kernel[0]} × {kernel[1]}. Use padding='same', fewer "
                "or smaller convolutions, or larger segments."
            )


class LSTMGenreClassifier(KerasTrackClassifier):
    """Recurrent network over a segment's frames.

    The paper's fourth network: two LSTM layers of 64 units, the first returning its
    whole sequence, then a dense layer.

    Parameters
    ----------
    units : tuple of int, default=(64, 64)
        Units of each LSTM layer.
    dense_units : int, default=64
        Units of the dense layer, with ReLU.
    dropout : float, default=0.3
        Fraction of the dense layer's units dropped while training, in [0, 1).
    learning_rate : float, default=1e-4
        Step size of Adam.
    epochs : int, default=50
        Passes over the training segments.
    batch_size : int, default=32
        Segments per step.
    pooling : {"mean", "geometric", "median", "vote", "max"}, default="mean"
        How the probabilities of a track's segments become the track's.
    random_state : int, RandomState instance or None, default=None
        Decides the initial weights, the order of segments and the dropout.
    verbose : int, default=0
        What Keras shows while training: nothing, a progress bar (1) or lines (2).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The genres, sorted.
    history_ : dict of list of float
        Per epoch, in terms of segments: `loss` and `accuracy` in training.
    network_ : TrainedNetwork
        The builder's arguments and the trained weights.
    segment_shape_ : tuple of int
        (n_frames, n_mfcc) of the segments seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import LSTMGenreClassifier
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> X[4:] += 3
    >>> lstm = LSTMGenreClassifier(
    ...     units=(8,), learning_rate=0.05, epochs=20, random_state=0
    ... )
    >>> lstm.fit(X, y).predict_proba(X).shape
    (8, 2)
    """

    _build = staticmethod(build_lstm)
    _network_parameters = ("units", "dense_units", "dropout")

    def __init__(
        self,
        *,
        units=(64, 64),
        dense_units=64,
        dropout=0.3,
        learning_rate=1e-4,
        epochs=50,
        batch_size=32,
        pooling="mean",
        random_state=None,
        verbose=0,
    ):
        self.units = units
        self.dense_units = dense_units
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.pooling = pooling
        self.random_state = random_state
        self.verbose = verbose


def _check_kernel_sizes(value, *, name):
    if isinstance(value, str) or not hasattr(value, "__len__") or len(value) == 0:
        raise ValueError(
            f"{name} must be a non-empty sequence of (n_frames, n_mfcc), got {value!r}."
        )
    for position, size in enumerate(value):
        check_sizes(size, name=f"{name}[{position}]")
        if len(size) != 2:
            raise ValueError(
                f"{name}[{position}] must be (n_frames, n_mfcc), got {size!r}."
            )


_NETWORK_PARAMETER_CHECKS = {
    "hidden_layer_sizes": check_sizes,
    "filters": check_sizes,
    "kernel_sizes": _check_kernel_sizes,
    "units": check_sizes,
    "dense_units": check_positive_integer,
    "padding": functools.partial(check_choice, choices=("valid", "same")),
    "dropout": functools.partial(check_number, low=0, high=1, high_open=True),
    "l2": functools.partial(check_number, low=0),
}

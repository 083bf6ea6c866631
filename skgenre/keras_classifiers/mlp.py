"""Classifier by a multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skgenre._typing import ClassWeight, Pooling, RandomState
from skgenre._validation import check_number, check_sizes
from skgenre.keras_classifiers.base import KerasTrackClassifier, document_network
from skgenre.networks import build_mlp


@document_network
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
        hidden_layer_sizes: Sequence[int] = (512, 256, 64),
        dropout: float = 0.0,
        l2: float = 0.0,
        learning_rate: float = 1e-4,
        epochs: int = 50,
        batch_size: int = 32,
        shuffle: bool = True,
        class_weight: ClassWeight = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        restore_best_weights: bool = True,
        warm_start: bool = False,
        callbacks: Any = None,
        pooling: Pooling = "mean",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self._store_parameters(locals())

    def _check_parameters(self):
        super()._check_parameters()
        check_sizes(self.hidden_layer_sizes, name="hidden_layer_sizes")
        check_number(self.dropout, name="dropout", low=0, high=1, high_open=True)
        check_number(self.l2, name="l2", low=0)

    @property
    def _jit_training(self):
        # XLA's random numbers take dropout twice as long as it gains, and are others
        # than Keras' own.
        return not self.dropout

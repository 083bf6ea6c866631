"""Classifier by a recurrent network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skgenre._typing import ClassWeight, Pooling, RandomState
from skgenre._validation import check_number, check_positive_integer, check_sizes
from skgenre.keras_classifiers.base import KerasTrackClassifier, document_network
from skgenre.networks import build_lstm


@document_network
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
    _jit_prediction = True

    def __init__(
        self,
        *,
        units: Sequence[int] = (64, 64),
        dense_units: int = 64,
        dropout: float = 0.3,
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
        check_sizes(self.units, name="units")
        check_positive_integer(self.dense_units, name="dense_units")
        check_number(self.dropout, name="dropout", low=0, high=1, high_open=True)

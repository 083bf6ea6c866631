"""Classifier by a network over covariances, for artists that training never saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from skgenre._typing import ClassWeight, Pooling, RandomState
from skgenre._validation import check_choice, check_count, check_number, check_sizes
from skgenre.keras_classifiers.base import KerasTrackClassifier, document_network
from skgenre.networks import CHANGE_LAGS, build_covariance


@document_network
class CovarianceGenreClassifier(KerasTrackClassifier):
    """Network over the second-order statistics of a segment's coefficients.

    Not from the paper: made for artists that training never saw, and for hundreds of
    tracks, not thousands. The frames are pooled, not flattened: into each coefficient's
    mean and the logarithm of its standard deviation; the matrix logarithm of the
    coefficients' covariance (of variances raised by 3 dB², below which they are noise);
    the same of the first 13 coefficients of three frames in a row, which tell how
    sounds begin and end; and, lag by lag, the logarithms of the standard deviations of
    the coefficients' changes: their rhythm. For 40 coefficients these are 2120 values.
    Each is standardised by its moments over the training segments; those of coefficient
    k then weigh 1 / (1 + k / 10), so that the many values of high coefficients do not
    outweigh the few of low ones. The output takes them directly, as logistic regression
    does, and by a hidden layer. ``benchmarks/README.md`` has what else was tried.

    The coefficients are taken in decibels, as `MFCCExtractor` gives them: a scaler
    before this classifier would hide which of their directions are noise. Give it 20 to
    40 of them.

    Parameters
    ----------
    lags : tuple of int, default=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
        Distances in frames over which changes are measured; those that a segment is too
        short for are left out.
    hidden_units : int, default=256
        Units of the hidden layer, with ReLU; 0 leaves it out.
    dropout : float, default=0.3
        Fraction of the statistics and of the hidden layer's units dropped while
        training, in [0, 1).
    l2 : float, default=0.01
        Penalty on the squared weights of each dense layer.
    learning_rate : float, default=0.002
        Step size of Adam; of its first epoch, for the "cosine" schedule.
    learning_rate_schedule : {"cosine", "constant"}, default="cosine"
        Whether the step size falls along half a cosine wave, over the `epochs` of each
        call of `fit`, to nearly zero (Loshchilov and Hutter, 2017), or stays.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import CovarianceGenreClassifier
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 20, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> X[4:] += 3
    >>> network = CovarianceGenreClassifier(hidden_units=8, epochs=30, random_state=0)
    >>> network.fit(X, y).predict_proba(X).shape
    (8, 2)
    """

    _build = staticmethod(build_covariance)
    _network_parameters = (
        "lags",
        "hidden_units",
        "dropout",
        "l2",
    )

    def __init__(
        self,
        *,
        lags: Sequence[int] = CHANGE_LAGS,
        hidden_units: int = 256,
        dropout: float = 0.3,
        l2: float = 0.01,
        learning_rate: float = 0.002,
        learning_rate_schedule: Literal["cosine", "constant"] = "cosine",
        epochs: int = 15,
        batch_size: int = 64,
        shuffle: bool = True,
        class_weight: ClassWeight = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        restore_best_weights: bool = True,
        warm_start: bool = False,
        callbacks: Any = None,
        pooling: Pooling = "geometric",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self._store_parameters(locals())

    def _check_parameters(self):
        super()._check_parameters()
        check_sizes(self.lags, name="lags")
        check_count(self.hidden_units, name="hidden_units")
        check_number(self.dropout, name="dropout", low=0, high=1, high_open=True)
        check_number(self.l2, name="l2", low=0)
        check_choice(
            self.learning_rate_schedule,
            ("cosine", "constant"),
            name="learning_rate_schedule",
        )

    def _list_learning_rates(self):
        if self.learning_rate_schedule == "constant":
            return None
        return tuple(
            self.learning_rate * (1 + math.cos(math.pi * epoch / self.epochs)) / 2
            for epoch in range(self.epochs)
        )

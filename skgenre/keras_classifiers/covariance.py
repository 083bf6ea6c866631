"""A network for few tracks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from skgenre._validation import check_choice, check_count, check_number, check_sizes
from skgenre.keras_classifiers.base import KerasTrackClassifier
from skgenre.networks import build_covariance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Literal

    from skgenre._typing import ClassWeight, Pooling, RandomState


class CovarianceGenreClassifier(KerasTrackClassifier):
    """Network over the second-order statistics of a segment's coefficients.

    Not from the paper: made for few tracks, and for artists that training never saw.
    The frames are pooled, not flattened: into each coefficient's mean, the matrix
    logarithm of the coefficients' covariance (of variances raised by 3 dB², below which
    they are noise) and, lag by lag, the logarithms of the standard deviations of the
    coefficients' changes: their rhythm (169 values for 13 coefficients). Each value is
    standardised by its moments over the training segments; dense layers follow, by
    default a single one. ``benchmarks/README.md`` has what else was tried.

    The coefficients are taken in decibels, as `MFCCExtractor` gives them: a scaler
    before this classifier would hide which of their directions are noise.

    Parameters
    ----------
    lags : tuple of int, default=(1, 2, 4, 8, 16)
        Distances in frames over which changes are measured; those that a segment is too
        short for are left out.
    hidden_units : int, default=0
        Units of a hidden layer, with ReLU; 0 leaves it out.
    dropout : float, default=0.3
        Fraction of the statistics and of the hidden layer's units dropped while
        training, in [0, 1).
    l2 : float, default=0.1
        Penalty on the squared weights of each dense layer; with a hidden layer less,
        such as 0.03, does.
    channel_shift : float, default=0.0
        Standard deviation, in dB, of a constant added to each of a row's coefficients
        while training: what another equaliser or room would do.
    learning_rate : float, default=0.003
        Step size of Adam; of its first epoch, for the "cosine" schedule.
    learning_rate_schedule : {"cosine", "constant"}, default="cosine"
        Whether the step size falls along half a cosine wave, over the `epochs` of each
        call of `fit`, to nearly zero (Loshchilov and Hutter, 2017), or stays.
    epochs : int, default=10
        Passes over the training segments.
    batch_size : int, default=32
        Segments per step.
    shuffle : bool, default=True
        Whether each epoch takes the segments in a new order.
    class_weight : dict or "balanced", default=None
        Weights of the genres, by name; "balanced" gives each genre the same total.
    early_stopping : bool, default=False
        Whether to hold out tracks, and to stop when the loss on them stops falling.
        Whole tracks are held out, stratified by genre, and where `fit` is given
        `groups`, whole groups.
    validation_fraction : float, default=0.1
        Share of the tracks that early stopping holds out, in (0, 1).
    n_iter_no_change : int, default=10
        Epochs without a new lowest validation loss after which training stops.
    restore_best_weights : bool, default=True
        Whether early stopping goes back to the weights of the epoch with the lowest
        validation loss.
    warm_start : bool, default=False
        Whether `fit` goes on from where the last call ended, the optimizer's state
        included, instead of starting anew.
    callbacks : keras.callbacks.Callback or list of them, default=None
        Told of the training as by Keras' own ``fit``. One that implements a hook for
        batches has each batch trained in a call of its own, which is slower.
    pooling : {"mean", "geometric", "median", "vote", "max"}, default="geometric"
        How the probabilities of a track's segments become the track's.
    random_state : int, RandomState instance or None, default=None
        Decides the initial weights, the order of segments, the dropout, the channel
        shifts and which tracks are held out.
    verbose : int, default=0
        What Keras shows while training: nothing, a progress bar (1) or lines (2).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The genres, sorted.
    history_ : dict of list of float
        One value per epoch: `loss` and `accuracy` of the training segments and, where
        there is validation, `val_loss` and `val_accuracy` of its segments and
        `val_track_accuracy` of its tracks, in all of which each counts alike, whatever
        its weight. NaN in epochs that had none.
    n_iter_ : int
        Number of epochs run.
    best_epoch_ : int or None
        Index into the lists of `history_` of the lowest validation loss of the last
        call that had validation, whose weights `restore_best_weights` keeps; None if no
        call had any.
    network_ : TrainedNetwork
        The builder's arguments and the trained weights.
    segment_shape_ : tuple of int
        (n_frames, n_mfcc) of the segments seen in `fit`.
    n_features_in_ : int
        Number of features; only where `fit` was given 2-D input.

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
        "channel_shift",
    )

    def __init__(
        self,
        *,
        lags: Sequence[int] = (1, 2, 4, 8, 16),
        hidden_units: int = 0,
        dropout: float = 0.3,
        l2: float = 0.1,
        channel_shift: float = 0.0,
        learning_rate: float = 0.003,
        learning_rate_schedule: Literal["cosine", "constant"] = "cosine",
        epochs: int = 10,
        batch_size: int = 32,
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
        super().__init__(
            learning_rate=learning_rate,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            class_weight=class_weight,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            restore_best_weights=restore_best_weights,
            warm_start=warm_start,
            callbacks=callbacks,
            pooling=pooling,
            random_state=random_state,
            verbose=verbose,
        )
        self.learning_rate_schedule = learning_rate_schedule
        self.lags = lags
        self.hidden_units = hidden_units
        self.dropout = dropout
        self.l2 = l2
        self.channel_shift = channel_shift

    def _check_parameters(self):
        super()._check_parameters()
        check_sizes(self.lags, name="lags")
        check_count(self.hidden_units, name="hidden_units")
        check_number(self.dropout, name="dropout", low=0, high=1, high_open=True)
        check_number(self.l2, name="l2", low=0)
        check_number(self.channel_shift, name="channel_shift", low=0)
        check_choice(
            self.learning_rate_schedule,
            ("cosine", "constant"),
            name="learning_rate_schedule",
        )

    def _list_learning_rates(self):
        if self.learning_rate_schedule == "constant":
            return None
        return [
            self.learning_rate * (1 + math.cos(math.pi * epoch / self.epochs)) / 2
            for epoch in range(self.epochs)
        ]

"""The multi-layer perceptron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skgenre._validation import check_number, check_sizes
from skgenre.keras_classifiers.base import KerasTrackClassifier
from skgenre.networks import build_mlp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from skgenre._typing import ClassWeight, Pooling, RandomState


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
    pooling : {"mean", "geometric", "median", "vote", "max"}, default="mean"
        How the probabilities of a track's segments become the track's.
    random_state : int, RandomState instance or None, default=None
        Decides the initial weights, the order of segments, the dropout and which tracks
        are held out.
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.l2 = l2

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

"""A network of the user's own."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from skgenre._validation import plain_integers
from skgenre.keras_classifiers.base import KerasTrackClassifier
from skgenre.training import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from skgenre._typing import ClassWeight, Pooling, RandomState

_PREFIX = "build__"


class KerasGenreClassifier(KerasTrackClassifier):
    """Any Keras network over a segment's frames and coefficients.

    Parameters
    ----------
    build : callable
        Builder of the network: ``build(input_shape, n_classes, **parameters)``, with
        `input_shape` (n_frames, n_mfcc), returns an uncompiled ``keras.Model`` from
        segments to the probabilities of `n_classes` genres. It is called once per fit,
        and in each process that predicts: equal arguments must build equal networks.
        For other processes it must be importable, so no lambda. It is called, and the
        network used, under those global settings of Keras that were in force in `fit`.
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
    **build_parameters : dict
        Parameters of the builder, each as ``build__name``; also for ``set_params`` and
        grid searches.

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
    >>> from skgenre import KerasGenreClassifier
    >>> def build_gru(input_shape, n_classes, units=8):
    ...     from keras import Sequential, layers
    ...     return Sequential([
    ...         layers.Input(input_shape),
    ...         layers.GRU(units),
    ...         layers.Dense(n_classes, activation="softmax"),
    ...     ])
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> X[4:] += 3
    >>> gru = KerasGenreClassifier(
    ...     build_gru, build__units=4, learning_rate=0.05, epochs=20, random_state=0
    ... )
    >>> gru.fit(X, y).predict_proba(X).shape
    (8, 2)
    """

    def __init__(
        self,
        build: Callable[..., Any],
        *,
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
        **build_parameters: Any,
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
        self.build = build
        for name in build_parameters:
            if not name.startswith(_PREFIX):
                raise TypeError(
                    f"{type(self).__name__} has no parameter {name!r}; a parameter of "
                    f"build is given as '{_PREFIX}{name}'."
                )
        self.__dict__.update(build_parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, those of the builder included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the builder's parameters that are at their defaults.

        Returns
        -------
        parameters : dict
            Values by name; the builder's as ``build__name``.
        """
        defaults = self._get_build_defaults() if deep and callable(self.build) else {}
        return {
            **super().get_params(deep=False),
            **defaults,
            **self._get_given_build_parameters(),
        }

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters, those of the builder as ``build__name``.

        Parameters
        ----------
        **parameters : dict
            Values by name.

        Returns
        -------
        self : object
            This classifier.
        """
        own = {n: v for n, v in parameters.items() if not n.startswith(_PREFIX)}
        super().set_params(**own)
        for name in parameters.keys() - own.keys():
            self._check_build_parameter(name)
            setattr(self, name, parameters[name])
        return self

    def _check_parameters(self):
        super()._check_parameters()
        if not callable(self.build):
            raise TypeError(f"build must be callable, got {self.build!r}.")
        for name in self._get_given_build_parameters():
            self._check_build_parameter(name)
        try:
            inspect.signature(self.build).bind(
                (1, 1), 2, **self._get_network_parameters()
            )
        except TypeError as error:
            raise TypeError(
                f"build={self.build!r} must take input_shape, n_classes and the "
                f"parameters that are set: {error}."
            ) from error

    def _check_build_parameter(self, name):
        known = inspect.signature(self.build).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
        if not takes_any and name.removeprefix(_PREFIX) not in list(known)[2:]:
            raise ValueError(
                f"{name!r} is no parameter of build={self.build!r}, which has: "
                f"{', '.join(_PREFIX + n for n in list(known)[2:]) or 'none'}."
            )

    def _get_given_build_parameters(self):
        return {n: v for n, v in vars(self).items() if n.startswith(_PREFIX)}

    def _get_build_defaults(self):
        parameters = list(inspect.signature(self.build).parameters.values())[2:]
        return {
            _PREFIX + p.name: p.default
            for p in parameters
            if p.default is not inspect.Parameter.empty
        }

    def _read_settings(self):
        return read_settings()

    def _get_builder(self):
        return self.build

    def _get_network_parameters(self):
        given = self._get_given_build_parameters()
        return plain_integers(
            {name.removeprefix(_PREFIX): value for name, value in given.items()}
        )

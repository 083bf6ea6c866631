"""Classifier by a network of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

from skgenre._typing import ClassWeight, Pooling, RandomState
from skgenre._validation import plain_integers
from skgenre.keras_classifiers.base import KerasTrackClassifier, document_network
from skgenre.training import read_settings

_PREFIX = "build__"


@document_network
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
    learning_rate : float, default=0.001
        Step size of Adam; as in Keras, ten times that of the paper's networks.
    **build_parameters : dict
        Parameters of the builder, each as ``build__name``; also for ``set_params`` and
        grid searches.

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
        learning_rate: float = 1e-3,
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
        self._store_parameters(locals())
        del self.build_parameters
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
        parameters = super().get_params(deep=False)
        if deep and callable(self.build):
            for known in list(inspect.signature(self.build).parameters.values())[2:]:
                if known.default is not known.empty:
                    parameters[_PREFIX + known.name] = known.default
        return parameters | self._list_build_parameters()

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
        for name in self._list_build_parameters():
            self._check_build_parameter(name)
        parameters = self._get_network_parameters()
        try:
            inspect.signature(self.build).bind((1, 1), 2, **parameters)
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
                f"{name!r} is not a parameter of build={self.build!r}, which has: "
                f"{', '.join(_PREFIX + n for n in list(known)[2:]) or 'none'}."
            )

    def _list_build_parameters(self):
        return {n: v for n, v in vars(self).items() if n.startswith(_PREFIX)}

    def _read_settings(self):
        return read_settings()

    @property
    def _build(self):
        return self.build

    def _get_network_parameters(self):
        given = self._list_build_parameters().items()
        return plain_integers({n.removeprefix(_PREFIX): v for n, v in given})

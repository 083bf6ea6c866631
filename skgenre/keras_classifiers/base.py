"""Base class of the classifiers whose model is a Keras network."""

from __future__ import annotations

import copy
import inspect
import re
from dataclasses import replace
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skgenre._compat import (
    CallbackSupportMixin,
    FitCallbacks,
    drop_callbacks,
    with_callbacks,
)
from skgenre._fitting import atomic_fit
from skgenre._validation import (
    check_boolean,
    check_callbacks,
    check_class_weight,
    check_groups,
    check_number,
    check_positive_integer,
    check_sample_weight,
    check_target,
    check_verbosity,
    plain_integers,
)
from skgenre.keras_classifiers.training_set import TrainingSet, hold_out_tracks
from skgenre.track_classifier import BaseTrackClassifier
from skgenre.training import Architecture, FitSettings, TrainedNetwork, check_backend

_Class = TypeVar("_Class", bound=type)


class KerasTrackClassifier(CallbackSupportMixin, BaseTrackClassifier):
    """Base class of the classifiers whose model is a Keras network.

    A subclass, decorated with `document_network`, names the network's builder in
    `_build`, and in `_network_parameters` the constructor parameters that the builder
    takes. A fitted classifier holds numpy weights, and no Keras object is ever pickled.

    Parameters
    ----------
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
        Called during training as by Keras' own ``fit``. With one that implements a hook
        for batches, each batch is trained in a call of its own, which is slower.
    pooling : {"mean", "geometric", "median", "vote", "max"}, default="mean"
        How the probabilities of a track's segments become the track's.
    random_state : int, RandomState instance or None, default=None
        Decides the initial weights, the order of segments, dropout and other noise, and
        which tracks are held out.
    verbose : int, default=0
        What is shown while training: nothing; a bar, also in notebooks, with the last
        epoch's accuracy, on held-out tracks if there are any, and loss (1); or Keras'
        lines, one per epoch (2).

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
    feature_names_in_ : ndarray of str of shape (n_features,)
        Names of the features; only where `fit` was given a data frame.
    """

    _build: Any = None
    _network_parameters: tuple[str, ...] = ()
    # Whether XLA compiles it: training is 3 times faster for the MLP, 19 times slower
    # for the CNN; prediction is 2.4 times faster for the LSTM.
    _jit_training = False
    _jit_prediction = False

    def _store_parameters(self, given):
        """Store constructor parameters: `given` is `locals()` at the start of it."""
        vars(self).update(given)
        del vars(self)["self"]

    @atomic_fit
    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network on the segments of tracks.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features; a missing segment is all NaN. Also (n_tracks, n_frames, n_mfcc):
            one segment per track, or (n_tracks, n_features): one segment of one frame.
        y : array-like of shape (n_tracks,)
            Genres.
        sample_weight : array-like of shape (n_tracks,), default=None
            Weights of the tracks; each of a track's segments gets its weight. A track
            of weight zero is not trained on; its genre stays one of `classes_`.
        groups : array-like of shape (n_tracks,), default=None
            Artists, or whatever must not be on both sides: early stopping holds out
            whole groups. A missing one (None, NaN) is a group of its own. Without early
            stopping they have no effect.
        X_val : array-like of shape (n_val, n_segments, n_frames, n_mfcc), default=None
            Features of tracks to validate on after each epoch; early stopping then
            holds out none of `X`.
        y_val : array-like of shape (n_val,), default=None
            Their genres, all of which must be in `y`.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        TypeError, ValueError
            A parameter has the wrong type or is out of range; `X` holds paths, has
            another rank, infinite values, partly missing segments or a track without
            any; `y` holds one genre only; there are too few tracks to hold any out;
            training diverged.
        RuntimeError
            Keras has another backend than TensorFlow.
        """
        resume = bool(self.warm_start) and hasattr(self, "network_")
        tracks = self._check_tracks(
            X, y, sample_weight, groups, reset=not resume, encode_anew=not resume
        )
        random_state = check_random_state(self.random_state)
        seed = int(random_state.randint(2**31 - 1))
        tracks, validation = self._split_tracks(tracks, X_val, y_val, random_state)
        tracks = tracks.weigh_classes(
            self.class_weight,
            classes=self.classes_,
            # Training may go on with tracks of one genre.
            allow_one_class=resume,
        )
        settings = self._make_settings(seed=seed, resume=resume)
        callbacks = FitCallbacks(self, X, y, sample_weight, epochs=settings.epochs)
        self._train(tracks, settings, validation=validation, listener=callbacks)
        callbacks.end()
        return self

    @atomic_fit
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one more epoch, from where the last call ended.

        Parameters
        ----------
        X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
            Features, as in `fit`.
        y : array-like of shape (n_tracks,)
            Genres.
        classes : array-like of shape (n_classes,), default=None
            All genres that any call will bring; needed in the first call only.
        sample_weight : array-like of shape (n_tracks,), default=None
            Weights of the tracks; each of a track's segments gets its weight. A track
            of weight zero is not trained on; its genre stays one of `classes_`.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            As `fit`; also with ``early_stopping=True`` or ``class_weight="balanced"``,
            which need all tracks at once, and for a genre that is not in `classes`.
        """
        self._check_parameters()
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not supported by partial_fit, "
                "which does not see all tracks: give a dict of weights."
            )
        resume = hasattr(self, "network_")
        if not resume:
            self._encode_target(y if classes is None else classes)
        elif classes is not None and set(np.unique(classes)) != set(self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_.tolist()}, "
                f"got {np.unique(classes).tolist()}."
            )
        tracks = self._check_tracks(
            X, y, sample_weight, reset=not resume, encode_anew=False
        )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        tracks = tracks.weigh_classes(
            self.class_weight, classes=self.classes_, allow_one_class=True
        )
        settings = self._make_settings(seed=seed, resume=resume)
        self._train(
            tracks,
            replace(settings, epochs=1, learning_rates=None, keep_training_state=True),
        )
        return self

    def to_keras(self) -> Any:
        """Make a Keras model of the trained network.

        Returns
        -------
        model : keras.Model
            New, compiled, with the trained weights: segments (n_rows, n_frames, n_mfcc)
            to probabilities (n_rows, n_classes), in the order of `classes_`. Whatever
            is done to it, such as further training, does not change this classifier.
        """
        return self.to_scikeras().model_

    def to_scikeras(self) -> Any:
        """Make a scikeras classifier of segments of the trained network.

        Returns
        -------
        classifier : scikeras.wrappers.KerasClassifier
            New, with the trained weights in a model of its own. It takes segments
            (n_rows, n_frames, n_mfcc) and their genres. `partial_fit`, and `fit` with
            ``warm_start=True``, go on from the trained weights, with a fresh optimizer;
            `fit` alone, or a clone, builds the network anew. Of this classifier's
            parameters it has `learning_rate`, `epochs`, `batch_size`, `shuffle` and
            `verbose`.
        """
        check_is_fitted(self)
        return self.network_.to_scikeras(
            self.classes_,
            learning_rate=self.learning_rate,
            epochs=int(self.epochs),
            batch_size=int(self.batch_size),
            shuffle=bool(self.shuffle),
            verbose=int(self.verbose),
        )

    def _check_parameters(self):
        check_backend()
        super()._check_parameters()
        check_number(self.learning_rate, name="learning_rate", low=0, low_open=True)
        for name in ("epochs", "batch_size", "n_iter_no_change"):
            check_positive_integer(getattr(self, name), name=name)
        for name in ("shuffle", "early_stopping", "restore_best_weights", "warm_start"):
            check_boolean(getattr(self, name), name=name)
        check_number(
            self.validation_fraction,
            name="validation_fraction",
            low=0,
            high=1,
            low_open=True,
            high_open=True,
        )
        check_class_weight(self.class_weight)
        check_random_state(self.random_state)
        check_verbosity(self.verbose)
        check_callbacks(self.callbacks)

    def _check_tracks(self, X, y, sample_weight, groups=None, *, reset, encode_anew):
        """Check all arguments of a fit; return the tracks that have a weight.

        `reset` takes the features' shape from `X`, `encode_anew` the classes from `y`.
        """
        self._check_parameters()
        X = self._check_features(X, reset=reset)
        y = self._encode_target(y) if encode_anew else self._encode_known_target(y)
        check_consistent_length(X, y)
        self._check_network(X.shape[2:])
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, n_tracks=len(X))
        check_class_weight(self.class_weight, classes=self.classes_)
        if groups is not None:
            groups = check_groups(groups, n_tracks=len(X))
        return TrainingSet(X, y, sample_weight, groups).without_weight_zero()

    def _encode_known_target(self, y, name="y"):
        y = check_target(y, estimator=self)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"{name} holds genres that the classifier does not know: "
                f"{unknown.tolist()}; it knows {self.classes_.tolist()}."
            )
        return np.searchsorted(self.classes_, y)

    def _check_network(self, input_shape):
        """Refuse segments and parameters that the network cannot take."""

    def _split_tracks(self, tracks, X_val, y_val, random_state):
        """Return tracks to train on and to validate on (None without validation)."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together, got only one.")
        if X_val is not None:
            X_val = self._check_features(X_val, reset=False)
            y_val = self._encode_known_target(y_val, name="y_val")
            check_consistent_length(X_val, y_val)
            return tracks, TrainingSet(X_val, y_val)
        if not self.early_stopping:
            return tracks, None
        trained, held_out = hold_out_tracks(
            tracks.y,
            tracks.groups,
            validation_fraction=self.validation_fraction,
            random_state=random_state,
        )
        return tracks.take(trained), tracks.take(held_out)

    def _make_settings(self, *, seed, resume):
        return FitSettings(
            seed=seed,
            learning_rate=self.learning_rate,
            epochs=int(self.epochs),
            batch_size=int(self.batch_size),
            shuffle=self.shuffle,
            learning_rates=self._list_learning_rates(),
            resume=resume,
            initial_epoch=self.n_iter_ if resume else 0,
            early_stopping=self.early_stopping,
            n_iter_no_change=int(self.n_iter_no_change),
            restore_best_weights=self.restore_best_weights,
            keep_training_state=self.warm_start,
            callbacks=tuple(check_callbacks(self.callbacks)),
            verbose=int(self.verbose),
        )

    def _train(self, tracks, settings, *, validation=None, listener=None):
        if validation is not None:
            validation = validation.to_validation(pooling=self.pooling)
        keras_settings = self._read_settings()
        if settings.resume:
            # Training goes on under the settings of Keras that it began under.
            keras_settings = self.network_.architecture.settings
        architecture = Architecture(
            self._build,
            self.segment_shape_,
            len(self.classes_),
            # A list given as a parameter may be changed later; the network may not.
            copy.deepcopy(self._get_network_parameters()),
            settings=keras_settings,
            jit_training=self._jit_training,
            jit_prediction=self._jit_prediction,
        )
        if settings.resume and self.network_.architecture != architecture:
            raise ValueError(
                "the network's parameters have changed since it was trained, from "
                f"{self.network_.architecture.parameters} to "
                f"{architecture.parameters}: training cannot go on from there. Use "
                "warm_start=False, or a clone."
            )
        network, earlier = TrainedNetwork(architecture), {}
        if settings.resume:
            network, earlier = copy.copy(self.network_), self.history_
        history = network.fit(
            tracks.to_rows(), settings, validation=validation, listener=listener
        )
        self.network_ = network
        n_before, n_epochs = len(earlier.get("loss", ())), len(history["loss"])
        self.history_ = {
            name: earlier.get(name, [np.nan] * n_before)
            + history.get(name, [np.nan] * n_epochs)
            for name in earlier | history
        }
        self.n_iter_ = n_before + n_epochs
        if validation is not None:
            losses = np.nan_to_num(history["val_loss"], nan=np.inf)
            self.best_epoch_ = n_before + int(np.argmin(losses))
        elif not settings.resume:
            self.best_epoch_ = None

    def _read_settings(self):
        """Return Keras' settings for a user's network, None for one of this package."""
        return None

    def _get_network_parameters(self):
        values = {name: getattr(self, name) for name in self._network_parameters}
        # Sizes may be an array.
        return plain_integers(
            {n: v.tolist() if hasattr(v, "tolist") else v for n, v in values.items()}
        )

    def _list_learning_rates(self):
        """Return one rate per epoch of a `fit`; None for `learning_rate` in all."""
        return None

    def _predict_segments(self, segments):
        return self.network_.predict(segments)

    def __getstate__(self):
        return drop_callbacks(super().__getstate__())


def document_network(cls: _Class) -> _Class:
    """Complete the docstring of a network's class with what all networks share.

    Parameters and attributes that the docstring of `KerasTrackClassifier` describes are
    added, with the defaults that the class has.
    """
    if cls.__doc__ is None:  # python -OO
        return cls
    shared, attributes = _list_parameters(KerasTrackClassifier)
    own, examples = _list_parameters(cls)
    described = []
    for parameter in inspect.signature(cls).parameters.values():
        default = f"default={parameter.default!r}".replace("'", '"')
        entry = re.sub("default=.*", default, shared.get(parameter.name, ""))
        described.append(own.get(parameter.name, entry))
    summary = inspect.cleandoc(cls.__doc__).partition(_PARAMETERS)[0]
    sections = "".join([summary, _PARAMETERS, *described])
    cls.__doc__ = f"{sections}\n{attributes}\n\n{examples}\n"
    return cls


_PARAMETERS = "Parameters\n----------\n"


def _list_parameters(cls):
    """Return the entries of a docstring's parameters, by name, and what follows."""
    section = inspect.cleandoc(cls.__doc__).partition(_PARAMETERS)[2]
    entries, _, rest = section.partition("\n\n")
    parts = re.split(r"^(?=\S)", f"{entries}\n", flags=re.MULTILINE)
    return {part.partition(" : ")[0].lstrip("*"): part for part in parts[1:]}, rest

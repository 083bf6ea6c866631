"""What all classifiers have in common whose model is a Keras network."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from skgenre._atomic_fit import atomic_fit
from skgenre._sklearn_callbacks import (
    CallbackSupportMixin,
    FitTasks,
    drop_callbacks,
    with_callbacks,
)
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
    check_weights,
    list_callbacks,
    plain_integers,
)
from skgenre.keras_classifiers.holdout import hold_out_tracks
from skgenre.keras_classifiers.tracks import Tracks, weigh_tracks
from skgenre.track_classifier import BaseTrackClassifier
from skgenre.training import (
    Architecture,
    EarlyStopping,
    TrainedNetwork,
    check_backend,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from numpy.typing import ArrayLike

    from skgenre._typing import ClassWeight, Pooling, RandomState


class KerasTrackClassifier(CallbackSupportMixin, BaseTrackClassifier):
    """Base of the classifiers whose model is a Keras network.

    A subclass names the network's builder in `_build`, and in `_network_parameters` the
    constructor parameters that the builder takes. Keras is composed, not subclassed:
    a fitted classifier holds numpy weights, and no Keras object is ever pickled.
    """

    _build: Callable[..., Any] | None = None
    _network_parameters: tuple[str, ...] = ()
    # Whether XLA compiles it: training is 3 times faster for the MLP, 19 times slower
    # for the CNN; prediction is 2.4 times faster for the LSTM.
    _jit_training = False
    _jit_prediction = False

    def __init__(
        self,
        *,
        learning_rate: float,
        epochs: int,
        batch_size: int,
        shuffle: bool,
        class_weight: ClassWeight,
        early_stopping: bool,
        validation_fraction: float,
        n_iter_no_change: int,
        restore_best_weights: bool,
        warm_start: bool,
        callbacks: Any,
        pooling: Pooling,
        random_state: RandomState,
        verbose: int,
    ) -> None:
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.restore_best_weights = restore_best_weights
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.pooling = pooling
        self.random_state = random_state
        self.verbose = verbose

    @atomic_fit
    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
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
        ValueError
            A parameter is out of range, `X` has another rank, infinite values, partly
            missing segments or a track without any; `y` holds one genre only; there
            are too few tracks to hold any out; training diverged.
        """
        resume = bool(self.warm_start) and hasattr(self, "network_")
        tracks = self._check_tracks(
            X, y, sample_weight, groups, reset=not resume, encode_anew=not resume
        )
        random_state = check_random_state(self.random_state)
        seed = int(random_state.randint(2**31 - 1))
        trained, validation = self._split_tracks(tracks, X_val, y_val, random_state)
        tasks = FitTasks(self, X, y, sample_weight, epochs=int(self.epochs))
        self._train(
            trained, seed=seed, resume=resume, validation=validation, tasks=tasks
        )
        tasks.end()
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
        self._refuse_partial_fit()
        resume = hasattr(self, "network_")
        if not resume:
            self._encode_target(y if classes is None else classes)
        elif classes is not None and set(np.unique(classes)) != set(self.classes_):
            raise ValueError(
                f"classes={np.unique(classes)!r} are not those of the first call: "
                f"{self.classes_!r}."
            )
        tracks = self._check_tracks(
            X, y, sample_weight, reset=not resume, encode_anew=False
        )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._train(
            tracks,
            seed=seed,
            resume=resume,
            **{"epochs": 1, "learning_rates": None, "keep_training_state": True},
        )
        return self

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
            **{"low": 0, "high": 1, "low_open": True, "high_open": True},
        )
        check_class_weight(self.class_weight)
        check_random_state(self.random_state)
        check_verbosity(self.verbose)
        check_callbacks(self.callbacks)

    def _refuse_partial_fit(self):
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not supported by partial_fit, "
                "which does not see all tracks: give a dict of weights."
            )

    def _check_tracks(self, X, y, sample_weight, groups=None, *, reset, encode_anew):
        """Check what is to be trained on, before any training starts.

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
        weights = weigh_tracks(
            y, sample_weight, self.class_weight, classes=self.classes_
        )
        if weights is not None:
            given = {"sample_weight": sample_weight, "class_weight": self.class_weight}
            check_weights(
                weights,
                # Training may go on with tracks of one genre.
                y if encode_anew else None,
                name=" times ".join(n for n, v in given.items() if v is not None),
            )
        if groups is not None:
            groups = check_groups(groups, n_tracks=len(X))
        return Tracks(X, y, sample_weight, groups).without_weight_zero()

    def _encode_known_target(self, y, name="y"):
        y = check_target(y, estimator=self)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"{name} holds genres that were not there at first: "
                f"{unknown.tolist()}; known are {self.classes_.tolist()}."
            )
        return np.searchsorted(self.classes_, y)

    def _check_network(self, input_shape):
        """Refuse segments and parameters that the network cannot take."""

    def _split_tracks(self, tracks, X_val, y_val, random_state):
        """Tracks to train on and to validate on (None without validation)."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together, got only one.")
        if X_val is not None:
            X_val = self._check_features(X_val, reset=False)
            y_val = self._encode_known_target(y_val, name="y_val")
            check_consistent_length(X_val, y_val)
            return tracks, Tracks(X_val, y_val)
        if not self.early_stopping:
            return tracks, None
        trained, held_out = hold_out_tracks(
            tracks.y,
            tracks.groups,
            validation_fraction=self.validation_fraction,
            random_state=random_state,
        )
        return tracks.take(trained), tracks.take(held_out)

    def _train(self, tracks, *, seed, resume, validation=None, tasks=None, **changes):
        # Training goes on under the settings of Keras that it began under.
        settings = (
            self.network_.architecture.settings if resume else self._read_settings()
        )
        architecture = self._make_architecture(settings)
        network = copy.copy(self.network_) if resume else TrainedNetwork(architecture)
        if network.architecture != architecture:
            raise ValueError(
                "the network's parameters have changed since it was trained, from "
                f"{network.architecture.parameters} to {architecture.parameters}: "
                "training cannot go on from there. Use warm_start=False, or a clone."
            )
        arguments = {
            "learning_rate": self.learning_rate,
            "learning_rates": self._list_learning_rates(),
            "epochs": int(self.epochs),
            "batch_size": int(self.batch_size),
            "shuffle": self.shuffle,
            "callbacks": list_callbacks(self.callbacks),
            "verbose": int(self.verbose),
            "keep_training_state": self.warm_start,
        }
        history = network.fit(
            tracks.weigh_classes(self.class_weight, classes=self.classes_).to_rows(),
            seed=seed,
            resume=resume,
            initial_epoch=self.n_iter_ if resume else 0,
            validation=None
            if validation is None
            else validation.to_validation(pooling=self.pooling),
            early_stopping=None if validation is None else self._make_early_stopping(),
            **({} if tasks is None else tasks.hooks()),
            **{**arguments, **changes},
        )
        self.network_ = network
        self._record(history, resume)

    def _make_architecture(self, settings):
        return Architecture(
            self._get_builder(),
            self.segment_shape_,
            len(self.classes_),
            # A list given as a parameter may be changed later; the network may not.
            copy.deepcopy(self._get_network_parameters()),
            settings=settings,
            jit_training=self._jit_training,
            jit_prediction=self._jit_prediction,
        )

    def _read_settings(self):
        """Keras' settings for a user's network; None: those that ours all have."""
        return None

    def _get_builder(self):
        return type(self)._build

    def _get_network_parameters(self):
        values = {name: getattr(self, name) for name in self._network_parameters}
        # Sizes may be an array.
        return plain_integers(
            {n: v.tolist() if hasattr(v, "tolist") else v for n, v in values.items()}
        )

    def _list_learning_rates(self):
        """One per epoch of a `fit`; None: `learning_rate` throughout."""
        return None

    def _make_early_stopping(self):
        if not self.early_stopping:
            return None
        return EarlyStopping(
            int(self.n_iter_no_change), restore_best_weights=self.restore_best_weights
        )

    def _record(self, history, resume):
        """Append to what earlier calls left; NaN in epochs without a value."""
        earlier = self.history_ if resume else {}
        n_before, n_epochs = len(earlier.get("loss", ())), len(history["loss"])
        self.history_ = {
            name: earlier.get(name, [np.nan] * n_before)
            + history.get(name, [np.nan] * n_epochs)
            for name in earlier | history
        }
        self.n_iter_ = n_before + n_epochs
        if "val_loss" in history:
            losses = np.nan_to_num(history["val_loss"], nan=np.inf)
            self.best_epoch_ = n_before + int(np.argmin(losses))
        elif not resume:
            self.best_epoch_ = None

    def _predict_segments(self, segments):
        return self.network_.predict(segments)

    def __getstate__(self):
        return drop_callbacks(super().__getstate__())

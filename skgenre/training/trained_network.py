"""A network that owns its weights."""

import copy
import functools

import numpy as np

from skgenre._blocks import N_BATCH_ROWS
from skgenre._scikeras import wrap_network
from skgenre.training.epochs import run_epochs
from skgenre.training.keras_state import (
    KERAS_LOCK,
    OWN_SETTINGS,
    isolated_random_state,
    settings_in_force,
)
from skgenre.training.network_pool import (
    Architecture,
    NetworkPool,
    fingerprint_model,
)

POOL = NetworkPool()


class TrainedNetwork:
    """A network kept as its architecture and its weights as numpy arrays.

    Pickle, deepcopy and other processes see only those: no Keras object is ever
    serialised, and TensorFlow is not loaded before the first prediction.

    Parameters
    ----------
    architecture : Architecture

    Attributes
    ----------
    weights : list of ndarray
        In the order of Keras' ``get_weights``.
    training_state : dict or None
        What further training goes on from, if kept: the variables of the optimizer and
        of dropout, and the generator that orders the rows.
    """

    def __init__(self, architecture):
        self.architecture = architecture
        self.weights = None
        self.training_state = None
        self._fingerprint = None

    def _check_parameters(self):
        """Refuse parts that no training has put together, as of a forged file."""
        architecture = self.architecture
        is_sound = (
            isinstance(architecture, Architecture)
            and isinstance(architecture.input_shape, tuple)
            and [type(size) for size in architecture.input_shape] == [int, int]
            and type(architecture.n_classes) is int
            and isinstance(architecture.parameters, dict)
            and callable(architecture.build)
            and isinstance(architecture.settings, dict | None)
            and isinstance(self.weights, list)
            and len(self.weights) > 0
            and all(
                isinstance(array, np.ndarray) and array.dtype.kind in "fiu"
                for array in self.weights
            )
        )
        if is_sound and architecture.settings is not None:
            types = {name: type(value) for name, value in OWN_SETTINGS.items()}
            settings = architecture.settings.items()
            is_sound = types == {name: type(value) for name, value in settings}
        if not is_sound:
            raise ValueError("the parts of its TrainedNetwork do not fit together")

    def fit(self, rows, settings, *, validation=None, listener=None):
        """Train on rows; return the history, a dict of one value per epoch.

        For the `listener` see `run_epochs`. Training that diverges is refused, and
        leaves the weights as they were.
        """
        state = self.training_state if settings.resume else None
        order = np.random.default_rng(settings.seed)
        is_foreign = not self.architecture.is_own or bool(settings.callbacks)
        with (
            KERAS_LOCK,
            settings_in_force(self.architecture.settings),
            isolated_random_state(settings.seed, reset_kernels=is_foreign),
            POOL.lend(
                self.architecture,
                fingerprint=None if state is None else self._fingerprint,
                fresh=state is None,
                check=bool(settings.callbacks),
            ) as network,
        ):
            network.prepare_training(settings.learning_rate)
            if settings.resume:
                network.model.set_weights(self.weights)
            if state is not None:
                network.write_training_state(state)
                # It is one of the optimizer's variables.
                network.model.optimizer.learning_rate = settings.learning_rate
                order = copy.deepcopy(state["order"])
            history, kept_epoch = run_epochs(
                network,
                rows,
                settings,
                order=order,
                validation=validation,
                listener=listener,
                make_network=functools.partial(self._copy, network),
            )
            _check_outcome(network, rows, history, kept_epoch, settings.learning_rate)
            self.weights = network.loaded_weights = network.model.get_weights()
            self._fingerprint = network.fingerprint
            self.training_state = None
            if settings.keep_training_state:
                self.training_state = {**network.read_training_state(), "order": order}
        return history

    def predict(self, X):
        """Return class probabilities: (n_rows, ...) -> (n_rows, n_classes)."""
        with (
            KERAS_LOCK,
            settings_in_force(self.architecture.settings),
            POOL.lend(self.architecture, fingerprint=self._fingerprint) as network,
        ):
            network.load_weights(self.weights)
            self._fingerprint = network.fingerprint
            probabilities = network.predict(X)
        if not np.isfinite(probabilities).all():
            raise ValueError(
                "the network's probabilities of these segments are not finite: X, up "
                f"to {np.abs(X).max():.4g} in size, is too large for its weights."
            )
        return probabilities

    def to_scikeras(self, classes, **parameters):
        """Return a scikeras classifier around a new model with these weights."""
        with (
            KERAS_LOCK,
            settings_in_force(self.architecture.settings),
            isolated_random_state(0),
        ):
            build = functools.partial(_build_model, self.architecture)
            shape = self.architecture.input_shape
            wrapper = wrap_network(build, shape, classes, **parameters)
            built = fingerprint_model(wrapper.model_)
            self.architecture.check_fingerprint(built, self._fingerprint)
            wrapper.model_.set_weights(self.weights)
        return wrapper

    def forget_fingerprint(self):
        """Accept the next network that is built as the one that was trained.

        Another version of Keras may describe an equal network otherwise.
        """
        self._fingerprint = None

    def _copy(self, network):
        """Return the network in its present state, in the middle of training."""
        trained = TrainedNetwork(self.architecture)
        trained.weights = network.model.get_weights()
        trained._fingerprint = network.fingerprint
        return trained


def clear_network_pool() -> None:
    """Drop the compiled networks that this process keeps for further fits.

    The Keras classifiers keep the sixteen compiled networks that were used last, or
    fewer if these take more than 512 MB, since compiling one takes longer than a short
    fit. Fitted classifiers stay as they are; the next fit or prediction compiles its
    network again.

    Examples
    --------
    >>> from skgenre import clear_network_pool
    >>> clear_network_pool()
    """
    POOL.clear()


def _build_model(architecture):
    # Called again by a scikeras classifier that is fitted anew or cloned.
    with KERAS_LOCK, settings_in_force(architecture.settings):
        return architecture.build_model()


def _check_outcome(network, rows, history, kept_epoch, learning_rate):
    """Refuse weights that are not finite, or that give no finite probabilities."""
    # Finite weights may be too large for any product with them. One batch shows it.
    sample = np.linspace(0, len(rows.y) - 1, N_BATCH_ROWS, dtype=int)
    outcome = {
        "the loss is": [history["loss"][kept_epoch]],
        "the validation loss is": [history.get("val_loss", [0.0])[kept_epoch]],
        "weights are": network.model.get_weights(),
        "probabilities are": [network.predict(rows.X[sample])],
    }
    for name, values in outcome.items():
        if not all(np.isfinite(value).all() for value in values):
            first, last = history["loss"][0], history["loss"][-1]
            raise ValueError(
                f"training diverged: {name} not finite (training loss of the first "
                f"epoch {first:.4g}, of the last {last:.4g}). Lower "
                f"learning_rate={learning_rate}, or standardise the features "
                "(MFCCScaler)."
            )

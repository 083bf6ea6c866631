"""A network that owns its weights."""

import copy
import functools

import numpy as np

from skgenre.training.epochs import Training
from skgenre.training.isolation import KERAS_LOCK, isolated_random_state
from skgenre.training.keras_settings import settings_in_force
from skgenre.training.network_pool import NetworkPool
from skgenre.training.steps import PREDICTION_BATCH_SIZE, predict

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
        What further training goes on from, where it was asked for: the variables of
        the optimizer and of dropout, and the generator that orders the rows.
    """

    def __init__(self, architecture):
        self.architecture = architecture
        self.weights = None
        self.training_state = None
        self._fingerprint = None

    def fit(
        self,
        rows,
        *,
        seed,
        learning_rate,
        shuffle=True,
        early_stopping=None,
        resume=False,
        keep_training_state=False,
        callbacks=(),
        begin_epoch=lambda: None,
        end_epoch=lambda make_network: False,
        **training_arguments,
    ):
        """Train on rows; return the history, a dict of one value per epoch.

        From freshly drawn weights, or with `resume` from where the last fit ended.
        `end_epoch` is given a function that makes the network as it then is.

        Training that diverges is refused, and leaves the weights as they were.
        """
        # What went on before says all that is drawn anew otherwise.
        state = self.training_state if resume else None
        order = np.random.default_rng(seed)
        reset_kernels = bool(callbacks) or not self.architecture.is_own
        with (
            KERAS_LOCK,
            settings_in_force(self.architecture.settings),
            isolated_random_state(seed, reset_kernels=reset_kernels),
            self._lend(new=state is None, check=bool(callbacks)) as network,
        ):
            network.prepare_training(learning_rate)
            if resume:
                network.model.set_weights(self.weights)
            if state is not None:
                network.write_training_state(state)
                network.model.optimizer.learning_rate = learning_rate
                order = copy.deepcopy(state["order"])
            history = Training(
                network,
                rows,
                order=order if shuffle else None,
                early_stopping=early_stopping,
                callbacks=callbacks,
                begin_epoch=begin_epoch,
                end_epoch=lambda: end_epoch(functools.partial(self._copy, network)),
                **training_arguments,
            ).run()
            _check_outcome(
                network,
                rows,
                history,
                kept_epoch=-1 if early_stopping is None else early_stopping.kept_epoch,
                learning_rate=learning_rate,
            )
            self.weights = network.copy_weights()
            self._fingerprint = network.fingerprint
            self.training_state = None
            if keep_training_state:
                self.training_state = {**network.read_training_state(), "order": order}
        return history

    def predict(self, X):
        """Class probabilities: (n_rows, n_frames, n_mfcc) -> (n_rows, n_classes)."""
        with (
            KERAS_LOCK,
            settings_in_force(self.architecture.settings),
            self._lend(new=False) as network,
        ):
            network.load_weights(self.weights)
            self._fingerprint = network.fingerprint
            probabilities = predict(network, X)
        if not np.isfinite(probabilities).all():
            raise ValueError(
                "the network's probabilities of these segments are not finite: X, up "
                f"to {np.abs(X).max():.4g} in size, is too large for its weights."
            )
        return probabilities

    def forget_fingerprint(self):
        """Let the next network that is built be the one that was trained.

        Another version of Keras may describe an equal network otherwise.
        """
        self._fingerprint = None

    def _lend(self, *, new, check=False):
        if new:
            return POOL.lend_new(self.architecture, check=check)
        return POOL.lend_built(self.architecture, self._fingerprint, check=check)

    def _copy(self, network):
        """The network as it is in the middle of training."""
        trained = TrainedNetwork(self.architecture)
        trained.weights = network.model.get_weights()
        trained._fingerprint = network.fingerprint
        return trained


def _check_outcome(network, rows, history, *, kept_epoch, learning_rate):
    """Refuse weights that are not finite, or that give no finite probabilities."""
    # Weights that are finite may be too large for any product with them. One batch
    # shows it.
    sample = np.linspace(0, len(rows.y) - 1, PREDICTION_BATCH_SIZE, dtype=int)
    outcome = {
        "the loss is": [history["loss"][kept_epoch]],
        "the validation loss is": [history.get("val_loss", [0.0])[kept_epoch]],
        "weights are": network.model.get_weights(),
        "probabilities are": [predict(network, rows.X[sample])],
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

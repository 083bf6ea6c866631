"""A network that owns its weights."""

import copy
import functools

import numpy as np

from skgenre.training.epochs import Training
from skgenre.training.isolation import KERAS_LOCK, isolated_random_state
from skgenre.training.keras_settings import settings_in_force
from skgenre.training.network_pool import NetworkPool
from skgenre.training.steps import predict

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
                network.load_weights(self.weights)
            if state is not None:
                network.write_training_state(state)
                network.model.optimizer.learning_rate = learning_rate
                order = copy.deepcopy(state["order"])
            history = Training(
                network,
                rows,
                order=order if shuffle else None,
                callbacks=callbacks,
                begin_epoch=begin_epoch,
                end_epoch=lambda: end_epoch(functools.partial(self._copy, network)),
                **training_arguments,
            ).run()
            self._take_weights(network)
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
            return predict(network, X)

    def forget_fingerprint(self):
        """Let the next network that is built be the one that was trained.

        Another version of Keras may describe an equal network otherwise.
        """
        self._fingerprint = None

    def _lend(self, *, new, check=False):
        if new:
            return POOL.lend_new(self.architecture, check=check)
        return POOL.lend_built(self.architecture, self._fingerprint, check=check)

    def _take_weights(self, network):
        self.weights = network.copy_weights()
        self._fingerprint = network.fingerprint

    def _copy(self, network):
        trained = TrainedNetwork(self.architecture)
        trained._take_weights(network)
        return trained

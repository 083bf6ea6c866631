"""Compiled networks, kept for the next fit: tracing one costs more than training it."""

import functools
import gc
import hashlib
import json
import pickle
from contextlib import contextmanager
from dataclasses import dataclass

import joblib
import numpy as np

from skgenre._scikeras import compile_network
from skgenre.training.isolation import isolated_random_state

# Distinct architectures kept: a network keeps its graphs and three times its weights.
POOL_SIZE = 16

# Squared and summed over a segment it is far from infinite.
LARGEST_FEATURE = 1e15


@dataclass(frozen=True)
class Architecture:
    """All that decides how a network is built.

    Attributes
    ----------
    build : callable
        Builder: `(input_shape, n_classes, **parameters)` -> uncompiled model.
    input_shape : tuple of int
        (n_frames, n_mfcc).
    n_classes : int
    parameters : dict
        Further arguments of the builder.
    settings : dict or None
        Keras' global settings for a user's network, as `read_settings` gives them; None
        for one of ours, which has settings of its own, and whose chance comes from
        Keras' layers and initialisers alone.
    jit_training, jit_prediction : bool
        Whether XLA compiles it for training, and for prediction.
    """

    build: object
    input_shape: tuple
    n_classes: int
    parameters: dict
    settings: dict | None = None
    jit_training: bool = False
    jit_prediction: bool = False

    @property
    def is_own(self):
        """Whether the network is one of ours, and not a user's."""
        return self.settings is None

    def build_model(self):
        """Build, and refuse what cannot be trained to tell the classes apart."""
        model = self.build(self.input_shape, self.n_classes, **self.parameters)
        if not self.is_own:
            _check_model(model)
            if not model.built:
                # `build` does not do for a user's own class without a `build`.
                model(np.zeros((1, *self.input_shape), model.compute_dtype))
        return model

    @property
    def key(self):
        """What equal architectures have in common; None where that cannot be told."""
        return None if self._digest is None else (self.build, self._digest)

    @functools.cached_property
    def _digest(self):
        try:
            return joblib.hash(
                (
                    *(self.input_shape, self.n_classes, self.parameters),
                    *(self.settings, self.jit_training, self.jit_prediction),
                )
            )
        except (pickle.PicklingError, AttributeError, TypeError):
            return None


class PooledNetwork:
    """A Keras model with its traced functions, lent to one user at a time.

    Parameters
    ----------
    model : keras.Model
        As its builder returns it.
    architecture : Architecture
    """

    def __init__(self, model, architecture):
        self.model = model
        self.key = architecture.key
        self.n_classes = architecture.n_classes
        self.input_shape = architecture.input_shape
        self.jit_training = architecture.jit_training
        self.jit_prediction = architecture.jit_prediction
        self.fingerprint = fingerprint_model(model)
        inputs = getattr(model, "inputs", None)
        self.dtype = inputs[0].dtype if inputs else model.compute_dtype
        self._optimizer = None
        self._optimizer_start = {}
        self._loaded = None
        self._functions = {}
        self.is_reusable = True

    def traced(self, make, *arguments):
        """The TensorFlow function that `make(self, *arguments)` makes, made once."""
        import tensorflow as tf

        key = (make, *arguments)
        if key not in self._functions:
            function = make(self, *arguments)
            self.is_reusable = self.is_reusable and not self._has_other_state(function)
            # Called so, it spares the choice among tracings: a third of a short call.
            self._functions[key] = lambda *arrays: function(*map(tf.constant, arrays))
        return self._functions[key]

    def _has_other_state(self, function):
        """Whether a traced function has chance, or variables, that no fit sets anew."""
        model = self.model
        variables = [*model.variables, *model.metrics_variables]
        if self._optimizer is not None:
            variables += self._optimizer.variables
        known = {id(variable.value) for variable in variables}
        graph = function.graph.as_graph_def()
        nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
        # The second seed is the mark of TensorFlow's kernels with a random state.
        return any(id(variable) not in known for variable in function.variables) or any(
            "seed2" in node.attr for node in nodes
        )

    def cast(self, X, y, sample_weight):
        """Rows in the types that the network takes."""
        return [
            self.cast_features(X),
            np.asarray(y, np.int32),
            np.asarray(sample_weight, self.dtype),
        ]

    def cast_features(self, X):
        """Features in the type that the network takes; refuses those too large.

        Between layers they would become infinite and then, behind ReLU, zero.
        """
        largest = max(np.max(X), -np.min(X))
        if largest > LARGEST_FEATURE:
            raise ValueError(
                f"X must hold values of at most {LARGEST_FEATURE:g} in size, got "
                f"{largest:.4g}: a network computes with their squares."
            )
        return np.asarray(X, self.dtype)

    def set_state(self, state):
        """Set weights and seed generators, as `read_state` has read them."""
        for variable, value in zip(self.model.variables, state, strict=True):
            variable.assign(value)
        self.forget_weights()

    def copy_weights(self):
        """The weights, as `load_weights` takes them."""
        self._loaded = self.model.get_weights()
        return self._loaded

    def load_weights(self, weights):
        """Set the weights, unless it is them that were set last."""
        if self._loaded is not weights:
            self.model.set_weights(weights)
            self._loaded = weights

    def forget_weights(self):
        """Have the next `load_weights` set the weights, whichever they are."""
        self._loaded = None

    def prepare_training(self, learning_rate):
        """Compile once; then a fresh optimizer, and no trace of an earlier fit."""
        model = self.model
        if self._optimizer is None:
            compile_network(model, self.n_classes, learning_rate=learning_rate)
            model.optimizer.build(model.trainable_variables)
            self._optimizer = model.optimizer
            # Zeros are not worth keeping; the scale of a loss in float16 is none.
            self._optimizer_start = {
                position: variable.value.numpy()
                for position, variable in enumerate(model.optimizer.variables)
                if np.any(variable.value.numpy())
            }
        for position, variable in enumerate(model.optimizer.variables):
            start = self._optimizer_start.get(position, 0)
            variable.assign(np.broadcast_to(start, variable.shape))
        model.optimizer.learning_rate = learning_rate
        model.stop_training = False
        self.forget_weights()

    def read_training_state(self):
        """Variables of the optimizer and of the seed generators (dropout's)."""
        return {
            "optimizer": [v.value.numpy() for v in self._optimizer.variables],
            "seeds": [v.value.numpy() for v in self._seed_variables()],
        }

    def write_training_state(self, state):
        """Set what `read_training_state` has read."""
        variables = [*self._optimizer.variables, *self._seed_variables()]
        for variable, value in zip(
            variables, [*state["optimizer"], *state["seeds"]], strict=True
        ):
            variable.assign(value)

    def _seed_variables(self):
        weights = {id(weight) for weight in self.model.weights}
        return [v for v in self.model.variables if id(v) not in weights]

    def is_as_built(self):
        """Whether nobody has given it another configuration or optimizer."""
        return (
            self._optimizer is getattr(self.model, "optimizer", None)
            and fingerprint_model(self.model) == self.fingerprint
        )


class NetworkPool:
    """The networks of this process that nobody uses now, the last used at the end."""

    def __init__(self):
        self._networks = []

    @contextmanager
    def lend_new(self, architecture, *, check):
        """Lend a network in the state that one built now would have.

        With `check` it is taken back only if it still is as it was built.
        """
        yield from self._lend(self._build(architecture), check)

    @contextmanager
    def lend_built(self, architecture, fingerprint, *, check):
        """Lend a network in any state, for weights of the one with this fingerprint.

        Without a fingerprint, one that is built now.
        """
        network = None
        if fingerprint is not None:
            network = self._take(architecture.key, fingerprint)
        if network is None:
            with isolated_random_state(0, reset_kernels=not architecture.is_own):
                network = self._build(architecture)
        if fingerprint not in (None, network.fingerprint):
            raise ValueError(
                f"build={architecture.build!r} no longer builds the network that was "
                "trained."
            )
        yield from self._lend(network, check)

    def _build(self, architecture):
        """A new network, or one there is that is equal, in the new one's state.

        Only building draws the state that it would have, whatever its layers are.
        """
        model = architecture.build_model()
        network = self._take(architecture.key, fingerprint_model(model))
        if network is not None:
            network.set_state(read_state(model))
            # Keras models hold themselves in circles: left to chance, some megabytes
            # would wait for each fit. The young objects are enough, and cost 0.4 ms.
            del model
            gc.collect(1)
            return network
        if not architecture.is_own:
            _check_output(model, architecture.input_shape, architecture.n_classes)
        return PooledNetwork(model, architecture)

    def _lend(self, network, check):
        try:
            yield network
        except BaseException:
            # What was interrupted may have left any weights in it.
            network.forget_weights()
            raise
        finally:
            is_sound = network.is_reusable and (not check or network.is_as_built())
            if network.key is not None and is_sound:
                self._networks = [*self._networks, network][-POOL_SIZE:]

    def _take(self, key, fingerprint=None):
        # Taken, not shared: a callback may fit or predict in the middle of a fit.
        for position in reversed(range(len(self._networks))):
            network = self._networks[position]
            is_equal = key is not None and network.key == key
            if is_equal and fingerprint in (None, network.fingerprint):
                return self._networks.pop(position)
        return None


def read_state(model):
    """Values of a model's weights and seed generators, in the order of `variables`."""
    return [variable.value.numpy() for variable in model.variables]


def fingerprint_model(model):
    """Digest of a model's configuration: equal for models that compute the same."""
    try:
        config = model.get_config()
    except (NotImplementedError, TypeError, ValueError, AttributeError) as error:
        # A model of the user's own class need not have one.
        config = type(error).__name__
    shapes = [tuple(weight.shape) for weight in model.weights]
    described = json.dumps(
        [str(type(model)), config, shapes],
        default=lambda value: type(value).__qualname__,
        sort_keys=True,
    )
    return hashlib.sha256(described.encode()).hexdigest()


def _check_model(model):
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(f"build must return a Keras model, got {model!r}.")
    if model.compiled:
        raise ValueError(
            "build must return an uncompiled model, got a compiled one: the classifier "
            "compiles it, with its own learning_rate."
        )


def _check_output(model, input_shape, n_classes):
    output = model(np.zeros((2, *input_shape)), training=False)
    if getattr(output, "shape", None) != (2, n_classes):
        raise ValueError(
            "build must return a model with one output of shape (n_rows, n_classes) = "
            f"(2, {n_classes}) for 2 rows, got {getattr(output, 'shape', output)}."
        )
    probabilities = np.array(output)
    sums = probabilities.sum(axis=1)
    if (probabilities < 0).any() or not np.allclose(sums, 1, atol=1e-3):
        raise ValueError(
            "build must return a model whose output rows are probabilities that sum "
            f"to one, as after a softmax, got a row that sums to {sums[0]:.4g}."
        )

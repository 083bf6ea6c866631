"""Compiled networks, kept for the next fit: tracing one costs more than training it."""

import functools
import gc
import hashlib
import json
import pickle
from contextlib import contextmanager
from dataclasses import dataclass, replace

import joblib
import numpy as np

from skgenre._blocks import N_BATCH_ROWS
from skgenre._scikeras import wrap_network
from skgenre.training.dense_blocks import split_dense_products
from skgenre.training.fused_adam import fuse_adam
from skgenre.training.fused_cnn import fuse_convolutions
from skgenre.training.fused_l2 import fuse_l2
from skgenre.training.fused_lstm import fuse_lstm_layers
from skgenre.training.keras_state import (
    KERAS_LOCK,
    isolated_random_state,
    quiet_tensorflow,
)

# Bounds of the pool: distinct architectures, and the bytes of their variables. A
# network keeps its graphs and, for Adam, three times its weights.
MAX_NETWORKS = 16
MAX_BYTES = 2**29

# Largest size of a feature: squared and summed over a segment, it stays finite.
MAX_FEATURE = 1e15

# Batches of training per call of TensorFlow: enough to hide the cost of a call.
N_BATCHES_PER_CALL = 50

EVALUATION_BATCH_SIZE = 256


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
        for a network of this package, which is built under `OWN_SETTINGS` and whose
        random numbers come from Keras' layers and initialisers alone.
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
        """Whether the network is one of this package, not a user's."""
        return self.settings is None

    def build_model(self):
        """Build the model; refuse one that cannot be trained to tell the classes."""
        import keras

        model = self.build(self.input_shape, self.n_classes, **self.parameters)
        if self.is_own:
            return model
        if not isinstance(model, keras.Model):
            raise TypeError(f"build must return a Keras model, got {model!r}.")
        if model.compiled:
            raise ValueError(
                "build must return an uncompiled model, got a compiled one: the "
                "classifier compiles it, with its own learning_rate."
            )
        if not model.built:
            # A call: `model.build` does nothing for a class that does not define it.
            model(np.zeros((1, *self.input_shape), model.compute_dtype))
        return model

    def check_fingerprint(self, built, trained):
        """Refuse a built network that is not the trained one, if that is known."""
        if trained not in (None, built):
            raise ValueError(
                f"build={self.build!r} no longer builds the network that was trained."
            )

    @property
    def key(self):
        """What equal architectures have in common; ends in None if unknown."""
        return self.build, self._digest

    @functools.cached_property
    def _digest(self):
        try:
            return joblib.hash(replace(self, build=None))
        except (pickle.PicklingError, AttributeError, TypeError):
            return None


class CompiledNetwork:
    """A Keras model with its traced functions, lent to one user at a time.

    Parameters
    ----------
    model : keras.Model
        As its builder returns it.
    architecture : Architecture
    """

    def __init__(self, model, architecture):
        self.model = model
        self.architecture = architecture
        self.fingerprint = fingerprint_model(model)
        inputs = getattr(model, "inputs", None)
        self.dtype = inputs[0].dtype if inputs else model.compute_dtype
        self.is_reusable = architecture.key[1] is not None
        self.n_bytes = _count_bytes(model.variables)
        self._optimizer = None
        self._fresh_optimizer_state = None
        # The list of weights that the model has now; None if it may have any others.
        self.loaded_weights = None
        self._functions = {}

    def prepare_training(self, learning_rate):
        """Compile the model the first time; then remove all traces of earlier fits."""
        model = self.model
        if self._optimizer is None:
            wrap_network(
                lambda: model,
                self.architecture.input_shape,
                np.arange(self.architecture.n_classes),
                learning_rate=learning_rate,
            )
            self._optimizer = model.optimizer
            if self.architecture.jit_training:  # XLA fuses operations itself.
                split_dense_products(model)
            else:
                fuse_adam(model.optimizer)
                if self.architecture.is_own:
                    fuse_l2(model)
                    fuse_lstm_layers(model)  # XLA cannot compile its kernel.
                    fuse_convolutions(model)
            self.n_bytes += _count_bytes(model.optimizer.variables)
            # Most are all zeros, and kept as a number; not the scale of a float16 loss.
            self._fresh_optimizer_state = [
                value if value.any() else np.zeros((), value.dtype)
                for value in read_values(model.optimizer.variables)
            ]
        write_values(model.optimizer.variables, self._fresh_optimizer_state)
        model.optimizer.learning_rate = learning_rate
        model.stop_training = False
        self.loaded_weights = None

    def read_training_state(self):
        """Return the variables of the optimizer and of the seed generators."""
        return {
            "optimizer": read_values(self._optimizer.variables),
            "seeds": read_values(self._seed_variables()),
        }

    def write_training_state(self, state):
        """Set what `read_training_state` returned."""
        write_values(self._optimizer.variables, state["optimizer"])
        write_values(self._seed_variables(), state["seeds"])

    def _seed_variables(self):
        # The state of dropout is not among the model's weights.
        weights = {id(weight) for weight in self.model.weights}
        return [v for v in self.model.variables if id(v) not in weights]

    def load_weights(self, weights):
        """Set the weights, unless they are the list that was set last."""
        if self.loaded_weights is not weights:
            self.model.set_weights(weights)
            self.loaded_weights = weights

    def is_as_built(self):
        """Whether the model still has its configuration and its optimizer."""
        return (
            self._optimizer is getattr(self.model, "optimizer", None)
            and fingerprint_model(self.model) == self.fingerprint
        )

    def train_batches(self, rows, batch_size):
        """Train on rows in their order, in full batches of `batch_size`."""
        batches = [a.reshape(-1, batch_size, *a.shape[1:]) for a in self._cast(*rows)]
        n_batches, size = len(batches[0]), None
        if self.architecture.jit_training:
            # XLA compiles for one shape: the rest of the buffer stays unused.
            size = N_BATCHES_PER_CALL
            batches = [_pad(batch, size) for batch in batches]
        self._call(_train_batches, (size, batch_size), *batches, np.int32(n_batches))

    def train_batch(self, rows):
        """Train on a single batch, of any size."""
        self._call(_train_batch, (None,), *self._cast(*rows))

    def evaluate(self, rows):
        """Return class probabilities of rows, and the loss, penalties included."""
        probabilities, losses, weights = [], [], []
        for start in range(0, len(rows.y), EVALUATION_BATCH_SIZE):
            batch = self._cast(*rows.take(slice(start, start + EVALUATION_BATCH_SIZE)))
            outputs, loss = self._call(_evaluate_batch, (None,), *batch)
            probabilities.append(outputs)
            losses.append(loss)
            weights.append(batch[2].sum())
        return np.concatenate(probabilities), float(np.average(losses, weights=weights))

    def predict(self, X):
        """Return class probabilities: (n_rows, ...) -> (n_rows, n_classes)."""
        size = N_BATCH_ROWS
        padded = _pad(self._cast_features(X), -(-len(X) // size) * size)
        batches = [
            self._call(_forward, (size,), padded[start : start + size])
            for start in range(0, len(padded), size)
        ]
        return np.concatenate(batches)[: len(X)]

    def _cast(self, X, y, sample_weight):
        return [
            self._cast_features(X),
            np.asarray(y, np.int32),
            np.asarray(sample_weight, self.dtype),
        ]

    def _cast_features(self, X):
        # Between layers larger ones become infinite and then, behind ReLU, zero.
        largest = max(np.max(X), -np.min(X))
        if largest > MAX_FEATURE:
            raise ValueError(
                f"X must hold values of at most {MAX_FEATURE:g} in size, got "
                f"{largest:.4g}: a network computes with their squares."
            )
        return np.asarray(X, self.dtype)

    def _call(self, step, shape, *arrays):
        """Call `step(model, *arrays)`, traced once per shape of the rows."""
        import tensorflow as tf

        if (step, shape) not in self._functions:
            jit = {
                _train_batches: self.architecture.jit_training,
                _forward: self.architecture.jit_prediction,
            }
            function = tf.function(
                # Unlike a function, a partial has no code object by which TensorFlow
                # would take one network's tracing for another's, and warn of retracing
                # from the fifth network on.
                functools.partial(step, self.model),
                input_signature=[
                    tf.TensorSpec((*shape, *a.shape[len(shape) :])[: a.ndim], a.dtype)
                    for a in arrays
                ],
                autograph=False,
                jit_compile=jit.get(step) or None,
            ).get_concrete_function()
            self.is_reusable = self.is_reusable and not self._has_other_state(function)
            self._functions[step, shape] = function
            if jit.get(step):
                # The first call compiles it, and XLA says so.
                with quiet_tensorflow():
                    return function(*map(tf.constant, arrays))
        # Calling a concrete function with tensors spares the choice among tracings: a
        # third of a short call.
        return self._functions[step, shape](*map(tf.constant, arrays))

    def _has_other_state(self, function):
        """Whether a traced function has random or other state that no fit resets."""
        variables = self.model.variables + self.model.metrics_variables
        if self._optimizer is not None:
            variables += self._optimizer.variables
        known = {id(variable.value) for variable in variables}
        graph = function.graph.as_graph_def()
        nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
        # TensorFlow's kernels with a random state have an attribute "seed2".
        return any(id(variable) not in known for variable in function.variables) or any(
            "seed2" in node.attr for node in nodes
        )


class NetworkPool:
    """The networks of this process that are not in use, the last used at the end."""

    def __init__(self):
        self._networks = []

    def __len__(self):
        return len(self._networks)

    @contextmanager
    def lend(self, architecture, *, fingerprint=None, fresh=False, check=False):
        """Lend a network, with drawn weights if `fresh`, otherwise with any.

        `fresh` draws from the random state in force. Otherwise the network is one with
        the fingerprint, if any is given. `check` keeps a network out of the pool that
        callbacks have given another configuration or optimizer.
        """
        network = None
        if fresh:
            network = self._build(architecture)
        elif fingerprint is not None:
            network = self._take(architecture.key, fingerprint)
        if network is None:
            with isolated_random_state(0, reset_kernels=not architecture.is_own):
                network = self._build(architecture)
        architecture.check_fingerprint(network.fingerprint, fingerprint)
        try:
            yield network
        except BaseException:
            # An interrupted call may have left any weights in it.
            network.loaded_weights = None
            raise
        finally:
            if network.is_reusable and (not check or network.is_as_built()):
                self._keep(network)

    def clear(self):
        """Drop all networks."""
        with KERAS_LOCK:
            self._networks = []
            gc.collect()

    def _build(self, architecture):
        """Return a new network or, with the new one's state, an equal compiled one.

        Only building a model draws its state as Keras does, whatever its layers are:
        15 to 40 ms, where tracing takes seconds.
        """
        model = architecture.build_model()
        network = self._take(architecture.key, fingerprint_model(model))
        if network is not None:
            write_values(network.model.variables, read_values(model.variables))
            network.loaded_weights = None
            # Keras models contain reference cycles; collect generation 1 (0.4 ms), or
            # each fit keeps a few MB until the next full collection.
            del model
            gc.collect(1)
            return network
        if not architecture.is_own:
            _check_output(model, architecture.input_shape, architecture.n_classes)
        return CompiledNetwork(model, architecture)

    def _take(self, key, fingerprint):
        # Removed from the pool: a callback may fit or predict in the middle of a fit.
        for network in reversed(self._networks):
            if (network.architecture.key, network.fingerprint) == (key, fingerprint):
                self._networks.remove(network)
                return network
        return None

    def _keep(self, network):
        kept = [*self._networks, network][-MAX_NETWORKS:]
        # The last one stays, however large: the next prediction is probably its own.
        while len(kept) > 1 and sum(network.n_bytes for network in kept) > MAX_BYTES:
            kept = kept[1:]
        self._networks = kept


def read_values(variables):
    """Return the values of Keras variables as arrays."""
    return [variable.value.numpy() for variable in variables]


def write_values(variables, values):
    """Set the values of Keras variables; a number sets all elements."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(np.broadcast_to(value, variable.shape))


def _count_bytes(variables):
    return sum(value.nbytes for value in read_values(variables))


def fingerprint_model(model):
    """Return a digest of a model's configuration, equal for models that are equal."""
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


def _pad(rows, n_rows):
    padded = np.zeros((n_rows, *rows.shape[1:]), rows.dtype)
    padded[: len(rows)] = rows
    return padded


def _train_batches(model, X, y, sample_weight, n_batches):
    import tensorflow as tf

    def train_one(i):
        model.train_step((X[i], y[i], sample_weight[i]))
        return (i + 1,)

    tf.while_loop(lambda i: i < n_batches, train_one, (0,))


def _train_batch(model, X, y, sample_weight):
    model.train_step((X, y, sample_weight))


def _evaluate_batch(model, X, y, sample_weight):
    probabilities = model(X, training=False)
    loss = model.compute_loss(
        x=X, y=y, y_pred=probabilities, sample_weight=sample_weight, training=False
    )
    return probabilities, loss


def _forward(model, X):
    return model(X, training=False)

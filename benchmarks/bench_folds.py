"""Training five folds of a network in one step, against one fold after the other.

python benchmarks/bench_folds.py [--only mlp cnn ...]

"In one step": each step trains all five networks, each with its own products.
"Stacked": one network with a leading axis for the folds, and products batched over it
(the MLP only). A ratio above 1 says that training together is faster; to replace fits
side by side in two processes, it would have to reach 1.7 in both. Printed, too: what a
step of one fold takes, and its multiplications per second.
"""

import argparse
import functools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from pairs import measure_pairs, print_header, print_pairs

from skgenre import CNNGenreClassifier, LSTMGenreClassifier, MLPGenreClassifier
from skgenre.networks import WEIGHT_LISTS

SHAPE, N_CLASSES, BATCH_SIZE, N_FOLDS = (130, 13), 10, 32, 5
CLASSIFIERS = {
    "mlp": (MLPGenreClassifier(), 50),
    "mlp-regularized": (MLPGenreClassifier(l2=0.001, dropout=0.3), 50),
    "mlp, 64 units": (MLPGenreClassifier(hidden_layer_sizes=(64,)), 50),
    "cnn": (CNNGenreClassifier(), 10),
    "lstm": (LSTMGenreClassifier(), 10),
}


def make_batches(n_batches):
    """Segments, classes and weights of all folds: arrays (n_batches, n_folds, ...)."""
    rng = np.random.default_rng(0)
    shape = (n_batches, N_FOLDS, BATCH_SIZE)
    X = rng.normal(size=(*shape, *SHAPE)).astype(np.float32)
    return X, rng.integers(N_CLASSES, size=shape, dtype=np.int32), np.ones(shape, "f4")


def make_networks(classifier):
    """Compiled networks of the classifier's, one per fold, each trained once."""
    from skgenre.training import Architecture
    from skgenre.training.network_pool import CompiledNetwork

    architecture = Architecture(
        classifier._build,
        SHAPE,
        N_CLASSES,
        classifier._get_network_parameters(),
        jit_training=classifier._jit_training,
    )
    networks = []
    for _ in range(N_FOLDS):
        networks.append(CompiledNetwork(architecture.build_model(), architecture))
        networks[-1].prepare_training(1e-4)
    return networks


def compile_loop(step, batches, jit):
    """Return a function that calls `step` on each batch, inside TensorFlow."""

    @functools.partial(tf.function, autograph=False, jit_compile=jit or None)
    def loop(*batches):
        def body(i):
            step(*(values[i] for values in batches))
            return (i + 1,)

        tf.while_loop(lambda i: i < n_batches, body, (0,))

    n_batches = len(batches[0])
    function = loop.get_concrete_function(*map(tf.constant, batches))
    return lambda: function(*map(tf.constant, batches))


def in_one_step(networks):
    def step(*batch):
        for fold, network in enumerate(networks):
            network.model.train_step(tuple(values[fold] for values in batch))

    return step


class StackedMLP:
    """The MLPs of all folds, with weights (n_folds, n_inputs, n_units), and Adam."""

    def __init__(self, networks):
        weights = zip(*(n.model.get_weights() for n in networks), strict=True)
        self.weights = [tf.Variable(np.stack(values)) for values in weights]
        self.moments = [
            [tf.Variable(tf.zeros_like(w)) for _ in range(2)] for w in self.weights
        ]
        self.n_steps = tf.Variable(0.0)

    def step(self, X, y, sample_weight):
        with tf.GradientTape() as tape:
            hidden = tf.reshape(X, (N_FOLDS, BATCH_SIZE, -1))
            for kernel, bias in zip(self.weights[::2], self.weights[1::2], strict=True):
                outputs = hidden @ kernel + bias[:, None]
                hidden = tf.nn.relu(outputs)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, outputs)
            totals = tf.reduce_sum(losses * sample_weight, axis=1)
            loss = tf.reduce_sum(totals / tf.reduce_sum(sample_weight, axis=1))
        gradients = tape.gradient(loss, self.weights)
        t = self.n_steps.assign_add(1.0)
        rate = 1e-4 * tf.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for weights, (mean, square), gradient in zip(
            self.weights, self.moments, gradients, strict=True
        ):
            mean.assign_add((gradient - mean) * 0.1)
            square.assign_add((gradient**2 - square) * 0.001)
            weights.assign_sub(rate * mean / (tf.sqrt(square) + 1e-7))


def measure(name, n_pairs):
    from skgenre.training import Rows

    classifier, n_batches = CLASSIFIERS[name]
    networks, batches = make_networks(classifier), make_batches(n_batches)
    folds = [
        Rows(*(v[:, fold].reshape(-1, *v.shape[3:]) for v in batches))
        for fold in range(N_FOLDS)
    ]

    def one_by_one():
        for network, rows in zip(networks, folds, strict=True):
            network.train_batches(rows, BATCH_SIZE)

    together = {"in one step": in_one_step(networks)}
    if classifier._build.__name__ == "build_mlp" and not classifier.dropout:
        stacked = StackedMLP(networks)
        together["stacked"] = stacked.step
        one_by_one()
        compile_loop(stacked.step, batches, classifier._jit_training)()
        difference = max(
            np.abs(ours - theirs.numpy()[fold]).max()
            for fold, network in enumerate(networks)
            for ours, theirs in zip(
                network.model.get_weights(), stacked.weights, strict=True
            )
        )
        print(f"{name}, stacked: weights differ by at most {difference:.1e}")
    n_steps = N_FOLDS * n_batches
    for what, step in together.items():
        loop = compile_loop(step, batches, classifier._jit_training)
        seconds = measure_pairs(loop, one_by_one, n_pairs)
        print_pairs(f"{name}, {what}", seconds, per=n_steps)
    weights = WEIGHT_LISTS[classifier._build](
        SHAPE, N_CLASSES, **classifier._get_network_parameters()
    )
    n_products = 3 * BATCH_SIZE * sum(uses * np.prod(shape) for shape, uses in weights)
    cpu = np.median(seconds[:, 1, 1]) / n_steps
    print(
        f"  one fold's step: {n_products / 1e6:.0f} million multiplications in "
        f"{1000 * cpu:.2f} ms of CPU time, {n_products / cpu / 1e9:.0f} per ns"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=CLASSIFIERS, default=CLASSIFIERS)
    parser.add_argument("--n-pairs", type=int, default=7)
    options = parser.parse_args()
    print_header()
    for name in options.only:
        measure(name, options.n_pairs)


if __name__ == "__main__":
    main()

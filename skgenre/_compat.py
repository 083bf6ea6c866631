"""Private and version-dependent parts of dependencies.

Each has a test in ``tests/test_compat.py`` that fails with its name once a new version
of the dependency has changed it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from sklearn.pipeline import FeatureUnion

_Method = TypeVar("_Method")

# Version of skops' file format whose nodes `skgenre.persistence` audits.
SKOPS_PROTOCOL = 2

# What scikit-learn's estimators need for further training only: requests of metadata,
# losses, the optimizers, random generators and scorers of networks and boosted trees.
SKLEARN_TRAINING_ATTRIBUTES = (
    "_metadata_request",
    "_optimizer",
    "_loss_function_",
    "_feature_subsample_rng",
    "_raw_predict",
    "_scorer",
)

try:  # scikit-learn has callbacks from 1.9.
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Empty: this version of scikit-learn has no callbacks."""

    def _with_callbacks(method):
        return method


def with_callbacks(method: _Method) -> _Method:
    """Let a `fit` run scikit-learn's callbacks, whose own decorator has no types."""
    return _with_callbacks(method)


class FitCallbacks:
    """Runs the scikit-learn callbacks of an estimator for its fit and its epochs."""

    def __init__(self, estimator, X, y, sample_weight, *, epochs):
        self._context = None
        # Private: scikit-learn's own estimators are the only users so far.
        if not hasattr(estimator, "_init_callback_context"):
            return
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._task = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._context = estimator._init_callback_context(max_subtasks=epochs)
        self._context.call_on_fit_task_begin(**self._task)

    def begin_epoch(self):
        """Run the callbacks at the start of an epoch."""
        if self._context is not None:
            self._epoch = self._context.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._task)

    def end_epoch(self, make_network):
        """Run the callbacks at the end of an epoch; return whether one stops the fit.

        `make_network()` returns the network in its present state.
        """
        return self._context is not None and self._epoch.call_on_fit_task_end(
            **self._task,
            reconstruction_attributes=lambda: {"network_": make_network()},
        )

    def end(self):
        """Run the callbacks at the end of the fit."""
        if self._context is not None:
            self._context.call_on_fit_task_end(
                **self._task, reconstruction_attributes={}
            )


class JoiningUnion(FeatureUnion):
    """A union that joins what its parts return by the method `_join` of its own."""

    def _hstack(self, Xs):
        # scikit-learn's takes parts of two axes only.
        return self._join(Xs)


def drop_callbacks(state):
    """Return an estimator's state without its callbacks, which are never pickled."""
    # scikit-learn sets these attributes on an estimator, and lists them nowhere.
    names = {"_skl_callbacks", "_skl_callbacks_to_teardown"}
    names |= {"_callback_fit_ctx", "_parent_callback_ctx"}
    return {name: value for name, value in state.items() if name not in names}


def validate_sklearn_parameters(estimator):
    """Refuse parameters that scikit-learn's own `fit` would refuse first."""
    from sklearn import get_config

    is_wanted = not get_config()["skip_parameter_validation"]
    if is_wanted and hasattr(estimator, "_parameter_constraints"):
        estimator._validate_params()


def get_transform_output(transformer):
    """Return the kind of output that a transformer, or else scikit-learn, is set to."""
    from sklearn import get_config

    config = getattr(transformer, "_sklearn_output_config", {})
    return config.get("transform", get_config()["transform_output"])


def set_transform_output(transformer, output):
    """Set the kind of output of a transformer that opts out of scikit-learn's wrapping.

    Such a transformer has no `set_output` of scikit-learn's; `clone` copies what is set
    here.
    """
    transformer._sklearn_output_config = {"transform": output}


def drop_derived_parts(kind, attributes):
    """Remove from the attributes of a type what `make_derived_parts` makes of the rest.

    That is what compiled code trusts: a crafted search tree of neighbours or encoder of
    bins could make it read outside of arrays.
    """
    if kind.__module__.startswith("sklearn."):
        if attributes.get("_fit_method") in ("kd_tree", "ball_tree"):
            attributes["_tree"] = None
        if hasattr(kind, "_get_loss"):
            attributes.pop("_loss", None)
        if kind.__name__ == "KBinsDiscretizer":
            attributes.pop("_encoder", None)


def make_derived_parts(estimator):
    """Make what a fitted estimator of scikit-learn lacks after `drop_derived_parts`."""
    from sklearn.neighbors import BallTree, KDTree
    from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

    trees = {"kd_tree": KDTree, "ball_tree": BallTree}
    if getattr(estimator, "_fit_method", None) in trees:
        estimator._tree = trees[estimator._fit_method](
            estimator._fit_X,
            estimator.leaf_size,
            metric=estimator.effective_metric_,
            **estimator.effective_metric_params_,
        )
    elif hasattr(estimator, "_get_loss") and hasattr(estimator, "train_score_"):
        estimator._loss = estimator._get_loss(sample_weight=None)
    elif (
        isinstance(estimator, KBinsDiscretizer)
        and hasattr(estimator, "bin_edges_")
        and "onehot" in estimator.encode
    ):
        encoder = OneHotEncoder(
            categories=[range(len(edges) - 1) for edges in estimator.bin_edges_],
            sparse_output=estimator.encode == "onehot",
        )
        estimator._encoder = encoder.fit([[0.0] * len(estimator.bin_edges_)])


def get_keras_global(name):
    """Return a global attribute of Keras, None if it has not been set.

    ``global_random_seed``, ``global_seed_generator``, ``object_name_uids`` (how often
    each name of a layer was given), and ``dtype_policy``, which is per thread.
    """
    # Keras has no public way to read the first three. Its public function for the
    # policy sets one for good if there is none: `floatx` no longer decides it then.
    from keras.src.backend.common import global_state

    return global_state.get_global_attribute(name)


def set_keras_global(name, value):
    """Set a global attribute of Keras that `get_keras_global` has returned."""
    from keras.src.backend.common import global_state

    global_state.set_global_attribute(name, value)


def replace_keras_random(generator):
    """Let Keras draw seeds from a `random.Random`; return what it drew them from.

    By default that is python's module `random`, from which other threads draw, too.
    """
    # The seeds of initialisers and dropout have no public source to set.
    from keras.src.random import seed_generator

    replaced = seed_generator.python_random
    seed_generator.python_random = generator
    return replaced


def get_tensorflow_seed():
    """Return TensorFlow's global seed and its generator of operations' seeds."""
    # TensorFlow can set its seed publicly, but not read it.
    from tensorflow.python.eager.context import context

    return context()._seed, getattr(context(), "_rng", None)


def set_tensorflow_seed(seed, generator, *, reset_kernels):
    """Set what `get_tensorflow_seed` returns.

    TensorFlow's kernels that have a random state of their own start anew only with
    `reset_kernels`. That drops all that TensorFlow has optimised: the next call of a
    traced function takes 0.1 to 0.3 s longer.
    """
    # The public `tf.random.set_seed` always resets the kernels.
    from tensorflow.python.eager.context import context

    if reset_kernels:
        context()._set_global_seed(seed)
    context()._seed, context()._rng = seed, generator


def get_adam_moments(optimizer, variable):
    """Return what Keras' Adam keeps of a variable: means of gradient and its square."""
    # Also in `optimizer.variables`, but by position only.
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def detach_callback(callback):
    """Remove the model from a Keras callback."""
    # `set_model(None)` is public, but callbacks override it and use the model there.
    callback._model = None


def read_op_determinism():
    """Return whether TensorFlow's operations are set to be deterministic."""
    # TensorFlow can enable it publicly, but not read it.
    from tensorflow.python.framework import config

    return config.is_op_determinism_enabled()


class LostTask(NamedTuple):
    """What `dask_losses_reported` puts in place of a result: why there is none."""

    arguments: tuple
    error: BaseException


@contextmanager
def dask_losses_reported(backend):
    """Let joblib on dask yield a LostTask for each task that the cluster gives up.

    Of a task whose workers have died, or that cannot be sent, joblib 1.6 hears nothing
    and waits for ever; and while a single worker is alive, it would run all tasks in
    this process. `backend` is the active one; others are left as they are.
    """
    if type(backend).__name__ != "DaskDistributedBackend":
        yield
        return

    def submit(batch, callback=None):
        def report(future):
            if future.exception() is not None:
                lost = LostTask(batch.items[0][1], future.exception())
                callback([lost])

        future = type(backend).submit(backend, batch, callback)
        future.add_done_callback(report)
        return future

    def effective_n_jobs(n_jobs):
        return max(2, type(backend).effective_n_jobs(backend, n_jobs))

    backend.submit, backend.effective_n_jobs = submit, effective_n_jobs
    try:
        yield
    finally:
        del backend.submit, backend.effective_n_jobs


def tags_need_not_be_text():
    """Keywords of `av.open` without which it refuses a file for its tags."""
    import av

    # PyAV replaces bytes that are no text from 19, and knows no such keyword.
    is_old = int(av.__version__.partition(".")[0]) < 19
    return {"metadata_errors": "replace"} if is_old else {}

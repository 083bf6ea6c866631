"""The one place that knows scikeras 0.13, which is no longer maintained.

scikeras compiles the networks that are trained here, and wraps a trained one for other
code (`to_scikeras`). It does not train them: its `fit` builds, compiles and traces a
new model each time, where `skgenre.training` uses a compiled one again.
"""

import functools
import sys

import numpy as np

from skgenre._compat import read_op_determinism


def wrap_network(build, input_shape, classes, *, learning_rate, **parameters):
    """Return a scikeras classifier around the model that `build()` returns, compiled.

    `parameters` are further ones of the classifier, such as `epochs`.
    """
    from scikeras.wrappers import KerasClassifier

    wrapper = KerasClassifier(
        functools.partial(_build_compiled, build=build),
        optimizer="adam",
        optimizer__learning_rate=learning_rate,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **parameters,
    )
    # It refuses features of more bits than those it has seen: these have most.
    X = np.zeros((len(classes), *input_shape), dtype=np.float64)
    return wrapper.initialize(X, classes)


def _build_compiled(compile_kwargs, *, build):
    # The name `compile_kwargs` is how scikeras knows what to pass.
    from keras import losses

    model = build()
    loss = losses.SparseCategoricalCrossentropy(
        # With the default a weight of two would not equal a repeated row.
        reduction="mean_with_sample_weight",
        # By default the loss of a float64 network would be computed in float32.
        dtype="float64" if model.compute_dtype == "float64" else None,
    )
    optimizer, metrics = compile_kwargs["optimizer"], compile_kwargs["metrics"]
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
    # Its variables are reset before each fit, and pickled with the model.
    model.optimizer.build(model.trainable_variables)
    return model


def prepare_scikeras(estimator):
    """Repair the random state of an unfitted estimator's scikeras parts, if any."""
    if "scikeras" not in sys.modules:  # A part of it would have imported it.
        return
    from scikeras.wrappers import BaseWrapper

    for part in [estimator, *estimator.get_params().values()]:
        if isinstance(part, BaseWrapper):
            # Unless it is read first, the first seeded fit of a process leaves
            # TensorFlow's determinism on, and later unseeded fits fail.
            read_op_determinism()
            if isinstance(part.random_state, np.random.RandomState):
                # scikeras draws the seed 0 from any RandomState.
                part.random_state = int(part.random_state.randint(2**31 - 1))

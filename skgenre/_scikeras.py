"""The one place that knows scikeras, which is no longer maintained."""

import numpy as np


def compile_network(network, n_classes, *, learning_rate):
    """Compile a built Keras model for training with Adam, in place."""
    from keras import losses, optimizers
    from scikeras.wrappers import KerasClassifier

    def model(compile_kwargs):
        # scikeras takes nothing but a plain function, and hands it these arguments.
        names = ("optimizer", "loss", "metrics")
        network.compile(**{name: compile_kwargs[name] for name in names})
        return network

    wrapper = KerasClassifier(
        model,
        optimizer=optimizers.Adam(learning_rate),
        loss=losses.SparseCategoricalCrossentropy(
            # With the default a weight of two would not equal a repeated row.
            reduction="mean_with_sample_weight",
            # By itself it would compute a float64 network's loss in float32.
            dtype="float64" if network.compute_dtype == "float64" else None,
        ),
        metrics=["accuracy"],
    )
    wrapper.initialize(np.zeros((n_classes, 1)), np.arange(n_classes))

"""The one place that knows scikeras, which is no longer maintained."""


def fit_network(
    build,
    X,
    y,
    sample_weight,
    *,
    learning_rate,
    epochs,
    batch_size,
    verbose,
):
    """Train the model that `build()` returns; return it with its history.

    `X` is (n_rows, n_frames, n_mfcc), `y` class numbers (n_rows,), and the history a
    dict of one value per epoch. The caller seeds: scikeras' own seeding switches
    TensorFlow's op determinism on for the rest of the process.
    """
    from keras import losses, optimizers
    from scikeras.wrappers import KerasClassifier

    def model():
        # scikeras takes nothing but a plain function.
        return build()

    wrapper = KerasClassifier(
        model,
        optimizer=optimizers.Adam(learning_rate),
        # With the default reduction a weight of two would not equal a repeated row.
        loss=losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        metrics=["accuracy"],
        batch_size=batch_size,
        epochs=epochs,
        verbose=verbose,
    )
    wrapper.fit(X, y, sample_weight=sample_weight)
    return wrapper.model_, {name: list(v) for name, v in wrapper.history_.items()}

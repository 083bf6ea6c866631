"""The paper's networks: MLP, CNN and LSTM."""


def build_mlp(input_shape, n_classes, *, hidden_layer_sizes, dropout, l2):
    """Multi-layer perceptron over the flattened segment."""
    from keras import Sequential, layers

    stack = [layers.Input(input_shape), layers.Flatten()]
    for n_units in hidden_layer_sizes:
        stack.append(
            layers.Dense(n_units, activation="relu", kernel_regularizer=_penalty(l2))
        )
        if dropout:
            stack.append(layers.Dropout(dropout))
    return Sequential([*stack, layers.Dense(n_classes, activation="softmax")])


def build_cnn(
    input_shape,
    n_classes,
    *,
    filters,
    kernel_sizes,
    padding,
    dense_units,
    dropout,
    l2,
):
    """Convolutions over frames and coefficients, max-pooled and batch-normalised."""
    from keras import Sequential, layers

    stack = [layers.Input(input_shape), layers.Reshape((*input_shape, 1))]
    for n_filters, kernel_size in zip(filters, kernel_sizes, strict=True):
        stack += [
            layers.Conv2D(
                n_filters,
                kernel_size,
                padding=padding,
                activation="relu",
                kernel_regularizer=_penalty(l2),
            ),
            # The paper pools over windows of the kernel's own size.
            layers.MaxPooling2D(kernel_size, strides=(2, 2), padding="same"),
            layers.BatchNormalization(),
        ]
    stack += [
        layers.Flatten(),
        layers.Dense(dense_units, activation="relu", kernel_regularizer=_penalty(l2)),
    ]
    if dropout:
        stack.append(layers.Dropout(dropout))
    return Sequential([*stack, layers.Dense(n_classes, activation="softmax")])


def build_lstm(input_shape, n_classes, *, units, dense_units, dropout):
    """Stacked LSTMs over the frames; the last one's final state decides."""
    from keras import Sequential, layers

    stack = [layers.Input(input_shape)]
    for position, n_units in enumerate(units):
        is_last = position == len(units) - 1
        stack.append(layers.LSTM(n_units, return_sequences=not is_last))
    stack.append(layers.Dense(dense_units, activation="relu"))
    if dropout:
        stack.append(layers.Dropout(dropout))
    return Sequential([*stack, layers.Dense(n_classes, activation="softmax")])


def convolved_shape(input_shape, kernel_sizes):
    """Shape that valid convolutions leave, up to the first that does not fit.

    Returns the position of that convolution (None if all fit) and the shape before it.
    """
    n_frames, n_mfcc = input_shape
    for position, (n_rows, n_columns) in enumerate(kernel_sizes):
        if n_frames < n_rows or n_mfcc < n_columns:
            return position, (n_frames, n_mfcc)
        # A valid convolution, then max-pooling of stride two with padding "same".
        n_frames = -(-(n_frames - n_rows + 1) // 2)
        n_mfcc = -(-(n_mfcc - n_columns + 1) // 2)
    return None, (n_frames, n_mfcc)


def _penalty(l2):
    from keras import regularizers

    return regularizers.L2(l2) if l2 else None

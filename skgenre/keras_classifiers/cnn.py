"""Classifier by a convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from skgenre._io import counted
from skgenre._typing import ClassWeight, Pooling, RandomState
from skgenre._validation import (
    check_choice,
    check_number,
    check_positive_integer,
    check_sizes,
)
from skgenre.keras_classifiers.base import KerasTrackClassifier, document_network
from skgenre.networks import build_cnn, convolved_shape


@document_network
class CNNGenreClassifier(KerasTrackClassifier):
    """Convolutional network over a segment's frames and coefficients.

    The paper's third network: three convolutions, each followed by max-pooling (a
    window of the kernel's size, stride 2) and batch normalisation, then a dense layer.

    Parameters
    ----------
    filters : tuple of int, default=(32, 32, 32)
        Filters of each convolution, with ReLU.
    kernel_sizes : tuple of (int, int), default=((3, 3), (3, 3), (2, 2))
        Frames and coefficients that each convolution, and its max-pooling, spans.
    padding : {"valid", "same"}, default="valid"
        Whether convolutions shrink their input; "same" takes input of any size.
    dense_units : int, default=64
        Units of the dense layer, with ReLU.
    dropout : float, default=0.3
        Fraction of the dense layer's units dropped while training, in [0, 1).
    l2 : float, default=0.0
        Penalty on the squared weights of the convolutions and the dense layer.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import CNNGenreClassifier
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> X[4:] += 3
    >>> cnn = CNNGenreClassifier(
    ...     filters=(4,), kernel_sizes=((3, 2),), learning_rate=0.05, epochs=20,
    ...     random_state=0,
    ... )
    >>> cnn.fit(X, y).predict_segments_proba(X).shape
    (8, 3, 2)
    """

    _build = staticmethod(build_cnn)
    _network_parameters = (
        "filters",
        "kernel_sizes",
        "padding",
        "dense_units",
        "dropout",
        "l2",
    )

    def __init__(
        self,
        *,
        filters: Sequence[int] = (32, 32, 32),
        kernel_sizes: Sequence[tuple[int, int]] = ((3, 3), (3, 3), (2, 2)),
        padding: Literal["valid", "same"] = "valid",
        dense_units: int = 64,
        dropout: float = 0.3,
        l2: float = 0.0,
        learning_rate: float = 1e-4,
        epochs: int = 50,
        batch_size: int = 32,
        shuffle: bool = True,
        class_weight: ClassWeight = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        restore_best_weights: bool = True,
        warm_start: bool = False,
        callbacks: Any = None,
        pooling: Pooling = "mean",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self._store_parameters(locals())

    def _check_parameters(self):
        super()._check_parameters()
        check_sizes(self.filters, name="filters")
        sizes = self.kernel_sizes
        if isinstance(sizes, str) or not hasattr(sizes, "__len__") or len(sizes) == 0:
            raise ValueError(
                "kernel_sizes must be a non-empty sequence of (n_frames, n_mfcc), got "
                f"{sizes!r}."
            )
        for position, size in enumerate(sizes):
            check_sizes(size, name=f"kernel_sizes[{position}]")
            if len(size) != 2:
                raise ValueError(
                    f"kernel_sizes[{position}] must be (n_frames, n_mfcc), got "
                    f"{size!r}."
                )
        check_choice(self.padding, ("valid", "same"), name="padding")
        check_positive_integer(self.dense_units, name="dense_units")
        check_number(self.dropout, name="dropout", low=0, high=1, high_open=True)
        check_number(self.l2, name="l2", low=0)
        if len(self.filters) != len(self.kernel_sizes):
            raise ValueError(
                "filters and kernel_sizes must have one entry per convolution, got "
                f"filters={self.filters!r} and kernel_sizes={self.kernel_sizes!r}."
            )

    def _check_network(self, input_shape):
        if self.padding == "same":
            return
        kernel_sizes = self._get_network_parameters()["kernel_sizes"]
        position, shape = convolved_shape(input_shape, kernel_sizes)
        if position is not None:
            kernel = kernel_sizes[position]
            raise ValueError(
                f"Segments of {counted(input_shape[0], 'frame')} × "
                f"{counted(input_shape[1], 'coefficient')} are too small for "
                f"padding='valid': {shape[0]} × {shape[1]} are left before "
                f"convolution {position + 1} of {len(self.kernel_sizes)}, which needs "
                f"at least {kernel[0]} × {kernel[1]}. Use padding='same', fewer or "
                "smaller convolutions, or larger segments."
            )

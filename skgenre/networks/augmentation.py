"""Training on varied features: channel shifts, SpecAugment's masks, mixup, soft labels.

All act on segments (n_rows, n_frames, n_mfcc), draw anew for each row, and do nothing
outside of training. An argument of zero leaves a part out. Chance comes from
Keras' own layers and seed generators, whose states a fit sets.
"""

import functools

import numpy as np


def shift_channel(values, deviation):
    """Add a normal constant to each coefficient of a row: another room or equaliser.

    A fixed linear filter adds a constant to the cepstrum.
    """
    from keras import layers, ops

    if not deviation:
        return values
    # Keras' layer takes deviations of up to one.
    noise = layers.GaussianNoise(1.0)(ops.zeros_like(values[:, :1]))
    return values + deviation * noise


def mask_frames(values, largest):
    """Set a row's run of frames to its means (Park et al., 2019).

    The run is of up to this share of all frames.
    """
    from keras import layers, ops

    if not largest:
        return values
    # Two uniform numbers from two normal ones, which are zero outside of training.
    drawn = layers.GaussianNoise(1.0)(ops.zeros_like(values[:, :2, :1]))
    uniform = ops.erf(drawn / 2**0.5)
    share = largest * ops.abs(uniform[:, :1])
    start = (1 - share) * (1 + uniform[:, 1:]) / 2
    # Middles of the frames, as shares of the segment.
    frames = (np.arange(values.shape[1], dtype=values.dtype) + 0.5) / values.shape[1]
    frames = frames.reshape(1, -1, 1)
    is_masked = ops.logical_and(
        ops.greater(frames, start), ops.less(frames, start + share)
    )
    return ops.where(is_masked, ops.mean(values, axis=1, keepdims=True), values)


def mask_coefficients(values, share):
    """Set this share of a row's coefficients to their means, throughout the row."""
    from keras import layers, ops

    if not share:
        return values
    is_kept = ops.greater(layers.Dropout(share)(ops.ones_like(values[:, :1])), 0)
    return ops.where(is_kept, values, ops.mean(values, axis=1, keepdims=True))


def mix_rows(values, strength):
    """Mix each row with another of its batch (mixup, Zhang et al., 2018).

    The shares are drawn from the distribution Beta(strength, strength). Returns the
    mixed rows and the layer that mixed them, None without mixing.
    """
    if not strength:
        return values, None
    layer = _define_mixup()(strength)
    return layer(values), layer


def make_soft_label_model(inputs, outputs, *, mixing, label_smoothing):
    """A Keras model that trains on labels mixed as its rows were, and smoothed.

    `label_smoothing` is the share of the probability that all classes get alike
    (Szegedy et al., 2016). Outside of training the loss is the plain one.
    """
    from keras import Model

    if mixing is None and not label_smoothing:
        return Model(inputs, outputs)
    model = _define_soft_label_model()(inputs, outputs)
    model.mixing, model.label_smoothing = mixing, label_smoothing
    return model


# Classes made once, in functions: Keras is not to be imported before it is needed.
@functools.cache
def _define_mixup():
    from keras import layers, ops, random

    class Mixup(layers.Layer):
        """Mixes rows with those of the batch reversed; `shares` is what was kept."""

        def __init__(self, strength, **options):
            super().__init__(**options)
            self.strength = strength
            self.seed_generator = random.SeedGenerator()
            self.shares = None

        def call(self, values, training=False):
            if not training:
                return values
            size = (ops.shape(values)[0],)
            drawn = random.beta(
                size, self.strength, self.strength, seed=self.seed_generator
            )
            self.shares = ops.cast(ops.maximum(drawn, 1 - drawn), values.dtype)
            kept = ops.reshape(self.shares, (-1, 1, 1))
            return kept * values + (1 - kept) * ops.flip(values, axis=0)

        def get_config(self):
            return {**super().get_config(), "strength": self.strength}

    return Mixup


@functools.cache
def _define_soft_label_model():
    from keras import Model, losses, ops

    class SoftLabelModel(Model):
        """Trains on the classes `y` made soft: mixed as the rows were, and smoothed."""

        mixing = None
        label_smoothing = 0.0

        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, training=True
        ):
            if not training:
                return super().compute_loss(x, y, y_pred, sample_weight, training)
            targets = ops.one_hot(y, y_pred.shape[-1], dtype=y_pred.dtype)
            weights = sample_weight
            if self.mixing is not None:
                targets, weights = self._mix(targets), self._mix(weights)
            errors = losses.categorical_crossentropy(
                targets, y_pred, label_smoothing=self.label_smoothing
            )
            penalties = [ops.cast(loss, errors.dtype) for loss in self.losses]
            return ops.sum(weights * errors) / ops.sum(weights) + sum(penalties)

        def _mix(self, values):
            kept = self.mixing.shares
            kept = ops.reshape(kept, (-1, *[1] * (len(values.shape) - 1)))
            return kept * values + (1 - kept) * ops.flip(values, axis=0)

    return SoftLabelModel

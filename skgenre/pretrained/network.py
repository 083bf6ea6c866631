"""Forward passes of musicnn's trained networks, equal to TensorFlow's, in numpy.

Every product stays within MAX_PRODUCT, so BLAS starts no threads and the numbers depend
on the segment alone.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import expit

from skgenre._products import MAX_PRODUCT, multiply
from skgenre.mfcc import compute_mel

SAMPLE_RATE = 16000
N_FFT = 512
HOP_LENGTH = 256
N_MELS = 96

# Features per layer of either kind of network.
LAYERS = {
    "musicnn": {
        "penultimate": 200,
        "logits": 50,
        "tags": 50,
        "max_pool": 753,
        "mean_pool": 753,
    },
    "vgg": {"penultimate": 256, "logits": 50, "tags": 50},
}

# Frames that the vgg networks take, neither more nor less: three seconds.
N_VGG_FRAMES = 187

# Windows and strides (frames, bands) of the five poolings in the trained graphs. The
# code of musicnn gives MSD_vgg those of MTT_vgg: its logits are then off by up to 5.8.
VGG_POOLS = {
    "MTT_vgg": [((4, 1), (2, 2)), *[((2, 2), (2, 2))] * 3, ((4, 4), (4, 4))],
    "MSD_vgg": [
        ((4, 1), (4, 1)),
        ((1, 4), (1, 4)),
        *[((2, 2), (2, 2))] * 2,
        ((4, 4), (4, 4)),
    ],
}

# Of the batch normalisations of TensorFlow 1.
EPSILON = 1e-3

# Weight decay has taken many filters to 1e-28, or their scale to 1e-12: of 408 timbral
# ones MTT_musicnn has kept 233, MSD_musicnn 38. Where an input of 1 changes the output
# by less than this, the output is constant within float32's precision, and is not
# computed: MTT_musicnn takes 1.3 times as long with all filters, MSD_musicnn 2.8 times.
MIN_STRENGTH = 1e-10

# Toom-Cook's algorithm computes so many frames of output from products at so many
# points, infinity being the last: 8 products instead of 14 for the 7 taps of musicnn.
# The error is that of plain products: logits within 1e-5 of those in float64. Four
# frames, of 10 products instead of 28, take 0.83 of the time but double it.
TILE_FRAMES = 2
POINTS = (0, 1, -1, 1 / 2, -2, 2, -1 / 2)

# Rows in one product, at most: tiles, or bands. 187 frames are 94 tiles, and so need
# two of padding.
MAX_ROWS = 8

# Frames of output per product with the long filters; 4 or 16 take longer.
BLOCK_FRAMES = 8


def count_features(model, layer):
    """Return the number of features of a layer."""
    return LAYERS[model.partition("_")[2]][layer]


def compute_log_mel(signal):
    """Return the input of the networks.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
        One segment at 16000 Hz, float32, mono, finite, of 256 samples or more.

    Returns
    -------
    log_mel : ndarray of shape (n_samples // 256, 96), float32
        Logarithms of the mel powers p of this segment alone: log10(10000 p + 1).
    """
    mel = compute_mel(
        signal,
        sample_rate=SAMPLE_RATE,
        n_fft=N_FFT,
        hop_length=HOP_LENGTH,
        n_mels=N_MELS,
    )
    return np.log10(10000 * mel[: len(signal) // HOP_LENGTH] + 1)


def make_network(model, weights):
    """Return the network of `model`, prepared from the weights in its checkpoint."""
    if model in VGG_POOLS:
        return Vgg(weights, VGG_POOLS[model])
    return Musicnn(weights)


class Musicnn:
    """Filters over all timbres and times, three dense convolutions, global pooling."""

    def __init__(self, weights):
        self.input_norm = _fold_norm(weights, "batch_normalization")
        self.timbral = [
            _Convolution(weights, "conv2d", "batch_normalization_1"),
            _Convolution(weights, "conv2d_1", "batch_normalization_2"),
        ]
        self.temporal = [
            _LongConvolution(weights, f"conv2d_{n}", f"batch_normalization_{n + 1}")
            for n in (2, 3, 4)
        ]
        self.middle = [
            _Convolution(weights, f"conv2d_{n}", f"batch_normalization_{n + 1}")
            for n in (5, 6, 7)
        ]
        self.pool_norm = _fold_norm(weights, "batch_normalization_9")
        self.dense = _Dense(weights, "dense")
        self.dense_norm = _fold_norm(weights, "batch_normalization_10")
        self.output = _Dense(weights, "dense_1")

    def compute(self, log_mel, layer):
        """Return a layer's features of one segment: (n_frames, 96) -> (n_features,)."""
        scale, shift = self.input_norm
        bands = log_mel * scale + shift
        front = [f.activate(f.convolve(bands[:, :, None])[:, 0]) for f in self.timbral]
        front += [f.activate(f.convolve(bands)) for f in self.temporal]
        features = [np.concatenate(front, axis=1)]
        for convolution in self.middle:
            inputs = features[-1][:, :, None]
            outputs = convolution.activate(convolution.convolve(inputs)[:, 0])
            # The first has nothing of its own shape to be added to.
            features.append(outputs + features[-1] if len(features) > 1 else outputs)
        features = np.concatenate(features, axis=1)
        if layer == "max_pool":
            return features.max(axis=0)
        mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
        if layer == "mean_pool":
            return mean
        pooled = np.stack([features.max(axis=0), mean], axis=1).ravel()
        scale, shift = self.pool_norm
        dense = np.maximum(self.dense(pooled * scale + shift), 0)
        scale, shift = self.dense_norm
        penultimate = dense * scale + shift
        return _compute_output(penultimate, self.output, layer)


class Vgg:
    """Five convolutions of 3 by 3, each pooled, and an output layer."""

    def __init__(self, weights, pools):
        self.input_norm = _fold_norm(weights, "batch_normalization")
        self.convolutions = [
            _Convolution(weights, f"{n}CNN", f"batch_normalization_{n}", pool)
            for n, pool in enumerate(pools, 1)
        ]
        self.output = _Dense(weights, "dense")

    def compute(self, log_mel, layer):
        """Return a layer's features of one segment: (187, 96) -> (n_features,)."""
        if len(log_mel) != N_VGG_FRAMES:
            raise ValueError(
                f"the vgg networks take segments of {N_VGG_FRAMES} frames (3 seconds), "
                f"got {len(log_mel)} frames"
            )
        scale, shift = self.input_norm
        maps = (log_mel * scale + shift)[:, :, None]
        for convolution in self.convolutions:
            padded = np.pad(maps, ((0, 0), (1, 1), (0, 0)))
            maps = convolution.activate(convolution.convolve(padded))
        return _compute_output(maps.ravel(), self.output, layer)


def _compute_output(penultimate, output, layer):
    if layer == "penultimate":
        return penultimate
    logits = output(penultimate)
    return logits if layer == "logits" else expit(logits)


def _fold_norm(weights, name):
    """Return scale and shift of a batch normalisation, float32."""
    gamma, beta, mean, variance = (
        weights[f"{name}/{part}"].astype(np.float64)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    return np.float32(scale), np.float32(beta - mean * scale)


class _Dense:
    def __init__(self, weights, name):
        self.kernel, self.bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]

    def __call__(self, features):
        return multiply(features[None], self.kernel)[0] + self.bias


class _Filters:
    """Filters of a convolution, the bias, ReLU and batch normalisation behind it.

    A maximum over bands or frames is taken before all that, which saves most of its
    work. Filters of negative scale, whose minimum is wanted, change their sign.
    """

    def __init__(self, weights, name, norm):
        kernel, self.bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
        self.scale, self.shift = _fold_norm(weights, norm)
        self.sign = np.where(self.scale < 0, np.float32(-1), np.float32(1))
        strengths = np.abs(self.scale) * np.abs(kernel).sum(axis=(0, 1, 2))
        # Of filters that are all constant, the strongest are kept: products need some.
        limit = min(MIN_STRENGTH, strengths.max())
        self.kept = np.flatnonzero(strengths >= limit)
        self.kernel = (kernel * self.sign)[..., self.kept]

    def activate(self, maxima):
        """Return outputs (..., n_filters) of the maxima (..., n_kept) of products."""
        outputs = np.zeros((*maxima.shape[:-1], len(self.bias)), np.float32)
        outputs[..., self.kept] = maxima
        outputs *= self.sign
        outputs += self.bias
        np.maximum(outputs, 0, out=outputs)
        outputs *= self.scale
        outputs += self.shift
        return outputs


class _Convolution(_Filters):
    """Few taps, padded to keep the frames; bands are not padded, and then pooled."""

    def __init__(self, weights, name, norm, pool=None):
        super().__init__(weights, name, norm)
        self.pool = pool
        n_taps, self.n_bands, n_channels, n_kept = self.kernel.shape
        self.padding = (n_taps - 1) // 2
        self.to_points, filters_to_points, self.from_points = _make_toom_cook(n_taps)
        filters = filters_to_points @ self.kernel.reshape(n_taps, -1).astype(np.float64)
        # Of a point: (1, weights of a frame, filters), for all groups of tiles.
        shape = (-1, 1, self.n_bands * n_channels, n_kept)
        self.filters = np.float32(filters).reshape(shape)

    def convolve(self, maps):
        """Return maxima of products, pooled in time and bands.

        (n_frames, n_bands, n_channels) -> (n_pooled_frames, n_pooled_bands, n_kept),
        where no pooling is given one of all bands and single frames.
        """
        n_frames, n_bands, n_channels = maps.shape
        n_starts = n_bands - self.n_bands + 1
        sizes, steps = self.pool or ((1, n_starts), (1, n_starts))
        n_width, n_kept = self.filters.shape[2:]
        tiles = self._evaluate(maps.reshape(n_frames, -1))
        n_points, n_groups, _, n_columns = tiles.shape
        products = np.empty((n_points, n_groups, MAX_ROWS, n_kept), np.float32)
        outputs, maxima = np.empty((2, TILE_FRAMES, *products.shape[1:]), np.float32)
        n_rows = _count_rows(n_width * n_kept)
        tiles = tiles.reshape(n_points, -1, n_rows, n_columns)
        n_pooled = (n_starts - sizes[1]) // steps[1] + 1
        pooled = np.empty(
            (n_groups * MAX_ROWS, TILE_FRAMES, n_pooled, n_kept), np.float32
        )
        for band in range(n_pooled):
            for offset in range(sizes[1]):
                start = (band * steps[1] + offset) * n_channels
                np.matmul(
                    tiles[..., start : start + n_width],
                    self.filters,
                    out=products.reshape(n_points, -1, n_rows, n_kept),
                )
                target = outputs if offset else maxima
                np.matmul(
                    self.from_points,
                    _move_groups_first(products),
                    out=_move_groups_first(target),
                )
                if offset:
                    np.maximum(maxima, outputs, out=maxima)
            pooled[:, :, band] = maxima.reshape(TILE_FRAMES, -1, n_kept).swapaxes(0, 1)
        pooled = pooled.reshape(-1, n_pooled, n_kept)[:n_frames]
        stop = n_frames - sizes[0] + 1
        shifted = [pooled[i : i + stop : steps[0]] for i in range(sizes[0])]
        return np.maximum.reduce(shifted)

    def _evaluate(self, columns):
        """Return tiles at each point: (n_points, n_groups, MAX_ROWS, n_columns)."""
        n_frames, n_columns = columns.shape
        n_points = len(self.to_points)
        n_groups = -(-n_frames // (TILE_FRAMES * MAX_ROWS))
        n_padded = n_groups * MAX_ROWS * TILE_FRAMES + n_points - TILE_FRAMES
        padded = np.zeros((n_padded, n_columns), np.float32)
        padded[self.padding : self.padding + n_frames] = columns
        windows = sliding_window_view(padded, n_points, axis=0)[::TILE_FRAMES]
        windows = windows.swapaxes(1, 2)
        tiles = np.empty((n_points, len(windows), n_columns), np.float32)
        step = MAX_PRODUCT // self.to_points.size
        for start in range(0, n_columns, step):
            some = slice(start, start + step)
            np.matmul(
                self.to_points,
                windows[..., some],
                out=tiles[..., some].swapaxes(0, 1),
            )
        return tiles.reshape(n_points, n_groups, MAX_ROWS, n_columns)


def _move_groups_first(values):
    """Return a view (n_groups, n, n_rows * n_kept) of (n, n_groups, n_rows, n_kept)."""
    return values.reshape(*values.shape[:2], -1).swapaxes(0, 1)


class _LongConvolution(_Filters):
    """Many taps, padded to keep the frames, of one band; maximum over the bands."""

    def __init__(self, weights, name, norm):
        super().__init__(weights, name, norm)
        n_taps, _, _, n_kept = self.kernel.shape
        self.padding = (n_taps - 1) // 2
        # The frames of a block are one product with filters that move from frame to
        # frame: windows of so many taps would have to be copied.
        n_inputs = n_taps + BLOCK_FRAMES - 1
        filters = np.zeros((n_inputs, BLOCK_FRAMES, n_kept), np.float32)
        for frame in range(BLOCK_FRAMES):
            filters[frame : frame + n_taps, frame] = self.kernel[:, 0, 0]
        self.filters = filters.reshape(n_inputs, -1)

    def convolve(self, bands):
        """Return maxima of products: (n_frames, n_bands) -> (n_frames, n_kept)."""
        n_frames, n_bands = bands.shape
        n_rows = _count_rows(self.filters.size)
        rows = np.ascontiguousarray(bands.T).reshape(-1, n_rows, n_frames)
        outputs = np.empty((n_bands, self.filters.shape[1]), np.float32)
        n_blocks = -(-n_frames // BLOCK_FRAMES)
        maxima = np.empty((n_blocks, self.filters.shape[1]), np.float32)
        for block in range(n_blocks):
            # Taps that meet padding are left out.
            start = block * BLOCK_FRAMES - self.padding
            first, last = max(0, start), min(n_frames, start + len(self.filters))
            np.matmul(
                rows[:, :, first:last],
                self.filters[first - start : last - start],
                out=outputs.reshape(*rows.shape[:2], -1),
            )
            np.maximum.reduce(outputs, axis=0, out=maxima[block])
        return maxima.reshape(-1, len(self.kept))[:n_frames]


def _make_toom_cook(n_taps):
    """Return D, G and S: filter h of a tile x of frames gives S @ ((D @ x) * (G @ h)).

    The transposed product of polynomials: evaluate both, multiply, interpolate.
    """
    n_points = TILE_FRAMES + n_taps - 1

    def evaluate(n_coefficients):
        values = np.vander(POINTS[: n_points - 1], n_coefficients, increasing=True)
        return np.vstack([values, np.eye(n_coefficients)[-1]])

    interpolate = np.linalg.inv(evaluate(n_points))
    to_points, from_points = interpolate.T, evaluate(TILE_FRAMES).T
    return np.float32(to_points), evaluate(n_taps), np.float32(from_points)


def _count_rows(n_weights):
    """Return how many rows a product with so many weights may have: a power of 2."""
    n_rows = MAX_ROWS
    while n_rows > 1 and n_rows * n_weights > MAX_PRODUCT:
        n_rows //= 2
    return n_rows

"""Forward passes of musicnn's trained networks, in numpy."""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

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

# Pooling windows and strides (frames, bands) as in the trained graphs.
VGG_POOLS = {
    "MTT_vgg": (((4, 1), (2, 2)), *[((2, 2), (2, 2))] * 3, ((4, 4), (4, 4))),
    "MSD_vgg": (
        ((4, 1), (4, 1)),
        ((1, 4), (1, 4)),
        *[((2, 2), (2, 2))] * 2,
        ((4, 4), (4, 4)),
    ),
}

EPSILON = 1e-3


def count_features(model, layer):
    """Return the number of features of a layer."""
    return LAYERS[model.partition("_")[2]][layer]


def compute_log_mel(signal):
    """Return the input of the networks: (n_samples,) -> (n_frames, N_MELS), float32."""
    n_frames = len(signal) // HOP_LENGTH
    mel = compute_mel(
        signal,
        sample_rate=SAMPLE_RATE,
        n_fft=N_FFT,
        hop_length=HOP_LENGTH,
        n_mels=N_MELS,
    )
    return np.log10(10000 * mel[:n_frames] + 1)


def make_network(model, weights):
    """Return the network of `model`, prepared from the variables of its checkpoint."""
    if model in VGG_POOLS:
        return Vgg(weights, VGG_POOLS[model])
    return Musicnn(weights)


class Musicnn:
    def __init__(self, weights):
        self.weights = weights

    def compute(self, log_mel, layer):
        w = self.weights
        x = log_mel * _norm(w, 0)[0] + _norm(w, 0)[1]
        parts = []
        for k in (0, 1):
            parts.append(self._conv(np.pad(x, ((3, 3), (0, 0))), k))
        for k in (2, 3, 4):
            n = len(w[f"conv2d_{k}/kernel"])
            parts.append(self._conv(np.pad(x, (((n - 1) // 2, n // 2), (0, 0))), k))
        parts = [p.max(axis=1) for p in parts]
        front = np.concatenate(parts, axis=1)
        outs = [front]
        y = front
        for k in (5, 6, 7):
            z = self._conv(np.pad(y, ((3, 3), (0, 0))), k)[:, 0]
            y = z if k == 5 else z + y
            outs.append(y)
        features = np.concatenate(outs, axis=1)
        max_pool, mean_pool = features.max(axis=0), features.mean(axis=0)
        if layer == "max_pool":
            return max_pool
        if layer == "mean_pool":
            return mean_pool
        flat = np.stack([max_pool, mean_pool], axis=1).ravel()
        scale, shift = _norm(w, 9)
        z = (flat * scale + shift) @ w["dense/kernel"] + w["dense/bias"]
        scale, shift = _norm(w, 10)
        penultimate = np.maximum(z, 0) * scale + shift
        if layer == "penultimate":
            return penultimate
        logits = penultimate @ w["dense_1/kernel"] + w["dense_1/bias"]
        return logits if layer == "logits" else 1 / (1 + np.exp(-logits))

    def _conv(self, x, k):
        w = self.weights
        name = f"conv2d_{k}" if k else "conv2d"
        kernel = w[name + "/kernel"][:, :, 0]
        n, m, _ = kernel.shape
        windows = sliding_window_view(x, (n, m))
        z = np.tensordot(windows, kernel, 2) + w[name + "/bias"]
        scale, shift = _norm(w, k + 1)
        return np.maximum(z, 0) * scale + shift


class Vgg:
    def __init__(self, weights, pools):
        self.weights, self.pools = weights, pools

    def compute(self, log_mel, layer):
        w = self.weights
        scale, shift = _norm(w, 0)
        x = (log_mel * scale + shift)[:, :, None]
        for k, (size, strides) in enumerate(self.pools, 1):
            x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            windows = np.moveaxis(sliding_window_view(x, (3, 3), (0, 1)), 2, -1)
            z = np.tensordot(windows, w[f"{k}CNN/kernel"], 3) + w[f"{k}CNN/bias"]
            scale, shift = _norm(w, k)
            x = np.maximum(z, 0) * scale + shift
            windows = sliding_window_view(x, size, (0, 1))[:: strides[0], :: strides[1]]
            x = windows.max(axis=(-2, -1))
        penultimate = x.ravel()
        if layer == "penultimate":
            return penultimate
        logits = penultimate @ w["dense/kernel"] + w["dense/bias"]
        return logits if layer == "logits" else 1 / (1 + np.exp(-logits))


def _norm(weights, k):
    name = f"batch_normalization_{k}" if k else "batch_normalization"
    gamma, beta, mean, variance = (
        weights[f"{name}/{part}"]
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + np.float32(EPSILON))
    return scale, beta - mean * scale

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import resample_poly
from threadpoolctl import threadpool_limits

from skgenre._products import MAX_PRODUCT
from skgenre.pretrained import MODELS, load_weights
from skgenre.pretrained.network import (
    LAYERS,
    compute_log_mel,
    count_features,
    make_network,
)

DATA = Path(__file__).parents[2] / "shared" / "data" / "gtzan_mini"
TOLERANCE = 1e-4
# Tensors of the layers in the graphs that musicnn's authors trained.
TENSORS = {
    "musicnn": {
        "penultimate": "model/batch_normalization_10/batchnorm/add_1",
        "logits": "model/dense_1/BiasAdd",
        "tags": "model/Sigmoid",
        "max_pool": "model/Max",
        "mean_pool": "model/moments/Squeeze",
    },
    "vgg": {
        "penultimate": "model/Flatten/flatten/Reshape",
        "logits": "model/dense/BiasAdd",
        "tags": "model/Sigmoid",
    },
}
# Windows and strides (frames, bands) of the poolings in the same graphs.
HALF = ((2, 2), (2, 2))
POOLS = {
    "MTT_vgg": [((4, 1), (2, 2)), HALF, HALF, HALF, ((4, 4), (4, 4))],
    "MSD_vgg": [((4, 1), (4, 1)), ((1, 4), (1, 4)), HALF, HALF, ((4, 4), (4, 4))],
}


def layers_of(model):
    return LAYERS[model.partition("_")[2]]


def make_noise(n_samples=48000, seed=0):
    return np.random.default_rng(seed).standard_normal(n_samples).astype(np.float32)


def load_music():
    """Three seconds of each of some tracks, at 16 kHz."""
    paths = sorted(DATA.rglob("*.wav"))[::17]
    if not paths:
        return []
    signals = [soundfile.read(p, frames=88200, dtype="float32")[0] for p in paths]
    return [resample_poly(s, 320, 441)[:48000].astype(np.float32) for s in signals]


@pytest.fixture(scope="module")
def log_mels():
    """Inputs of three seconds: music, noise, silence, and what is far too loud."""
    noise = make_noise()
    silence = np.zeros(48000, np.float32)
    music = load_music()
    loud = [np.clip(300 * signal, -10, 10) for signal in [*music[:1], noise]]
    signals = [*music, noise, 1e-3 * noise, silence, *loud]
    return np.stack([compute_log_mel(signal) for signal in signals])


def run_trained_graph(model, folder, log_mels):
    """All layers, as TensorFlow computes them from the graph in the checkpoint."""
    import tensorflow as tf
    from tensorflow.core.protobuf import meta_graph_pb2

    meta = (folder / model / ".meta").read_bytes()
    graph_def = meta_graph_pb2.MetaGraphDef.FromString(meta).graph_def
    tensors = TENSORS[model.partition("_")[2]]
    v1 = tf.compat.v1
    graph_def = v1.graph_util.extract_sub_graph(graph_def, list(tensors.values()))
    for node in graph_def.node:
        # Shapes that today's TensorFlow refuses.
        node.attr.pop("_output_shapes", None)
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.import_graph_def(graph_def, name="")
        weights = load_weights(model, folder)
        variables = [op for op in graph.get_operations() if op.type == "VariableV2"]
        for variable in variables:
            value = weights[variable.name]
            session.run(v1.assign(variable.outputs[0], value))
        inputs = {"model/Placeholder:0": log_mels, "model/Placeholder_2:0": False}
        return session.run({k: f"{name}:0" for k, name in tensors.items()}, inputs)


@pytest.mark.parametrize("model", MODELS)
def test_features_are_those_of_the_trained_graph(model, log_mels, musicnn_folder):
    expected = run_trained_graph(model, musicnn_folder, log_mels)
    network = make_network(model, load_weights(model, musicnn_folder))
    for layer in layers_of(model):
        actual = np.stack([network.compute(one, layer) for one in log_mels])
        assert actual.shape == (len(log_mels), count_features(model, layer))
        assert actual.dtype == np.float32
        reference = expected[layer].reshape(actual.shape)
        # Pooled features reach 200: behind products of float32 they are multiplied by
        # up to 170, in TensorFlow as here.
        scale = np.abs(reference).max() / 10 if layer.endswith("_pool") else 1
        assert_allclose(actual, reference, rtol=0, atol=TOLERANCE * scale)


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
@pytest.mark.parametrize("n_samples", [256, 300, 1000, 48000, 48255, 160000])
def test_log_mel_is_that_of_librosa(n_samples):
    signal = make_noise(n_samples)
    mel = librosa.feature.melspectrogram(
        y=signal, sr=16000, n_fft=512, hop_length=256, n_mels=96, pad_mode="constant"
    )
    expected = np.log10(10000 * mel.T + 1)[: n_samples // 256]
    actual = compute_log_mel(signal)
    assert actual.dtype == np.float32
    assert actual.shape == (n_samples // 256, 96)
    assert_allclose(actual, expected, rtol=0, atol=5e-6)


def test_three_seconds_are_the_frames_that_the_networks_were_trained_on():
    assert len(compute_log_mel(make_noise(48000))) == 187


def make_norm(rng, name, n):
    return {
        f"{name}/gamma": rng.standard_normal(n),
        f"{name}/beta": rng.standard_normal(n),
        f"{name}/moving_mean": rng.standard_normal(n),
        f"{name}/moving_variance": rng.uniform(0.5, 2, n),
    }


def make_weights(kernels, norms, seed=0):
    """Random weights of a small network; the first filter of each kernel is dead."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in kernels.items():
        kernel = rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))
        if len(shape) == 4:
            kernel[..., 0] *= 1e-28
        weights |= {
            f"{name}/kernel": kernel,
            f"{name}/bias": rng.normal(size=shape[-1]),
        }
    for name, n in norms.items():
        weights |= make_norm(rng, name, n)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def make_musicnn_weights():
    kernels = {
        "conv2d": (7, 38, 1, 6),
        "conv2d_1": (7, 67, 1, 5),
        "conv2d_2": (128, 1, 1, 3),
        "conv2d_3": (64, 1, 1, 3),
        "conv2d_4": (32, 1, 1, 3),
        "conv2d_5": (7, 20, 1, 4),
        "conv2d_6": (7, 4, 1, 4),
        "conv2d_7": (7, 4, 1, 4),
        "dense": (64, 8),
        "dense_1": (8, 5),
    }
    sizes = [1, 6, 5, 3, 3, 3, 4, 4, 4, 64, 8]
    return make_weights(kernels, dict(zip(norm_names(11), sizes, strict=True)))


def make_vgg_weights():
    kernels = {f"{n}CNN": (3, 3, 1 if n == 1 else 4, 4) for n in range(1, 6)}
    sizes = [1, 4, 4, 4, 4, 4]
    norms = dict(zip(norm_names(6), sizes, strict=True))
    return make_weights(kernels | {"dense": (8, 5)}, norms)


def norm_names(n):
    return ["batch_normalization", *(f"batch_normalization_{i}" for i in range(1, n))]


class PlainNetwork:
    """The layers as the paper describes them, in float64 and in no hurry."""

    def __init__(self, weights):
        self.weights = {name: value.astype(float) for name, value in weights.items()}

    def normalise(self, values, name):
        gamma, beta, mean, variance = (
            self.weights[f"{name}/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (values - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def convolve(self, maps, name, norm, pad_bands=0):
        """(n_frames, n_bands, n_channels) -> the same, without a maximum."""
        kernel = self.weights[f"{name}/kernel"]
        n_taps, n_bands = kernel.shape[:2]
        time = ((n_taps - 1) // 2, n_taps // 2)
        padded = np.pad(maps, (time, (pad_bands, pad_bands), (0, 0)))
        windows = sliding_window_view(padded, (n_taps, n_bands), axis=(0, 1))
        products = np.einsum("fbcij,ijcn->fbn", windows, kernel, optimize=True)
        activated = np.maximum(products + self.weights[f"{name}/bias"], 0)
        return self.normalise(activated, norm)

    def dense(self, values, name):
        return values @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"]

    def compute_musicnn(self, log_mel):
        bands = self.normalise(log_mel[:, :, None], "batch_normalization")
        front = []
        for n in range(5):
            name = f"conv2d_{n}" if n else "conv2d"
            maps = self.convolve(bands, name, f"batch_normalization_{n + 1}")
            front.append(maps.max(axis=1))
        features = [np.concatenate(front, axis=1)]
        for n in (5, 6, 7):
            inputs = features[-1][:, :, None]
            maps = self.convolve(inputs, f"conv2d_{n}", f"batch_normalization_{n + 1}")
            features.append(maps[:, 0] + (features[-1] if n > 5 else 0))
        features = np.concatenate(features, axis=1)
        pools = {"max_pool": features.max(axis=0), "mean_pool": features.mean(axis=0)}
        flat = self.normalise(np.stack([*pools.values()], 1).ravel(), norm_names(11)[9])
        dense = np.maximum(self.dense(flat, "dense"), 0)
        penultimate = self.normalise(dense, "batch_normalization_10")
        logits = self.dense(penultimate, "dense_1")
        tags = 1 / (1 + np.exp(-logits))
        return pools | {"penultimate": penultimate, "logits": logits, "tags": tags}

    def compute_vgg(self, log_mel, pools):
        maps = self.normalise(log_mel[:, :, None], "batch_normalization")
        for n, (size, (frame_step, band_step)) in enumerate(pools, 1):
            maps = self.convolve(maps, f"{n}CNN", f"batch_normalization_{n}", 1)
            windows = sliding_window_view(maps, size, axis=(0, 1))
            maps = windows[::frame_step, ::band_step].max(axis=(-2, -1))
        penultimate = maps.ravel()
        logits = self.dense(penultimate, "dense")
        tags = 1 / (1 + np.exp(-logits))
        return {"penultimate": penultimate, "logits": logits, "tags": tags}


def assert_layers_close(network, log_mel, expected):
    for layer, features in expected.items():
        actual = network.compute(log_mel, layer)
        assert_allclose(actual, features, rtol=1e-5, atol=2e-5, err_msg=layer)


@pytest.mark.parametrize("n_frames", [1, 5, 31, 63, 187, 188, 500])
def test_musicnn_takes_segments_of_any_length(n_frames):
    weights = make_musicnn_weights()
    log_mel = compute_log_mel(make_noise(256 * n_frames))
    expected = PlainNetwork(weights).compute_musicnn(log_mel)
    assert_layers_close(make_network("MTT_musicnn", weights), log_mel, expected)


@pytest.mark.parametrize("model", POOLS)
def test_vgg_pools_as_it_was_trained(model):
    weights = make_vgg_weights()
    log_mel = compute_log_mel(make_noise())
    expected = PlainNetwork(weights).compute_vgg(log_mel, POOLS[model])
    assert_layers_close(make_network(model, weights), log_mel, expected)


@pytest.mark.parametrize("n_frames", [186, 188])
def test_vgg_refuses_segments_of_another_length(n_frames):
    network = make_network("MTT_vgg", make_vgg_weights())
    log_mel = np.zeros((n_frames, 96), np.float32)
    with pytest.raises(ValueError, match=f"187 frames.* got {n_frames}"):
        network.compute(log_mel, "logits")


def test_filters_that_are_all_constant_change_nothing():
    weights = make_musicnn_weights()
    weights["conv2d_2/kernel"] = np.zeros_like(weights["conv2d_2/kernel"])
    log_mel = compute_log_mel(make_noise())
    expected = PlainNetwork(weights).compute_musicnn(log_mel)
    assert_layers_close(make_network("MTT_musicnn", weights), log_mel, expected)


@pytest.mark.parametrize("model", MODELS)
def test_features_are_the_same_in_threads_and_in_any_order(model):
    weights = make_vgg_weights() if model in POOLS else make_musicnn_weights()
    network = make_network(model, weights)
    inputs = [compute_log_mel(make_noise(seed=seed)) for seed in range(6)]
    alone = [make_network(model, weights).compute(i, "logits") for i in inputs]
    with threadpool_limits(2, "blas"), ThreadPoolExecutor(3) as threads:
        shared = list(threads.map(network.compute, inputs[::-1], ["logits"] * 6))
    assert_array_equal(shared[::-1], alone)


@pytest.mark.parametrize("model", MODELS)
def test_no_product_starts_threads_of_blas(model, monkeypatch, musicnn_folder):
    network = make_network(model, load_weights(model, musicnn_folder))
    matmul, sizes = np.matmul, []

    def count(a, b, **arguments):
        sizes.append(a.shape[-2] * a.shape[-1] * b.shape[-1])
        return matmul(a, b, **arguments)

    log_mel = compute_log_mel(make_noise())
    monkeypatch.setattr(np, "matmul", count)
    network.compute(log_mel, "logits")
    assert 0 < max(sizes) <= MAX_PRODUCT

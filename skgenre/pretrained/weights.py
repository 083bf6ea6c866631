"""Weights of the networks of musicnn, by Jordi Pons (ISC licence): found and read."""

import functools
import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from skgenre._io import open_regular
from skgenre._validation import check_choice

# Of the file with the weights of each model: all that is read has one of these. They
# are those of musicnn 0.1.0 on PyPI.
SHA256 = {
    "MTT_musicnn": "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
    "MSD_musicnn": "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
    "MTT_vgg": "458f5c8bcecc086a3bba3dce83809df6da6e0a3560a59ddd84711bf3d5fd8303",
    "MSD_vgg": "9683d756b8311146534f333502ebf4a2a78a3e320c54ab0411dff6186d8375fc",
}
MODELS = tuple(SHA256)

FILE = ".data-00000-of-00001"

# Number of channels of each normalisation and shape of each kernel, in the order of the
# checkpoint, which is that of their names.
_LAYERS = {
    "musicnn": {
        "batch_normalization": 1,
        "batch_normalization_1": 204,
        "batch_normalization_10": 200,
        "batch_normalization_2": 204,
        "batch_normalization_3": 51,
        "batch_normalization_4": 51,
        "batch_normalization_5": 51,
        "batch_normalization_6": 64,
        "batch_normalization_7": 64,
        "batch_normalization_8": 64,
        "batch_normalization_9": 1506,
        "beta1_power": None,
        "beta2_power": None,
        "conv2d": (7, 38, 1, 204),
        "conv2d_1": (7, 67, 1, 204),
        "conv2d_2": (128, 1, 1, 51),
        "conv2d_3": (64, 1, 1, 51),
        "conv2d_4": (32, 1, 1, 51),
        "conv2d_5": (7, 561, 1, 64),
        "conv2d_6": (7, 64, 1, 64),
        "conv2d_7": (7, 64, 1, 64),
        "dense": (1506, 200),
        "dense_1": (200, 50),
    },
    "vgg": {
        "1CNN": (3, 3, 1, 128),
        "2CNN": (3, 3, 128, 128),
        "3CNN": (3, 3, 128, 128),
        "4CNN": (3, 3, 128, 128),
        "5CNN": (3, 3, 128, 128),
        "batch_normalization": 1,
        "batch_normalization_1": 128,
        "batch_normalization_2": 128,
        "batch_normalization_3": 128,
        "batch_normalization_4": 128,
        "batch_normalization_5": 128,
        "beta1_power": None,
        "beta2_power": None,
        "dense": (256, 50),
    },
}


@functools.lru_cache(maxsize=8)
def load_weights(model, weights_dir=None):
    """Return the weights of a model: name in the checkpoint -> float32 array.

    The arrays are read-only.
    """
    check_choice(model, MODELS, name="model")
    folders = [weights_dir]
    if weights_dir is None:
        installed = find_spec("musicnn")
        folders = installed.submodule_search_locations if installed else []
    for folder in folders:
        path = Path(folder, model, FILE)
        if path.is_file():
            return _read_checkpoint(path, model)
    raise FileNotFoundError(
        f"the weights of {model} are not here; to get them: "
        "pip install --no-deps musicnn==0.1.0"
    )


def _read_checkpoint(path, model):
    with open(path, "rb", opener=open_regular) as file:
        content = file.read(_count_bytes(model) + 1)
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[model]:
        raise ValueError(f"{os.fspath(path)!r} has sha256 {digest}")
    weights = {}
    for name, start, shape in _lay_out(model):
        n_values = int(np.prod(shape))
        values = np.frombuffer(content, "<f4", n_values, start).astype(np.float32)
        values.flags.writeable = False
        weights[name] = values.reshape(shape)
    return weights


def _lay_out(model):
    """Yield name, first byte and shape of each weight in the checkpoint."""
    start = 0
    for layer, size in _LAYERS[model.partition("_")[2]].items():
        if size is None:
            start += 4
            continue
        if isinstance(size, int):
            trained, other = {"beta": (size,), "gamma": (size,)}, ["mean", "variance"]
        else:
            trained, other = {"bias": size[-1:], "kernel": size}, []
        for name, shape in trained.items():
            yield f"{layer}/{name}", start, shape
            # Each is followed by two slots of Adam.
            start += 3 * 4 * int(np.prod(shape))
        for name in other:
            yield f"{layer}/moving_{name}", start, (size,)
            start += 4 * size


def _count_bytes(model):
    *_, (_, start, shape) = _lay_out(model)
    return start + 3 * 4 * int(np.prod(shape))

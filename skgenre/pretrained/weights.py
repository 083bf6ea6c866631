"""Weights of musicnn's networks: found, read, checked, kept, and fetched if asked for.

They are Jordi Pons's (ISC licence), from https://github.com/jordipons/musicnn.
"""

import functools
import hashlib
import math
import os
import tempfile
import warnings
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from skgenre._download import download_file
from skgenre._io import (
    atomic_write,
    describe_os_error,
    find_stacklevel,
    open_regular,
    read_npz,
)
from skgenre._typing import StrPath
from skgenre._validation import check_choice

# A commit after the last change of the weights. Its files are those of version 0.1.0 on
# PyPI: the checksums decide.
URL = (
    "https://raw.githubusercontent.com/jordipons/musicnn/"
    "516acb2a0ff5ef73f64547898e018e793152c506/musicnn"
)
# The file of a model's folder with all numbers. Of the others of the checkpoint, .index
# tells what is where in it, and .meta has the graph.
FILE = ".data-00000-of-00001"
INSTALL = "pip install --no-deps musicnn==0.1.0"

Layers = dict[str, int | tuple[int, ...] | None]


class Checkpoint(NamedTuple):
    """What is known of the FILE of a model, and the digest of the weights in it."""

    layers: Layers
    n_bytes: int
    sha256: str
    weights_sha256: str


# Number of channels of each normalisation and shape of each kernel, in the order of
# FILE. With this table, and a checksum of all bytes, neither TensorFlow (5 s and 300 MB
# in a process of its own) nor a parser of .index is needed.
_MUSICNN: Layers = {
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
    "powers of Adam": None,
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
}
_VGG: Layers = {
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
    "powers of Adam": None,
    "dense": (256, 50),
}
CHECKPOINTS = {
    "MTT_musicnn": Checkpoint(
        _MUSICNN,
        9_465_596,
        "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
        "040d1596fa8782900f9777d0e714a5164fd5a76a4b7691b1f5e1ed3c91b52e49",
    ),
    "MSD_musicnn": Checkpoint(
        _MUSICNN,
        9_465_596,
        "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
        "b9df84da335282eb9d69162d39e3b9cdf6f3fb46307d13de28a620e8478b5a05",
    ),
    "MTT_vgg": Checkpoint(
        _VGG,
        7_274_112,
        "458f5c8bcecc086a3bba3dce83809df6da6e0a3560a59ddd84711bf3d5fd8303",
        "3c02504d8c577c25afc3b4485c29ad1cdf30a6e6a511f89fe24b6474b605e82c",
    ),
    "MSD_vgg": Checkpoint(
        _VGG,
        7_274_112,
        "9683d756b8311146534f333502ebf4a2a78a3e320c54ab0411dff6186d8375fc",
        "02bdcff32dd860ce37b7128b1cfa075391715d90bd8bb72a35a6ff6f8cfa014a",
    ),
}
MODELS = tuple(CHECKPOINTS)


def load_weights(model, weights_dir=None):
    """Return the weights of a model: name in the checkpoint -> float32 array.

    Looked for in `weights_dir`, if it is given; else in the cache folder and then in an
    installed musicnn, which is not imported. The latter are kept in the cache folder,
    without what only training needs: a third of 9 MB.

    The arrays are read-only, and the same ones at each call. FileNotFoundError where
    there are none, ValueError where they are damaged or of another version, OSError
    where they cannot be read: all say what to type. RuntimeWarning where the cache
    folder cannot be written to.
    """
    check_choice(model, MODELS, name="model")
    return _load(model, None if weights_dir is None else os.fspath(weights_dir))


@functools.lru_cache(maxsize=8)
def _load(model, weights_dir):
    folders, options = [weights_dir], f"weights_dir={weights_dir!r}"
    if weights_dir is not None and os.path.isfile(weights_dir):
        raise NotADirectoryError(
            f"weights_dir must be a directory, got the file {weights_dir!r}: give the "
            "directory that it is in."
        )
    if weights_dir is None:
        folders, options = [find_cache()], ""
        if (musicnn := find_spec("musicnn")) is not None:
            folders += musicnn.submodule_search_locations or []
    faults = []
    for folder in folders:
        kept, checkpoint = Path(folder, f"{model}.npz"), Path(folder, model, FILE)
        for path, read in ((kept, _read_kept), (checkpoint, _read_checkpoint)):
            try:
                weights = read(path, model)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, ValueError) as error:
                # The folder of another user, as of root's HOME, hides no musicnn.
                faults.append(error)
                continue
            if weights_dir is None and path is checkpoint:
                _keep_if_possible(weights, folders[0] / kept.name, checkpoint)
            return weights
    remedy = f'python -c "from skgenre import fetch_musicnn; fetch_musicnn({options})"'
    if weights_dir is None:
        remedy = f"{INSTALL}, or: {remedy}"
    if faults:
        kind = OSError if isinstance(faults[0], OSError) else ValueError
        reasons = " ".join(map(str, faults))
        raise kind(f"{reasons} To get them: {remedy}") from faults[0]
    raise FileNotFoundError(
        f"no weights of {model}: neither {model}.npz nor {model}/{FILE} is in "
        f"{', '.join(map(str, folders))}. To get them: {remedy}"
    )


def fetch_musicnn(
    model: Literal["MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg"] | None = None,
    *,
    weights_dir: StrPath | None = None,
) -> str:
    """Download the weights of musicnn's networks, for `MusicnnEmbedding`.

    All four are 33 MB, of which a third is kept. They are Jordi Pons's, under the ISC
    licence, from his repository https://github.com/jordipons/musicnn at a fixed commit.
    The sha256 of each file is checked; a connection that breaks is tried again, three
    times in all. What is there already, and intact, is not downloaded again. Not needed
    where musicnn is installed: ``pip install --no-deps musicnn==0.1.0`` brings the same
    weights.

    Parameters
    ----------
    model : {"MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg"} or None, default=None
        The network whose weights are wanted; None for all four.
    weights_dir : str, Path or None, default=None
        Folder for the weights, to be given to `MusicnnEmbedding`; made if it is not
        there. None is the user's cache folder (on Linux ``~/.cache/skgenre``, or under
        ``XDG_CACHE_HOME``), where they are found without being named.

    Returns
    -------
    weights_dir : str
        The folder. The weights of a network are in the file with its name and
        ``.npz``.

    Raises
    ------
    OSError
        The download failed, has another checksum, or cannot be written; what was there
        is left as it was.
    ValueError
        `model` is none of the four.

    Examples
    --------
    >>> from skgenre import fetch_musicnn
    >>> fetch_musicnn("MTT_musicnn")  # doctest: +SKIP
    '/home/me/.cache/skgenre'
    """
    if model is not None:
        check_choice(model, MODELS, name="model")
    folder = find_cache() if weights_dir is None else Path(weights_dir)
    folder.mkdir(parents=True, exist_ok=True)
    for name in MODELS if model is None else [model]:
        kept = folder / f"{name}.npz"
        with suppress(FileNotFoundError, ValueError):
            _read_kept(kept, name)
            continue
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as workplace:
            try:
                checkpoint = download_file(
                    f"{URL}/{name}/{FILE}",
                    workplace,
                    sha256=CHECKPOINTS[name].sha256,
                    max_bytes=CHECKPOINTS[name].n_bytes,
                )
            except OSError as error:
                if error.errno is not None:  # the system refuses to write
                    raise
                raise OSError(
                    f"{error} The same weights come with: {INSTALL}"
                ) from error
            _keep(_read_checkpoint(checkpoint, name), kept)
    return os.fspath(folder)


def find_cache():
    """Return the folder in which weights are kept."""
    import pooch  # here, for it takes 50 ms

    return Path(pooch.os_cache("skgenre"))


def _read_checkpoint(path, model):
    n_bytes = CHECKPOINTS[model].n_bytes
    with open(path, "rb", opener=open_regular) as file:
        content = file.read(n_bytes + 1)
        size = os.fstat(file.fileno()).st_size
    found, expected = f"{size} bytes", f"{n_bytes} bytes"
    if size == n_bytes:
        found, expected = hashlib.sha256(content).hexdigest(), CHECKPOINTS[model].sha256
    if found != expected:
        raise ValueError(
            f"{path} is damaged, or of another version than musicnn 0.1.0: {found}, "
            f"expected {expected}."
        )
    return _seal(
        {
            name: np.frombuffer(content, "<f4", math.prod(shape), start)
            .astype(np.float32)  # a copy: the slots of the optimizer are let go
            .reshape(shape)
            for name, start, shape in _lay_out(model)
        }
    )


def _read_kept(path, model):
    weights = read_npz(path)
    digest = _digest(weights)
    if digest != CHECKPOINTS[model].weights_sha256:
        raise ValueError(
            f"{path} does not hold the weights of {model}: sha256 {digest} of all, "
            f"expected {CHECKPOINTS[model].weights_sha256}."
        )
    return _seal(weights)


def _keep(weights, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        np.savez(file, **weights)


def _keep_if_possible(weights, path, checkpoint):
    try:
        _keep(weights, path)
    except OSError as error:
        warnings.warn(
            f"weights could not be kept in {path}: {describe_os_error(error)}. Each "
            f"process reads them from {checkpoint} again.",
            RuntimeWarning,
            stacklevel=find_stacklevel(),
        )


def _digest(weights):
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = weights[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _seal(weights):
    for array in weights.values():
        array.flags.writeable = False
    return weights


def _lay_out(model):
    """Yield name, first byte and shape of each weight in FILE.

    Behind each that is trained, there are two slots of the optimizer (Adam).
    """
    start = 0
    for layer, size in CHECKPOINTS[model].layers.items():
        if size is None:
            start += 2 * 4
            continue
        if isinstance(size, int):
            trained, moving = {"beta": (size,), "gamma": (size,)}, ("mean", "variance")
        else:
            trained, moving = {"bias": size[-1:], "kernel": size}, ()
        for name, shape in trained.items():
            yield f"{layer}/{name}", start, shape
            start += 3 * 4 * math.prod(shape)
        for name in moving:
            yield f"{layer}/moving_{name}", start, (size,)
            start += 4 * size

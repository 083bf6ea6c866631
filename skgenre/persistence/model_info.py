"""What a model file says of itself: its fields, read without loading the model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import skgenre
from skgenre._io import find_versions
from skgenre.persistence.archive import (
    INFO,
    RefusalError,
    open_archive,
    open_model_file,
    read_info,
)

if TYPE_CHECKING:
    from typing import Any

    from skgenre._typing import StrPath

# Raised whenever an older skgenre would misread the file.
FORMAT_VERSION = 1

_PACKAGES = ("scikit-learn", "numpy", "scipy", "keras", "tensorflow", "skops")
_VERSION = re.compile(r"[\w.+!() -]{1,64}", re.ASCII)
_FIELDS = {
    "format_version": int,
    "versions": dict,
    "model": str,
    "classes": list,
    "features": list,
    "data": (str, type(None)),
    "scores": dict,
    "trusted": list,
    "written": str,
}


def read_model_info(file: StrPath) -> dict[str, Any]:
    """Read what a model file says of itself, without loading the model.

    Nothing of the model is made, and neither scikit-learn nor TensorFlow is imported.
    What is read is what the file claims: whoever wrote it chose the words.

    Parameters
    ----------
    file : str or Path
        Written by `save_model`.

    Returns
    -------
    info : dict
        ``model``, its description; ``classes``, the genres; ``features``, the
        parameters of each `MFCCExtractor` in it (one dict, as a rule); ``data``, the
        fingerprint of the training tracks, or None; ``scores``, as given to
        `save_model`; ``versions``, of skgenre and the packages it was written with;
        ``trusted``, the names that `load_model` must be told to trust; ``written``, the
        time (UTC); ``format_version``.

    Raises
    ------
    ModelFileError
        The file is no model file, or one of a newer version of skgenre.
    OSError
        The file is missing or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skgenre import MLPGenreClassifier, read_model_info, save_model
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> model = MLPGenreClassifier(hidden_layer_sizes=(8,), epochs=1).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, f"{folder}/model.skops", scores={"accuracy": 0.75})
    ...     info = read_model_info(f"{folder}/model.skops")
    >>> info["classes"], info["scores"]
    (['blues', 'rock'], {'accuracy': 0.75})
    """
    with open_model_file(file) as opened:
        return check_info(read_info(open_archive(opened)))


def check_info(info):
    """Return the fields of info; refuse it where it is newer, or not of our form."""
    version = info.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise RefusalError(
            f"it was written by a newer skgenre{_name_writer(info)}, in version "
            f"{version} of the format; skgenre {skgenre.__version__} reads up to "
            f"version {FORMAT_VERSION}. Install the newer one."
        )
    unusable = [n for n, kind in _FIELDS.items() if not isinstance(info.get(n), kind)]
    if unusable or version < 1 or not all(map(_is_version, info["versions"].values())):
        raise RefusalError(f"its {INFO} is not one that skgenre.save_model writes")
    return {name: info[name] for name in _FIELDS}


def list_versions():
    """Versions of skgenre and of the packages that a model is made with."""
    found = find_versions(_PACKAGES)
    found = {package: version for package, version in found.items() if version}
    return {"skgenre": skgenre.__version__, **found}


def _name_writer(info):
    versions = info.get("versions")
    writer = versions.get("skgenre") if isinstance(versions, dict) else None
    return f" ({writer})" if _is_version(writer) else ""


def _is_version(version):
    """Whether a version is one that may be shown: it was read from the file."""
    return isinstance(version, str) and _VERSION.fullmatch(version) is not None

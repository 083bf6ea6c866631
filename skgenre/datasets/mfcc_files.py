"""Save and load MFCCs: in npz, which keeps all, and in a widely used JSON format."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch
from sklearn.utils.validation import check_consistent_length

from skgenre._io import (
    atomic_write,
    counted,
    find_versions,
    format_json,
    parse_json,
    plain,
    read_json,
    read_npz,
)
from skgenre._typing import StrPath
from skgenre._validation import (
    check_no_missing_label,
    is_missing,
    name_missing_groups,
)
from skgenre.datasets._tracks import check_genres
from skgenre.segments import flatten_tracks

_JSON_KEYS = ("mapping", "labels", "mfcc")

# The 10,000 segments of GTZAN are 0.3 GB, indented 0.7 GB; parsed, several times that.
MAX_JSON_BYTES = 2_000_000_000
_NPZ_VERSION = 1


def save_mfcc_json(file: StrPath, X: ArrayLike, y: ArrayLike) -> None:
    """Save the segments of tracks as the widely used tutorial code does.

    Parameters
    ----------
    file : str or Path
        File to write, a JSON object with the keys ``mapping`` (the genres), ``labels``
        (the index of each segment's genre) and ``mfcc`` (of each segment, a list of
        frames). Which track a segment is of is lost: `save_mfcc_npz` keeps all.
    X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
        Features; segments that are missing (all NaN) are left out.
    y : array-like of shape (n_tracks,)
        Genres.

    Raises
    ------
    ValueError
        `X` has another rank, another length than `y`, infinite values or partly missing
        segments; a genre is missing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skgenre import load_mfcc_json, save_mfcc_json
    >>> X = np.zeros((2, 3, 130, 13), dtype=np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "features.json")
    ...     save_mfcc_json(file, X, ["blues", "rock"])
    ...     data = load_mfcc_json(file)
    >>> data.data.shape
    (6, 130, 13)
    """
    X = _check_segments(X)
    check_consistent_length(X, y)
    check_no_missing_label(y, name="y")
    mapping, numbers = np.unique(np.asarray(y, dtype=str), return_inverse=True)
    rows, tracks = flatten_tracks(X)
    content = {
        "mapping": mapping.tolist(),
        "labels": numbers[tracks].tolist(),
        "mfcc": rows.tolist(),
    }
    with atomic_write(file, "w", encoding="utf-8") as out:
        json.dump(content, out, allow_nan=False)


def load_mfcc_json(file: StrPath) -> Bunch:
    """Load segments as the widely used tutorial code saves them.

    Parameters
    ----------
    file : str or Path
        JSON file with the keys ``mapping``, ``labels`` and ``mfcc``.

    Returns
    -------
    data : sklearn.utils.Bunch
        ``data`` (n_rows, n_frames, n_mfcc) of float32, ``target`` (n_rows,), the
        genres, ``target_names`` and ``DESCR``. Rows are *segments*, and the file does
        not say of which tracks: only the paper's protocol is possible with them.

    Raises
    ------
    ValueError
        A key is missing, a genre or key is there twice, the segments differ in shape or
        are not finite, or a label has no genre; the file is damaged, or larger than 2
        GB.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skgenre import load_mfcc_json, save_mfcc_json
    >>> X = np.zeros((2, 3, 130, 13), dtype=np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "features.json")
    ...     save_mfcc_json(file, X, ["blues", "rock"])
    ...     data = load_mfcc_json(file)
    >>> data.data.shape
    (6, 130, 13)
    """
    content = read_json(file, max_bytes=MAX_JSON_BYTES)
    if not isinstance(content, dict):
        raise ValueError(
            f"{file} must hold a JSON object, got {type(content).__name__}."
        )
    missing = [key for key in _JSON_KEYS if not isinstance(content.get(key), list)]
    if missing:
        raise ValueError(
            f"{file} must have the keys {', '.join(_JSON_KEYS)}, each a list; it lacks "
            f"{', '.join(missing)}."
        )
    names = [str(name) for name in content["mapping"]]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated or any(map(is_missing, content["mapping"])):
        wrong = f"{repeated[0]!r:.50} twice" if repeated else "an empty one"
        raise ValueError(f"{file} must have a mapping of distinct genres, got {wrong}.")
    check_genres(names, where=file)
    names = np.array(names, dtype=str)
    labels = content["labels"]
    for label in labels:
        if type(label) is not int or not 0 <= label < len(names):
            raise ValueError(
                f"{file} must hold labels from 0 to {len(names) - 1}, the places in "
                f"its mapping; got {label!r:.50}."
            )
    try:
        data = np.array(content["mfcc"], dtype=np.float64)
    except (ValueError, TypeError, OverflowError):  # ragged, or not numbers
        data = np.empty(0)
    if data.ndim != 3:
        raise ValueError(
            f"{file} must hold segments of one shape (n_frames, n_mfcc), each a list "
            "of frames, each a list of numbers."
        )
    with np.errstate(over="ignore"):
        data = data.astype(np.float32)
    if not np.isfinite(data).all():
        raise ValueError(f"{file} must hold finite numbers only.")
    if len(data) != len(labels):
        raise ValueError(
            f"{file} must have one label per segment, got inconsistent numbers: "
            f"{counted(len(data), 'segment')}, {counted(len(labels), 'label')}."
        )
    return Bunch(
        data=data,
        target=names[np.array(labels, dtype=int)],
        target_names=names,
        DESCR=f"{counted(len(labels), 'segment')} in {file}. Which tracks they are of "
        "is not in the file: only the paper's protocol is possible, which splits "
        "segments.",
    )


def save_mfcc_npz(
    file: StrPath,
    X: ArrayLike,
    y: ArrayLike,
    *,
    paths: ArrayLike,
    groups: ArrayLike | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> None:
    """Save features, genres, paths, groups and parameters without loss.

    Parameters
    ----------
    file : str or Path
        File to write, by numpy's ``savez_compressed``.
    X : array-like of shape (n_tracks, n_segments, n_frames, n_mfcc)
        Features, missing segments (all NaN) included.
    y : array-like of shape (n_tracks,)
        Genres.
    paths : array-like of shape (n_tracks,)
        Paths of the tracks.
    groups : array-like of shape (n_tracks,), default=None
        Artists. One that is missing (None, NaN, pd.NA or an empty text) is unknown: the
        track becomes a group of its own, ``track:`` and its path.
    parameters : dict, default=None
        The extractor's, from ``MFCCExtractor().get_params()``.

    Raises
    ------
    ValueError
        `X` has another rank, another length than the others, infinite values or partly
        missing segments; a genre is missing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skgenre import load_mfcc_npz, save_mfcc_npz
    >>> X = np.zeros((2, 3, 130, 13), dtype=np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "features.npz")
    ...     save_mfcc_npz(file, X, ["blues", "rock"], paths=["a.wav", "b.wav"])
    ...     data = load_mfcc_npz(file)
    >>> data.data.shape
    (2, 3, 130, 13)
    """
    X = _check_segments(X)
    check_consistent_length(X, y, paths, groups)
    check_no_missing_label(y, name="y")
    described = {
        "version": _NPZ_VERSION,
        "versions": find_versions(("skgenre", "numpy", "librosa")),
        "parameters": dict(parameters or {}),
    }
    arrays = {"data": X, "target": np.asarray(y, dtype=str), "paths": _as_text(paths)}
    if groups is not None:
        arrays["groups"] = _as_text(name_missing_groups(groups, paths))
    # Values that JSON cannot hold, such as paths, are described.
    about = np.array(format_json(described, default=plain))
    with atomic_write(file) as out:
        np.savez_compressed(out, about=about, **arrays)


def load_mfcc_npz(file: StrPath) -> Bunch:
    """Load features that `save_mfcc_npz` has saved.

    Parameters
    ----------
    file : str or Path
        File to read. No code in it is run.

    Returns
    -------
    data : sklearn.utils.Bunch
        ``data`` (n_tracks, n_segments, n_frames, n_mfcc), ``target``, ``target_names``,
        ``paths``, ``groups`` (None where none were saved), ``parameters`` and
        ``versions``.

    Raises
    ------
    ValueError
        The file was not written by `save_mfcc_npz`, is of a later version or damaged,
        has infinite values or partly missing segments, or unpacks to more than a
        gigabyte and a hundred times its size.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skgenre import load_mfcc_npz, save_mfcc_npz
    >>> X = np.zeros((2, 3, 130, 13), dtype=np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "features.npz")
    ...     save_mfcc_npz(file, X, ["blues", "rock"], paths=["a.wav", "b.wav"])
    ...     data = load_mfcc_npz(file)
    >>> data.data.shape
    (2, 3, 130, 13)
    """
    arrays = read_npz(file)
    try:
        about = parse_json(str(arrays["about"]).encode())
        version, parameters = int(about["version"]), dict(about["parameters"])
        data, target, paths = arrays["data"], arrays["target"], arrays["paths"]
        versions = dict(about["versions"])
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"{file} was not written by save_mfcc_npz.") from error
    if version > _NPZ_VERSION:
        raise ValueError(
            f"{file} has version {version}; this skgenre reads versions up to "
            f"{_NPZ_VERSION}."
        )
    groups = arrays.get("groups")
    columns = [target, paths] if groups is None else [target, paths, groups]
    if data.ndim != 4 or data.dtype.kind != "f":
        raise ValueError(
            f"{file} must hold floats of shape (n_tracks, n_segments, n_frames, "
            f"n_mfcc), got {data.dtype} of shape {data.shape}."
        )
    if any(c.shape != data.shape[:1] or c.dtype.kind != "U" for c in columns):
        raise ValueError(f"{file} must hold a genre, path and group of each track.")
    _check_values(data, name=file)
    return Bunch(
        data=data,
        target=target,
        target_names=np.unique(target),
        paths=paths.astype(object),
        groups=None if groups is None else groups.astype(object),
        parameters=parameters,
        versions=versions,
    )


def _check_segments(X):
    X = np.asarray(X)
    if X.ndim != 4 or X.dtype.kind != "f":
        raise ValueError(
            "X must be floats of shape (n_tracks, n_segments, n_frames, n_mfcc), got "
            f"{X.dtype} of shape {X.shape}."
        )
    _check_values(X, name="X")
    return X


def _check_values(X, *, name):
    """Refuse infinite values, and segments that are partly NaN."""
    for track, features in enumerate(X):
        is_nan = np.isnan(features)
        is_missing = is_nan.all(axis=(1, 2), keepdims=True)
        if np.isinf(features).any() or (is_nan != is_missing).any():
            raise ValueError(
                f"{name} must hold finite numbers, and missing segments all of NaN, "
                f"got others in track {track}."
            )


def _as_text(values):
    return np.array([str(value) for value in values], dtype=str)

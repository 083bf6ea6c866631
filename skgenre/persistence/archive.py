"""Write the zip archive of a model file, and read it as if its writer were hostile.

Its members are ``info.json``, the description of the file; ``schema.json``, the
objects that the model is made of, as skops describes them; and their arrays.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import skgenre
from skgenre._io import (
    ZIP_ERRORS,
    find_versions,
    format_json,
    open_regular,
    open_zip,
    parse_json,
    plain,
    read_member,
)

if TYPE_CHECKING:  # `read_model_info` does without numpy.
    from skgenre._typing import StrPath

INFO, SCHEMA = "info.json", "schema.json"

# Raised whenever an older skgenre would misread the file.
FORMAT_VERSION = 1

MAX_INFO_BYTES = 1 << 20
# What members may inflate to, however small the file; deflate, and so a zip bomb,
# reaches 1030 times its size. A model that exceeds them is written uncompressed. A
# forest has 6 kB of schema per tree; parsed, each byte takes 6, and at most 17, more.
MAX_SCHEMA_BYTES = 14_000_000  # or the size of the file
MAX_ARRAY_BYTES = 1 << 24  # or ten times the size of the file
MAX_EXPANSION = 10
# Without zip64. A forest has five arrays per tree.
MAX_N_MEMBERS = 65_535

# Skops names an array after its address in the memory of the process that saves it.
_MEMBER_NAME = re.compile(r"info\.json|schema\.json|[0-9]{1,20}\.npy")
_IS_ENCRYPTED = 0x1

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
    "digest": str,
}


class ModelFileError(ValueError):
    """A file holds no model that can be loaded.

    Parameters
    ----------
    file : str or Path
        The file.
    reason : str
        What is wrong with it.

    Examples
    --------
    >>> from skgenre import ModelFileError
    >>> raise ModelFileError("jazz.skops", "it is empty")
    Traceback (most recent call last):
    skgenre.persistence.archive.ModelFileError: jazz.skops: it is empty
    """

    def __init__(self, file: StrPath, reason: str) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason

    def __str__(self):
        return f"{os.fspath(self.file)}: {self.reason}"


class RefusalError(Exception):
    """What is wrong with a model file; `open_model_file` adds the file's name."""


def read_model_info(file: StrPath) -> dict[str, Any]:
    """Read the description of a model from its file, without loading the model.

    No part of the model is built, and neither scikit-learn nor TensorFlow is imported.
    The content is what the writer of the file claims; nothing of it is verified.

    Parameters
    ----------
    file : str or Path
        Written by `save_model`.

    Returns
    -------
    info : dict
        ``model``, its description; ``classes``, the genres; ``features``, of each
        extractor in it a dict with its class (``extractor``) and its parameters;
        ``data``, the digest of the training tracks, or None; ``scores``, as given to
        `save_model`; ``versions``, of skgenre and the packages it was written with;
        ``trusted``, the names that `load_model` must be told to trust; ``written``, the
        time (UTC); ``format_version``.

    Raises
    ------
    ModelFileError
        The file is not a model file, or was written by a newer version of skgenre.
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
        info = read_info(open_archive(opened))
    del info["digest"]
    return info


@contextmanager
def open_model_file(file):
    """Open a file for reading; a RefusalError in the block becomes a ModelFileError."""
    try:
        with open(file, "rb", opener=open_regular) as opened:
            yield opened
    except io.UnsupportedOperation as error:
        kind = "a directory" if os.path.isdir(file) else "not a regular file"
        raise ModelFileError(file, f"it is {kind}, expected a model file") from error
    except RefusalError as error:
        raise ModelFileError(file, str(error)) from error.__cause__


def open_archive(opened):
    """Return the zip archive in an open file, once its directory is found sound."""
    n_file_bytes = opened.seek(0, os.SEEK_END)
    try:
        archive = open_zip(opened, max_members=MAX_N_MEMBERS)
    except ZIP_ERRORS as error:
        reason = str(error) if n_file_bytes else "it is empty"
        raise RefusalError(
            f"it is not a model file, or not all of it is there ({reason}). Only files "
            "written by skgenre.save_model can be loaded; pickles never are."
        ) from error
    members = archive.infolist()
    names = {member.filename for member in members}
    if INFO not in names:
        raise RefusalError(
            f"it has no {INFO}: it was not written by skgenre.save_model"
        )
    if len(names) < len(members):
        raise RefusalError("some of its members have the same name")
    for member in members:
        if not _MEMBER_NAME.fullmatch(member.filename):
            raise RefusalError(
                f"it has a member that no model file has, {member.filename[:80]!r}"
            )
        is_known = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not is_known or member.flag_bits & _IS_ENCRYPTED:
            raise RefusalError(f"its member {member.filename!r} cannot be decompressed")
    # Members that overlap are how a small file holds petabytes.
    if sum(member.compress_size for member in members) > n_file_bytes:
        raise RefusalError("its members take up more than the file")
    return archive


def read_info(archive):
    """Return the description of a model file, as a dict; nothing else is read."""
    content = _read(archive, INFO, MAX_INFO_BYTES)
    try:
        info = parse_json(content)
    except ValueError as error:
        raise RefusalError(f"its {INFO} is not valid JSON ({error})") from error
    version = info.get("format_version") if isinstance(info, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise RefusalError(
            f"it was written by a newer skgenre in version {version} of the format; "
            f"skgenre {skgenre.__version__} reads up to version {FORMAT_VERSION}. "
            "Install the newer one."
        )
    if (
        not isinstance(version, int)
        or version < 1
        or not all(isinstance(info.get(name), kind) for name, kind in _FIELDS.items())
        # Versions are shown: they must not hold what steers a terminal.
        or not all(_VERSION.fullmatch(str(v)) for v in info["versions"].values())
    ):
        raise RefusalError(f"its {INFO} is not one that skgenre.save_model writes")
    return {name: info[name] for name in _FIELDS}


def read_members(content, digest):
    """Return the schema and the arrays in the bytes of a model file: name -> bytes.

    They must match their checksum, and inflate within the bounds for its size.
    """
    archive = open_archive(io.BytesIO(content))
    names = [name for name in archive.namelist() if name != INFO]
    if SCHEMA not in names:
        raise RefusalError(f"it has no {SCHEMA}")
    members = {}
    n_left = max(MAX_ARRAY_BYTES, MAX_EXPANSION * len(content))
    for name in names:
        if name == SCHEMA:
            limit = max(MAX_SCHEMA_BYTES, len(content))
            members[name] = _read(archive, name, limit)
        else:
            members[name] = _read(archive, name, n_left)
            n_left -= len(members[name])
    if _compute_digest(members) != digest:
        raise RefusalError("it is damaged: its content does not match its checksum")
    return members


def _read(archive, name, max_bytes):
    try:
        return read_member(archive, name, max_bytes=max_bytes)
    except ZIP_ERRORS as error:
        raise RefusalError(f"it is damaged: {error}") from error


def pack_archive(info, members):
    """Return the bytes of an archive of a dict `info` and of members, name -> bytes.

    RefusalError for what is so large that it could not be read.
    """
    info = {**info, "digest": _compute_digest(members)}
    members = {INFO: format_json(info, indent=1, default=plain).encode(), **members}
    content = _write_archive(members, compress=True)
    try:
        read_members(content, info["digest"])
    except RefusalError:
        content = _write_archive(members, compress=False)
        read_members(content, info["digest"])
    read_info(open_archive(io.BytesIO(content)))
    return content


def _write_archive(members, *, compress):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            # A network's weights hardly shrink: a tenth is not worth the time that each
            # load takes to inflate them (27 ms for 4 MB).
            is_smaller = compress and len(zlib.compress(content)) < len(content) / 1.1
            method = zipfile.ZIP_DEFLATED if is_smaller else zipfile.ZIP_STORED
            # Without a ZipInfo, the archive would have the local time of its members.
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def _compute_digest(members):
    """Return the checksum of members, name -> bytes."""
    digest = hashlib.sha256()
    for name, content in sorted(members.items()):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def list_versions():
    """Return the versions of skgenre and of the packages that a model is made with."""
    found = find_versions(_PACKAGES)
    installed = {package: version for package, version in found.items() if version}
    return {"skgenre": skgenre.__version__, **installed}

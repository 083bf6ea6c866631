"""The container of a model file: a zip archive, read as if its writer were hostile."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import stat
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skgenre._typing import StrPath

INFO, SCHEMA = _TEXTS = "info.json", "schema.json"

MAX_INFO_BYTES = 1 << 20
MAX_SCHEMA_BYTES = 1 << 26
MAX_TOTAL_BYTES = 1 << 32
MAX_N_MEMBERS = 1 << 17
# Largest size of an array as a multiple of what it takes up in the file. Deflate, and
# so a zip bomb, reaches 1030; an array that does is written uncompressed.
MAX_EXPANSION = 100

# Skops names an array after its address in the memory of the process that saves it.
_MEMBER_NAME = re.compile(r"info\.json|schema\.json|[0-9]{1,20}\.npy")
_CHUNK_BYTES = 1 << 20
# Of the archives that Python's zipfile opens.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED = 0x1
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


class ModelFileError(ValueError):
    """A file is no model that can be loaded.

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
    """What is wrong with a model file, whose name is known further up."""


@contextmanager
def open_model_file(file):
    """Open a file for reading; a RefusalError in the block becomes a ModelFileError."""
    try:
        mode = os.stat(file).st_mode
        # A pipe would be waited for, and a device could be read without end.
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise RefusalError(f"it is {kind}, expected a model file")
        with open(file, "rb") as opened:
            yield opened
    except RefusalError as error:
        raise ModelFileError(file, str(error)) from error.__cause__
    except OSError as error:
        # What looking before the start of a file comes to.
        if error.errno != errno.EINVAL:
            raise
        reason = "it is damaged: a member is outside of it"
        raise ModelFileError(file, reason) from error


def open_archive(opened):
    """Zip archive in an open file, once its directory is found to be sound."""
    n_file_bytes = opened.seek(0, os.SEEK_END)
    try:
        archive = zipfile.ZipFile(opened)
    except _ZIP_ERRORS as error:
        reason = str(error) if n_file_bytes else "it is empty"
        raise RefusalError(
            f"it is no model file, or not all of it is there ({reason}). Only files "
            "written by skgenre.save_model can be loaded; pickles never are."
        ) from error
    members = archive.infolist()
    names = {member.filename for member in members}
    if INFO not in names:
        raise RefusalError(
            f"it has no {INFO}: it was not written by skgenre.save_model"
        )
    if len(members) > MAX_N_MEMBERS:
        raise RefusalError(
            f"it has {len(members)} members, expected at most {MAX_N_MEMBERS}"
        )
    if len(names) < len(members):
        raise RefusalError("some of its members have the same name")
    for member in members:
        if not _MEMBER_NAME.fullmatch(member.filename):
            raise RefusalError(f"it has a member {member.filename[:80]!r}, of no model")
        if member.compress_type not in _METHODS or member.flag_bits & _IS_ENCRYPTED:
            raise RefusalError(f"its member {member.filename!r} cannot be decompressed")
    # Members that overlap are how a small file holds petabytes.
    if sum(member.compress_size for member in members) > n_file_bytes:
        raise RefusalError("its members take up more than the file")
    if n_file_bytes > MAX_TOTAL_BYTES:
        raise RefusalError(
            f"it has {n_file_bytes} bytes, expected at most {MAX_TOTAL_BYTES}"
        )
    return archive


def read_info(archive):
    """Parse the dict that `pack_archive` was given; nothing else is read."""
    content = _read_member(archive, INFO, MAX_INFO_BYTES)
    try:
        info = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RefusalError(f"its {INFO} is no JSON ({error})") from error
    if not isinstance(info, dict) or not isinstance(info.get("digest"), str):
        raise RefusalError(f"its {INFO} is not one that skgenre.save_model writes")
    return info


def read_members(archive, digest):
    """Read the schema and the arrays, name -> bytes; they must match their checksum."""
    names = [name for name in archive.namelist() if name != INFO]
    if SCHEMA not in names:
        raise RefusalError(f"it has no {SCHEMA}")
    members, n_left = {}, MAX_TOTAL_BYTES
    for name in names:
        limit = MAX_SCHEMA_BYTES
        if name != SCHEMA:
            limit = MAX_EXPANSION * archive.getinfo(name).compress_size
        members[name] = _read_member(archive, name, min(n_left, limit))
        n_left -= len(members[name])
    if _compute_digest(members) != digest:
        raise RefusalError("it is damaged: its content does not match its checksum")
    return members


def pack_archive(info, members):
    """Bytes of an archive of a dict `info` and of members, name -> bytes.

    ValueError for what is so large that `read_members` would refuse it.
    """
    info = {**info, "digest": _compute_digest(members)}
    members = {INFO: json.dumps(info, indent=1, default=_plain).encode(), **members}
    n_bytes = sum(map(len, members.values()))
    if (
        len(members[INFO]) > MAX_INFO_BYTES
        or len(members[SCHEMA]) > MAX_SCHEMA_BYTES
        # With 200 bytes for each member's place in the archive.
        or n_bytes + 200 * len(members) > MAX_TOTAL_BYTES
        or len(members) > MAX_N_MEMBERS
    ):
        raise ValueError(
            f"the model is too large to be saved: {n_bytes} bytes in {len(members)} "
            f"members, {len(members[SCHEMA])} of them of description."
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            method = zipfile.ZIP_DEFLATED
            if name not in _TEXTS:
                expansion = len(content) / len(zlib.compress(content))
                # A network's weights hardly shrink: a tenth is not worth the time that
                # each load takes to inflate them (27 ms for 4 MB). What shrinks too
                # much would be taken for a zip bomb.
                if not 1.1 < expansion < MAX_EXPANSION / 2:
                    method = zipfile.ZIP_STORED
            # Without a ZipInfo, the archive would have the local time of its members.
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def _compute_digest(members):
    """Checksum of members, name -> bytes."""
    digest = hashlib.sha256()
    for name, content in sorted(members.items()):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _read_member(archive, name, n_bytes):
    """A member's content: what it really expands to counts, not what it claims."""
    content = bytearray()
    try:
        with archive.open(name) as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                content += chunk
                if len(content) > n_bytes:
                    raise RefusalError(
                        f"its member {name!r} expands to more than {n_bytes} bytes, as "
                        "in a zip bomb"
                    )
    except _ZIP_ERRORS as error:
        raise RefusalError(f"it is damaged: {error}") from error
    return bytes(content)


def _plain(value):
    """What JSON can hold of numbers and labels that are numpy's, or of any object."""
    return value.item() if hasattr(value, "item") else str(value)

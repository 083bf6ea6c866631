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

INFO, SCHEMA = "info.json", "schema.json"
_TEXTS = (INFO, SCHEMA)

MAX_INFO_BYTES = 1 << 20
MAX_SCHEMA_BYTES = 1 << 26
MAX_TOTAL_BYTES = 1 << 32
MAX_N_MEMBERS = 1 << 17
# Largest size of an array as a multiple of what it takes up in the file. Deflate, and
# so a zip bomb, reaches 1030; an array that does is written uncompressed.
MAX_EXPANSION = 100

_MEMBER_NAME = re.compile(r"info\.json|schema\.json|[0-9]{1,8}\.npy")
_CHUNK_BYTES = 1 << 20
# Of the archives that Python's zipfile opens.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED = 0x1
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError),
    *(RuntimeError, ValueError, OverflowError),
)
# The oldest date that a zip archive can hold: equal models are to make equal files.
_DATE = (1980, 1, 1, 0, 0, 0)


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


class _ArchiveError(Exception):
    """What is wrong with an archive whose file is known further up."""


def pack_archive(info, members):
    """Bytes of the archive of a dict `info` and of members, name -> bytes."""
    info = {**info, "digest": _digest(members)}
    encoded = json.dumps(info, indent=1, default=_plain).encode()
    _check_size(encoded, members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {INFO: encoded, **members}.items():
            method = zipfile.ZIP_DEFLATED
            # The same bytes as in the archive, but for a few at both ends.
            least = MAX_EXPANSION / 2 * len(zlib.compress(content))
            if name not in _TEXTS and len(content) > least:
                method = zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, method)
    return buffer.getvalue()


def read_info(file):
    """The dict that `pack_archive` was given; nothing else is read."""
    with _open_archive(file) as archive:
        return _read_info(archive)


def read_archive(file):
    """The dict and the members that `pack_archive` was given, checked for damage."""
    with _open_archive(file) as archive:
        info = _read_info(archive)
        names = [name for name in archive.namelist() if name != INFO]
        if SCHEMA not in names:
            raise _ArchiveError(f"it has no {SCHEMA}")
        members, n_left = {}, MAX_TOTAL_BYTES
        for name in names:
            limit = min(n_left, MAX_SCHEMA_BYTES) if name == SCHEMA else n_left
            members[name] = _read_member(archive, name, limit)
            n_left -= len(members[name])
        if _digest(members) != info["digest"]:
            raise _ArchiveError(
                "it is damaged: its content does not match its checksum"
            )
    return info, members


@contextmanager
def _open_archive(file):
    """A zip archive whose directory is sound; whatever goes wrong names the file."""
    try:
        mode = os.stat(os.fspath(file)).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise _ArchiveError(f"it is {kind}, expected a model file")
        with open(file, "rb") as opened, _open_zip(opened) as archive:
            _check_directory(archive, os.fstat(opened.fileno()).st_size)
            yield archive
    except _ArchiveError as error:
        raise ModelFileError(file, str(error)) from error.__cause__
    except _ZIP_ERRORS as error:
        raise ModelFileError(file, f"it is damaged: {error}") from error
    except OSError as error:
        # What looking before the start of a file comes to.
        if error.errno != errno.EINVAL:
            raise
        raise ModelFileError(
            file, "it is damaged: a member is outside of it"
        ) from error


def _open_zip(opened):
    try:
        return zipfile.ZipFile(opened)
    except _ZIP_ERRORS as error:
        reason = "it is empty" if not opened.seek(0, os.SEEK_END) else str(error)
        raise _ArchiveError(
            f"it is no model file, or not all of it is there ({reason}). Only files "
            "written by skgenre.save_model can be loaded; pickles never are."
        ) from error


def _check_directory(archive, n_file_bytes):
    members = archive.infolist()
    names = [member.filename for member in members]
    if INFO not in names:
        raise _ArchiveError(
            f"it has no {INFO}: it was not written by skgenre.save_model"
        )
    if len(members) > MAX_N_MEMBERS:
        raise _ArchiveError(
            f"it has {len(members)} members, expected at most {MAX_N_MEMBERS}"
        )
    if len(set(names)) < len(names):
        raise _ArchiveError("some of its members have the same name")
    for member in members:
        if not _MEMBER_NAME.fullmatch(member.filename):
            raise _ArchiveError(
                f"it has a member {member.filename[:80]!r}, of no model"
            )
        if member.compress_type not in _METHODS or member.flag_bits & _IS_ENCRYPTED:
            raise _ArchiveError(
                f"its member {member.filename!r} cannot be decompressed"
            )
    # Members that overlap are how a small file holds petabytes.
    if sum(member.compress_size for member in members) > n_file_bytes:
        raise _ArchiveError("its members take up more than the file")


def _read_info(archive):
    content = _read_member(archive, INFO, MAX_INFO_BYTES)
    try:
        info = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _ArchiveError(f"its {INFO} is no JSON ({error})") from error
    if not isinstance(info, dict) or not isinstance(info.get("digest"), str):
        raise _ArchiveError(f"its {INFO} is not one that skgenre.save_model writes")
    return info


def _read_member(archive, name, n_bytes):
    """A member's content: what it really expands to counts, not what it claims."""
    if name not in _TEXTS:
        n_bytes = min(n_bytes, MAX_EXPANSION * archive.getinfo(name).compress_size)
    content = bytearray()
    with archive.open(name) as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            content += chunk
            if len(content) > n_bytes:
                raise _ArchiveError(
                    f"its member {name!r} expands to more than {n_bytes} bytes, as in "
                    "a zip bomb"
                )
    return bytes(content)


def _plain(value):
    """What JSON can hold of numbers and labels that are numpy's, or of any object."""
    return value.item() if hasattr(value, "item") else str(value)


def _check_size(info, members):
    """Refuse to write what `read_archive` would refuse to read."""
    n_bytes = sum(map(len, members.values()))
    if (
        len(info) > MAX_INFO_BYTES
        or len(members[SCHEMA]) > MAX_SCHEMA_BYTES
        or n_bytes > MAX_TOTAL_BYTES
        or len(members) >= MAX_N_MEMBERS
    ):
        raise ValueError(
            f"the model is too large to be saved: {n_bytes} bytes in {len(members)} "
            f"arrays and {len(members[SCHEMA])} bytes of description."
        )


def _digest(members):
    """Checksum of members, name -> bytes."""
    digest = hashlib.sha256()
    for name, content in sorted(members.items()):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()

"""The arrays of an ``.npz`` file, refused before memory is spent on bombs."""

import lzma
import os
import struct
import zipfile
import zlib

import numpy as np

# Features hardly compress. An archive that unpacks to more than both is a bomb.
MAX_UNPACKED_BYTES = 1_000_000_000
MAX_COMPRESSION = 100

_CHUNK_BYTES = 2**20

_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

# What the parts of zipfile raise for damage, besides its own error.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error),
    # An unknown or encrypted method; an entry of the directory that lies.
    *(NotImplementedError, RuntimeError, OverflowError, KeyError),
)


def read_npz(file):
    """The arrays of a file by their names; no code in it is run.

    Raises
    ------
    ValueError
        The file is damaged, or another kind of file; it is named.
    OSError
        It cannot be read.
    """
    with open(file, "rb") as opened:
        try:
            with zipfile.ZipFile(opened) as archive:
                _check_size(archive, os.fstat(opened.fileno()).st_size)
                return {
                    info.filename.removesuffix(".npy"): _read_array(archive, info)
                    for info in archive.infolist()
                }
        except (*_DAMAGES, ValueError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise ValueError(f"{file} is no intact npz file: {reason}.") from error


def _check_size(archive, n_packed_bytes):
    n_bytes = sum(info.file_size for info in archive.infolist())
    if n_bytes > max(MAX_UNPACKED_BYTES, MAX_COMPRESSION * n_packed_bytes):
        raise ValueError(f"unpacks from {n_packed_bytes} to {n_bytes} bytes")


def _read_array(archive, info):
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version not in _HEADER_READERS:
            raise ValueError(f"{info.filename} has format version {version}")
        shape, is_fortran, dtype = _HEADER_READERS[version](member)
        if dtype.hasobject:
            raise ValueError(f"{info.filename} holds objects, which are never loaded")
        # Unlike bytes, this makes an array that can be written to without a copy.
        content = bytearray()
        while chunk := member.read(_CHUNK_BYTES):
            content += chunk
    order = "F" if is_fortran else "C"
    return np.frombuffer(content, dtype).reshape(shape, order=order)

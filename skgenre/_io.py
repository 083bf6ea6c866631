"""Read and write files: atomic writes; bounded JSON, CSV, npy, npz and zip.

Only regular files are read: a pipe could wait for ever, and a device never ends.

Also what messages need: printable names, numbers with their nouns, reasons of errors,
the line of the user and versions of packages.
"""

import csv
import errno
import functools
import io
import json
import lzma
import math
import os
import re
import stat
import struct
import sys
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tokenize import TokenError
from uuid import uuid4

from skgenre._ending import finished_before_the_end

# Features hardly compress: an npz file that unpacks to more than both is a zip bomb.
MAX_NPZ_BYTES = 1_000_000_000
MAX_NPZ_EXPANSION = 100
MAX_NPZ_MEMBERS = 1000

# Millions of tracks. Rows of two bytes take a hundred times as much memory.
MAX_TABLE_BYTES = 200_000_000

# What zipfile raises for damage; besides errors of its own and of the compression:
# for a directory that lies EOFError, struct.error, ValueError, OverflowError, KeyError
# and (a member before the start of the file) OSError, for an unknown method
# NotImplementedError, for encryption RuntimeError.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    struct.error,
    ValueError,
    OverflowError,
    KeyError,
    OSError,
    NotImplementedError,
    RuntimeError,
)

# Where a cell would begin with a formula: also after what other spreadsheets take for
# the end of a cell or a row (";" in much of Europe), and after what they strip.
_FORMULA = re.compile(
    r"(^|[;\t\r\n])(?=[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20].)", re.DOTALL
)

_CHUNK_BYTES = 1 << 20
# An entry of a directory has 46 bytes, the member's name and, in files of more than
# 2 GB, 28 bytes more.
_MAX_ENTRY_BYTES = 128
FILE_KINDS = {
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}

# The process, or the system, has no more of something: the fault of no file.
EXHAUSTED = (errno.EMFILE, errno.ENFILE)

# Packages between the line of a user and a warning, as in a pipeline.
OWN_PACKAGES = ("contextlib", "joblib", "skgenre", "sklearn")

# What numpy raises for damage, besides ValueError.
_NPY_HEADER_ERRORS = (
    SyntaxError,
    TokenError,
    TypeError,
    LookupError,
    MemoryError,
    RecursionError,
)
# As numpy's own limit; a usual header has 118.
_MAX_NPY_HEADER_BYTES = 10_000


@contextmanager
def atomic_write(path, mode="wb", **open_options):
    """Open a temporary file beside `path` that replaces it once it is whole.

    Whatever ends the block early (an error, Ctrl-C, a full disk) leaves `path` as it
    was and no temporary file behind. An OSError names `path`, not the temporary file.
    """
    path = Path(path)
    # Not `tempfile`: its files are private, and a feature store may lie in a folder
    # that several people share.
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    with finished_before_the_end():
        try:
            with open(temporary, mode.replace("w", "x"), **open_options) as file:
                yield file
            os.replace(temporary, path)
        except BaseException as error:
            temporary.unlink(missing_ok=True)
            if not isinstance(error, OSError) or error.errno is None:
                raise
            # A full disk names no file at all.
            if error.filename not in (None, temporary, os.fspath(temporary)):
                raise
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def open_regular(path, flags=os.O_RDONLY, *, follow_links=True):
    """Return the descriptor of a regular file; an opener for `open`.

    io.UnsupportedOperation, which is an OSError and a ValueError, for anything else.
    """
    _check_regular(os.stat(path, follow_symlinks=follow_links), path)
    # It may be another thing by now. To open a pipe would wait for somebody to write;
    # for regular files the flag means nothing.
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    try:
        _check_regular(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(status, path):
    if not stat.S_ISREG(status.st_mode):
        kind = name_kind(status)
        raise io.UnsupportedOperation(f"{path} is a {kind}, expected a regular file")


def name_kind(status):
    """Return what something is that is not a regular file."""
    return FILE_KINDS.get(stat.S_IFMT(status.st_mode), "special file")


def read_json(path, *, max_bytes):
    """Parse a JSON file, with or without a byte order mark.

    ValueError, with the file's name, where it is damaged, is larger than `max_bytes` or
    has a key twice.
    """
    with open(path, "rb", opener=open_regular) as file:
        n_bytes = os.fstat(file.fileno()).st_size
        if n_bytes > max_bytes:
            raise ValueError(
                f"{path} must have at most {max_bytes} bytes, got {n_bytes}."
            )
        content = file.read()
    try:
        return parse_json(content)
    except ValueError as error:
        raise ValueError(f"{path} is not an intact JSON file: {error}.") from error


def parse_json(content):
    """Parse the bytes of a JSON file.

    ValueError also for a key that is there twice, and for NaN and infinities, which
    JSON does not have.
    """
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_refuse_repeated_keys,
            parse_constant=_refuse_constant,
        )
    except RecursionError as error:
        raise ValueError(str(error)) from error


def _refuse_constant(name):
    raise ValueError(f"{name} is not valid JSON")


def _refuse_repeated_keys(pairs):
    # Of two values, json would take the last without a word.
    content = dict(pairs)
    if len(content) < len(pairs):
        repeated, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {repeated!r:.50} is there twice")
    return content


def format_json(content, *, indent=None, default=None):
    """Return content as JSON; NaN and infinities, which it does not have, as null."""
    content = json.loads(
        json.dumps(content, default=default), parse_constant=lambda name: None
    )
    return json.dumps(content, indent=indent, allow_nan=False)


def read_table(path, columns):
    """Return the column names of a CSV file, and its rows as dicts of str.

    ValueError, with the file's name, where it is not CSV, lacks one of `columns`, has a
    column twice, has a row that is longer or shorter than the header, or has more than
    MAX_TABLE_BYTES.
    """
    if (n_bytes := os.path.getsize(path)) > MAX_TABLE_BYTES:
        raise ValueError(
            f"{path} must have at most {MAX_TABLE_BYTES} bytes, got {n_bytes}."
        )
    try:
        with open(path, newline="", encoding="utf-8-sig", opener=open_regular) as file:
            reader = csv.DictReader(file)
            names, rows = reader.fieldnames or [], list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} must be an intact CSV file in UTF-8, got: {error}."
        ) from error
    check_columns(names, columns, where=path)
    for name, count in Counter(names).items():
        if name and count > 1:
            raise ValueError(f"{path} must have each column once, got {name!r} twice.")
    for number, row in enumerate(rows, start=1):
        # Spreadsheets may add empty cells at the end.
        extra = row.pop(None, [])
        if any(extra) or None in row.values():
            n_found = sum(word is not None for word in (*row.values(), *extra))
            raise ValueError(
                f"{path} must have {counted(len(names), 'value')} in each row, got "
                f"{n_found} in row {number}."
            )
    return names, rows


def check_columns(names, columns, *, where):
    """Refuse the names of a table's columns if one of `columns` is not among them."""
    if set(columns) <= set(names):
        return
    s = "s" * (len(columns) > 1)
    hint = ""
    for separator in (";", "\t"):
        if len(names) == 1 and separator in str(names[0]):
            hint = f" Columns are separated by commas, not by {separator!r}."
    raise ValueError(
        f"{where} must have the column{s} {' and '.join(map(repr, columns))}, got "
        f"{list(names)!r:.500}.{hint}"
    )


def format_csv_row(values):
    """Return values as a line of CSV; no text becomes a formula of a spreadsheet.

    A text in which a cell would begin with ``=``, ``+``, ``-`` or ``@`` gets a quote
    (``'``) before that, as OWASP advises. Numbers stay as they are.
    """
    values = [
        _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
        for value in values
    ]
    line = io.StringIO()
    # With another end of lines, csv would not quote a text that holds "\r".
    csv.writer(line, lineterminator="\r\n").writerow(values)
    return line.getvalue().removesuffix("\r\n") + "\n"


def read_npz(path):
    """Return the arrays of an ``.npz`` file by name; no code in it is run.

    ValueError, with the file's name, where it is damaged, holds objects, or unpacks to
    more than a gigabyte and a hundred times its size.
    """
    with open(path, "rb", opener=open_regular) as file:
        n_packed_bytes = os.fstat(file.fileno()).st_size
        max_bytes = max(MAX_NPZ_BYTES, MAX_NPZ_EXPANSION * n_packed_bytes)
        arrays, place = {}, ""
        try:
            with open_zip(file, max_members=MAX_NPZ_MEMBERS) as archive:
                n_bytes = sum(member.file_size for member in archive.infolist())
                if n_bytes > max_bytes:
                    raise ValueError(
                        f"unpacks from {n_packed_bytes} to {n_bytes} bytes"
                    )
                for name in archive.namelist():
                    place = f"in {name!r:.80}, "
                    content = read_member(archive, name, max_bytes=max_bytes)
                    arrays[name.removesuffix(".npy")] = parse_npy(content)
        except ZIP_ERRORS as error:
            reason = place + (str(error) or type(error).__name__)
            raise ValueError(f"{path} is not an intact npz file: {reason}.") from error
    return arrays


def open_zip(opened, *, max_members):
    """Return the zip archive in an open file.

    ValueError where it has more than `max_members`, or a directory too large for them,
    of which the rest is not read; one of ZIP_ERRORS where it is damaged.
    """
    max_bytes = max(_MAX_ENTRY_BYTES * max_members, _CHUNK_BYTES)
    archive = zipfile.ZipFile(_BoundedReads(opened, max_bytes))
    if len(archive.infolist()) > max_members:
        raise ValueError(
            f"it has {len(archive.infolist())} members, expected at most {max_members}"
        )
    return archive


class _BoundedReads:
    """A file of which at most `max_bytes` are read at once, ValueError beyond.

    Zipfile reads a directory in one call, and takes twelve times its size of memory.
    """

    def __init__(self, file, max_bytes):
        self._file, self._max_bytes = file, max_bytes
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size=-1):
        most = self._max_bytes + 1
        content = self._file.read(min(size, most) if size >= 0 else most)
        if len(content) == most:
            raise ValueError(f"its directory has more than {most - 1} bytes")
        return content


def read_member(archive, name, *, max_bytes):
    """Return the content of a member of a zip archive as a bytearray.

    ValueError where it has more than `max_bytes`; one of ZIP_ERRORS where it is
    damaged.
    """
    content = bytearray()
    with archive.open(name) as member:
        # In chunks: zipfile inflates all of a member that claims to be small at once.
        while chunk := member.read(_CHUNK_BYTES):
            content += chunk
            if len(content) > max_bytes:
                raise ValueError(
                    f"{name!r} expands to more than {max_bytes} bytes, as in a zip bomb"
                )
    return content


def parse_npy(content):
    """Return the array in the bytes of an ``.npy`` file, which it shares.

    ValueError where it holds objects, or has not just the bytes of its shape.
    """
    import numpy as np

    n_header = 10 + int.from_bytes(content[8:10], "little")
    shape, order, dtype = _parse_npy_header(bytes(content[:n_header]))
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes != len(content) - n_header:
        raise ValueError(
            f"{len(content) - n_header} bytes of array, expected {n_bytes} for {dtype} "
            f"of shape {shape}"
        )
    if dtype.kind == "U":
        characters = np.dtype(np.uint32).newbyteorder(dtype.byteorder)
        if (
            np.frombuffer(content, characters, offset=n_header).max(initial=0)
            > sys.maxunicode
        ):
            raise ValueError("array of texts with characters that do not exist")
    values = np.frombuffer(content, dtype, math.prod(shape), offset=n_header)
    return values.reshape(shape, order=order)


# numpy would parse the header of each array, which takes longer than to read it.
@functools.lru_cache(maxsize=64)
def _parse_npy_header(header):
    # Not above: `read_model_info` does without numpy.
    import numpy as np

    if len(header) > _MAX_NPY_HEADER_BYTES:  # numpy's words advise to trust the file
        raise ValueError(f"array with a header of {len(header)} bytes")
    stream = io.BytesIO(header)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"array of format version {version}, expected (1, 0)")
    try:
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except _NPY_HEADER_ERRORS as error:
        raise ValueError(f"array with a damaged header ({error})") from error
    if dtype.hasobject:
        raise ValueError("array that holds objects, which are never loaded")
    # numpy takes True for a number.
    is_size = all(type(size) is int and size >= 0 for size in shape)
    if dtype.itemsize == 0 or not is_size:
        raise ValueError(f"array of shape {shape} and type {dtype}")
    return shape, "F" if is_fortran else "C", dtype


def printable(value):
    """Return a text in which control characters and undecodable bytes are escaped."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def counted(number, noun):
    """Return a number with its noun, such as "1 track" or "2 tracks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def describe_os_error(error):
    """Return why the system refused, without the number and the file."""
    return getattr(error, "strerror", None) or str(error)


def find_stacklevel():
    """Return the `stacklevel` with which a warning names the line of the user."""
    level, frame = 1, sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in OWN_PACKAGES:
            break
        level, frame = level + 1, frame.f_back
    return level


def find_versions(names):
    """Return the versions of packages, by name; None for one that is not installed."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            # tensorflow-cpu, say, has the same modules under another name.
            others = metadata.packages_distributions().get(name, ())
            found = [f"{metadata.version(other)} ({other})" for other in others]
            versions[name] = found[0] if found else None
    return versions


def plain(value):
    """Return for `json.dumps` the Python number of one of numpy's, else a text."""
    return value.item() if getattr(value, "shape", None) == () else str(value)

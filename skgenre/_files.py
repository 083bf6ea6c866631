"""Files that are either whole or absent, and read with a bound."""

import csv
import json
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from skgenre._ending import finished_before_the_end


@contextmanager
def atomic_write(path, mode="wb", **open_options):
    """Open a temporary neighbour of `path` that takes its name only once it is whole.

    Whatever ends the block early (an error, Ctrl-C, a full disk) leaves `path` as it
    was and no temporary file behind. Not `tempfile`: its files are private, and a
    feature store may lie in a folder that several people share.
    """
    path = Path(path)
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    with finished_before_the_end():
        try:
            with open(temporary, mode.replace("w", "x"), **open_options) as file:
                yield file
            os.replace(temporary, path)
        except BaseException as error:
            temporary.unlink(missing_ok=True)
            # The system does not tell which file a full disk had no room for.
            if isinstance(error, OSError) and error.errno and error.filename is None:
                error.filename = os.fspath(path)
            raise


def read_json(path, *, max_bytes):
    """Parse a JSON file, with or without a byte order mark.

    ValueError, with its name, where it is damaged or larger, or has a key twice.
    """
    with open(path, "rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        if n_bytes > max_bytes:
            raise ValueError(
                f"{path} must have at most {max_bytes} bytes, got {n_bytes}."
            )
        content = file.read()
    try:
        return json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_refuse_repeated_keys
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no intact JSON file: {error}.") from error


def _refuse_repeated_keys(pairs):
    # Of two values, json would take the last in silence.
    content = dict(pairs)
    if len(content) < len(pairs):
        repeated, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {repeated!r:.50} is there twice")
    return content


def read_table(path, columns):
    """The names of the columns of a CSV file, and its rows as dicts of words.

    ValueError, with the file's name, where it is no such table, lacks one of `columns`
    or has a column twice, or has a row that is longer or shorter than its head.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names, rows = reader.fieldnames or [], list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no intact CSV file: {error}.") from error
    if not set(columns) <= set(names):
        raise ValueError(
            f"{path} must have the columns {' and '.join(map(repr, columns))}, got "
            f"{names!r}."
        )
    for name, count in Counter(names).items():
        if name and count > 1:
            raise ValueError(f"{path} must have each column once, got {name!r} twice.")
    for number, row in enumerate(rows, start=1):
        # Spreadsheets may add empty cells at the end.
        if any(row.get(None, ())) or None in row.values():
            raise ValueError(f"{path} must have {len(names)} words in row {number}.")
    return names, rows

"""Features in blocks of segments: walked, and gathered, without memory for them all."""

import mmap
import tempfile

import numpy as np

# Segments that a step takes at a time; a step may need ten times as much for them.
MAX_BLOCK_BYTES = 2**22

# Features of one track beyond this are kept in a temporary file: those of two hours at
# the default parameters. No collection of excerpts ever gets there.
MAX_HELD_BYTES = 2**24

# Rows per call of a network's prediction. Always the same number, so that a row's
# probabilities do not depend on the other rows; few, since most predictions are of one
# track of ten segments. Blocks are whole batches.
N_BATCH_ROWS = 16


def count_block_rows(n_row_bytes):
    """Return how many rows of this size a block has."""
    n_rows = MAX_BLOCK_BYTES // max(1, n_row_bytes)
    return max(1, n_rows // N_BATCH_ROWS) * N_BATCH_ROWS


def iterate_blocks(X):
    """Yield places in X (n_tracks, n_segments, ...): slices of tracks and of segments.

    ``X[place]`` is a block: some whole tracks, or some of the segments of one track.
    """
    n_segments = count_block_rows(X[:1, :1].nbytes)
    n_tracks = max(1, n_segments // max(1, X.shape[1]))
    for track in range(0, len(X), n_tracks):
        for segment in range(0, X.shape[1], n_segments):
            yield slice(track, track + n_tracks), slice(segment, segment + n_segments)
            release(X)


def gather_rows(blocks):
    """Join blocks of rows into one array: in memory or, beyond MAX_HELD_BYTES, mapped.

    What is mapped is a temporary file that has no name: it is gone with the array,
    which can be used, and written to, like any other; only a forked process shares it.
    It takes memory only for what of it is in use, if that is released (`release`), and
    one of the process's open files. Without blocks: None.
    """
    blocks, held, n_bytes = iter(blocks), [], 0
    for block in blocks:
        held.append(np.ascontiguousarray(block))
        n_bytes += block.nbytes
        if n_bytes > MAX_HELD_BYTES:
            break
    else:
        return np.concatenate(held) if held else None
    dtype, shape = held[0].dtype, held[0].shape[1:]
    try:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    except OSError:  # no folder can be written to
        return np.concatenate([*held, *blocks])
    with file:
        while held:
            _write(file, held.pop(0))
        for block in blocks:
            _write(file, np.ascontiguousarray(block))
        mapped = _TemporaryMap(file.fileno(), 0)
    # Not of the map itself: joblib would look for a file by name behind such an array.
    return np.frombuffer(memoryview(mapped), dtype).reshape(-1, *shape)


def _write(file, block):
    # Written, not mapped: a full disk is an error here, and would be a crash there.
    left = memoryview(block.reshape(-1).view(np.uint8))
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        reason = f"{error.strerror}, in the folder of temporary files (TMPDIR)"
        raise OSError(error.errno, reason, tempfile.gettempdir()) from error


def is_temporary(array):
    """Return whether the array is, or views, one that `gather_rows` has mapped."""
    return _find_map(array) is not None


def release(array):
    """Give back the memory of what was read of a mapped array; others stay as is."""
    mapped = _find_map(array)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        # What was written stays, too: it is in the file.
        mapped.madvise(mmap.MADV_DONTNEED)


class _TemporaryMap(mmap.mmap):
    """A map that nobody else holds: one of the user's may be copied when written to,
    and releasing it would undo what was written.
    """


def _find_map(array):
    while isinstance(array, np.ndarray):
        array = array.base
    mapped = getattr(array, "obj", None)
    return mapped if isinstance(mapped, _TemporaryMap) else None

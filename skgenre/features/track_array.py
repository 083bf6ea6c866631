"""One array of all tracks, whose rows come one by one: in memory, or in a file."""

import tempfile
from pathlib import Path
from uuid import uuid4

import numpy as np

from skgenre._io import atomic_write

# Missing segments for each present one, at most, where the longest track decides how
# many segments all of them have: beyond it the array would be mostly NaN.
MAX_PADDING = 4


def gather_tracks(tracks, paths, *, n_segments, segment_shape, mmap_dir):
    """Put tracks of unequal length into one array, missing segments being all NaN.

    An iterable of arrays (n_present_segments, *segment_shape), one for each path,
    becomes one float32 array (n_tracks, n_segments, *segment_shape), memory-mapped
    where `mmap_dir` is a folder. ``n_segments=None``: the longest track's.
    """
    if mmap_dir is not None:
        return _gather_in_file(tracks, paths, n_segments, segment_shape, Path(mmap_dir))
    if n_segments is None:
        tracks = list(tracks)
        n_segments = _count_longest([len(track) for track in tracks], paths)
        tracks = _release(tracks)
    gathered = np.empty((len(paths), n_segments, *segment_shape), np.float32)
    for number, track in enumerate(tracks):
        gathered[number, : len(track)] = track
        gathered[number, len(track) :] = np.nan
    return gathered


def _gather_in_file(tracks, paths, n_segments, segment_shape, folder):
    folder.mkdir(parents=True, exist_ok=True)
    if n_segments is not None:
        return _write_array(tracks, (len(paths), n_segments, *segment_shape), folder)
    with tempfile.TemporaryFile(dir=folder) as spill:
        counts = []
        for track in tracks:
            spill.write(np.ascontiguousarray(track, np.float32))
            counts.append(len(track))
        shape = (len(paths), _count_longest(counts, paths), *segment_shape)
        spill.seek(0)
        spilt = (_read_track(spill, count, segment_shape) for count in counts)
        return _write_array(spilt, shape, folder)


def _write_array(tracks, shape, folder):
    # Written, not mapped: a full disk is an error here, and would be a crash there.
    path = folder / f"mfcc-{uuid4().hex}.npy"
    descr = np.lib.format.dtype_to_descr(np.dtype(np.float32))
    header = {"descr": descr, "fortran_order": False, "shape": tuple(map(int, shape))}
    with atomic_write(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for track in tracks:
            file.write(np.ascontiguousarray(track, np.float32))
            missing = (shape[1] - len(track), *shape[2:])
            file.write(np.full(missing, np.nan, np.float32))
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _read_track(file, n_segments, segment_shape):
    content = file.read(n_segments * int(np.prod(segment_shape)) * 4)
    return np.frombuffer(content, np.float32).reshape(n_segments, *segment_shape)


def _count_longest(counts, paths):
    """Segments of the longest track; refuses more padding than MAX_PADDING."""
    longest = int(np.argmax(counts))
    n_present = sum(counts)
    n_missing = len(counts) * counts[longest] - n_present
    if n_missing > MAX_PADDING * n_present:
        raise ValueError(
            f"{paths[longest]} is too long to share an array with the other tracks: it "
            f"has {counts[longest]} segments, all {len(counts)} tracks together "
            f"{n_present}, and padding ({n_missing} segments) would exceed "
            f"{MAX_PADDING} times the data. Analyse tracks of such length by "
            "themselves, or set n_segments."
        )
    return counts[longest]


def _release(tracks):
    """Yield the items of a list, which does not keep them."""
    tracks.reverse()
    while tracks:
        yield tracks.pop()

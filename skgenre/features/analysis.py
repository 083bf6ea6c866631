"""The engine that analyses many files, and the array that their features make."""

import math
import os
import warnings
from contextlib import ExitStack, closing, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np

from skgenre._blocks import is_temporary
from skgenre._io import atomic_write, counted, describe_os_error, find_stacklevel
from skgenre._workers import run_workers, uses_processes
from skgenre.audio import (
    CHANGED,
    AudioDecodeError,
    find_decoders,
    hold_source,
    name_source,
)
from skgenre.features.feature_store import mark_folder

# Missing segments for each present one, at most, where the longest track decides how
# many segments all of them have: beyond it the array would be mostly NaN.
MAX_PADDING = 4

# Length of the header of a .npy file: shapes of four numbers of twelve digits fit.
N_HEADER_BYTES = 128


class TrackAnalysis(NamedTuple):
    """Features of one file, and how it was read.

    Attributes
    ----------
    features : object
        What the analysis is for.
    decoder : str or None
        Name and version of what decoded the file: part of the key of stored features.
    incomplete : str or None
        What is missing of the sound that the file's header promises.
    """

    features: Any
    decoder: str | None = None
    incomplete: str | None = None


class Analysis(NamedTuple):
    """Features of many files, and why some have none.

    Audio in memory is named after its position, as in ``X[3]``, wherever files have
    their path.

    Attributes
    ----------
    features : list or ndarray
        Features of each file of `paths`.
    paths : list of str
        Files that could be analysed, in the order given.
    failures : dict of str to str
        Why the others could not, by path.
    incomplete : dict of str to str
        What is missing of files of which only a part is there, by path. Files whose
        features were stored are not among them: they were not read again.
    """

    features: Any
    paths: list
    failures: dict
    incomplete: dict


def analyse_files(
    analyse,
    sources,
    *,
    store=None,
    check_kept=None,
    features=None,
    keep_features=True,
    n_jobs=None,
    verbose=0,
    progress=None,
    what="analysing",
):
    """Analyse many files.

    Parameters
    ----------
    analyse : callable
        Returns the TrackAnalysis of a source, or raises AudioDecodeError.
    sources : list
        The files, as `list_sources` returns them.
    store : FeatureStore or None, default=None
        Where the features of a file are looked up first, and kept. Where it cannot be
        read or written to, one warning says so at the end, with the number of files.
    check_kept : callable, default=None
        Called with features from the store; ValueError for what `analyse` cannot have
        returned, which is then analysed again.
    features : object with a method `append`, default=None
        Takes the features of each file as they come, in the order of `sources`; None is
        a new list.
    keep_features : bool, default=True
        False where they are wanted in the store only: `features` gets none.
    n_jobs : int or None, default=None
        Files analysed at the same time, by joblib; threads by default.
    verbose : int, default=0
        Above zero, a bar on standard error shows how many files are done.
    progress : callable or None, default=None
        Shown instead: ``progress(iterable, total=n, desc=what)`` yields the items of
        the iterable, one per file.
    what : str, default="analysing"
        Word for the work, in messages.

    Returns
    -------
    analysis : Analysis
        `features`, the files that they are of, and the failures.

    Raises
    ------
    concurrent.futures.process.BrokenProcessPool
        A worker process died.
    OSError
        Too many files are open: no fault of the file whose turn it was.
    """
    features = [] if features is None else features
    analysed, failures, incomplete, store_faults = [], {}, {}, {}
    analyse_file = partial(
        _analyse_file, analyse=analyse, store=store, check_kept=check_kept
    )
    with ExitStack() as opened:
        mark = None
        if store is not None and keep_features and uses_processes():
            mark = opened.enter_context(mark_folder(store.directory))
        # Closed, whatever happens: the threads have then ended.
        workers = opened.enter_context(
            closing(
                run_workers(
                    partial(
                        _work_on_file,
                        analyse_file=analyse_file,
                        keep_features=keep_features,
                        mark=mark,
                        script=os.getpid(),
                    ),
                    sources,
                    n_jobs=n_jobs,
                    work=f"{what} tracks",
                    kept_in=None if store is None else store.directory,
                )
            )
        )
        outcomes = workers
        if progress is not None:
            outcomes = progress(workers, total=len(sources), desc=what)
        elif verbose:
            from tqdm.auto import tqdm

            outcomes = tqdm(workers, total=len(sources), desc=what)
        for source, outcome in zip(sources, outcomes, strict=True):
            path = name_source(source)
            if outcome.entry is not None:
                outcome = _read_entry(source, outcome, analyse_file, store, check_kept)
            if outcome.failure is None:
                if keep_features:
                    features.append(outcome.features)
                analysed.append(path)
                if outcome.incomplete is not None:
                    incomplete[path] = outcome.incomplete
            else:
                failures[path] = outcome.failure
            if outcome.store_fault is not None:
                what, where = outcome.store_fault
                store_faults.setdefault(what, []).append(where)
    for (what, reason), places in sorted(store_faults.items()):
        warnings.warn(
            f"features could not be {what} cache_dir {store.directory}: {reason} "
            f"({len(places)} of {counted(len(sources), 'track')}, the first at "
            f"{places[0]}). They are computed again"
            f"{' next time' if what == 'kept in' else ''}.",
            RuntimeWarning,
            stacklevel=find_stacklevel(),
        )
    return Analysis(features, analysed, failures, incomplete)


class _Outcome(NamedTuple):
    """What became of one file; `store_fault` is as `_describe_fault` returns it.

    The store has the features as `entry`, unless that is None.
    """

    features: Any = None
    failure: str | None = None
    incomplete: str | None = None
    store_fault: tuple | None = None
    entry: Path | None = None


def _work_on_file(source, analyse_file, keep_features, mark, script):
    """Analyse a file for the process `script`; send only what it cannot read itself.

    Both have the same store where this process sees the `mark` of the script. The
    outcome has the features or the entry to read them from, or neither.
    """
    outcome = analyse_file(source)
    if not keep_features:
        return outcome._replace(features=None, entry=None)
    if outcome.entry and mark and os.getpid() != script and mark.exists():
        return outcome._replace(features=None)
    return outcome._replace(entry=None)


def _read_entry(source, outcome, analyse_file, store, check_kept):
    """Return the outcome of a worker with the features that it left in the store."""
    with suppress(OSError):
        features = store.load(outcome.entry, check=check_kept)
        if features is not None:
            return outcome._replace(features=features)
    # Removed or damaged meanwhile, or not for this user.
    return analyse_file(source)


def _analyse_file(source, analyse, store, check_kept):
    source, store_fault = hold_source(source), None
    # Where the features are, or will be, by the decoder that decides their values.
    entries = {}
    if store is not None:
        try:
            for decoder in find_decoders(source):
                entry = entries[decoder] = store.entry_path(source, decoder=decoder)
                try:
                    kept = store.load(entry, check=check_kept)
                except OSError as error:
                    store_fault = _describe_fault("read from", error, entry)
                    continue
                if kept is not None:
                    return _Outcome(kept, entry=entry)
        except AudioDecodeError:
            pass  # raised again where the file is analysed
        except OSError as error:
            store_fault = _describe_fault("kept in", error, name_source(source))
    try:
        features, decoder, incomplete = analyse(source)
    except AudioDecodeError as error:
        return _Outcome(failure=error.reasons[0])
    saved = None
    if decoder in entries:
        entry = entries[decoder]
        try:
            if store.entry_path(source, decoder=decoder) != entry:
                return _Outcome(failure=CHANGED)
            store.save(entry, features)
            saved = entry
        except OSError as error:
            store_fault = _describe_fault("kept in", error, entry)
    return _Outcome(features, None, incomplete, store_fault, saved)


def _describe_fault(what, error, entry):
    """Return what the system refused and why, and of which file or folder."""
    return (what, describe_os_error(error)), str(error.filename or entry)


class TrackArray:
    """The features of tracks, given one by one, as one array in float32.

    A context manager that takes (n_present_segments, *segment_shape) of each track, and
    makes an array in memory or, with `mmap_dir`, in an npy file in that folder, whose
    name begins with `name`.
    ``n_segments=None`` is the number of the longest track; missing segments are all
    NaN.
    """

    def __init__(
        self, n_tracks, *, n_segments, segment_shape, mmap_dir=None, name="mfcc"
    ):
        self._n_tracks, self._n_segments = n_tracks, n_segments
        self._segment_shape = segment_shape
        self._counts, self._waiting = [], []
        self._array, self._path, self._opened = None, None, nullcontext()
        if mmap_dir is not None:
            self._path = Path(mmap_dir) / f"{name}-{uuid4().hex}.npy"
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._opened = atomic_write(self._path, "w+b")
        elif n_segments is not None and n_tracks > 1:
            self._array = np.empty((n_tracks, n_segments, *segment_shape), np.float32)

    def __enter__(self):
        self._file = self._opened.__enter__()
        if self._path is not None:
            self._file.seek(N_HEADER_BYTES)
        return self

    def __exit__(self, *error):
        return self._opened.__exit__(*error)

    def append(self, track):
        """Take the segments of the next track."""
        if self._path is not None:
            self._write(track, self._n_segments or len(track))
        elif self._array is not None:
            self._fill(len(self._counts), track)
        else:
            # A mapped one has an open file, and a process may have but a few hundred.
            is_one_of_many = self._n_tracks > 1 and is_temporary(track)
            self._waiting.append(track.copy() if is_one_of_many else track)
        self._counts.append(len(track))

    def finish(self, paths):
        """Pad all tracks to the same length, and write the header of a file.

        ValueError, which names one of the `paths`, for more padding than MAX_PADDING.
        """
        n_tracks, n_present = len(self._counts), sum(self._counts)
        n_segments = self._n_segments or max(self._counts, default=0)
        shape = (n_tracks, n_segments, *self._segment_shape)
        n_missing = n_tracks * n_segments - n_present
        if self._n_segments is None and n_missing > MAX_PADDING * n_present:
            raise ValueError(
                f"{paths[self._counts.index(n_segments)]} is too long to share an "
                f"array with the other tracks: it has {n_segments} segments, all "
                f"{n_tracks} tracks together {n_present}, and padding ({n_missing} "
                f"segments) would exceed {MAX_PADDING} times the data. Analyse tracks "
                "of such length by themselves, or set n_segments."
            )
        if self._path is not None:
            if self._n_segments is None and n_missing:
                self._spread(n_segments)
            descr = np.dtype(np.float32).str
            fields = {"descr": descr, "fortran_order": False, "shape": shape}
            header = np.lib.format.magic(1, 0)
            header += (N_HEADER_BYTES - len(header) - 2).to_bytes(2, "little")
            header += repr(fields).encode()
            self._file.seek(0)
            self._file.write(header.ljust(N_HEADER_BYTES - 1) + b"\n")
            return
        if self._array is not None:
            self._array = self._array[:n_tracks]
        elif n_tracks == 1 and not n_missing and self._waiting[0].flags.writeable:
            # Not copied: it may be a recording of many hours. What comes from the store
            # is read-only.
            self._array = self._waiting.pop()[np.newaxis]
        else:
            self._array = np.empty(shape, np.float32)
            # Each is released as soon as it is copied.
            self._waiting.reverse()
            for number in range(n_tracks):
                self._fill(number, self._waiting.pop())

    def load(self):
        """Return the finished array; of a file, memory-mapped and read-only."""
        if self._path is None:
            return self._array
        return np.load(self._path, mmap_mode="r", allow_pickle=False)

    def _fill(self, number, track):
        self._array[number, : len(track)] = track
        self._array[number, len(track) :] = np.nan

    def _write(self, track, n_segments):
        # Written, not mapped: a full disk is an error here, and would be a crash there.
        self._file.write(np.ascontiguousarray(track, np.float32))
        missing = (n_segments - len(track), *self._segment_shape)
        self._file.write(np.full(missing, np.nan, np.float32))

    def _spread(self, n_segments):
        # In place, from the last track on: each moves away from those before it.
        n_bytes, end = 4 * math.prod(self._segment_shape), sum(self._counts)
        for number, count in reversed(list(enumerate(self._counts))):
            self._file.seek(N_HEADER_BYTES + (end - count) * n_bytes)
            track = np.frombuffer(self._file.read(count * n_bytes), np.float32)
            self._file.seek(N_HEADER_BYTES + number * n_segments * n_bytes)
            self._write(track.reshape(count, *self._segment_shape), n_segments)
            end -= count

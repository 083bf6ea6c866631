"""Do a job again and again, and kill it each time at another moment.

Run as a script, it prints a line of JSON per moment and job::

    python tests/fault_process.py FOLDER N_MOMENTS JOB...

A moment is a number of lines of Python that were run, or of bytes that were written to
a file: the same ones are met each time, however fast the machine is. The job runs in
forks of a process that has imported everything, so that a moment costs milliseconds.
"""

import contextlib
import functools
import hashlib
import json
import logging
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skgenre import (
    FeatureStore,
    MFCCExtractor,
    ModelFileError,
    TrackStatistics,
    make_genre_tracks,
    make_model,
    persistence,
    run_benchmark,
)
from skgenre.benchmark.fits import FinishedFits

# Beside the library's own lines, those of numpy and contextlib that write an entry.
TRACED = ("skgenre", "_format_impl.py", "contextlib.py")
# What writes files, by its owner and name.
SAVERS = ((FeatureStore, "save"), (FinishedFits, "save"), (persistence, "save_model"))
N_TRACKS = 8
X = np.random.default_rng(0).normal(size=(12, 3, 6, 4))


def extract(data, folder):
    extractor = MFCCExtractor(
        segment_duration=0.5, n_segments=2, cache_dir=folder / "store"
    )
    return digest(extractor.transform(data.paths).tobytes())


def write_entries(data, folder):
    store = FeatureStore(folder / "store", {"job": "write"})
    kept = []
    for number, path in enumerate(data.paths):
        entry = store.entry_path(path)
        if store.load(entry) is None:
            store.save(entry, np.full((10, 130, 13), number, dtype=np.float32))
        kept.append(store.load(entry))
    return digest(np.stack(kept).tobytes())


def benchmark(data, folder):
    short = {"mfccextractor__segment_duration": 0.5, "mfccextractor__n_segments": 2}
    result = run_benchmark(
        {name: make_model(name).set_params(**short) for name in ("knn", "logistic")},
        data,
        n_splits=2,
        seeds=(0,),
        cache_dir=folder / "store",
        output=folder / "out",
    )
    return digest(json.dumps([result.predictions, scores_of(result.folds)]).encode())


def scores_of(rows):
    """All but the times."""
    return [
        {name: value for name, value in row.items() if "seconds" not in name}
        for row in rows
    ]


def save_models(data, folder):
    """Replace one file by models of more and more neighbours."""
    file = folder / "model.skops"
    n_done = persistence.load_model(file)[-1].n_neighbors if file.exists() else 0
    for n_neighbors in range(n_done + 1, N_TRACKS + 1):
        persistence.save_model(model_of(n_neighbors), file)
    return digest(persistence.load_model(file).predict_proba(X).tobytes())


@functools.cache
def model_of(n_neighbors):
    model = make_pipeline(TrackStatistics(), KNeighborsClassifier(n_neighbors))
    return model.fit(X, np.repeat(["blues", "rock"], 6))


JOBS = {
    "extract": extract,
    "write": write_entries,
    "benchmark": benchmark,
    "save": save_models,
}


def digest(content):
    return hashlib.sha256(content).hexdigest()


def main():
    folder, n_moments, jobs = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    log_finished()
    data = make_genre_tracks(
        folder / "tracks",
        n_genres=2,
        n_tracks_per_genre=N_TRACKS // 2,
        duration=1.0,
        random_state=0,
    )
    for job in jobs:
        place = make(folder / job)
        reports = (
            share(data, place)
            if job == "share"
            else survey(job, data, place, n_moments)
        )
        for report in reports:
            print(json.dumps({"job": job, **report}), flush=True)


def survey(job, data, folder, n_moments):
    """What became of a job that was killed, and then done again: a dict per moment."""
    work, examine_job = JOBS[job], examine_model if job == "save" else examine
    work(data, make(folder / "warm"))
    reference = folder / "undisturbed"
    n_lines = wait(fork(lambda: count_lines(work, data, folder / "counted")))[1]
    result = wait(fork(lambda: work(data, make(reference))))[1]
    rng = np.random.default_rng(0)
    written = [*reference.glob("store/*/*.npy"), *reference.glob("model.skops")]
    n_bytes = max(path.stat().st_size for path in written)
    n_by_bytes = n_moments // 4
    kills = [
        *(("line", m) for m in rng.integers(1, n_lines, n_moments - n_by_bytes)),
        *(("byte", m) for m in rng.integers(0, n_bytes, n_by_bytes)),
    ]
    for number, (kind, moment) in enumerate(kills):
        place = make(folder / str(number))
        disturb = KILLERS[kind]
        status, _ = wait(fork(lambda p=place, m=moment, d=disturb: d(m, work, data, p)))
        found = examine_job(place, reference)
        status_again, again = wait(fork(lambda p=place: work(data, p)))
        finished = read_finished(place)
        yield {
            "killed_at": f"{kind} {moment}",
            "killed": status < 0,
            **found,
            "n_done_again": len(finished) - len(set(finished)),
            "completed": status_again == 0,
            "same_result": again == result,
        }


def share(data, folder):
    """What four processes find that fill one store at once: a dict for each."""
    result = wait(fork(lambda: extract(data, make(folder / "alone"))))[1]
    place = make(folder / "shared")
    forks = [fork(lambda: (extract(data, place), n_damaged_seen())) for _ in range(4)]
    for status, found in map(wait, forks):
        yield {
            "completed": status == 0,
            "same_result": found[0] == result,
            "n_damaged": found[1] + examine(place, folder / "alone")["n_damaged"],
        }


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def log_finished():
    """Have everything that is finished written down, as soon as it is."""
    for owner, name in SAVERS:
        original = getattr(owner, name)

        def save(*arguments, original=original):
            original(*arguments)
            folder, kept = place_of(*arguments[:2])
            with open(folder / "finished", "a") as file:
                file.write(f"{kept}\n")

        setattr(owner, name, save)


def place_of(saver, saved):
    """The folder of the job, and the name of what is kept."""
    if isinstance(saver, FeatureStore):
        return saver.directory.parent, saved.name
    if isinstance(saver, FinishedFits):
        return saver.folder.parents[1], saver.find_path(saved).name
    return saved.parent, saver[-1].n_neighbors


def read_finished(folder):
    with contextlib.suppress(FileNotFoundError):
        return (folder / "finished").read_text().split()
    return []


def examine(folder, reference):
    """What is there of what was finished, and whether all that is there is intact."""
    there = {path.name: path for path in list_kept(folder)}
    intact = {path.name: path for path in list_kept(reference)}
    finished = set(read_finished(folder))
    return {
        "n_finished": len(finished),
        "n_lost": len(finished - set(there)),
        "n_damaged": sum(
            content_of(path) != content_of(intact[name]) for name, path in there.items()
        ),
    }


def examine_model(folder, reference):
    """Whether the file is the model that was saved last, or the one after it, whole."""
    file, finished = folder / "model.skops", read_finished(folder)
    n_neighbors, n_damaged = 0, 0
    if file.exists():
        try:
            model = persistence.load_model(file)
        except ModelFileError:
            n_damaged = 1
        else:
            n_neighbors = model[-1].n_neighbors
            expected = model_of(n_neighbors).predict_proba(X)
            n_damaged = int(not np.array_equal(model.predict_proba(X), expected))
    others = {path.name for path in folder.iterdir()} - {file.name, "finished"}
    return {
        "n_finished": len(finished),
        "n_lost": max(0, len(finished) - n_neighbors),
        # Of a write that was cut off only its temporary file may be left.
        "n_damaged": n_damaged + sum(not name.endswith(".tmp") for name in others),
    }


def list_kept(folder):
    return [*folder.glob("store/*/*.npy"), *folder.glob("out/fits/*.json")]


def content_of(path):
    if path.suffix == ".npy":
        return path.read_bytes()
    return json.dumps(scores_of([json.loads(path.read_text())["row"]]))


def fork(work):
    """Start a copy of this process that does some work; return its id, and a pipe."""
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return process, reader
    try:
        os.write(writer, json.dumps(work()).encode())
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def wait(forked):
    """Exit status of a fork, negative where a signal ended it, and its result."""
    process, reader = forked
    with os.fdopen(reader) as file:
        text = file.read()
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return status, json.loads(text) if text else None


class LineCounter:
    """Counts the lines that are run, and calls a function at one of them."""

    def __init__(self, moment=None, call=None):
        self.n_lines, self.moment, self.call = 0, moment, call

    def __enter__(self):
        sys.settrace(self._trace_call)
        return self

    def __exit__(self, *error):
        sys.settrace(None)

    def _trace_call(self, frame, event, argument):
        is_traced = any(name in frame.f_code.co_filename for name in TRACED)
        return self._trace_line if is_traced else None

    def _trace_line(self, frame, event, argument):
        if event == "line":
            self.n_lines += 1
            if self.n_lines == self.moment:
                self.call()
        return self._trace_line


def count_lines(work, data, folder):
    with LineCounter() as counter:
        work(data, make(folder))
    return counter.n_lines


def kill_at_line(moment, work, data, folder):
    with LineCounter(moment, lambda: os.kill(os.getpid(), signal.SIGKILL)):
        return work(data, folder)


def kill_at_byte(moment, work, data, folder):
    """The kernel ends the process in the middle of a write, as SIGKILL would."""
    owner, name = SAVERS[-1] if work is save_models else SAVERS[0]
    original = getattr(owner, name)

    def save(*arguments):
        if len(read_finished(folder)) == moment % N_TRACKS:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(moment), int(moment)))
        original(*arguments)

    setattr(owner, name, save)
    return work(data, folder)


KILLERS = {"line": kill_at_line, "byte": kill_at_byte}


class _Counter(logging.Handler):
    n_damaged = 0

    def emit(self, record):
        _Counter.n_damaged += "damaged" in record.getMessage()


def n_damaged_seen():
    return _Counter.n_damaged


if __name__ == "__main__":
    logging.getLogger("skgenre").addHandler(_Counter())
    main()

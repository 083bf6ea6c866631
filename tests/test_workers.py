"""Threads end with the work, at Ctrl-C and at the end of Python as well."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing

import numpy as np
import pytest
from joblib import parallel_config

from skgenre._workers import run_workers

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

# Forks of a process that has imported everything each do the work as a script would,
# and are interrupted in the middle of it.
INTERRUPTED = """
import json, os, random, signal, sys, threading, time
from skgenre import MFCCExtractor, audit_tracks

work, n_tries, n_signals, folder, *paths = sys.argv[1:]
# A shell's background jobs, CI's perhaps, start with the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
MFCCExtractor().transform(paths[:1])
moments, codes = random.Random(0), []
begun = os.pipe()
for number in range(int(n_tries)):
    process = os.fork()
    if process == 0:
        os.write(begun[1], b"!")
        break
    os.read(begun[0], 1)
    for _ in range(int(n_signals)):
        time.sleep(moments.uniform(0.0, 0.2 / int(n_signals)))
        os.kill(process, signal.SIGINT)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
else:
    print(json.dumps(codes))
    sys.exit()
extractor = MFCCExtractor(n_jobs=2, cache_dir=f"{folder}/{number}")
if work == "extract":
    extractor.transform(paths)
elif work == "audit":
    audit_tracks(paths, n_jobs=2)
elif work == "serve":
    threading.Thread(target=extractor.transform, args=(paths,), daemon=True).start()
    time.sleep(60)
"""


@needs_fork
@pytest.mark.parametrize(
    ("work", "n_tries", "n_signals"),
    [("extract", 30, 1), ("extract", 10, 3), ("audit", 10, 1), ("serve", 10, 1)],
)
def test_ctrl_c_is_a_keyboard_interrupt_at_any_moment(
    work, n_tries, n_signals, write_tone, tmp_path
):
    tone = write_tone(duration=30.0)
    links = [tmp_path / f"{number}.wav" for number in range(300)]
    for link in links:
        link.hardlink_to(tone)
    arguments = [work, str(n_tries), str(n_signals), tmp_path / "stores", *links]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *arguments], capture_output=True, text=True
    )
    assert "terminate called" not in done.stderr
    assert json.loads(done.stdout) == [-signal.SIGINT] * n_tries
    kept = [path for path in tmp_path.glob("stores/**/*") if path.is_file()]
    assert {np.load(path).shape for path in kept} <= {(10, 130, 13)}
    assert len(kept) < n_tries * len(links)


ENDING = """
import atexit, sys

def extract():
    print(MFCCExtractor(n_jobs=2, cache_dir=sys.argv[2]).transform(sys.argv[3:]).shape)

if sys.argv[1] == "before":
    atexit.register(extract)
from skgenre import MFCCExtractor
if sys.argv[1] == "after":
    atexit.register(extract)
"""


@pytest.mark.parametrize("registered", ["before", "after"])
def test_an_exit_hook_extracts_in_threads(registered, made_tracks, tmp_path):
    # Hooks run last in, first out: before and after the package's own.
    done = subprocess.run(
        [sys.executable, "-c", ENDING, registered, tmp_path, *made_tracks.paths[:4]],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("(4, 10, 130, 13)\n", "")
    assert len(list(tmp_path.glob("*/*.npy"))) == 4


def run(function, items, **options):
    options = {"n_jobs": 2, "work": "taking roots"} | options
    return run_workers(function, items, **options)


def test_results_come_in_order_whoever_is_first():
    def wait(seconds):
        time.sleep(seconds)
        return seconds

    waits = [0.05, 0.0, 0.02, 0.0]
    assert list(run(wait, waits, n_jobs=4)) == waits


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_every_backend_of_joblib_gives_the_same(backend):
    with parallel_config(backend, n_jobs=2):
        # A function that every process can import, unlike those of this module.
        roots = list(run(math.sqrt, [0, 1, 4, 9, 16], n_jobs=None))
    assert roots == [0, 1, 2, 3, 4]


def test_an_error_is_raised_where_results_are_taken_and_ends_the_threads():
    before = threading.enumerate()
    results = run(lambda number: 1 / number, [1, 0, *[1] * 1000])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert threading.enumerate() == before


def test_closed_early_it_begins_nothing_more():
    done = []

    def work(number):
        time.sleep(0.001)
        done.append(number)

    with closing(run(work, range(1000))) as results:
        next(results)
    n_done = len(done)
    assert n_done < 1000
    time.sleep(0.05)
    assert len(done) == n_done


def test_no_more_threads_can_be_started_is_one_thread_of_work(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert list(run(math.sqrt, [0, 1, 4])) == [0, 1, 2]


def kill_own_process(item):
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_item_that_kills_dasks_workers_ends_the_work_with_an_error(tmp_path):
    distributed = pytest.importorskip("distributed")
    import dask

    local = {"dashboard_address": None, "threads_per_worker": 1, "host": "127.0.0.1"}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(2, local_directory=tmp_path, **local) as cluster,
        distributed.Client(cluster),
        parallel_config("dask"),
        pytest.raises(BrokenProcessPool, match="a worker process died while killing"),
    ):
        list(run_workers(kill_own_process, ["a"], n_jobs=None, work="killing"))

"""Work in threads or processes, and the error when one of these dies."""

import queue
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from functools import partial

from joblib import Parallel, delayed
from joblib.parallel import SequentialBackend, ThreadingBackend, get_active_backend

from skgenre._ending import finished_before_the_end
from skgenre._threads import find_dask_worker

# Files that a process is handed at a time, at most: a task of a cluster costs
# milliseconds, as many as a short file. The names of so many results fit one write to
# a pipe (4 kB); of a larger one, loky waits for ever for the rest if its sender is
# killed.
MAX_BATCH = 16


def run_workers(function, items, *, n_jobs, work, kept_in=None):
    """Yield ``function(item)`` of each item, in order.

    `n_jobs` is joblib's: so many threads, unless ``joblib.parallel_config`` says
    otherwise. `work` and `kept_in` are for `explaining_dead_workers`. The caller closes
    this generator: its threads have then ended.
    """
    function = partial(_finish, function)
    with (
        explaining_dead_workers(work, kept_in),
        closing(_start_workers(function, items, n_jobs)) as results,
    ):
        yield from results


def _finish(function, item):
    with finished_before_the_end():
        return function(item)


def _start_workers(function, items, n_jobs):
    backend, n_configured = get_active_backend(prefer="threads")
    if find_dask_worker() is not None:
        backend, n_configured = ThreadingBackend(), None
    n_jobs = n_configured if n_jobs is None else n_jobs
    if uses_processes():
        batches = {}
        # Audio in memory may be too large to be sent in batches.
        if all(isinstance(item, str) for item in items):
            # joblib takes fewer where there are more workers than batches.
            n_batch = max(1, min(MAX_BATCH, len(items) // MAX_BATCH))
            batches = {
                "batch_size": n_batch,
                "pre_dispatch": f"{2 * n_batch} * n_jobs",
            }
        return_as = choose_return("threads")
        pool = Parallel(n_jobs=n_jobs, prefer="threads", return_as=return_as, **batches)
        return _run_processes(
            pool, backend, (delayed(function)(item) for item in items)
        )
    n_threads = min(backend.effective_n_jobs(n_jobs), len(items))
    if n_threads > 1:
        return _run_threads(function, items, n_threads)
    return (function(item) for item in items)


def _run_processes(pool, backend, calls):
    # Imported here: it loads scikit-learn's callbacks, which threads do without.
    from skgenre._compat import LostTask, dask_losses_reported

    # A generator even where the pool returns a list: the caller closes it.
    with dask_losses_reported(backend):
        for result in pool(calls):
            if isinstance(result, LostTask):
                raise BrokenProcessPool(str(result.error)) from result.error
            yield result


def _run_threads(function, items, n_threads):
    """Do as `run_workers`, in threads that have ended when this ends, in whatever way.

    joblib does not wait for its threads after Ctrl-C, and if Python's end then stops
    one in the middle of C++ code, the process aborts.
    """
    numbered, turn = iter(enumerate(items)), threading.Lock()
    # Not `queue.Queue`, nor a Future: an interruption while the main thread enters
    # their locks, which are Python code, leaves them locked.
    outcomes = queue.SimpleQueue()
    running, over = set(), []

    def work():
        running.add(threading.current_thread())
        try:
            while not over:
                with turn:
                    number, item = next(numbered, (None, None))
                if number is None:
                    return
                try:
                    outcomes.put((number, function(item), None))
                except BaseException as error:  # raised below, where results are taken
                    outcomes.put((number, None, error))
        finally:
            running.discard(threading.current_thread())

    threads = [threading.Thread(target=work) for _ in range(n_threads)]
    try:
        # Python 3.12 starts none while it ends, in an exit hook: fewer will do.
        with suppress(RuntimeError):
            for thread in threads:
                thread.start()
        if threads[0].ident is None:
            yield from map(function, items)
            return
        early = {}
        for number in range(len(items)):
            while number not in early:
                finished, *outcome = outcomes.get()
                early[finished] = outcome
            result, error = early.pop(number)
            if error is not None:
                raise error
            yield result
    finally:
        _end(threads, running, over)


def _end(threads, running, over):
    """Let `running` threads finish their item; another Ctrl-C counts afterwards."""
    interruption = None
    while True:
        try:
            over.append(True)
            # Before `Thread.join`: interrupted, it takes a running thread for one that
            # has ended (Python 3.11).
            while running:
                time.sleep(0.0005)
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
            break
        except BaseException as error:
            interruption = error
    if interruption is not None:
        raise interruption


def uses_processes():
    """Whether `run_workers` hands its items to other processes."""
    backend, _ = get_active_backend(prefer="threads")
    # A task of dask hands on no tasks, as those of joblib's own workers do not: they
    # would wait for all fits that are queued already, with this one in memory.
    return (
        not isinstance(backend, (ThreadingBackend, SequentialBackend))
        and find_dask_worker() is None
    )


def choose_return(prefer=None):
    """Return how joblib hands over results: as they come, if the backend can."""
    backend, _ = get_active_backend(prefer=prefer)
    return "generator" if backend.supports_return_generator else "list"


@contextmanager
def explaining_dead_workers(work, kept_in):
    """Raise a clear error when a worker process dies while `work`.

    A BrokenProcessPool as joblib's own, whose message only has pools and exit codes.
    `kept_in` is the folder of what was finished, if it is kept.
    """
    try:
        yield
    except BrokenProcessPool as error:
        kept = "nothing is kept of what was finished"
        if kept_in is not None:
            kept = f"what was finished is in {str(kept_in)!r} and is not done again"
        raise BrokenProcessPool(
            f"a worker process died while {work}: it was killed, perhaps for lack of "
            f"memory (fewer n_jobs need less), or crashed. Run it again: {kept}. "
            f"joblib says: {error}"
        ) from error

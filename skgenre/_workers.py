"""Work shared out to threads or processes, and what is said when one of them dies."""

import queue
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from functools import partial

from joblib import Parallel, delayed
from joblib.parallel import SequentialBackend, ThreadingBackend, get_active_backend

from skgenre._ending import finished_before_the_end


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
    n_jobs = n_configured if n_jobs is None else n_jobs
    if not isinstance(backend, (ThreadingBackend, SequentialBackend)):
        return _run_processes(function, items, n_jobs)
    n_threads = min(backend.effective_n_jobs(n_jobs), len(items))
    if n_threads > 1:
        return _run_threads(function, items, n_threads)
    return (function(item) for item in items)


def _run_processes(function, items, n_jobs):
    return_as = choose_return("threads")
    pool = Parallel(n_jobs=n_jobs, prefer="threads", return_as=return_as)
    yield from pool(delayed(function)(item) for item in items)


def _run_threads(function, items, n_threads):
    """As `run_workers`, in threads that have ended when this ends, in whatever way.

    joblib leaves its threads alone after Ctrl-C, and where Python's end then stops one
    in the middle of C++ code, the process aborts.
    """
    numbered, turn = iter(enumerate(items)), threading.Lock()
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
        if not _start(threads):
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


def _start(threads):
    """Start threads; whether there is at least one."""
    try:
        for thread in threads:
            thread.start()
    except RuntimeError:
        # Python 3.12 starts none while it ends, in an exit hook: fewer will do.
        pass
    return threads[0].ident is not None


def _end(threads, running, over):
    """Let `running` threads finish their item; another Ctrl-C counts afterwards."""
    interruption = None
    while True:
        try:
            over.append(True)
            # `Thread.join` comes after this: interrupted, it takes a running thread for
            # one that has ended (Python 3.11).
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


def choose_return(prefer=None):
    """How joblib hands over results: as they come, unless the backend cannot."""
    backend, _ = get_active_backend(prefer=prefer)
    return "generator" if backend.supports_return_generator else "list"


@contextmanager
def explaining_dead_workers(work, kept_in):
    """Say what was done when a worker died, and whether what was finished is kept.

    joblib's own error speaks of pools and exit codes. This one is a BrokenProcessPool,
    and so a RuntimeError, too.
    """
    try:
        yield
    except BrokenProcessPool as error:
        kept = "nothing is kept of what was finished"
        if kept_in is not None:
            kept = f"what was finished is in {str(kept_in)!r} and is not done again"
        raise BrokenProcessPool(
            f"a worker process died while {work}: it was killed, perhaps for want of "
            f"memory (fewer n_jobs need less), or crashed. Run it again: {kept}. "
            f"joblib says: {error}"
        ) from error

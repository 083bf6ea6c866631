"""What threads are in the middle of when Python ends."""

import atexit
import os
import threading
import time
from contextlib import contextmanager

# A track or a file takes milliseconds, an hour of sound or a large model seconds.
MAX_WAIT_SECONDS = 10.0

_busy: set[threading.Thread] = set()
_is_ending = threading.Event()


@contextmanager
def finished_before_the_end():
    """Do something that Python's end does not stop halfway.

    Python stops daemon threads wherever they are: half a file is left, and where it was
    C++ code, the process aborts. They begin nothing more once the end has begun.
    """
    thread = threading.current_thread()
    if thread in _busy:
        yield
        return
    # Register before testing: either the exit hook waits for this thread, or the thread
    # sees that Python ends.
    _busy.add(thread)
    try:
        if _is_ending.is_set() and thread.daemon:
            raise RuntimeError("Python is ending: a daemon thread begins nothing more")
        yield
    finally:
        _busy.discard(thread)


@atexit.register
def _let_threads_finish():
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while True:
        try:
            _is_ending.set()
            # Not `Thread.is_alive`, which is wrong after an interrupted `join`.
            while _busy and time.monotonic() < deadline:
                time.sleep(0.001)
            break
        except KeyboardInterrupt:
            continue


if hasattr(os, "register_at_fork"):
    # The threads of the process that a fork comes from are not in it.
    os.register_at_fork(after_in_child=_busy.clear)

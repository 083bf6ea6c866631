"""Work in threads that the end of Python does not stop halfway."""

import atexit
import os
import threading
import time
from contextlib import contextmanager

# A track or a file takes milliseconds; an hour of sound or a large model, seconds.
MAX_WAIT_SECONDS = 10.0

_busy: set[threading.Thread] = set()
# Not an Event: if Ctrl-C comes while that holds its lock, setting it waits for ever.
_is_ending = False


@contextmanager
def finished_before_the_end():
    """Run the block to its end even if Python ends meanwhile, for up to ten seconds.

    Python stops daemon threads wherever they are: files are left half-written, and in
    C++ code the process aborts. Once the end has begun, a daemon thread that enters the
    block gets a RuntimeError.
    """
    thread = threading.current_thread()
    if thread in _busy:
        yield
        return
    # Register before testing the flag: either the exit hook waits for this thread, or
    # this thread sees the flag and stops.
    _busy.add(thread)
    try:
        if _is_ending and thread.daemon:
            raise RuntimeError("Python is ending: a daemon thread begins nothing more")
        yield
    finally:
        _busy.discard(thread)


@atexit.register
def _let_threads_finish():
    global _is_ending
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while True:
        try:
            _is_ending = True
            # Not `Thread.is_alive`, which is wrong after an interrupted `join`.
            while _busy and time.monotonic() < deadline:
                time.sleep(0.001)
            break
        except KeyboardInterrupt:
            continue


if hasattr(os, "register_at_fork"):
    # A fork has none of the threads of its parent.
    os.register_at_fork(after_in_child=_busy.clear)

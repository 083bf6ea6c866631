"""What decoders and TensorFlow print does not reach the user's streams.

libmpg123, inside libsndfile, writes to C's stderr about each damaged frame, the reader
of ALAC to C's stdout, and TensorFlow to C's stderr when it starts. None can be told not
to, or not completely. While they work, C's variables `stdout` and `stderr` are set to
files in memory. What others write there in the meantime is passed on; descriptors, and
so all that Python writes, stay as they are.
"""

import atexit
import ctypes
import os
import re
import signal
import threading
from contextlib import contextmanager, nullcontext, suppress

# Messages of decoders, and of TensorFlow about the processor and missing GPUs. All
# others are passed on.
_MESSAGES = re.compile(
    rb"\[[^\n[]*libmpg123/[^\n]*\n"
    rb"|\n?Warning: (?:Xing stream size|Encountered more data|Big change|Real sample)"
    rb"[^\n]*\n"
    rb"|Note: (?:Illegal Audio-MPEG|Trying to resync|Skipped -?\d+ bytes in input"
    rb"|Hit end of|missing -?\d+ bytes in bit reservoir|Could be a BMP)[^\n]*\n"
    rb"|alac_\w+ \d+ : Ooops![^\n]*\n"
    rb"|WARNING: All log messages before absl::InitializeLog\(\) is called [^\n]*\n"
    rb"|[IW]\d{4} [\d:.]+ +\d+ \w+\.(?:cc|h):\d+\][^\n]*\n"
    rb"|E\d{4} [\d:.]+ +\d+ cuda_\w+\.cc:\d+\] failed call to cuInit:[^\n]*\n"
    rb"|E\d{4} [\d:.]+ +\d+ cuda_\w+\.cc:\d+\] Unable to register cu[^\n]*\n"
    rb"|[\d-]+ [\d:.]+: [IW] (?:tensorflow|external)/[^\n]*\n"
    rb"|[\d-]+ [\d:.]+: E external/[^\n]*(?:cuInit|Unable to register cu)[^\n]*\n"
    rb"|To enable the following instructions: [^\n]* rebuild TensorFlow [^\n]*\n"
)
_MAX_KEPT_BYTES = 2**20
_UNBUFFERED = 2  # _IONBF of glibc


def _is_supported():
    # Elsewhere the variables are constants (musl), or have other names and owners.
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (AttributeError, OSError, ValueError):
        return False


class _Stream:
    """One of C's streams, and the file in memory that takes its place."""

    def __init__(self, name):
        # dlsym() finds the variable that all libraries of the process use.
        libc, size = ctypes.CDLL(None), ctypes.c_size_t
        self._variable = ctypes.c_void_p.in_dll(libc, name)
        self._fwrite = libc.fwrite
        self._fwrite.argtypes = [ctypes.c_char_p, size, size, ctypes.c_void_p]
        self._original, self._n_seen = None, 0
        self._descriptor = os.memfd_create("skgenre")
        # Never closed: a thread may have taken it before the variable was set back.
        libc.fdopen.restype = ctypes.c_void_p
        self._file = libc.fdopen(self._descriptor, b"a")
        if self._file is None:
            raise OSError(f"no stream for descriptor {self._descriptor}")
        libc.setvbuf(ctypes.c_void_p(self._file), None, _UNBUFFERED, size(0))

    def replace(self):
        self._original, self._variable.value = self._variable.value, self._file

    def set_back(self):
        if self._variable.value == self._file:
            self._variable.value = self._original

    def pass_on(self, *, lines_only=False):
        """Write what others wrote to where they meant it to be."""
        self._n_seen += self._pass_on_from(self._descriptor, lines_only=lines_only)

    def _pass_on_from(self, descriptor, *, lines_only=False):
        n_new = os.fstat(descriptor).st_size - self._n_seen
        written = os.pread(descriptor, n_new, self._n_seen)
        if lines_only:
            written = written[: written.rfind(b"\n") + 1]
        text = _MESSAGES.sub(b"", written)
        if text:
            self._fwrite(text, 1, len(text), self._original)
        return len(written)

    def forget(self):
        """Begin another file in memory; to cut this one could lose a late message."""
        if self._n_seen > _MAX_KEPT_BYTES:
            new = os.memfd_create("skgenre")
            before = os.dup(self._descriptor)
            os.dup2(new, self._descriptor, inheritable=False)
            os.close(new)
            self._pass_on_from(before)
            os.close(before)
            self._n_seen = 0


class _QuietStreams:
    """Both streams, replaced as long as any thread needs it."""

    def __init__(self):
        self._start()

    def _start(self):
        self._lock = threading.RLock()  # a signal's handler may decode, too
        self._n_users = 0
        self._streams = None if _is_supported() else ()

    def enter(self):
        with self._lock:
            if self._streams is None:
                try:
                    self._streams = (_Stream("stdout"), _Stream("stderr"))
                except (AttributeError, OSError, ValueError):
                    # No such call here, or too many open files: better heard than not
                    # decoded.
                    self._streams = ()
            self._n_users += 1
            if self._n_users == 1:
                for stream in self._streams:
                    stream.replace()

    def leave(self):
        with self._lock:
            self._n_users -= 1
            for stream in self._streams:
                # Another decoder may be in the middle of a message, which has parts.
                stream.pass_on(lines_only=self._n_users > 0)
                if self._n_users == 0:
                    stream.set_back()
                    # What came between the two.
                    stream.pass_on()
                    with suppress(OSError):  # too many open files: next time
                        stream.forget()

    def pass_on_the_rest(self):
        """Pass on what was written by threads that took a file just before its end."""
        with self._lock:
            for stream in self._streams or ():
                stream.pass_on()

    def start_anew(self):
        """Give the child of a fork, which has one thread, files of its own."""
        for stream in self._streams or ():
            stream.set_back()
        self._start()


_QUIET_STREAMS = _QuietStreams()
atexit.register(_QUIET_STREAMS.pass_on_the_rest)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_QUIET_STREAMS.start_anew)


@contextmanager
def quiet_libraries(*, may_abort=False):
    """Keep the messages printed inside the block from C's stdout and stderr.

    `may_abort`: code in the block is known to print why, and then to end the process.
    """
    _QUIET_STREAMS.enter()
    try:
        with _told_of_abort() if may_abort and _is_supported() else nullcontext():
            yield
    finally:
        _QUIET_STREAMS.leave()


_ABORT_HANDLER = threading.Lock()  # held while ours is in force


@contextmanager
def _told_of_abort():
    """Pass on what was printed if the process is aborted, which runs no exit hook.

    Not around decoders: where they have corrupted C's heap, a handler in Python, which
    allocates, could wait for ever.
    """
    if not _ABORT_HANDLER.acquire(blocking=False):
        yield  # another block has one
        return
    libc = ctypes.CDLL(None)
    libc.sigaction.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    # A struct sigaction, whose flags would be lost by signal(); 152 bytes in glibc.
    before = ctypes.create_string_buffer(512)

    # Python's own handlers would wait for the next line of Python.
    @ctypes.CFUNCTYPE(None, ctypes.c_int)
    def tell(number):
        _QUIET_STREAMS.pass_on_the_rest()
        # Once this handler returns, the one before it is called.
        libc.sigaction(number, before, None)
        libc["raise"](number)

    libc.sigaction(signal.SIGABRT, None, before)
    libc.signal(signal.SIGABRT, ctypes.cast(tell, ctypes.c_void_p))
    try:
        yield
    finally:
        libc.sigaction(signal.SIGABRT, before, None)
        _ABORT_HANDLER.release()

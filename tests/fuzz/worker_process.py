"""A process that tries what may kill it: it is asked, and answers, line by line."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

# Of waiting for an answer: other work may hold the processor.
PATIENCE_SECONDS = 60


class WorkerProcess:
    """Runs a script that answers requests; starts it again when it has died.

    Parameters
    ----------
    script : str
        It prints ``ready``, and then one line of JSON for each that it reads.
    *arguments : str
        Of the script.
    """

    # Variables of the script's own.
    environment: ClassVar = {}

    def __init__(self, script, *arguments):
        self._command = [sys.executable, script, *arguments]
        self._process = None

    @staticmethod
    def is_possible():
        """Whether the system tells how much memory a process took."""
        return os.access("/proc/self/clear_refs", os.W_OK)

    def ask(self, request):
        """Return the answer, a dict.

        It has the ``outcome``, the ``seconds`` that it took, ``cpu_seconds`` of them of
        the processor, and ``n_bytes`` of memory. Of a process that gives none, the
        outcome is ``"died with status N"`` or ``"took too long"``.
        """
        if self._process is None:
            self._start()
        start = time.monotonic()
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._read_line(PATIENCE_SECONDS)
        if answer:
            return json.loads(answer)
        seconds = time.monotonic() - start
        status = self.close()
        is_late = answer is None or status == -signal.SIGPROF
        outcome = "took too long" if is_late else f"died with status {status}"
        return {
            **{"outcome": outcome, "seconds": seconds},
            **{"cpu_seconds": seconds, "n_bytes": 0},
        }

    def close(self):
        """End the process; return its status."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        if process.poll() is None and not self._ended(process):
            process.kill()
        process.stdin.close()
        process.stdout.close()
        return process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _start(self):
        self._process = subprocess.Popen(
            self._command,
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE},
            # Where it was when it died goes to the standard error.
            env={**os.environ, "PYTHONFAULTHANDLER": "1", **self.environment},
        )
        assert self._read_line(120) == b"ready\n"

    def _read_line(self, seconds):
        """Its next line; empty where it has died, None where it says nothing."""
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        return self._process.stdout.readline() if ready else None

    @staticmethod
    def _ended(process):
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            return False
        return True


def answer_requests(judge, *, max_bytes, max_seconds):
    """Answer each request from the input by the outcome that `judge` returns for it.

    Each may take so many bytes of memory more than there were before, and seconds of
    the processor: whatever the process is at, the system's timer then ends it.
    """
    import resource  # not on Windows

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What else is printed, by C libraries, too, is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        # Not of addresses: compilers and pools of threads reserve gigabytes of them.
        limit = read_status("VmData") + max_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))
        before = read_status("VmRSS")
        # The peak of memory is counted from here.
        Path("/proc/self/clear_refs").write_text("5")
        start, cpu_start = time.monotonic(), time.process_time()
        signal.setitimer(signal.ITIMER_PROF, max_seconds)
        outcome = judge(json.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        answer = {
            "outcome": outcome,
            "seconds": time.monotonic() - start,
            "cpu_seconds": time.process_time() - cpu_start,
            "n_bytes": read_status("VmHWM") - before,
        }
        print(json.dumps(answer), file=answers, flush=True)


def read_status(name):
    """A size of this process, in bytes, from Linux's own account."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)

"""A process that decodes files, so that what kills it kills no test.

Run as a script it reads paths from its input and answers each with a line of JSON.
"""

import json
import os
import select
import subprocess
import sys
import time
import warnings
from contextlib import closing
from pathlib import Path

MAX_SECONDS = 10
MAX_BYTES = 500_000_000

# Of waiting for an answer: other work may hold the processor.
PATIENCE_SECONDS = 60


class DecoderProcess:
    """Decode files in a process whose memory is limited; start another when it dies."""

    def __init__(self):
        self._process = None

    @staticmethod
    def is_possible():
        """Whether the system tells how much memory a process took."""
        return os.access("/proc/self/clear_refs", os.W_OK)

    def decode(self, path, demuxer=None):
        """What became of a file: a dict.

        With a `demuxer`, ffmpeg reads all of it as that, whatever it is.

        ``seconds`` it took, ``cpu_seconds`` of them of the processor, ``n_bytes`` of
        memory, and the ``outcome``. That is ``"sound"``, ``"refused"``, ``"died with
        status N"``, ``"took too long"``, or what else was raised.
        """
        if self._process is None:
            self._start()
        start = time.monotonic()
        request = json.dumps([os.fspath(path), demuxer])
        self._process.stdin.write(request.encode() + b"\n")
        self._process.stdin.flush()
        answer = self._read_line(PATIENCE_SECONDS)
        if answer:
            return json.loads(answer)
        seconds = time.monotonic() - start
        status = self.close()
        outcome = "took too long" if answer is None else f"died with status {status}"
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
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
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


def main():
    import resource  # not on Windows

    from skgenre import MFCCExtractor
    from skgenre.audio import AudioDecodeError, load_audio
    from skgenre.audio.errors import DecoderError

    extractor = MFCCExtractor(segment_duration=0.1, n_segments=3)
    warm_up(extractor)
    warnings.simplefilter("ignore")  # most mutants are cut
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = read_status("VmSize") + MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print("ready", flush=True)
    for line in sys.stdin:
        path, demuxer = json.loads(line)
        before = read_status("VmRSS")
        forget_peak()
        start, cpu_start = time.monotonic(), time.process_time()
        try:
            if demuxer is not None:
                outcome = judge_ffmpeg(path, demuxer)
            else:
                outcome = judge(path, load_audio(path), extractor.transform([path]))
        except DecoderError:
            outcome = "refused"
        except AudioDecodeError as error:
            outcome = "refused" if error.paths == [path] else f"names {error.paths}"
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        answer = {
            "outcome": outcome,
            "seconds": time.monotonic() - start,
            "cpu_seconds": time.process_time() - cpu_start,
            "n_bytes": read_status("VmHWM") - before,
        }
        print(json.dumps(answer), flush=True)


def judge(path, signal, features):
    import numpy as np

    if signal.dtype != np.float32 or signal.ndim != 1 or not np.isfinite(signal).all():
        return f"not a signal: {signal.dtype} {signal.shape}"
    if not np.isfinite(features[0, 0]).all():
        return "features that are not finite"
    return "sound"


def judge_ffmpeg(path, demuxer):
    from skgenre.audio.ffmpeg import FfmpegReader

    with (
        open(path, "rb", buffering=0) as file,
        closing(FfmpegReader(file, demuxer=demuxer)) as reader,
    ):
        for block in reader.read_blocks(None, n_block_frames=2**20):
            if block.dtype not in ("float32", "int16") or not len(block):
                return f"not a block: {block.dtype} {block.shape}"
    return "sound"


def warm_up(extractor):
    import tempfile

    import numpy as np
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        for rate in (22050, 44100):
            path = Path(folder, f"{rate}.wav")
            soundfile.write(path, np.sin(np.arange(rate)), rate)
            extractor.transform([path])


def read_status(name):
    """A size of this process, in bytes, from Linux's own account."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main()

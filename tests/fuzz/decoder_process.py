"""A process that decodes files, so that what kills it kills no test."""

import os
import sys
import warnings
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.worker_process import WorkerProcess, answer_requests

MAX_SECONDS = 10
MAX_BYTES = 500_000_000


class DecoderProcess(WorkerProcess):
    """Decode files in a process whose memory is limited."""

    def __init__(self):
        super().__init__(__file__)

    def decode(self, path, demuxer=None):
        """What became of a file: a dict, as `ask` returns it.

        With a `demuxer`, ffmpeg reads all of it as that, whatever it is. The outcome is
        ``"sound"`` or ``"refused"``, or else what was raised.
        """
        return self.ask([os.fspath(path), demuxer])


def main():
    from skgenre import MFCCExtractor
    from skgenre.audio import AudioDecodeError, load_audio
    from skgenre.audio.errors import DecoderError

    extractor = MFCCExtractor(segment_duration=0.1, n_segments=3)
    warm_up(extractor)
    warnings.simplefilter("ignore")  # most mutants are cut

    def decode(request):
        path, demuxer = request
        try:
            if demuxer is not None:
                return judge_ffmpeg(path, demuxer)
            return judge(load_audio(path), extractor.transform([path]))
        except DecoderError:
            return "refused"
        except AudioDecodeError as error:
            return "refused" if error.paths == [path] else f"names {error.paths}"
        except BaseException as error:
            return f"{type(error).__name__}: {error}"

    answer_requests(decode, max_bytes=MAX_BYTES, max_seconds=MAX_SECONDS)


def judge(signal, features):
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


if __name__ == "__main__":
    main()

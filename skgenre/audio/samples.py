"""Blocks of samples that are in memory already."""

import numpy as np

from skgenre.audio.errors import DecoderError

# As many as libsndfile reads.
MAX_CHANNELS = 1024

# Arrays of (n_channels, n_samples), as some libraries have them, have few rows.
MAX_ROWS_OF_CHANNELS = 32


class SamplesReader:
    """Read AudioSamples as the readers of files do, block by block."""

    decoder = "samples in memory"
    incomplete = None

    def __init__(self, source):
        signal, self.sample_rate = source.signal, source.sample_rate
        n_samples, *rest = signal.shape
        self.n_channels = rest[0] if rest else 1
        reason = None
        if not isinstance(self.sample_rate, int):
            reason = (
                f"has a sample rate of {self.sample_rate} Hz, expected a whole number"
            )
        elif self.n_channels > max(n_samples, MAX_ROWS_OF_CHANNELS):
            reason = (
                f"has the shape {signal.shape}, expected (n_samples, n_channels): if "
                "its rows are channels, give signal.T"
            )
        elif self.n_channels > MAX_CHANNELS:
            reason = f"has {self.n_channels} channels, expected at most {MAX_CHANNELS}"
        if reason is not None:
            raise DecoderError(reason)
        self._signal = signal[:, 0] if rest == [1] else signal

    def read_blocks(self, n_frames, *, n_block_frames):
        """Yield blocks of up to n_frames (None: all), copied from the signal."""
        n_all = len(self._signal) if self._signal.size else 0
        n_frames = n_all if n_frames is None else min(n_frames, n_all)
        for start in range(0, n_frames, n_block_frames):
            yield _scale(self._signal[start : min(start + n_block_frames, n_frames)])


def _scale(block):
    """Return a block as libsndfile gives it: int16, or float32 of full scale 1.

    Contiguous, as the order decides how the mean of many channels is rounded.
    """
    name = block.dtype.name
    if name in ("int8", "uint8"):
        # As signed 16-bit integers; of the unsigned ones, 128 is silence.
        block = block.astype(np.int16, order="C")
        return (block - (128 if name == "uint8" else 0)) * np.int16(256)
    if name == "int16":
        return block.astype(np.int16, order="C")
    with np.errstate(over="ignore"):  # becomes infinite, and is refused later
        scaled = block.astype(np.float32, order="C")
    return scaled * np.float32(2.0**-31) if name == "int32" else scaled

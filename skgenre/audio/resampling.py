"""Blocks of samples at another sample rate."""

import math

import numpy as np
import soxr

from skgenre.audio.errors import DecoderError

# Sample rates of files, in hertz. A damaged header may say 1 Hz: half a minute of
# samples then makes eight hours at 22,050 Hz, which no memory holds.
LOWEST_FILE_RATE = 1_000
HIGHEST_FILE_RATE = 10_000_000
# How far the rate of a later part of a file may be from that of the first.
MAX_RATE_RATIO = 100

# Samples of all channels that are made at a time: a file of few samples per second must
# not become a large block of many.
MAX_CHUNK_SAMPLES = 2**20


def resample(blocks, *, old_rate, new_rate):
    """Yield blocks of float32 at another rate, as librosa does.

    Blocks are (n_frames,) or (n_frames, n_channels). They come to exactly
    ceil(n_frames * ratio) frames, bit for bit what soxr.resample gives for the whole,
    however it is cut.
    """
    stream, n_frames, n_new = None, 0, 0
    for block in blocks:
        if stream is None:
            n_channels = 1 if block.ndim == 1 else block.shape[1]
            stream = soxr.ResampleStream(old_rate, new_rate, n_channels, quality="HQ")
            n_chunk = MAX_CHUNK_SAMPLES * old_rate // (new_rate * n_channels)
            n_chunk = max(1, n_chunk)
        if block.dtype == np.int16:
            block = block * np.float32(2.0**-15)
        n_frames += len(block)
        for start in range(0, len(block), n_chunk):
            # Channels of some decoders lie one behind the other.
            chunk = np.ascontiguousarray(block[start : start + n_chunk])
            resampled = stream.resample_chunk(chunk)
            n_new += len(resampled)
            yield resampled
    if stream is not None:
        rest = stream.resample_chunk(chunk[:0], last=True)
        n_rest = max(0, math.ceil(n_frames * (new_rate / old_rate)) - n_new)
        yield rest[:n_rest]
        yield np.zeros((max(0, n_rest - len(rest)), *rest.shape[1:]), np.float32)


def check_rate(rate, first_rate, seconds):
    """Refuse the rate of a later part of a file that would make samples without end."""
    lowest = max(LOWEST_FILE_RATE, first_rate // MAX_RATE_RATIO)
    highest = min(HIGHEST_FILE_RATE, first_rate * MAX_RATE_RATIO)
    if rate != first_rate and not lowest <= rate <= highest:
        raise DecoderError(
            f"changes from {first_rate} to {rate} Hz after {seconds:.2f} s, expected "
            f"{lowest} to {highest} Hz"
        )

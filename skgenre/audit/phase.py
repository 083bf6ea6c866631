"""Channels of opposite phase, of whose sound little is left when they are averaged."""

import numpy as np

# Power of the mean of the channels, relative to what the mean of unrelated channels
# would have: 2 for equal channels of stereo, 1 for unrelated, 0 for opposite ones.
# Measured on 140 GTZAN tracks made stereo. None is below in most of the track with two
# unrelated channels, or one 15 ms late, of either sign; one of 140 is with a difference
# of the channels as loud as their sum. With one channel inverted, all are below as
# 16-bit samples, mp3 and AAC, 27 of 28 as Opus of 64 kbit/s, and 21 of 28 as Vorbis of
# quality 5, which changes phases (benchmarks/bench_phase.py).
MIN_KEPT_POWER = 0.05
# As of silence: of such a track, most is not what a listener hears.
MAX_CANCELLED_SHARE = 0.5

# What is looked at: 23 ms of every 0.4 s, at 44.1 kHz. All would take 5 % of the audit.
WINDOW_FRAMES = 2**10
HOP_FRAMES = 2**14

# -60 dBFS: in what is more quiet, nothing can be lost.
SILENT_POWER = 1e-6


class PhaseMeter:
    """Measures how much of the power of channels their mean keeps, in many windows."""

    def __init__(self):
        self._kept, self._expected = [], []

    def add(self, block, mono):
        """Take a block (n_frames, n_channels) and the mean of its channels."""
        if block.ndim == 1 or block.shape[1] == 1:
            return
        scale = 2.0**-30 if block.dtype == np.int16 else 1.0
        self._kept.append(_measure_power(mono))
        self._expected.append(scale / block.shape[1] * _measure_power(block))

    def find_fault(self):
        """Return what was measured of a track whose channels cancel, or None."""
        if not self._kept:
            return None
        kept, expected = np.concatenate(self._kept), np.concatenate(self._expected)
        has_sound = expected > SILENT_POWER
        cancelled = has_sound & (kept < MIN_KEPT_POWER * expected)
        share = cancelled.sum() / max(1, has_sound.sum())
        if share <= MAX_CANCELLED_SHARE:
            return None
        return (
            f"channels cancel out in {share:.0%} of the sound when they are averaged "
            f"(at most {MAX_CANCELLED_SHARE:.0%}): take one of them, with "
            "channel='left'"
        )


def _measure_power(block):
    """Return the mean power of windows, in any number of channels: (n_windows,)."""
    n_windows = max(1, len(block) // HOP_FRAMES)
    n_hop_frames = len(block) // n_windows
    rows = block[: n_windows * n_hop_frames].reshape(n_windows, n_hop_frames, -1)
    windows = rows[:, :WINDOW_FRAMES].astype(np.float32).reshape(n_windows, -1)
    return np.einsum("ij,ij->i", windows, windows) / windows.shape[1]

"""Tracks whose log-mel spectrograms are stored, instead of their audio.

Modules of its own, so that worker processes can import the extractor, and so that
finished fits are known again: what decides them includes the code of that class.
"""

import numpy as np
import scipy.fft

from skgenre import MFCCExtractor
from skgenre.features.analysis import Analysis

N_BANDS = 128
TRACK_SECONDS = 30
# Stored bytes 0 to 255 stand for this many decibels, up to the track's maximum.
RANGE_DB = 80


class MFCCFromLogMels(MFCCExtractor):
    """Segmented MFCCs of stored log-mel spectrograms, in the place of an MFCCExtractor.

    Takes paths of ``.npy`` files (128 bands, n_columns) of uint8, over 30 s. Its own
    parameters only: what decides a finished fit does not change with the extractor's.
    """

    def __init__(
        self,
        *,
        n_mfcc=13,
        segment_duration=3.0,
        n_segments=10,
        n_jobs=None,
        cache_dir=None,
        cache_key="stat",
        verbose=0,
    ):
        self.n_mfcc = n_mfcc
        self.segment_duration = segment_duration
        self.n_segments = n_segments
        self.n_jobs = n_jobs
        self.cache_dir = cache_dir
        self.cache_key = cache_key
        self.verbose = verbose

    def _check_parameters(self):
        if not 1 <= self.n_mfcc <= N_BANDS:
            raise ValueError(f"n_mfcc must be 1 to {N_BANDS}, got {self.n_mfcc!r}.")

    def analyse(self, X, *, strict=True, keep_features=True, progress=None):
        paths, features = [str(path) for path in X], []
        for path in paths if keep_features else ():
            decibels = np.load(path) / np.float32(255) * RANGE_DB - RANGE_DB
            frames = self.compute_frames(decibels)
            n_frames = int(self.segment_duration / TRACK_SECONDS * len(frames))
            n_segments = self.n_segments or len(frames) // n_frames
            segments = frames[: n_segments * n_frames].reshape(n_segments, n_frames, -1)
            features.append(segments.astype(np.float32))
        return Analysis(np.array(features), paths, {}, {})

    def compute_frames(self, decibels):
        """Features of each frame: (n_bands, n_frames) -> (n_frames, n_features)."""
        return scipy.fft.dct(decibels, axis=0, norm="ortho")[: self.n_mfcc].T

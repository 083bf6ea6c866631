"""The transformer from paths of audio files to segmented MFCCs."""

import math
from functools import partial
from typing import Any

from numpy.typing import ArrayLike, NDArray

from skgenre._typing import StrPath
from skgenre._validation import check_number, check_positive_integer
from skgenre.audio import HIGHEST_FILE_RATE
from skgenre.features.base import (
    BaseSegmentExtractor,
    SegmentAnalysis,
    check_costs,
)
from skgenre.features.output import check_n_names, name_coefficients
from skgenre.mfcc import compute_mfcc, count_frames
from skgenre.segments import count_segment_samples

# Part of the key of stored features: raise it when decoding or the kernel changes them.
ANALYSIS_VERSION = 4

# Upper limits, far beyond what makes sense: above them the features of one segment do
# not fit into memory, or float32 cannot hold them.
MAXIMA = {"sample_rate": HIGHEST_FILE_RATE, "n_fft": 2**20, "n_mels": 4096}

# Upper limits for an extractor in a model file, of what `_check_costs` names. The first
# takes 0.27 s for a track of 30 s (default: 195,000), the second 100 MB (328,000); the
# third is ten segments per second, the last 67 MB (16,900).
MAX_COSTS = (3e6, 2**23, 10, 2**24)

# Smallest distance between edges of mel filters, relative to the highest: closer edges
# are rounded to the same number, and the weights between them are NaN.
MIN_RELATIVE_SPACING = 1e-12


class MFCCExtractor(BaseSegmentExtractor):
    """Turn paths of audio files into segmented MFCCs.

    Each track is resampled to `sample_rate`, mixed to mono and cut into equal segments
    from its start; each segment's coefficients equal those of `librosa.feature.mfcc`
    called on that segment alone, whatever the batch, the order, `n_jobs` or the cache.

    The extractor is stateless: `fit` only checks the parameters.

    Parameters
    ----------
    sample_rate : int, default=22050
        Rate, in hertz, at which tracks are analysed.
    n_mfcc : int, default=13
        Number of coefficients.
    n_fft : int, default=2048
        Length of the analysis window, in samples.
    hop_length : int, default=512
        Distance between frames, in samples.
    n_mels : int, default=128
        Number of mel bands.
    fmin : float, default=0.0
        Lowest frequency, in hertz.
    fmax : float or None, default=None
        Highest frequency, in hertz; None is half the sample rate.
    segment_duration : float, default=3.0
        Length of a segment, in seconds. 3 s give 130 frames; the paper's 9 s give 388,
        since frames are centred (the paper writes 387).
    n_segments : int or None, default=10
        Number of segments taken from the start of each track; None takes all, and the
        longest track decides the size of the result.
    channel : {"mean", "left", "right"} or int, default="mean"
        The mean of all channels, or one of them, where the channels cancel out;
        numbers count from 0. Of a mono file, "left" and "right" are the same channel.
    n_jobs : int or None, default=None
        Number of tracks analysed at the same time, by joblib: in threads, unless
        ``joblib.parallel_config`` sets another backend.
    cache_dir : str, Path or None, default=None
        Folder in which the features of each file are kept, so that a search analyses
        each file once.
    cache_key : {"stat", "content"}, default="stat"
        How files are told apart in `cache_dir`. ``"stat"``: by real path, size and
        modification time, which is fast; another content under the same three goes
        unnoticed. ``"content"``: by the SHA-256 of the content, for which each file is
        read each time; moved and copied files are found again.
    mmap_dir : str, Path or None, default=None
        Folder for results too large for memory: `transform` writes each into a new
        ``.npy`` file there, track by track, and returns it memory-mapped, read-only.
        The files are the caller's to delete.
    verbose : int, default=0
        Above zero, a bar on standard error shows how many tracks are done.

    See Also
    --------
    TrackStatistics : Summary of each track's MFCCs, for classical models.
    MFCCScaler : Standardise MFCCs, for networks.

    Notes
    -----
    A track has a segment if the samples left suffice for all of its frames, that is
    ``(n_frames - 1) * hop_length`` samples (66,048 by default). The last segment may
    end with the file before its nominal length, as librosa would cut it. A segment that
    the track does not have is all NaN.

    Files are decoded in blocks, so that memory grows only with the result, which has
    8 MB per hour of a recording. For a single recording of more than two hours (16 MB),
    it is mapped from a temporary file, which disappears with the array.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import MFCCExtractor, make_genre_tracks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=7.0, random_state=0
    ...     )
    ...     MFCCExtractor(n_segments=2).transform(data.paths).shape
    (6, 2, 130, 13)
    """

    def __init__(
        self,
        *,
        sample_rate: int = 22050,
        n_mfcc: int = 13,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_mels: int = 128,
        fmin: float = 0.0,
        fmax: float | None = None,
        segment_duration: float = 3.0,
        n_segments: int | None = 10,
        channel: str | int = "mean",
        n_jobs: int | None = None,
        cache_dir: StrPath | None = None,
        cache_key: str = "stat",
        mmap_dir: StrPath | None = None,
        verbose: int = 0,
    ) -> None:
        self.sample_rate = sample_rate
        self.n_mfcc = n_mfcc
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.segment_duration = segment_duration
        self.n_segments = n_segments
        self.channel = channel
        self.n_jobs = n_jobs
        self.cache_dir = cache_dir
        self.cache_key = cache_key
        self.mmap_dir = mmap_dir
        self.verbose = verbose

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Return the names of the coefficients.

        Parameters
        ----------
        input_features : array-like of str of shape (1,), default=None
            Name of the column of paths; not used.

        Returns
        -------
        names : ndarray of str of shape (n_mfcc,)
            ``mfcc0``, ``mfcc1``, ..., the names of the last axis of the features.

        Raises
        ------
        ValueError
            `input_features` does not have one name.
        """
        if input_features is not None:
            check_n_names(input_features, 1)
        return name_coefficients(self.n_mfcc)

    def _describe_analysis(self):
        parameters = {
            "sample_rate": int(self.sample_rate),
            "n_mfcc": int(self.n_mfcc),
            "n_fft": int(self.n_fft),
            "hop_length": int(self.hop_length),
            "n_mels": int(self.n_mels),
            "fmin": float(self.fmin),
            "fmax": None if self.fmax is None else float(self.fmax),
        }
        n_fft, hop_length = parameters["n_fft"], parameters["hop_length"]
        n_samples = count_segment_samples(self.segment_duration, self.sample_rate)
        n_frames = count_frames(n_samples, n_fft=n_fft, hop_length=hop_length)
        return SegmentAnalysis(
            name="mfcc",
            parameters={**parameters, "version": ANALYSIS_VERSION},
            sample_rate=parameters["sample_rate"],
            # Centred, a window of odd length reaches one sample less far.
            n_required_samples=(n_frames - 1) * hop_length + n_fft % 2,
            segment_shape=(n_frames, parameters["n_mfcc"]),
            compute=partial(compute_mfcc, **parameters),
        )

    def _check_costs(self):
        n_fft, n_mels, n_mfcc = self.n_fft, self.n_mels, self.n_mfcc
        frame_rate = self.sample_rate / self.hop_length
        n_frames = (self.n_segments or 0) * (1 + frame_rate * self.segment_duration)
        costs = {
            "sample_rate / hop_length * (n_fft + n_mels * (16 + n_mfcc / 4))": (
                frame_rate * (n_fft + n_mels * (16 + n_mfcc / 4))
            ),
            "n_mels * (n_fft + 4 * n_mels)": n_mels * (n_fft + 4 * n_mels),
            "1 / segment_duration": 1 / self.segment_duration,
            "n_segments * n_frames * n_mfcc": n_frames * n_mfcc,
        }
        check_costs(costs, MAX_COSTS, kind="an MFCCExtractor")

    def _check_parameters(self):
        super()._check_parameters()
        for name in ("sample_rate", "n_mfcc", "n_fft", "hop_length", "n_mels"):
            check_positive_integer(getattr(self, name), name=name)
        for name, highest in MAXIMA.items():
            check_number(getattr(self, name), name=name, high=highest)
        n_samples = count_segment_samples(self.segment_duration, self.sample_rate)
        if n_samples < self.hop_length:
            raise ValueError(
                "segment_duration must be at least one hop_length "
                f"({self.hop_length / self.sample_rate:g} s), "
                f"got {self.segment_duration!r}."
            )
        if self.n_mfcc > self.n_mels:
            raise ValueError(
                f"n_mfcc must be at most n_mels={self.n_mels!r}, got {self.n_mfcc!r}."
            )
        self._check_band()

    def _check_band(self):
        """Refuse a band with which all features would be equal, or NaN."""
        nyquist = int(self.sample_rate) / 2
        check_number(self.fmin, name="fmin", low=0, high=nyquist, high_open=True)
        if self.fmax is not None:
            check_number(
                self.fmax, name="fmax", low=self.fmin, high=nyquist, low_open=True
            )
        fmin, fmax = float(self.fmin), float(self.fmax or nyquist)
        band = f"got fmin={self.fmin!r} and fmax={self.fmax!r}"
        if fmax - fmin <= MIN_RELATIVE_SPACING * fmax * (self.n_mels + 1):
            raise ValueError(
                f"fmin and fmax must be further apart, to have n_mels={self.n_mels!r} "
                f"filters between them, {band}."
            )
        step = self.sample_rate / self.n_fft
        if step * (math.floor(fmin / step) + 1) >= fmax:
            raise ValueError(
                "fmin and fmax must have a frequency of the FFT between them, a "
                f"multiple of sample_rate / n_fft = {step:g} Hz, {band}."
            )

"""What the transformers from audio files to features of segments have in common."""

import os
import warnings
from abc import abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skgenre._blocks import gather_rows
from skgenre._doc_links import DocLinkMixin
from skgenre._typing import Progress, StrPath, Tracks
from skgenre._validation import (
    check_choice,
    check_labels,
    check_n_jobs,
    check_number,
    check_positive_integer,
    check_progress,
    check_verbosity,
)
from skgenre.audio import (
    MAX_DURATION_SECONDS,
    AudioDecodeError,
    IncompleteAudioWarning,
    check_channel,
    list_sources,
    stream_audio,
)
from skgenre.features.analysis import (
    Analysis,
    TrackAnalysis,
    TrackArray,
    analyse_files,
    find_stacklevel,
)
from skgenre.features.feature_store import CACHE_KEYS, FeatureStore
from skgenre.features.output import ArrayOutputMixin, keep_index
from skgenre.segments import count_segment_samples, split_segments

# Parameters that change how and where the work is done, but not the features.
EXECUTION_PARAMETERS = (
    *("cache_dir", "cache_key", "mmap_dir", "n_jobs", "verbose", "weights_dir"),
)


class SegmentAnalysis(NamedTuple):
    """How an extractor computes the features of one segment.

    Attributes
    ----------
    name : str
        What the name of a file in `mmap_dir` begins with.
    parameters : dict
        What decides the features of a segment, in plain types, ``version`` included:
        with how tracks are cut, the key of stored features.
    sample_rate : int
        In hertz.
    n_required_samples : int
        Samples that suffice for the last segment of a track.
    segment_shape : tuple of int
        (n_frames, n_features).
    compute : callable
        Returns the features of a segment, float32, of that shape; can be pickled.
    """

    name: str
    parameters: dict[str, Any]
    sample_rate: int
    n_required_samples: int
    segment_shape: tuple[int, int]
    compute: Callable[..., Any]


class BaseSegmentExtractor(ArrayOutputMixin, DocLinkMixin, BaseEstimator):
    """Base of the transformers from paths of audio files to features of segments.

    A subclass has constructor parameters of the names below, says in
    `_describe_analysis` how it computes a segment, and checks its own parameters in
    `_check_parameters`. It is stateless: `fit` only checks.
    """

    segment_duration: float
    n_segments: int | None
    channel: str | int
    n_jobs: int | None
    cache_dir: StrPath | None
    cache_key: str
    mmap_dir: StrPath | None
    verbose: int

    def fit(self, X: Tracks, y: object = None) -> Self:
        """Check the parameters, the paths and the labels; nothing is learnt.

        No audio file is read.

        Parameters
        ----------
        X : sequence of str, Path, binary file or pair, of shape (n_tracks,)
            Audio files, as `transform` takes them.
        y : array-like of shape (n_tracks,), default=None
            Genres. Not used, but checked: a classifier behind the extractor would find
            mistakes in them only after all files are analysed.

        Returns
        -------
        self : object
            This extractor.

        Raises
        ------
        TypeError, ValueError
            A parameter is out of range, or `X` is not a sequence of audio; `y` has
            another length, a missing label, or one genre only.
        OSError
            The weights of a pretrained network are missing or cannot be read.
        """
        self._check_ready()
        sources = list_sources(X)
        if y is not None:
            check_labels(y, n_tracks=len(sources))
        return self

    def transform(self, X: Tracks) -> NDArray[Any]:
        """Compute the features of audio files.

        Parameters
        ----------
        X : sequence of str, Path, binary file or pair, of shape (n_tracks,)
            Paths of audio files: a list, array, Series or one-column frame. Or audio in
            memory, as `load_audio` takes it: binary files, such as uploads, and pairs
            (signal, sample_rate), which errors name by their position, as in ``X[3]``.

        Returns
        -------
        features : ndarray of shape (n_tracks, n_segments, n_frames, n_features)
            Float32; a segment that a track does not have is all NaN.

        Raises
        ------
        AudioDecodeError
            Some files cannot be analysed, or a path is missing (None, NaN or ""). The
            error names all of them, and is raised after every other file has been
            analysed and, with `cache_dir`, kept.
        concurrent.futures.process.BrokenProcessPool
            A worker process died. With `cache_dir`, what it had finished is kept.
        TypeError, ValueError
            A parameter is out of range, or `X` is not a sequence of audio. With
            ``n_segments=None``, the tracks differ so much in length that more than four
            times as many segments would be missing as present.
        OSError
            The result cannot be written into `mmap_dir` (of a recording of hours: into
            the folder of temporary files), the process or the system can open no more
            files, or the weights of a pretrained network are missing.

        Warns
        -----
        IncompleteAudioWarning
            Of some files only a part is there; their features are of that part. It
            names all of them, when they are read: features from `cache_dir` come
            without it.
        RuntimeWarning
            The system refuses to read or write in `cache_dir`: why, and of how many
            tracks. Their features are computed.
        """
        features = self.analyse(X).features
        return keep_index(self, features, X)

    def analyse(
        self,
        X: Tracks,
        *,
        strict: bool = True,
        keep_features: bool = True,
        progress: Progress = None,
    ) -> Analysis:
        """Compute the features of audio files, and say which files cannot be analysed.

        Parameters
        ----------
        X : sequence of str, Path, binary file or pair, of shape (n_tracks,)
            Audio files, as `transform` takes them.
        strict : bool, default=True
            Raise an error for files that cannot be analysed, as `transform` does; False
            leaves these files out.
        keep_features : bool, default=True
            Return the features; False only fills `cache_dir`.
        progress : callable or None, default=None
            Wraps an iterable like `tqdm`: ``progress(iterable, total=n_tracks,
            desc="analysing")`` yields its items, one per track.

        Returns
        -------
        analysis : Analysis
            Named tuple of `features`, the array that `transform` returns (empty without
            `keep_features`); `paths`, the files that they are of; `failures`, a dict
            with the reason for each other file, by path (``X[3]`` in memory); and
            `incomplete`, a dict with what is missing of files of which only a part is
            there.

        Raises
        ------
        AudioDecodeError
            With `strict`, some files cannot be analysed. Other errors are those of
            `transform`.

        Warns
        -----
        IncompleteAudioWarning, RuntimeWarning
            As by `transform`.
        """
        self._check_parameters()
        check_progress(progress)
        sources = list_sources(X)
        analysed = self._describe_analysis()
        n_segments = None if self.n_segments is None else int(self.n_segments)
        channel = self.channel if isinstance(self.channel, str) else int(self.channel)
        segment_duration = float(self.segment_duration)
        store = None
        if self.cache_dir is not None:
            key = {
                **analysed.parameters,
                "segment_duration": segment_duration,
                "n_segments": n_segments,
                # In any file, the left channel is the first.
                "channel": 0 if channel == "left" else channel,
            }
            store = FeatureStore(self.cache_dir, key, cache_key=self.cache_key)
        with ExitStack() as opened:
            tracks: Any = None
            if keep_features:
                array = TrackArray(
                    len(sources),
                    n_segments=n_segments,
                    segment_shape=analysed.segment_shape,
                    mmap_dir=self.mmap_dir,
                    name=analysed.name,
                )
                tracks = opened.enter_context(array)
            analysis = analyse_files(
                partial(
                    extract_segments,
                    analysed=analysed,
                    segment_duration=segment_duration,
                    n_segments=n_segments,
                    channel=channel,
                ),
                sources,
                store=store,
                check_kept=partial(
                    check_segments,
                    n_segments=n_segments,
                    segment_shape=analysed.segment_shape,
                ),
                features=tracks,
                keep_features=keep_features,
                n_jobs=self.n_jobs,
                verbose=self.verbose,
                progress=progress,
            )
            if analysis.incomplete:
                warnings.warn(
                    IncompleteAudioWarning(analysis.incomplete.items()),
                    stacklevel=find_stacklevel(),
                )
            if strict and analysis.failures:
                raise AudioDecodeError(analysis.failures.items())
            if not keep_features:
                return analysis
            array.finish(analysis.paths)
        return analysis._replace(features=array.load())

    @abstractmethod
    def _describe_analysis(self):
        """Return the SegmentAnalysis, of parameters that are in range.

        Raise here, before any file is read, for what is missing, such as weights.
        """

    @abstractmethod
    def _check_costs(self):
        """Refuse parameters that cost too much for any one track.

        Those of a stranger's model file decide what a prediction costs.
        """

    def _check_ready(self):
        """Refuse, before any file is read, what `transform` would refuse."""
        self._check_parameters()
        self._describe_analysis()

    def _check_parameters(self):
        if self.n_segments is not None:
            check_positive_integer(self.n_segments, name="n_segments")
        check_channel(self.channel)
        check_choice(self.cache_key, CACHE_KEYS, name="cache_key")
        check_verbosity(self.verbose)
        check_n_jobs(self.n_jobs)
        for name in ("cache_dir", "mmap_dir", "weights_dir"):
            folder = getattr(self, name, None)
            is_path = isinstance(folder, (str, os.PathLike)) and folder != ""
            if folder is not None and not is_path:
                raise ValueError(f"{name} must be None or a path, got {folder!r}.")
        check_number(
            self.segment_duration,
            name="segment_duration",
            low=0,
            low_open=True,
            high=MAX_DURATION_SECONDS / (self.n_segments or 1),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def list_extractors(model):
    """Return the extractors among a model and its parts."""
    parts = [model, *model.get_params().values()]
    return [part for part in parts if isinstance(part, BaseSegmentExtractor)]


def check_costs(costs, maxima, *, kind):
    """Refuse costs, by name, that exceed the `maxima`."""
    for (name, found), allowed in zip(costs.items(), maxima, strict=True):
        if found > allowed:
            raise ValueError(
                f"{name} of {kind} in a model file must be at most {allowed:.3g}, "
                f"got {found:.3g}"
            )


def extract_segments(audio, *, analysed, segment_duration, n_segments, channel):
    """Compute the features of a track: (n_present_segments, n_frames, n_features)."""
    sample_rate = analysed.sample_rate
    n_segment_samples = count_segment_samples(segment_duration, sample_rate)
    duration = None
    if n_segments is not None:
        duration = n_segments * n_segment_samples / sample_rate
    stream = stream_audio(
        audio, sample_rate=sample_rate, duration=duration, channel=channel
    )
    segments = split_segments(
        stream,
        n_segment_samples=n_segment_samples,
        n_required_samples=analysed.n_required_samples,
    )
    features = gather_rows(
        analysed.compute(segment)[np.newaxis] for segment in segments
    )
    if features is None:
        n_samples = stream.n_samples
        reason = (
            f"too short: {n_samples / sample_rate:.2f} s ({n_samples} samples at "
            f"{sample_rate} Hz), expected at least one segment of "
            f"{segment_duration:g} s ({analysed.n_required_samples} samples)"
        )
        if stream.incomplete is not None:
            reason += f"; the file {stream.incomplete}"
        raise AudioDecodeError([(stream.name, reason)])
    return TrackAnalysis(features, stream.decoder, stream.incomplete)


def check_segments(features, *, n_segments, segment_shape):
    """ValueError for an array that `extract_segments` cannot have returned."""
    n_present = len(features) if features.ndim else 0
    if (
        features.dtype != np.float32
        or not features.flags.c_contiguous
        or features.shape[1:] != segment_shape
        or not 1 <= n_present <= (n_segments or n_present)
    ):
        raise ValueError(
            f"{features.dtype} of shape {features.shape}, expected float32 in C order "
            f"of ({n_segments or 'n_segments'}, {segment_shape[0]}, {segment_shape[1]})"
        )
    if not np.isfinite(features).all():
        raise ValueError("values that are not finite")

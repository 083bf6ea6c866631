"""What a fitted model says of each segment of one recording, of any length."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from skgenre._io import printable
from skgenre._products import one_blas_thread
from skgenre.features import MFCCExtractor

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

    from skgenre._typing import StrPath


# Of more segments, only the first and the last are printed.
_N_PRINTED_SEGMENTS = 20


@dataclass(frozen=True, eq=False, repr=False)
class Timeline:
    """Probabilities of genres along a recording, and of the whole of it.

    Printed, it is a table of the segments, each with its most probable genre; of a long
    recording, of the first and last ten.

    Attributes
    ----------
    path : str
        The audio file.
    start : ndarray of shape (n_segments,)
        Where each segment begins, in seconds.
    end : ndarray of shape (n_segments,)
        Where it ends, in seconds. The last may end some milliseconds later than the
        recording, whose last frames are then incomplete.
    probabilities : ndarray of shape (n_segments, n_classes)
        Of each genre, segment by segment; of a model without `predict_proba`, one for
        the genre that it predicts and zero for the others.
    classes : ndarray of shape (n_classes,)
        The genres.
    track_probabilities : ndarray of shape (n_classes,)
        Those of the whole recording, as the model pools its segments.
    genre : object
        What the model predicts for the whole recording.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import Timeline
    >>> timeline = Timeline(
    ...     "song.wav",
    ...     start=np.array([0.0, 3.0]),
    ...     end=np.array([3.0, 6.0]),
    ...     probabilities=np.array([[0.9, 0.1], [0.4, 0.6]]),
    ...     classes=np.array(["blues", "rock"]),
    ...     track_probabilities=np.array([0.65, 0.35]),
    ...     genre="blues",
    ... )
    >>> timeline
    song.wav: blues, 2 segments
       start      end  genre  probability
        0.00     3.00  blues        0.900
        3.00     6.00  rock         0.600
    >>> print(timeline.to_frame())
       start  end  blues  rock
    0    0.0  3.0    0.9   0.1
    1    3.0  6.0    0.4   0.6
    """

    path: str
    start: np.ndarray
    end: np.ndarray
    probabilities: np.ndarray
    classes: np.ndarray
    track_probabilities: np.ndarray
    genre: object

    def to_frame(self) -> pd.DataFrame:
        """Make a table of the segments.

        Returns
        -------
        frame : pandas.DataFrame
            A row per segment: ``start``, ``end``, and a column of probabilities per
            genre.
        """
        import pandas as pd

        frame = pd.DataFrame(self.probabilities, columns=self.classes)
        frame.insert(0, "start", self.start, allow_duplicates=True)
        frame.insert(1, "end", self.end, allow_duplicates=True)
        return frame

    def __repr__(self):
        genres = [printable(genre) for genre in self.classes]
        width = max(map(len, ["genre", *genres]))
        rows = [
            f"{start:8.2f} {end:8.2f}  {genres[best]:{width}}  {p[best]:11.3f}"
            for start, end, p, best in zip(
                self.start,
                self.end,
                self.probabilities,
                self.probabilities.argmax(axis=1),
                strict=True,
            )
        ]
        n_segments, n_ends = len(rows), _N_PRINTED_SEGMENTS // 2
        if n_segments > _N_PRINTED_SEGMENTS:
            rows[n_ends:-n_ends] = [f"{'...':>8}"]
        return "\n".join(
            [
                f"{printable(self.path)}: {printable(self.genre)}, "
                f"{n_segments} segment{'s' * (n_segments != 1)}",
                f"{'start':>8} {'end':>8}  {'genre':{width}}  probability",
                *rows,
            ]
        )


@one_blas_thread()
def predict_timeline(model: Any, path: StrPath) -> Timeline:
    """Predict the genres of each segment of an audio file, from its start to its end.

    All segments are taken, whatever the ``n_segments`` of the model's MFCCExtractor.
    The file is read in blocks, so that only the features, 8 MB per hour, grow with its
    length.

    Parameters
    ----------
    model : estimator
        Fitted; predicts genres from paths: a pipeline that begins with an
        `MFCCExtractor`, or a search, calibrated classifier, vote or other
        meta-estimator around such pipelines.
    path : str or Path
        Audio file.

    Returns
    -------
    timeline : Timeline
        Times and probabilities of the segments, and of the whole recording.

    Raises
    ------
    AudioDecodeError
        The file cannot be analysed, or is shorter than a segment.
    TypeError
        `model` has no MFCCExtractor or does not predict; `path` is no path.
    ValueError
        `model` is not fitted, or joins pipelines whose segments differ in length.

    See Also
    --------
    SegmentTimelineDisplay : Draws a timeline.

    Notes
    -----
    A pipeline that ends with a classifier of tracks is asked for its
    `predict_segments_proba`. Any other model predicts each segment as if it were a
    track of that one segment: `TrackStatistics`, for one, then summarises the frames of
    a segment where it was fitted on those of whole tracks, so that such timelines are
    rougher than the model is on tracks.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import make_genre_tracks, make_model, predict_timeline
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=9.0, random_state=0
    ...     )
    ...     model = make_model("logistic", n_segments=1).fit(data.paths, data.target)
    ...     timeline = predict_timeline(model, data.paths[0])
    >>> timeline.end
    array([3., 6., 9.])
    >>> timeline.probabilities.shape
    (3, 2)
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a str or os.PathLike, got {path!r}.")
    path = os.fsdecode(path)
    recording = _Recording(path)
    model = getattr(model, "best_estimator_", model)
    tracks = _put_in(model, recording.as_track)
    if tracks is model or not hasattr(model, "predict"):
        raise TypeError(
            "model must predict from paths, as a fitted pipeline that begins with an "
            f"MFCCExtractor does, got {model!r}."
        )
    check_is_fitted(model)
    genre = tracks.predict([path])[0]
    track_probabilities = _predict_proba(tracks, [path])[0]
    probabilities = _predict_segments(model, tracks, recording)
    start = np.arange(len(probabilities)) * recording.find_segment_duration()
    return Timeline(
        path=path,
        start=start,
        end=start + recording.find_segment_duration(),
        probabilities=probabilities,
        classes=model.classes_,
        track_probabilities=track_probabilities,
        genre=genre,
    )


class _Recording:
    """All segments of one file, as each extractor of a model would have them."""

    def __init__(self, path):
        self.path = path
        self._analyses = {}

    def as_track(self, extractor):
        """One track: (1, n_segments, n_frames, n_mfcc)."""
        whole = clone(extractor).set_params(n_segments=None, mmap_dir=None)
        key = str(sorted(whole.get_params().items(), key=str))
        if key not in self._analyses:
            self._analyses[key] = extractor, whole.transform([self.path])
        return self._analyses[key][1]

    def as_tracks(self, extractor):
        """A track per segment: (n_segments, 1, n_frames, n_mfcc)."""
        return self.as_track(extractor)[0, : self.count_segments(), np.newaxis]

    def count_segments(self):
        """Segments that all extractors have found: rates may tell by the last one."""
        return min(features.shape[1] for _, features in self._analyses.values())

    def find_segment_duration(self):
        """Seconds of a segment; refuses extractors that do not agree on it."""
        extractors = [extractor for extractor, _ in self._analyses.values()]
        durations = sorted({extractor.segment_duration for extractor in extractors})
        if len(durations) > 1:
            raise ValueError(
                "model must cut tracks into segments of one length, got pipelines with "
                f"segment_duration={' and '.join(map(str, durations))}."
            )
        return float(durations[0])


class _StandIn(BaseEstimator):
    """In the place of an extractor: gives features of a recording, whatever X is."""

    def __init__(self, extractor, analyse):
        self.extractor = extractor
        self.analyse = analyse

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.analyse(self.extractor)

    def __sklearn_is_fitted__(self):
        return True


def _put_in(part, analyse):
    """The same model with stand-ins for its extractors; shares whatever holds none."""
    if isinstance(part, MFCCExtractor):
        return _StandIn(part, analyse)
    if isinstance(part, (list, tuple)):
        items = [_put_in(item, analyse) for item in part]
        same = all(new is old for new, old in zip(items, part, strict=True))
        return part if same else type(part)(items)
    # scikit-learn's calibrated classifiers are no estimators, but hold one.
    if not isinstance(part, BaseEstimator) and not hasattr(part, "estimator"):
        return part
    changed = {
        name: new
        for name, value in vars(part).items()
        if (new := _put_in(value, analyse)) is not value
    }
    if not changed:
        return part
    twin = copy.copy(part)
    vars(twin).update(changed)
    return twin


def _predict_segments(model, tracks, recording):
    last = tracks.steps[-1][1] if hasattr(tracks, "steps") else None
    if hasattr(last, "predict_segments_proba"):
        return last.predict_segments_proba(tracks[:-1].transform([recording.path]))[0]
    segments = _put_in(model, recording.as_tracks)
    return _predict_proba(segments, [recording.path] * recording.count_segments())


def _predict_proba(model, X):
    """Probabilities; of a model without them, one for what it predicts."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)
    return (model.predict(X)[:, np.newaxis] == model.classes_).astype(np.float64)

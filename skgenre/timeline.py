"""Genre probabilities along one recording of any length, segment by segment."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from skgenre._blocks import count_block_rows
from skgenre._io import counted, format_csv_row, printable
from skgenre._products import one_blas_thread
from skgenre._tables import write_html
from skgenre._typing import Audio
from skgenre._validation import check_choice
from skgenre.audio import make_source, name_source
from skgenre.features import BaseSegmentExtractor
from skgenre.track_classifier import BaseTrackClassifier, predict_tracks_and_segments

if TYPE_CHECKING:
    import pandas as pd


# Version of JAMS' schema that the labels follow.
_JAMS_VERSION = "0.3.5"
LABEL_FORMATS = ("audacity", "sonic-visualiser", "jams")

# A longer timeline is printed in part: its first and last segments.
_N_PRINTED_SEGMENTS = 20
_COLUMNS = ("start", "end", "genre", "probability")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Timeline:
    """Probabilities of genres along a recording, and of the whole recording.

    Printed, or in a notebook, it is a table of the segments, each with its most
    probable genre; of a long recording, of the first and last ten.

    Attributes
    ----------
    path : str
        The audio file; of one in memory its name, or ``"audio in memory"``.
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
    ...     path="song.wav",
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
            genre. Needs pandas, as in ``pip install 'skgenre[report]'``.
        """
        import pandas as pd

        frame = pd.DataFrame(self.probabilities, columns=self.classes)
        frame.insert(0, "start", self.start, allow_duplicates=True)
        frame.insert(1, "end", self.end, allow_duplicates=True)
        return frame

    def to_labels(self, format: Literal["audacity", "sonic-visualiser", "jams"]) -> str:
        """Write the timeline as labels for an annotation tool.

        Neighbouring segments of one genre, the most probable one of each, become one
        label, whose probability is the mean of theirs.

        Parameters
        ----------
        format : {"audacity", "sonic-visualiser", "jams"}
            - "audacity": label track, with a line of start, end and genre for each
              label, separated by tabs. In Audacity, choose File > Import > Labels.
            - "sonic-visualiser": comma-separated values, which Sonic Visualiser shows
              as regions at the height of their probability. Choose File > Import
              Annotation Layer. pandas reads them as well.
            - "jams": JSON, with an annotation of the namespace ``segment_open``. The
              package jams reads it.

        Returns
        -------
        text : str
            Content of the file, to be written in UTF-8. Times are seconds. A genre with
            a tab, a line feed or the like has it escaped, except in JSON.

        Raises
        ------
        ValueError
            `format` is none of the above.
        """
        check_choice(format, LABEL_FORMATS, name="format")
        best = self.probabilities.argmax(axis=1)
        labels = []  # start, end, genre, probability
        for number, segments in groupby(range(len(best)), key=best.__getitem__):
            rows = list(segments)
            probability = float(self.probabilities[rows, number].mean())
            start, end = float(self.start[rows[0]]), float(self.end[rows[-1]])
            labels.append((start, end, str(self.classes[number]), probability))
        if format == "jams":
            return _format_jams(labels)
        if format == "audacity":
            return "".join(
                f"{start:.6f}\t{end:.6f}\t{printable(genre)}\n"
                for start, end, genre, _ in labels
            )
        # Sonic Visualiser tells the columns by these names, and seconds by the points.
        rows = [("TIME", "VALUE", "DURATION", "LABEL")]
        rows += [
            (f"{start:.6f}", f"{p:.6f}", f"{end - start:.6f}", printable(genre))
            for start, end, genre, p in labels
        ]
        return "".join(map(format_csv_row, rows))

    def __repr__(self):
        head, rows = self._tabulate()
        width = max(len(genre) for _, _, genre, _ in [_COLUMNS, *rows])
        lines = [
            f"{start:>8} {end:>8}  {genre:{width}}  {probability:>11}".rstrip()
            for start, end, genre, probability in [_COLUMNS, *rows]
        ]
        return "\n".join([head, *lines])

    def _repr_html_(self):
        head, rows = self._tabulate()
        return f"<p>{escape(head)}</p>\n{write_html(_COLUMNS, rows, text_columns=[2])}"

    def _tabulate(self):
        """Return a line on the recording, and rows of texts on its segments."""
        segments = zip(self.start, self.end, self.probabilities, strict=True)
        rows = [
            (
                f"{start:.2f}",
                f"{end:.2f}",
                printable(self.classes[p.argmax()]),
                f"{p.max():.3f}",
            )
            for start, end, p in segments
        ]
        n_segments, n_ends = len(rows), _N_PRINTED_SEGMENTS // 2
        if n_segments > _N_PRINTED_SEGMENTS:
            rows[n_ends:-n_ends] = [("...", "", "", "")]
        head = (
            f"{printable(self.path)}: {printable(self.genre)}, "
            f"{counted(n_segments, 'segment')}"
        )
        return head, rows


@one_blas_thread()
def predict_timeline(model: Any, audio: Audio) -> Timeline:
    """Predict the genres of each segment of an audio file, from its start to its end.

    All segments are taken, whatever the ``n_segments`` of the model's extractor.
    The file is read and predicted in blocks, so that memory hardly grows with its
    length: the features of more than two hours are kept in a temporary file meanwhile.

    Parameters
    ----------
    model : estimator
        Fitted; predicts genres from paths: a pipeline that begins with an
        `MFCCExtractor`, a `MusicnnEmbedding` or a `SegmentUnion` of such, or a search,
        calibrated classifier, vote or other meta-estimator around such pipelines.
    audio : str, Path, binary file or pair (signal, sample_rate)
        Audio file, or audio in memory, as `load_audio` takes it.

    Returns
    -------
    timeline : Timeline
        Times and probabilities of the segments, and of the whole recording.

    Raises
    ------
    AudioDecodeError
        The file cannot be analysed, or is shorter than a segment.
    TypeError
        `model` has no extractor or does not predict; `audio` is neither a path nor
        audio.
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
    source = make_source(audio)
    model = getattr(model, "best_estimator_", model)
    # Pairs: extractor of all segments, features (1, n_segments, n_frames, n_mfcc).
    analyses: list[tuple[BaseSegmentExtractor, np.ndarray]] = []

    def analyse(extractor):
        whole = clone(extractor).set_params(n_segments=None, mmap_dir=None)
        for known, features in analyses:
            if known.get_params() == whole.get_params():
                return features
        features = whole.transform([source])
        analyses.append((whole, features))
        return features

    tracks = replace_extractors(model, lambda e: _KnownFeatures(e, analyse))
    if tracks is model or not hasattr(model, "predict"):
        raise TypeError(
            "model must predict from paths, as a fitted pipeline that begins with an "
            f"MFCCExtractor does, got {model!r}."
        )
    check_is_fitted(model)
    last = tracks.steps[-1][1] if hasattr(tracks, "steps") else None
    if isinstance(last, BaseTrackClassifier):
        pooled, segments = predict_tracks_and_segments(tracks, [source])
        probabilities, track_probabilities = segments[0], pooled[0]
        genre = model.classes_[track_probabilities.argmax()]
    else:
        genre = tracks.predict([source])[0]
        track_probabilities = _predict_proba(tracks, [source])[0]
        # Segments that all extractors have found: the last one may be whole at one
        # sample rate, and a sample short at another.
        n_segments = min(features.shape[1] for _, features in analyses)
        n_rows = count_block_rows(max(known[0, 0].nbytes for _, known in analyses))
        blocks = []
        for start in range(0, n_segments, n_rows):
            rows = slice(start, min(start + n_rows, n_segments))
            segments = replace_extractors(
                model,
                lambda extractor, rows=rows: _KnownFeatures(
                    extractor, lambda e: analyse(e)[0, rows, np.newaxis]
                ),
            )
            n_in_block = rows.stop - rows.start
            blocks.append(_predict_proba(segments, [source] * n_in_block))
        probabilities = np.concatenate(blocks)
    durations = sorted({extractor.segment_duration for extractor, _ in analyses})
    if len(durations) > 1:
        raise ValueError(
            "model must cut tracks into segments of one length, got pipelines with "
            f"segment_duration={' and '.join(map(str, durations))}."
        )
    start = np.arange(len(probabilities)) * float(durations[0])
    return Timeline(
        path=name_source(source),
        start=start,
        end=start + float(durations[0]),
        probabilities=probabilities,
        classes=model.classes_,
        track_probabilities=track_probabilities,
        genre=genre,
    )


def _format_jams(labels):
    from skgenre import __version__

    end = max((end for _, end, _, _ in labels), default=0.0)
    annotation = {
        "namespace": "segment_open",
        "data": [
            {"time": start, "duration": end - start, "value": genre, "confidence": p}
            for start, end, genre, p in labels
        ],
        "annotation_metadata": {
            "annotation_tools": f"skgenre {__version__}",
            "data_source": "program",
        },
        "sandbox": {},
        "time": 0.0,
        "duration": end,
    }
    # What is known of the recording: without a length, it would not be valid.
    recording = {"duration": end, "jams_version": _JAMS_VERSION, "identifiers": {}}
    content = {"annotations": [annotation], "file_metadata": recording, "sandbox": {}}
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


class _KnownFeatures(BaseEstimator):
    """Replace an extractor: transform anything to features that are known."""

    def __init__(self, extractor, analyse):
        self.extractor = extractor
        self.analyse = analyse

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.analyse(self.extractor)

    def __sklearn_is_fitted__(self):
        return True


def replace_extractors(part, make):
    """Copy a model with ``make(extractor)`` for each; share all that holds none.

    A model may hold its pipelines anywhere (votes, calibrated classifiers), and rows of
    segments reach them in no other way: only a track has a path.
    """
    if isinstance(part, BaseSegmentExtractor):
        return make(part)
    if isinstance(part, (list, tuple)):
        items = [replace_extractors(item, make) for item in part]
        same = all(new is old for new, old in zip(items, part, strict=True))
        return part if same else type(part)(items)
    # scikit-learn's calibrated classifiers are not estimators, but hold one.
    if not isinstance(part, BaseEstimator) and not hasattr(part, "estimator"):
        return part
    replaced = {
        name: new
        for name, value in vars(part).items()
        if (new := replace_extractors(value, make)) is not value
    }
    if not replaced:
        return part
    copied = copy.copy(part)
    vars(copied).update(replaced)
    return copied


def _predict_proba(model, X):
    """Return probabilities; without `predict_proba`, 1.0 for the predicted genre."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)
    return (model.predict(X)[:, np.newaxis] == model.classes_).astype(np.float64)

"""The transformer that joins features of the same segments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgenre._compat import JoiningUnion
from skgenre._doc_links import DocLinkMixin
from skgenre.features import list_extractors
from skgenre.features.output import ArrayOutputMixin, keep_index
from skgenre.segments import present_segments


class SegmentUnion(DocLinkMixin, JoiningUnion, ArrayOutputMixin):
    """Join the features of several transformers, segment by segment.

    `sklearn.pipeline.FeatureUnion` for features of four axes: they are joined along the
    last one. A segment that one part lacks is missing in the result. Where all segments
    are taken (``n_segments=None``), one part may find one segment more than another, as
    sample rates differ: that one is left out. The result is in memory, also where a
    part has an `mmap_dir`.

    Parameters
    ----------
    transformer_list : list of (str, transformer) tuples
        Extractors, or pipelines that begin with one, of the same `segment_duration` and
        `n_segments`, and with the same number of frames in their result:
        `SegmentStatistics` makes one of each segment's. Also other transformers of
        features, and ``"drop"``.
    n_jobs : int or None, default=None
        Number of parts that work at the same time, by joblib.
    transformer_weights : dict of str to float, default=None
        Factors of the features, by the name of the part.
    verbose : bool, default=False
        Print the time that each part takes in `fit`.
    verbose_feature_names_out : bool, default=True
        Let names of features begin with the name of their part.

    See Also
    --------
    MusicnnEmbedding : Features of pretrained networks.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import MFCCScaler, SegmentStatistics, SegmentUnion
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 20, 2))
    >>> union = SegmentUnion(
    ...     [
    ...         ("means", SegmentStatistics(statistics=("mean",))),
    ...         ("deviations", SegmentStatistics(statistics=("std",))),
    ...     ]
    ... )
    >>> union.fit_transform(X).shape
    (8, 3, 1, 4)
    >>> union.get_feature_names_out()[-1]
    'deviations__mfcc1_std'
    """

    def fit(self, X: Any, y: object = None, **fit_params: Any) -> SegmentUnion:
        """Fit all parts.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            What the parts take: paths of audio files, as a rule.
        y : array-like of shape (n_tracks,), default=None
            Genres.
        **fit_params : dict
            Metadata for the parts, as in `sklearn.pipeline.FeatureUnion`.

        Returns
        -------
        self : object
            The fitted union.

        Raises
        ------
        TypeError, ValueError
            A parameter of a part is out of range; parts cut tracks into other segments.
        """
        self._check_ready()
        return super().fit(X, y, **fit_params)

    def fit_transform(self, X: Any, y: object = None, **params: Any) -> NDArray[Any]:
        """Fit all parts, and join what they make of the tracks.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            What the parts take: paths of audio files, as a rule.
        y : array-like of shape (n_tracks,), default=None
            Genres.
        **params : dict
            Metadata for the parts, as in `sklearn.pipeline.FeatureUnion`.

        Returns
        -------
        features : ndarray of shape (n_tracks, n_segments, n_frames, n_features)
            The features; a segment that is missing in one part is all NaN.

        Raises
        ------
        TypeError, ValueError
            As by `fit`; features of the parts differ in their number of tracks,
            segments or frames.
        """
        self._check_ready()
        return keep_index(self, super().fit_transform(X, y, **params), X)

    def transform(self, X: Any, **params: Any) -> NDArray[Any]:
        """Join what the parts make of the tracks.

        Parameters
        ----------
        X : array-like of shape (n_tracks, ...)
            What the parts take: paths of audio files, as a rule.
        **params : dict
            Metadata for the parts, as in `sklearn.pipeline.FeatureUnion`.

        Returns
        -------
        features : ndarray of shape (n_tracks, n_segments, n_frames, n_features)
            The features; a segment that is missing in one part is all NaN.

        Raises
        ------
        TypeError, ValueError
            As by `fit_transform`.
        """
        self._check_ready()
        return keep_index(self, super().transform(X, **params), X)

    def _check_ready(self):
        """Refuse, before any part reads a file, what one of them would refuse."""
        self._check_parameters()
        for extractor in list_extractors(self):
            extractor._check_ready()

    def _check_parameters(self):
        extractors = list_extractors(self)
        for name in ("segment_duration", "n_segments"):
            found = [getattr(extractor, name) for extractor in extractors]
            others = [value for value in found if value != found[0]]
            if others:
                raise ValueError(
                    f"all parts of a SegmentUnion must have the same {name}, got "
                    f"{found[0]!r} and {others[0]!r}."
                )

    def _join(self, parts):
        names = [name for name, part in self.transformer_list if part != "drop"]
        return join_segments(dict(zip(names, parts, strict=True)))


def join_segments(parts):
    """Join features (n_tracks, n_segments, n_frames, n_features), by the part's name.

    A segment that one part lacks is missing. Only the number of segments may differ, by
    one: sample rates are rounded.
    """
    arrays = list(map(np.asarray, parts.values()))
    shapes = [array.shape for array in arrays]
    listed = ", ".join(map("{} of {}".format, shapes, parts))
    if {len(shape) for shape in shapes} != {4} or (
        len({(n_tracks, n_frames) for n_tracks, _, n_frames, _ in shapes}) > 1
    ):
        raise ValueError(
            "all parts of a SegmentUnion must return features of shape (n_tracks, "
            "n_segments, n_frames, n_features), of as many tracks and frames, got "
            f"{listed}. SegmentStatistics makes one frame of each segment's."
        )
    counts = [shape[1] for shape in shapes]
    if max(counts) - min(counts) > 1:
        raise ValueError(
            f"all parts of a SegmentUnion must return as many segments, got {listed}."
        )
    arrays = [array[:, : min(counts)] for array in arrays]
    joined = np.concatenate(arrays, axis=-1)
    for array in arrays:
        joined[~present_segments(array)] = np.nan
    return joined

"""The transformer from paths of audio files to features of pretrained networks."""

import os
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skgenre._typing import StrPath
from skgenre._validation import check_choice
from skgenre.features.base import (
    BaseSegmentExtractor,
    SegmentAnalysis,
    check_costs,
)
from skgenre.features.output import check_n_names
from skgenre.pretrained.network import (
    HOP_LENGTH,
    LAYERS,
    N_VGG_FRAMES,
    SAMPLE_RATE,
    compute_log_mel,
    count_features,
    make_network,
)
from skgenre.pretrained.tags import TAGS
from skgenre.pretrained.weights import MODELS, load_weights
from skgenre.segments import count_segment_samples

# Part of the key of stored features: raise it when decoding, the spectrogram or the
# network changes them.
EMBEDDING_VERSION = 1

# Upper limits in a model file, of what `_check_costs` names. A segment of a minute
# takes 100 MB; four segments per second 0.5 s for a track of 30 s (default: 0.13); the
# last is 67 MB.
MAX_COSTS = (60, 4, 2**24)


class MusicnnEmbedding(BaseSegmentExtractor):
    """Turn paths of audio files into features of networks trained to tag music.

    Each track is resampled to 16 kHz, mixed to mono and cut into equal segments from
    its start, as by `MFCCExtractor`. Of each segment a convolutional network of musicnn
    computes one feature vector, whatever the batch, the order, `n_jobs` or the cache.
    Neither musicnn nor TensorFlow is imported.

    The transformer is stateless: `fit` only checks the parameters and finds the
    weights.

    Parameters
    ----------
    model : {"MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg"}, default="MTT_musicnn"
        The network, and what it was trained on: MagnaTagATune (MTT, 19,000 clips) or
        the Million Song Dataset (MSD, 200,000 songs).
    layer : str, default="penultimate"
        What becomes the features: ``"penultimate"``, the input of the last layer;
        ``"logits"``, its 50 outputs; ``"tags"``, these as probabilities; of the musicnn
        models also ``"max_pool"`` and ``"mean_pool"``, the maxima and the means over
        time from which the dense layers start.
    n_segments : int or None, default=10
        Number of segments taken from the start of each track; None takes all, and the
        longest track decides the size of the result.
    segment_duration : float, default=3.0
        Length of a segment, in seconds. The networks were trained on 3 s; the vgg
        models take nothing else.
    channel : {"mean", "left", "right"} or int, default="mean"
        The mean of all channels, or one of them, where the channels cancel out;
        numbers count from 0. Of a mono file, "left" and "right" are the same channel.
    weights_dir : str, Path or None, default=None
        Folder of the weights; None looks where `fetch_musicnn` puts them, and then for
        an installed musicnn.
    n_jobs : int or None, default=None
        Number of tracks analysed at the same time, by joblib: in threads, unless
        ``joblib.parallel_config`` sets another backend.
    cache_dir : str, Path or None, default=None
        Folder in which the features of each file are kept, so that a search analyses
        each file once.
    cache_key : {"stat", "content"}, default="stat"
        How files are told apart in `cache_dir`, as in `MFCCExtractor`.
    mmap_dir : str, Path or None, default=None
        Folder for results too large for memory: `transform` writes each into a new
        ``.npy`` file there, track by track, and returns it memory-mapped, read-only.
        The files are the caller's to delete.
    verbose : int, default=0
        Above zero, a bar on standard error shows how many tracks are done.

    Attributes
    ----------
    tag_names_ : tuple of str
        The tags, in the order of the features; also before `fit`. Only the layers
        ``"logits"`` and ``"tags"`` have it.

    See Also
    --------
    SegmentUnion : Join these features with others of the same segments.
    MFCCExtractor : Features that need no weights.

    Notes
    -----
    A track has a segment if the samples left suffice for all of its frames: 47,872 at
    16 kHz, or 2.992 s, by default. A segment that the track does not have is all NaN.

    References
    ----------
    J. Pons, X. Serra: musicnn: pre-trained convolutional neural networks for music
    audio tagging. ISMIR late-breaking session, 2019.

    Examples
    --------
    >>> from skgenre import MusicnnEmbedding
    >>> MusicnnEmbedding(layer="tags").get_feature_names_out()[:3]
    array(['guitar', 'classical', 'slow'], dtype=object)
    """

    def __init__(
        self,
        model: str = "MTT_musicnn",
        *,
        layer: str = "penultimate",
        n_segments: int | None = 10,
        segment_duration: float = 3.0,
        channel: str | int = "mean",
        weights_dir: StrPath | None = None,
        n_jobs: int | None = None,
        cache_dir: StrPath | None = None,
        cache_key: str = "stat",
        mmap_dir: StrPath | None = None,
        verbose: int = 0,
    ) -> None:
        self.model = model
        self.layer = layer
        self.n_segments = n_segments
        self.segment_duration = segment_duration
        self.channel = channel
        self.weights_dir = weights_dir
        self.n_jobs = n_jobs
        self.cache_dir = cache_dir
        self.cache_key = cache_key
        self.mmap_dir = mmap_dir
        self.verbose = verbose

    @property
    def tag_names_(self) -> tuple[str, ...]:
        """The tags, in the order of the features."""
        if self.layer not in ("logits", "tags") or self.model not in MODELS:
            raise AttributeError(
                f"layer={self.layer!r} of model={self.model!r} has no tag_names_; "
                f"'logits' and 'tags' of {', '.join(map(repr, MODELS))} have."
            )
        return TAGS[self.model.partition("_")[0]]

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Return the names of the features.

        Parameters
        ----------
        input_features : array-like of str of shape (1,), default=None
            Name of the column of paths; not used.

        Returns
        -------
        names : ndarray of str of shape (n_features,)
            The tags, for the layers ``"logits"`` and ``"tags"``; else numbered, as in
            ``penultimate0``.

        Raises
        ------
        ValueError
            `input_features` does not have one name; `model` or `layer` is unknown.
        """
        self._check_parameters()
        if input_features is not None:
            check_n_names(input_features, 1)
        n_features = count_features(self.model, self.layer)
        names = getattr(self, "tag_names_", None)
        if names is None:
            names = [f"{self.layer}{number}" for number in range(n_features)]
        return np.array(names, dtype=object)

    def _describe_analysis(self):
        weights_dir = None if self.weights_dir is None else os.fspath(self.weights_dir)
        parameters = {"model": self.model, "layer": self.layer}
        # Missing weights are an error here, not once per track.
        load_network(self.model, weights_dir)
        return SegmentAnalysis(
            name="musicnn",
            parameters={**parameters, "version": EMBEDDING_VERSION},
            sample_rate=SAMPLE_RATE,
            n_required_samples=self._count_frames() * HOP_LENGTH,
            segment_shape=(1, count_features(self.model, self.layer)),
            compute=partial(compute_embedding, weights_dir=weights_dir, **parameters),
        )

    def _check_costs(self):
        n_features = count_features(self.model, self.layer)
        costs = {
            "segment_duration": self.segment_duration,
            "1 / segment_duration": 1 / self.segment_duration,
            "n_segments * n_features": (self.n_segments or 0) * n_features,
        }
        check_costs(costs, MAX_COSTS, kind="a MusicnnEmbedding")

    def _check_parameters(self):
        super()._check_parameters()
        check_choice(self.model, MODELS, name="model")
        kind = self.model.partition("_")[2]
        check_choice(self.layer, LAYERS[kind], name="layer")
        n_frames = self._count_frames()
        if n_frames < 1 or (kind == "vgg" and n_frames != N_VGG_FRAMES):
            expected = (
                "3.0" if kind == "vgg" else f"at least {HOP_LENGTH / SAMPLE_RATE}"
            )
            raise ValueError(
                f"segment_duration must be {expected} for model={self.model!r}, got "
                f"{self.segment_duration!r}."
            )

    def _count_frames(self):
        return count_segment_samples(self.segment_duration, SAMPLE_RATE) // HOP_LENGTH


@lru_cache(maxsize=len(MODELS))
def load_network(model, weights_dir):
    """Return a network; a process makes it once, and its threads share it."""
    return make_network(model, load_weights(model, weights_dir))


def compute_embedding(segment, *, model, layer, weights_dir):
    """Compute the features of one segment: (n_samples,) -> (1, n_features)."""
    network = load_network(model, weights_dir)
    return network.compute(compute_log_mel(segment), layer)[np.newaxis]

"""Pipelines by name, from paths of audio files to genres."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgenre._validation import check_choice
from skgenre.features import (
    BaseSegmentExtractor,
    MFCCExtractor,
    MFCCScaler,
    MusicnnEmbedding,
    SegmentStatistics,
    TrackStatistics,
)
from skgenre.keras_classifiers import (
    CNNGenreClassifier,
    CovarianceGenreClassifier,
    LSTMGenreClassifier,
    MLPGenreClassifier,
)
from skgenre.segment_union import SegmentUnion
from skgenre.track_classifier import SegmentPoolingClassifier

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def _on_statistics(classifier):
    return TrackStatistics(), StandardScaler(), classifier


def _make_lda():
    # Logarithms make the deviations more nearly normal, as this model assumes them.
    statistics = TrackStatistics(statistics=("mean", "log_std", "delta_log_std"))
    return statistics, LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _pool_logistic():
    # Strongly regularised: a track's segments are nearly one observation.
    classifier = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    return SegmentPoolingClassifier(
        make_pipeline(StandardScaler(), classifier), pooling="geometric"
    )


_OF_SEGMENTS = (
    *("mean", "log_std", "log_covariance", "context_log_covariance"),
    "change_log_std",
)


def _join_embedding():
    statistics = make_pipeline(
        MFCCExtractor(n_mfcc=40), SegmentStatistics(statistics=_OF_SEGMENTS)
    )
    return SegmentUnion([("embedding", MusicnnEmbedding()), ("mfcc", statistics)])


def _make_embedding_mlp():
    mlp = MLPGenreClassifier(
        hidden_layer_sizes=(64,),
        dropout=0.5,
        l2=0.01,
        learning_rate=1e-3,
        epochs=30,
        class_weight="balanced",
        pooling="geometric",
    )
    # Statistics have scales of their own.
    return _join_embedding(), MFCCScaler(), mlp


# The steps that follow the extraction of MFCCs.
_STEPS = {
    "mlp": lambda: (MLPGenreClassifier(),),
    "mlp-regularized": lambda: (MLPGenreClassifier(l2=0.001, dropout=0.3),),
    "cnn": lambda: (CNNGenreClassifier(),),
    "lstm": lambda: (LSTMGenreClassifier(),),
    "covariance": lambda: (CovarianceGenreClassifier(class_weight="balanced"),),
    "logistic": lambda: _on_statistics(LogisticRegression(max_iter=2000)),
    "logistic-segments": lambda: (
        SegmentStatistics(statistics=_OF_SEGMENTS),
        _pool_logistic(),
    ),
    "lda": _make_lda,
    "svm": lambda: _on_statistics(SVC(kernel="rbf")),
    "forest": lambda: _on_statistics(RandomForestClassifier(n_estimators=300)),
    "knn": lambda: _on_statistics(KNeighborsClassifier()),
    "dummy": lambda: _on_statistics(DummyClassifier()),
}
# Whole models on pretrained features, whose weights are not in the package.
_PRETRAINED = {
    "embedding": lambda: (_join_embedding(), _pool_logistic()),
    "embedding-mlp": _make_embedding_mlp,
}
PRETRAINED_NAMES = tuple(_PRETRAINED)
MODEL_NAMES = (*_STEPS, *PRETRAINED_NAMES)

# Coefficients of the models that gain by more than the paper's 13.
_N_MFCC = {"covariance": 40, "logistic-segments": 40}


def make_model(name: str, **parameters: Any) -> Pipeline:
    """Return a pipeline from paths of audio files to genres.

    Parameters
    ----------
    name : str
        One of the paper's networks, on MFCCs: ``mlp``, ``mlp-regularized``, ``cnn``,
        ``lstm``; ``covariance``, the network for new artists; or a classical model on
        each track's standardised statistics: ``logistic`` (regression), ``lda``
        (shrunken linear discriminants), ``svm`` (RBF kernel), ``forest`` (random
        forest), ``knn`` (nearest neighbours), ``dummy`` (the most frequent genre);
        ``logistic-segments`` is trained on the statistics of segments, whose
        probabilities are pooled. The covariance network and ``logistic-segments`` take
        40 coefficients, the others 13. ``embedding`` is ``logistic-segments`` with the
        features of a pretrained network besides: a `MusicnnEmbedding`, whose weights
        must be there (``model="MSD_musicnn"`` takes other ones); ``embedding-mlp`` is a
        small network on the same features.
    **parameters : dict
        Parameters of the pipeline's steps, by their name alone (``epochs=30``) or,
        where several steps have one of that name, with the step's
        (``mfccextractor__n_jobs=2``). One that several extractors of a step have
        (``cache_dir``, ``n_segments``) is set in all of them.

    Returns
    -------
    model : sklearn.pipeline.Pipeline
        Not fitted yet.

    Raises
    ------
    ValueError
        The name is unknown; no step, or more than one, has a parameter of that name.

    Examples
    --------
    >>> from skgenre import make_model
    >>> model = make_model("cnn", epochs=30, n_mfcc=20)
    >>> [name for name, _ in model.steps]
    ['mfccextractor', 'cnngenreclassifier']
    >>> model.get_params()["mfccextractor__n_mfcc"]
    20
    """
    check_choice(name, MODEL_NAMES, name="name")
    if name in _PRETRAINED:
        model = make_pipeline(*_PRETRAINED[name]())
    else:
        extractor = MFCCExtractor(n_mfcc=_N_MFCC.get(name, 13))
        model = make_pipeline(extractor, *_STEPS[name]())
    return model.set_params(
        **{
            full: value
            for key, value in parameters.items()
            for full in _full_names(model, key)
        }
    )


def _full_names(model, parameter):
    """Names, with their steps, of what a parameter given with or without them sets."""
    values = model.get_params()
    known = [key for key in values if "__" in key]
    if parameter in known:
        return [parameter]
    # Per step: its extractors together, or else the step itself; or else its parts.
    direct, nested = {}, []
    for key in known:
        step, _, name = key.partition("__")
        owner, _, last = key.rpartition("__")
        if last == parameter and isinstance(values.get(owner), BaseSegmentExtractor):
            direct.setdefault(step, {}).setdefault("extractors", []).append(key)
        elif name == parameter:
            direct.setdefault(step, {})["step"] = [key]
        elif last == parameter:
            nested.append([key])
    matching = [
        keys.get("extractors") or keys["step"] for keys in direct.values()
    ] or nested
    if len(matching) > 1:
        raise ValueError(
            f"{parameter!r} is a parameter of several steps: use one of "
            f"{', '.join(itertools.chain(*matching))}."
        )
    if not matching:
        names = sorted({key.rpartition("__")[2] for key in known})
        raise ValueError(
            f"{parameter!r} is not a parameter of the model's steps, which have: "
            f"{', '.join(names)}."
        )
    return matching[0]

"""A fit that is refused or fails leaves every estimator as it was."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal, assert_equal
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression

import skgenre
from skgenre import (
    BaseTrackClassifier,
    CNNGenreClassifier,
    CovarianceGenreClassifier,
    KerasGenreClassifier,
    LSTMGenreClassifier,
    MFCCScaler,
    MLPGenreClassifier,
    SegmentPoolingClassifier,
    SegmentStatistics,
    TrackStatistics,
)

FAST = {"learning_rate": 0.02, "epochs": 2, "batch_size": 8, "random_state": 0}


def build(input_shape, n_classes, fails=False):
    from keras import Sequential, layers

    if fails:
        raise KeyboardInterrupt
    return Sequential([layers.Flatten(), layers.Dense(n_classes, "softmax")])


class Half(LogisticRegression):
    """Fails with its last attributes set, for tracks of genre "q"."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        if "q" in y:
            raise KeyboardInterrupt
        return self


class OwnClassifier(BaseTrackClassifier):
    """A user's subclass, which counts its fits."""

    def __init__(self, *, pooling="mean"):
        self.pooling = pooling

    def _fit_segments(self, segments, y, sample_weight, tracks):
        self.n_fits_ = getattr(self, "n_fits_", 0) + 1
        self.model_ = Half().fit(
            segments.reshape(len(segments), -1), self.classes_[y], sample_weight
        )

    def _predict_segments(self, segments):
        return self.model_.predict_proba(segments.reshape(len(segments), -1))


POOLED = SegmentPoolingClassifier(Half())
NETWORKS = [
    MLPGenreClassifier(hidden_layer_sizes=(4,), **FAST),
    CNNGenreClassifier(filters=(2,), kernel_sizes=((2, 2),), padding="same", **FAST),
    LSTMGenreClassifier(units=(2,), dense_units=2, **FAST),
    CovarianceGenreClassifier(hidden_units=2, **FAST),
    KerasGenreClassifier(build, build__fails=False, **FAST),
]
TRANSFORMERS = [MFCCScaler(), TrackStatistics(), SegmentStatistics()]
CLASSIFIERS = [OwnClassifier(), POOLED, *NETWORKS]
OTHER = {"y": np.repeat(["p", "q"], 6)}


def name_of(estimator):
    return type(estimator).__name__


def test_every_public_estimator_is_tried():
    tried = {name_of(estimator) for estimator in [*CLASSIFIERS, *TRANSFORMERS]}
    public = [getattr(skgenre, name) for name in skgenre.__all__]
    estimators = {
        one.__name__
        for one in public
        if isinstance(one, type) and issubclass(one, BaseEstimator)
    }
    # The base has no fit of its own to try; extractors learn nothing; a union fits one
    # part after the other, as scikit-learn's unions and pipelines do.
    left_out = {"BaseTrackClassifier", "MFCCExtractor", "MusicnnEmbedding"}
    assert estimators - tried == {*left_out, "SegmentUnion"}


def describe(value):
    """Everything that an object holds, down to numbers, for comparison."""
    if isinstance(value, dict):
        return {name: describe(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(one) for one in value]
    if hasattr(value, "__dict__") and not callable(value):
        return {"kind": type(value), **describe(vars(value))}
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    return value


class Attempt:
    """A fitted estimator, and all that may be seen of it."""

    def __init__(self, estimator, X, y, way="fit"):
        self.estimator, self.X = clone(estimator), X
        getattr(self.estimator, way)(X, y)
        self.before = self.look()

    def look(self):
        ask = "transform" if hasattr(self.estimator, "transform") else "predict_proba"
        answers = getattr(self.estimator, ask)(self.X)
        # A copy: what is changed in place must show.
        return pickle.loads(pickle.dumps((describe(vars(self.estimator)), answers)))

    def fails(self, error, way="fit", parameters=None, **arguments):
        """With other parameters meanwhile, if there are any."""
        parameters = parameters or {}
        usual = {name: getattr(self.estimator, name) for name in parameters}
        vars(self.estimator).update(parameters)
        with pytest.raises(error):
            getattr(self.estimator, way)(**arguments)
        vars(self.estimator).update(usual)
        assert_equal(self.look(), self.before)


def refused_arguments(X):
    """By name: arguments that every classifier's fit refuses."""
    partly_missing = X.copy()
    partly_missing[0, 0, 0, 0] = np.nan
    return {
        "X of paths": {"X": ["a.wav"] * 12, **OTHER},
        "X of another rank": {"X": X[np.newaxis], **OTHER},
        "X partly missing": {"X": partly_missing, **OTHER},
        "X of another shape, y of another length": {"X": X[:, :, :5], "y": ["p", "q"]},
        "X of two axes, y of one genre": {"X": X[:, 0, 0], "y": ["p"] * 12},
        "y of one genre": {"X": X, "y": ["p"] * 12},
        "y of numbers": {"X": X, "y": np.linspace(0, 1, 12)},
        "no y": {"X": X, "y": None},
        "negative weights": {"X": X, **OTHER, "sample_weight": -np.ones(12)},
        "no weights": {"X": X[:, :, :5], **OTHER, "sample_weight": np.zeros(12)},
        "weights of another length": {"X": X, **OTHER, "sample_weight": np.ones(3)},
    }


REFUSED = sorted(refused_arguments(np.zeros((12, 3, 6, 4))))


@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=name_of)
def test_refused_arguments_change_nothing(estimator, fault, features):
    attempt = Attempt(estimator, *features)
    arguments = refused_arguments(features[0])[fault]
    attempt.fails((ValueError, TypeError), **arguments)


@pytest.mark.parametrize("estimator", [OwnClassifier(), POOLED, *NETWORKS], ids=name_of)
def test_refused_parameter_changes_nothing(estimator, features):
    attempt = Attempt(estimator, *features)
    attempt.fails(ValueError, parameters={"pooling": "sum"}, X=features[0], **OTHER)


@pytest.mark.parametrize("estimator", [OwnClassifier(), POOLED], ids=name_of)
def test_wrapped_estimator_that_fails_changes_nothing(estimator, features):
    attempt = Attempt(estimator, *features)
    attempt.fails(KeyboardInterrupt, X=features[0][:, :, :5], **OTHER)


def failing_callback(hook):
    import keras

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    callback = keras.callbacks.Callback()
    setattr(callback, hook, fail)
    return callback


@pytest.mark.parametrize("way", ["fit", "warm fit", "partial_fit"])
@pytest.mark.parametrize("estimator", NETWORKS, ids=name_of)
def test_training_that_fails_changes_nothing(estimator, way, features):
    X, y = features
    estimator = clone(estimator).set_params(warm_start=way == "warm fit")
    attempt = Attempt(estimator, X, y, way.removeprefix("warm "))
    target = OTHER["y"] if way == "fit" else y
    for hook in ("on_train_begin", "on_epoch_end", "on_train_end"):
        parameters = {"callbacks": failing_callback(hook)}
        attempt.fails(
            KeyboardInterrupt, way.removeprefix("warm "), parameters, X=X, y=target
        )


@pytest.mark.parametrize("way", ["fit", "warm fit", "partial_fit"])
def test_divergence_changes_nothing(way, features):
    X, y = features
    estimator = clone(NETWORKS[0]).set_params(warm_start=way == "warm fit")
    attempt = Attempt(estimator, X, y, way.removeprefix("warm "))
    attempt.fails(ValueError, way.removeprefix("warm "), X=X * 1e30, y=y)


def test_builder_that_fails_changes_nothing(features):
    attempt = Attempt(NETWORKS[-1], *features)
    parameters = {"build__fails": True}
    attempt.fails(KeyboardInterrupt, parameters=parameters, X=features[0], **OTHER)


@pytest.mark.parametrize("way", ["fit", "partial_fit"])
@pytest.mark.parametrize("estimator", NETWORKS, ids=name_of)
def test_refused_continuation_changes_nothing(estimator, way, features):
    X, y = features
    attempt = Attempt(clone(estimator).set_params(warm_start=True), X, y, way)
    attempt.fails(ValueError, way, X=X, y=["polka"] * 12)
    attempt.fails(ValueError, way, X=X[:, :, :5], y=y)
    attempt.fails(ValueError, way, X=X, y=y[:5])
    if way == "partial_fit":
        attempt.fails(ValueError, way, X=X, y=y, classes=["p", "q"])
    else:
        attempt.fails(ValueError, way, X=X, y=y, X_val=X)
        attempt.fails(ValueError, way, X=X, y=y, X_val=X, y_val=["polka"] * 12)


def test_callback_of_scikit_learn_that_fails_at_the_end_changes_nothing(features):
    callbacks = pytest.importorskip("sklearn.callback")

    class Fails(callbacks.ScoringMonitor):
        def teardown(self, estimator, context):
            super().teardown(estimator, context)
            raise OSError

    attempt = Attempt(NETWORKS[0], *features)
    attempt.estimator.set_callbacks(Fails(scoring="accuracy"))
    with pytest.raises(OSError):  # noqa: PT011
        attempt.estimator.fit(features[0], OTHER["y"])
    attempt.estimator.set_callbacks()
    assert_equal(attempt.look(), attempt.before)


@pytest.mark.parametrize("estimator", TRANSFORMERS, ids=name_of)
def test_refused_fit_of_a_transformer_changes_nothing(estimator, features):
    X = features[0]
    attempt = Attempt(estimator, X[:, 0, 0], None)
    for fault in [f for f in REFUSED if f.startswith("X") and "y" not in f]:
        arguments = refused_arguments(X)[fault]
        attempt.fails((ValueError, TypeError), X=arguments["X"])
    wide = np.ones((12, 7))
    wide[0, 0] = np.nan
    attempt.fails(ValueError, X=wide)
    if hasattr(estimator, "statistics"):
        attempt.fails(ValueError, parameters={"statistics": ("mode",)}, X=X)


def test_refused_fit_of_an_extractor_changes_nothing(make_extractor):
    extractor = make_extractor(n_segments=2).fit(["a.wav"])
    before = describe(vars(extractor))
    with pytest.raises(TypeError):
        extractor.fit([3])
    assert describe(vars(extractor)) == before


@pytest.mark.parametrize("estimator", [*CLASSIFIERS, *TRANSFORMERS], ids=name_of)
def test_refused_question_changes_nothing(estimator, features):
    attempt = Attempt(estimator, *features)
    names = ("predict", "predict_proba", "predict_segments_proba", "transform")
    for name in names:
        if hasattr(attempt.estimator, name):
            attempt.fails((ValueError, TypeError), name, X=features[0][..., :3])
            attempt.fails((ValueError, TypeError), name, X=["a.wav"])


@pytest.mark.parametrize("estimator", [*CLASSIFIERS, *TRANSFORMERS], ids=name_of)
def test_number_of_features_is_that_of_the_last_fit(estimator, features):
    X, y = features
    fitted = clone(estimator).fit(X[:, 0, 0], y)
    assert fitted.n_features_in_ == 4
    assert not hasattr(fitted.fit(X, y), "n_features_in_")


def test_whoever_predicts_during_a_fit_gets_the_last_fit(features):
    import keras

    X, y = features
    model = clone(NETWORKS[0]).fit(X, y)
    expected, answers = model.predict(X), []
    model.callbacks = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: answers.append(model.predict(X))
    )
    model.fit(X, OTHER["y"])
    assert_array_equal(answers, [expected, expected])
    assert set(model.predict(X)) <= {"p", "q"}

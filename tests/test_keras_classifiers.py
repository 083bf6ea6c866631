import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier

from skgenre import CNNGenreClassifier, LSTMGenreClassifier, MLPGenreClassifier

FAST = {"learning_rate": 0.02, "epochs": 8, "batch_size": 8, "random_state": 0}
MLP = MLPGenreClassifier(hidden_layer_sizes=(16,), **FAST)
CNN = CNNGenreClassifier(filters=(8,), kernel_sizes=((2, 2),), **FAST)
LSTM = LSTMGenreClassifier(units=(8, 8), dense_units=8, **FAST)
ALL = pytest.mark.parametrize("estimator", [MLP, CNN, LSTM], ids=["mlp", "cnn", "lstm"])


@ALL
def test_separable_genres_are_learnt_and_named(estimator, features):
    X, y = features
    model = clone(estimator).set_params(epochs=40).fit(X, y)
    assert model.score(X, y) > 0.9
    assert set(model.predict(X)) <= {"blues", "jazz", "rock"}


@ALL
def test_probabilities_of_tracks_are_pooled_from_segments(estimator, features):
    X, y = features
    X[0, 1] = np.nan
    model = clone(estimator).fit(X, y)
    segments = model.predict_segments_proba(X)
    assert segments.shape == (12, 3, 3)
    assert np.isnan(segments[0, 1]).all()
    assert_allclose(model.predict_proba(X), np.nanmean(segments, axis=1), atol=1e-6)


@ALL
def test_same_random_state_gives_the_same_predictions(estimator, features):
    X, y = features
    first, second = (clone(estimator).fit(X, y).predict_proba(X) for _ in range(2))
    other = clone(estimator).set_params(random_state=1).fit(X, y).predict_proba(X)
    assert_array_equal(first, second)
    assert (first != other).any()


@ALL
def test_pickled_classifier_predicts_alike(estimator, features):
    X, y = features
    model = clone(estimator).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


@ALL
def test_history_has_a_value_per_epoch(estimator, features):
    model = clone(estimator).fit(*features)
    assert {name: len(values) for name, values in model.history_.items()} == {
        "loss": 8,
        "accuracy": 8,
    }


@ALL
def test_scikit_learn_sees_a_classifier(estimator):
    assert is_classifier(estimator)


def test_random_state_instance_is_drawn_from(features):
    X, y = features
    rng = np.random.RandomState(0)
    first = clone(MLP).set_params(random_state=rng).fit(X, y).predict_proba(X)
    again = clone(MLP).set_params(random_state=rng).fit(X, y).predict_proba(X)
    assert (first != again).any()


def test_weight_of_zero_is_as_good_as_absent(features):
    X, y = features
    weights = np.arange(12) % 4 != 0
    weighted = clone(MLP).fit(X, y, sample_weight=weights.astype(float))
    absent = clone(MLP).fit(X[weights], y[weights], sample_weight=np.ones(9))
    assert_array_equal(weighted.predict_proba(X), absent.predict_proba(X))


def test_one_track_gets_one_row(features):
    X, y = features
    model = clone(MLP).fit(X, y)
    assert model.predict_proba(X[:1]).shape == (1, 3)
    assert_allclose(model.predict_proba(X[:1]), model.predict_proba(X)[:1], rtol=1e-5)


def test_input_too_small_for_valid_convolutions_gets_the_remedy(features):
    X, y = features
    with pytest.raises(ValueError, match=r"6 frames × 4 coefficients.*padding='same'"):
        CNNGenreClassifier(epochs=1).fit(X, y)
    CNNGenreClassifier(epochs=1, padding="same").fit(X, y)


@pytest.mark.parametrize(
    ("estimator", "name", "value"),
    [
        (MLP, "epochs", 0),
        (MLP, "epochs", 1.5),
        (MLP, "batch_size", 0),
        (MLP, "learning_rate", 0.0),
        (MLP, "learning_rate", "fast"),
        (MLP, "hidden_layer_sizes", ()),
        (MLP, "hidden_layer_sizes", 64),
        (MLP, "dropout", 1.0),
        (MLP, "l2", -0.1),
        (MLP, "pooling", "sum"),
        (MLP, "verbose", -1),
        (CNN, "filters", (32, 0)),
        (CNN, "filters", (32, 32)),
        (CNN, "kernel_sizes", (3, 3)),
        (CNN, "kernel_sizes", ((3, 3, 3),)),
        (CNN, "padding", "causal"),
        (CNN, "dense_units", 0),
        (LSTM, "units", (64, -1)),
        (LSTM, "dropout", -0.1),
    ],
)
def test_parameter_out_of_range_is_refused_by_name(estimator, name, value, features):
    model = clone(estimator).set_params(**{name: value})
    with pytest.raises((ValueError, TypeError), match=rf"^{name}.*must"):
        model.fit(*features)

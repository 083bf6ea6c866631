import logging
import os
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.model_selection import cross_val_score, cross_validate
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
)

from skgenre import (
    CNNGenreClassifier,
    CovarianceGenreClassifier,
    LSTMGenreClassifier,
    MLPGenreClassifier,
    clear_network_pool,
)
from skgenre._compat import get_keras_global, set_keras_global
from skgenre.keras_classifiers.training_set import hold_out_tracks
from skgenre.networks import build_lstm, build_mlp
from skgenre.training import OWN_SETTINGS, isolated_random_state, read_settings

FAST = {"learning_rate": 0.02, "epochs": 8, "batch_size": 8, "random_state": 0}
MLP = MLPGenreClassifier(hidden_layer_sizes=(16,), **FAST)
CNN = CNNGenreClassifier(filters=(8,), kernel_sizes=((2, 2),), **FAST)
LSTM = LSTMGenreClassifier(units=(8, 8), dense_units=8, **FAST)
COVARIANCE = CovarianceGenreClassifier(hidden_units=8, l2=0.001, pooling="mean", **FAST)
ALL = pytest.mark.parametrize(
    "estimator",
    [MLP, CNN, LSTM, COVARIANCE],
    ids=["mlp", "cnn", "lstm", "covariance"],
)


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
    lengths = {name: len(values) for name, values in model.history_.items()}
    assert lengths == {"loss": 8, "accuracy": 8}
    assert model.n_iter_ == 8
    assert model.best_epoch_ is None


def test_history_has_a_value_per_epoch_though_validation_comes_and_goes(features):
    X, y = features
    model = clone(MLP).set_params(warm_start=True, epochs=2)
    model.fit(X, y, X_val=X, y_val=y).fit(X, y)
    assert model.best_epoch_ in (0, 1)
    model.fit(X, y, X_val=X, y_val=y).partial_fit(X, y)
    assert model.best_epoch_ in (4, 5)
    for name in ("loss", "accuracy"):
        assert np.isfinite(model.history_[name]).tolist() == [True] * 7
    for name in ("val_loss", "val_accuracy", "val_track_accuracy"):
        validated = np.isfinite(model.history_[name]).tolist()
        assert validated == [True] * 2 + [False] * 2 + [True] * 2 + [False]


def test_what_a_callback_logs_now_and_then_is_nan_in_other_epochs(features):
    from keras.callbacks import Callback

    class LogsSometimes(Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch % 3 == 1:
                logs["epoch"] = epoch

    model = clone(MLP).set_params(callbacks=LogsSometimes(), warm_start=True, epochs=3)
    model.fit(*features)
    model.set_params(callbacks=None).fit(*features)
    expected = [np.nan, 1, np.nan, np.nan, np.nan, np.nan]
    assert_array_equal(model.history_["epoch"], expected)
    assert {len(values) for values in model.history_.values()} == {6}


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


@pytest.fixture
def many_tracks():
    """Features of 60 tracks of three genres that overlap, by 20 artists."""
    y = np.repeat(["blues", "jazz", "rock"], 20)
    X = np.random.default_rng(0).normal(size=(60, 3, 6, 4))
    X += 0.3 * np.repeat(np.arange(3), 20)[:, np.newaxis, np.newaxis, np.newaxis]
    return X, y, np.repeat(np.arange(20), 3)


def test_early_stopping_holds_out_whole_tracks(many_tracks):
    X, y, _ = many_tracks
    X[:, 2] = np.nan  # so that each track's segments are known by their number
    model = clone(MLP).set_params(early_stopping=True, validation_fraction=0.2)
    model.set_params(n_iter_no_change=2, epochs=200).fit(X, y)
    assert model.n_iter_ < 200
    assert set(model.history_) == {
        *("loss", "accuracy", "val_loss", "val_accuracy", "val_track_accuracy")
    }
    assert model.best_epoch_ == np.argmin(model.history_["val_loss"])
    assert model.n_iter_ == model.best_epoch_ + 1 + 2
    # Of 12 tracks and 24 segments.
    assert float(model.history_["val_track_accuracy"][-1] * 12).is_integer()
    assert (np.round(np.array(model.history_["val_accuracy"]) * 24, 4) % 1 == 0).all()


def test_restored_weights_are_those_of_the_best_epoch(many_tracks):
    X, y, _ = many_tracks
    stopped = clone(MLP).set_params(early_stopping=True, n_iter_no_change=3, epochs=200)
    stopped.fit(X, y)
    best = clone(stopped).set_params(epochs=stopped.best_epoch_ + 1).fit(X, y)
    assert_array_equal(stopped.predict_proba(X), best.predict_proba(X))
    last = clone(stopped).set_params(restore_best_weights=False).fit(X, y)
    assert last.n_iter_ == stopped.n_iter_
    assert (last.predict_proba(X) != best.predict_proba(X)).any()


def test_best_epoch_of_a_later_call_is_that_of_the_weights_it_kept(many_tracks):
    X, y, _ = many_tracks
    warm = clone(MLP).set_params(early_stopping=True, epochs=3, warm_start=True)
    # So large a step makes the second call worse than the first throughout.
    warm.fit(X, y).set_params(learning_rate=1.0).fit(X, y)
    losses = warm.history_["val_loss"]
    assert min(losses[:3]) < min(losses[3:])
    assert losses[warm.best_epoch_] == min(losses[3:])
    best = clone(warm).set_params(learning_rate=MLP.learning_rate).fit(X, y)
    best.set_params(learning_rate=1.0, epochs=warm.best_epoch_ - 2).fit(X, y)
    assert_array_equal(warm.predict_proba(X), best.predict_proba(X))


def held_out_tracks(monkeypatch):
    """The tracks that later fits train on and validate on, as they are chosen."""
    seen = []

    def record(y, groups, **arguments):
        seen.extend(hold_out_tracks(y, groups, **arguments))
        return seen

    monkeypatch.setattr("skgenre.keras_classifiers.base.hold_out_tracks", record)
    return seen


def test_early_stopping_holds_out_whole_groups(many_tracks, monkeypatch):
    X, y, groups = many_tracks
    seen = held_out_tracks(monkeypatch)
    clone(MLP).set_params(early_stopping=True).fit(X, y, groups=groups)
    trained, validated = (groups[tracks] for tracks in seen)
    assert not set(trained) & set(validated)
    assert sorted([*trained, *validated]) == sorted(groups)


def test_groups_are_routed_to_fit_and_to_the_splitter(many_tracks, routing):
    from sklearn.model_selection import GroupKFold

    X, y, groups = many_tracks
    model = clone(MLP).set_params(early_stopping=True, epochs=1)
    model.set_fit_request(groups=True)
    scores = cross_val_score(model, X, y, cv=GroupKFold(2), params={"groups": groups})
    assert np.isfinite(scores).all()


def test_validation_on_tracks_of_ones_own(many_tracks):
    X, y, _ = many_tracks
    model = clone(MLP).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    plain = clone(MLP).fit(X[::2], y[::2])
    assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert model.history_["val_track_accuracy"][-1] == model.score(X[1::2], y[1::2])
    assert model.best_epoch_ == np.argmin(model.history_["val_loss"])


@pytest.mark.parametrize("class_weight", ["balanced", {"rock": 5.0, "jazz": 0}])
def test_validation_loss_is_one_however_its_tracks_are_given(
    class_weight, many_tracks, monkeypatch
):
    X, y, _ = (values[:50] for values in many_tracks)
    weights = np.linspace(0.5, 3, 50)
    model = clone(MLP).set_params(l2=0.01, class_weight=class_weight, epochs=3)
    model.set_params(early_stopping=True, validation_fraction=0.3, l2=0.01)
    model.set_params(restore_best_weights=False)
    seen = held_out_tracks(monkeypatch)
    held_out = clone(model).fit(X, y, sample_weight=weights)
    trained, validated = seen
    given = clone(model).fit(
        *(X[trained], y[trained], weights[trained]),
        **{"X_val": X[validated], "y_val": y[validated]},
    )
    assert held_out.history_ == given.history_
    with isolated_random_state(0):
        plain = build_mlp((6, 4), 3, hidden_layer_sizes=(16,), dropout=0, l2=0.01)
        plain.compile(loss="sparse_categorical_crossentropy")
        plain.set_weights(held_out.network_.weights)
        rows = X[validated].reshape(-1, 6, 4)
        numbers = np.searchsorted(held_out.classes_, y[validated]).repeat(3)
        expected = plain.evaluate(rows, numbers, batch_size=len(rows), verbose=0)
    assert_allclose(held_out.history_["val_loss"][-1], expected, rtol=1e-5)


def test_missing_groups_are_groups_of_their_own(many_tracks, monkeypatch):
    X, y, groups = many_tracks
    unknown = [None if group < 10 else f"artist {group}" for group in groups]
    seen = held_out_tracks(monkeypatch)
    clone(MLP).set_params(early_stopping=True, epochs=1).fit(X, y, groups=unknown)
    trained, validated = (set(groups[members]) for members in seen)
    shared = trained & validated
    # Of tracks whose artist is unknown, one may be held out and another not.
    assert shared
    assert shared <= set(range(10))


def test_sample_weight_of_two_equals_a_track_given_twice(features):
    X, y = features
    weights = np.where(y == "rock", 2.0, 1.0)
    whole = clone(MLP).set_params(batch_size=100)
    weighted = clone(whole).fit(X, y, sample_weight=weights)
    twice = clone(whole).fit(np.concatenate([X, X[y == "rock"]]), [*y, *["rock"] * 4])
    assert_allclose(weighted.predict_proba(X), twice.predict_proba(X), atol=1e-4)


def test_class_weight_is_a_sample_weight(features):
    X, y = features[0][:9], features[1][:9]  # four blues, four jazz, one rock
    by_name = {"rock": 4.0, "blues": 0.5}
    weights = np.array([by_name.get(name, 1) for name in y])
    given = clone(MLP).set_params(class_weight=by_name).fit(X, y)
    same = clone(MLP).fit(X, y, sample_weight=weights)
    assert_array_equal(given.predict_proba(X), same.predict_proba(X))
    balanced = clone(MLP).set_params(class_weight="balanced").fit(X, y)
    same = clone(MLP).fit(X, y, sample_weight=[0.75] * 8 + [3])
    assert_array_equal(balanced.predict_proba(X), same.predict_proba(X))


class MLP64(MLPGenreClassifier):
    """The MLP in float64."""


class LSTM64(LSTMGenreClassifier):
    """The LSTM in float64."""


def in_float64(build):
    def build_in_float64(*args, **parameters):
        import keras

        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float64")
        try:
            return build(*args, **parameters)
        finally:
            keras.config.set_dtype_policy(policy)

    return staticmethod(build_in_float64)


MLP64._build = in_float64(build_mlp)
LSTM64._build = in_float64(build_lstm)
CHECKED = {"learning_rate": 0.02, "epochs": 30, "random_state": 0}


@pytest.mark.parametrize("estimator", [MLP64(**CHECKED), LSTM64(dropout=0, **CHECKED)])
def test_sample_weights_are_equivalent_to_repetition_in_float64(estimator):
    check_sample_weight_equivalence_on_dense_data("network", estimator)


def train_plain(X, y, seed, n_epochs, **parameters):
    import keras

    rows, numbers = X.reshape(-1, 6, 4), np.unique(y, return_inverse=True)[1].repeat(3)
    with isolated_random_state(seed):
        model = build_mlp((6, 4), 3, **parameters)
        loss = keras.losses.SparseCategoricalCrossentropy()
        model.compile(keras.optimizers.Adam(0.02), loss, metrics=["accuracy"])
        fit = {"batch_size": 8, "shuffle": False, "verbose": 0, "epochs": n_epochs}
        return model.fit(rows, numbers, **fit).history


@pytest.mark.parametrize("way", ["fit", "partial_fit", "warm_start", "pickled"])
def test_n_calls_equal_n_epochs_of_plain_keras(way, features):
    X, y = features
    parameters = {"hidden_layer_sizes": (16,), "dropout": 0.3, "l2": 0.01}
    model = MLPGenreClassifier(**{**FAST, **parameters}, shuffle=False)
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    expected = train_plain(X, y, seed, 6, **parameters)
    if way == "fit":
        model.set_params(epochs=6).fit(X, y)
    elif way == "warm_start":
        model.set_params(epochs=2, warm_start=True)
        model.fit(X, y).fit(X, y).fit(X, y)
    else:
        for _ in range(6):
            model.partial_fit(X, y, classes=np.unique(y))
            if way == "pickled":
                model = pickle.loads(pickle.dumps(model))
    assert model.n_iter_ == 6
    assert_allclose(model.history_["loss"], expected["loss"], rtol=1e-4)
    assert_allclose(model.history_["accuracy"], expected["accuracy"], rtol=1e-5)


def test_step_size_falls_along_half_a_cosine_wave(features):
    from keras.callbacks import LambdaCallback

    rates = []
    reader = LambdaCallback()
    reader.on_epoch_end = lambda epoch, logs=None: rates.append(
        float(reader.model.optimizer.learning_rate)
    )
    model = clone(COVARIANCE).set_params(epochs=4, learning_rate=0.1, callbacks=reader)
    model.fit(*features)
    middle = 0.05 * np.sqrt(0.5)
    assert_allclose(rates, [0.1, 0.05 + middle, 0.05, 0.05 - middle], rtol=1e-5)
    rates.clear()
    model.set_params(learning_rate_schedule="constant").fit(*features)
    assert_allclose(rates, 0.1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("lags", ()), ("hidden_units", -1), ("l2", -1.0)),
        *(("dropout", 1.0), ("l2", float("nan"))),
        ("learning_rate_schedule", "step"),
    ],
)
def test_parameter_of_the_covariance_network_is_refused_by_name(name, value, features):
    with pytest.raises(ValueError, match=f"{name} must be"):
        clone(COVARIANCE).set_params(**{name: value}).fit(*features)


def test_partial_fit_learns_genres_that_come_later(features):
    X, y = features
    model = clone(MLP).partial_fit(X[:4], y[:4], classes=np.unique(y))
    for _ in range(30):
        model.partial_fit(X, y)
    assert model.score(X, y) == 1
    with pytest.raises(ValueError, match=r"genres .* does not know.*'polka'"):
        model.partial_fit(X, ["polka"] * 12)
    with pytest.raises(ValueError, match="must be those of the first call, "):
        model.partial_fit(X, y, classes=["blues", "rock"])


def test_optimizer_is_kept_only_where_training_goes_on(features):
    assert clone(MLP).fit(*features).network_.training_state is None
    assert clone(MLP).partial_fit(*features).network_.training_state is not None
    warm = clone(MLP).set_params(warm_start=True).fit(*features)
    assert warm.network_.training_state is not None


@ALL
def test_workers_predict_as_this_process_does(estimator, features):
    X, y = features
    serial = clone(estimator).fit(X, y).predict_proba(X)
    fit = joblib.delayed(lambda e: e.fit(X, y).predict_proba(X))
    with joblib.parallel_config("loky", n_jobs=2):
        first, second = joblib.Parallel()(fit(clone(estimator)) for _ in range(2))
    assert_array_equal(first, serial)
    assert_array_equal(second, serial)


def test_threads_get_the_serial_scores(many_tracks):
    X, y, _ = many_tracks
    serial = cross_validate(MLP, X, y, cv=4, return_train_score=True)
    with joblib.parallel_config("threading", n_jobs=2):
        threaded = cross_validate(MLP, X, y, cv=4, return_train_score=True)
    for name in ("test_score", "train_score"):
        assert_array_equal(threaded[name], serial[name])


@pytest.mark.parametrize("fails", [False, True])
def test_environment_and_loggers_are_left_as_they_were(fails, features):
    import keras

    def describe():
        loggers = [logging.getLogger(n) for n in (None, "tensorflow", "keras", "absl")]
        settings = keras.config.floatx(), keras.config.dtype_policy().name
        return (
            dict(os.environ),
            settings,
            [(log.level, log.disabled, list(log.handlers)) for log in loggers],
        )

    class Fails(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError

    before = describe()
    model = clone(MLP).set_params(callbacks=Fails() if fails else None)
    if fails:
        with pytest.raises(RuntimeError):
            model.fit(*features)
    else:
        model.fit(*features).predict(features[0])
    assert describe() == before


def test_many_fits_and_predictions_give_no_warning(features, caplog):
    X, y = features
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        for n_units in range(3, 10):
            model = clone(MLP).set_params(hidden_layer_sizes=(n_units,))
            for n_tracks in (12, 9, 6):
                model.fit(X[:n_tracks], y[:n_tracks]).predict(X[:n_tracks])
    assert "retracing" not in caplog.text


def test_keras_callbacks_are_told_of_the_training(features):
    import keras

    seen = keras.callbacks.History()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    model = clone(MLP).set_params(callbacks=[seen, schedule]).fit(*features)
    assert seen.epoch == list(range(8))
    assert_allclose(seen.history["loss"], model.history_["loss"])
    assert_allclose(model.history_["learning_rate"], 0.1 / np.arange(1, 9), rtol=1e-6)
    pickle.dumps(model.set_params(callbacks=[seen]))


def test_progress_is_shown_when_asked(features, capsys):
    clone(MLP).fit(*features)
    assert capsys.readouterr() == ("", "")
    stopping = {"early_stopping": True, "validation_fraction": 0.25}
    model = clone(MLP).set_params(verbose=1, **stopping).fit(*features)
    shown = capsys.readouterr().err
    assert f"{len(model.history_['loss'])}/8" in shown
    accuracy = model.history_["val_track_accuracy"][-1]
    assert f"val_track_accuracy={accuracy:.3g}" in shown
    clone(MLP).set_params(verbose=2).fit(*features)
    assert capsys.readouterr().out.count("5/5") == 8


def test_scikit_learns_callbacks_see_each_epoch(features):
    callbacks = pytest.importorskip("sklearn.callback")
    monitor = callbacks.ScoringMonitor(scoring="accuracy")
    model = clone(MLP).set_callbacks(monitor).fit(*features)
    scores = [row["accuracy"] for row in monitor.get_logs().data]
    expected = []
    for n_epochs in range(1, 9):
        fitted = clone(MLP).set_params(epochs=n_epochs).fit(*features)
        expected.append(fitted.score(*features))
    assert sorted(scores[:8] + scores[8:]) == sorted([*expected, expected[-1]])
    assert not hasattr(pickle.loads(pickle.dumps(model)), "_skl_callbacks")


def test_scikit_learns_progress_bar_runs(features, capsys):
    callbacks = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    clone(MLP).set_callbacks(callbacks.ProgressBar()).fit(*features)
    assert "MLPGenreClassifier" in capsys.readouterr().out


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


GENRES = ["blues", "jazz", "rock"]


@pytest.mark.parametrize(
    ("parameters", "fit", "message"),
    [
        ({}, {"X_val": 1}, "X_val and y_val must be given together"),
        ({}, {"X_val": np.ones((2, 3, 5, 4)), "y_val": ["rock"] * 2}, "was fitted on"),
        (
            {},
            {"X_val": np.ones((2, 3, 6, 4)), "y_val": ["a"] * 2},
            "y_val holds genres",
        ),
        ({}, {"X_val": np.ones((2, 3, 6, 4)), "y_val": ["rock"]}, "inconsistent"),
        ({"early_stopping": True}, {"groups": [1, 2]}, r"groups must.*\(12,\)"),
        ({"early_stopping": True}, {}, r"validation_fraction=0.1 needs more than"),
        ({"validation_fraction": 1.0}, {}, "validation_fraction must"),
        ({"n_iter_no_change": 0}, {}, "n_iter_no_change must"),
        ({"class_weight": "equal"}, {}, "class_weight must be None, 'balanced'"),
        ({"class_weight": {"polka": 1}}, {}, "class_weight must hold.*'polka'"),
        ({"class_weight": {"rock": -1}}, {}, r"class_weight\['rock'\] must"),
        ({"class_weight": dict.fromkeys(GENRES, 0)}, {}, "^class_weight must not be z"),
        ({"class_weight": {"rock": 0, "jazz": 0}}, {}, "class_weight must leave at le"),
        ({}, {"sample_weight": [0] * 12}, "^sample_weight must not be zero"),
        ({}, {"sample_weight": [1e-320] * 12}, "sample_weight must not be zero"),
        ({}, {"sample_weight": [1e38] * 12}, "sample_weight must be at most 1e30"),
        ({}, {"sample_weight": [1] * 4 + [1e-60] * 8}, "sample_weight must leave at l"),
        (
            {"class_weight": {"rock": 0, "jazz": 0}},
            {"sample_weight": [0] * 4 + [1] * 8},
            "sample_weight times class_weight must not be zero",
        ),
        (
            {"class_weight": {"rock": 1e20}},
            {"sample_weight": [1e20] * 12},
            "sample_weight times class_weight must be at most 1e30",
        ),
    ],
)
def test_bad_request_is_refused_before_training(parameters, fit, message, features):
    model = clone(MLP).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(*features, **fit)
    assert not hasattr(model, "network_")


@pytest.mark.parametrize(
    ("name", "value"), [("shuffle", 1), ("warm_start", "yes"), ("callbacks", [print])]
)
def test_parameter_of_another_type_is_refused_by_name(name, value, features):
    with pytest.raises(TypeError, match=rf"^{name} must"):
        clone(MLP).set_params(**{name: value}).fit(*features)


def spoil(X, y, how):
    if how == "NaN":
        X[0, 0, 0, 0] = np.nan
    elif how == "infinite":
        X[0, 0, 0, 0] = np.inf
    elif how == "no segment":
        X[0] = np.nan
    elif how == "rank":
        X = X[np.newaxis]
    elif how == "one class":
        y = np.repeat("rock", 12)
    elif how == "floats":
        y = np.linspace(0, 1, 12)
    return X, y


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("NaN", "partly NaN"),
        ("infinite", "infinity"),
        ("no segment", "holds no segment for track 0"),
        ("rank", "must have shape"),
        ("one class", "at least two classes"),
        ("floats", "continuous"),
    ],
)
def test_bad_input_is_refused_before_training(how, message, features):
    model = clone(MLP)
    with pytest.raises(ValueError, match=message):
        model.fit(*spoil(*features, how))
    assert not hasattr(model, "network_")


def test_genre_without_a_weight_is_known_but_not_trained_on(features):
    X, y = features
    weighted = clone(MLP).set_params(class_weight={"blues": 0}).fit(X, y)
    assert weighted.classes_.tolist() == GENRES
    model = clone(MLP).partial_fit(X[4:], y[4:], classes=GENRES)
    for _ in range(7):
        model.partial_fit(X[4:], y[4:])
    assert_allclose(weighted.predict_proba(X), model.predict_proba(X), atol=1e-5)


def test_partial_fit_takes_a_single_genre_but_not_weights_of_zero(features):
    X, y = features
    model = clone(MLP).partial_fit(X, y).partial_fit(X[:4], y[:4], sample_weight=2)
    model.set_params(class_weight={"blues": 0})
    with pytest.raises(ValueError, match="class_weight must not be zero"):
        model.partial_fit(X[:4], y[:4])


def test_partial_fit_refuses_what_needs_all_tracks(features):
    for parameters in ({"early_stopping": True}, {"class_weight": "balanced"}):
        with pytest.raises(ValueError, match=next(iter(parameters))):
            clone(MLP).set_params(**parameters).partial_fit(*features)


DIVERGED = r"training diverged.*Lower learning_rate=.*standardise the features"


@ALL
@pytest.mark.parametrize("validation", ["none", "given", "held out"])
def test_training_that_diverges_is_refused(estimator, validation, features):
    X, y = features
    model = clone(estimator).set_params(learning_rate=1e30)
    model.set_params(early_stopping=validation == "held out", validation_fraction=0.25)
    given = {"X_val": X, "y_val": y} if validation == "given" else {}
    with pytest.raises(ValueError, match=DIVERGED):
        model.fit(X, y, **given)
    assert not hasattr(model, "network_")


def test_finite_weights_too_large_to_predict_with_are_refused(features):
    X, y = features
    model = clone(MLP).set_params(epochs=1, batch_size=36, learning_rate=1e30)
    # The loss is of before the only step.
    with pytest.raises(ValueError, match="training diverged: probabilities are not"):
        model.fit(X, y)


@pytest.mark.parametrize("way", ["warm_start", "partial_fit"])
def test_training_that_goes_on_and_diverges_is_refused(way, features):
    X, y = features
    model = clone(MLP).set_params(warm_start=True).fit(X, y)
    expected = model.predict_proba(X)
    model.set_params(learning_rate=1e30)
    with pytest.raises(ValueError, match="training diverged"):
        model.fit(X, y) if way == "warm_start" else model.partial_fit(X, y)
    assert_array_equal(model.predict_proba(X), expected)


def test_a_good_epoch_before_training_diverged_may_be_gone_back_to(features):
    from keras.callbacks import LearningRateScheduler

    X, y = features
    rates = LearningRateScheduler(lambda epoch: 0.02 if epoch < 2 else 1e30)
    model = clone(MLP).set_params(early_stopping=True, validation_fraction=0.25)
    model.set_params(callbacks=rates, epochs=4).fit(X, y)
    assert model.best_epoch_ in (0, 1)
    assert (
        np.isfinite(model.history_["val_accuracy"]).tolist() == [True] * 2 + [False] * 2
    )
    assert np.isfinite(model.predict_proba(X)).all()


@ALL
@pytest.mark.parametrize("factor", [1e20, 1e300, -1e30])
def test_features_too_large_to_compute_with_are_refused(estimator, factor, features):
    X, y = features
    message = r"^X must hold values of at most 1e\+15 in size"
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(X * factor, y)
    model = clone(estimator).set_params(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.predict(X * factor)
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(X, y, X_val=X * factor, y_val=y)


@pytest.mark.parametrize("way", ["warm_start", "partial_fit"])
def test_an_error_while_training_goes_on_leaves_the_network_as_it_was(way, features):
    import keras

    class Fails(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("the callback failed")

    X, y = features
    model = clone(MLP).set_params(warm_start=True).fit(X, y)
    expected = model.predict_proba(X)
    model.set_params(callbacks=Fails())
    with pytest.raises(RuntimeError, match="callback failed"):
        model.fit(X, y) if way == "warm_start" else model.partial_fit(X, y)
    assert_array_equal(model.predict_proba(X), expected)


def test_another_network_cannot_be_trained_on(features):
    model = clone(MLP).set_params(warm_start=True).fit(*features)
    model.set_params(hidden_layer_sizes=(5,))
    with pytest.raises(ValueError, match="parameters have changed since"):
        model.fit(*features)


SMALL = np.uint8(200)
SMALL_SIZES = [
    (MLPGenreClassifier, {"hidden_layer_sizes": (SMALL, np.int8(4))}),
    (MLPGenreClassifier, {"hidden_layer_sizes": np.array([200, 4], np.uint8)}),
    (
        CNNGenreClassifier,
        {
            "filters": (SMALL,),
            "kernel_sizes": ((np.uint8(3), np.uint8(2)),),
            "dense_units": SMALL,
        },
    ),
    (LSTMGenreClassifier, {"units": (SMALL,), "dense_units": SMALL}),
    (CovarianceGenreClassifier, {"lags": (np.uint8(1),), "hidden_units": SMALL}),
]


def to_python(value):
    return value.tolist() if hasattr(value, "tolist") else tuple(map(to_python, value))


@pytest.mark.parametrize(("kind", "sizes"), SMALL_SIZES)
def test_small_numbers_of_numpy_are_as_good_as_pythons(kind, sizes, features):
    X, y = features
    workings = {"batch_size": SMALL, "epochs": np.uint8(2), "verbose": np.int8(0)}
    given = kind(**sizes, **workings, random_state=np.int64(0)).fit(X, y)
    plain = {n: to_python(v) for n, v in (sizes | workings).items()}
    expected = kind(**plain, random_state=0).fit(X, y)
    assert_array_equal(given.predict_proba(X), expected.predict_proba(X))


def test_small_number_of_epochs_goes_on_beyond_its_range(features):
    mlp = MLPGenreClassifier(
        hidden_layer_sizes=(2,), epochs=np.int8(100), warm_start=True, random_state=0
    )
    assert mlp.fit(*features).fit(*features).n_iter_ == 200


SETTINGS = {
    "channels first": {"image_data_format": "channels_first"},
    "float16": {"floatx": "float16"},
    "float64": {"floatx": "float64"},
    "mixed precision": {"dtype_policy": "mixed_float16"},
    "epsilon": {"epsilon": 0.01},
    "eager": {"eager": True},
}


def set_keras(**settings):
    import keras
    import tensorflow as tf

    eager = settings.pop("eager", False)
    tf.config.run_functions_eagerly(eager)
    # A process in which nobody has asked for a policy yet has none.
    set_keras_global("dtype_policy", None)
    for name, value in (OWN_SETTINGS | settings).items():
        if name != "dtype_policy" or name in settings:
            getattr(keras.config, f"set_{name}")(value)


def read_keras():
    policy = get_keras_global("dtype_policy")
    return read_settings(), policy and policy.name


@pytest.fixture(params=SETTINGS)
def keras_settings(request):
    """Sets Keras as a user might have; back to its defaults at the end."""
    yield lambda: set_keras(**SETTINGS[request.param])
    set_keras()


@pytest.fixture
def loud_features(features):
    X, y = features
    X[0, 0] *= 100  # probabilities near zero, which epsilon would clip
    return X, y


@pytest.fixture(
    scope="module",
    params=[clone(MLP).set_params(dropout=0.3), CNN, LSTM, COVARIANCE],
    ids=["mlp", "cnn", "lstm", "covariance"],
)
def fit_by_default(request):
    """Gives a copy of the estimator, and one that was fitted under Keras' defaults."""
    fitted = []

    def fit(X, y):
        if not fitted:
            fitted.append(clone(request.param).fit(X, y, X_val=X, y_val=y))
        return clone(request.param), fitted[0]

    return fit


def test_keras_settings_neither_reach_in_nor_change(
    fit_by_default, loud_features, keras_settings
):
    X, y = loud_features
    clear_network_pool()
    model, default = fit_by_default(X, y)
    expected = default.predict_proba(X)
    keras_settings()
    before = read_keras()
    # A network traced under the defaults, and one that is built now.
    assert_array_equal(default.predict_proba(X), expected)
    clear_network_pool()
    model.fit(X, y, X_val=X, y_val=y)
    assert model.history_ == default.history_
    for ours, theirs in zip(
        model.network_.weights, default.network_.weights, strict=True
    ):
        assert ours.dtype == np.float32
        assert_array_equal(ours, theirs)
    clear_network_pool()
    assert_array_equal(default.predict_proba(X), expected)
    assert read_keras() == before


def test_keras_settings_are_put_back_after_an_error(features, keras_settings):
    keras_settings()
    before = read_keras()
    with pytest.raises(ValueError, match="training diverged"):
        clone(MLP).set_params(learning_rate=1e30).fit(*features)
    assert read_keras() == before


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_another_backend_of_keras_is_refused_by_name(name, features, monkeypatch):
    import keras

    model = clone(MLP).fit(*features)
    monkeypatch.setattr(keras.config, "backend", lambda: name)
    message = f"need Keras with TensorFlow, but its backend is '{name}'"
    with pytest.raises(RuntimeError, match=message):
        clone(MLP).fit(*features)
    with pytest.raises(RuntimeError, match=message):
        model.predict(features[0])


def test_another_backend_is_refused_before_keras_is_loaded():
    script = (
        "import numpy as np, sys\n"
        "from skgenre import MLPGenreClassifier\n"
        "try:\n"
        "    MLPGenreClassifier().fit(np.ones((4, 2, 3, 2)), list('aabb'))\n"
        "except RuntimeError as error:\n"
        "    assert 'keras' not in sys.modules\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    shown = subprocess.check_output([sys.executable, "-c", script], env=environment)
    assert b"its backend is 'jax'" in shown


def build_bidirectional(input_shape, n_classes, *, units, dense_units, dropout):
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input(input_shape),
            layers.Bidirectional(layers.LSTM(units[0])),
            layers.Dense(dense_units, "relu"),
            layers.Dropout(dropout),
            layers.Dense(n_classes, "softmax"),
        ]
    )


class BidirectionalGenreClassifier(LSTMGenreClassifier):
    """A network added as docs/developing.rst says."""

    _build = staticmethod(build_bidirectional)


def test_a_network_with_wrapping_layers_fits_again(features):
    model = BidirectionalGenreClassifier(units=(4,), dense_units=4, **FAST)
    first = clone(model).fit(*features)
    other = clone(model).set_params(random_state=1).fit(*features)
    again = clone(model).fit(*features)
    assert again.history_ == first.history_
    assert other.history_ != first.history_

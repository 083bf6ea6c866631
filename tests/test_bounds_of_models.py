"""Small files that would cost much: each is refused before it does."""

import tracemalloc
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from costly_models import CHANGES, write_costly, write_honest
from numpy.testing import assert_array_equal
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier

from skgenre import (
    MLPGenreClassifier,
    ModelFileError,
    load_model,
    make_model,
    read_model_info,
    save_model,
)
from skgenre.networks import (
    WEIGHT_LISTS,
    build_cnn,
    build_covariance,
    build_lstm,
    build_mlp,
)
from skgenre.persistence import archive, costs
from skgenre.training import Architecture, TrainedNetwork

OTHERS = (
    *("schema of 60 MB", "schema of brackets", "array of 200 MB"),
    *("info of brackets", "info of a long number", "info of dicts"),
    "1,500,000 members",
)
CNN = {
    **{"filters": (3, 4), "kernel_sizes": ((3, 2), (2, 3)), "dense_units": 5},
    **{"dropout": 0.3, "l2": 0.0},
}
COVARIANCE = {"dropout": 0.3, "l2": 0.0}

REASONS = {
    "unfolds": "referred to too often",
    "refers to an estimator 10,000": "referred to too often",
    "500,000 times": "expands to more than 14000000 bytes",
    "10**9 units": "weights of a network are not those",
    "frames": "weights of a network are not those",
    "10**9 genres": "weights of a network are not those",
    "filters": "weights of a network are not those",
    "LSTM": "weights of a network are not those",
    "a forest": "RandomForestClassifier do not fit",
    "a dummy": "of 3 classes, for 1000000000000",
    "n_fft": r"n_fft \+ n_mels .* must be at most 3e\+06",
    "hop_length": r"sample_rate / hop_length .* must be at most 3e\+06",
    "segments": "1 / segment_duration of .* must be at most 10",
    "text": "a text of more than 1000 bytes",
    "neighbours": "expands to more than 1[16][0-9]* bytes",
    "schema of 60 MB": "expands to more than 14000000 bytes",
    "schema of brackets": "too many for nodes",
    "array of 200 MB": "expands to more than 1[16][0-9]* bytes",
    "info": r"its info\.json is no",
    "members": "directory has more than 8388480 bytes",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("costly")
    X = np.random.default_rng(0).normal(size=(12, 3, 6, 4))
    honest = write_honest(folder, X, np.repeat(["blues", "jazz", "rock"], 4))
    return write_costly(folder, honest)


@pytest.mark.parametrize("name", [*CHANGES, *OTHERS])
def test_costly_files_are_refused_before_they_cost_anything(name, files):
    (reason,) = (REASONS[part] for part in REASONS if part in name)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=reason):
            load_model(files[name])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000 + files[name].stat().st_size


@pytest.mark.parametrize("name", [*CHANGES, *OTHERS])
def test_info_of_costly_files_costs_little(name, files):
    tracemalloc.start()
    with suppress(ModelFileError):
        read_model_info(files[name])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000


def test_what_shrinks_too_much_is_saved_uncompressed(features, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_SCHEMA_BYTES", 5000)
    X, y = features
    model = make_model("logistic")[1:].fit(X, y)
    save_model(model, tmp_path / "model.skops")
    with zipfile.ZipFile(tmp_path / "model.skops") as opened:
        assert {m.compress_type for m in opened.infolist()} == {zipfile.ZIP_STORED}
    loaded = load_model(tmp_path / "model.skops")
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_what_may_cost_too_much_cannot_be_saved(features, tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "MAX_WORK", 100)
    model = make_model("logistic")[1:].fit(*features)
    with pytest.raises(ValueError, match=r"cannot be saved: to predict may take"):
        save_model(model, tmp_path / "model.skops")
    assert not (tmp_path / "model.skops").exists()


def test_thousands_of_boosted_trees_can_be_saved(tmp_path):
    boosted = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=2)
    boosted.fit(np.eye(12), np.arange(12) % 4)
    boosted._predictors *= 2000
    save_model(boosted, tmp_path / "model.skops")
    assert load_model(tmp_path / "model.skops").n_iter_ == 2000


def test_few_different_networks_are_compiled(features, tmp_path, monkeypatch):
    X, y = features
    networks = [
        (f"{size}", MLPGenreClassifier(hidden_layer_sizes=(size,), epochs=1))
        for size in (3, 3, 4)
    ]
    names = [(f"{n}", network) for n, (_, network) in enumerate(networks)]
    model = VotingClassifier(names, voting="soft").fit(X, y)
    monkeypatch.setattr(costs, "MAX_WEIGHT_ARRAYS", 8)
    save_model(model, tmp_path / "model.skops")
    monkeypatch.setattr(costs, "MAX_WEIGHT_ARRAYS", 7)
    with pytest.raises(ModelFileError, match="2 different networks have 8 arrays"):
        load_model(tmp_path / "model.skops")


def test_network_of_wide_layers_is_refused():
    # Weights of 400 kB, whose layer takes 130 * 13 * 50,000 numbers of each segment.
    parameters = {
        **{"filters": (50_000,), "kernel_sizes": ((1, 1),), "padding": "same"},
        **{"dense_units": 0, "dropout": 0.0, "l2": 0.0},
    }
    network = TrainedNetwork(Architecture(build_cnn, (130, 13), 2, parameters))
    listed = WEIGHT_LISTS[build_cnn]((130, 13), 2, **parameters)
    network.weights = [np.broadcast_to(np.float32(0), shape) for shape, _ in listed]
    with pytest.raises(ValueError, match="84500000 outputs of a layer"):
        costs.check_costs(network)


@pytest.mark.parametrize("input_shape", [(31, 14), (130, 13)])
@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (build_mlp, {"hidden_layer_sizes": (5, 4), "dropout": 0.3, "l2": 0.1}),
        (build_mlp, {"hidden_layer_sizes": (), "dropout": 0.0, "l2": 0.0}),
        (build_cnn, {**CNN, "padding": "valid"}),
        (build_cnn, {**CNN, "padding": "same"}),
        (build_lstm, {"units": (3, 4), "dense_units": 5, "dropout": 0.3}),
        (build_covariance, {**COVARIANCE, "lags": (1, 40), "hidden_units": 3}),
        (build_covariance, {**COVARIANCE, "lags": (), "hidden_units": 0}),
    ],
)
def test_weights_are_listed_as_keras_makes_them(build, parameters, input_shape):
    weights = build(input_shape, 6, **parameters).get_weights()
    listed = WEIGHT_LISTS[build](input_shape, 6, **parameters)
    assert [shape for shape, _ in listed] == [array.shape for array in weights]

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from skgenre import (
    AudioDecodeError,
    BenchmarkResult,
    MFCCExtractor,
    MLPGenreClassifier,
    TrackStatistics,
    make_model,
    run_benchmark,
)


@pytest.fixture
def models():
    extractor = MFCCExtractor(n_segments=2)
    mlp = MLPGenreClassifier(hidden_layer_sizes=(8,), epochs=1)
    return {
        "mine": make_pipeline(extractor, mlp),
        "chance": make_pipeline(extractor, TrackStatistics(), DummyClassifier()),
    }


def with_bad_file(data, folder):
    bad = folder / "text.wav"
    bad.write_text("no sound")
    return Bunch(
        paths=np.append(data.paths, str(bad)),
        target=np.append(data.target, data.target[-1]),
    )


def test_scores_are_those_of_cross_validation(made_tracks):
    result = run_benchmark(["logistic"], made_tracks, n_splits=3, seeds=(4,))
    cv = StratifiedKFold(3, shuffle=True, random_state=4)
    model = make_model("logistic", random_state=4)
    expected = cross_val_score(model, made_tracks.paths, made_tracks.target, cv=cv)
    assert_allclose([fold["accuracy"] for fold in result.folds], expected)
    (row,) = result.summary()
    assert_allclose(row["accuracy_mean"], expected.mean())
    assert_allclose(row["accuracy_std"], expected.std())


def test_every_model_protocol_seed_and_fold_has_a_row(made_tracks, models):
    result = run_benchmark(models, made_tracks, n_splits=2, seeds=(0, 1))
    rows = [(fold["model"], fold["seed"], fold["fold"]) for fold in result.folds]
    expected = [(m, s, f) for m in ("mine", "chance") for s in (0, 1) for f in (0, 1)]
    assert sorted(rows) == sorted(expected)
    assert len(result.to_frame()) == 8


def test_artist_protocol_keeps_artists_apart_and_says_what_it_cannot_train(
    made_tracks, models
):
    reggae = made_tracks.target == made_tracks.target[0]
    data = Bunch(**made_tracks)
    data.groups = np.where(reggae, "one artist", made_tracks.groups)
    result = run_benchmark(models, data, protocols=["artist"], n_splits=2)
    (entry,) = result.untrained_genres
    assert entry["genres"] == [made_tracks.target[0]]
    assert f"artist: {made_tracks.target[0]} could not be" in result.to_table()
    assert json.loads(result.to_json())["untrained_genres"] == [entry]


def test_paper_protocol_scores_segments_and_no_tracks(made_tracks, models):
    result = run_benchmark(models, made_tracks, protocols=["paper"], n_splits=2)
    segments = {fold["model"]: fold["segment_accuracy"] for fold in result.folds}
    assert 0 <= segments["mine"] <= 1
    assert segments["chance"] == pytest.approx(1 / 3, abs=0.1)
    assert all(np.isnan(row["accuracy_mean"]) for row in result.summary())
    assert "those of one track are on both sides" in result.to_table()


def test_filtered_protocol_is_one_fold(made_tracks, models):
    parts = np.tile(["train", "train", "valid", "test", ""], 5)[:24]
    data = Bunch(**made_tracks, filtered_split=parts)
    with pytest.warns(UserWarning, match="tracks to test on"):
        result = run_benchmark(models, data, protocols=["filtered"])
    assert [fold["fold"] for fold in result.folds] == [0, 0]


def test_accuracy_per_segment_is_that_of_segments(made_tracks, models):
    result = run_benchmark({"mine": models["mine"]}, made_tracks, n_splits=2)
    cv = StratifiedKFold(2, shuffle=True, random_state=0)
    train, test = next(cv.split(made_tracks.paths, made_tracks.target))
    model = models["mine"].set_params(mlpgenreclassifier__random_state=0)
    model.fit(made_tracks.paths[train], made_tracks.target[train])
    features = model[0].transform(made_tracks.paths[test])
    segments = model[1].predict_segments_proba(features).reshape(-1, 3).argmax(axis=1)
    target = np.repeat(made_tracks.target[test], 2)
    expected = np.mean(model.classes_[segments] == target)
    assert_allclose(result.folds[0]["segment_accuracy"], expected)


def test_model_without_segments_has_no_segment_accuracy(made_tracks, models):
    result = run_benchmark({"chance": models["chance"]}, made_tracks, n_splits=2)
    assert np.isnan(result.folds[0]["segment_accuracy"])
    assert "–" in result.to_table()
    assert json.loads(result.to_json())["folds"][0]["segment_accuracy"] is None


def test_unreadable_files_are_left_out_and_listed(made_tracks, models, tmp_path):
    data = with_bad_file(made_tracks, tmp_path)
    result = run_benchmark(models, data, n_splits=2, output=tmp_path / "out")
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [entry["path"] for entry in result.unreadable] == [
        str(tmp_path / "text.wav")
    ]
    assert written["unreadable"] == result.unreadable
    assert sum(written["setting"]["n_tracks_per_genre"].values()) == 24


def test_unreadable_files_stop_a_strict_benchmark(made_tracks, models, tmp_path):
    data = with_bad_file(made_tracks, tmp_path)
    with pytest.raises(AudioDecodeError, match=r"text\.wav"):
        run_benchmark(models, data, n_splits=2, strict=True, output=tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_each_file_is_analysed_once(made_tracks, monkeypatch, tmp_path):
    from skgenre.features import extractor

    analysed = []
    load_audio = extractor.load_audio

    def count(path, **parameters):
        analysed.append(path)
        return load_audio(path, **parameters)

    monkeypatch.setattr(extractor, "load_audio", count)
    run_benchmark(["knn", "dummy"], made_tracks, n_splits=3, cache_dir=tmp_path)
    assert sorted(analysed) == sorted(made_tracks.paths)


def test_given_models_are_not_changed(made_tracks, models):
    before = repr(models)
    run_benchmark(models, made_tracks, n_splits=2, epochs=2)
    assert repr(models) == before


def test_scores_of_ones_own_are_added(made_tracks):
    result = run_benchmark(
        ["knn"], made_tracks, n_splits=2, scoring=["accuracy", "f1_macro"]
    )
    assert result.score_names == ("accuracy", "f1_macro", "segment_accuracy")
    assert 0 <= result.folds[0]["f1_macro"] <= 1


def test_progress_goes_to_the_logger(made_tracks, caplog):
    with caplog.at_level(logging.INFO, logger="skgenre"):
        run_benchmark(["dummy"], made_tracks, n_splits=2)
    assert "analysed 24 of 24 tracks" in caplog.text
    assert "dummy, protocol track, seed 0: accuracy per track 0.333" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": ["vgg"]}, "name must be one of 'mlp'.*got 'vgg'"),
        ({"models": []}, "at least one model"),
        ({"protocols": ["genre"]}, "protocol must be one of"),
        ({"protocols": ["filtered"]}, "needs filtered_split"),
        (
            {"protocols": ["paper"], "models": {"a": DummyClassifier()}},
            "pipelines that begin with an MFCCExtractor, got 'a'",
        ),
        ({"n_splits": 9}, "got n_splits=9 and 8 of"),
        ({"epochs": 0}, "epochs must be a positive integer"),
        ({"seeds": (0, 0)}, r"seeds must be distinct.*got \(0, 0\)"),
        ({"seeds": (-1,)}, "seeds must be whole numbers from 0.*got -1"),
        ({"seeds": ()}, "seeds must be distinct, at least one"),
        ({"protocols": ()}, "protocols must be distinct, at least one"),
        ({"models": {"a": 5}}, r"models\['a'\] must be an estimator, got 5"),
        ({"models": [DummyClassifier()]}, "models must be names, or a dict"),
        ({"scoring": {"fold": "accuracy"}}, r"scoring must not use.*\['fold'\]"),
        ({"data": [1, 2]}, "data must have paths and target.*got list"),
        ({"data": Bunch(paths=["a"], target=[])}, "one target per path, got 0 for 1"),
        (
            {"data": Bunch(paths=["a", "b"], target=["rock", "rock"])},
            r"at least two genres, got \[.*rock",
        ),
        ({"output": __file__}, r"output must be a folder .*test_benchmark\.py"),
        ({"cache_dir": __file__}, r"cache_dir must be a folder .*test_benchmark\.py"),
    ],
)
def test_faulty_request_is_refused_before_any_work(
    made_tracks, monkeypatch, arguments, message
):
    monkeypatch.setattr("skgenre.benchmark.run.analyse_tracks", None)
    with pytest.raises((ValueError, TypeError, OSError), match=message):
        run_benchmark(**{"models": ["knn"], "data": made_tracks, **arguments})


def test_unreadable_files_may_be_given_as_paths(made_tracks, models, tmp_path):
    data = with_bad_file(made_tracks, tmp_path)
    data.paths = [Path(path) for path in data.paths]
    result = run_benchmark(models, data, n_splits=2)
    assert [entry["path"] for entry in result.unreadable] == [
        str(tmp_path / "text.wav")
    ]


def test_genre_without_readable_track_is_said_to_be_lost(
    made_tracks, models, tmp_path, caplog
):
    bad = [tmp_path / "1.wav", tmp_path / "2.wav"]
    for path in bad:
        path.write_text("no sound")
    data = Bunch(
        paths=[*made_tracks.paths, *bad], target=[*made_tracks.target, "polka", "polka"]
    )
    run_benchmark({"chance": models["chance"]}, data, n_splits=2)
    assert "genres without a readable track are left out: polka" in caplog.text


def test_failing_model_is_named(made_tracks):
    knn = make_model("knn", n_neighbors=50)
    with pytest.raises(ValueError, match="n_neighbors") as caught:
        run_benchmark({"too wide": knn}, made_tracks, n_splits=2)
    assert caught.value.__notes__ == ["while fitting too wide, protocol track, seed 0"]


def test_table_shows_mean_and_deviation():
    folds = [
        {"model": "knn", "protocol": "track", "accuracy": a, "fit_seconds": 1.0}
        for a in (0.5, 0.7)
    ]
    lines = BenchmarkResult(folds, ("accuracy",), [], {}, {}).to_table().splitlines()
    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == [
        "model",
        "protocol",
        "accuracy per track",
        "fit, s",
    ]
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "knn",
        "track",
        "0.600 ± 0.100",
        "1.0",
    ]
    assert len({len(line) for line in lines}) == 1

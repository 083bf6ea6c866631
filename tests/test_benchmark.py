import csv
import importlib.metadata
import itertools
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Bunch
from worker_classes import Asking, FullDisk

from skgenre import (
    AudioDecodeError,
    BenchmarkResult,
    MFCCExtractor,
    MLPGenreClassifier,
    MusicnnEmbedding,
    TrackStatistics,
    load_genre_folder,
    make_model,
    run_benchmark,
)
from skgenre.benchmark import queue
from skgenre.benchmark.fits import Fit
from skgenre.benchmark.queue import guess_seconds
from skgenre.benchmark.tracks import StoredSegments
from skgenre.model_selection import explode_segments, make_splitter


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
    assert (
        f"artist: some folds test on {made_tracks.target[0]} without"
        in result.to_table()
    )
    assert json.loads(result.to_json())["untrained_genres"] == [entry]


def test_paper_protocol_scores_segments_and_no_tracks(made_tracks, models):
    result = run_benchmark(models, made_tracks, protocols=["segment"], n_splits=2)
    segments = {fold["model"]: fold["segment_accuracy"] for fold in result.folds}
    assert 0 <= segments["mine"] <= 1
    assert segments["chance"] == pytest.approx(1 / 3, abs=0.1)
    assert all(np.isnan(row["accuracy_mean"]) for row in result.summary())
    assert "those of one track are on both sides" in result.to_table()


def test_segments_are_counted_once_for_all_models_with_one_extractor(
    made_tracks, models, monkeypatch
):
    from skgenre.benchmark import run

    made = []

    class Counted(run.StoredSegments):
        def __init__(self, *arguments):
            made.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(run, "StoredSegments", Counted)
    models["other"] = clone(models["chance"]).set_params(mfccextractor__n_mfcc=8)
    arguments = {"protocols": ["segment", "track"], "n_splits": 2, "seeds": (0, 1)}
    assert not run_benchmark(models, made_tracks, **arguments).failed
    assert len(made) == 2


@pytest.mark.parametrize("n_segments", [2, None])
def test_stored_segments_are_rows_of_exploded_features(
    made_tracks, tmp_path, monkeypatch, n_segments
):
    monkeypatch.setattr("skgenre.benchmark.tracks._N_TRACKS_PER_BLOCK", 5)
    extractor = MFCCExtractor(n_segments=n_segments, cache_dir=tmp_path)
    features = extractor.transform(made_tracks.paths)
    expected, tracks = explode_segments(features, np.arange(len(features)))
    segments = StoredSegments([extractor], made_tracks.paths)
    assert_array_equal(segments.tracks, tracks)
    for rows in ([7, 3, 40], np.random.default_rng(0).permutation(len(tracks))):
        found = segments[np.array(rows)].reshape(len(rows), *expected.shape[1:])
        assert_array_equal(found, expected[rows])


def test_what_a_worker_is_sent_holds_no_features(made_tracks, models, monkeypatch):
    sizes = []

    class Weighed(queue.Task):
        def __init__(self, number, content):
            sizes.append(len(content))
            super().__init__(number, content)

    monkeypatch.setattr(queue, "Task", Weighed)
    arguments = {"protocols": ["segment", "track"], "n_splits": 2, "n_jobs": 2}
    assert not run_benchmark(models, made_tracks, **arguments).failed
    assert len(sizes) == 8
    # The features of these tracks are 324,000 bytes.
    assert max(sizes) < 30_000


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
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["data.json"]


def test_each_file_is_analysed_once(made_tracks, monkeypatch, tmp_path):
    from skgenre.features import base

    analysed = []
    stream_audio = base.stream_audio

    def count(path, **parameters):
        analysed.append(path)
        return stream_audio(path, **parameters)

    monkeypatch.setattr(base, "stream_audio", count)
    run_benchmark(["knn", "dummy"], made_tracks, n_splits=3, cache_dir=tmp_path)
    assert sorted(analysed) == sorted(made_tracks.paths)


@pytest.mark.parametrize("own", ["stat", "content"])
@pytest.mark.parametrize("cache_key", ["stat", "content"])
def test_files_are_told_apart_by_content_where_either_says_so(
    made_tracks, tmp_path, cache_key, own
):
    model = make_model("dummy", n_segments=1, cache_key=own)
    store = {"cache_dir": tmp_path, "cache_key": cache_key}
    run_benchmark({"model": model}, made_tracks, n_splits=2, **store)
    key = "content" if "content" in (own, cache_key) else "stat"
    before = len(list(tmp_path.glob("*/*.npy")))
    extractor = MFCCExtractor(n_segments=1, cache_dir=tmp_path, cache_key=key)
    extractor.transform(made_tracks.paths)
    assert len(list(tmp_path.glob("*/*.npy"))) == before


def test_given_models_are_not_changed(made_tracks, models):
    before = repr(models)
    run_benchmark(models, made_tracks, n_splits=2, epochs=2)
    assert repr(models) == before


def test_scores_of_ones_own_are_added(made_tracks):
    result = run_benchmark(
        ["knn"], made_tracks, n_splits=2, scoring=["accuracy", "jaccard_macro"]
    )
    assert result.scoring == ("jaccard_macro",)
    assert 0 < result.folds[0]["jaccard_macro"] <= result.folds[0]["f1_macro"]
    assert "jaccard_macro" in result.to_table()


def test_progress_goes_to_the_logger(made_tracks, caplog, monkeypatch):
    monkeypatch.setattr("skgenre.benchmark.tracks.N_TRACKS_PER_MESSAGE", 10)
    with caplog.at_level(logging.INFO, logger="skgenre"):
        run_benchmark(["dummy"], made_tracks, n_splits=2)
    for number in (10, 20, 24):
        assert f"analysed {number} of 24 tracks" in caplog.text
    assert "dummy, protocol track, seed 0: accuracy per track 0.333" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": ["vgg"]}, "name must be one of 'mlp'.*got 'vgg'"),
        ({"models": []}, "at least one model"),
        ({"protocols": ["genre"]}, "protocol must be one of"),
        ({"protocols": ["filtered"]}, "needs filtered_split"),
        (
            {"protocols": ["segment"], "models": {"a": DummyClassifier()}},
            "pipelines that begin with an extractor .* got 'a'",
        ),
        ({"n_splits": 9}, "got n_splits=9 and 8 of"),
        ({"epochs": 0}, "epochs must be a positive integer"),
        ({"seeds": (0, 0)}, r"seeds must hold .* distinct.*got \(0, 0\)"),
        ({"seeds": (-1,)}, "seeds must be whole numbers from 0.*got -1"),
        ({"seeds": ()}, "seeds must hold one or more distinct values"),
        ({"protocols": ()}, "protocols must hold one or more distinct values"),
        ({"models": {"a": 5}}, r"models\['a'\]: model must be an estimator, got 5"),
        (
            {"models": {"a": make_pipeline(MFCCExtractor())}},
            r"models\['a'\] must have predict, got Pipeline",
        ),
        (
            {"models": {"a": make_model("mlp", pooling="avg")}},
            r"models\['a'\]: step 'mlpgenreclassifier': pooling must be one of",
        ),
        ({"n_jobs": 0}, "n_jobs must be None or a non-zero integer, got 0"),
        ({"scoring": ["acuracy"]}, "acuracy"),
        ({"models": [DummyClassifier()]}, "models must be names, or a dict"),
        ({"scoring": {"fold": "accuracy"}}, r"scoring must not use.*\['fold'\]"),
        ({"data": [1, 2]}, "data must have paths and target.*got list"),
        ({"data": Bunch(paths=["a"], target=[])}, "one target per path, got 0 for 1"),
        (
            {"data": Bunch(paths=["a", "b"], target=["rock", "rock"])},
            r"at least two genres, got \[.*rock",
        ),
        (
            {"data": Bunch(paths=["a", "b", "c"], target=["a", "b", np.nan])},
            "target must hold a genre for each track, got nan for track 2",
        ),
        ({"output": __file__}, r"output must be a folder .*test_benchmark\.py"),
        ({"cache_key": "time"}, "cache_key must be one of 'stat', 'content'"),
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


def test_failing_model_is_kept_with_its_error_and_the_rest_goes_on(made_tracks):
    models = {
        "too wide": make_model("knn", n_neighbors=50),
        "fine": make_model("knn"),
    }
    result = run_benchmark(models, made_tracks, n_splits=2)
    assert [fold["model"] for fold in result.failed] == ["too wide"] * 2
    assert result.failed[0]["error"].startswith("ValueError: Expected n_neighbors")
    assert np.isnan(result.folds[0]["accuracy"])
    assert result.folds[2]["accuracy"] > 0
    assert "too wide, protocol track, seed 0, fold 0 failed (the first of 2" in repr(
        result
    )


def test_scores_are_those_of_scikit_learn(made_tracks):
    result = run_benchmark(["forest"], made_tracks, n_splits=2, seeds=(3,))
    cv = StratifiedKFold(2, shuffle=True, random_state=3)
    expected = cross_validate(
        make_model("forest", random_state=3),
        *(made_tracks.paths, made_tracks.target),
        cv=cv,
        scoring=["accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss"],
        return_train_score=True,
    )
    for number, fold in enumerate(result.folds):
        for name in ("accuracy", "balanced_accuracy", "f1_macro"):
            assert_allclose(fold[name], expected[f"test_{name}"][number])
            assert_allclose(fold[f"train_{name}"], expected[f"train_{name}"][number])
        # Ours stops at float32's smallest step, for genres of probability zero.
        loss = -expected["test_neg_log_loss"][number]
        assert_allclose(fold["log_loss"], loss, rtol=1e-6)


def test_search_chooses_on_artists_kept_apart(made_tracks):
    seen = []

    class RecordingSplitter(StratifiedGroupKFold):
        def split(self, X, y=None, groups=None):
            seen.append(dict(zip(X, groups, strict=True)))
            return super().split(X, y, groups)

    grid = {"kneighborsclassifier__n_neighbors": [1]}
    search = GridSearchCV(make_model("knn"), grid, cv=RecordingSplitter(2))
    result = run_benchmark(
        {"search": search}, made_tracks, protocols=("artist",), n_splits=2
    )
    artists = dict(zip(made_tracks.paths, made_tracks.groups, strict=True))
    for fold, entry, groups in zip(result.folds, result.predictions, seen, strict=True):
        assert fold["best_params"] == "kneighborsclassifier__n_neighbors=1"
        assert all(artists[path] == group for path, group in groups.items())
        tested = {made_tracks.paths[row] for row in entry["rows"]}
        assert groups.keys() == artists.keys() - tested


def test_search_by_halving_is_given_artists_and_described(made_tracks):
    grid = {"kneighborsclassifier__n_neighbors": [1]}
    folds = StratifiedGroupKFold(2, shuffle=True, random_state=0)
    search = HalvingGridSearchCV(make_model("knn"), grid, cv=folds)
    result = run_benchmark({"m": search}, made_tracks, protocols=["artist"], n_splits=2)
    found = {fold["best_params"] for fold in result.folds}
    assert found == {"kneighborsclassifier__n_neighbors=1"}


def test_models_with_folds_by_artist_need_no_groups(made_tracks):
    data = made_tracks
    folds = make_splitter(
        "artist", data.target, groups=data.groups, X=data.paths, n_splits=2
    )
    models = {"m": CalibratedClassifierCV(make_model("lda"), cv=folds)}
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            result = run_benchmark(models, data, protocols=["artist"], n_splits=2)
        assert result.failed == []


def test_one_file_of_two_artists_is_refused_before_any_fit(made_tracks):
    data = Bunch(**made_tracks)
    data.paths = [*data.paths[:-1], data.paths[0]]
    with pytest.raises(ValueError, match=r"X\[0\] and X\[23\] .* are the same track"):
        run_benchmark(["knn"], data, protocols=["artist"], n_splits=2)


def test_missing_artists_are_groups_of_their_own(made_tracks):
    grid = {"kneighborsclassifier__n_neighbors": [1]}
    search = GridSearchCV(make_model("knn"), grid, cv=GroupKFold(2))
    data = Bunch(**made_tracks)
    # Were they one artist, no fold could train on their genre and test on it.
    data.groups = [
        np.nan if genre == data.target[0] else artist
        for genre, artist in zip(data.target, data.groups, strict=True)
    ]
    result = run_benchmark({"search": search}, data, protocols=["artist"], n_splits=2)
    assert result.failed == []
    assert result.untrained_genres == []


def test_networks_hold_out_artists_for_early_stopping(made_tracks, monkeypatch):
    seen = []

    def hold_out(target, groups, **_):
        seen.append(groups)
        return np.arange(len(target)), np.arange(4)

    monkeypatch.setattr("skgenre.keras_classifiers.base.hold_out_tracks", hold_out)
    model = make_model("mlp", hidden_layer_sizes=(4,), epochs=1, early_stopping=True)
    result = run_benchmark({"mlp": model}, made_tracks, n_splits=2)
    assert result.failed == []
    for groups, tested in zip(seen, result.predictions, strict=True):
        artists = np.delete(made_tracks.groups, tested["rows"])
        # Numbered, two tracks have one number where they have one artist.
        assert_array_equal(
            np.equal.outer(groups, groups), np.equal.outer(artists, artists)
        )


def test_whole_model_that_takes_groups_is_given_them(made_tracks):
    seen = []

    class TakesGroups(DummyClassifier):
        def fit(self, X, y, groups):
            seen.append(dict(zip(X, groups, strict=True)))
            return super().fit(X, y)

    result = run_benchmark({"whole": TakesGroups()}, made_tracks, n_splits=2)
    assert result.failed == []
    artists = dict(zip(made_tracks.paths, made_tracks.groups, strict=True))
    assert [groups.items() <= artists.items() for groups in seen] == [True] * 2


def test_cost_of_a_network_is_told(made_tracks, models):
    result = run_benchmark({"mine": models["mine"]}, made_tracks, n_splits=2, epochs=2)
    fold = result.folds[0]
    assert fold["n_parameters"] == (130 * 13 * 8 + 8) + (8 * 3 + 3)
    assert_allclose(fold["seconds_per_epoch"], fold["fit_seconds"] / 2)
    assert fold["n_train"] == fold["n_test"] == 12


def test_interval_is_over_tracks_and_holds_the_mean(made_tracks):
    result = run_benchmark(["knn"], made_tracks, n_splits=2, seeds=(0, 1))
    (row,) = result.summary()
    assert row["accuracy_low"] <= row["accuracy_mean"] <= row["accuracy_high"]
    assert 0.05 < row["accuracy_high"] - row["accuracy_low"] < 0.6
    assert sorted(result.predictions[0]["rows"] + result.predictions[1]["rows"]) == [
        *range(24)
    ]


def test_models_are_compared_within_each_protocol(made_tracks):
    result = run_benchmark(
        ["forest", "dummy"], made_tracks, protocols=("track", "artist"), n_splits=4
    )
    rows = result.compare()
    assert [(row["protocol"], row["first"]) for row in rows] == [
        *[("track", "forest"), ("artist", "forest")]
    ]
    assert rows[0]["better"] == "forest"


def test_finished_folds_are_not_fitted_again(made_tracks, tmp_path, monkeypatch):
    arguments = {"n_splits": 2, "output": tmp_path}
    first = run_benchmark(["knn", "dummy"], made_tracks, **arguments)
    with monkeypatch.context() as patch:
        patch.setattr("skgenre.benchmark.queue.run_fit", None)
        again = run_benchmark(["knn", "dummy"], made_tracks, **arguments)
    assert again.to_json() == first.to_json()
    more = run_benchmark(["knn", "dummy", "logistic"], made_tracks, **arguments)
    assert [fold["model"] for fold in more.folds[4:]] == ["logistic"] * 2


def test_changed_model_is_fitted_again(made_tracks, tmp_path):
    arguments = {"n_splits": 2, "output": tmp_path}
    run_benchmark({"m": make_model("knn", n_neighbors=1)}, made_tracks, **arguments)
    model = make_model("knn", n_neighbors=12)
    result = run_benchmark({"m": model}, made_tracks, **arguments)
    fresh = run_benchmark({"m": model}, made_tracks, n_splits=2)
    assert result.folds[0]["accuracy"] == fresh.folds[0]["accuracy"]


def test_results_of_other_data_are_refused(made_tracks, tmp_path):
    run_benchmark(["dummy"], made_tracks, n_splits=2, output=tmp_path)
    fewer = Bunch(paths=made_tracks.paths[2:], target=made_tracks.target[2:])
    with pytest.raises(ValueError, match="holds results of other data"):
        run_benchmark(["dummy"], fewer, n_splits=2, output=tmp_path)


def test_killed_run_goes_on_where_it_was(made_tracks, tmp_path):
    script = (
        "import sys, time, skgenre\n"
        "from skgenre.benchmark import fits\n"
        "class Slow(fits.FinishedFits):\n"
        "    def save(self, fit, row):\n"
        "        super().save(fit, row); print('saved', flush=True); time.sleep(0.5)\n"
        "import skgenre.benchmark.run as run\n"
        "run.FinishedFits = Slow\n"
        "data = skgenre.load_genre_folder(sys.argv[1], groups='subfolder')\n"
        "skgenre.run_benchmark(['knn', 'logistic', 'forest'], data, n_splits=2,\n"
        "                      output=sys.argv[2])\n"
    )
    folder = made_tracks.paths[0].rsplit("/", 3)[0]
    command = [sys.executable, "-P", "-c", script, folder, str(tmp_path / "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            assert process.stdout.readline() == "saved\n"
        process.kill()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("killed/fits/*")}
    assert len(kept) == 3
    data = load_genre_folder(folder, groups="subfolder")
    names = ["knn", "logistic", "forest"]
    resumed = run_benchmark(names, data, n_splits=2, output=tmp_path / "killed")
    whole = run_benchmark(names, data, n_splits=2)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert [f["accuracy"] for f in resumed.folds] == [
        f["accuracy"] for f in whole.folds
    ]


def untimed(folder):
    results = json.loads((folder / "results.json").read_text())
    for row in results["folds"] + results["summary"]:
        for name in [name for name in row if "seconds" in name]:
            del row[name]
    return results


def test_result_of_workers_is_that_of_this_process(made_tracks, tmp_path, caplog):
    search = GridSearchCV(
        make_model("knn"), {"kneighborsclassifier__n_neighbors": [1, 3]}, cv=2
    )
    raising = make_pipeline(MFCCExtractor(n_segments=2), DummyClassifier())
    models = {
        "covariance": make_model("covariance", epochs=2),
        "lstm": make_model("lstm", epochs=1, n_segments=2),
        "raising": raising.set_params(dummyclassifier__strategy="constant"),
        "search": search.set_params(n_jobs=2),
        "logistic": make_model("logistic"),
    }
    results, logs = [], []
    for n_jobs in (1, 2):
        caplog.clear()
        run_benchmark(
            models,
            made_tracks,
            protocols=["track", "artist"],
            n_splits=2,
            n_jobs=n_jobs,
            output=tmp_path / str(n_jobs),
        )
        results.append(untimed(tmp_path / str(n_jobs)))
        logs.append(sorted(r.message for r in caplog.records if r.levelno > 20))
    assert results[0] == results[1]
    assert logs[0] == logs[1]
    assert len(logs[0]) == 4


class Unsendable(DummyClassifier):
    def __reduce__(self):
        raise TypeError("cannot be sent")


def test_model_that_cannot_be_sent_to_a_worker_fails_alone(made_tracks, models):
    models["unsendable"] = make_pipeline(MFCCExtractor(n_segments=2), Unsendable())
    result = run_benchmark(models, made_tracks, n_splits=2, n_jobs=2)
    assert {row["model"] for row in result.failed} == {"unsendable"}
    assert result.failed[0]["error"] == "TypeError: cannot be sent"


@pytest.mark.parametrize(("n_jobs", "expected"), [(1, 4), (2, 1)])
def test_search_in_a_worker_is_one_piece_of_work(made_tracks, n_jobs, expected):
    model = make_pipeline(MFCCExtractor(n_segments=2), TrackStatistics(), Asking())
    result = run_benchmark(
        {"asking": model},
        made_tracks,
        n_splits=2,
        scoring={"n_workers": lambda model, X, y: model[-1].n_workers_},
        n_jobs=n_jobs,
    )
    assert [fold["n_workers"] for fold in result.folds] == [expected] * 2


def make_fit(model, *, n_train=40, protocol="track", fold=0):
    return Fit(
        label={"model": model, "protocol": protocol, "seed": 0, "fold": fold},
        model=make_model(model),
        X=None,
        y=None,
        groups=None,
        train=np.arange(n_train),
        test=np.arange(10),
        scoring={},
    )


def test_networks_and_searches_are_expected_to_take_longest():
    search = GridSearchCV(make_model("knn"), {"n": [1, 2, 3]}, cv=4)
    knn, lstm = make_model("knn"), make_model("lstm")
    assert guess_seconds(knn) < guess_seconds(search) < guess_seconds(lstm)
    assert guess_seconds(search) == pytest.approx(10 * guess_seconds(knn))
    assert guess_seconds(lstm) == pytest.approx(10 * 50 * 6e-4)


def test_estimates_are_those_of_finished_fits():
    estimates = queue.Estimates()
    row = {"fit_seconds": 8.0, "predict_seconds": 0.5, "n_train": 30, "n_test": 10}
    estimates.add(make_fit("knn"), {**row, "error": None})
    estimates.add(make_fit("knn"), {"error": "boom"})
    # 8 s and 40 predicted rows of 0.05 s, for 30 rows: 10 s, guessed 0.03 s.
    assert estimates.of(make_fit("knn", n_train=60)) == pytest.approx(20.0)
    guess = guess_seconds(make_model("cnn")) * 40
    assert estimates.of(make_fit("cnn")) == pytest.approx(guess * 10 / 0.03)


def test_longest_fit_is_taken_first():
    fits = [make_fit("knn"), make_fit("cnn"), make_fit("lstm", n_train=90)]
    fits += [make_fit("cnn", n_train=50, fold=1)]
    waiting = queue.FitQueue(dict(enumerate(fits)), None, queue.Estimates(), n_jobs=2)
    assert list(waiting._take_waiting()) == [2, 3, 1, 0]


def test_progress_tells_all_fits_and_the_time_to_go(made_tracks, models):
    seen = []

    def progress(items, *, total, desc):
        for number, item in enumerate(items):
            if desc == "fitting":
                seen.append((number, total, items.seconds_left))
            yield item

    run_benchmark(models, made_tracks, n_splits=2, progress=progress)
    assert [number for number, _, _ in seen] == [0, 1, 2, 3]
    assert {total for _, total, _ in seen} == {4}
    assert seen[-1][2] == 0 < seen[0][2]


def test_progress_that_stops_early_is_refused(made_tracks, models):
    def progress(items, *, total, desc):
        return itertools.islice(items, 1 if desc == "fitting" else total)

    with pytest.raises(
        ValueError, match=r"progress must yield all items \(4\), got 3 fewer"
    ):
        run_benchmark(models, made_tracks, n_splits=2, progress=progress)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_full_disk_ends_the_run_of_this_process_or_of_workers(n_jobs):
    X, y = np.zeros((50, 1)), np.arange(50) % 2
    fit = replace(make_fit("dummy"), model=DummyClassifier(), X=X, y=y)
    fits, estimates = dict.fromkeys(range(4), fit), queue.Estimates()
    with pytest.raises(OSError, match=r"^no space left$"):
        list(queue.FitQueue(fits, FullDisk(), estimates, n_jobs=n_jobs))


def test_cluster_without_workers_is_refused_before_any_work(made_tracks, monkeypatch):
    def effective_n_jobs(n_jobs):
        raise TimeoutError("no worker after 10 seconds")

    monkeypatch.setattr("joblib.effective_n_jobs", effective_n_jobs)
    monkeypatch.setattr("skgenre.benchmark.run.analyse_tracks", None)
    with pytest.raises(TimeoutError, match="no worker"):
        run_benchmark(["knn"], made_tracks)


def test_results_are_written_as_a_table_too(made_tracks, tmp_path):
    result = run_benchmark(["knn"], made_tracks, n_splits=2, output=tmp_path)
    frame = pd.read_csv(tmp_path / "results.csv")
    assert frame["accuracy"].tolist() == [fold["accuracy"] for fold in result.folds]
    assert frame.columns.tolist() == list(result.to_frame().columns)


def test_finished_fits_keep_numbers_that_json_does_not_have(made_tracks, tmp_path):
    models = {"nan": DummyClassifier(), "knn": make_model("knn", n_segments=2)}
    scoring = {"endless": lambda model, X, y: -np.inf}
    arguments = {"n_splits": 2, "scoring": scoring, "output": tmp_path}
    first = run_benchmark(models, made_tracks, **arguments)
    for path in tmp_path.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)
    again = run_benchmark(models, made_tracks, **arguments)
    # The times are equal, too: nothing was fitted again.
    assert repr(again.folds) == repr(first.folds)
    assert np.isnan(again.folds[0]["n_parameters"])
    assert [fold["endless"] for fold in again.folds] == [-np.inf] * 4
    assert again.folds[0]["model"] == "nan"


def test_no_text_of_the_table_is_a_formula_of_a_spreadsheet(tmp_path):
    label = {"model": "=1+1", "protocol": "track", "seed": -1, "fold": 0}
    row = {**label, "accuracy": -0.5, "error": "OSError: a;=1\r=2"}
    BenchmarkResult.from_rows([row], scoring=["@mine"]).save(tmp_path)
    with open(tmp_path / "results.csv", newline="") as file:
        [written] = csv.DictReader(file)
    assert (written["model"], written["seed"]) == ("'=1+1", "-1")
    assert (written["accuracy"], written["'@mine"]) == ("-0.5", "nan")
    assert written["error"] == "OSError: a;'=1\r'=2"
    kept = json.loads((tmp_path / "results.json").read_text())["folds"][0]
    assert {name: kept[name] for name in row} == row


def test_benchmark_prints_as_its_table(made_tracks):
    result = run_benchmark(["dummy"], made_tracks, n_splits=2)
    assert str(result) == repr(result) == result.to_table()


def test_result_numbers_the_artists_of_its_tracks(made_tracks):
    data = Bunch(**made_tracks)
    data.groups = np.where(np.arange(24) == 3, None, made_tracks.groups)
    result = run_benchmark(["dummy"], data, n_splits=2)
    _, expected = np.unique(made_tracks.groups, return_inverse=True)
    known = np.arange(24) != 3
    assert_allclose(np.array(result.groups)[known], expected[known])
    # Whose artist is unknown is a group of its own.
    assert result.groups.count(result.groups[3]) == 1
    del data["groups"]
    assert run_benchmark(["dummy"], data, n_splits=2).groups is None


def test_table_shows_mean_deviation_and_interval():
    rows = [
        {
            **{"model": "knn", "protocol": "track", "seed": 0, "fold": fold},
            **{"accuracy": accuracy, "fit_seconds": 1.0, "error": None},
        }
        for fold, accuracy in enumerate((0.5, 0.7))
    ]
    lines = BenchmarkResult.from_rows(rows).to_table().splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[0][:4] == ["model", "protocol", "accuracy per track", "95 %"]
    assert cells[2][:4] == ["knn", "track", "0.600 ± 0.100", "–"]
    assert cells[2][-1] == "1.0"
    assert len({len(line) for line in lines}) == 1


def overwrite(path, other):
    """Give a file the content of another of its size, and its times."""
    status, content = os.stat(path), Path(other).read_bytes()
    assert len(content) == status.st_size
    Path(path).write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def own_tracks(made_tracks, tmp_path):
    """A copy of the made tracks that a test may change."""
    root = Path(made_tracks.paths[0]).parents[2]
    folder = shutil.copytree(root, tmp_path / "tracks")
    paths = [str(folder / Path(path).relative_to(root)) for path in made_tracks.paths]
    return Bunch(paths=np.array(paths), target=made_tracks.target)


def numbers_of(result):
    """All that a benchmark gives but for times."""
    content = json.loads(result.to_json())
    folds = [
        {name: value for name, value in fold.items() if "seconds" not in name}
        for fold in content["folds"]
    ]
    return folds, content["predictions"]


def messages_of(caplog):
    return [text for text in caplog.messages if "run again" in text]


def test_folds_of_overwritten_audio_are_fitted_again(own_tracks, tmp_path, caplog):
    arguments = {"n_splits": 2, "output": tmp_path / "out"}
    old = run_benchmark(["knn"], own_tracks, **arguments)
    genres = [own_tracks.paths[own_tracks.target == g] for g in set(own_tracks.target)]
    for path, other in zip(genres[0][:4], genres[1][:4], strict=True):
        overwrite(path, other)
    fresh = run_benchmark(["knn"], own_tracks, n_splits=2)
    result = run_benchmark(["knn"], own_tracks, **arguments)
    assert numbers_of(result) == numbers_of(fresh) != numbers_of(old)
    assert messages_of(caplog) == ["finished fits run again: 2 (2 for other audio)"]


def test_moved_audio_needs_no_new_fit(own_tracks, tmp_path, monkeypatch):
    arguments = {"n_splits": 2, "output": tmp_path / "out"}
    run_benchmark(["knn"], own_tracks, **arguments)
    (tmp_path / "tracks").rename(tmp_path / "elsewhere")
    paths = [path.replace("/tracks/", "/elsewhere/") for path in own_tracks.paths]
    moved = Bunch(paths=paths, target=own_tracks.target)
    monkeypatch.setattr("skgenre.benchmark.queue.run_fit", None)
    assert run_benchmark(["knn"], moved, **arguments).paths == paths


def select_bands(X, *, kept):
    return X[:, np.flatnonzero(kept)]


def make_selector(position):
    """A model with a long mask, which `repr` abbreviates."""
    kept = np.zeros(2000, dtype=bool)
    kept[[0, 1, position]] = True
    widen = FunctionTransformer(np.tile, kw_args={"reps": (1, 100)})
    select = FunctionTransformer(select_bands, kw_args={"kept": kept})
    steps = make_model("knn").steps[:2]
    return make_pipeline(
        *(step for _, step in steps), widen, select, make_model("knn")[-1]
    )


CHANGED_MODELS = {
    "mask": (make_selector(6), make_selector(1003)),
    "priors": [
        make_pipeline(MFCCExtractor(), TrackStatistics(), GaussianNB(priors=priors))
        for priors in ([0.3, 0.3, 0.4], [0.1 + 0.2, 0.3, 0.4])
    ],
    "splitter": [
        GridSearchCV(
            make_model("knn"), {"kneighborsclassifier__n_neighbors": [1, 3]}, cv=cv
        )
        for cv in (StratifiedKFold(2), StratifiedKFold(3))
    ],
}


@pytest.mark.parametrize(
    ("before", "after"), CHANGED_MODELS.values(), ids=CHANGED_MODELS
)
def test_any_changed_parameter_is_fitted_again(
    made_tracks, tmp_path, caplog, before, after
):
    arguments = {"n_splits": 2, "output": tmp_path}
    run_benchmark({"m": before}, made_tracks, **arguments)
    result = run_benchmark({"m": after}, made_tracks, **arguments)
    fresh = run_benchmark({"m": after}, made_tracks, n_splits=2)
    assert numbers_of(result) == numbers_of(fresh)
    assert messages_of(caplog) == ["finished fits run again: 2 (2 for other model)"]


def test_changed_features_are_fitted_again_under_the_papers_protocol(
    made_tracks, models, tmp_path
):
    arguments = {"n_splits": 2, "protocols": ["segment"]}
    run_benchmark({"m": models["mine"]}, made_tracks, output=tmp_path, **arguments)
    model = clone(models["mine"]).set_params(mfccextractor__fmax=2000.0)
    result = run_benchmark({"m": model}, made_tracks, output=tmp_path, **arguments)
    fresh = run_benchmark({"m": model}, made_tracks, **arguments)
    assert numbers_of(result) == numbers_of(fresh)


def test_parameters_that_decide_no_number_need_no_new_fit(
    made_tracks, tmp_path, monkeypatch
):
    arguments = {"n_splits": 2, "output": tmp_path / "out"}
    run_benchmark({"m": make_model("forest")}, made_tracks, **arguments)
    model = make_model("forest").set_params(
        randomforestclassifier__n_jobs=2,
        mfccextractor__cache_dir=tmp_path / "store",
        memory=str(tmp_path),
    )
    monkeypatch.setattr("skgenre.benchmark.queue.run_fit", None)
    run_benchmark({"m": model}, made_tracks, n_jobs=2, **arguments)


def test_added_and_changed_scorers_are_computed(made_tracks, tmp_path, caplog):
    arguments = {"n_splits": 2, "output": tmp_path}
    run_benchmark(["knn"], made_tracks, **arguments)
    scorers = [
        {"mine": make_scorer(fbeta_score, beta=beta, average="macro")}
        for beta in (1, 9)
    ]
    for scoring in scorers:
        result = run_benchmark(["knn"], made_tracks, scoring=scoring, **arguments)
        fresh = run_benchmark(["knn"], made_tracks, scoring=scoring, n_splits=2)
        assert numbers_of(result) == numbers_of(fresh)
        assert result.folds[0]["mine"] > 0
    assert (
        messages_of(caplog) == ["finished fits run again: 2 (2 for other scorers)"] * 2
    )


@pytest.mark.parametrize(
    "package", ["skgenre", "scikit-learn", "keras", "tensorflow", "numpy"]
)
def test_other_versions_are_fitted_again(
    made_tracks, tmp_path, monkeypatch, caplog, package
):
    arguments = {"n_splits": 2, "output": tmp_path}
    run_benchmark(["dummy"], made_tracks, **arguments)
    version = importlib.metadata.version
    monkeypatch.setattr(
        "importlib.metadata.version",
        lambda name: "99.0" if name == package else version(name),
    )
    run_benchmark(["dummy"], made_tracks, **arguments)
    assert messages_of(caplog) == ["finished fits run again: 2 (2 for other versions)"]


def test_other_folds_are_not_said_to_have_other_audio(made_tracks, tmp_path, caplog):
    run_benchmark(["dummy"], made_tracks, n_splits=2, output=tmp_path)
    run_benchmark(["dummy"], made_tracks, n_splits=3, output=tmp_path)
    assert messages_of(caplog) == ["finished fits run again: 2 (2 for other folds)"]


def test_reasons_are_counted_in_one_line(own_tracks, tmp_path, caplog):
    models = {"a": make_model("knn", n_neighbors=1), "b": make_model("dummy")}
    arguments = {"n_splits": 2, "output": tmp_path / "out"}
    run_benchmark(models, own_tracks, **arguments)
    models["a"].set_params(kneighborsclassifier__n_neighbors=2)
    overwrite(own_tracks.paths[0], own_tracks.paths[-1])
    run_benchmark(models, own_tracks, **arguments)
    assert messages_of(caplog) == [
        "finished fits run again: 4 (2 for other audio and other model; "
        "2 for other audio)"
    ]


class LockedClassifier(DummyClassifier):
    def __init__(self, lock=None):
        super().__init__()
        self.lock = lock

    def __sklearn_clone__(self):
        return self


def test_model_that_cannot_be_told_from_others_is_fitted_each_time(
    made_tracks, tmp_path, caplog
):
    arguments = {"n_splits": 2, "output": tmp_path}
    for _ in range(2):
        run_benchmark(
            {"m": LockedClassifier(threading.Lock())}, made_tracks, **arguments
        )
    assert messages_of(caplog) == [
        "finished fits run again: 2 (2 for model that cannot be told from others "
        "(cannot pickle '_thread.lock' object))"
    ]


NETWORK_SCRIPT = """\
import sys
import skgenre
def build(input_shape, n_classes, units=4):
    from keras import Sequential, layers
    return Sequential([layers.Input(input_shape), layers.Flatten(),
                       layers.Dense(n_classes, activation="softmax")])
data = skgenre.load_genre_folder(sys.argv[1])
model = skgenre.make_model("mlp").set_params(
    mfccextractor__n_segments=1, mlpgenreclassifier=None)
model.steps[-1] = ("mine", skgenre.KerasGenreClassifier(build, epochs=1))
skgenre.run_benchmark({"mine": model}, data, n_splits=2, output=sys.argv[2])
"""


def test_network_of_the_users_goes_on_from_another_process(made_tracks, tmp_path):
    script, folder = tmp_path / "script.py", made_tracks.paths[0].rsplit("/", 3)[0]
    times = []
    for change in [("", ""), ("", ""), ("units=4", "units=5")]:
        script.write_text(NETWORK_SCRIPT.replace(*change))
        command = [sys.executable, "-P", script, folder, tmp_path / "out"]
        subprocess.run(command, check=True, capture_output=True)
        kept = sorted(tmp_path.glob("out/fits/*"))
        times.append([path.stat().st_mtime_ns for path in kept])
    assert len(times[0]) == 2
    assert times[0] == times[1]
    assert set(times[2]).isdisjoint(times[1])


def change_row(**changes):
    def damage(path):
        content = json.loads(path.read_text())
        content["row"] |= changes
        path.write_text(json.dumps(content))

    return damage


def lose(path):
    content = json.loads(path.read_text())
    del content["row"]["accuracy"]
    path.write_text(json.dumps(content))


def make_unknown_genre(path):
    content = json.loads(path.read_text())
    content["row"]["predictions"]["predicted"][0] = "polka"
    path.write_text(json.dumps(content))


def make_folder(path):
    path.unlink()
    (path / "something").mkdir(parents=True)


def make_pipe(path):
    path.unlink()
    os.mkfifo(path)


def make_loop(path):
    path.unlink()
    path.symlink_to(path)


DAMAGES = {
    "text": change_row(accuracy="good"),
    "truth": change_row(accuracy=True),
    "nan": change_row(accuracy=float("nan")),
    "null": change_row(accuracy=None),
    "other number": change_row(accuracy=0.123),
    "missing score": lose,
    "no predictions": change_row(predictions=[]),
    "unknown genre": make_unknown_genre,
    "other type": lambda path: path.write_text("[1, 2]"),
    "number": lambda path: path.write_text("1"),
    "checksum of a list": lambda path: path.write_text('{"checksum": [], "row": 1}'),
    "twice": lambda path: path.write_text(
        path.read_text().replace('"accuracy": ', '"accuracy": 0.9, "accuracy": 0', 1)
    ),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "folder": make_folder,
    "pipe": make_pipe,
    "loop": make_loop,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_fold_is_made_again(made_tracks, tmp_path, caplog, damage):
    arguments = {"n_splits": 2, "output": tmp_path}
    first = run_benchmark(["dummy"], made_tracks, **arguments)
    damage(min(tmp_path.glob("fits/*.json")))
    again = run_benchmark(["dummy"], made_tracks, **arguments)
    assert numbers_of(again) == numbers_of(first)
    assert messages_of(caplog) == ["finished fits run again: 1 (1 for damage)"]


def test_fold_that_is_too_large_is_made_again(
    made_tracks, tmp_path, monkeypatch, caplog
):
    run_benchmark(["dummy"], made_tracks, n_splits=2, output=tmp_path)
    monkeypatch.setattr("skgenre.benchmark.fits._MAX_FILE_BYTES", 100)
    run_benchmark(["dummy"], made_tracks, n_splits=2, output=tmp_path)
    assert messages_of(caplog) == ["finished fits run again: 2 (2 for damage)"]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("results.json", Path.mkdir),
        ("results.csv", os.mkfifo),
        ("fits", Path.touch),
        ("fits", os.mkfifo),
    ],
)
def test_taken_name_of_a_result_is_seen_before_any_work(
    made_tracks, tmp_path, monkeypatch, name, make
):
    monkeypatch.setattr("skgenre.benchmark.run.analyse_tracks", None)
    make(tmp_path / name)
    with pytest.raises(OSError, match=f"something else has the name '{name}'"):
        run_benchmark(["dummy"], made_tracks, output=tmp_path)


def test_answers_of_a_frozen_model_are_those_of_each_fold(made_tracks):
    model = make_model("knn").fit(made_tracks.paths, made_tracks.target)
    result = run_benchmark({"m": FrozenEstimator(model)}, made_tracks, n_splits=2)
    for fold, entry in zip(result.folds, result.predictions, strict=True):
        right = np.equal(entry["predicted"], entry["target"])
        assert right.mean() == fold["accuracy"]


def test_protocol_that_leaves_a_fold_empty_is_refused_before_any_work(
    made_tracks, monkeypatch
):
    artists = np.repeat(list("abcde"), [3, 5, 2, 2, 2])
    genres = np.repeat(["rock", "jazz"], [10, 4])
    data = Bunch(paths=made_tracks.paths[:14], target=genres, groups=artists)
    monkeypatch.setattr("skgenre.benchmark.run.analyse_tracks", None)
    with pytest.raises(ValueError, match=r"protocol='artist' leaves fold \d of 5 with"):
        run_benchmark(["dummy"], data, protocols=["artist"], n_splits=5)
    parts = np.repeat(["train", "test", ""], [8, 4, 2])
    data = Bunch(paths=made_tracks.paths[:14], target=genres, filtered_split=parts)
    with (
        pytest.warns(UserWarning, match="tracks to test on"),
        pytest.raises(ValueError, match="a single genre to train on, 'rock'"),
    ):
        run_benchmark(["dummy"], data, protocols=["filtered"])


def test_segments_that_cannot_be_split_are_refused_before_any_fit(
    made_tracks, models, monkeypatch
):
    first = [
        np.flatnonzero(made_tracks.target == g)[0] for g in set(made_tracks.target)
    ]
    data = Bunch(paths=made_tracks.paths[first], target=made_tracks.target[first])
    monkeypatch.setattr("skgenre.benchmark.queue.run_fit", None)
    with pytest.raises(ValueError, match="'segment' cannot split 6 segments: The te"):
        run_benchmark(models, data, protocols=["segment"], n_splits=2)


def test_small_numbers_of_numpy_are_as_good_as_pythons(made_tracks, tmp_path):
    small = {"n_splits": np.uint8(2), "seeds": np.arange(2, dtype=np.int8)}
    result = run_benchmark(
        ["logistic"], made_tracks, epochs=np.uint8(1), output=tmp_path, **small
    )
    setting = json.loads((tmp_path / "results.json").read_text())["setting"]
    assert (setting["n_splits"], setting["seeds"]) == (2, [0, 1])
    plain = run_benchmark(["logistic"], made_tracks, n_splits=2, seeds=[0, 1])
    assert numbers_of(result) == numbers_of(plain)


def test_other_settings_of_scikit_learn_are_fitted_again(made_tracks, tmp_path, caplog):
    arguments = {"n_splits": 2, "output": tmp_path}
    run_benchmark(["dummy"], made_tracks, **arguments)
    with config_context(enable_metadata_routing=True):
        run_benchmark(["dummy"], made_tracks, **arguments)
    assert messages_of(caplog) == ["finished fits run again: 2 (2 for other settings)"]


GTZAN_PATHS = ["genres/blues/blues.00000.wav", "all/jazz.00003.au", "other.wav"]


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        (["MSD_musicnn"], ["numbers on GTZAN are optimistic"]),
        (["MTT_vgg"], ["no overlap with GTZAN is known"]),
        (["MSD_vgg", "MTT_vgg"], ["are optimistic", "no overlap"]),
    ],
)
def test_result_on_gtzan_says_what_pretrained_networks_have_heard(networks, expected):
    setting = {"pretrained": {"mine": networks}}
    result = BenchmarkResult(
        folds=[], predictions=[], setting=setting, paths=GTZAN_PATHS
    )
    notes = [*result.notes()]
    assert len(notes) == len(expected)
    for note, words in zip(notes, expected, strict=True):
        assert note.startswith("mine: ")
        assert words in note


def test_result_on_other_tracks_or_without_pretrained_networks_says_nothing(
    made_tracks,
):
    setting = {"pretrained": {"mine": ["MSD_musicnn"]}}
    for other in ({"paths": made_tracks.paths.tolist()}, {"setting": {}}):
        arguments = {"setting": setting, "paths": GTZAN_PATHS, **other}
        assert [*BenchmarkResult(folds=[], predictions=[], **arguments).notes()] == []


def test_pretrained_networks_are_listed_also_those_that_a_search_may_choose(
    made_tracks, models, musicnn_folder
):
    embedding = MusicnnEmbedding(n_segments=1, weights_dir=musicnn_folder)
    pipeline = make_pipeline(embedding, TrackStatistics(), DummyClassifier())
    grid = {"musicnnembedding__model": ["MTT_musicnn", "MSD_musicnn"]}
    models |= {"alone": pipeline, "search": GridSearchCV(pipeline, grid, cv=2)}
    result = run_benchmark(models, made_tracks, n_splits=2)
    assert result.setting["pretrained"] == {
        "alone": ["MTT_musicnn"],
        "search": ["MSD_musicnn", "MTT_musicnn"],
    }

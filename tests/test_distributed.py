"""On a cluster of processes: the numbers of one process, whoever dies."""

import contextlib
import os
import signal
import threading
import time

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, cross_val_score

from skgenre import MFCCExtractor, make_genre_tracks, make_model, run_benchmark
from skgenre._workers import uses_processes

distributed = pytest.importorskip("distributed")

SHORT = {"segment_duration": 0.5, "n_segments": 2}


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """Two genres of eight tracks of one second, by four artists each."""
    return make_genre_tracks(
        tmp_path_factory.mktemp("tracks"),
        n_genres=2,
        n_tracks_per_genre=8,
        n_artists_per_genre=4,
        duration=1.0,
        random_state=0,
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A cluster of two processes on this machine."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            host="127.0.0.1",
            local_directory=tmp_path_factory.mktemp("cluster"),
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def on_cluster(client):
    with joblib.parallel_config(backend="dask"):
        yield client


def make_short(name, **parameters):
    return make_model(name, **SHORT, **parameters)


def scores_of(result):
    return [
        [fold[name] for name in ("accuracy", "log_loss", "train_log_loss")]
        for fold in result.folds
    ]


def test_extraction_is_that_of_one_process(tracks, on_cluster, tmp_path):
    extractor = MFCCExtractor(**SHORT, cache_dir=tmp_path)
    X = extractor.transform(tracks.paths)
    assert len(list(tmp_path.glob("*/*.npy"))) == len(tracks.paths)
    with joblib.parallel_config(backend="sequential"):
        assert_array_equal(X, MFCCExtractor(**SHORT).transform(tracks.paths))


@pytest.mark.usefixtures("on_cluster")
def test_a_fit_on_the_cluster_analyses_its_files_itself():
    # As tasks of their own, they would wait for the fits that are queued.
    assert uses_processes()
    tasks = joblib.Parallel()(joblib.delayed(uses_processes)() for _ in range(2))
    assert tasks == [False, False]


@pytest.mark.parametrize(
    "model",
    [
        make_short("logistic"),
        make_short("mlp", hidden_layer_sizes=(8,), epochs=2, random_state=0),
    ],
    ids=["logistic", "mlp"],
)
def test_cross_validation_gives_the_scores_of_one_process(tracks, on_cluster, model):
    arguments = {"cv": 2, "scoring": "neg_log_loss"}
    scores = cross_val_score(model, tracks.paths, tracks.target, **arguments)
    with joblib.parallel_config(backend="sequential"):
        serial = cross_val_score(model, tracks.paths, tracks.target, **arguments)
    assert_allclose(scores, serial, rtol=0, atol=1e-6)


def test_a_search_gives_the_scores_of_one_process(tracks, on_cluster, tmp_path):
    model = make_short("logistic", cache_dir=tmp_path)
    grid = {"logisticregression__C": [0.01, 1], "mfccextractor__n_mfcc": [5, 13]}
    search = GridSearchCV(model, grid, cv=2, scoring="neg_log_loss")
    scores = search.fit(tracks.paths, tracks.target).cv_results_["mean_test_score"]
    with joblib.parallel_config(backend="sequential"):
        serial = search.fit(tracks.paths, tracks.target).cv_results_["mean_test_score"]
    assert_allclose(scores, serial, rtol=0, atol=1e-6)


@pytest.mark.parametrize("progress", [None, lambda items, *, total, desc: items])
def test_a_benchmark_gives_the_scores_of_one_process(
    tracks, on_cluster, tmp_path, progress
):
    models = {name: make_short(name) for name in ("logistic", "knn")}
    arguments = {
        "protocols": ("segment", "artist"),
        "n_splits": 2,
        "progress": progress,
    }
    result = run_benchmark(models, tracks, **arguments, output=tmp_path)
    assert not result.failed
    with joblib.parallel_config(backend="sequential"):
        serial = run_benchmark(models, tracks, **arguments)
    assert_allclose(scores_of(result), scores_of(serial), rtol=0, atol=1e-6)
    assert result.predictions == serial.predictions


def test_a_benchmark_whose_inner_work_leaves_the_process_has_its_answers(tracks):
    models = {"logistic": make_short("logistic")}
    serial = run_benchmark(models, tracks, n_splits=2)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        result = run_benchmark(models, tracks, n_splits=2, n_jobs=1)
    assert result.predictions == serial.predictions


def test_a_worker_killed_in_an_extraction_changes_no_result(
    tracks, on_cluster, tmp_path
):
    # So slow that there is much to do when two files are done.
    slow = {"segment_duration": 0.5, "n_segments": 2, "hop_length": 4}
    with killing_a_worker(on_cluster, tmp_path, "*/*.npy") as n_finished:
        X = MFCCExtractor(**slow, cache_dir=tmp_path).transform(tracks.paths)
    assert 2 <= n_finished[0] < len(tracks.paths)
    assert len(list(tmp_path.glob("*/*.npy"))) == len(tracks.paths)
    with joblib.parallel_config(backend="sequential"):
        assert_array_equal(X, MFCCExtractor(**slow).transform(tracks.paths))


def test_a_worker_killed_in_a_benchmark_changes_no_result(tracks, on_cluster, tmp_path):
    models = {"logistic": make_short("logistic")}
    arguments = {"n_splits": 4, "seeds": range(4)}
    with killing_a_worker(on_cluster, tmp_path, "fits/*.json") as n_finished:
        result = run_benchmark(models, tracks, **arguments, output=tmp_path)
    assert 2 <= n_finished[0] < 16
    with joblib.parallel_config(backend="sequential"):
        serial = run_benchmark(models, tracks, **arguments)
    assert result.predictions == serial.predictions
    assert_allclose(scores_of(result), scores_of(serial), rtol=0, atol=1e-6)


@contextlib.contextmanager
def killing_a_worker(client, folder, pattern):
    """Kill one of the workers as soon as two files are finished; yields how many."""
    process, n_finished = next(iter(client.run(os.getpid).values())), []

    def kill():
        while len(list(folder.glob(pattern))) < 2:
            time.sleep(0.002)
        os.kill(process, signal.SIGKILL)
        n_finished.append(len(list(folder.glob(pattern))))

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    yield n_finished
    killer.join()
    assert process not in client.run(os.getpid).values()


def test_threaded_workers_give_the_same_numbers(tracks, tmp_path):
    models = {
        "logistic": make_short("logistic"),
        "mlp": make_short("mlp", hidden_layer_sizes=(8,), epochs=2, random_state=0),
    }
    serial = run_benchmark(models, tracks, n_splits=2)
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            dashboard_address="127.0.0.1:0",
            local_directory=tmp_path,
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        result = run_benchmark(models, tracks, n_splits=2)
    assert not result.failed
    assert np.shape(scores_of(result)) == (4, 3)
    assert_allclose(scores_of(result), scores_of(serial), rtol=0, atol=1e-6)

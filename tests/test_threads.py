"""Worker processes start as many threads as they have a share in the cores."""

import os
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skgenre import MLPGenreClassifier
from skgenre._threads import count_worker_threads

distributed = pytest.importorskip("distributed")

LOCAL = {"dashboard_address": None, "threads_per_worker": 2}


def count_in_workers():
    count = joblib.delayed(count_worker_threads)
    return joblib.Parallel(n_jobs=2)(count() for _ in range(2))


def test_the_process_of_the_user_has_no_share():
    assert count_worker_threads() is None
    with joblib.parallel_config("threading"):
        assert count_in_workers() == [None, None]
    with (
        distributed.LocalCluster(n_workers=1, processes=False, **LOCAL) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        assert count_in_workers() == [None, None]


@pytest.mark.parametrize("n_threads", [1, 3])
def test_workers_of_joblib_have_the_threads_that_it_allows_each(n_threads):
    with joblib.parallel_config("loky", inner_max_num_threads=n_threads):
        assert count_in_workers() == [n_threads, n_threads]


def test_workers_of_dask_have_the_threads_of_their_environment():
    with (
        distributed.LocalCluster(n_workers=2, **LOCAL) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        assert count_in_workers() == [1, 1]


def test_a_worker_of_dask_started_by_hand_has_its_own_number_of_threads():
    unset = {**os.environ}
    unset.pop("OMP_NUM_THREADS", None)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-nanny"]
    with distributed.LocalCluster(n_workers=0, **LOCAL) as cluster:
        command += ["--nthreads", "3", cluster.scheduler_address]
        with (
            subprocess.Popen(command, env=unset, stderr=subprocess.DEVNULL) as worker,
            distributed.Client(cluster) as client,
        ):
            assert client.submit(count_worker_threads).result(timeout=60) == 3
            worker.terminate()


def test_a_list_for_nested_threads_counts_by_its_first_number():
    code = "import joblib, skgenre._threads as t; print(joblib.Parallel(n_jobs=2)("
    code += "joblib.delayed(t.count_worker_threads)() for _ in range(2)))"
    for text, expected in [("4,2", 4), ("0", None), ("x", None)]:
        environment = {**os.environ, "OMP_NUM_THREADS": text}
        arguments = [sys.executable, "-c", code]
        done = subprocess.run(arguments, env=environment, capture_output=True)
        assert done.stdout.decode() == f"[{expected}, {expected}]\n"


def test_networks_of_a_search_in_processes_train_with_so_many_threads():
    def count(network, X, y):
        from tensorflow.config import threading

        network.predict(X)  # TensorFlow now has its threads.
        n_inter = threading.get_inter_op_parallelism_threads()
        return 10 * n_inter + threading.get_intra_op_parallelism_threads()

    X, y = np.zeros((8, 1, 4, 3), np.float32), np.arange(8) % 2
    network = MLPGenreClassifier(hidden_layer_sizes=(2,), epochs=1)
    search = GridSearchCV(network, {"epochs": [1]}, cv=2, scoring=count, n_jobs=2)
    with joblib.parallel_config("loky", inner_max_num_threads=3):
        search.set_params(refit=False).fit(X, y)
    assert search.cv_results_["mean_test_score"] == [33]

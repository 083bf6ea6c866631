"""On ray's backend of joblib: the numbers of one process."""

import joblib
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV, cross_val_score

from skgenre import MFCCExtractor, make_model, run_benchmark
from skgenre._threads import count_worker_threads
from skgenre.audit import audit_tracks

ray = pytest.importorskip("ray")

SHORT = {"segment_duration": 0.5, "n_segments": 2}
MODEL = make_model("logistic", **SHORT)
GRID = {"logisticregression__C": [0.01, 1]}


def extract(tracks, folder):
    return MFCCExtractor(**SHORT, cache_dir=folder).transform(tracks.paths)


def cross_validate(tracks, folder):
    return cross_val_score(MODEL, tracks.paths, tracks.target, cv=2)


def search(tracks, folder):
    found = GridSearchCV(MODEL, GRID, cv=2).fit(tracks.paths, tracks.target)
    return found.cv_results_["mean_test_score"]


def benchmark(tracks, folder):
    result = run_benchmark({"logistic": MODEL}, tracks, n_splits=2, cache_dir=folder)
    return [fold["log_loss"] for fold in result.folds]


def audit(tracks, folder):
    return [len(finding.tracks) for finding in audit_tracks(tracks.paths).findings]


@pytest.fixture(scope="module")
def cluster():
    """Two processes on this machine."""
    from ray.util.joblib import register_ray

    register_ray()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("use", [extract, cross_validate, search, benchmark, audit])
def test_each_use_gives_the_numbers_of_one_process(use, tracks, tmp_path):
    with joblib.parallel_config("ray", n_jobs=2):
        found = use(tracks, tmp_path / "ray")
    assert_allclose(found, use(tracks, tmp_path / "here"), rtol=0, atol=1e-6)


@pytest.mark.usefixtures("cluster")
def test_workers_have_the_threads_of_their_task():
    with joblib.parallel_config("ray", n_jobs=2):
        counts = joblib.Parallel()(joblib.delayed(count_worker_threads)() for _ in "ab")
    assert counts == [1, 1]

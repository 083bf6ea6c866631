"""Products of matrices keep to their thread, and limits to those who asked for them."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose
from threadpoolctl import ThreadpoolController, threadpool_limits

from skgenre._products import MAX_PRODUCT, multiply_by_transpose, one_blas_thread

WORK = """
import json, sys, time
import numpy as np
from skgenre import (
    MFCCExtractor, TrackStatistics, audit_tracks, make_model, predict_timeline
)

rng = np.random.default_rng(0)
filters = MFCCExtractor(n_mfcc=40, n_mels=512)
X = rng.standard_normal((60, 10, 130, 20)).astype(np.float32)
y = np.repeat(["blues", "jazz", "rock"], 20)
logistic_segments = make_model("logistic-segments")[1:]
model = make_model("logistic").fit(sys.argv[1:], ["blues", "rock"] * 3)
moments = TrackStatistics(statistics=("log_covariance", "context_log_covariance"))
work = {
    "extraction": lambda: MFCCExtractor().transform(sys.argv[1:]),
    "many filters": lambda: filters.transform(sys.argv[1:]),
    "statistics": lambda: moments.fit_transform(X),
    "training": lambda: logistic_segments.fit(X, y),
    "prediction": lambda: logistic_segments.predict_proba(np.repeat(X, 20, axis=1)),
    "audit": lambda: audit_tracks(sys.argv[1:]),
    "timeline": lambda: predict_timeline(model, sys.argv[1]),
}
shares = {}
for name, do in work.items():
    do()
    time.sleep(0.3)  # OpenBLAS's threads spin for a while before they sleep
    whole, own = time.process_time(), time.thread_time()
    do()
    own = time.thread_time() - own
    shares[name] = (time.process_time() - whole) / own - 1
print(json.dumps(shares))
"""


@pytest.fixture(scope="module")
def shares(tmp_path_factory):
    """CPU time of all other threads, relative to that of the one that works."""
    from skgenre import make_genre_tracks

    tracks = make_genre_tracks(
        tmp_path_factory.mktemp("tracks"),
        n_genres=2,
        n_tracks_per_genre=3,
        duration=30.0,
        random_state=0,
    )
    done = subprocess.run(
        [sys.executable, "-c", WORK, *tracks.paths],
        capture_output=True,
        text=True,
        check=True,
        # Cores of newer processors start threads later.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Haswell"},
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "work",
    [
        "extraction",
        "many filters",
        "statistics",
        "training",
        "prediction",
        "audit",
        "timeline",
    ],
)
def test_serial_work_is_done_by_one_thread(shares, work):
    assert shares[work] < 0.02


@pytest.mark.parametrize("shape", [(1, 3), (5000, 1), (20000, 13), (3, 600)])
def test_products_in_blocks_are_those_of_the_whole(shape):
    rows = np.random.default_rng(0).standard_normal(shape)
    assert MAX_PRODUCT < 20000 * 13**2
    expected = np.einsum("ti,tj->ij", rows, rows)
    assert_allclose(multiply_by_transpose(rows), expected, atol=1e-9)


def count_blas_threads():
    blas = ThreadpoolController().select(user_api="blas")
    return {library["num_threads"] for library in blas.info()}


@pytest.fixture
def two_threads():
    with threadpool_limits(2, "blas"):
        if count_blas_threads() != {2}:
            pytest.skip("the number of BLAS threads cannot be set")
        yield


@pytest.mark.usefixtures("two_threads")
def test_an_error_leaves_no_limit_behind():
    seen = []

    @one_blas_thread()
    def fail():
        seen.append(count_blas_threads())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen == [{1}]
    assert count_blas_threads() == {2}


@pytest.mark.usefixtures("two_threads")
def test_overlapping_work_in_threads_leaves_no_limit_behind():
    begun, go_on = threading.Event(), threading.Event()

    @one_blas_thread()
    def work():
        begun.set()
        go_on.wait()

    thread = threading.Thread(target=work)
    with one_blas_thread(), one_blas_thread():
        thread.start()
        begun.wait()
        assert count_blas_threads() == {1}
    # The first to begin is the first to end.
    go_on.set()
    thread.join()
    assert count_blas_threads() == {2}

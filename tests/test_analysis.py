"""Features by way of the store instead of the wire."""

import errno
import os
import pickle
import warnings
from functools import partial

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skgenre import FeatureStore, MFCCExtractor
from skgenre._workers import MAX_BATCH
from skgenre.audio import find_decoders
from skgenre.features.analysis import TrackAnalysis, _analyse_file, _work_on_file
from skgenre.features.feature_store import mark_folder


def work_on_file(path, store, **options):
    """What a worker sends back for one file."""
    analyse_file = partial(
        _analyse_file,
        analyse=lambda _: TrackAnalysis(
            np.ones(10**5), next(iter(find_decoders(path)))
        ),
        store=store,
        check_kept=None,
    )
    options = {"keep_features": True, "mark": None, "script": 0} | options
    return _work_on_file(path, analyse_file, **options)


def test_a_worker_that_has_the_store_of_the_script_sends_no_features(
    made_tracks, tmp_path
):
    path, store = made_tracks.paths[0], FeatureStore(tmp_path / "store")
    with mark_folder(store.directory) as mark:
        sent = work_on_file(path, store, mark=mark)
    # One write to a pipe of 4 kB takes a whole batch.
    batch = [pickle.loads(pickle.dumps(sent)) for _ in range(MAX_BATCH)]
    assert len(pickle.dumps(batch)) < 4096
    assert_array_equal(store.load(sent.entry), np.ones(10**5))
    unwanted = work_on_file(path, store, keep_features=False)
    assert (unwanted.features, unwanted.entry) == (None, None)


def test_a_worker_that_has_another_store_sends_the_features(made_tracks, tmp_path):
    path, store = made_tracks.paths[0], FeatureStore(tmp_path / "store")
    for mark, script in [(None, 0), (tmp_path / "absent", 0), (tmp_path, os.getpid())]:
        sent = work_on_file(path, store, mark=mark, script=script)
        assert_array_equal(sent.features, np.ones(10**5))
        assert sent.entry is None


@pytest.mark.parametrize("fault", [FileNotFoundError, PermissionError])
def test_an_entry_that_the_script_cannot_read_is_analysed_there(
    made_tracks, tmp_path, monkeypatch, fault
):
    def load(store, entry, **options):
        if fault is FileNotFoundError:
            return None
        raise fault(errno.EACCES, "denied", str(entry))

    paths, extractor = made_tracks.paths[:4], MFCCExtractor(n_segments=1)
    expected = extractor.transform(paths)
    monkeypatch.setattr(FeatureStore, "load", load)  # in this process alone
    with parallel_config("loky", n_jobs=2), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        X = clone(extractor).set_params(cache_dir=tmp_path).transform(paths)
    assert_array_equal(X, expected)


@pytest.mark.parametrize("n_tracks", [1, 40])
def test_processes_fill_a_store_and_leave_nothing_else_in_it(
    made_tracks, tmp_path, n_tracks
):
    paths = np.resize(made_tracks.paths[:4], n_tracks)
    expected = MFCCExtractor(n_segments=1).transform(paths)
    with parallel_config("loky", n_jobs=2):
        X = MFCCExtractor(n_segments=1, cache_dir=tmp_path).transform(paths)
    assert_array_equal(X, expected)
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(found) == min(n_tracks, 4)
    assert FeatureStore(tmp_path).size() == sum(path.stat().st_size for path in found)

"""Kills, full disks, dead workers: what was finished stays, nothing damaged is read."""

import contextlib
import errno
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import joblib
import psutil
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from worker_classes import DeadlyClassifier

from skgenre import (
    FeatureStore,
    MFCCExtractor,
    TrackStatistics,
    make_genre_tracks,
    run_benchmark,
)

N_MOMENTS = 20
JOBS = ("extract", "write", "benchmark", "save")
SHORT = {"segment_duration": 0.5, "n_segments": 2}

needs_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="forks, limits and tmpfs of Linux"
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What became of each job that was killed, moment by moment."""
    script = Path(__file__).with_name("fault_process.py")
    done = subprocess.run(
        [
            *(sys.executable, script, tmp_path_factory.mktemp("faults")),
            *(str(N_MOMENTS), *JOBS, "share"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@needs_linux
@pytest.mark.parametrize("job", JOBS)
def test_a_job_killed_at_any_moment_loses_nothing_that_was_finished(reports, job):
    reports = [report for report in reports if report["job"] == job]
    assert len(reports) == N_MOMENTS
    assert all(report["killed"] for report in reports)
    # In the middle: some had finished a part, and none all.
    assert sum(report["n_finished"] > 0 for report in reports) > N_MOMENTS / 2
    assert [report for report in reports if report["n_lost"]] == []
    assert [report for report in reports if report["n_done_again"]] == []


@needs_linux
@pytest.mark.parametrize("job", JOBS)
def test_a_killed_job_leaves_nothing_damaged_and_ends_as_if_undisturbed(reports, job):
    reports = [report for report in reports if report["job"] == job]
    assert [report for report in reports if report["n_damaged"]] == []
    assert all(report["completed"] and report["same_result"] for report in reports)


@needs_linux
def test_four_processes_fill_one_store_and_read_nothing_half(reports):
    reports = [report for report in reports if report["job"] == "share"]
    assert len(reports) == 4
    for report in reports:
        assert report["completed"]
        assert report["same_result"]
        assert report["n_damaged"] == 0


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of a given size; it is gone after the test."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("only root may mount, and not everywhere")
        return folder

    yield mount
    subprocess.run(["umount", "-l", folder], check=False, capture_output=True)


@needs_linux
def test_a_full_disk_costs_the_store_and_not_the_features(tracks, small_disk):
    expected = MFCCExtractor(**SHORT).transform(tracks.paths)
    store = small_disk("size=24k")
    extractor = MFCCExtractor(**SHORT, cache_dir=store)
    with pytest.warns(RuntimeWarning, match="could not be kept .*No space left"):
        X = extractor.transform(tracks.paths)
    assert_array_equal(X, expected)
    kept = list(store.glob("*/*.npy"))
    assert 0 < len(kept) < len(tracks.paths)
    assert not list(store.glob("*/.*.tmp"))
    subprocess.run(["mount", "-o", "remount,size=1m", store], check=True)
    assert_array_equal(extractor.transform(tracks.paths), expected)
    assert len(list(store.glob("*/*.npy"))) == len(tracks.paths)


@needs_linux
def test_a_benchmark_on_a_full_disk_names_the_file_and_goes_on_later(
    tracks, small_disk, tmp_path
):
    expected = run(tracks, tmp_path / "elsewhere")
    folder = small_disk("size=12k")
    with pytest.raises(OSError, match=f"No space left on device: '{folder}/"):
        run(tracks, folder)
    kept = {path: path.read_bytes() for path in folder.glob("fits/*.json")}
    assert all(json.loads(content) for content in kept.values())
    subprocess.run(["mount", "-o", "remount,size=1m", folder], check=True)
    assert scores(run(tracks, folder)) == scores(expected)
    assert all(path.read_bytes() == content for path, content in kept.items())


def run(tracks, output, *, model=None, **options):
    model = DeadlyClassifier() if model is None else model
    pipeline = make_pipeline(MFCCExtractor(**SHORT), TrackStatistics(), model)
    return run_benchmark(
        {"model": pipeline}, tracks, n_splits=4, output=output, **options
    )


def scores(result):
    return [
        {name: value for name, value in fold.items() if "seconds" not in name}
        for fold in json.loads(result.to_json())["folds"]
    ]


@needs_linux
def test_a_store_made_read_only_in_the_middle_is_read_and_no_more_written(
    tracks, small_disk, monkeypatch
):
    store = small_disk("size=1m")
    save, n_saved = FeatureStore.save, []

    def save_and_close(self, entry, array):
        save(self, entry, array)
        n_saved.append(entry)
        if len(n_saved) == 3:
            subprocess.run(["mount", "-o", "remount,ro", store], check=True)

    monkeypatch.setattr(FeatureStore, "save", save_and_close)
    extractor = MFCCExtractor(**SHORT, cache_dir=store)
    with pytest.warns(RuntimeWarning, match="Read-only file system"):
        X = extractor.transform(tracks.paths)
    assert len(n_saved) == len(list(store.glob("*/*.npy"))) == 3
    assert_array_equal(X, MFCCExtractor(**SHORT).transform(tracks.paths))
    with pytest.warns(RuntimeWarning, match="Read-only file system"):
        assert_array_equal(extractor.transform(tracks.paths), X)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01\x00", b"no array"])
def test_a_damaged_entry_is_made_again(tracks, tmp_path, damage, caplog):
    extractor = MFCCExtractor(**SHORT, cache_dir=tmp_path)
    X = extractor.transform(tracks.paths)
    entries = sorted(tmp_path.glob("*/*.npy"))
    intact = [entry.read_bytes() for entry in entries]
    for entry, content in zip(entries, intact, strict=True):
        entry.write_bytes(content[: len(content) // 2] + damage)
    with caplog.at_level(logging.WARNING):
        assert_array_equal(extractor.transform(tracks.paths), X)
    assert caplog.text.count("damaged entry") == len(entries)
    assert [entry.read_bytes() for entry in entries] == intact


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"\xff\xfe", b"[]", b"{}", b"[" * 100_000, b'{"predictions": {}}'],
)
def test_a_damaged_fold_of_a_benchmark_is_fitted_again(
    tracks, tmp_path, damage, caplog
):
    expected = run(tracks, tmp_path)
    kept = sorted(tmp_path.glob("fits/*.json"))
    kept[0].write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert scores(run(tracks, tmp_path)) == scores(expected)
    assert caplog.text.count("run again: 1 (1 for damage)") == 1


def test_a_fold_under_the_name_of_another_is_fitted_again(tracks, tmp_path):
    expected = run(tracks, tmp_path)
    kept = sorted(tmp_path.glob("fits/*.json"))
    kept[0].write_bytes(kept[1].read_bytes())
    assert scores(run(tracks, tmp_path)) == scores(expected)


FORGED_ROWS = {
    "no row": {"row": None},
    "of another model": {"model": "other"},
    "of more tracks": {"n_test": 10**400},
    "that failed": {"error": "boom"},
    "not of its predictions": {"accuracy": 0.75},
    "infinite": {"log_loss": float("inf")},
    "f1 of two": {"f1_macro": 2.0},
    "text": {"accuracy": "x"},
    "huge": {"fit_seconds": 10**400},
    "shorter than no time": {"fit_seconds": -1.0},
    "other columns": {"more": 1.0},
    "best of a list": {"best_params": []},
    "no predictions": {"predictions": {}},
    "of other tracks": {"predictions": {"rows": [0, 99]}},
    "of other genres": {"predictions": {"target": ["jazz", "jazz"]}},
    "too few": {"predictions": {"predicted": []}},
    "lists": {"predictions": {"predicted": [["blues"], ["blues"]]}},
}


@pytest.mark.parametrize("change", FORGED_ROWS.values(), ids=FORGED_ROWS)
def test_a_fold_that_no_fit_has_written_is_fitted_again(
    tracks, tmp_path, change, caplog
):
    expected = run(tracks, tmp_path)
    path = sorted(tmp_path.glob("fits/*.json"))[0]
    kept = json.loads(path.read_text())
    del kept["checksum"]
    predictions = change.get("predictions")
    if "row" in change:
        kept.update(change)
    elif predictions:
        kept["row"]["predictions"].update(predictions)
    else:
        kept["row"].update(change)
    text = json.dumps(kept, sort_keys=True)
    checksum = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps({**kept, "checksum": checksum}))
    with caplog.at_level(logging.WARNING):
        assert scores(run(tracks, tmp_path)) == scores(expected)
    assert caplog.text.count("run again: 1 (1 for damage)") == 1


def test_folds_that_cannot_be_read_are_said_to_be_so(
    tracks, tmp_path, monkeypatch, caplog
):
    expected = run(tracks, tmp_path)
    system_open = os.open

    def refuse(path, *more, **options):
        if "fits" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return system_open(path, *more, **options)

    monkeypatch.setattr(os, "open", refuse)
    with caplog.at_level(logging.WARNING):
        assert scores(run(tracks, tmp_path)) == scores(expected)
    assert "run again: 4 (4 for Permission denied)" in caplog.text


def test_too_many_open_files_run_no_finished_fold_again(
    tracks, tmp_path, monkeypatch, caplog
):
    run(tracks, tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("fits/*.json")}
    system_open = os.open

    def refuse(path, *more, **options):
        if Path(path) in kept:
            raise OSError(errno.EMFILE, "Too many open files", str(path))
        return system_open(path, *more, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        run(tracks, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert caplog.text == ""


def test_a_damaged_account_of_the_data_is_named(tracks, tmp_path):
    run(tracks, tmp_path)
    (tmp_path / "data.json").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"data.json is not an intact JSON file"):
        run(tracks, tmp_path)


@needs_linux
def test_a_worker_that_dies_while_tracks_are_analysed_is_said_to_have_died(tmp_path):
    tracks = make_genre_tracks(
        tmp_path / "tracks",
        n_genres=2,
        n_tracks_per_genre=10,
        duration=2.0,
        random_state=0,
    )
    # So slow that the workers have much to do when two files are done, with features
    # larger than a pipe: they are in the store and not sent, or loky might wait for
    # ever for the rest of those whose sender was killed.
    slow = {"segment_duration": 1.0, "n_segments": 2}
    slow |= {"n_fft": 2**14, "hop_length": 32}
    extractor = MFCCExtractor(**slow, n_jobs=2, cache_dir=tmp_path / "store")
    with (
        joblib.parallel_config("loky"),
        killing_workers(lambda: len(list(tmp_path.glob("store/*/*.npy"))) >= 2),
        pytest.raises(BrokenProcessPool, match=r"worker process died .*not done again"),
    ):
        extractor.transform(tracks.paths)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("store/*/*.npy")}
    assert 2 <= len(kept) < 20
    X = extractor.transform(tracks.paths[:12])
    assert_array_equal(X, MFCCExtractor(**slow).transform(tracks.paths[:12]))
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


@contextlib.contextmanager
def killing_workers(is_time):
    """Kill joblib's workers, those of earlier calls too, as soon as it is time."""

    def kill():
        while not is_time():
            time.sleep(0.005)
        for process in psutil.Process().children(recursive=True):
            if "popen_loky" in " ".join(process.cmdline()):  # not joblib's tracker
                process.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    yield
    killer.join()


def run_with_deadly(tracks, output, model, **options):
    extractor = MFCCExtractor(**SHORT), TrackStatistics()
    models = {
        name: make_pipeline(*extractor, last)
        for name, last in (("a", DeadlyClassifier()), ("b", model))
    }
    return run_benchmark(models, tracks, n_splits=4, output=output, **options)


@needs_linux
def test_a_fit_that_kills_its_worker_is_named_and_the_rest_stands(tracks, tmp_path):
    model = DeadlyClassifier(spare=str(tmp_path / "spare"))
    result = run_with_deadly(tracks, tmp_path / "out", model, n_jobs=2)
    assert [fold["model"] for fold in result.failed] == ["b"] * 4
    assert "its worker process died twice" in result.failed[0]["error"]
    # Those that failed, and no others, run again.
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("out/fits/*")}
    (tmp_path / "spare").touch()
    again = run_with_deadly(tracks, tmp_path / "out", model, n_jobs=2)
    alive = run_with_deadly(tracks, tmp_path / "serial", DeadlyClassifier())
    assert scores(result)[:4] == scores(alive)[:4]
    assert scores(again) == scores(alive)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@needs_linux
def test_a_fit_whose_worker_dies_once_is_fitted_again(tracks, tmp_path, caplog):
    model = DeadlyClassifier(spare=str(tmp_path / "spare"), once=True)
    result = run_with_deadly(tracks, tmp_path / "out", model, n_jobs=2)
    alive = run_with_deadly(tracks, tmp_path / "serial", DeadlyClassifier())
    assert scores(result) == scores(alive)
    assert "a worker process died" in caplog.text


@needs_linux
@pytest.mark.parametrize("once", [False, True])
def test_a_fit_that_kills_dasks_worker_is_named_or_fitted_again(tracks, tmp_path, once):
    distributed = pytest.importorskip("distributed")
    import dask

    model = DeadlyClassifier(spare=str(tmp_path / "spare"), once=once)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            host="127.0.0.1",
            local_directory=tmp_path / "cluster",
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        result = run_with_deadly(tracks, tmp_path / "out", model)
    alive = run_with_deadly(tracks, tmp_path / "serial", DeadlyClassifier())
    assert scores(result)[:4] == scores(alive)[:4]
    assert [fold["model"] for fold in result.failed] == ["b"] * (0 if once else 4)
    assert not once or scores(result) == scores(alive)


def test_a_clock_set_back_hides_no_edit_and_spares_what_is_being_written(
    tracks, tmp_path, monkeypatch
):
    monkeypatch.setattr("time.time", lambda: 0.0)
    extractor = MFCCExtractor(**SHORT, cache_dir=tmp_path / "store")
    path = tmp_path / "track.wav"
    features = []
    # The same size each time, and each edit seems older than the one before.
    for number, source in enumerate(tracks.paths[:3]):
        path.write_bytes(Path(source).read_bytes())
        os.utime(path, ns=(0, 10**18 - number))
        features.append(extractor.transform([path])[0])
    assert_array_equal(
        features, MFCCExtractor(**SHORT).transform(tracks.paths[:3].tolist())
    )
    written = next(tmp_path.glob("store/*/")) / f".{'a' * 32}.tmp"
    written.touch()
    FeatureStore(tmp_path / "store").clear()
    assert written.exists()


def test_an_edit_with_the_clock_set_back_while_a_file_is_read_is_refused(
    tracks, tmp_path, monkeypatch
):
    path = tmp_path / "track.wav"
    path.write_bytes(Path(tracks.paths[0]).read_bytes())
    load = FeatureStore.load

    def load_and_edit(self, entry, **options):
        kept = load(self, entry, **options)
        os.utime(path, ns=(0, 0))
        return kept

    monkeypatch.setattr(FeatureStore, "load", load_and_edit)
    extractor = MFCCExtractor(**SHORT, cache_dir=tmp_path / "store")
    with pytest.raises(ValueError, match="changed while it was read"):
        extractor.transform([path])
    assert list(tmp_path.glob("store/*/*.npy")) == []

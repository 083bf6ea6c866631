"""Weights of pretrained networks: found, checked, kept and fetched."""

import ast
import hashlib
import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests
from file_server import Handler, serve_folder

from skgenre import fetch_musicnn
from skgenre.pretrained import MODELS, TAGS, load_weights, weights
from skgenre.pretrained.weights import FILE, INSTALL, Checkpoint

MODEL = "MTT_vgg"

# A checkpoint of the numbers 0, 1, ...: each trained array, then two of the same shape
# that the optimizer has used.
NUMBERS = np.arange(153, dtype=np.float32)
LAYERS = {"conv": (3, 3, 1, 2), "norm": 2, "powers of Adam": None, "dense": (4, 5)}
EXPECTED = {
    "conv/bias": NUMBERS[0:2],
    "conv/kernel": NUMBERS[6:24].reshape(3, 3, 1, 2),
    "norm/beta": NUMBERS[60:62],
    "norm/gamma": NUMBERS[66:68],
    "norm/moving_mean": NUMBERS[72:74],
    "norm/moving_variance": NUMBERS[74:76],
    "dense/bias": NUMBERS[78:83],
    "dense/kernel": NUMBERS[93:113].reshape(4, 5),
}
CONTENT = NUMBERS.tobytes()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder; MODEL is the small checkpoint; no musicnn is installed."""
    known = Checkpoint(
        LAYERS,
        len(CONTENT),
        hashlib.sha256(CONTENT).hexdigest(),
        weights._digest(EXPECTED),
    )
    monkeypatch.setitem(weights.CHECKPOINTS, MODEL, known)
    monkeypatch.setattr(weights, "find_cache", lambda: tmp_path / "cache" / "skgenre")
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    weights._load.cache_clear()
    yield tmp_path / "cache" / "skgenre"
    weights._load.cache_clear()


def write_checkpoint(folder, content=CONTENT):
    path = folder / MODEL / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def installed(cache, tmp_path, monkeypatch):
    """An installed musicnn that may not be imported; return its checkpoint."""
    checkpoint = write_checkpoint(tmp_path / "site" / "musicnn")
    (checkpoint.parents[1] / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(weights, "find_spec", importlib.util.find_spec)
    return checkpoint


def load(weights_dir=None):
    """Load as a new process does."""
    weights._load.cache_clear()
    return load_weights(MODEL, weights_dir)


def assert_expected(loaded):
    assert loaded.keys() == EXPECTED.keys()
    for name, array in EXPECTED.items():
        np.testing.assert_array_equal(loaded[name], array, strict=True)


def list_files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


# Where weights are, and what is read of them.


@pytest.mark.parametrize("model", MODELS)
def test_weights_are_those_that_tensorflow_reads(model, musicnn_folder):
    from tensorflow.compat.v1.train import NewCheckpointReader

    reader = NewCheckpointReader(f"{musicnn_folder / model}/")
    names = reader.get_variable_to_shape_map()
    loaded = load_weights(model, musicnn_folder)
    assert set(loaded) == {name for name in names if "Adam" not in name} - {
        "beta1_power",
        "beta2_power",
    }
    for name, array in loaded.items():
        np.testing.assert_array_equal(array, reader.get_tensor(name), strict=True)


def test_the_kept_file_has_the_weights_of_musicnn(musicnn_folder, tmp_path):
    loaded = weights._load.__wrapped__(MODEL, musicnn_folder)
    weights._keep(loaded, tmp_path / f"{MODEL}.npz")
    again = weights._load.__wrapped__(MODEL, tmp_path)
    assert all(np.array_equal(again[name], loaded[name]) for name in loaded)


def test_a_new_process_imports_no_tensorflow_and_follows_the_cache_s_variable(
    musicnn_folder, tmp_path
):
    code = (
        "import sys; from skgenre.pretrained import load_weights\n"
        f"load_weights({MODEL!r}); print(*sys.modules)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"tensorflow", "keras", "musicnn"} & set(loaded)
    if sys.platform == "linux":
        assert list_files(tmp_path) == ["skgenre", f"skgenre/{MODEL}.npz"]


def test_each_weight_is_read_from_its_place(cache, tmp_path):
    write_checkpoint(tmp_path)
    assert_expected(load(tmp_path))


def test_an_installed_musicnn_is_found_and_read_once(installed, cache):
    assert_expected(load())
    assert list_files(cache) == [f"{MODEL}.npz"]
    installed.unlink()
    assert_expected(load())


def test_a_process_has_one_copy_that_nobody_changes(installed):
    loaded = load_weights(MODEL)
    assert load_weights(MODEL) is loaded
    with pytest.raises(ValueError, match="read-only"):
        loaded["conv/bias"][0] = 1
    with pytest.raises(ValueError, match="read-only"):
        load()["conv/bias"][0] = 1


def test_a_folder_of_the_user_is_read_and_left_as_it_is(cache, tmp_path):
    write_checkpoint(tmp_path / "a")
    (tmp_path / "b").mkdir()
    np.savez(tmp_path / "b" / f"{MODEL}.npz", **EXPECTED)
    before = list_files(tmp_path)
    for folder in (tmp_path / "a", str(tmp_path / "b")):
        assert_expected(load(folder))
    assert list_files(tmp_path) == before


def test_a_folder_of_the_user_is_the_only_one(installed, tmp_path):
    (tmp_path / "mine").mkdir()
    load()
    with pytest.raises(FileNotFoundError, match=r"MTT_vgg\.npz nor .*mine"):
        load(tmp_path / "mine")


def test_threads_that_load_at_once_do_not_disturb_each_other(installed, cache):
    def load_anew(_):
        loaded = weights._load.__wrapped__(MODEL, None)
        weights._keep(loaded, cache / f"{MODEL}.npz")
        # Never a part of what another thread is writing.
        return weights._read_kept(cache / f"{MODEL}.npz", MODEL)

    with ThreadPoolExecutor(8) as pool:
        for loaded in pool.map(load_anew, range(64)):
            assert_expected(loaded)
    assert list_files(cache) == [f"{MODEL}.npz"]


def test_a_cache_that_cannot_be_written_to_is_warned_of(installed, cache):
    cache.parent.write_bytes(b"a file where the folder would be")
    with pytest.warns(RuntimeWarning, match=rf"{MODEL}\.npz: .*{MODEL}/\.data") as seen:
        loaded = load()
    assert_expected(loaded)
    assert load_weights(MODEL) is loaded
    assert len(seen) == 1
    assert seen[0].filename == __file__


def test_a_cache_that_cannot_be_read_hides_no_installed_musicnn(installed, cache):
    cache.parent.mkdir()
    cache.symlink_to(cache)  # a loop: refused by the system, also to root
    with pytest.warns(RuntimeWarning, match=r"could not be kept in .*\.npz"):
        assert_expected(load())


# What is missing or damaged.


def test_none_found_says_what_to_type(cache):
    with pytest.raises(FileNotFoundError) as caught:
        load()
    message = str(caught.value)
    assert "\n" not in message
    assert str(cache) in message
    assert "pip install --no-deps musicnn==0.1.0, or: " in message
    assert 'python -c "from skgenre import fetch_musicnn; fetch_musicnn()"' in message


def test_none_in_the_user_s_folder_says_how_to_get_them_there(cache, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        load(tmp_path)
    assert f"fetch_musicnn(weights_dir={str(tmp_path)!r})" in str(caught.value)
    assert INSTALL not in str(caught.value)


def test_a_file_is_no_folder_of_weights(cache, tmp_path):
    path = tmp_path / f"{MODEL}.npz"
    path.touch()
    with pytest.raises(NotADirectoryError, match=r"weights_dir .* got the file .*npz'"):
        load(path)


def test_other_models_are_refused_by_name(cache):
    for function in (load_weights, fetch_musicnn):
        with pytest.raises(ValueError, match=r"model must be .*, got 'MSD_big'"):
            function("MSD_big")


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"x" + CONTENT[1:]])
def test_another_checkpoint_is_refused_by_its_file(content, installed):
    installed.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(ValueError, match=r"another version") as caught:
        load()
    message = str(caught.value)
    assert str(installed) in message
    assert INSTALL in message
    is_other = len(content) == len(CONTENT)
    assert (digest if is_other else f"{len(content)} bytes, expected 612") in message


def damage_kept(cache, kind):
    cache.mkdir(parents=True)
    path = cache / f"{MODEL}.npz"
    changed = dict(EXPECTED)
    if kind == "number":
        changed["dense/bias"] = EXPECTED["dense/bias"] + 1
    elif kind == "shape":
        changed["dense/kernel"] = EXPECTED["dense/kernel"].reshape(5, 4)
    elif kind == "type":
        changed["dense/bias"] = EXPECTED["dense/bias"].view(np.int32)
    elif kind == "name":
        changed["dense/other"] = changed.pop("dense/bias")
    elif kind == "date":
        changed["dense/bias"] = np.array("2020-01-01", "datetime64[s]")
    np.savez(path, **changed)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    return path


KINDS = ["number", "shape", "type", "name", "date", "truncated"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_kept_file_is_refused_by_its_name(kind, cache):
    path = damage_kept(cache, kind)
    with pytest.raises(ValueError, match=r"npz") as caught:
        load()
    assert str(path) in str(caught.value)
    assert INSTALL in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_kept_file_is_made_again(kind, cache, installed):
    damage_kept(cache, kind)
    assert_expected(load())
    installed.unlink()
    assert_expected(load())


def test_a_cache_that_cannot_be_read_is_an_error_that_says_what_to_type(cache):
    cache.parent.mkdir()
    cache.symlink_to(cache)
    with pytest.raises(
        OSError, match=rf"{MODEL}\.npz.* To get them: {INSTALL}"
    ) as seen:
        load()
    assert not isinstance(seen.value, FileNotFoundError)


# The download.


@pytest.fixture
def server(cache, tmp_path, monkeypatch):
    """A server with the small checkpoint; return the path of the file it serves."""
    # pooch waits a second longer after each try.
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with serve_folder(tmp_path / "served") as address:
        monkeypatch.setattr(weights, "URL", address)
        yield write_checkpoint(tmp_path / "served")


def test_what_is_fetched_is_found(server, cache):
    assert fetch_musicnn(MODEL) == str(cache)
    assert list_files(cache) == [f"{MODEL}.npz"]
    assert_expected(load())


def test_what_is_fetched_into_a_folder_is_found_there(server, cache, tmp_path):
    folder = fetch_musicnn(MODEL, weights_dir=tmp_path / "new" / "mine")
    assert folder == str(tmp_path / "new" / "mine")
    assert_expected(load(folder))
    assert not cache.exists()


def test_all_models_are_fetched_if_none_is_named(server, cache, monkeypatch):
    monkeypatch.setattr(weights, "MODELS", [MODEL])
    fetch_musicnn()
    assert list_files(cache) == [f"{MODEL}.npz"]


def test_only_what_is_missing_or_damaged_is_fetched(server, cache):
    path = damage_kept(cache, "truncated")
    for _ in range(2):
        fetch_musicnn(MODEL)
        assert_expected(load())
    assert Handler.n_requests == 1
    assert list(cache.iterdir()) == [path]


def test_a_cut_connection_is_tried_again(server, cache):
    Handler.n_cuts = 2
    fetch_musicnn(MODEL)
    assert_expected(load())


FAULTS = ["other bytes", "too many bytes", "no file", "always cut", "no server"]


@pytest.mark.parametrize("fault", [*FAULTS, "endless", "packed twice", "redirect"])
def test_a_failed_download_leaves_what_was_there(fault, server, cache, monkeypatch):
    kept = damage_kept(cache, "number").read_bytes()
    if fault == "other bytes":
        server.write_bytes(b"x" + CONTENT[1:])
    elif fault == "too many bytes":
        server.write_bytes(CONTENT + bytes(10_000_000))
    elif fault == "no file":
        server.unlink()
    elif fault == "always cut":
        Handler.n_cuts = 99
    elif fault == "no server":
        monkeypatch.setattr(weights, "URL", "http://127.0.0.1:9")
    else:
        monkeypatch.setattr(weights, "URL", f"{weights.URL}/{fault}")
    with pytest.raises(OSError, match=rf"{MODEL}/\.data.* {INSTALL}"):
        fetch_musicnn(MODEL)
    assert list_files(cache) == [f"{MODEL}.npz"]
    assert (cache / f"{MODEL}.npz").read_bytes() == kept


def test_a_download_that_leaves_https_is_refused(server, monkeypatch):
    get, address = requests.get, weights.URL
    # As if an address with HTTPS led to the server, which has none.
    monkeypatch.setattr(
        requests, "get", lambda url, **kw: get(url.replace("https:", "http:"), **kw)
    )
    monkeypatch.setattr(weights, "URL", address.replace("http:", "https:"))
    with pytest.raises(OSError, match=rf"leads to {address}.*, without HTTPS"):
        fetch_musicnn(MODEL)


def test_nothing_is_fetched_that_cannot_be_kept(server, cache):
    cache.parent.write_bytes(b"a file where the folder would be")
    with pytest.raises(OSError, match=str(cache)):
        fetch_musicnn(MODEL)
    assert Handler.n_requests == 0


# The tags.


def test_tags_are_those_of_the_authors_in_their_order(musicnn_folder):
    code = (musicnn_folder / "configuration.py").read_text("utf-8")
    lists = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign)
    }
    for name, tags in TAGS.items():
        assert list(tags) == lists[f"{name}_LABELS"]
        assert len(set(tags)) == 50

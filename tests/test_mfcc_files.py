import json
import struct
import zipfile

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgenre import (
    MFCCExtractor,
    _io,
    load_mfcc_json,
    load_mfcc_npz,
    save_mfcc_json,
    save_mfcc_npz,
)
from skgenre.datasets import mfcc_files


@pytest.fixture
def with_a_missing_segment(features):
    X, y = features
    X = X.astype(np.float32)
    X[0, 2] = np.nan
    return X, y


def test_json_has_the_keys_of_the_tutorial_code(with_a_missing_segment, tmp_path):
    X, y = with_a_missing_segment
    save_mfcc_json(tmp_path / "data.json", X, y)
    content = json.loads((tmp_path / "data.json").read_text())
    assert list(content) == ["mapping", "labels", "mfcc"]
    assert content["mapping"] == ["blues", "jazz", "rock"]
    assert content["labels"] == [0] * 11 + [1] * 12 + [2] * 12
    assert_allclose(content["mfcc"][0], X[0, 0])
    assert_allclose(content["mfcc"][2], X[1, 0])


def test_json_comes_back_as_segments(with_a_missing_segment, tmp_path):
    X, y = with_a_missing_segment
    save_mfcc_json(tmp_path / "data.json", X, y)
    data = load_mfcc_json(tmp_path / "data.json")
    assert_array_equal(data.data, X[~np.isnan(X[:, :, 0, 0])])
    assert data.target.tolist() == ["blues"] * 11 + ["jazz"] * 12 + ["rock"] * 12
    assert "only the paper's protocol" in data.DESCR


def test_json_of_the_tutorial_code_is_read(tmp_path):
    # As it writes it: the folders' names, in any order.
    content = {"mapping": ["rock", "blues"], "labels": [1, 0]}
    content["mfcc"] = np.ones((2, 130, 13)).tolist()
    (tmp_path / "data.json").write_text(json.dumps(content, indent=4))
    data = load_mfcc_json(tmp_path / "data.json")
    assert data.data.shape == (2, 130, 13)
    assert data.target.tolist() == ["blues", "rock"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mapping": None}, "lacks"),
        ({"mapping": ["blues", "rock", "rock"]}, "distinct genres, got 'rock' twice"),
        ({"mapping": ["blues", None, "rock"]}, "distinct genres, got an empty one"),
        ({"labels": [0, 5]}, "labels from 0 to 0"),
        ({"labels": [0]}, "inconsistent"),
        ({"mfcc": [[[1.0]], [[1.0], [2.0]]]}, "one shape"),
        ({"mfcc": [1.0, 2.0]}, "one shape"),
    ],
)
def test_json_that_contradicts_itself_is_refused(change, message, tmp_path):
    content = {"mapping": ["rock"], "labels": [0, 0], "mfcc": [[[1.0]], [[2.0]]]}
    content = {k: v for k, v in {**content, **change}.items() if v is not None}
    (tmp_path / "data.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        load_mfcc_json(tmp_path / "data.json")


def test_a_byte_order_mark_is_no_part_of_the_json(tmp_path):
    content = {"mapping": ["blues"], "labels": [0], "mfcc": np.ones((1, 2, 3)).tolist()}
    (tmp_path / "data.json").write_text(json.dumps(content), encoding="utf-8-sig")
    assert load_mfcc_json(tmp_path / "data.json").target.tolist() == ["blues"]


def test_a_json_key_that_is_there_twice_is_refused(tmp_path):
    text = '{"mapping": ["a"], "labels": [0], "mfcc": [[[1]]], "mapping": ["b"]}'
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(ValueError, match=r"data\.json .*'mapping' is there twice"):
        load_mfcc_json(tmp_path / "data.json")


def test_npz_loses_nothing(with_a_missing_segment, tmp_path):
    X, y = with_a_missing_segment
    paths, groups = [f"{i}.wav" for i in range(12)], ["a", "b"] * 6
    parameters = MFCCExtractor(n_mfcc=20).get_params()
    file = tmp_path / "features.npz"
    save_mfcc_npz(file, X, y, paths=paths, groups=groups, parameters=parameters)
    data = load_mfcc_npz(file)
    assert_array_equal(data.data, X)
    assert data.data.dtype == np.float32
    assert data.target.tolist() == list(y)
    assert (data.paths.tolist(), data.groups.tolist()) == (paths, groups)
    assert MFCCExtractor(**data.parameters).get_params() == parameters
    assert set(data.versions) == {"skgenre", "numpy", "librosa"}


def test_npz_keeps_missing_groups_apart(features, tmp_path):
    X, y = features
    groups = ["a", None, np.nan, pd.NA, "", *"aaaaaaa"]
    paths = [f"{number}.wav" for number in range(12)]
    save_mfcc_npz(tmp_path / "data.npz", X, y, paths=paths, groups=groups)
    loaded = load_mfcc_npz(tmp_path / "data.npz").groups.tolist()
    unknown = [f"track:{number}.wav" for number in (1, 2, 3, 4)]
    assert loaded == ["a", *unknown, *"aaaaaaa"]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, ""])
def test_a_missing_genre_is_not_saved(missing, features, tmp_path):
    X, y = features[0], [*features[1][:-1], missing]
    with pytest.raises(ValueError, match=r"a genre for each track, got .* track 11"):
        save_mfcc_json(tmp_path / "data.json", X, y)
    with pytest.raises(ValueError, match=r"a genre for each track, got .* track 11"):
        save_mfcc_npz(tmp_path / "data.npz", X, y, paths=y)


def test_npz_of_no_track_and_of_columns_first_come_back(tmp_path):
    file = tmp_path / "features.npz"
    save_mfcc_npz(file, np.ones((0, 2, 3, 4)), [], paths=[])
    assert load_mfcc_npz(file).data.shape == (0, 2, 3, 4)
    X = np.asfortranarray(np.arange(24.0).reshape(1, 2, 3, 4))
    save_mfcc_npz(file, X, ["a"], paths=["a.wav"])
    data = load_mfcc_npz(file).data
    assert_array_equal(data, X)
    data[0] = 0  # an array of one's own


def test_files_of_others_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", data=1)
    with pytest.raises(ValueError, match="not written by save_mfcc_npz"):
        load_mfcc_npz(tmp_path / "other.npz")
    with pytest.raises(ValueError, match="X must be floats of shape"):
        save_mfcc_json(tmp_path / "a.json", np.ones((2, 3)), ["a", "b"])
    with pytest.raises(ValueError, match="inconsistent"):
        save_mfcc_npz(tmp_path / "a.npz", np.ones((2, 1, 3, 4)), ["a"], paths=["b"])


def test_a_json_file_larger_than_its_bound_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mfcc_files, "MAX_JSON_BYTES", 100)
    (tmp_path / "data.json").write_text("[" + " " * 100 + "]")
    with pytest.raises(ValueError, match="must have at most 100 bytes"):
        load_mfcc_json(tmp_path / "data.json")


def test_a_json_file_nested_without_end_is_refused(tmp_path):
    (tmp_path / "data.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="is not an intact JSON file"):
        load_mfcc_json(tmp_path / "data.json")


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_io, "MAX_NPZ_BYTES", 10**6)
    np.savez_compressed(tmp_path / "bomb.npz", data=np.zeros(10**6))
    with pytest.raises(ValueError, match=r"unpacks from .* to 8000128 bytes"):
        load_mfcc_npz(tmp_path / "bomb.npz")


def test_an_array_that_promises_more_than_is_there_is_refused(tmp_path):
    head = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head) + 1)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.npy", member + head.encode() + b"\n" + bytes(8))
    with pytest.raises(ValueError, match=r"a.npz is not an intact npz file"):
        load_mfcc_npz(tmp_path / "a.npz")


def test_objects_in_an_archive_are_never_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="holds objects, which are never loaded"):
        load_mfcc_npz(tmp_path / "a.npz")


def test_numbers_of_numpy_among_the_parameters_stay_numbers(tmp_path):
    X, file = np.zeros((1, 1, 2, 3), np.float32), tmp_path / "features.npz"
    parameters = {
        "hop_length": np.int16(512),
        "fmax": np.float32(4000),
        "n": [np.int8(1)],
    }
    save_mfcc_npz(file, X, ["blues"], paths=["a.wav"], parameters=parameters)
    expected = {"hop_length": 512, "fmax": 4000.0, "n": [1]}
    assert load_mfcc_npz(file).parameters == expected


@pytest.mark.parametrize("head", ["{'descr': (", "{[]: 1}", "(" * 300, "\x00"])
def test_an_array_with_a_damaged_header_is_refused_by_its_name(tmp_path, head):
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head) + 1)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.npy", member + head.encode() + b"\n")
    with pytest.raises(
        ValueError, match=r"a.npz is not an intact npz file: in .data.npy., "
    ):
        load_mfcc_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("target", np.zeros(2)),
        ("paths", np.zeros(2, "M8[s]")),
        ("groups", np.zeros(2, [("a", "<U1")])),
        ("paths", np.frombuffer(b"\xff" * 8, "<U1")),
        ("about", np.array('{"version": NaN}')),
        ("about", np.frombuffer(b"\xff" * 4, "<U1")),
        ("about", np.array("[" * 100_000)),
    ],
)
def test_columns_that_are_no_texts_are_refused_by_name(name, values, tmp_path):
    file = tmp_path / "a.npz"
    X = np.zeros((2, 1, 1, 1))
    save_mfcc_npz(file, X, ["a", "b"], paths=["c", "d"], groups=["e", "f"])
    with np.load(file, allow_pickle=False) as arrays:
        np.savez(file, **{**arrays, name: values})
    with pytest.raises(ValueError, match=f"^{file} "):
        load_mfcc_npz(file)


def test_a_long_genre_does_not_fill_the_memory(tmp_path):
    # Padded to the longest, ten thousand genres would be an array of 4 GB.
    genres = [*map(str, range(10_000)), "x" * 100_000]
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"mapping": genres, "labels": [], "mfcc": []}))
    with pytest.raises(ValueError, match=f"^{file} must have genres of at most 255"):
        load_mfcc_json(file)


@pytest.mark.parametrize(
    ("segment", "value"), [(0, np.inf), (0, -np.inf), (0, np.nan), (1, np.nan)]
)
def test_values_that_no_model_takes_are_neither_saved_nor_loaded(
    tmp_path, segment, value
):
    X, file = np.zeros((2, 2, 3, 4)), tmp_path / "features.npz"
    X[0, 1] = np.nan
    save_mfcc_npz(file, X, ["blues", "rock"], paths=["a.wav", "b.wav"])
    arrays = dict(np.load(file))
    X[1, segment, 2, 3] = value
    message = "must hold finite numbers, .* got others in track 1"
    with pytest.raises(ValueError, match=f"^X {message}"):
        save_mfcc_npz(file, X, ["blues", "rock"], paths=["a.wav", "b.wav"])
    with pytest.raises(ValueError, match=f"^X {message}"):
        save_mfcc_json(tmp_path / "features.json", X, ["blues", "rock"])
    np.savez(file, **{**arrays, "data": X})
    with pytest.raises(ValueError, match=f"^{file} {message}"):
        load_mfcc_npz(file)


@pytest.mark.parametrize(
    "about",
    [
        "[]",
        "{}",
        '{"version": NaN, "parameters": {}, "versions": {}}',
        '{"version": 1, "parameters": 5, "versions": {}}',
        '{"version": 1, "parameters": {}, "versions": "x"}',
        '{"version": 1e999, "parameters": {}, "versions": {}}',
    ],
)
def test_an_account_of_features_that_nobody_saved_is_refused(tmp_path, about):
    file = tmp_path / "features.npz"
    save_mfcc_npz(file, np.zeros((1, 1, 3, 4)), ["blues"], paths=["a.wav"])
    np.savez(file, **{**np.load(file), "about": np.array(about)})
    with pytest.raises(ValueError, match="was not written by save_mfcc_npz"):
        load_mfcc_npz(file)

import io
import logging
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgenre import FeatureStore


@pytest.fixture
def audio(tmp_path):
    path = tmp_path / "track.wav"
    path.write_bytes(b"sound")
    return path


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store", {"n_mfcc": 13})


def test_kept_array_is_loaded_again(store, audio):
    features = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    store.save(store.entry_path(audio), features)
    assert_array_equal(store.load(store.entry_path(audio)), features)


def test_absent_entry_is_none(store, audio):
    assert store.load(store.entry_path(audio)) is None


def test_edited_file_is_another_entry(store, audio):
    before = store.entry_path(audio)
    audio.write_bytes(b"other")
    os.utime(audio, ns=(0, 12345))
    assert store.entry_path(audio) != before


def test_other_parameters_are_another_entry(store, audio):
    other = FeatureStore(store.directory, {"n_mfcc": 20})
    assert other.entry_path(audio) != store.entry_path(audio)


def test_link_to_a_file_shares_its_entry(store, audio, tmp_path):
    link = tmp_path / "link.wav"
    link.symlink_to(audio)
    assert store.entry_path(link) == store.entry_path(audio)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"not an array"])
def test_damaged_entry_is_absent_and_said_to_be(store, audio, caplog, content):
    entry = store.entry_path(audio)
    store.save(entry, np.zeros(3))
    entry.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert store.load(entry) is None
    assert "damaged entry" in caplog.text


@pytest.mark.parametrize("place", [0, 20, 128, 130, 135, -1])
def test_entry_with_one_changed_byte_is_absent(store, audio, place):
    entry = store.entry_path(audio)
    store.save(entry, np.zeros(3))
    content = bytearray(entry.read_bytes())
    content[place] ^= 1
    entry.write_bytes(content)
    assert store.load(entry) is None


def test_entry_is_an_array_file_of_numpy(store, audio):
    store.save(store.entry_path(audio), np.arange(3))
    assert_array_equal(np.load(store.entry_path(audio)), [0, 1, 2])


def test_pickled_array_is_never_loaded(store, audio, caplog):
    entry = store.entry_path(audio)
    entry.parent.mkdir(parents=True)
    stream = io.BytesIO()
    np.save(stream, np.array([{}], dtype=object), allow_pickle=True)
    checksum = zlib.crc32(stream.getvalue()).to_bytes(4, "little")
    entry.write_bytes(stream.getvalue() + checksum)
    assert store.load(entry) is None
    assert "holds objects, which are never loaded" in caplog.text


def test_failed_save_leaves_nothing(store, audio):
    entry = store.entry_path(audio)
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        store.save(entry, np.array([{}], dtype=object))
    assert list(store.directory.rglob("*")) == []


def test_clear_removes_what_killed_writers_left_but_not_what_is_written(store, audio):
    store.save(store.entry_path(audio), np.zeros(10))
    left = store.entry_path(audio).with_name(f".{'a' * 32}.tmp")
    written = left.with_name(f".{'b' * 32}.tmp")
    for path in (left, written):
        path.touch()
    os.utime(left, (0, 0))
    store.clear()
    assert list(left.parent.iterdir()) == [written]


def test_size_and_clear_see_all_entries(store, audio):
    store.save(store.entry_path(audio), np.zeros(10))
    assert store.size() == store.entry_path(audio).stat().st_size
    store.clear()
    assert store.size() == 0


def test_clear_removes_what_the_store_wrote_and_nothing_else(store, audio, tmp_path):
    entry = store.entry_path(audio)
    store.save(entry, np.zeros(10))
    # The name of the entry's folder depends on the time of the file.
    names = (name for name in ("ab", "cd", "ef", "01") if name != entry.parent.name)
    first, second, third = (store.directory / next(names) for _ in range(3))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    spared = [
        first / "my_features.npy",
        first / f"{'0' * 62}.npy",
        first / ".notes.tmp",
        store.directory / "AB" / entry.name,
        store.directory / entry.name,
        elsewhere / entry.name,
    ]
    for path in spared:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(entry.read_bytes())
        os.utime(path, (0, 0))
    linked = second / entry.name
    linked.parent.mkdir()
    linked.symlink_to(elsewhere / entry.name)
    third.symlink_to(elsewhere)
    (first / entry.name).mkdir()
    assert store.size() == entry.stat().st_size
    store.clear()
    assert store.size() == 0
    assert all(path.exists() for path in [*spared, linked])
    assert (first / entry.name).is_dir()


def test_clear_removes_folders_that_it_has_emptied_and_no_others(store, audio):
    entry = store.entry_path(audio)
    store.save(entry, np.zeros(10))
    own = store.directory / ("00" if entry.parent.name != "00" else "01")
    own.mkdir()
    store.clear()
    assert list(store.directory.iterdir()) == [own]
    store.save(entry, np.zeros(10))
    assert store.load(entry) is not None


def test_entry_is_kept_while_another_process_clears_the_store(
    store, audio, monkeypatch
):
    mkdir = Path.mkdir

    def mkdir_and_clear(folder, **options):
        mkdir(folder, **options)
        monkeypatch.undo()
        folder.rmdir()

    monkeypatch.setattr(Path, "mkdir", mkdir_and_clear)
    store.save(store.entry_path(audio), np.zeros(10))
    assert_array_equal(store.load(store.entry_path(audio)), np.zeros(10))

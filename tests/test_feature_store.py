import errno
import io
import logging
import os
import socket
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_array_equal

from skgenre import AudioDecodeError, FeatureStore, MFCCExtractor
from skgenre.features import extractor as extractor_module
from skgenre.features import feature_store


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


def list_entries(folder):
    return sorted(folder.glob("*/*.skgenre.npy"))


@pytest.fixture
def kept(write_tone, tmp_path):
    """An extractor, two tracks, their features, and the entry of the first."""
    paths = [write_tone("a.wav", duration=7.0), write_tone("b.wav", duration=3.0)]
    extractor = MFCCExtractor(n_segments=3, cache_dir=tmp_path / "features")
    features = extractor.transform(paths)
    store = tmp_path / "features"
    (entry,) = (e for e in list_entries(store) if len(np.load(e)) == 2)
    return extractor, paths, features, entry


def seal(content):
    return content + zlib.crc32(content).to_bytes(4, "little")


def seal_array(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return seal(stream.getvalue())


def seal_header(fields, n_bytes):
    header = fields.encode() + b"\n"
    return seal(
        b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(n_bytes)
    )


def put(value):
    def change(features):
        features[1, 60, 5] = value
        return features

    return change


FORGED = {
    "float64": lambda features: features.astype(np.float64),
    "int32": lambda features: features.astype(np.int32),
    "big-endian": lambda features: features.astype(">f4"),
    "complex": lambda features: features.astype(np.complex64),
    "text": lambda features: features.astype("U4"),
    "structured": lambda features: features.view([("a", np.float32)]),
    "Fortran order": np.asfortranarray,
    "no segment": lambda features: features[:0],
    "four segments": lambda features: np.concatenate([features, features]),
    "fewer frames": lambda features: features[:, :-1],
    "fewer coefficients": lambda features: features[:, :, :-1],
    "one segment less an axis": lambda features: features[0],
    "tracks": lambda features: features[np.newaxis],
    "a number": lambda features: features[0, 0, 0],
    "infinity": put(np.inf),
    "partly NaN": put(np.nan),
    "a missing segment": lambda features: np.stack([features[0], features[1] * np.nan]),
}


def assert_is_made_again(kept, content, caplog):
    extractor, paths, features, entry = kept
    entry.write_bytes(seal_array(np.load(entry)) if content is None else content)
    forged = entry.lstat().st_ino
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        assert_array_equal(extractor.transform(paths), features)
    assert caplog.text.count("damaged entry") == 1
    assert entry.lstat().st_ino != forged
    assert_array_equal(np.load(entry), features[0, :2])


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_an_array_that_no_analysis_makes_is_made_again(kept, forge, caplog):
    forged = forge(np.load(kept[-1]))
    assert_is_made_again(kept, seal_array(forged), caplog)


@pytest.mark.parametrize(
    "fields",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 130, 13)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, True, 3380)}",
        "{'descr': ('<f4',), 'fortran_order': False, 'shape': (2, 130, 13)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 130, 13)}" + " " * 65000,
        "(" * 9000,
    ],
    ids=["terabytes", "True", "IndexError", "64 kB", "nested"],
)
def test_a_forged_header_is_made_again(kept, fields, caplog):
    assert_is_made_again(kept, seal_header(fields, 4 * 2 * 130 * 13), caplog)
    assert "allow_pickle" not in caplog.text


def test_an_entry_larger_than_any_is_not_read(kept, monkeypatch, caplog):
    extractor, paths, features, entry = kept
    with open(entry, "wb") as file:
        file.truncate(2**41)  # takes no space
    with caplog.at_level(logging.WARNING):
        assert_array_equal(extractor.transform(paths), features)
    assert f"{2**41} bytes, at most" in caplog.text
    monkeypatch.setattr(feature_store, "MAX_ENTRY_BYTES", feature_store.MAX_EXTRA_BYTES)
    entry.unlink()
    with pytest.warns(RuntimeWarning, match="could not be kept .*: File too large"):
        assert_array_equal(extractor.transform(paths), features)


def make_socket(path):
    # The path of a socket may have 107 bytes.
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)


INTRUDERS = {
    "named pipe": os.mkfifo if hasattr(os, "mkfifo") else None,
    "socket": make_socket,
    "symbolic link": lambda path: path.symlink_to("/dev/zero"),
    "symbolic link to itself": lambda path: path.symlink_to(path.name),
    "symbolic link to nothing": lambda path: path.symlink_to("/no/where"),
    "symbolic link to an entry": lambda path: path.symlink_to(
        next(e for e in list_entries(path.parents[1]) if e != path)
    ),
}


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
@pytest.mark.parametrize("what", INTRUDERS)
def test_what_stands_in_place_of_an_entry_is_replaced(kept, what, caplog, monkeypatch):
    extractor, paths, features, entry = kept
    monkeypatch.chdir(entry.parent)
    entry.unlink()
    INTRUDERS[what](entry)
    with caplog.at_level(logging.WARNING):
        assert_array_equal(extractor.transform(paths), features)
    assert caplog.text.count(f"is a {' '.join(what.split()[:2])}, expected") == 1
    assert not entry.is_symlink()
    assert_array_equal(np.load(entry), features[0, :2])


def test_folders_in_place_of_entries_are_one_warning_and_stay(kept):
    extractor, paths, features, _ = kept
    entries = list_entries(extractor.cache_dir)
    for entry in entries:
        entry.unlink()
        entry.mkdir()
    with pytest.warns(RuntimeWarning) as caught:
        assert_array_equal(extractor.transform(paths), features)
    assert len(caught) == 1
    assert "(2 of 2 tracks, the first at " in str(caught[0].message)
    assert all(entry.is_dir() for entry in entries)


def test_a_file_in_place_of_a_folder_of_the_store_is_named(kept):
    extractor, paths, features, entry = kept
    entry.unlink()
    for other in entry.parent.iterdir():
        other.unlink()
    entry.parent.rmdir()
    entry.parent.touch()
    with pytest.warns(RuntimeWarning, match=f"File exists .*{entry.parent}\\)"):
        assert_array_equal(extractor.transform(paths), features)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_entries_that_the_system_refuses_are_one_warning(
    kept, code, monkeypatch, caplog
):
    extractor, paths, features, _ = kept
    system_open = os.open

    def refuse(path, flags, *more, **options):
        if str(path).endswith(".skgenre.npy"):
            raise OSError(code, os.strerror(code), path)
        return system_open(path, flags, *more, **options)

    monkeypatch.setattr(os, "open", refuse)
    with (
        pytest.warns(RuntimeWarning, match=os.strerror(code)) as caught,
        caplog.at_level(logging.WARNING),
    ):
        assert_array_equal(extractor.transform(paths), features)
    (warned,) = caught
    assert warned.filename == __file__
    assert "could not be read from cache_dir" in str(warned.message)
    assert "(2 of 2 tracks, " in str(warned.message)
    assert caplog.records == []


@pytest.mark.parametrize("with_store", [True, False])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_too_many_open_files_are_one_error_and_no_damage(
    kept, n_jobs, with_store, no_more_files, caplog
):
    extractor, paths, *_ = kept
    extractor.set_params(n_jobs=n_jobs)
    if not with_store:
        extractor.set_params(cache_dir=None)
    no_more_files()
    for strict in (True, False):
        with pytest.raises(OSError, match="Too many open files: close") as caught:
            extractor.analyse(paths, strict=strict)
        assert not isinstance(caught.value, AudioDecodeError)
        assert caught.value.filename in map(str, paths)
    assert caplog.records == []


def test_content_under_equal_size_and_time_is_another_only_by_content(
    write_tone, tmp_path
):
    path, time = write_tone("a.wav", duration=3.0), (10**18, 10**18)
    other = write_tone("b.wav", duration=3.0, frequency=880.0).read_bytes()
    extractors = {
        key: MFCCExtractor(n_segments=1, cache_dir=tmp_path / key, cache_key=key)
        for key in ("stat", "content")
    }
    os.utime(path, ns=time)
    before = {key: x.transform([path]) for key, x in extractors.items()}
    path.write_bytes(other)
    os.utime(path, ns=time)
    after = {key: x.transform([path]) for key, x in extractors.items()}
    expected = MFCCExtractor(n_segments=1).transform([path])
    assert_array_equal(after["content"], expected)
    assert_array_equal(after["stat"], before["stat"])  # as the guide says
    assert not np.array_equal(expected, before["stat"])


def test_copies_and_audio_in_memory_of_one_content_share_an_entry(store, audio):
    by_content = FeatureStore(store.directory, {"n_mfcc": 13}, cache_key="content")
    copy = audio.rename(audio.with_name("moved.wav"))
    os.utime(copy, ns=(0, 1))
    in_memory = io.BytesIO(b"sound")
    assert by_content.entry_path(copy) == by_content.entry_path(in_memory)
    assert by_content.entry_path(copy) == store.entry_path(in_memory)
    assert by_content.entry_path(copy) != store.entry_path(copy)


@pytest.mark.parametrize("backend", ["sequential", "loky"])
def test_features_by_content_are_used_again_after_files_move(
    write_tone, tmp_path, backend
):
    extractor = MFCCExtractor(n_segments=1, cache_dir=tmp_path, cache_key="content")
    paths = [write_tone(f"{name}.wav", duration=3.0) for name in "ab"]  # replicas
    X = extractor.transform(paths)
    (entry,) = list_entries(tmp_path)
    made = entry.stat().st_mtime_ns
    moved = [path.rename(path.with_suffix(".other")) for path in paths]
    with parallel_config(backend, n_jobs=2):
        assert_array_equal(extractor.transform(moved), X)
    assert entry.stat().st_mtime_ns == made
    assert list_entries(tmp_path) == [entry]


def test_content_that_changes_while_it_is_read_is_not_kept(
    write_tone, tmp_path, monkeypatch
):
    path = write_tone(duration=3.0)
    other = write_tone("other.wav", duration=3.0, frequency=880.0).read_bytes()
    compute, time = extractor_module.compute_mfcc, path.stat().st_mtime_ns

    def replace(*args, **parameters):
        path.write_bytes(other)
        os.utime(path, ns=(time, time))
        return compute(*args, **parameters)

    monkeypatch.setattr(extractor_module, "compute_mfcc", replace)
    store = tmp_path / "store"
    extractor = MFCCExtractor(n_segments=1, cache_dir=store, cache_key="content")
    with pytest.raises(AudioDecodeError, match=r"tone\.wav: changed while"):
        extractor.transform([path])
    assert list_entries(store) == []


def test_a_file_whose_content_cannot_be_read_whole_is_not_kept_and_said_so(
    write_tone, tmp_path, monkeypatch
):
    def fail(file, digest):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("hashlib.file_digest", fail)
    path = write_tone(duration=3.0)
    extractor = MFCCExtractor(n_segments=1, cache_dir=tmp_path, cache_key="content")
    with pytest.warns(RuntimeWarning, match=r"Input/output error \(1 of 1 .*tone\.wav"):
        X = extractor.transform([path])
    assert_array_equal(X, MFCCExtractor(n_segments=1).transform([path]))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_what_is_no_file_has_no_content_and_is_named(tmp_path):
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    store = FeatureStore(tmp_path / "store", cache_key="content")
    with pytest.raises(OSError, match=r"pipe\.wav: is a named pipe"):
        store.entry_path(pipe)


@pytest.mark.parametrize("cache_key", ["mtime", None, "Stat", ("stat",)])
def test_unknown_keys_are_refused(cache_key, tmp_path):
    message = "cache_key must be one of 'stat', 'content', got"
    with pytest.raises(ValueError, match=message):
        FeatureStore(tmp_path, cache_key=cache_key)
    with pytest.raises(ValueError, match=message):
        MFCCExtractor(cache_key=cache_key).fit(["a.wav"])

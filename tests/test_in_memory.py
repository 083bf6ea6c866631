"""Promises on audio in memory: the numbers of the file, in every place of a path."""

import gzip
import io
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import soundfile
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from skgenre import (
    AudioDecodeError,
    FeatureStore,
    MFCCDisplay,
    MFCCExtractor,
    MFCCScaler,
    TrackStatistics,
    audit_tracks,
    load_audio,
    make_model,
    predict_timeline,
    run_benchmark,
)
from skgenre.features import base as base_module

FORMATS = [
    ("wav", "PCM_U8"),
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "FLOAT"),
    ("flac", "PCM_16"),
    ("ogg", "VORBIS"),
    ("mp3", "MPEG_LAYER_III"),
]


def write_noise(
    path, *, seconds=4.0, n_channels=2, subtype="PCM_16", sample_rate=44100
):
    shape = (int(seconds * sample_rate), n_channels)
    noise = 0.1 * np.random.default_rng(0).standard_normal(shape)
    soundfile.write(path, noise, 44100, subtype=subtype)
    return str(path)


@pytest.fixture
def wav(tmp_path):
    return write_noise(tmp_path / "track.wav")


@pytest.fixture
def content(wav):
    with open(wav, "rb") as file:
        return file.read()


def extract(X, **parameters):
    return MFCCExtractor(n_segments=1, **parameters).transform(X)


@pytest.mark.parametrize(("extension", "subtype"), FORMATS)
def test_a_file_in_memory_has_the_bits_of_the_file(tmp_path, extension, subtype):
    path = write_noise(tmp_path / f"t.{extension}", subtype=subtype)
    with open(path, "rb") as file:
        content = file.read()
    expected = librosa.load(path, sr=22050)[0]
    assert_array_equal(load_audio(io.BytesIO(content)), expected)
    assert_array_equal(load_audio(io.BytesIO(content), duration=1), expected[:22050])


@pytest.mark.parametrize("name", ["t.m4a", "t.mka", "no_tag.mp3", "stream.flac"])
def test_files_that_need_repair_or_ffmpeg_are_read_from_memory_too(wav, tmp_path, name):
    pytest.importorskip("av")
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg")
    options = {"no_tag.mp3": ["-q:a", "4", "-write_xing", "0"]}.get(name, [])
    path = tmp_path / name
    command = ["ffmpeg", "-v", "error", "-i", wav, *options]
    if name == "stream.flac":  # through a pipe: the header tells no length
        piped = subprocess.run([*command, "-f", "flac", "-"], capture_output=True)
        path.write_bytes(piped.stdout)
    else:
        subprocess.run([*command, path], check=True)
    for form in ({}, {"duration": 1}):
        found = load_audio(io.BytesIO(path.read_bytes()), **form)
        assert_array_equal(found, load_audio(path, **form))


@pytest.mark.parametrize("n_channels", [1, 2, 6, 9, 16])
@pytest.mark.parametrize(
    ("subtype", "kind"),
    [
        ("PCM_16", "int16"),
        ("PCM_32", "int32"),
        ("PCM_16", "float32"),
        ("FLOAT", "float32"),
        ("DOUBLE", "float64"),
    ],
)
def test_a_pair_as_soundfile_reads_it_has_the_bits_of_the_file(
    tmp_path, subtype, kind, n_channels
):
    form = {"subtype": subtype, "n_channels": n_channels}
    path = write_noise(tmp_path / "t.wav", seconds=0.5, **form)
    pair = soundfile.read(path, dtype=kind)
    assert_array_equal(load_audio(pair), librosa.load(path, sr=22050)[0])
    turned = (np.asfortranarray(pair[0]), pair[1])
    assert_array_equal(load_audio(turned), load_audio(path))


@pytest.mark.parametrize(
    ("kind", "samples", "expected"),
    [
        ("int8", [-128, 0, 127], [-1, 0, 127 / 128]),
        ("uint8", [0, 128, 255], [-1, 0, 127 / 128]),
        ("int16", [-(2**15), 0, 2**14], [-1, 0, 0.5]),
        ("int32", [-(2**31), 0, 2**30], [-1, 0, 0.5]),
        (">i2", [-(2**15), 0, 2**14], [-1, 0, 0.5]),
        ("float16", [-1, 0, 0.5], [-1, 0, 0.5]),
        (">f8", [-1, 0, 0.5], [-1, 0, 0.5]),
    ],
)
def test_integers_are_scaled_by_their_full_scale(kind, samples, expected):
    assert_array_equal(load_audio((np.array(samples, kind), 22050)), expected)


def test_a_pair_as_librosa_loads_it_gives_the_features_of_the_file(wav):
    pair = librosa.load(wav, sr=None)
    assert_array_equal(extract([pair]), extract([wav]))
    assert_array_equal(extract([librosa.load(wav, sr=22050.0)]), extract([wav]))


def test_an_array_of_the_users_is_neither_changed_nor_handed_out(wav):
    signal = np.full(22050, 0.5, np.float32)
    signal.setflags(write=False)
    returned = load_audio((signal, 22050))
    returned[:] = 0
    assert signal.min() == 0.5


def open_all(content, path, folder):
    """The same file in all the ways in which uploads and notebooks have it."""
    temporary = [
        tempfile.SpooledTemporaryFile(),  # noqa: SIM115
        tempfile.TemporaryFile(),  # noqa: SIM115
        tempfile.NamedTemporaryFile(dir=folder),  # noqa: SIM115
    ]
    for file in temporary:
        file.write(content)
    opened = map(Path(path).open, ["rb", "rb"], [-1, 0])
    return [io.BytesIO(content), *temporary, *opened]


class Upload:
    """As web frameworks have it: it reads and seeks, and is no file."""

    def __init__(self, content):
        self._file = io.BytesIO(content)
        self.read, self.seek = self._file.read, self._file.seek
        self.tell = self._file.tell


def test_any_open_file_is_read_from_its_beginning_and_left_as_it_was(
    wav, content, tmp_path
):
    files = [*open_all(content, wav, tmp_path), Upload(content)]
    for file in files:
        file.seek(77)
    assert_array_equal(extract(files), np.repeat(extract([wav]), 7, axis=0))
    assert [file.tell() for file in files] == [77] * 7
    for file in files[:-1]:
        file.close()  # which fails if it is closed


class SlowUpload(Upload):
    """Another thread has the time to read between `seek` and `read`."""

    def __init__(self, content):
        super().__init__(content)
        self.n_reads = 0
        self.seek, self.read = self._seek, self._read

    def _seek(self, offset):
        self._file.seek(offset)
        time.sleep(0.02)

    def _read(self):
        self.n_reads += 1
        return self._file.read()


def test_threads_read_one_file_one_after_the_other(content):
    upload = SlowUpload(content)
    upload.seek(77)
    X = extract([upload] * 8, n_jobs=4)
    assert_array_equal(X, np.repeat(X[:1], 8, axis=0))


def test_a_file_is_read_once_for_its_digest_and_its_features(content, tmp_path):
    upload = SlowUpload(content)
    extract([upload], cache_dir=tmp_path)
    assert upload.n_reads == 1


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_other_processes_are_given_what_an_open_file_holds(content, backend, tmp_path):
    with tempfile.TemporaryFile() as file:
        file.write(content)
        X = [io.BytesIO(content), file, soundfile.read(io.BytesIO(content))]
        with parallel_config(backend, n_jobs=2):
            found = extract(X)
    assert_array_equal(found, np.repeat(extract(X[:1]), 3, axis=0))


def test_an_open_file_of_a_path_is_that_path(wav, tmp_path):
    with open(wav, "rb") as file:
        analysis = MFCCExtractor(n_segments=1, cache_dir=tmp_path).analyse([file])
        store = FeatureStore(tmp_path)
        assert store.entry_path(file) == store.entry_path(wav)
    assert analysis.paths == [wav]


def test_a_file_that_was_replaced_since_it_was_opened_is_read_as_it_was(wav, tmp_path):
    expected = extract([wav])
    with open(wav, "rb") as file:
        os.replace(write_noise(tmp_path / "other.wav", n_channels=1), wav)
        assert_array_equal(extract([file]), expected)


def test_an_archive_that_is_open_is_not_its_path(wav, content, tmp_path):
    with gzip.open(tmp_path / "t.gz", "wb") as file:
        file.write(content)
    with gzip.open(tmp_path / "t.gz", "rb") as file:
        assert_array_equal(extract([file]), extract([wav]))


def list_bad_tracks(path, content):
    """Tracks of which each is at fault by itself, with the reason."""
    noise, rate = soundfile.read(path)
    broken, closed = noise.copy(), io.BytesIO(content)
    broken[100, 0] = np.nan
    closed.close()
    pipe, _ = os.pipe()
    cancelling = np.stack([noise[:, 0], -noise[:, 0]], axis=1)
    return [
        (None, "is None, expected an audio file"),
        (np.nan, "is nan, expected an audio file"),
        (pd.NA, "is <NA>, expected an audio file"),
        ("", "is an empty path, expected an audio file"),
        (content, "bytes, expected a path: .* io.BytesIO"),
        (io.BytesIO(b""), r"is empty \(0 bytes\)"),
        (closed, "closed file, expected an open file"),
        (os.fdopen(pipe, "rb"), "expected an open file that can be sought"),
        ((noise.T, rate), r"shape \(2, 176400\).* give signal.T"),
        ((noise, 0), "has a sample rate of 0 Hz, expected 1000 to"),
        ((noise, 22050.5), "has a sample rate of 22050.5 Hz, expected a whole number"),
        ((noise, np.nan), "has a sample rate of nan Hz"),
        ((noise, 10**400), "Hz, expected 1000 to"),
        ((0 * noise, rate), "holds only silence"),
        ((cancelling, rate), "has channels that cancel out"),
        ((noise[:0], rate), "holds no samples"),
        ((broken, rate), "frame 100 of 140492 is nan, expected finite"),
        ((noise[:, 0] * 1e300, rate), "inf, expected finite"),
        ((np.ones((3000, 2000)), rate), "has 2000 channels, expected at most 1024"),
        ((noise[:999], rate), "too short"),
    ]


@pytest.mark.parametrize("with_store", [False, True])
def test_bad_tracks_are_named_by_their_position_and_the_others_analysed(
    wav, content, tmp_path, with_store
):
    bad = list_bad_tracks(wav, content)
    X = [wav, *(track for track, _ in bad), io.BytesIO(content)]
    store = tmp_path / "store" if with_store else None
    extractor = MFCCExtractor(n_segments=1, n_jobs=2, cache_dir=store)
    analysis = extractor.analyse(X, strict=False)
    assert analysis.paths == [wav, f"X[{len(X) - 1}]"]
    assert_array_equal(analysis.features[1], analysis.features[0])
    assert list(analysis.failures) == [f"X[{row}]" for row in range(1, len(X) - 1)]
    for (_, expected), found in zip(bad, analysis.failures.values(), strict=True):
        assert re.search(expected, found), found


@pytest.mark.parametrize("with_store", [False, True])
def test_paths_that_no_system_has_fail_alone(wav, tmp_path, with_store):
    bad = ["a\0b.wav", "\ud800.wav", "x" * 5000, "~no-one/x.wav", os.fsencode("b.wav")]
    store = tmp_path / "store" if with_store else None
    with pytest.raises(AudioDecodeError) as caught:
        extract([wav, *bad, os.fsencode(wav)], cache_dir=store)
    assert caught.value.paths == list(map(os.fsdecode, bad))
    assert str(caught.value).encode()
    if with_store:
        assert len(list(store.glob("*/*.npy"))) == 1


def test_the_users_own_folder_is_expanded(wav, monkeypatch):
    monkeypatch.setenv("HOME", os.path.dirname(wav))
    monkeypatch.setenv("USERPROFILE", os.path.dirname(wav))
    analysis = MFCCExtractor(n_segments=1).analyse(["~/track.wav", "~/a"], strict=False)
    assert analysis.paths == [wav]
    assert list(analysis.failures) == [os.path.join(os.path.dirname(wav), "a")]
    assert_array_equal(load_audio("~/track.wav"), load_audio(wav))


@pytest.mark.parametrize(
    "container",
    [
        pa.array,
        lambda paths: pa.chunked_array([paths[:1], paths[1:]]),
        lambda paths: pa.table({"path": paths}),
        lambda paths: pd.Series(paths, dtype="string"),
        lambda paths: pd.Series(paths, dtype=pd.ArrowDtype(pa.string())),
        lambda paths: pd.Series(paths, dtype="category"),
        lambda paths: pd.DataFrame({"read": paths}),
        pl.Series,
        lambda paths: pl.DataFrame({"path": paths}),
        lambda paths: np.array(paths, dtype=object),
        lambda paths: [[path] for path in paths],
    ],
)
def test_a_missing_path_fails_alone_in_any_container(wav, container):
    X = container([wav, None, wav])
    analysis = MFCCExtractor(n_segments=1).analyse(X, strict=False)
    assert analysis.paths == [wav, wav]
    assert list(analysis.failures) == ["X[1]"]


@pytest.mark.parametrize(
    "container",
    [
        pd.Series,
        lambda pairs: np.array(pairs, dtype=object),
        lambda pairs: pd.DataFrame(pairs, columns=["signal", "rate"]),
        lambda pairs: list(map(list, pairs)),
    ],
)
def test_pairs_may_come_in_other_containers(wav, container):
    pairs = [soundfile.read(wav), librosa.load(wav, sr=None)]
    assert_array_equal(extract(container(pairs)), np.repeat(extract([wav]), 2, axis=0))


def wrong_arguments():
    noise, rate = np.ones((9, 2)), 22050
    return [
        ((noise, rate), "the single pair .*: put it into a list"),
        (io.BytesIO(b"RIFF"), "got the single <_io.BytesIO .*: put it into a list"),
        (noise, "shape \\(9, 2\\). A signal is a track as the pair"),
        ([noise], r"X\[0\] must be the path .* got array"),
        ([(rate, noise)], "scipy.io.wavfile.read returns it: exchange the two"),
        ([(noise, None)], r"X\[0\] must be a pair .* got None as its sample_rate, exp"),
        ([(noise, True)], "got True as its sample_rate"),
        ([(noise.astype(complex), rate)], "signal of floats, or of int8.* complex128"),
        ([([1, 2, 3], rate)], "got int64 of shape"),
        ([(noise[None], rate)], r"got float64 of shape \(1, 9, 2\)"),
        ([([[1.0], [2.0, 3.0]], rate)], "must have an array as its signal"),
        ([io.StringIO("x")], "got StringIO: open files as 'rb'"),
        ([bytearray(b"RIFF")], "got bytearray"),
        ([["a.wav", "b.wav"]], r"got \['a.wav', 'b.wav'\] of type list"),
        ([{"array": noise, "sampling_rate": rate}], "of type dict"),
    ]


@pytest.mark.parametrize(("X", "message"), wrong_arguments())
def test_what_is_neither_path_nor_audio_is_refused_at_once(X, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MFCCExtractor().fit(X)


def test_an_asynchronous_upload_is_refused_with_the_remedy(content):
    class AsyncUpload(Upload):
        async def read(self):
            return content

        def __init__(self):
            self.seek = None

    with pytest.raises(TypeError, match=r"asynchronous: give .* such as upload\.file"):
        load_audio(AsyncUpload())


def test_a_single_file_in_memory_has_its_own_name(content):
    file = io.BytesIO(b"no sound")
    with pytest.raises(AudioDecodeError) as caught:
        load_audio(file)
    assert caught.value.paths == ["audio in memory"]
    file.name = "song.mp3"
    with pytest.raises(AudioDecodeError) as caught:
        load_audio(file)
    assert caught.value.paths == ["song.mp3"]


def test_features_where_audio_is_given_get_the_remedy(content):
    for X in ([io.BytesIO(content)], [(np.ones(9), 22050)]):
        with pytest.raises(TypeError, match="put an MFCCExtractor before it"):
            MFCCScaler().fit(X)


@pytest.fixture
def read_again(made_tracks):
    """The made tracks, as paths, and as uploads and pairs of samples."""

    def read(path, as_pair):
        if as_pair:
            return soundfile.read(path, dtype="float32")
        with open(path, "rb") as file:
            return io.BytesIO(file.read())

    X = [read(path, row % 2) for row, path in enumerate(made_tracks.paths)]
    return made_tracks.paths.tolist(), X, made_tracks.target


def test_a_pipeline_predicts_uploads_as_it_does_files(read_again):
    paths, X, y = read_again
    for model in (make_model("logistic", n_segments=1), make_calibrated()):
        expected = model.fit(paths, y).predict_proba(paths)
        assert_array_equal(model.fit(X, y).predict_proba(X), expected)


def make_calibrated():
    return CalibratedClassifierCV(make_model("logistic", n_segments=1), cv=2)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_cross_validation_takes_uploads(read_again, n_jobs):
    paths, X, y = read_again
    model = make_model("logistic", n_segments=1)
    expected = cross_val_score(model, paths, y, cv=2)
    assert_array_equal(cross_val_score(model, X, y, cv=2, n_jobs=n_jobs), expected)


def test_a_search_analyses_each_upload_once(read_again, tmp_path, monkeypatch):
    _, X, y = read_again
    n_analyses, stream_audio = [], base_module.stream_audio

    def count(audio, **parameters):
        n_analyses.append(audio)
        return stream_audio(audio, **parameters)

    monkeypatch.setattr(base_module, "stream_audio", count)
    extractor = MFCCExtractor(n_segments=1, cache_dir=tmp_path)
    model = make_pipeline(extractor, TrackStatistics(), LogisticRegression())
    GridSearchCV(model, {"logisticregression__C": [0.1, 1.0]}, cv=3).fit(X, y)
    assert len(n_analyses) == len(X)


def test_other_content_is_another_entry_and_no_other_name(wav, content, tmp_path):
    store = FeatureStore(tmp_path)
    signal, rate = soundfile.read(wav, dtype="int16")
    file = io.BytesIO(content)
    entries = {store.entry_path(file), store.entry_path(io.BytesIO(content))}
    assert len(entries) == 1
    file.seek(1000)
    file.write(b"else")
    entries.add(store.entry_path(file))
    for pair in [(signal, rate), (signal, 8000), (signal[:-1], rate)]:
        entries.add(store.entry_path(pair))
    entries.add(store.entry_path((signal.view("uint16").view("float16"), rate)))
    entries.add(store.entry_path((signal.reshape(-1), rate)))
    assert len(entries) == 7
    assert store.entry_path((signal.copy(), float(rate))) in entries


def test_nothing_in_memory_is_kept_without_a_store(content, monkeypatch):
    monkeypatch.setattr(FeatureStore, "save", None)
    assert np.isfinite(extract([io.BytesIO(content)])).all()


def test_a_timeline_of_an_upload_is_that_of_the_file(read_again):
    paths, X, y = read_again
    model = make_model("logistic-segments", n_segments=1).fit(paths, y)
    expected = predict_timeline(model, paths[0])
    for audio, name in [(X[0], "audio in memory"), (X[1], "audio in memory")]:
        timeline = predict_timeline(model, audio)
        assert timeline.path == name
    upload = X[0]
    upload.name = "song.wav"
    timeline = predict_timeline(model, upload)
    assert timeline.path == "song.wav"
    assert_array_equal(timeline.probabilities, expected.probabilities)
    with pytest.raises(AudioDecodeError, match=r"^audio in memory: "):
        predict_timeline(model, io.BytesIO(b"no sound"))


def test_an_audit_takes_uploads_and_names_their_position(read_again):
    paths, X, _ = read_again
    report = audit_tracks([paths[0], X[0], X[1], None])
    assert report.paths == [paths[0], "X[1]", "X[2]", "X[3]"]
    found = {finding.fault: finding.tracks for finding in report.findings}
    assert found["exact-replica"] == (0, 1)
    assert found["unreadable"] == (3,)


def test_a_picture_may_be_drawn_of_an_upload(content):
    pytest.importorskip("matplotlib").use("agg")
    extractor = MFCCExtractor(n_segments=1)
    display = MFCCDisplay.from_estimator(extractor, io.BytesIO(content))
    assert display.mfcc.shape == (1, 130, 13)


def test_a_benchmark_of_audio_in_memory_is_refused(read_again):
    _, X, y = read_again
    data = Bunch(paths=X, target=y)
    with pytest.raises(TypeError, match=r"data.paths\[0\] must be the path of a file"):
        run_benchmark(["dummy"], data)


def test_index_of_a_series_of_uploads_is_kept(read_again):
    _, X, _ = read_again
    X = pd.Series(X[::2], index=range(50, 62))
    model = make_pipeline(MFCCExtractor(n_segments=1), TrackStatistics())
    frame = model.set_output(transform="pandas").fit_transform(X)
    assert frame.index.tolist() == X.index.tolist()

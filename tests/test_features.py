import errno
import logging
import os
import pickle
import signal
import subprocess
import sys
import time
import tracemalloc
import warnings
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import sklearn
import soundfile
from joblib import Parallel, delayed, parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tqdm.auto import tqdm

from skgenre import (
    AudioDecodeError,
    IncompleteAudioWarning,
    MFCCExtractor,
    MFCCScaler,
    SegmentStatistics,
    TrackStatistics,
    audit_tracks,
    predict_timeline,
    run_benchmark,
)
from skgenre.audio import ffmpeg
from skgenre.audio.inspection import Inspection
from skgenre.audio.libsndfile import LibsndfileReader
from skgenre.features import extractor as extractor_module
from skgenre.features.statistics import CHANGE_LAGS, STATISTICS


def librosa_segments(path, *, sample_rate=22050, segment_samples=66150, **parameters):
    """The usual loop: load, cut, librosa.feature.mfcc per segment."""
    signal, _ = librosa.load(path, sr=sample_rate)
    starts = range(0, len(signal), segment_samples)
    return [
        librosa.feature.mfcc(
            y=signal[start : start + segment_samples], sr=sample_rate, **parameters
        ).T
        for start in starts
    ]


def test_every_segment_equals_librosa_alone(made_tracks):
    X = MFCCExtractor(n_segments=2).transform(made_tracks.paths[:3])
    assert X.shape == (3, 2, 130, 13)
    assert X.dtype == np.float32
    for track, path in zip(X, made_tracks.paths, strict=False):
        expected = librosa_segments(path, n_mfcc=13)[:2]
        assert_allclose(track, expected, atol=1e-3)


def test_other_parameters_equal_librosa_too(write_tone):
    path = write_tone(duration=4.2, sample_rate=44100, n_channels=2)
    parameters = {"n_mfcc": 20, "n_fft": 1024, "hop_length": 256, "n_mels": 40}
    limits = {"fmin": 50.0, "fmax": 7000.0}
    extractor = MFCCExtractor(
        sample_rate=16000, segment_duration=2.0, n_segments=2, **parameters, **limits
    )
    expected = librosa_segments(
        path, sample_rate=16000, segment_samples=32000, **parameters, **limits
    )
    assert_allclose(extractor.transform([path])[0], expected[:2], atol=1e-3)


def test_real_tracks_have_both_short_and_missing_last_segments(real_tracks):
    paths = sorted(real_tracks.glob("*/*.wav"))
    X = MFCCExtractor(n_jobs=2).transform(paths)
    present = ~np.isnan(X).all(axis=(2, 3))
    for path, row in zip(paths, present, strict=True):
        n_samples = len(librosa.load(path, sr=None)[0])
        assert row.sum() == min(10, 1 + (n_samples - 66048) // 66150)
    assert not present.all()


def test_nine_second_segments_have_388_frames(write_tone):
    extractor = MFCCExtractor(segment_duration=9.0, n_segments=1)
    assert extractor.transform([write_tone(duration=9.1)]).shape == (1, 1, 388, 13)


@pytest.mark.parametrize(("n_missing", "is_present"), [(102, True), (103, False)])
def test_segment_counts_when_all_of_its_frames_can_be_had(
    write_tone, n_missing, is_present
):
    path = write_tone(duration=(2 * 66150 - n_missing) / 22050)
    X = MFCCExtractor(n_segments=2).transform([path])
    assert np.isfinite(X[0, 1]).all() == is_present
    assert np.isnan(X[0, 1]).all() != is_present


def test_all_whole_segments_are_taken_where_no_number_is_given(
    make_extractor, write_tone
):
    paths = [write_tone("a.wav", duration=3.0), write_tone("b.wav", duration=10.0)]
    X = make_extractor(n_segments=None).transform(paths)
    assert_array_equal(np.isfinite(X[:, :, 0, 0]).sum(axis=1), [1, 3])


def measure_peak(path, **parameters):
    """Bytes that an extraction of all segments holds at most."""
    extractor = MFCCExtractor(n_segments=None, **parameters)
    extractor.transform([path])
    tracemalloc.start()
    extractor.transform([path])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_a_recording(tmp_path):
    minute = 0.1 * np.random.default_rng(0).standard_normal(60 * 8000)
    peaks = []
    for minutes in (10, 60):
        with soundfile.SoundFile(tmp_path / "t.wav", "w", 8000, channels=1) as file:
            for _ in range(minutes):
                file.write(minute)
        peaks.append(measure_peak(tmp_path / "t.wav", sample_rate=4000))
    # The signal at its own rate grows by 96 MB, the features by 1.2 MB.
    assert peaks[1] - peaks[0] < 6e6


def test_other_backends_than_threads_gather_the_same(make_extractor, made_tracks):
    paths = made_tracks.paths[:4]
    expected = make_extractor(n_segments=2).transform(paths)
    with parallel_config("multiprocessing", n_jobs=2):
        assert_array_equal(make_extractor(n_segments=2).transform(paths), expected)


def test_batch_order_and_workers_change_nothing(make_extractor, made_tracks):
    paths = made_tracks.paths[:6]
    expected = make_extractor(n_segments=2).transform(paths)
    backwards = make_extractor(n_segments=2, n_jobs=2).transform(paths[::-1])[::-1]
    alone = np.concatenate([make_extractor(n_segments=2).transform([p]) for p in paths])
    with parallel_config("loky", n_jobs=2):
        processes = make_extractor(n_segments=2).transform(paths)
    for other in (backwards, alone, processes):
        assert_array_equal(other, expected)


@pytest.mark.parametrize(
    "container", [list, tuple, np.array, pd.Series, lambda p: pd.DataFrame({"path": p})]
)
def test_paths_may_come_in_any_container(make_extractor, made_tracks, container):
    paths = made_tracks.paths[:2].tolist()
    expected = make_extractor(n_segments=1).transform(paths)
    assert_array_equal(
        make_extractor(n_segments=1).transform(container(paths)), expected
    )


def test_kept_features_are_used_again(
    make_extractor, made_tracks, tmp_path, monkeypatch
):
    extractor = make_extractor(n_segments=2, cache_dir=tmp_path / "store")
    first = extractor.transform(made_tracks.paths[:2])
    monkeypatch.setattr("skgenre.features.base.stream_audio", None)
    assert_array_equal(extractor.transform(made_tracks.paths[:2]), first)


def test_damaged_entry_is_analysed_again(make_extractor, made_tracks, tmp_path, caplog):
    extractor = make_extractor(n_segments=2, cache_dir=tmp_path)
    first = extractor.transform(made_tracks.paths[:1])
    (entry,) = tmp_path.glob("*/*.npy")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-100])
    with caplog.at_level(logging.WARNING):
        assert_array_equal(extractor.transform(made_tracks.paths[:1]), first)
    assert len(caplog.records) == 1
    assert entry.read_bytes() == whole


def test_unusable_cache_costs_the_cache_not_the_result(
    make_extractor, made_tracks, tmp_path
):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    extractor = make_extractor(n_segments=1, cache_dir=in_the_way)
    with pytest.warns(RuntimeWarning, match=r"could not be kept in cache_dir .*file"):
        X = extractor.transform(made_tracks.paths[:2])
    assert np.isfinite(X).all()


def test_bad_files_are_named_together_after_the_good_ones_are_kept(
    make_extractor, made_tracks, tmp_path
):
    text = tmp_path / "text.wav"
    text.write_text("this is no sound")
    absent = tmp_path / "absent.wav"
    paths = [text, *made_tracks.paths[:3], absent]
    with pytest.raises(AudioDecodeError, match=r"text\.wav") as caught:
        make_extractor(cache_dir=tmp_path / "store").transform(paths)
    assert caught.value.paths == [str(text), str(absent)]
    assert len(list((tmp_path / "store").glob("*/*.npy"))) == 3


def test_analysis_leaves_bad_files_out_and_says_why(
    make_extractor, made_tracks, tmp_path
):
    text = tmp_path / "text.wav"
    text.write_text("this is no sound")
    good = made_tracks.paths[:3].tolist()
    extractor = make_extractor(n_segments=None, n_jobs=2)
    analysis = extractor.analyse([text, *good[:1], text, *good[1:]], strict=False)
    assert_array_equal(analysis.features, extractor.transform(good))
    assert analysis.paths == good
    assert list(analysis.failures) == [str(text)]
    assert "expected" in analysis.failures[str(text)]


def write_stereo(path):
    """Two channels of 3 s, not alike."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((66150, 2))
    soundfile.write(path, noise, 22050)
    return path


def test_features_of_a_channel_are_librosas(tmp_path):
    path = write_stereo(tmp_path / "stereo.wav")
    signals, _ = librosa.load(path, sr=None, mono=False)
    for channel, samples in [("left", signals[0]), (1, signals[1])]:
        X = MFCCExtractor(channel=channel, n_segments=1).transform([path])
        expected = librosa.feature.mfcc(y=samples, sr=22050, n_mfcc=13).T
        assert_allclose(X[0, 0], expected, atol=1e-3)


def test_files_without_the_channel_are_named(make_extractor, tmp_path, made_tracks):
    stereo, mono = write_stereo(tmp_path / "stereo.wav"), made_tracks.paths[0]
    extractor = make_extractor(channel=1, n_segments=1)
    analysis = extractor.analyse([mono, stereo], strict=False)
    assert analysis.paths == [str(stereo)]
    expected = "has 1 channel, expected at least 2 for channel=1"
    assert analysis.failures == {mono: expected}


def test_store_keeps_each_channel_once(make_extractor, tmp_path):
    path, store = write_stereo(tmp_path / "stereo.wav"), tmp_path / "store"

    def count_entries(channel):
        make_extractor(channel=channel, n_segments=1, cache_dir=store).transform([path])
        return len(list(store.glob("*/*.npy")))

    same = ["left", 0, np.int64(0), np.uint8(0)]
    assert [count_entries(channel) for channel in same] == [1] * 4
    assert [count_entries(channel) for channel in (1, np.int32(1))] == [2] * 2
    assert [count_entries(channel) for channel in ("mean", "right")] == [3, 4]


# From 3.12 Python warns of each fork of a process that has threads.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.usefixtures("incomplete_audio")
@pytest.mark.parametrize("backend", ["sequential", "threading", "multiprocessing"])
def test_incomplete_files_are_one_warning_at_the_line_of_the_user(
    make_extractor, made_tracks, backend
):
    paths = made_tracks.paths[:3].tolist()
    with (
        parallel_config(backend, n_jobs=2),
        pytest.warns(IncompleteAudioWarning, match="3 files are incomplete") as caught,
    ):
        X = make_extractor(n_segments=1).transform(paths)
    assert np.isfinite(X).all()
    caught = [w for w in caught if not issubclass(w.category, DeprecationWarning)]
    assert [(w.message.paths, w.filename) for w in caught] == [(paths, __file__)]
    assert set(caught[0].message.reasons) == {"ends early"}


def test_processes_hand_on_what_is_incomplete(make_extractor, made_tracks, tmp_path):
    path = tmp_path / "half.wav"
    content = Path(made_tracks.paths[0]).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with (
        parallel_config("loky", n_jobs=2),
        pytest.warns(
            IncompleteAudioWarning, match=r"half\.wav: .* of the 7\.00 s"
        ) as caught,
    ):
        make_extractor(n_segments=1).transform([path, *made_tracks.paths[:3]])
    assert [w.filename for w in caught] == [__file__]


@pytest.mark.usefixtures("incomplete_audio")
def test_warnings_from_a_pipeline_name_the_line_of_the_user(made_tracks):
    paths, genres = made_tracks.paths[7:9], made_tracks.target[7:9]
    pipe = make_pipeline(MFCCExtractor(n_segments=1), TrackStatistics())
    model = make_pipeline(pipe, LogisticRegression())
    for call, arguments in (
        (pipe.fit_transform, [paths]),
        (model.fit, [paths, genres]),
        (model.predict, [paths]),
        (predict_timeline, [model, paths[0]]),
    ):
        with pytest.warns(IncompleteAudioWarning) as caught:
            call(*arguments)
        assert [w.filename for w in caught] == [__file__]


@pytest.mark.usefixtures("incomplete_audio")
def test_analysis_says_what_is_incomplete_as_files_are_read(
    make_extractor, made_tracks, tmp_path
):
    path, absent = made_tracks.paths[0], str(tmp_path / "absent.wav")
    extractor = make_extractor(n_segments=1, cache_dir=tmp_path / "store")
    with pytest.warns(IncompleteAudioWarning, match=r"wav: ends early$"):
        analysis = extractor.analyse([absent, path], strict=False)
    assert analysis.incomplete == {path: "ends early"}
    assert list(analysis.failures) == [absent]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert extractor.analyse([path]).incomplete == {}


def decode_by_ffmpeg(monkeypatch):
    pytest.importorskip("av")
    found = Inspection("WAV", decoder="ffmpeg", demuxer="wav")
    monkeypatch.setattr("skgenre.audio.decoder.inspect_audio", lambda file: found)


def count_made_again(folder, paths):
    """Analyse files once more; return how many entries the store has got."""
    before = len(list(folder.glob("*/*.npy")))
    MFCCExtractor(n_segments=1, cache_dir=folder).transform(paths)
    return len(list(folder.glob("*/*.npy"))) - before


def test_features_are_made_again_by_another_libsndfile(
    made_tracks, tmp_path, monkeypatch
):
    paths = made_tracks.paths[:2]
    assert count_made_again(tmp_path, paths) == 2
    assert count_made_again(tmp_path, paths) == 0
    monkeypatch.setattr(LibsndfileReader, "decoder", "libsndfile 99")
    assert count_made_again(tmp_path, paths) == 2


def test_features_of_ffmpeg_are_made_again_by_another_version(
    made_tracks, tmp_path, monkeypatch
):
    decode_by_ffmpeg(monkeypatch)
    paths = made_tracks.paths[:2]
    assert count_made_again(tmp_path, paths) == 2
    assert count_made_again(tmp_path, paths) == 0
    monkeypatch.setattr(LibsndfileReader, "decoder", "libsndfile 99")
    assert count_made_again(tmp_path, paths) == 0
    monkeypatch.setattr(ffmpeg, "find_name", lambda: "ffmpeg libavcodec 99")
    assert count_made_again(tmp_path, paths) == 2


@pytest.mark.parametrize("is_installed", [True, False])
def test_features_of_libsndfile_do_not_depend_on_ffmpeg(
    made_tracks, tmp_path, monkeypatch, is_installed
):
    assert count_made_again(tmp_path, made_tracks.paths[:2]) == 2
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: is_installed)
    monkeypatch.setattr(ffmpeg, "find_name", lambda: pytest.fail("PyAV was asked"))
    # A file that is not stored yet does not ask it either.
    assert count_made_again(tmp_path, made_tracks.paths[:3]) == 1


def test_pyav_is_not_imported_for_what_libsndfile_reads(made_tracks, tmp_path):
    pytest.importorskip("av")
    code = (
        "import sys, skgenre\n"
        "extractor = skgenre.MFCCExtractor(n_segments=1, cache_dir=sys.argv[1])\n"
        "extractor.transform(sys.argv[2:])\n"
        "sys.exit('av' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code, tmp_path, made_tracks.paths[0]], check=True
    )


@pytest.mark.parametrize("progress", [True, "tqdm"])
def test_what_is_no_progress_is_refused_before_the_work(made_tracks, progress):
    for call in [
        partial(MFCCExtractor().analyse, ["none.wav"]),
        partial(audit_tracks, ["none.wav"]),
        partial(run_benchmark, ["knn"], made_tracks),
    ]:
        with pytest.raises(TypeError, match=f"progress must be .* got {progress!r}; "):
            call(progress=progress)


def test_bar_of_tqdm_is_a_progress_as_it_is(made_tracks, capsys):
    MFCCExtractor().analyse(made_tracks.paths[:2], progress=tqdm)
    assert "analysing: 100%" in capsys.readouterr().err


@pytest.mark.parametrize("n_segments", [None, 2])
def test_analysis_of_nothing_but_bad_files_is_empty(tmp_path, n_segments):
    analysis = MFCCExtractor(n_segments=n_segments).analyse(
        [tmp_path / "none.wav"], strict=False
    )
    assert analysis.features.shape == (0, n_segments or 0, 130, 13)
    assert analysis.paths == []


def test_analysis_may_fill_the_store_and_keep_nothing(
    make_extractor, made_tracks, tmp_path
):
    shown = []

    def show(iterable, *, total, desc):
        shown.append((total, desc))
        yield from iterable

    extractor = make_extractor(cache_dir=tmp_path)
    analysis = extractor.analyse(
        made_tracks.paths[:3], keep_features=False, progress=show
    )
    assert len(analysis.features) == 0
    assert analysis.paths == made_tracks.paths[:3].tolist()
    assert len(list(tmp_path.glob("*/*.npy"))) == 3
    assert shown == [(3, "analysing")]


def test_verbose_shows_how_many_tracks_are_done(make_extractor, made_tracks, capsys):
    make_extractor(verbose=1).transform(made_tracks.paths[:3])
    assert "analysing: 100%" in capsys.readouterr().err


def test_incomplete_track_that_is_too_short_is_said_to_be(
    make_extractor, write_tone, incomplete_audio
):
    with pytest.raises(AudioDecodeError, match=r"too short: .*; the file ends early$"):
        make_extractor().transform([write_tone(duration=1.0)])


def test_track_shorter_than_a_segment_is_refused(write_tone):
    path = write_tone(duration=2.9)
    with pytest.raises(AudioDecodeError, match=r"tone\.wav.*2\.90 s.*66048 samples"):
        MFCCExtractor().transform([path])


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([], ValueError, "at least one track"),
        ("track.wav", TypeError, "the single 'track.wav'"),
        ([1], TypeError, r"X\[0\] must be the path .* got 1 of type int"),
        (np.array([["a", "b"]]), ValueError, r"shape \(1, 2\)"),
        (np.zeros((2, 1)), TypeError, r"X\[0\] must be the path"),
        (None, TypeError, "sequence of tracks, got None"),
        ({"a.wav": 1}, TypeError, "sequence of tracks"),
        (iter(["a.wav"]), TypeError, "sequence of tracks"),
    ],
)
def test_other_input_than_paths_is_refused(make_extractor, X, error, message):
    with pytest.raises(error, match=message):
        make_extractor().transform(X)
    with pytest.raises(error, match=message):
        make_extractor().fit(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample_rate", 0),
        ("n_mfcc", 0),
        ("n_mfcc", 129),
        ("n_fft", 2048.0),
        ("hop_length", -1),
        ("n_mels", True),
        ("fmin", -1.0),
        ("fmin", 11025.0),
        ("fmax", 0.0),
        ("fmax", 20000),
        ("segment_duration", 0.0),
        ("segment_duration", float("nan")),
        ("segment_duration", "3"),
        ("segment_duration", 0.01),
        ("n_segments", 0),
        ("channel", "middle"),
        ("channel", -1),
        ("channel", True),
        ("n_jobs", 0),
        ("n_jobs", 1.5),
        ("verbose", -1),
        ("verbose", None),
        ("cache_dir", 5),
        ("cache_dir", ""),
        ("mmap_dir", 5),
        ("segment_duration", 1e12),
        ("sample_rate", 10**9),
        ("n_fft", 10**9),
        ("n_mels", 10**6),
    ],
)
def test_parameter_out_of_range_is_refused_by_name(name, value):
    with pytest.raises((ValueError, TypeError), match=rf"^{name} must be .*{value!r}"):
        MFCCExtractor(**{name: value}).fit(["a.wav"])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["rock", "jazz"], "a label per track, 3 in all, got 2"),
        ("pop", "a label per track, 3 in all, got 'pop'"),
        (["rock", None, "jazz"], "a genre for each track, got None for track 1"),
        (["rock", "jazz", np.nan], "got nan for track 2"),
        (pd.Series(["rock", pd.NA, "jazz"], dtype="string"), "got <NA> for track 1"),
        (np.array([["rock"], [""], ["jazz"]]), "got '' for track 1"),
        (np.array([0.0, 1.0, np.nan]), "got nan for track 2"),
        (["rock"] * 3, "at least two classes .*only one class: 'rock'"),
        (csr_matrix(np.eye(2)), "a label per track, 3 in all, got 2"),
    ],
)
def test_labels_that_train_nothing_are_refused_before_the_analysis(
    y, message, monkeypatch
):
    monkeypatch.setattr(MFCCExtractor, "transform", None)
    model = make_pipeline(MFCCExtractor(), TrackStatistics(), LogisticRegression())
    with pytest.raises(ValueError, match=message):
        model.fit(["a.wav", "b.wav", "c.wav"], y)


@pytest.mark.parametrize(
    "y",
    [None, [0, 1, 0], [0.5, 0.25, 1.5], np.eye(3), csr_matrix(np.eye(3)), [1, 0, -1]],
)
def test_labels_of_other_tasks_pass(y):
    assert MFCCExtractor().fit(["a.wav", "b.wav", "c.wav"], y) is not None


@pytest.mark.parametrize(
    "band",
    [
        {"fmax": 1e-308},
        {"fmax": 5e-324},
        {"fmin": 5e-324, "fmax": 1e-308},
        {"fmin": np.nextafter(11025.0, 0.0)},
        {"fmin": 1000.0, "fmax": np.nextafter(1000.0, 2000.0)},
        {"fmax": 10.0},
        {"fmin": 5000.0, "fmax": 5000.1},
        {"n_fft": 1},
    ],
    ids=str,
)
def test_a_band_without_a_single_filter_is_refused(band):
    with pytest.raises(ValueError, match=r"^fmin and fmax must .* got fmin=.* fmax="):
        MFCCExtractor(**band).fit(["a.wav"])


@pytest.mark.parametrize(
    "parameters",
    [
        {"fmin": 10.7, "fmax": 10.8},
        {"fmin": 1e-308, "fmax": 20.0},
        {"fmin": 11014.0},
        {"n_fft": 3},
        {"n_mels": 4096},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Empty filters:UserWarning")
def test_extreme_parameters_that_are_accepted_give_librosas_numbers(
    parameters, made_tracks
):
    paths = made_tracks.paths[:1].tolist()
    X = MFCCExtractor(n_segments=1, **parameters).transform(paths)
    expected = librosa_segments(paths[0], n_mfcc=13, **parameters)[0]
    assert_allclose(X[0, 0], expected, rtol=0, atol=1e-3)
    assert X[0, 0].std(axis=0).max() > 0


def test_extractor_survives_clone_and_pickle(made_tracks):
    extractor = MFCCExtractor(n_segments=1, n_mfcc=20)
    copy = pickle.loads(pickle.dumps(clone(extractor)))
    assert copy.get_params() == extractor.get_params()
    assert copy.transform(made_tracks.paths[:1]).shape == (1, 1, 130, 20)


def test_pipeline_of_all_transformers_gives_a_named_frame(made_tracks):
    pipeline = make_pipeline(
        MFCCExtractor(n_segments=2), MFCCScaler(), TrackStatistics(), StandardScaler()
    ).set_output(transform="pandas")
    frame = pipeline.fit_transform(made_tracks.paths[:4])
    assert frame.shape == (4, 52)
    assert list(frame.columns[[0, 13, 26, 51]]) == [
        "mfcc0_mean",
        "mfcc0_std",
        "mfcc0_delta_mean",
        "mfcc12_delta_std",
    ]


def with_missing_segment():
    X = np.random.default_rng(0).normal(5, 3, size=(4, 3, 12, 2)).astype(np.float32)
    X[1, 2] = np.nan
    return X


def test_scaled_coefficients_have_mean_zero_and_deviation_one():
    X = with_missing_segment()
    scaled = MFCCScaler().fit_transform(X)
    assert scaled.dtype == np.float32
    assert_array_equal(np.isnan(scaled), np.isnan(X))
    assert_allclose(np.nanmean(scaled, axis=(0, 1, 2)), 0, atol=1e-5)
    assert_allclose(np.nanstd(scaled, axis=(0, 1, 2)), 1, rtol=1e-5)


def test_constant_coefficient_is_only_centred():
    X = np.full((3, 2, 4, 2), 0.1, dtype=np.float32)
    assert_allclose(MFCCScaler().fit_transform(X), 0, atol=1e-7)


def test_statistics_are_those_of_the_frames_and_of_librosas_deltas():
    X = with_missing_segment()
    statistics = TrackStatistics().fit_transform(X)
    for track, row in zip(X, statistics, strict=True):
        segments = [segment for segment in track if np.isfinite(segment).all()]
        deltas = [librosa.feature.delta(segment, axis=0) for segment in segments]
        frames, deltas = np.concatenate(segments), np.concatenate(deltas)
        expected = [frames.mean(0), frames.std(0), deltas.mean(0), deltas.std(0)]
        assert_allclose(row, np.concatenate(expected), rtol=1e-4, atol=1e-5)


def test_statistics_of_a_long_track_do_not_depend_on_its_blocks(monkeypatch):
    # Each segment is at another level, so that no block has the mean of the whole.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1, 100, 30, 3)) + 5 * rng.normal(size=(1, 100, 1, 3))
    X[0, 7] = X[0, 32:48] = np.nan  # one in a block, and a block of none
    monkeypatch.setattr("skgenre._blocks.MAX_BLOCK_BYTES", 1)
    statistics = ("mean", "std", "delta_std", "log_covariance", "change_log_std")
    statistics += ("context_log_covariance",)
    (row,) = TrackStatistics(statistics=statistics).fit_transform(X)
    segments = X[0][np.isfinite(X[0, :, 0, 0])]
    frames = np.concatenate(segments)
    deltas = np.concatenate([librosa.feature.delta(s, axis=0) for s in segments])
    covariance = np.cov(frames.T, bias=True) + 3 * np.eye(3)
    changes = [
        (segments[:, n:] - segments[:, :-n]).std((0, 1)) if n < 30 else np.zeros(3)
        for n in CHANGE_LAGS
    ]
    expected = [frames.mean(0), frames.std(0), deltas.std(0)]
    logarithm = scipy.linalg.logm(covariance)
    expected += [logarithm[np.triu_indices(3)], np.log(np.ravel(changes) + 0.01)]
    # Three frames in a row, of one segment.
    joined = np.concatenate([np.hstack([s[:-2], s[1:-1], s[2:]]) for s in segments])
    logarithm = scipy.linalg.logm(np.cov(joined.T, bias=True) + 3 * np.eye(9))
    expected.append(logarithm[np.triu_indices(9)])
    assert_allclose(row, np.concatenate(expected), rtol=1e-10)


def test_statistics_of_segments_are_those_of_a_track_of_one():
    X = with_missing_segment()
    by_segment = SegmentStatistics().fit_transform(X)
    of_tracks = TrackStatistics(statistics=SegmentStatistics().statistics)
    for track, row in zip(X, by_segment, strict=True):
        present = np.isfinite(track).all(axis=(1, 2))
        assert np.isnan(row[~present]).all()
        assert_allclose(row[present, 0], of_tracks.fit_transform(track[present]))


def test_logarithms_and_correlations_are_numpys():
    X = np.random.default_rng(0).normal(size=(2, 3, 40, 4))
    statistics = TrackStatistics(statistics=("correlation", "log_std", "mean"))
    for track, row in zip(X, statistics.fit_transform(X), strict=True):
        frames = track.reshape(-1, 4)
        pairs = np.corrcoef(frames.T)[np.triu_indices(4, k=1)]
        assert_allclose(row[:6], pairs, atol=0.02)
        assert_allclose(row[6:10], np.log(frames.std(axis=0)), atol=0.02)
        assert_allclose(row[10:], frames.mean(axis=0))
    names = statistics.get_feature_names_out()
    assert list(names[[0, 5, 6, 13]]) == [
        "mfcc0_mfcc1_correlation",
        "mfcc2_mfcc3_correlation",
        "mfcc0_log_std",
        "mfcc3_mean",
    ]


def test_log_covariance_is_scipys_logarithm_of_numpys_covariance():
    X = np.random.default_rng(0).normal(size=(2, 3, 40, 4)) * [20, 10, 5, 2]
    statistics = TrackStatistics(statistics=("log_covariance",))
    for track, row in zip(X, statistics.fit_transform(X), strict=True):
        covariance = np.cov(track.reshape(-1, 4).T, bias=True)
        logarithm = scipy.linalg.logm(covariance + 3 * np.eye(4))
        assert_allclose(row, logarithm[np.triu_indices(4)], atol=1e-8)
    names = statistics.get_feature_names_out()
    assert list(names[[0, 1]]) == [
        "mfcc0_mfcc0_log_covariance",
        "mfcc0_mfcc1_log_covariance",
    ]


def test_changes_are_measured_inside_segments_at_each_lag():
    X = np.random.default_rng(0).normal(size=(1, 2, 12, 3))
    X[0, 1] += 100
    statistics = TrackStatistics(statistics=("change_log_std",))
    values = statistics.fit_transform(X)[0].reshape(11, 3)
    for lag, row in zip((1, 2, 3, 4, 6, 8), values, strict=False):
        changes = np.concatenate([segment[lag:] - segment[:-lag] for segment in X[0]])
        assert_allclose(row, np.log(changes.std(axis=0)), atol=0.02)
    # No segment has changes over 12 frames and more.
    assert_allclose(values[6:], np.log(0.01))
    names = statistics.get_feature_names_out()
    assert list(names[[0, 32]]) == [
        "mfcc0_lag1_change_log_std",
        "mfcc2_lag48_change_log_std",
    ]


def test_context_covariance_is_that_of_the_first_coefficients_of_three_frames():
    X = np.random.default_rng(0).normal(size=(1, 1, 40, 20)) * np.linspace(20, 2, 20)
    statistics = TrackStatistics(statistics=("context_log_covariance",))
    (row,) = statistics.fit_transform(X)
    first = X[0, 0, :, :13]
    joined = np.hstack([first[:-2], first[1:-1], first[2:]])
    logarithm = scipy.linalg.logm(np.cov(joined.T, bias=True) + 3 * np.eye(39))
    assert_allclose(row, logarithm[np.triu_indices(39)], atol=1e-8)
    names = statistics.get_feature_names_out()
    assert list(names[[0, 13]]) == [
        "mfcc0_frame0_mfcc0_frame0_context_log_covariance",
        "mfcc0_frame0_mfcc0_frame1_context_log_covariance",
    ]


@pytest.mark.parametrize("statistics", ["mean", (), ("mean", "mean"), ("median",), 3])
def test_statistics_must_be_distinct_known_names(statistics):
    with pytest.raises((TypeError, ValueError), match=r"statistics(\[0\])? must"):
        TrackStatistics(statistics=statistics).fit(np.zeros((2, 1, 5, 3)))


@pytest.mark.parametrize("n_frames", [1, 2, 3, 8])
@pytest.mark.parametrize("transformer", [TrackStatistics, SegmentStatistics])
def test_statistics_of_few_frames_are_finite(n_frames, transformer):
    X = np.random.default_rng(0).normal(size=(2, 1, n_frames, 3))
    assert np.isfinite(transformer(statistics=STATISTICS).fit_transform(X)).all()


@pytest.mark.parametrize(
    "transformer", [MFCCScaler(), TrackStatistics(), SegmentStatistics()]
)
def test_other_number_of_coefficients_is_refused(transformer):
    transformer.fit(np.zeros((2, 1, 5, 3)))
    with pytest.raises(ValueError, match=r"X has 4 coefficients, .* fitted on 3"):
        transformer.transform(np.zeros((2, 1, 5, 4)))


def hard_links(path, folder, n_links):
    """Files of their own, as the store sees it, at the price of one."""
    folder.mkdir()
    links = [folder / f"{number:05d}.wav" for number in range(n_links)]
    for link in links:
        link.hardlink_to(path)
    return links


def test_three_bad_files_among_many_cost_only_themselves(write_tone, tmp_path):
    paths = hard_links(write_tone(duration=3.0), tmp_path / "links", 300)
    bad = paths[7], paths[99], paths[299]
    for path in bad:
        path.unlink()
        path.write_text("no sound")
    store = tmp_path / "store"
    with pytest.raises(AudioDecodeError, match="3 files cannot") as caught:
        MFCCExtractor(n_segments=1, n_jobs=2, cache_dir=store).transform(paths)
    assert caught.value.paths == [str(path) for path in bad]
    assert len(list(store.glob("*/*.npy"))) == 297


def test_full_disk_costs_the_cache_not_the_result(
    make_extractor, made_tracks, tmp_path, monkeypatch
):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("numpy.save", fail)
    extractor = make_extractor(n_segments=1, cache_dir=tmp_path)
    with pytest.warns(RuntimeWarning, match="No space left on device"):
        X = extractor.transform(made_tracks.paths[:2])
    assert np.isfinite(X).all()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_folder_without_permission_is_said_to_be(
    make_extractor, made_tracks, tmp_path, monkeypatch
):
    path, stat = made_tracks.paths[0], os.stat

    def forbid(name, *args, **kwargs):
        if name == path:
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return stat(name, *args, **kwargs)

    monkeypatch.setattr(os, "stat", forbid)
    with pytest.raises(AudioDecodeError, match=r"ballad.*Permission denied"):
        make_extractor(cache_dir=tmp_path).transform([path])


def test_file_replaced_while_it_is_read_is_not_kept(made_tracks, tmp_path, monkeypatch):
    path = tmp_path / "track.wav"
    path.write_bytes(Path(made_tracks.paths[0]).read_bytes())
    compute = extractor_module.compute_mfcc

    def replace(*args, **parameters):
        os.utime(path, ns=(0, 0))
        return compute(*args, **parameters)

    monkeypatch.setattr(extractor_module, "compute_mfcc", replace)
    with pytest.raises(AudioDecodeError, match=r"track\.wav: changed while"):
        MFCCExtractor(n_segments=1, cache_dir=tmp_path / "store").transform([path])
    assert list((tmp_path / "store").glob("*/*.npy")) == []


def test_four_processes_share_a_cold_store(made_tracks, tmp_path):
    expected = MFCCExtractor(n_segments=2).transform(made_tracks.paths)
    extractor = MFCCExtractor(n_segments=2, cache_dir=tmp_path)
    results = Parallel(n_jobs=4, backend="loky")(
        delayed(extractor.transform)(made_tracks.paths) for _ in range(4)
    )
    for result in results:
        assert_array_equal(result, expected)
    assert len(list(tmp_path.rglob("*.*"))) == len(made_tracks.paths)


INTERRUPTED = """
import signal, sys
from skgenre import MFCCExtractor
# A shell's background jobs, CI's perhaps, start with the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
MFCCExtractor(n_segments=1, n_jobs=2, cache_dir=sys.argv[1]).transform(sys.argv[2:])
"""


def test_interrupted_run_leaves_a_whole_store_to_go_on_from(write_tone, tmp_path):
    paths = hard_links(write_tone(duration=3.0), tmp_path / "links", 2000)
    store = tmp_path / "store"
    command = [sys.executable, "-c", INTERRUPTED, store, *paths]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while len(list(store.glob("*/*.npy"))) < 50:
        time.sleep(0.01)
        assert process.poll() is None, "too fast to be interrupted"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    kept = list(store.glob("*/*.npy"))
    assert 50 <= len(kept) < 2000
    assert {np.load(entry).shape for entry in kept} == {(1, 130, 13)}
    assert list(store.rglob(".*")) == []
    X = MFCCExtractor(n_segments=1, cache_dir=store).transform(paths)
    assert np.isfinite(X).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"sample_rate": np.int16(22050)},
        {"hop_length": np.int16(512), "n_fft": np.int16(2048)},
        {"n_mfcc": np.uint8(13), "n_mels": np.uint8(128), "n_segments": np.uint8(2)},
        {"segment_duration": np.int8(3), "sample_rate": np.int16(22050)},
        {"segment_duration": np.float16(3), "fmin": np.int8(0)},
    ],
)
def test_small_numbers_of_numpy_are_as_good_as_pythons(
    write_tone, tmp_path, parameters
):
    paths = [write_tone(duration=7.0)]
    expected = MFCCExtractor(n_segments=2).transform(paths)
    parameters = {"n_segments": 2, **parameters}
    for workings in ({}, {"cache_dir": tmp_path}, {"mmap_dir": tmp_path / "mmap"}):
        extractor = MFCCExtractor(**parameters, **workings)
        assert_array_equal(extractor.transform(paths), expected)


def make_statistics(*between):
    return make_pipeline(MFCCExtractor(n_segments=2), *between, TrackStatistics())


@pytest.fixture(params=["set_output", "set_config"])
def as_pandas(request):
    """Ask for frames, of one model or of everything."""
    if request.param == "set_output":
        yield lambda model: model.set_output(transform="pandas")
    else:
        with sklearn.config_context(transform_output="pandas"):
            yield lambda model: model


@pytest.fixture(scope="module")
def shuffled(made_tracks):
    """A row per track, in another order than the index, and each track's statistics."""
    paths = made_tracks.paths
    alone = [make_statistics().fit_transform([path])[0] for path in paths]
    order = np.random.default_rng(0).permutation(len(paths))
    frame = pd.DataFrame({"path": paths, "tempo": range(len(paths))})
    return frame.iloc[order], np.asarray(alone)[order]


@pytest.mark.parametrize("column", ["path", ["path"]])
@pytest.mark.parametrize("between", [[], [MFCCScaler()]])
def test_tracks_keep_their_rows_beside_other_columns(
    as_pandas, shuffled, column, between
):
    frame, expected = shuffled
    columns = ColumnTransformer(
        [
            ("audio", make_statistics(*between), column),
            ("rest", "passthrough", ["tempo"]),
        ]
    )
    table = as_pandas(columns).fit_transform(frame)
    assert list(table.index) == list(frame.index)
    assert list(table.columns) == list(columns.get_feature_names_out())
    assert_array_equal(table["rest__tempo"], frame["tempo"])
    if not between:
        assert_allclose(table["audio__mfcc1_mean"], expected[:, 1], rtol=1e-4)
    # Scaled or not, the tracks are in the same order.
    order = table["audio__mfcc1_mean"].to_numpy().argsort()
    assert_array_equal(order, expected[:, 1].argsort())


def test_an_index_lost_on_the_way_is_refused(as_pandas, shuffled):
    model = as_pandas(make_statistics(FunctionTransformer(lambda X: X + 1)))
    with pytest.raises(ValueError, match="step before TrackStatistics has lost"):
        model.fit_transform(shuffled[0]["path"])


def test_tracks_keep_their_rows_in_a_union_and_behind_other_steps(as_pandas, shuffled):
    frame, expected = shuffled
    union = FeatureUnion(
        [("raw", make_statistics()), ("pca", make_pipeline(make_statistics(), PCA(2)))]
    )
    table = as_pandas(union).fit_transform(frame[["path"]])
    assert list(table.index) == list(frame.index)
    assert_allclose(table.iloc[:, :52], expected, rtol=1e-4, atol=1e-4)
    assert_allclose(table.iloc[:, 52:], PCA(2).fit_transform(expected), atol=1e-3)
    assert list(table.columns) == list(union.get_feature_names_out())


def test_rows_are_kept_by_a_pipeline_with_a_memory(shuffled, tmp_path):
    frame = shuffled[0]
    model = make_pipeline(*make_statistics(), StandardScaler(), memory=str(tmp_path))
    model.set_output(transform="pandas")
    for rows in (frame, frame, frame[::-1]):
        assert list(model.fit_transform(rows["path"]).index) == list(rows.index)


def test_set_output_decides_whether_features_have_the_index(make_extractor, shuffled):
    paths = shuffled[0]["path"][:3]
    extractor = make_extractor(n_segments=1)
    assert type(extractor.transform(paths)) is np.ndarray
    features = clone(extractor.set_output(transform="pandas")).transform(paths)
    assert list(features.index) == list(paths.index)
    assert list(pickle.loads(pickle.dumps(features)).index) == list(paths.index)
    assert features[1:].index is None
    with pytest.raises(ValueError, match=r"transform must be one of .*'csv'"):
        extractor.set_output(transform="csv")


def test_polars_gets_the_same_rows(shuffled):
    pl = pytest.importorskip("polars")
    frame, expected = shuffled
    columns = ColumnTransformer(
        [("audio", make_statistics(), ["path"]), ("rest", "passthrough", ["tempo"])]
    ).set_output(transform="polars")
    rows = {name: frame[name].tolist() for name in frame}
    table = columns.fit_transform(pl.DataFrame(rows))
    assert isinstance(table, pl.DataFrame)
    assert_allclose(table["audio__mfcc1_mean"], expected[:, 1], rtol=1e-4)
    assert table["rest__tempo"].to_list() == frame["tempo"].to_list()


def test_scaled_columns_of_a_frame_keep_their_index_and_names(as_pandas):
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [4.0, 8.0]}, index=[7, 3])
    scaled = as_pandas(MFCCScaler()).fit_transform(frame)
    expected = pd.DataFrame({"a": [-1.0, 1.0], "b": [-1.0, 1.0]}, index=[7, 3])
    pd.testing.assert_frame_equal(scaled, expected)


def test_names_go_through_a_whole_pipeline(made_tracks):
    model = make_pipeline(
        MFCCExtractor(n_mfcc=3, n_segments=1), MFCCScaler(), TrackStatistics()
    ).fit(made_tracks.paths[:2])
    numbers = range(3)
    expected = [
        f"mfcc{number}_{statistic}"
        for statistic in ("mean", "std", "delta_mean", "delta_std")
        for number in numbers
    ]
    assert list(model.get_feature_names_out()) == expected
    assert list(model.get_feature_names_out(["path"])) == expected
    assert list(model[:2].get_feature_names_out()) == ["mfcc0", "mfcc1", "mfcc2"]


def test_names_of_segments_are_those_of_tracks():
    X = np.zeros((2, 1, 5, 3))
    names = {"statistics": ("mean", "correlation")}
    expected = TrackStatistics(**names).fit(X).get_feature_names_out()
    segments = make_pipeline(SegmentStatistics(**names), MFCCScaler()).fit(X)
    assert_array_equal(segments.get_feature_names_out(), expected)


TRANSFORMERS = [MFCCScaler(), TrackStatistics(), SegmentStatistics()]


@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_other_names_than_those_of_fit_are_refused(transformer):
    transformer = clone(transformer)
    with pytest.raises(NotFittedError):
        transformer.get_feature_names_out()
    transformer.fit(np.zeros((2, 1, 5, 3)))
    with pytest.raises(ValueError, match=r"length equal to .* \(3\), got \['a'\]"):
        transformer.get_feature_names_out(["a"])
    transformer.fit(pd.DataFrame({"a": [0.0, 1.0], "b": [0.0, 1.0]}))
    with pytest.raises(ValueError, match="not equal to feature_names_in_"):
        transformer.get_feature_names_out(["b", "a"])
    assert transformer.get_feature_names_out()[0].startswith("a")


def test_paths_have_one_name_and_need_no_fit():
    extractor = MFCCExtractor(n_mfcc=2)
    assert list(extractor.get_feature_names_out(["path"])) == ["mfcc0", "mfcc1"]
    with pytest.raises(ValueError, match=r"number of features \(1\), got \['a', 'b'\]"):
        extractor.get_feature_names_out(["a", "b"])

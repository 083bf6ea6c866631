"""Promises of predict_timeline: every segment of a recording, whatever the model."""

import csv
import json
import tracemalloc
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skgenre import (
    AudioDecodeError,
    MFCCExtractor,
    MFCCScaler,
    SegmentPoolingClassifier,
    Timeline,
    make_model,
    predict_timeline,
)


@pytest.fixture(scope="module")
def fit(made_tracks):
    """Fit a model on the tracks, of one segment each."""
    return lambda model: model.fit(made_tracks.paths, made_tracks.target)


def make_pooling(pooling="mean", **extractor_parameters):
    return make_pipeline(
        MFCCExtractor(**{"n_segments": 1, **extractor_parameters}),
        MFCCScaler(),
        SegmentPoolingClassifier(LogisticRegression(max_iter=500), pooling=pooling),
    )


@pytest.fixture(scope="module")
def song(tmp_path_factory, made_tracks):
    """A recording of four segments and a rest too short to be one."""
    import soundfile

    path = tmp_path_factory.mktemp("song") / "song.wav"
    parts = [soundfile.read(path)[0] for path in made_tracks.paths[[0, 20]]]
    soundfile.write(path, np.concatenate(parts), 22050)
    return path


def make_timeline(n_segments):
    start = 3.0 * np.arange(n_segments)
    proba = np.tile([0.25, 0.75], (n_segments, 1))
    return Timeline(
        path="song\n.wav",
        start=start,
        end=start + 3,
        probabilities=proba,
        classes=np.array(["blues", "rock"]),
        track_probabilities=proba[0],
        genre="rock",
    )


@pytest.mark.parametrize("form", [str, repr])
def test_timeline_is_printed_as_a_table_of_its_segments(form):
    assert form(make_timeline(2)).splitlines() == [
        "song\\n.wav: rock, 2 segments",
        "   start      end  genre  probability",
        "    0.00     3.00  rock         0.750",
        "    3.00     6.00  rock         0.750",
    ]


def test_a_long_timeline_is_printed_in_part():
    lines = str(make_timeline(1200)).splitlines()
    assert len(lines) == 2 + 10 + 1 + 10
    assert lines[0].endswith("1200 segments")
    assert lines[11:14] == [
        "   27.00    30.00  rock         0.750",
        "     ...",
        " 3570.00  3573.00  rock         0.750",
    ]


# Segments of 3 s: blues, blues, rock, blues; the tab must not become a column.
CHANGES = Timeline(
    path="song.wav",
    start=3.0 * np.arange(4),
    end=3.0 * np.arange(4) + 3,
    probabilities=np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [1.0, 0.0]]),
    classes=np.array(['blues\t"and"', "rock, pop"]),
    track_probabilities=np.array([0.75, 0.25]),
    genre="rock, pop",
)


def test_labels_for_audacity_are_neighbouring_segments_of_one_genre():
    assert CHANGES.to_labels("audacity") == (
        '0.000000\t6.000000\tblues\\t"and"\n'
        "6.000000\t9.000000\trock, pop\n"
        '9.000000\t12.000000\tblues\\t"and"\n'
    )


def test_labels_for_sonic_visualiser_are_regions_with_their_probability():
    lines = CHANGES.to_labels("sonic-visualiser").splitlines()
    assert [*csv.DictReader(lines)] == [
        {"TIME": time, "VALUE": value, "DURATION": duration, "LABEL": genre}
        for time, value, duration, genre in [
            ("0.000000", "0.800000", "6.000000", 'blues\\t"and"'),
            ("6.000000", "0.600000", "3.000000", "rock, pop"),
            ("9.000000", "1.000000", "3.000000", 'blues\\t"and"'),
        ]
    ]


def test_labels_in_jams_are_open_segments_that_cover_the_recording():
    content = json.loads(CHANGES.to_labels("jams"))
    assert content["file_metadata"]["duration"] == 12.0
    (annotation,) = content["annotations"]
    assert annotation["namespace"] == "segment_open"
    assert [tuple(row.values()) for row in annotation["data"]] == [
        (0.0, 6.0, 'blues\t"and"', pytest.approx(0.8)),
        (6.0, 3.0, "rock, pop", 0.6),
        (9.0, 3.0, 'blues\t"and"', 1.0),
    ]
    assert [*annotation["data"][0]] == ["time", "duration", "value", "confidence"]


def test_the_package_jams_validates_the_labels(tmp_path):
    jams = pytest.importorskip("jams")
    (tmp_path / "song.jams").write_text(CHANGES.to_labels("jams"), encoding="utf-8")
    found = jams.load(str(tmp_path / "song.jams"), validate=True, strict=True)
    intervals, values = found.search(namespace="segment_open")[0].to_interval_values()
    assert_array_equal(intervals, [[0, 6], [6, 9], [9, 12]])
    assert values[1] == "rock, pop"


def test_other_formats_of_labels_are_refused():
    with pytest.raises(ValueError, match="format must be one of 'audacity'"):
        CHANGES.to_labels("praat")


def test_all_segments_are_predicted_whatever_the_model_was_trained_on(fit, song):
    model = fit(make_pooling())
    timeline = predict_timeline(model, song)
    X = MFCCExtractor(n_segments=None).transform([song])
    assert X.shape[1] == 4
    expected = model[1:].predict_proba(X[0, :, np.newaxis])
    assert_allclose(timeline.probabilities, expected)
    assert_allclose(timeline.track_probabilities, expected.mean(axis=0))
    assert_array_equal(timeline.start, [0, 3, 6, 9])
    assert_array_equal(timeline.end, [3, 6, 9, 12])
    assert_array_equal(timeline.classes, model.classes_)


def test_the_track_is_what_a_pipeline_of_all_segments_predicts(fit, song):
    model = fit(make_pooling("geometric"))
    timeline = predict_timeline(model, song)
    model.set_params(mfccextractor__n_segments=None)
    assert_array_equal([timeline.track_probabilities], model.predict_proba([song]))
    assert timeline.genre == model.predict([song])[0]


def test_the_model_is_left_as_it_was(fit, song):
    model = fit(make_pooling())
    before = repr(model), model.predict_proba([song])
    predict_timeline(model, song)
    assert repr(model) == before[0]
    assert_array_equal(model.predict_proba([song]), before[1])
    assert model[0].n_segments == 1


def test_votes_are_shown_before_they_are_counted(fit, song):
    timeline = predict_timeline(fit(make_pooling("vote")), song)
    assert len(np.unique(timeline.probabilities)) > 2
    votes = np.bincount(timeline.probabilities.argmax(axis=1), minlength=3)
    assert_allclose(timeline.track_probabilities, votes / 4)


@pytest.mark.parametrize("name", ["logistic", "logistic-segments"])
def test_statistics_are_those_of_single_segments(fit, song, name):
    model = fit(make_model(name, n_segments=1))
    X = MFCCExtractor(n_segments=None, n_mfcc=model[0].n_mfcc).transform([song])
    expected = model[1:].predict_proba(X[0, :, np.newaxis])
    assert_allclose(predict_timeline(model, song).probabilities, expected)


def test_a_network_gives_its_probabilities_of_segments(fit, song):
    model = fit(make_model("mlp", epochs=1, n_segments=1, random_state=0))
    X = MFCCExtractor(n_segments=None).transform([song])
    (expected,) = model[-1].predict_segments_proba(X)
    assert_array_equal(predict_timeline(model, song).probabilities, expected)


def test_a_network_predicts_each_segment_once(fit, song, monkeypatch):
    model = fit(make_model("mlp", epochs=1, n_segments=1, random_state=0))
    n_rows = []
    predict = type(model[-1])._predict_segments

    def count(self, rows):
        n_rows.append(len(rows))
        return predict(self, rows)

    monkeypatch.setattr(type(model[-1]), "_predict_segments", count)
    predict_timeline(model, song)
    assert n_rows == [4]


def test_a_model_without_probabilities_shows_its_choices(fit, song):
    model = fit(make_model("svm", n_segments=1))
    timeline = predict_timeline(model, song)
    X = MFCCExtractor(n_segments=None).transform([song])
    choices = model[1:].predict(X[0, :, np.newaxis])
    assert_array_equal(timeline.classes[timeline.probabilities.argmax(1)], choices)
    assert_array_equal(np.sort(timeline.probabilities), [[0, 0, 1]] * 4)
    assert timeline.classes[timeline.track_probabilities.argmax()] == timeline.genre


def test_a_search_is_its_best_estimator(fit, song):
    search = fit(GridSearchCV(make_pooling(), {"mfccextractor__n_mfcc": [5, 13]}, cv=2))
    timeline = predict_timeline(search, song)
    expected = predict_timeline(search.best_estimator_, song)
    assert_array_equal(timeline.probabilities, expected.probabilities)


def test_a_calibrated_pipeline_is_the_mean_of_its_folds(fit, song):
    model = fit(CalibratedClassifierCV(make_pooling(), cv=2))
    timeline = predict_timeline(model, song)
    assert timeline.probabilities.shape == (4, 3)
    folds = [
        fold.predict_proba([song])
        for fold in predict_with_all_segments(model).calibrated_classifiers_
    ]
    assert_allclose([timeline.track_probabilities], np.mean(folds, axis=0))


def predict_with_all_segments(model):
    for fold in model.calibrated_classifiers_:
        fold.estimator.set_params(mfccextractor__n_segments=None)
    return model


def test_a_vote_joins_pipelines_of_different_features(fit, song):
    parts = [make_pooling(n_mfcc=5), make_pooling(n_mfcc=13, sample_rate=16000)]
    model = fit(VotingClassifier(list(zip("ab", parts, strict=True)), voting="soft"))
    timeline = predict_timeline(model, song)
    expected = [predict_timeline(part, song).probabilities for part in map(fit, parts)]
    assert_allclose(timeline.probabilities, np.mean(expected, axis=0), atol=1e-6)


def test_segments_of_two_lengths_are_refused(fit, song):
    parts = [make_pooling(), make_pooling(segment_duration=2.0)]
    model = fit(VotingClassifier(list(zip("ab", parts, strict=True)), voting="soft"))
    with pytest.raises(ValueError, match=r"segment_duration=2\.0 and 3\.0"):
        predict_timeline(model, song)


def test_a_table_has_a_row_per_segment_and_a_column_per_genre(fit, song):
    timeline = predict_timeline(fit(make_pooling()), song)
    frame = timeline.to_frame()
    assert list(frame.columns) == ["start", "end", *timeline.classes]
    assert_array_equal(frame[timeline.classes], timeline.probabilities)


def test_a_bad_file_is_named(fit, write_tone, tmp_path):
    model = fit(make_pooling())
    with pytest.raises(AudioDecodeError, match=r"short\.wav: too short"):
        predict_timeline(model, write_tone("short.wav", duration=2.0))
    with pytest.raises(AudioDecodeError, match=r"none\.wav: No such file"):
        predict_timeline(model, tmp_path / "none.wav")
    with pytest.raises(
        TypeError, match=r"audio must be the path of an audio file, .* got \["
    ):
        predict_timeline(model, ["a.wav"])


def test_what_predicts_from_no_paths_is_refused(song):
    for model in (LogisticRegression(), MFCCExtractor(), make_model("knn")[1:], None):
        with pytest.raises(TypeError, match="begins with an MFCCExtractor does, got"):
            predict_timeline(model, song)
    with pytest.raises(NotFittedError):
        predict_timeline(make_model("knn"), song)


# Ten minutes of these features have 3 MB.
LONG = {"sample_rate": 4000, "hop_length": 64, "n_fft": 256, "n_mels": 40, "n_mfcc": 20}


@pytest.fixture(scope="module")
def concert(tmp_path_factory):
    """A recording of ten minutes, whose loudness changes from minute to minute."""
    import soundfile

    path = tmp_path_factory.mktemp("concert") / "concert.wav"
    rng = np.random.default_rng(0)
    minute = rng.uniform(-1, 1, 60 * 4000)
    levels = rng.uniform(0.01, 1, 10)
    soundfile.write(path, np.outer(levels, minute).ravel(), 4000)
    return path


@pytest.fixture
def small_blocks(monkeypatch):
    """All that is held at once, of the sound too, is small."""
    monkeypatch.setattr("skgenre.audio.signal.MAX_BLOCK_SAMPLES", 2**14)
    monkeypatch.setattr("skgenre._blocks.MAX_HELD_BYTES", 2**18)
    monkeypatch.setattr("skgenre._blocks.MAX_BLOCK_BYTES", 2**17)


def measure_memory(function):
    """Return what a function returns, and the peak of the memory that it takes."""
    tracemalloc.start()
    try:
        return function(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_model("logistic", n_segments=1, **LONG),
        lambda: make_model("logistic-segments", n_segments=1, **LONG),
        lambda: make_pooling(**LONG),
    ],
    ids=["logistic", "logistic-segments", "scaled"],
)
def test_a_long_recording_takes_the_memory_of_a_block(fit, concert, request, make):
    model = fit(make())
    expected = predict_timeline(model, concert)
    request.getfixturevalue("small_blocks")
    timeline, n_bytes = measure_memory(lambda: predict_timeline(model, concert))
    assert n_bytes < 2e6
    assert_allclose(timeline.probabilities, expected.probabilities, rtol=1e-4)
    assert_allclose(timeline.track_probabilities, expected.track_probabilities, 1e-5)


@pytest.mark.parametrize("make", [make_pooling, partial(make_model, "logistic")])
def test_predict_takes_a_long_recording_in_blocks(fit, concert, request, make):
    model = fit(make(n_segments=1, **LONG)).set_params(mfccextractor__n_segments=None)
    expected = model.predict_proba([concert])
    request.getfixturevalue("small_blocks")
    proba, n_bytes = measure_memory(lambda: model.predict_proba([concert]))
    assert n_bytes < 2e6
    assert_allclose(proba, expected, rtol=1e-5)


def test_a_network_gives_the_same_numbers_in_blocks(fit, concert, request):
    model = fit(make_model("mlp", n_segments=1, epochs=1, **LONG))
    expected = predict_timeline(model, concert)
    request.getfixturevalue("small_blocks")
    timeline = predict_timeline(model, concert)
    assert_array_equal(timeline.probabilities, expected.probabilities)

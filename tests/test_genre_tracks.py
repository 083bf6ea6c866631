import re
import wave
from pathlib import Path

import librosa
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skgenre import load_genre_folder, make_genre_tracks

N_SEGMENTS = 5


def read_wav(path):
    """Samples as whole numbers, and the sample rate."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return samples, file.getframerate()


@pytest.fixture
def make(tmp_path):
    """Make two short tracks of two genres, unless asked otherwise."""

    def make_small(name="tracks", **parameters):
        defaults = {
            "n_genres": 2,
            "n_tracks_per_genre": 2,
            "n_artists_per_genre": 1,
            "duration": 1.0,
            "random_state": 0,
        }
        return make_genre_tracks(tmp_path / name, **{**defaults, **parameters})

    return make_small


def contents(data):
    return [Path(path).read_bytes() for path in data.paths]


@pytest.mark.parametrize("seed", [0, np.random.RandomState(0)], ids=["int", "stream"])
def test_same_random_state_gives_same_bytes(make, seed):
    state = seed if isinstance(seed, int) else np.random.RandomState(0)
    assert contents(make("a", random_state=seed)) == contents(
        make("b", random_state=state)
    )


def test_tracks_and_random_states_all_differ(make):
    made = contents(make("a", random_state=0)) + contents(make("b", random_state=1))
    assert len(set(made)) == len(made) == 8


def test_larger_sets_hold_the_tracks_of_smaller_ones(make):
    few = make("few", n_genres=2, n_tracks_per_genre=2, n_artists_per_genre=2)
    many = make("many", n_genres=3, n_tracks_per_genre=6, n_artists_per_genre=3)
    assert set(contents(few)) < set(contents(many))


def test_numpy_global_state_is_untouched(make):
    before = np.random.get_state()[1].copy()
    make(random_state=3)
    assert_array_equal(np.random.get_state()[1], before)


def test_files_lie_in_genre_and_artist_folders(make, tmp_path):
    data = make(n_genres=2, n_tracks_per_genre=3, n_artists_per_genre=2)
    names = [str(Path(path).relative_to(tmp_path / "tracks")) for path in data.paths]
    assert names[:4] == [
        "ballad/ballad-artist-00/ballad.00000.wav",
        "ballad/ballad-artist-00/ballad.00001.wav",
        "ballad/ballad-artist-01/ballad.00002.wav",
        "blues/blues-artist-00/blues.00000.wav",
    ]
    assert_array_equal(data.target, ["ballad"] * 3 + ["blues"] * 3)
    assert_array_equal(data.groups, [name.split("/")[1] for name in names])
    assert len([p for p in (tmp_path / "tracks").rglob("*") if p.is_file()]) == 6


def test_folder_loader_reads_the_same_bunch(make, tmp_path):
    made = make(n_genres=3, n_tracks_per_genre=5, n_artists_per_genre=3)
    loaded = load_genre_folder(tmp_path / "tracks", groups="subfolder")
    for field in ("paths", "target", "target_names", "groups"):
        assert_array_equal(made[field], loaded[field])


def test_no_artist_plays_two_genres(make):
    data = make(n_genres=8, n_tracks_per_genre=2, n_artists_per_genre=2)
    assert len(set(data.groups)) == len(set(zip(data.groups, data.target, strict=True)))
    assert len(set(data.groups)) == 16


def test_artists_share_the_tracks_as_evenly_as_can_be(make):
    data = make(n_genres=1, n_tracks_per_genre=8, n_artists_per_genre=3)
    _, counts = np.unique(data.groups, return_counts=True)
    assert sorted(counts) == [2, 3, 3]


@pytest.mark.parametrize("sample_rate", [4000, 8000, 44100, 96000])
@pytest.mark.parametrize("duration", [0.01, 1.0, 3.7])
def test_any_sample_rate_and_duration(make, sample_rate, duration):
    data = make(n_genres=8, sample_rate=sample_rate, duration=duration)
    for path in data.paths[::2]:
        samples, rate = read_wav(path)
        assert (len(samples), rate) == (round(duration * sample_rate), sample_rate)
        assert 0.1 < np.abs(samples / 32768).max() < 1


def test_no_segment_of_three_seconds_is_silent(make):
    data = make(n_genres=8, duration=30.0)
    for path in data.paths:
        samples, rate = read_wav(path)
        segments = (samples / 32768.0).reshape(10, 3 * rate)
        assert np.sqrt(np.mean(segments**2, axis=1)).min() > 1e-3


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_genres": 0}, ValueError, "n_genres must be a positive integer, got 0"),
        ({"n_genres": 2.0}, TypeError, "n_genres must be a positive integer, got 2.0"),
        ({"n_genres": 9}, ValueError, "n_genres must be at most 8.*waltz.*got 9"),
        ({"n_tracks_per_genre": -1}, ValueError, "n_tracks_per_genre .*got -1"),
        ({"n_artists_per_genre": 3}, ValueError, "at most n_tracks_per_genre = 2.*3"),
        ({"duration": 0}, ValueError, "duration must be .*above 0, got 0"),
        ({"duration": np.inf}, ValueError, "duration must be a finite .*got inf"),
        ({"duration": "30"}, TypeError, "duration must be .*got '30'"),
        ({"sample_rate": 3999}, ValueError, "sample_rate .*at least 4000, got 3999"),
        ({"sample_rate": 8000.0}, TypeError, "sample_rate .*got 8000.0"),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_written(
    make, tmp_path, parameters, error, message
):
    with pytest.raises(error, match=message):
        make(**parameters)
    assert not (tmp_path / "tracks").exists()


def test_failure_leaves_whole_tracks_only(make, tmp_path, monkeypatch):
    whole = contents(make("whole"))
    n_writes = iter(range(3))

    class FullDisk(wave.Wave_write):
        def writeframes(self, data):
            if next(n_writes) == 2:
                super().writeframes(data[: len(data) // 2])
                raise OSError(28, "No space left on device")
            super().writeframes(data)

    monkeypatch.setattr("wave.open", lambda file, mode: FullDisk(file))
    with pytest.raises(OSError, match=re.escape("No space left")):
        make("tracks")
    found = sorted(p for p in (tmp_path / "tracks").rglob("*") if p.is_file())
    assert [path.read_bytes() for path in found] == whole[:2]


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    """Mean and spread of the coefficients: (n_tracks, N_SEGMENTS, 26); the Bunch."""
    data = make_genre_tracks(
        tmp_path_factory.mktemp("protocols"), duration=15.0, random_state=2
    )
    features = []
    for path in data.paths:
        samples, rate = read_wav(path)
        mfcc = librosa.feature.mfcc(
            y=(samples / 32768.0).reshape(N_SEGMENTS, -1), sr=rate, n_mfcc=13
        )
        features.append(np.concatenate([mfcc.mean(axis=2), mfcc.std(axis=2)], axis=1))
    return np.array(features), data


def score_tracks(classifier, features, target, splits):
    """Mean accuracy per segment where whole tracks are held out."""
    scores = []
    for train, test in splits:
        classifier.fit(
            np.concatenate(features[train]), np.repeat(target[train], N_SEGMENTS)
        )
        truth = np.repeat(target[test], N_SEGMENTS)
        scores.append(classifier.score(np.concatenate(features[test]), truth))
    return np.mean(scores)


@pytest.mark.parametrize(
    "classifier", [LogisticRegression(max_iter=500), KNeighborsClassifier()]
)
def test_segment_track_and_artist_protocols_differ_visibly(segments, classifier):
    features, data = segments
    model = make_pipeline(StandardScaler(), classifier)
    folds = {"shuffle": True, "random_state": 0}
    by_segment = cross_val_score(
        model,
        np.concatenate(features),
        np.repeat(data.target, N_SEGMENTS),
        cv=StratifiedKFold(5, **folds),
    ).mean()
    tracks = StratifiedKFold(4, **folds).split(features, data.target)
    by_track = score_tracks(model, features, data.target, tracks)
    artists = StratifiedGroupKFold(3, **folds)
    artists = artists.split(features, data.target, data.groups)
    by_artist = score_tracks(model, features, data.target, artists)
    assert by_segment > by_track + 0.08 > by_artist + 0.16
    assert by_segment > 0.85
    assert by_artist > 0.33  # chance is a quarter


def test_no_single_coefficient_separates_the_genres(segments):
    features, data = segments
    tree = DecisionTreeClassifier(max_depth=6, random_state=0)
    folds = StratifiedKFold(4, shuffle=True, random_state=0)

    def score(columns):
        splits = folds.split(features, data.target)
        return score_tracks(tree, features[..., columns], data.target, splits)

    best = max(score([coefficient]) for coefficient in range(13))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    splits = folds.split(features, data.target)
    assert best < score_tracks(model, features, data.target, splits) - 0.1
    assert best < 0.6


def test_small_numbers_of_numpy_make_the_same_tracks(tmp_path):
    sizes = {"n_genres": 2, "n_tracks_per_genre": 3, "n_artists_per_genre": 2}
    small = {name: np.uint8(number) for name, number in sizes.items()}
    small |= {"duration": np.int8(3), "sample_rate": np.int16(22050)}
    one = make_genre_tracks(tmp_path / "a", **sizes, duration=3, random_state=0)
    other = make_genre_tracks(tmp_path / "b", **small, random_state=np.int64(0))
    for path, other_path in zip(one.paths, other.paths, strict=True):
        assert Path(path).read_bytes() == Path(other_path).read_bytes()

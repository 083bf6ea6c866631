from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
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

from skgenre import MFCCExtractor, make_genre_tracks

SMALL = {"n_genres": 2, "n_tracks_per_genre": 4, "n_artists_per_genre": 3}


def content(data):
    return [Path(path).read_bytes() for path in data.paths]


@pytest.fixture(scope="module")
def statistics(tmp_path_factory):
    """Statistics of segments (n_tracks, n_segments, 26), genres, artists."""
    data = make_genre_tracks(
        tmp_path_factory.mktemp("tracks"), duration=15.0, random_state=1
    )
    X = MFCCExtractor(n_segments=5, n_jobs=2).transform(data.paths)
    return np.concatenate([X.mean(axis=2), X.std(axis=2)], axis=2), data


def accuracies(statistics, classifier):
    """By shuffled segments, by tracks, by artists: the mean of four shuffles."""
    X, data = statistics
    rows, y = X.reshape(-1, X.shape[2]), np.repeat(data.target, X.shape[1])
    tracks, artists = np.repeat(np.arange(len(X)), 5), np.repeat(data.groups, 5)
    model = make_pipeline(StandardScaler(), classifier)
    return [
        np.mean(
            [
                cross_val_score(
                    model, rows, y, groups=groups, cv=splitter(3, True, seed)
                )
                for seed in range(4)
            ]
        )
        for splitter, groups in [
            (lambda k, s, r: StratifiedKFold(k, shuffle=s, random_state=r), None),
            (
                lambda k, s, r: StratifiedGroupKFold(k, shuffle=s, random_state=r),
                tracks,
            ),
            (
                lambda k, s, r: StratifiedGroupKFold(k, shuffle=s, random_state=r),
                artists,
            ),
        ]
    ]


@pytest.mark.parametrize(
    "classifier", [LogisticRegression(max_iter=500), KNeighborsClassifier()]
)
def test_segments_tracks_and_artists_give_falling_accuracies(statistics, classifier):
    segment, track, artist = accuracies(statistics, classifier)
    assert segment > track + 0.08
    assert track > artist + 0.08


def test_genres_are_no_matter_of_one_coefficient(statistics):
    X, data = statistics
    rows, y = X.reshape(-1, X.shape[2]), np.repeat(data.target, 5)
    cv = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    tracks = np.repeat(np.arange(len(X)), 5)
    tree = DecisionTreeClassifier(max_depth=6, random_state=0)
    alone = [
        cross_val_score(tree, rows[:, [column]], y, groups=tracks, cv=cv).mean()
        for column in range(rows.shape[1])
    ]
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    together = cross_val_score(logistic, rows, y, groups=tracks, cv=cv).mean()
    assert max(alone) < together - 0.1
    assert together < 0.95


def test_same_random_state_gives_the_same_bytes(tmp_path):
    first = make_genre_tracks(tmp_path / "a", duration=2.0, random_state=3, **SMALL)
    second = make_genre_tracks(tmp_path / "b", duration=2.0, random_state=3, **SMALL)
    other = make_genre_tracks(tmp_path / "c", duration=2.0, random_state=4, **SMALL)
    assert content(first) == content(second)
    assert not set(content(first)) & set(content(other))
    assert len(set(content(first))) == 8


def test_more_genres_leave_the_first_as_they_were(tmp_path):
    few = make_genre_tracks(tmp_path / "a", duration=1.0, random_state=0, **SMALL)
    more = {**SMALL, "n_genres": 3}
    many = make_genre_tracks(tmp_path / "b", duration=1.0, random_state=0, **more)
    assert content(few) == content(many)[:8]


def test_folder_is_genre_artist_track(tmp_path):
    data = make_genre_tracks(tmp_path, duration=1.0, random_state=0, **SMALL)
    parts = [Path(path).relative_to(tmp_path).parts for path in data.paths]
    assert_array_equal([genre for genre, _, _ in parts], data.target)
    assert_array_equal([artist for _, artist, _ in parts], data.groups)
    assert sorted(Counter(data.groups).values()) == [1, 1, 1, 1, 2, 2]
    assert parts == sorted(parts)
    assert len(list(tmp_path.rglob("*.*"))) == 8


@pytest.mark.parametrize(
    ("duration", "sample_rate"), [(1.0, 8000), (0.5, 44100), (1.0, 96000)]
)
def test_tracks_are_mono_sound_of_the_length_asked_for(tmp_path, duration, sample_rate):
    data = make_genre_tracks(
        tmp_path, duration=duration, sample_rate=sample_rate, random_state=0, **SMALL
    )
    for path in data.paths:
        signal, rate = soundfile.read(path)
        assert (signal.shape, rate) == ((round(duration * sample_rate),), sample_rate)
        assert 0.1 < np.abs(signal).max() < 1


def test_global_random_state_is_not_touched(tmp_path):
    before = np.random.get_state()[1].copy()
    make_genre_tracks(tmp_path, duration=1.0, random_state=0, **SMALL)
    assert_array_equal(np.random.get_state()[1], before)


def test_track_is_whole_or_absent(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("wave.Wave_write.writeframes", fail)
    with pytest.raises(OSError, match="disk full"):
        make_genre_tracks(tmp_path, duration=1.0, random_state=0, **SMALL)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_genres", 0),
        ("n_genres", 11),
        ("n_tracks_per_genre", 2.0),
        ("n_artists_per_genre", 5),
        ("duration", 0),
        ("duration", float("inf")),
        ("sample_rate", 100),
    ],
)
def test_parameter_out_of_range_is_refused_by_name(tmp_path, name, value):
    arguments = {**SMALL, "duration": 1.0, name: value}
    with pytest.raises((ValueError, TypeError), match=rf"^{name} must be .*{value!r}"):
        make_genre_tracks(tmp_path, **arguments)

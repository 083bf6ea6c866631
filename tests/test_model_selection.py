import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenre import load_gtzan_features
from skgenre.model_selection import (
    FilteredSplit,
    explode_segments,
    find_untrained_genres,
    make_splitter,
    merge_replicas,
)

Y = np.repeat(["blues", "rock"], [10, 5])
ARTISTS = np.array([*"aabbccddee", *"ffghi"])
PARTS = np.array(["train"] * 8 + ["test", "valid"] + ["test", "", "train", "", "valid"])


@pytest.fixture
def filtered_split():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield FilteredSplit(PARTS)


def test_track_protocol_gives_each_fold_its_share_of_each_genre():
    folds = list(make_splitter("track", Y, n_splits=5, random_state=0).split(Y, Y))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(15))
    for train, test in folds:
        assert not set(train) & set(test)
        assert sorted(Y[test]) == ["blues", "blues", "rock"]


def test_artist_protocol_keeps_artists_on_one_side():
    splitter = make_splitter("artist", Y, groups=ARTISTS, n_splits=3, random_state=0)
    folds = list(splitter.split(Y, Y, ARTISTS))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(15))
    for train, test in folds:
        assert not set(ARTISTS[train]) & set(ARTISTS[test])


def test_filtered_protocol_trains_and_tests_on_its_parts_only():
    with pytest.warns(UserWarning, match="2 tracks to test on: fewer than 50"):
        splitter = make_splitter("filtered", Y, filtered_split=PARTS)
    ((train, test),) = splitter.split(Y)
    assert_array_equal(train, [*range(8), 12])
    assert_array_equal(test, [8, 10])
    assert splitter.get_n_splits() == 1


def test_predefined_split_would_train_on_what_is_left_out(filtered_split):
    ((train, _),) = filtered_split.split(Y)
    ((leaking, _),) = PredefinedSplit(np.where(PARTS == "test", 0, -1)).split()
    assert {11, 13} <= set(leaking)
    assert not {9, 11, 13, 14} & set(train)


def test_filtered_split_is_a_splitter_of_scikit_learn(filtered_split):
    X = np.random.default_rng(0).normal(size=(15, 2))
    assert len(cross_val_score(LogisticRegression(), X, Y, cv=filtered_split)) == 1
    with pytest.raises(ValueError, match="inconsistent"):
        list(filtered_split.split(X[:3]))


@pytest.mark.parametrize("test_size", [0.2, 0.8])
def test_paper_protocol_splits_segments(test_size):
    splitter = make_splitter("segment", Y, n_splits=1, test_size=test_size)
    ((train, test),) = splitter.split(Y, Y)
    assert len(test) == 15 * test_size
    assert len(train) == 15 - len(test)
    assert (Y[test] == "rock").mean() == 1 / 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocol": "genre"}, "protocol must be one of 'segment', 'track', 'artist'"),
        ({"n_splits": 6}, "got n_splits=6 and 5 of 'rock'"),
        ({"n_splits": 1}, "n_splits must be at least 2, got 1"),
        ({"target": ["rock"] * 9}, "at least two genres, got .*rock"),
        ({"target": []}, r"at least two genres, got \[\] in 0 tracks"),
        ({"protocol": "artist"}, "needs groups, the artist of each track"),
        (
            {"protocol": "artist", "groups": [f"track:{i}" for i in range(15)]},
            "no track's artist is known",
        ),
        (
            {"protocol": "artist", "groups": ["a"] * 7 + ["b"] * 8},
            "n_splits=5 and 2 groups",
        ),
        (
            {"protocol": "artist", "groups": [None, np.nan, ""] * 5},
            "no track's artist is known",
        ),
        ({"protocol": "artist", "groups": ["a"]}, r"\(15,\), got \(1,\)"),
        ({"target": ["rock"] * 9 + [None]}, "a genre for each track, got None"),
        ({"target": ["rock"] * 9 + [np.nan]}, "got nan for track 9"),
        (
            {"protocol": "filtered", "target": ["a"] * 2, "filtered_split": ["test"]},
            "at least two genres",
        ),
        ({"protocol": "filtered"}, "needs filtered_split"),
        ({"protocol": "filtered", "filtered_split": ["test"] * 15}, "hold 'train'"),
        ({"protocol": "filtered", "filtered_split": ["dev"] * 15}, r"got \['dev'\]"),
        ({"protocol": "filtered", "filtered_split": ["test"]}, "inconsistent"),
        ({"protocol": "segment", "test_size": 1}, "test_size must"),
    ],
)
def test_protocol_that_cannot_be_is_refused(arguments, message):
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(ValueError, match=message),
    ):
        make_splitter(**{"protocol": "track", "target": Y, **arguments})


class Unfit(DummyClassifier):
    def fit(self, X, y):
        raise AssertionError


def test_groups_that_do_not_make_so_many_folds_are_refused_before_any_fit():
    artists = np.repeat(list("abcde"), [3, 5, 2, 2, 2])
    genres = np.repeat(["rock", "jazz"], [10, 4])
    for seed in (0, 1, np.random.RandomState(2), None):
        splitter = make_splitter(
            "artist", genres, groups=artists, n_splits=5, random_state=seed
        )
        with pytest.raises(ValueError, match=r"leaves fold \d of 5 without a track"):
            cross_val_score(Unfit(), genres, genres, groups=artists, cv=splitter)


def test_number_of_folds_may_be_numpys():
    splitter = make_splitter("track", Y, n_splits=np.uint8(5), random_state=0)
    assert len(list(splitter.split(Y, Y))) == 5


def test_replicas_and_their_whole_groups_are_merged():
    merged = merge_replicas(["d", "b", "c", "a", "b", "e"], [(0, 1), (1, 2), (2, 0)])
    assert merged.tolist() == ["b", "b", "b", "a", "b", "e"]
    assert merge_replicas(["b", "a"], []).tolist() == ["b", "a"]
    with pytest.raises(ValueError, match=r"below 2, got \[0, 2\]"):
        merge_replicas(["b", "a"], [(0, 1), (0, 2)])


@pytest.mark.parametrize("pair", [("a.wav", "b.wav"), (0, 1, 2), (0.5, 1.0), 0])
def test_replicas_that_are_no_indices_of_tracks_are_an_error(pair):
    with pytest.raises(ValueError, match="pairs must hold two indices of tracks each"):
        merge_replicas(["b", "a", "c"], [(0, 1), pair])


# Ten tracks of known artists, five of unknown ones.
INCOMPLETE = ["a", "b"] * 5 + [None, np.nan, pd.NA, "", " "]
NAMED = ["a", "b"] * 5 + ["u", "v", "w", "x", "y"]


def test_folds_of_artists_are_those_of_scikit_learn():
    for artists in (np.array(NAMED), np.arange(15) % 7):
        ours = make_splitter("artist", Y, groups=artists, n_splits=3, random_state=0)
        theirs = StratifiedGroupKFold(3, shuffle=True, random_state=0)
        for mine, his in zip(
            ours.split(Y, Y, artists), theirs.split(Y, Y, artists), strict=True
        ):
            assert_array_equal(mine[1], his[1])
    assert repr(clone(ours, safe=False)) == repr(ours)


def test_a_missing_group_is_a_group_of_its_own_for_a_splitter():
    splitter = make_splitter("artist", Y, groups=INCOMPLETE, n_splits=4, random_state=0)
    folds = [test.tolist() for _, test in splitter.split(Y, Y, INCOMPLETE)]
    assert folds == [test.tolist() for _, test in splitter.split(Y, Y, NAMED)]
    assert find_untrained_genres(splitter, Y, INCOMPLETE) == [[]] * 4


@pytest.mark.filterwarnings("ignore:.*least populated class")
def test_scikit_learn_s_functions_take_missing_groups():
    X = np.random.default_rng(0).normal(size=(15, 2))
    splitter = make_splitter("artist", Y, groups=INCOMPLETE, n_splits=3, random_state=0)
    model, groups = KNeighborsClassifier(1), pd.Series(INCOMPLETE)
    scores = cross_val_score(model, X, Y, groups=groups, cv=splitter)
    search = GridSearchCV(model, {"n_neighbors": [1]}, cv=splitter)
    search.fit(X, Y, groups=groups)
    assert search.best_score_ == scores.mean()


def test_a_missing_group_stays_its_own_until_a_pair_joins_it():
    merged = merge_replicas(["b", None, np.nan, pd.NA, "", "c"], [(0, 1), (2, 3)])
    assert merged.tolist() == ["b", "b", "track:2", "track:2", "track:4", "c"]


def test_a_known_artist_gives_joined_groups_their_name():
    assert merge_replicas(["track:x", "zz", "track:y"], [(0, 1)]).tolist() == [
        *("zz", "zz", "track:y")
    ]


def test_segments_of_a_track_without_an_artist_are_one_group():
    X, y = np.zeros((4, 3, 5, 2)), ["a", "a", "b", "b"]
    *_, groups = explode_segments(X, y, groups=[7, None, np.nan, 7])
    assert len(set(groups)) == 3
    numbers = np.unique(groups, return_inverse=True)[1].reshape(4, 3)
    assert (numbers == numbers[:, :1]).all()
    assert numbers[0, 0] == numbers[3, 0]


def test_genre_of_one_artist_is_named_as_untrained():
    target = np.array(["blues"] * 6 + ["reggae"] * 3)
    artists = np.array(["a", "a", "b", "b", "c", "c", "d", "d", "d"])
    with pytest.warns(UserWarning, match="cannot train on: reggae"):
        found = find_untrained_genres(
            make_splitter("artist", target, groups=artists, n_splits=3, random_state=0),
            target,
            artists,
        )
    assert sorted(found) == [[], [], ["reggae"]]


def test_trained_genres_give_no_warning():
    splitter = make_splitter("track", Y, random_state=0)
    with warnings.catch_warnings(action="error"):
        assert find_untrained_genres(splitter, Y) == [[]] * 5


def test_segments_become_rows_with_the_genre_and_artist_of_their_track(features):
    X, y = features
    X[1, 1:] = np.nan
    rows, genres, artists = explode_segments(X, y, np.arange(12))
    assert rows.shape == (34, 6, 4)
    assert_array_equal(rows[3], X[1, 0])
    assert_array_equal(rows[4], X[2, 0])
    assert artists[:5].tolist() == [0, 0, 0, 1, 2]
    assert (genres == y[artists]).all()


def test_rows_of_paths_are_refused_with_the_reason():
    with pytest.raises(TypeError, match=r"paths have no segments yet.*MFCCExtractor"):
        explode_segments(["a.wav", "b.wav"], ["blues", "rock"])
    with pytest.raises(ValueError, match=r"got \(3, 2\): without segments"):
        explode_segments(np.ones((3, 2)), ["blues", "rock", "rock"])


@pytest.fixture(scope="module")
def summaries(real_tracks):
    return load_gtzan_features(real_tracks.parents[1] / "gtzan_features_30_sec.csv")


@pytest.mark.parametrize(
    ("protocol", "expected"), [("track", 0.71), ("artist", 0.58), ("filtered", 0.545)]
)
def test_accuracy_on_all_of_gtzan_falls_as_leaks_are_closed(
    protocol, expected, summaries
):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000))
    splitter = make_splitter(
        protocol,
        summaries.target,
        groups=summaries.groups,
        filtered_split=summaries.filtered_split,
        n_splits=10,
        random_state=0,
    )
    scores = cross_val_score(
        *(model, summaries.data, summaries.target),
        groups=summaries.groups,
        cv=splitter,
    )
    assert scores.mean() == pytest.approx(expected, abs=0.02)


def test_search_by_artist_promises_what_new_artists_keep(summaries):
    model = make_pipeline(StandardScaler(), KNeighborsClassifier())
    grid = {"kneighborsclassifier__n_neighbors": [1, 9]}
    X, y = summaries.data, summaries.target
    by_artist = make_splitter("artist", y, groups=summaries.groups, X=X, random_state=0)
    promised, kept = {}, {}
    for name, inner in (
        ("artist", by_artist),
        ("track", StratifiedKFold(5, shuffle=True, random_state=0)),
    ):
        search = GridSearchCV(model, grid, cv=inner)
        found = cross_validate(search, X, y, cv=by_artist, return_estimator=True)
        promised[name] = np.mean([fold.best_score_ for fold in found["estimator"]])
        kept[name] = found["test_score"].mean()
    assert promised["artist"] == pytest.approx(kept["artist"], abs=0.06)
    assert promised["track"] > kept["track"] + 0.15


def test_summaries_have_no_segments_for_the_papers_protocol(summaries):
    assert summaries.data.shape == (1000, 57)
    with pytest.raises(ValueError, match="without segments"):
        explode_segments(summaries.data, summaries.target)


def test_table_of_something_else_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("name,label\na,b\n")
    with pytest.raises(ValueError, match="columns 'filename' and 'label'"):
        load_gtzan_features(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("filename,label,f\npolka.00000.wav,polka,1\n")
    with pytest.raises(
        ValueError, match=r"'polka.00000', which is not a track of GTZAN"
    ):
        load_gtzan_features(tmp_path / "b.csv")

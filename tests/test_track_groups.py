"""The splitter of artists knows its tracks, in whatever part of them it is given."""

import copy
import io
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV, SequentialFeatureSelector
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    cross_val_predict,
    cross_val_score,
    learning_curve,
    permutation_test_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils import _safe_indexing

from skgenre.model_selection import find_untrained_genres, make_splitter
from skgenre.model_selection.splitters import StratifiedArtistKFold

# Two genres of 30 tracks by ten artists each.
Y = np.repeat(["blues", "rock"], 30)
ARTISTS = np.array([f"{genre}-{i % 10}" for i, genre in enumerate(Y)])
PATHS = [f"music/{i}.wav" for i in range(60)]
FEATURES = np.random.default_rng(0).normal(size=(60, 4)) + (Y == "rock")[:, np.newaxis]
KNN = KNeighborsClassifier()
GRID = {"n_neighbors": [1, 3]}


def make(X, groups=ARTISTS, **arguments):
    arguments = {"n_splits": 3, "random_state": 0} | arguments
    return make_splitter("artist", Y, groups=groups, X=X, **arguments)


def find_tracks(X):
    """Numbers of the tracks, worked out without a splitter."""
    if isinstance(X[0], str):
        return [PATHS.index(path) for path in X]
    return [int(np.flatnonzero((row == FEATURES).all(axis=1))[0]) for row in X]


@pytest.fixture
def splits(monkeypatch):
    """The length of X of every split so far, each checked to keep artists apart."""
    lengths = []
    split = StratifiedArtistKFold.split

    def check(self, X, y, groups=None):
        artists = ARTISTS[find_tracks(X)]
        lengths.append(len(artists))
        for train, test in split(self, X, y, groups):
            assert not set(artists[train]) & set(artists[test])
            yield train, test

    monkeypatch.setattr(StratifiedArtistKFold, "split", check)
    return lengths


class Lookup(TransformerMixin, BaseEstimator):
    """From paths to features, as an extractor."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return FEATURES[find_tracks(X)]


PIPELINE = make_pipeline(Lookup(), KNN)
PIPELINE_GRID = {"kneighborsclassifier__n_neighbors": [1, 3]}


def test_folds_of_known_artists_are_those_of_scikit_learn():
    theirs = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    for rows in (np.arange(60), np.arange(5, 55)):
        expected = theirs.split(rows, Y[rows], ARTISTS[rows])
        for X in (np.array(PATHS), FEATURES):
            found = make(X).split(X[rows], Y[rows])
            for (train, test), (their_train, their_test) in zip(
                found, theirs.split(rows, Y[rows], ARTISTS[rows]), strict=True
            ):
                assert_array_equal(train, their_train)
                assert_array_equal(test, their_test)
        assert len(list(expected)) == 3


def test_nested_search_over_paths_chooses_on_artists_kept_apart(splits):
    splitter = make(PATHS)
    search = GridSearchCV(PIPELINE, PIPELINE_GRID, cv=splitter)
    found = cross_val_score(search, PATHS, Y, cv=splitter)
    assert sorted(splits) == [39, 39, 42, 60]
    theirs = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        expected = cross_val_score(
            GridSearchCV(PIPELINE, PIPELINE_GRID, cv=theirs),
            *(PATHS, Y),
            cv=theirs,
            params={"groups": ARTISTS},
        )
    assert_array_equal(found, expected)


def nest(cv):
    return GridSearchCV(KNN, GRID, cv=cv)


NESTED = {
    "random": lambda cv: RandomizedSearchCV(KNN, GRID, n_iter=2, cv=cv),
    "halving": lambda cv: HalvingGridSearchCV(KNN, GRID, cv=cv, min_resources=20),
    "stacking": lambda cv: StackingClassifier([("knn", nest(cv))], cv=cv),
    "calibration": lambda cv: CalibratedClassifierCV(nest(cv), cv=cv, ensemble=False),
    "genres as numbers": lambda cv: OneVsRestClassifier(nest(cv)),
    "some tracks twice": lambda cv: BaggingClassifier(nest(cv), 2, random_state=0),
    "features": lambda cv: RFECV(LogisticRegression(), cv=cv),
}


@pytest.mark.parametrize("make_model", NESTED.values(), ids=NESTED)
def test_artists_are_kept_apart_at_every_level(splits, make_model):
    splitter = make(FEATURES)
    cross_val_score(make_model(splitter), FEATURES, Y, cv=splitter, error_score="raise")
    assert splits.count(60) == 1
    assert len(splits) > 3


def test_functions_that_split_need_no_groups(splits):
    splitter = make(FEATURES)
    search = nest(splitter)
    cross_val_predict(search, FEATURES, Y, cv=splitter)
    learning_curve(
        search, FEATURES, Y, cv=splitter, train_sizes=[0.5, 1.0], error_score="raise"
    )
    assert splits.count(60) == 2
    # It exchanges the genres of tracks; the artists stay with the tracks.
    permutation_test_score(search, FEATURES, Y, cv=splitter, n_permutations=2)
    assert splits.count(60) == 5


SIGNALS = [(np.full(10 + i, i / 60), 22050) for i in range(60)]
FRAME = pd.DataFrame({"path": PATHS, "bpm": [np.nan, *range(59)]}, index=range(60, 120))
KINDS = {
    "list": PATHS,
    "paths": list(map(Path, PATHS)),
    "array": np.array(PATHS),
    "column": np.array(PATHS, dtype=object)[:, np.newaxis],
    "Series": FRAME["path"],
    "one-column frame": FRAME[["path"]],
    "table": FRAME,
    "turned table": FRAME[["bpm", "path"]],
    "features": FEATURES,
    "frame of features": pd.DataFrame(FEATURES),
    "nested lists": FEATURES.tolist(),
    "MFCCs": FEATURES.astype(np.float32).reshape(60, 2, 2, 1),
    "numbers": np.arange(60),
    "pairs": SIGNALS,
    "files in memory": [io.BytesIO(path.encode()) for path in PATHS],
}


@pytest.mark.parametrize("X", KINDS.values(), ids=KINDS)
def test_any_kind_of_tracks_is_known_in_any_order(X):
    splitter = pickle.loads(pickle.dumps(copy.deepcopy(make(X))))
    rows = np.random.default_rng(0).permutation(60)[:50]
    n_tracks = 0
    for train, test in splitter.split(_safe_indexing(X, rows), Y[rows]):
        assert not set(ARTISTS[rows[train]]) & set(ARTISTS[rows[test]])
        n_tracks += len(test)
    assert n_tracks == 50


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries_are_known(library):
    module, rows = pytest.importorskip(library), np.arange(1, 60, 2)
    if library == "polars":
        table = module.DataFrame({"path": PATHS, "bpm": range(60)})
        part = table[rows]
    else:
        table = module.table({"path": PATHS})
        part = table.take(rows)
    for train, test in make(table).split(part, Y[rows]):
        assert not set(ARTISTS[rows[train]]) & set(ARTISTS[rows[test]])


def test_a_path_is_the_same_as_text_and_in_another_order():
    order = np.concatenate([np.arange(30)[::-1], np.arange(30, 60)[::-1]])
    # Positions and genres would not tell: the genres are as before.
    assert_array_equal(Y[order], Y)
    paths = [Path(PATHS[i]) for i in order]
    for train, test in make(PATHS).split(paths, Y):
        assert not set(ARTISTS[order[train]]) & set(ARTISTS[order[test]])


def test_tracks_of_unknown_artists_stay_on_their_own():
    artists = [None if i % 10 == 9 else artist for i, artist in enumerate(ARTISTS)]
    named = [artist or f"unknown-{i}" for i, artist in enumerate(artists)]
    for rows in (np.arange(60), np.arange(3, 49)):
        expected = make(PATHS, named).split(np.array(PATHS)[rows], Y[rows])
        found = make(PATHS, artists).split(np.array(PATHS)[rows], Y[rows])
        sizes = [sorted(len(test) for _, test in folds) for folds in (expected, found)]
        assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (FEATURES + 1, r"60 of 60 rows of X, first X\[0\], are not among the tracks"),
        ([*PATHS[:58], "a.wav", "b.wav"], r"2 of 60 .* first X\[58\] \('a.wav'\)"),
        (FEATURES[:, :2], "features for one behind the extractor"),
        (FEATURES.astype(np.float32), r"made with \(<20 groups of 60 tracks>\)"),
    ],
    ids=["other features", "other paths", "fewer columns", "rounded"],
)
def test_other_tracks_are_refused(X, message):
    known = PATHS if isinstance(X, list) else FEATURES
    with pytest.raises(ValueError, match=message):
        next(make(known).split(X, Y))


def test_refused_audio_in_memory_is_not_named_by_its_digest():
    with pytest.raises(ValueError, match=r"first X\[0\], are not among the tracks"):
        next(make(PATHS).split([io.BytesIO(b"RIFF")] * 60, Y))


def test_searches_among_other_rows_than_tracks_are_refused_and_may_be_told():
    # Each candidate of the selection is some columns only.
    with pytest.raises(ValueError, match=r"not among the tracks.*Or pass groups"):
        SequentialFeatureSelector(KNN, cv=make(FEATURES)).fit(FEATURES, Y)
    inside = make_pipeline(Lookup(), nest(make(PATHS)))
    with pytest.raises(ValueError, match="paths for a search around the whole"):
        inside.fit(PATHS, Y)
    inside = make_pipeline(Lookup(), nest(make(FEATURES)))
    assert cross_val_score(inside, PATHS, Y, cv=make(PATHS)).shape == (3,)


def test_a_splitter_that_knows_no_tracks_says_how_it_would():
    splitter = make(None)
    with pytest.raises(ValueError, match=r"knows none: make it with these tracks as X"):
        cross_val_score(PIPELINE, PATHS, Y, cv=splitter)
    found = cross_val_score(PIPELINE, PATHS, Y, groups=ARTISTS, cv=splitter)
    assert_array_equal(found, cross_val_score(PIPELINE, PATHS, Y, cv=make(PATHS)))


@pytest.mark.parametrize(
    ("groups", "row"),
    [
        (np.where(ARTISTS == "rock-9", "rock-8", ARTISTS), 39),
        (np.where(np.arange(60) == 20, "new", ARTISTS), 20),
        ([None] * 60, 10),
    ],
    ids=["coarser", "finer", "unknown"],
)
def test_other_groups_than_the_known_ones_are_refused(groups, row):
    with pytest.raises(ValueError, match=rf"but do not for X\[{row}\] \('music/{row}."):
        cross_val_score(PIPELINE, PATHS, Y, groups=groups, cv=make(PATHS))
    # Some tracks among others.
    more = [*PATHS, "new.wav"], [*Y, "rock"], [*groups, "new artist"]
    with pytest.raises(ValueError, match="groups must put the same tracks together"):
        next(make(PATHS).split(*more))


def test_known_groups_may_be_passed_and_be_named_otherwise():
    numbers = np.unique(ARTISTS, return_inverse=True)[1]
    expected = cross_val_score(PIPELINE, PATHS, Y, cv=make(PATHS))
    for groups in (ARTISTS, numbers, pd.Series(ARTISTS)):
        found = cross_val_score(PIPELINE, PATHS, Y, groups=groups, cv=make(PATHS))
        assert_array_equal(found, expected)


@pytest.mark.parametrize("groups", [None, ARTISTS])
def test_other_numbers_of_tracks_than_of_genres_are_refused(groups):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(make(PATHS).split(PATHS[:50], Y, groups))


def test_groups_of_other_tracks_are_used_as_by_scikit_learn():
    others = np.arange(60) % 7
    theirs = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    for X in (FEATURES + 1, csr_matrix(FEATURES), [{"path": p} for p in PATHS]):
        for (_, found), (_, expected) in zip(
            make(PATHS).split(X, Y, others), theirs.split(X, Y, others), strict=True
        ):
            assert_array_equal(found, expected)
    assert find_untrained_genres(make(PATHS), Y, ARTISTS) == [[]] * 3


def test_groups_are_routed_as_to_scikit_learn_s_splitters():
    splitter = make(FEATURES)
    theirs = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        assert str(splitter.get_metadata_routing()) == str(
            theirs.get_metadata_routing()
        )
        found, known, expected = (
            cross_val_score(nest(cv), FEATURES, Y, cv=cv, params=params)
            for cv, params in (
                (splitter, {"groups": ARTISTS}),
                (splitter, None),
                (theirs, {"groups": ARTISTS}),
            )
        )
        assert_array_equal(found, expected)
        assert_array_equal(known, expected)
        with pytest.raises(ValueError, match="groups must put the same tracks"):
            nest(splitter).fit(FEATURES, Y, groups=np.arange(60) % 7)


def test_one_track_of_two_artists_is_refused():
    twice = [*PATHS[:59], PATHS[3]]
    with pytest.raises(
        ValueError,
        match=r"X\[3\] and X\[59\] .* 'blues-3' and 'rock-9'.*merge_replicas",
    ):
        make(twice)
    with pytest.raises(ValueError, match=r"groups None and None"):
        make(twice, [*ARTISTS[:3], None, *ARTISTS[4:59], None])
    same = [*PATHS[:59], PATHS[58]]
    for train, test in make(same, [*ARTISTS[:59], "rock-8"]).split(same, Y):
        assert (58 in train) == (59 in train)
        assert (58 in test) == (59 in test)


@pytest.mark.parametrize(
    ("X", "kind", "message"),
    [
        (PATHS[:59], ValueError, "inconsistent numbers of samples"),
        ([None, *PATHS[1:]], ValueError, r"X\[0\].*is None, expected an audio file"),
        ([{"path": path} for path in PATHS], TypeError, r"X\[0\] must be the path"),
        (FEATURES.astype(object)[:, :, np.newaxis], ValueError, "one track per row"),
    ],
    ids=["length", "missing", "dicts", "objects"],
)
def test_what_are_no_tracks_is_refused(X, kind, message):
    with pytest.raises(kind, match=message):
        make(X)


def test_diagrams_name_the_number_of_artists_and_not_all_of_them():
    text = " ".join(repr(make(FEATURES)).split())
    assert text == (
        "StratifiedArtistKFold(groups=<20 groups of 60 tracks>, n_splits=3, "
        "random_state=0, shuffle=True)"
    )


def test_a_copy_in_a_search_splits_alike():
    search = sklearn.base.clone(nest(make(FEATURES)))
    fitted = search.fit(FEATURES, Y)
    expected = nest(make(FEATURES)).fit(FEATURES, Y)
    assert_allclose(fitted.best_score_, expected.best_score_)

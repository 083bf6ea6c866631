import re

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgenre import (
    MFCCExtractor,
    SegmentPoolingClassifier,
    SegmentStatistics,
    SegmentUnion,
    TrackStatistics,
    check_model,
    load_model,
    make_model_card,
    predict_timeline,
    read_model_info,
    save_model,
)
from skgenre.benchmark.tracks import StoredSegments, split_extraction
from skgenre.features import list_extractors
from skgenre.model_selection import explode_segments

# Of its last segment, 2.992 s suffice; at the default rate 2.995 s.
LOW_RATE = {"sample_rate": 16000, "n_fft": 512, "hop_length": 256, "n_mfcc": 4}


def make_parts(**parameters):
    """Statistics of segments at two sample rates."""
    return [
        make_pipeline(MFCCExtractor(**rate, **parameters), SegmentStatistics())
        for rate in ({}, LOW_RATE)
    ]


def make_union(**parameters):
    first, second = make_parts(**parameters)
    return SegmentUnion([("high", first), ("low", second)])


def test_features_are_joined_segment_by_segment(made_tracks):
    paths = made_tracks.paths[:3]
    high, low = (part.fit_transform(paths) for part in make_parts(n_segments=2))
    union = make_union(n_segments=2)
    X = union.fit_transform(paths)
    assert_array_equal(X, np.concatenate([high, low], axis=3))
    assert X.dtype == np.float32
    assert_array_equal(union.transform(paths), X)


def test_a_segment_that_one_part_lacks_is_missing(write_tone):
    path = write_tone(duration=5.994)
    high, low = (part.fit_transform([path]) for part in make_parts(n_segments=2))
    assert np.isnan(high[0, 1]).all()
    assert np.isfinite(low[0, 1]).all()
    X = make_union(n_segments=2).fit_transform([path])
    assert np.isfinite(X[0, 0]).all()
    assert np.isnan(X[0, 1]).all()


def test_of_all_segments_those_are_taken_that_all_parts_have(write_tone):
    paths = [write_tone(duration=5.994)]
    counts = [len(p.fit_transform(paths)[0]) for p in make_parts(n_segments=None)]
    assert counts == [1, 2]
    X = make_union(n_segments=None).fit_transform(paths)
    assert X.shape[1] == 1
    assert np.isfinite(X).all()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (MFCCExtractor(n_segments=3), "the same n_segments, got 2 and 3"),
        (MFCCExtractor(segment_duration=2), "the same segment_duration, got 3.0 and 2"),
        (MFCCExtractor(n_segments=2, n_mfcc=200), "n_mfcc must be at most"),
        (MFCCExtractor(n_segments=[2]), r"the same n_segments, got 2 and \[2\]"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_a_file_is_read(other, message):
    parts = [("a", MFCCExtractor(n_segments=2)), ("b", make_pipeline(other))]
    for refuse in (
        lambda model: model.fit(["no.wav"]),
        lambda model: model.fit_transform(["no.wav"]),
        lambda model: model.transform(["no.wav"]),
        check_model,
    ):
        with pytest.raises(ValueError, match=message):
            refuse(SegmentUnion(parts))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (SegmentStatistics(), "(4, 2, 12, 3) of raw, (4, 2, 1, 12) of other. SegmentS"),
        (TrackStatistics(), "(4, 2, 12, 3) of raw, (4, 12) of other. SegmentS"),
    ],
)
def test_other_shapes_than_four_axes_with_as_many_frames_are_refused(other, message):
    X = np.random.default_rng(0).normal(size=(4, 2, 12, 3))
    union = SegmentUnion([("raw", "passthrough"), ("other", other)])
    with pytest.raises(ValueError, match=re.escape(message)):
        union.fit_transform(X)


def test_parts_may_be_weighted_or_dropped():
    X = np.random.default_rng(0).normal(size=(4, 2, 12, 3))
    union = SegmentUnion(
        [("a", "passthrough"), ("b", "drop"), ("c", "passthrough")],
        transformer_weights={"c": 2},
    )
    assert_array_equal(union.fit_transform(X), np.concatenate([X, 2 * X], axis=3))


def test_names_begin_with_the_part():
    union = make_union().fit([(np.ones(66150), 22050)])
    names = union.get_feature_names_out()
    assert names[[0, -1]].tolist() == [
        "high__mfcc0_mean",
        "low__mfcc2_mfcc3_correlation",
    ]
    assert "low__mfccextractor__n_mfcc" in union.get_params()
    assert len(names) == union.transform([(np.ones(66150), 22050)]).shape[-1]


@pytest.mark.parametrize("everywhere", [True, False])
def test_features_stay_an_array_that_keeps_the_index(made_tracks, everywhere):
    paths = pd.Series(made_tracks.paths[:3], index=[7, 5, 6])
    model = make_pipeline(make_union(n_segments=1), TrackStatistics())
    settings = {"transform_output": "pandas"} if everywhere else {}
    with sklearn.config_context(**settings):
        if not everywhere:
            model.set_output(transform="pandas")
        frame = model.fit_transform(paths)
    assert frame.index.tolist() == [7, 5, 6]
    assert model.get_feature_names_out()[0] == "high__mfcc0_mean_mean"
    assert list(frame.columns) == list(model.get_feature_names_out())


def test_a_part_without_names_is_joined_where_frames_are_asked_for(made_tracks):
    paths = pd.Series(made_tracks.paths[:2], index=[7, 5])
    high, low = make_parts(n_segments=1)
    unnamed = make_pipeline(low, FunctionTransformer(np.asarray))
    union = SegmentUnion([("high", high), ("unnamed", unnamed)])
    model = make_pipeline(union, TrackStatistics()).set_output(transform="pandas")
    frame = model.fit_transform(paths)
    assert frame.columns[0] == "mfcc0_mean"
    assert_array_equal(frame.index, paths.index)


@pytest.fixture(scope="module")
def model(made_tracks):
    model = make_pipeline(
        make_union(n_segments=2),
        SegmentPoolingClassifier(LogisticRegression(max_iter=1000)),
    )
    return model.fit(made_tracks.paths, made_tracks.target)


def test_a_search_reaches_parameters_of_parts(made_tracks, model):
    grid = {"segmentunion__low__mfccextractor__n_mfcc": [2, 200]}
    search = GridSearchCV(model, grid, cv=2)
    with pytest.raises(ValueError, match=r"candidate .*n_mfcc must be at most"):
        check_model(search)
    search.set_params(param_grid={**grid, next(iter(grid)): [2, 4]})
    search.fit(made_tracks.paths, made_tracks.target)
    scores = cross_val_score(model, made_tracks.paths, made_tracks.target, cv=2)
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(scores.mean())


def test_a_model_file_holds_a_union(made_tracks, model, tmp_path):
    save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops", cache_dir=tmp_path)
    expected = model.predict_proba(made_tracks.paths)
    assert_array_equal(loaded.predict_proba(made_tracks.paths), expected)
    assert len(list(tmp_path.glob("*/*.npy"))) == 2 * len(made_tracks.paths)
    features = read_model_info(tmp_path / "model.skops")["features"]
    assert [found["n_mfcc"] for found in features] == [13, 4]


def test_a_card_lists_the_features_of_all_parts(model):
    text = make_model_card(model).render()
    features = text.partition("### Features")[2].partition("### Hyper")[0]
    assert features.count("n\\_mfcc") == 2


def test_a_timeline_is_that_of_all_segments(made_tracks, model):
    path = made_tracks.paths[0]
    timeline = predict_timeline(model, path)
    assert_array_equal(timeline.end, [3.0, 6.0])
    X = make_union(n_segments=None).fit_transform([path])
    expected = model[-1].predict_segments_proba(X)[0]
    assert_array_equal(timeline.probabilities, expected)


def test_blocks_of_a_timeline_are_sized_by_the_largest_features(
    made_tracks, monkeypatch
):
    sizes = []

    def count(n_row_bytes):
        sizes.append(n_row_bytes)
        return 16

    monkeypatch.setattr("skgenre.timeline.count_block_rows", count)
    model = make_pipeline(
        make_union(n_segments=1), TrackStatistics(), DummyClassifier()
    )
    model.fit(made_tracks.paths[7:9], made_tracks.target[7:9])
    predict_timeline(model, made_tracks.paths[0])
    low, high = 4 * 188 * 4, 4 * 130 * 13
    assert sizes == [max(low, high)]
    model[0].transformer_list.reverse()
    predict_timeline(model, made_tracks.paths[0])
    assert sizes[1:] == sizes[:1]


def test_rows_of_stored_segments_have_the_features_of_all_parts(made_tracks, tmp_path):
    paths, union = made_tracks.paths[:3], make_union(n_segments=2)
    expected, tracks = explode_segments(union.fit_transform(paths), np.arange(3))
    for extractor in list_extractors(union):
        extractor.set_params(cache_dir=tmp_path)
    extractors, model = split_extraction(make_pipeline(union))
    segments = StoredSegments(extractors, paths)
    assert_array_equal(segments.tracks, tracks)
    rows = np.array([5, 0, 3])
    assert_array_equal(model.fit_transform(segments[rows])[:, 0], expected[rows])

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.validation import has_fit_parameter

from skgenre import SegmentPoolingClassifier

# Where an optimiser stops depends on the last bits of its sums, and these on the
# processor and on where the rows lie in memory.
RTOL = 1e-4


def test_track_probability_is_the_mean_of_its_segments(features):
    X, y = features
    pooled = SegmentPoolingClassifier(LogisticRegression()).fit(X, y)
    plain = LogisticRegression().fit(X.reshape(36, -1), np.repeat(y, 3))
    expected = plain.predict_proba(X.reshape(36, -1)).reshape(12, 3, 3)
    assert_allclose(pooled.predict_segments_proba(X), expected, rtol=RTOL)
    assert_allclose(pooled.predict_proba(X), expected.mean(axis=1), rtol=RTOL)


def test_missing_segments_are_neither_trained_on_nor_predicted(features):
    X, y = features
    X[::2, 2] = np.nan
    pooled = SegmentPoolingClassifier(LogisticRegression()).fit(X, y)
    present = ~np.isnan(X[:, :, 0, 0])
    plain = LogisticRegression().fit(
        X[present].reshape(present.sum(), -1), np.repeat(y, present.sum(axis=1))
    )
    probabilities = pooled.predict_segments_proba(X)
    assert np.isnan(probabilities[~present]).all()
    rows = X[present].reshape(present.sum(), -1)
    assert_allclose(probabilities[present], plain.predict_proba(rows), rtol=RTOL)


def test_number_of_segments_is_free_but_not_their_shape(features):
    X, y = features
    model = SegmentPoolingClassifier(LogisticRegression()).fit(X, y)
    assert model.predict_proba(X[:, :1]).shape == (12, 3)
    with pytest.raises(ValueError, match=r"\(5, 4\), but Segment.* fitted on \(6, 4\)"):
        model.predict(X[:, :, :5])


def test_weight_of_two_equals_the_track_twice(features):
    X, y = features
    weights = np.where(np.arange(12) % 3 == 0, 2, 1)
    weighted = SegmentPoolingClassifier(LogisticRegression(tol=1e-8))
    repeated = clone(weighted).fit(np.repeat(X, weights, 0), np.repeat(y, weights))
    weighted.fit(X, y, sample_weight=weights)
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-5)


def test_classifier_without_probabilities_votes(features):
    X, y = features
    model = SegmentPoolingClassifier(LinearSVC(), pooling="vote").fit(X, y)
    assert_array_equal(model.predict(X), y)
    with pytest.raises(ValueError, match="must have predict_proba for pooling='mean'"):
        SegmentPoolingClassifier(LinearSVC()).fit(X, y)


@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_support_vector_machine_per_segment_is_an_alternative(features):
    X, y = features
    model = SegmentPoolingClassifier(SVC(probability=True, random_state=0)).fit(X, y)
    assert model.score(X, y) == 1


@pytest.mark.parametrize(
    "estimator",
    [
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 2]}),
    ],
)
def test_weights_for_an_estimator_that_takes_none_are_refused(estimator, features):
    X, y = features
    model = SegmentPoolingClassifier(estimator)
    with pytest.raises(ValueError, match=r"sample_weight is not supported by the est"):
        model.fit(X, y, sample_weight=np.ones(12))
    with pytest.raises(ValueError, match=r"sample_weight is not supported by the est"):
        AdaBoostClassifier(model).fit(X[:, 0, 0], y)


LOGISTIC = LogisticRegression(tol=1e-8)
SCALED = make_pipeline(StandardScaler(), LOGISTIC)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (SCALED, "logisticregression__"),
        (make_pipeline(StandardScaler(), SCALED), "pipeline__logisticregression__"),
        (GridSearchCV(LOGISTIC, {"C": [0.1, 1]}), ""),
        (
            GridSearchCV(SCALED, {"logisticregression__C": [0.1, 1]}),
            "logisticregression__",
        ),
        (
            make_pipeline("passthrough", GridSearchCV(LOGISTIC, {"C": [0.1, 1]})),
            "gridsearchcv__",
        ),
        (VotingClassifier([("one", LOGISTIC)], voting="soft"), ""),
        (SegmentPoolingClassifier(SCALED), ""),
    ],
)
def test_weights_reach_what_takes_them(estimator, name, features):
    X, y = features
    weights = np.linspace(0.1, 2, 12)
    model = SegmentPoolingClassifier(estimator).fit(X, y, sample_weight=weights)
    rows = X.reshape(36, -1)
    plain = clone(estimator).fit(
        rows, y.repeat(3), **{f"{name}sample_weight": weights.repeat(3)}
    )
    segments = model.predict_segments_proba(X).reshape(36, 3)
    assert_allclose(segments, plain.predict_proba(rows), rtol=RTOL)


def test_weights_are_routed_to_the_step_that_requests_them(features, routing):
    X, y = features
    weights = np.linspace(0.1, 2, 12)
    pipeline = make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False),
        clone(LOGISTIC).set_fit_request(sample_weight=True),
    )
    model = SegmentPoolingClassifier(pipeline).fit(X, y, sample_weight=weights)
    rows = X.reshape(36, -1)
    plain = clone(pipeline).fit(rows, y.repeat(3), sample_weight=weights.repeat(3))
    segments = model.predict_segments_proba(X).reshape(36, 3)
    assert_allclose(segments, plain.predict_proba(rows), rtol=RTOL)


@pytest.mark.parametrize("base", [LOGISTIC, SCALED, make_pipeline(SCALED)])
def test_boosting_and_bagging_weigh_whatever_takes_weights(base, features):
    X, y = features
    assert has_fit_parameter(SegmentPoolingClassifier(base), "sample_weight")
    boosted = AdaBoostClassifier(SegmentPoolingClassifier(base), n_estimators=3)
    assert boosted.fit(X, y).score(X, y) == 1
    table = X[:, 0].reshape(12, -1)
    bagged = BaggingClassifier(SegmentPoolingClassifier(base), n_estimators=3)
    bagged.set_params(random_state=0).fit(table, y)
    for model, drawn in zip(
        bagged.estimators_, bagged.estimators_samples_, strict=True
    ):
        weights = np.bincount(drawn, minlength=12)
        same = SegmentPoolingClassifier(base).fit(table, y, sample_weight=weights)
        expected = same.predict_proba(table)
        assert_allclose(model.predict_proba(table), expected, rtol=RTOL)


def test_boosting_over_segments_of_one_frame_equals_boosting_of_the_rows(features):
    table, y = features[0][:, 0].reshape(12, -1), features[1]
    over, plain = (
        AdaBoostClassifier(base, n_estimators=5, random_state=0).fit(table, y)
        for base in (SegmentPoolingClassifier(LOGISTIC), LOGISTIC)
    )
    assert_allclose(over.predict_proba(table), plain.predict_proba(table), rtol=RTOL)


def test_weight_zero_is_as_good_as_absent_to_every_step(features):
    X, y = features
    weights = np.arange(12) % 4 > 0
    model = SegmentPoolingClassifier(SCALED).fit(X, y, sample_weight=weights)
    absent = SegmentPoolingClassifier(SCALED).fit(X[weights], y[weights])
    assert_allclose(model.predict_proba(X), absent.predict_proba(X), rtol=RTOL)


@pytest.mark.parametrize("estimator", [LOGISTIC, SVC(probability=True, random_state=0)])
@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_genre_without_a_weight_is_known_but_never_predicted(estimator, features):
    X, y = features
    model = SegmentPoolingClassifier(estimator).fit(X, y, y != "blues")
    assert model.classes_.tolist() == ["blues", "jazz", "rock"]
    assert not model.predict_proba(X)[:, 0].any()
    assert_array_equal(model.predict(X)[4:], y[4:])


def test_groups_of_tracks_reach_a_search_over_segments(features):
    X, y = features
    groups = np.tile(np.arange(4), 3)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=GroupKFold(4))
    model = SegmentPoolingClassifier(search)
    with pytest.raises(ValueError, match=r"'groups'.*enable_metadata_routing"):
        model.fit(X, y, groups=groups)
    with sklearn.config_context(enable_metadata_routing=True):
        assert model.fit(X, y, groups=groups).estimator_.n_splits_ == 4


def test_groups_stay_with_their_tracks_where_others_have_no_weight(features, routing):
    X, y = features
    weights, groups = np.arange(12) % 4 < 3, np.tile([0, 1, 0, 1], 3)
    seen = []

    class Listens(LogisticRegression):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.extend(groups)
            return super().fit(X, y, sample_weight)

    model = Listens().set_fit_request(sample_weight=True, groups=True)
    SegmentPoolingClassifier(model).fit(X, y, sample_weight=weights, groups=groups)
    assert_array_equal(seen, groups[weights].repeat(3))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["blues"] * 12, "at least two classes.*got only one class: 'blues'"),
        (np.linspace(0, 1, 12), "Unknown label type"),
        (["blues", "rock"], "inconsistent numbers of samples"),
        (None, "requires y"),
    ],
)
def test_faulty_genres_are_refused(features, y, message):
    with pytest.raises(ValueError, match=message):
        SegmentPoolingClassifier(LogisticRegression()).fit(features[0], y)


@pytest.mark.parametrize(
    "weights",
    [
        *(np.ones(11), -np.ones(12), np.zeros(12), np.full(12, 1e-320)),
        *(np.full(12, 1e308), np.arange(12) < 4),
    ],
    ids=["length", "negative", "zero", "tiny", "huge", "one genre"],
)
def test_faulty_weights_are_refused(features, weights):
    with pytest.raises(ValueError, match="sample_weight must"):
        SegmentPoolingClassifier(LogisticRegression()).fit(*features, weights)


def test_unknown_pooling_is_refused(features):
    with pytest.raises(ValueError, match=r"pooling must be one of 'mean'.* got 'sum'"):
        SegmentPoolingClassifier(LogisticRegression(), pooling="sum").fit(*features)


def test_scikit_learn_sees_a_classifier():
    assert is_classifier(SegmentPoolingClassifier(LogisticRegression()))


def test_segments_of_a_track_without_an_artist_stay_together():
    seen = []

    class RecordingFolds(GroupKFold):
        def split(self, X, y=None, groups=None):
            seen.append(groups)
            return super().split(X, y, groups)

    X, y = np.random.default_rng(0).normal(size=(6, 3, 5, 2)), ["a", "b"] * 3
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=RecordingFolds(2))
    with sklearn.config_context(enable_metadata_routing=True):
        SegmentPoolingClassifier(search).fit(
            X, y, groups=["x", None, "y", "x", None, "y"]
        )
    tracks = np.repeat(np.arange(6), 3)
    for track, artist in enumerate([0, 1, 2, 0, 4, 2]):
        same = np.isin(
            tracks, [0, 3] if artist == 0 else [2, 5] if artist == 2 else track
        )
        assert_array_equal(seen[0] == seen[0][track * 3], same)

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC

from skgenre import SegmentPoolingClassifier


def test_track_probability_is_the_mean_of_its_segments(features):
    X, y = features
    pooled = SegmentPoolingClassifier(LogisticRegression()).fit(X, y)
    plain = LogisticRegression().fit(X.reshape(36, -1), np.repeat(y, 3))
    expected = plain.predict_proba(X.reshape(36, -1)).reshape(12, 3, 3)
    assert_allclose(pooled.predict_segments_proba(X), expected)
    assert_allclose(pooled.predict_proba(X), expected.mean(axis=1))


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
    assert_allclose(probabilities[present], plain.predict_proba(rows))


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


def test_weights_for_an_estimator_that_takes_none_are_refused(features):
    X, y = features
    model = SegmentPoolingClassifier(KNeighborsClassifier())
    with pytest.raises(ValueError, match="sample_weight is not supported"):
        model.fit(X, y, sample_weight=np.ones(12))


def test_groups_of_tracks_reach_a_search_over_segments(features):
    X, y = features
    groups = np.tile(np.arange(4), 3)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=GroupKFold(4))
    model = SegmentPoolingClassifier(search)
    with pytest.raises(ValueError, match=r"'groups'.*enable_metadata_routing"):
        model.fit(X, y, groups=groups)
    with sklearn.config_context(enable_metadata_routing=True):
        assert model.fit(X, y, groups=groups).estimator_.n_splits_ == 4


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


@pytest.mark.parametrize("weights", [np.ones(11), -np.ones(12), np.zeros(12)])
def test_faulty_weights_are_refused(features, weights):
    with pytest.raises(ValueError, match="sample_weight must"):
        SegmentPoolingClassifier(LogisticRegression()).fit(*features, weights)


def test_unknown_pooling_is_refused(features):
    with pytest.raises(ValueError, match=r"pooling must be one of 'mean'.* got 'sum'"):
        SegmentPoolingClassifier(LogisticRegression(), pooling="sum").fit(*features)


def test_scikit_learn_sees_a_classifier():
    assert is_classifier(SegmentPoolingClassifier(LogisticRegression()))

import pickle
import warnings
from fractions import Fraction

import joblib
import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skgenre import (
    OpenSetClassifier,
    SegmentPoolingClassifier,
    TemperatureScaledClassifier,
    check_model,
    make_model,
)
from skgenre.calibration import fit_temperature
from skgenre.open_set import find_threshold, measure_evidence

SCORES = np.array([0.95, 0.55, 0.80, 0.60, 0.75, 0.65, 0.90, 0.70, 0.85])
GENRES = np.array(["blues", "rock", "jazz"] * 3)
BOTH = [OpenSetClassifier, TemperatureScaledClassifier]


class Stated(ClassifierMixin, BaseEstimator):
    """Its probabilities are the features, of the genres that it was fitted on."""

    fits = []  # noqa: RUF012

    def fit(self, X, y, groups=None, sample_weight=None):
        self.classes_ = np.unique(y)
        Stated.fits.append((X, groups, sample_weight))
        return self

    def predict_proba(self, X):
        return np.asarray(X)[:, : len(self.classes_)]


@pytest.fixture(autouse=True)
def fits():
    """What `Stated` was fitted on, call by call: first all tracks, then the folds."""
    Stated.fits.clear()
    return Stated.fits


@pytest.fixture
def stated():
    """Nine tracks whose highest probabilities are SCORES."""
    rest = (1 - SCORES) / 2
    return np.stack([SCORES, rest, rest], axis=1), GENRES


@pytest.fixture
def blobs():
    """Forty tracks of each of three genres, which overlap, by ten artists each."""
    y = np.repeat(["blues", "jazz", "rock"], 40)
    X = np.random.default_rng(0).normal(size=(120, 4))
    X[:, :3] += 2 * (y[:, np.newaxis] == np.unique(y))
    return X, y, np.repeat(np.arange(30), 4)


@pytest.fixture
def sharpened():
    """Probabilities that are three times surer than they may be, and genres."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6000, 4), scale=2)
    draws = rng.random((6000, 1)) > softmax(logits, axis=1).cumsum(axis=1)[:, :-1]
    return softmax(3 * logits, axis=1), np.array(list("abcd"))[draws.sum(axis=1)]


# ---- Rejection


@pytest.mark.parametrize(
    ("target", "threshold", "coverage"),
    [(0.9, 0.55, 1), (0.8, 0.60, 8 / 9), (0.75, 0.60, 8 / 9), (0.5, 0.75, 5 / 9)],
)
def test_threshold_is_the_conformal_rank_of_held_out_evidence(
    stated, target, threshold, coverage
):
    # The first, second, second and fifth of nine: floor(10 * (1 - target)).
    model = OpenSetClassifier(Stated(), target_coverage=target, cv=3).fit(*stated)
    assert model.threshold_ == threshold
    assert_allclose(model.coverage_, coverage)


def test_evidence_below_the_threshold_is_rejected(stated):
    model = OpenSetClassifier(Stated(), target_coverage=0.8, cv=3).fit(*stated)
    X = [[0.1, 0.6, 0.3], [0.1, 0.59, 0.31], [0.0, 0.0, 1.0]]
    assert_array_equal(model.predict(X), ["jazz", "unknown", "rock"])
    assert_array_equal(model.predict_proba(X), X)
    assert_allclose(model.score_samples(X), [0.6, 0.59, 1])
    assert_array_equal(model.classes_, ["blues", "jazz", "rock"])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("max_probability", [0.5, 1, 1 / 3]),
        ("margin", [0.25, 1, 0]),
        # Half at one bit, half at two: 1.5 bits of log2(3).
        ("entropy", [1 - 1.5 / np.log2(3), 1, 0]),
    ],
)
def test_evidence_is_one_where_a_genre_is_certain(method, expected):
    probabilities = [[0.25, 0.5, 0.25], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]]
    evidence = measure_evidence(probabilities, method)
    assert_allclose(evidence, expected, atol=1e-12)


@pytest.mark.parametrize("method", ["max_probability", "margin", "entropy"])
def test_every_method_sets_its_own_threshold(blobs, method):
    X, y, _ = blobs
    model = OpenSetClassifier(LogisticRegression(), method=method).fit(X, y)
    # k = floor(121 * 0.05) = 6: five are below the threshold.
    assert_allclose(model.coverage_, 115 / 120)
    is_rejected = model.score_samples(X) < model.threshold_
    assert_array_equal(model.predict(X) == "unknown", is_rejected)


@pytest.mark.parametrize(("n_tracks", "target"), [(9, 0.8), (19, 0.95), (50, 0.9)])
def test_new_tracks_are_accepted_as_often_as_asked(n_tracks, target):
    evidence = np.random.default_rng(0).random((4000, n_tracks + 1))
    accepted = [
        new >= find_threshold(np.array(held_out), target)
        for *held_out, new in evidence.tolist()
    ]
    expected = 1 - np.floor((n_tracks + 1) * (1 - target) + 1e-9) / (n_tracks + 1)
    assert expected >= target
    assert np.mean(accepted) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("target", "rank"),
    [
        *((5e-324, 9), (1e-17, 9), (1e-12, 9), (0.099, 9), (np.float16(0.5), 5)),
        *((Fraction(1, 2), 5), (0.9, 1), (np.nextafter(0.9, 1), 1)),
    ],
)
def test_extreme_coverages_have_their_rank_too(target, rank):
    assert find_threshold(SCORES, target) == np.sort(SCORES)[rank - 1]


def test_coverage_that_is_nearly_none_still_accepts_the_surest_track(stated):
    model = OpenSetClassifier(Stated(), target_coverage=1e-17, cv=3).fit(*stated)
    assert (model.threshold_, model.coverage_) == (0.95, pytest.approx(1 / 9))


def test_many_tracks_have_a_threshold_at_a_coverage_of_half_precision():
    evidence = np.arange(100_000) / 100_000
    assert find_threshold(evidence, np.float16(0.5)) == 0.49999


def test_too_few_tracks_to_reject_any_are_warned_of(stated):
    model = OpenSetClassifier(Stated(), target_coverage=0.95, cv=3)
    with pytest.warns(UserWarning, match="9 held-out tracks are too few") as warned:
        model.fit(*stated)
    assert warned[0].filename == __file__
    assert model.threshold_ == -np.inf
    assert "unknown" not in model.predict(stated[0])


def test_coverage_of_one_accepts_everything_without_a_warning(blobs):
    X, y, _ = blobs
    with warnings.catch_warnings(action="error", category=UserWarning):
        model = OpenSetClassifier(LogisticRegression(), target_coverage=1).fit(X, y)
    plain = LogisticRegression().fit(X, y)
    assert model.coverage_ == 1
    assert_array_equal(model.predict(-10 * X), plain.predict(-10 * X))


@pytest.mark.parametrize(
    ("genres", "label", "expected"),
    [
        ([0, 1, 2], "unknown", -1),
        ([-1, 0, 1], "unknown", -2),
        ([0, 1, 2], 99, 99),
        (["a", "b", "c"], "none of these", "none of these"),
        (np.array(["a", "b", "c"], dtype=object), "unknown", "unknown"),
    ],
)
def test_rejected_tracks_get_a_label_of_the_genres_kind(
    stated, genres, label, expected
):
    X, y = stated[0], np.tile(genres, 3)
    model = OpenSetClassifier(
        Stated(), unknown_label=label, target_coverage=0.8, cv=3
    ).fit(X, y)
    assert model.unknown_label_ == expected
    predicted = model.predict([[0.8, 0.1, 0.1], [0.4, 0.3, 0.3]])
    assert predicted.tolist() == [genres[0], expected]
    assert predicted.dtype.kind == y.dtype.kind


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"method": "energy"}, ValueError, "method must be one of 'max_prob.*'energy'"),
        ({"target_coverage": 0}, ValueError, "target_coverage must be .*above 0"),
        ({"target_coverage": 1.01}, ValueError, "target_coverage must be .*at most 1"),
        ({"target_coverage": True}, TypeError, "target_coverage must be .*got True"),
        ({"unknown_label": "rock"}, ValueError, "must not be a genre in y, got 'rock'"),
        ({"unknown_label": -1}, TypeError, "unknown_label must be a str.*got -1"),
        ({"unknown_label": None}, TypeError, "unknown_label must be a str.*got None"),
    ],
)
def test_faulty_parameters_are_refused(stated, parameters, error, message):
    with pytest.raises(error, match=message):
        OpenSetClassifier(Stated(), cv=3).set_params(**parameters).fit(*stated)


def test_a_word_for_numbers_is_refused(stated):
    with pytest.raises(TypeError, match="unknown_label must be a number"):
        OpenSetClassifier(Stated(), unknown_label="none", cv=3).fit(
            stated[0], np.tile([0, 1, 2], 3)
        )


@pytest.mark.parametrize("method", ["max_probability", "margin", "entropy"])
def test_unknown_genre_is_rejected_more_often_than_known_ones(blobs, method):
    X, y, _ = blobs
    is_known = y != "rock"
    model = OpenSetClassifier(LogisticRegression(), method=method, target_coverage=0.8)
    model.fit(X[is_known][::2], y[is_known][::2])
    rejected = [
        np.mean(model.predict(rows) == "unknown")
        for rows in (X[is_known][1::2], X[~is_known])
    ]
    assert rejected[0] < 0.3 < 0.5 < rejected[1]
    evidence = [model.score_samples(X[rows]).mean() for rows in (is_known, ~is_known)]
    assert evidence[0] > evidence[1]


@pytest.mark.parametrize("kind", BOTH)
def test_whole_pipelines_take_lists_of_paths(made_tracks, tmp_path, kind):
    pipeline = make_model("lda", n_segments=2, cache_dir=tmp_path)
    paths = list(made_tracks.paths)
    model = kind(pipeline, cv=2)
    model.fit(paths, made_tracks.target, groups=made_tracks.groups)
    assert model.predict(paths[:2]).shape == (2,)
    assert model.predict_proba(paths[:2]).shape == (2, 3)


# ---- Temperature


def test_known_sharpening_is_recovered(sharpened):
    model = TemperatureScaledClassifier(Stated()).fit(*sharpened)
    assert model.temperature_ == pytest.approx(3, rel=0.05)


def test_probabilities_are_a_power_and_predictions_what_they_were(sharpened):
    X, y = sharpened
    model = TemperatureScaledClassifier(Stated()).fit(X, y)
    powers = X ** (1 / model.temperature_)
    expected = powers / powers.sum(axis=1, keepdims=True)
    # Up to the floor of 1e-12, which is 1e-4 at a temperature of three.
    assert_allclose(model.predict_proba(X), expected, atol=2e-4)
    assert_array_equal(model.predict(X), np.array(list("abcd"))[X.argmax(axis=1)])


def test_temperature_has_the_highest_likelihood(sharpened):
    X, y = sharpened
    numbers = np.searchsorted(list("abcd"), y)

    def log_likelihood(temperature):
        powers = X ** (1 / temperature)
        chosen = powers[np.arange(len(y)), numbers]
        return np.log(chosen / powers.sum(axis=1)).mean()

    best = fit_temperature(X, np.eye(4, dtype=bool)[numbers])
    assert log_likelihood(best) > log_likelihood(best * 1.02)
    assert log_likelihood(best) > log_likelihood(best / 1.02)


def test_zeros_are_no_veto():
    # Always certain, and right in 9 of 10 tracks: that is what should come out.
    numbers = np.tile([0, 1], 50)
    X = np.eye(2)[np.where(np.arange(100) % 10 == 0, 1 - numbers, numbers)]
    model = TemperatureScaledClassifier(Stated()).fit(X, np.array(["a", "b"])[numbers])
    assert_allclose(model.predict_proba([[1, 0]]), [[0.9, 0.1]], atol=1e-3)


def test_temperature_is_bounded_without_a_mistake():
    y = np.tile(["a", "b"], 10)
    X = np.where(y[:, np.newaxis] == ["a", "b"], 0.6, 0.4)
    model = TemperatureScaledClassifier(Stated()).fit(X, y)
    assert 0.05 <= model.temperature_ < 0.1
    assert np.isfinite(model.predict_proba(X)).all()


def test_log_loss_is_lower_on_other_tracks(blobs):
    X, y, _ = blobs
    overfitted = LogisticRegression(C=1e6)
    wide = np.hstack([X, np.random.default_rng(1).normal(size=(120, 30))])
    scores = [
        cross_val_score(model, wide, y, scoring="neg_log_loss").mean()
        for model in (TemperatureScaledClassifier(overfitted), overfitted)
    ]
    assert scores[0] > scores[1]


# ---- Held-out tracks


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("cv", [3, None, GroupKFold(5)])
def test_groups_are_never_on_both_sides(blobs, fits, kind, cv):
    X, y, groups = blobs
    X = np.c_[softmax(X[:, :3], axis=1), np.arange(120)]
    kind(Stated(), cv=cv).fit(X, y, groups=groups)
    whole, *folds = [set(X[:, 3].astype(int)) for X, _, _ in fits]
    assert whole == set(range(120))
    assert len(folds) == (3 if cv == 3 else 5)
    for trained in folds:
        held_out = whole - trained
        assert not set(groups[list(trained)]) & set(groups[list(held_out)])
        if not isinstance(cv, GroupKFold):
            assert len(set(y[list(held_out)])) == 3


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("cv", [3, GroupKFold(3)])
def test_missing_groups_are_groups_of_their_own(blobs, fits, kind, cv):
    X, y, groups = blobs
    X = np.c_[softmax(X[:, :3], axis=1), np.arange(120)]
    unknown = np.arange(120) % 4 == 0
    given = np.where(unknown, None, groups.astype(str))
    kind(Stated(), cv=cv).fit(X, y, groups=given)
    for trained, names, _ in fits[1:]:
        rows = trained[:, 3].astype(int)
        held_out = np.setdiff1d(np.arange(120), rows)
        assert not set(given[rows]) & set(given[held_out]) - {None}
        assert len(set(names)) == len(set(given[rows])) - 1 + unknown[rows].sum()


@pytest.mark.parametrize("kind", BOTH)
def test_estimator_is_given_the_groups_of_its_tracks(blobs, fits, kind):
    X, y, groups = blobs
    X = np.c_[softmax(X[:, :3], axis=1), groups]
    pipeline = make_pipeline("passthrough", kind(Stated(), cv=2))
    # Nested, and at the end of a pipeline.
    kind(pipeline, cv=2).fit(X, y, groups=groups)
    assert len(fits) == 9
    assert all((given == X[:, 3]).all() for X, given, _ in fits)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("nested", [False, True])
def test_weights_reach_the_last_step_of_a_pipeline(blobs, fits, kind, nested):
    X, y, _ = blobs
    X = np.c_[softmax(X[:, :3], axis=1), np.arange(1, 121)]
    estimator = make_pipeline("passthrough", Stated())
    estimator = make_pipeline("passthrough", estimator) if nested else estimator
    kind(estimator, cv=2).fit(X, y, sample_weight=X[:, 3])
    assert len(fits) == 3
    assert all((X[:, 3] == given).all() for X, _, given in fits)
    with pytest.raises(ValueError, match="sample_weight is not supported by"):
        kind(KNeighborsClassifier(), cv=2).fit(X, y, sample_weight=X[:, 3])


@pytest.mark.parametrize("kind", BOTH)
def test_tracks_of_weight_zero_do_not_count_where_they_are_held_out(blobs, kind):
    X, y, _ = blobs
    counts = np.arange(120) % 3 > 0
    folds = list(StratifiedKFold(3).split(X, y))
    weighted = kind(LogisticRegression(), cv=folds).fit(X, y, sample_weight=counts)
    folds = [(train[counts[train]], test[counts[test]]) for train, test in folds]
    absent = kind(LogisticRegression(), cv=folds).fit(X, y)
    for name in {"threshold_", "temperature_"} & set(vars(absent)):
        assert_allclose(getattr(weighted, name), getattr(absent, name), rtol=1e-3)
    with pytest.raises(ValueError, match="sample_weight must not be zero"):
        kind(LogisticRegression()).fit(X, y, sample_weight=np.zeros(120))


def test_values_per_track_are_split_and_others_are_not(stated, fits):
    X, y = stated
    weights = SCORES.tolist()
    TemperatureScaledClassifier(Stated(), cv=3).fit(X, y, sample_weight=weights)
    assert all((X[:, 0] == given).all() for X, _, given in fits)
    TemperatureScaledClassifier(Stated(), cv=3).fit(X, y, sample_weight=0.5)
    assert fits[-1][2] == 0.5


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("outer", [cross_validate, GridSearchCV])
def test_groups_are_routed_through_cross_validation(blobs, fits, routing, kind, outer):
    X, y, groups = blobs
    X = np.c_[softmax(X[:, :3], axis=1), groups]
    model = kind(Stated().set_fit_request(groups=True, sample_weight=False), cv=2)
    splitter = StratifiedGroupKFold(2)
    if outer is GridSearchCV:
        grid = {"cv": [2]}
        GridSearchCV(model, grid, cv=splitter, refit=False).fit(X, y, groups=groups)
    else:
        params = {"groups": groups}
        cross_validate(model, X, y, cv=splitter, params=params, error_score="raise")
    assert len(fits) == 6
    for X, given, _ in fits:
        assert_array_equal(X[:, 3], given)
    for whole, *folds in (fits[:3], fits[3:]):
        artists = [set(given) for _, given, _ in (whole, *folds)]
        assert artists[0] == artists[1] | artists[2]
        assert not artists[1] & artists[2]


@pytest.mark.parametrize("kind", BOTH)
def test_genre_of_one_artist_does_not_count_where_it_is_held_out(blobs, kind):
    X, y, groups = blobs
    groups = np.where(y == "rock", 99, groups)
    model = kind(LogisticRegression(), cv=4)
    with pytest.warns(UserWarning, match="do not count .*: rock") as warned:
        model.fit(X, y, groups=groups)
    assert warned[0].filename == __file__
    is_rock = y == "rock"
    folds = [
        (train, test[~is_rock[test]])
        for train, test in StratifiedGroupKFold(4).split(X, y, groups)
    ]
    expected = kind(LogisticRegression(), cv=folds).fit(X, y)
    for name in {"threshold_", "temperature_"} & set(vars(model)):
        assert getattr(model, name) == getattr(expected, name)
    assert "rock" in model.classes_


def test_genre_that_a_fold_does_not_train_on_has_probability_zero():
    X, y = np.tile([0.9, 0.1, 0], (6, 1)), np.repeat(["a", "b", "c"], 2)
    cv = [([3, 4, 5], [2])]
    model = OpenSetClassifier(Stated(), method="entropy", target_coverage=0.5, cv=cv)
    nats = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    assert_allclose(model.fit(X, y).threshold_, 1 - nats / np.log(3))
    # 0.9 for "b", which is right, so no temperature is too low.
    assert TemperatureScaledClassifier(Stated(), cv=cv).fit(X, y).temperature_ < 0.1


@pytest.mark.parametrize("kind", BOTH)
def test_part_of_the_tracks_may_be_held_out(blobs, kind):
    X, y, _ = blobs
    cv = ShuffleSplit(1, test_size=0.25, random_state=0)
    assert kind(LogisticRegression(), cv=cv).fit(X, y).predict(X).shape == (120,)


@pytest.mark.parametrize("kind", BOTH)
def test_folds_may_come_from_an_iterator(blobs, kind):
    X, y, _ = blobs
    model = kind(LogisticRegression(), cv=StratifiedKFold(3).split(X, y))
    check_model(model)  # reads none of them
    same = kind(LogisticRegression(), cv=3).fit(X, y)
    assert_array_equal(model.fit(X, y).predict_proba(X), same.predict_proba(X))
    for name in {"threshold_", "temperature_"} & set(vars(same)):
        assert getattr(model, name) == getattr(same, name)


@pytest.mark.parametrize(
    ("cv", "groups", "message"),
    [
        (1, None, "n_splits=2 or more, got n_splits=1"),
        (4, None, "cv must be at most .* cv=4 and 3 of 'blues'"),
        (4, np.repeat([0, 1, 2], 3), "number of groups, got cv=4 and 3 groups"),
        (3, np.tile([0, 1, 2], 3), "each genre has all its tracks in one fold"),
        (RepeatedStratifiedKFold(n_splits=3), None, "once at most, got 90 .* of 9"),
        ([(np.arange(0, 9, 3), [1])], None, r"two classes .*got only \['blues'\]"),
        (GroupKFold(3), None, "groups"),
    ],
)
def test_folds_that_cannot_be_are_refused(stated, cv, groups, message):
    with pytest.raises(ValueError, match=message):
        OpenSetClassifier(Stated(), cv=cv).fit(*stated, groups=groups)


@pytest.mark.parametrize("kind", BOTH)
def test_faulty_input_is_refused(stated, kind):
    X, y = stated
    with pytest.raises(ValueError, match="must have predict_proba, got LinearSVC"):
        kind(LinearSVC(), cv=3).fit(X, y)
    with pytest.raises(ValueError, match=r"only one class.*'blues'"):
        kind(Stated(), cv=3).fit(X, ["blues"] * 9)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        kind(Stated(), cv=3).fit(X, y, groups=[1, 2])
    with pytest.raises(NotFittedError):
        kind(Stated()).predict(X)


# ---- In scikit-learn


def test_fitted_classifier_is_judged_on_all_tracks(blobs):
    X, y, _ = blobs
    fitted = LogisticRegression().fit(X[::2], y[::2])
    model = OpenSetClassifier(FrozenEstimator(fitted), target_coverage=0.8)
    model.fit(X[1::2], y[1::2])
    evidence = np.sort(fitted.predict_proba(X[1::2]).max(axis=1))
    assert model.threshold_ == evidence[11]  # the 12th: 61 * 0.2
    assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))


def test_fitted_classifier_may_know_more_genres_but_not_fewer(blobs):
    X, y, _ = blobs
    some = y != "rock"
    fitted = FrozenEstimator(LogisticRegression().fit(X, y))
    model = TemperatureScaledClassifier(fitted).fit(X[some], y[some])
    assert model.predict_proba(X).shape == (120, 3)
    with pytest.raises(ValueError, match="must not be a genre in y, got 'rock'"):
        OpenSetClassifier(fitted, unknown_label="rock").fit(X[some], y[some])
    fitted = FrozenEstimator(LogisticRegression().fit(X[some], y[some]))
    with pytest.raises(ValueError, match=r"got .*'rock'\]; known are .*'jazz'\]"):
        OpenSetClassifier(fitted).fit(X, y)


@pytest.mark.parametrize("kind", BOTH)
def test_fitted_classifier_of_one_genre_is_refused(blobs, kind):
    X, y, _ = blobs
    one = FrozenEstimator(KNeighborsClassifier().fit(X[:40], y[:40]))
    with pytest.raises(ValueError, match=r"at least two classes.*\['blues'\]"):
        kind(one).fit(X[:40], y[:40])


@pytest.mark.parametrize("kind", BOTH)
def test_pipeline_of_fitted_steps_knows_the_genres_that_its_last_step_knows(
    blobs, kind
):
    X, y, _ = blobs
    some = y != "rock"
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[some], y[some])
    frozen = make_pipeline(*(FrozenEstimator(step) for _, step in fitted.steps))
    assert kind(frozen).fit(X[some], y[some]).classes_.tolist() == ["blues", "jazz"]
    with pytest.raises(ValueError, match=r"got .*'rock'\]; known are .*'jazz'\]"):
        kind(frozen).fit(X, y)


def test_default_label_that_is_a_genre_is_refused(stated):
    # The largest of floats have no number one less.
    X, y = stated[0], np.tile([-1e17, 1, 2], 3)
    with pytest.raises(ValueError, match=r"must not be a genre in y, got -1e\+17"):
        OpenSetClassifier(Stated(), cv=3).fit(X, y)


@pytest.mark.parametrize("kind", BOTH)
def test_weights_of_genres_keep_their_names(blobs, kind):
    X, y, _ = blobs
    weights = {"blues": 5, "jazz": 1, "rock": 1}
    model = kind(LogisticRegression(class_weight=weights)).fit(X, y)
    assert model.estimator_.classes_.tolist() == ["blues", "jazz", "rock"]


def test_calibrated_pipeline_is_searched_within_rejection(blobs):
    X, y, groups = blobs
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    model = OpenSetClassifier(TemperatureScaledClassifier(pipeline, cv=2), cv=3)
    grid = {"estimator__estimator__logisticregression__C": [0.01, 1]}
    search = GridSearchCV(model, grid, cv=GroupKFold(3)).fit(X, y, groups=groups)
    best = search.best_estimator_
    assert best.estimator_.temperature_ > 0
    assert_allclose(best.coverage_, 115 / 120)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("kind", BOTH)
def test_scorers_of_scikit_learn_work(blobs, kind):
    X, y, _ = blobs
    scoring = ["accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss"]
    scoring += ["roc_auc_ovr"]
    pipeline = make_pipeline(StandardScaler(), kind(LogisticRegression()))
    scores = cross_validate(pipeline, X, y, scoring=scoring, error_score="raise")
    assert all(scores[f"test_{name}"].mean() > -1 for name in scoring)


def test_a_track_labelled_unknown_is_scored_right_where_it_is_rejected(stated):
    model = OpenSetClassifier(Stated(), target_coverage=0.8, cv=3).fit(*stated)
    X = [[0.9, 0.1, 0], [0.4, 0.3, 0.3]]
    assert model.score(X, ["blues", "unknown"]) == 1


@pytest.mark.parametrize("kind", BOTH)
def test_segments_of_tracks_are_pooled_first(features, kind):
    X, y = features
    model = SegmentPoolingClassifier(LinearDiscriminantAnalysis())
    fitted = kind(model, cv=StratifiedKFold(2)).set_params(cv=2)
    with warnings.catch_warnings(action="ignore"):
        fitted.fit(X, y)
    assert fitted.predict_proba(X).shape == (12, 3)
    assert "n_features_in_" not in vars(fitted)


@pytest.mark.parametrize("kind", BOTH)
def test_fitted_state_is_plain_and_survives_pickle(blobs, kind):
    X, y, _ = blobs
    model = kind(LogisticRegression()).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict(X), model.predict(X))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    fitted = {n: v for n, v in vars(model).items() if n.endswith("_")}
    assert {type(value) for value in fitted.values()} <= {
        *(float, int, str, np.ndarray, LogisticRegression)
    }
    assert clone(copy).get_params().keys() == model.get_params().keys()


@pytest.mark.parametrize("kind", BOTH)
def test_folds_fitted_at_once_give_the_same(blobs, kind):
    X, y, _ = blobs
    with joblib.parallel_config("threading"):
        one, two = (kind(LogisticRegression(), n_jobs=n).fit(X, y) for n in (1, 2))
    assert_array_equal(one.predict(X), two.predict(X))
    assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_routing_leaves_groups_to_those_who_request_them(blobs):
    X, y, groups = blobs
    with sklearn.config_context(enable_metadata_routing=True):
        model = OpenSetClassifier(LogisticRegression(), cv=GroupKFold(3))
        model.fit(X, y, groups=groups)
        with pytest.raises(TypeError, match="sample_weight"):
            OpenSetClassifier(Stated()).fit(X, y, bogus_sample_weight=groups)

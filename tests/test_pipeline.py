"""Whole pipelines, from files to genres, inside scikit-learn's own tools."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedGroupKFold,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import Pipeline, make_pipeline

from skgenre import (
    CNNGenreClassifier,
    MFCCExtractor,
    MFCCScaler,
    MLPGenreClassifier,
    SegmentPoolingClassifier,
    load_genre_folder,
    make_model,
)


@pytest.fixture(scope="module")
def extractor(tmp_path_factory):
    return MFCCExtractor(n_segments=2, cache_dir=tmp_path_factory.mktemp("features"))


@pytest.fixture
def mlp(extractor):
    network = MLPGenreClassifier(
        hidden_layer_sizes=(16,), learning_rate=0.01, epochs=3, random_state=0
    )
    return make_pipeline(extractor, MFCCScaler(), network)


@pytest.fixture
def pooled(extractor):
    classifier = SegmentPoolingClassifier(LogisticRegression(max_iter=50))
    return make_pipeline(extractor, MFCCScaler(), classifier)


@pytest.fixture(autouse=True)
def no_convergence_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", category=sklearn.exceptions.ConvergenceWarning
        )
        yield


def test_genre_sorted_labels_are_stratified(made_tracks, mlp):
    # Unshuffled KFold would test each genre on a model that has never met it.
    assert_array_equal(made_tracks.target, np.sort(made_tracks.target))
    result = cross_validate(
        mlp, made_tracks.paths, made_tracks.target, cv=2, return_indices=True
    )
    for test in result["indices"]["test"]:
        assert len(set(made_tracks.target[test])) == 3


def test_parallel_folds_score_as_serial_ones(made_tracks, mlp):
    serial = cross_val_score(mlp, made_tracks.paths, made_tracks.target, cv=2)
    parallel = cross_val_score(
        mlp, made_tracks.paths, made_tracks.target, cv=2, n_jobs=2
    )
    assert_array_equal(serial, parallel)


def test_grid_search_reaches_every_step_by_name(made_tracks, extractor):
    network = CNNGenreClassifier(epochs=1, random_state=0)
    search = GridSearchCV(
        make_pipeline(extractor, network),
        {"mfccextractor__n_mfcc": [13, 14], "cnngenreclassifier__dropout": [0.2]},
        cv=2,
    ).fit(made_tracks.paths, made_tracks.target)
    assert len(search.cv_results_["params"]) == 2
    assert search.predict(made_tracks.paths[:2]).shape == (2,)


def test_several_scorers_are_cross_validated_at_once(made_tracks, mlp):
    scoring = [
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "neg_log_loss",
        "roc_auc_ovr",
    ]
    scores = cross_validate(
        mlp, made_tracks.paths, made_tracks.target, cv=2, scoring=scoring
    )
    assert all(np.isfinite(scores[f"test_{name}"]).all() for name in scoring)


def test_halving_search_finds_a_candidate(made_tracks, pooled):
    search = HalvingGridSearchCV(
        pooled,
        {"segmentpoolingclassifier__pooling": ["mean", "vote"]},
        cv=2,
        min_resources=12,
        random_state=0,
    )
    paths, target = made_tracks.paths.tolist(), made_tracks.target
    assert search.fit(paths, target).best_params_


@pytest.mark.parametrize("voting", ["soft", "hard"])
def test_pipelines_vote(made_tracks, mlp, pooled, voting):
    vote = VotingClassifier([("mlp", mlp), ("pooled", pooled)], voting=voting)
    vote.fit(made_tracks.paths, made_tracks.target)
    assert vote.score(made_tracks.paths, made_tracks.target) > 0.5


def test_pipeline_is_calibrated_per_track(made_tracks, mlp):
    calibrated = CalibratedClassifierCV(mlp, cv=2, ensemble=False)
    calibrated.fit(made_tracks.paths, made_tracks.target)
    probabilities = calibrated.predict_proba(made_tracks.paths)
    assert probabilities.shape == (24, 3)
    assert_allclose(probabilities.sum(axis=1), 1)


def test_learning_curve_counts_tracks(made_tracks, pooled):
    sizes, _, test_scores = learning_curve(
        pooled,
        made_tracks.paths,
        made_tracks.target,
        cv=3,
        train_sizes=[0.5, 1.0],
        shuffle=True,
        random_state=0,
    )
    assert_array_equal(sizes, [8, 16])
    assert test_scores.shape == (2, 3)


def test_fitted_pipeline_survives_pickle(made_tracks, mlp):
    mlp.fit(made_tracks.paths, made_tracks.target)
    copy = pickle.loads(pickle.dumps(mlp))
    assert_array_equal(
        copy.predict_proba(made_tracks.paths), mlp.predict_proba(made_tracks.paths)
    )
    assert clone(copy).get_params().keys() == mlp.get_params().keys()


@pytest.mark.parametrize("routing", [False, True])
def test_groups_reach_the_splitter(made_tracks, pooled, routing):
    splitter = StratifiedGroupKFold(2, shuffle=True, random_state=0)
    with sklearn.config_context(enable_metadata_routing=routing):
        given = {"params" if routing else "groups": made_tracks.groups}
        if routing:
            given = {"params": {"groups": made_tracks.groups}}
        scores = cross_validate(
            pooled,
            made_tracks.paths,
            made_tracks.target,
            cv=splitter,
            return_indices=True,
            **given,
        )
    for train, test in zip(*scores["indices"].values(), strict=True):
        assert not set(made_tracks.groups[train]) & set(made_tracks.groups[test])


def test_weights_are_routed_through_the_pipeline(made_tracks, extractor):
    weights = np.where(made_tracks.target == made_tracks.target[0], 1.0, 0.0)
    weights[-1] = 1e-6
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = SegmentPoolingClassifier(
            LogisticRegression().set_fit_request(sample_weight=True)
        )
        pipeline = make_pipeline(extractor, MFCCScaler(), classifier)
        pipeline.fit(made_tracks.paths, made_tracks.target, sample_weight=weights)
    assert set(pipeline.predict(made_tracks.paths)) == {made_tracks.target[0]}


def test_nothing_knows_gtzans_format(tmp_path):
    """Five genres of 15-second stereo tracks at 44.1 kHz, told apart by their pitch."""
    rng = np.random.default_rng(0)
    time = np.arange(15 * 44100) / 44100
    for number, frequency in enumerate([110, 300, 800, 2200, 6000]):
        for track in range(4):
            pitch = frequency * rng.uniform(0.9, 1.1)
            tone = 0.3 * np.sin(2 * np.pi * pitch * time)
            stereo = tone[:, np.newaxis] + rng.normal(0, 0.01, (len(time), 2))
            path = tmp_path / f"genre {number}" / f"{track}.flac"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, stereo, 44100)
    data = load_genre_folder(tmp_path)
    features = {"sample_rate": 44100, "segment_duration": 5.0, "n_segments": 3}
    store = {"cache_dir": tmp_path / "features"}
    logistic = make_model("logistic", **features, **store)
    assert cross_val_score(logistic, data.paths, data.target, cv=2).mean() > 0.9
    mlp = make_model("mlp", epochs=30, random_state=0, **features, **store)
    assert cross_val_score(mlp, data.paths, data.target, cv=2).mean() > 0.6


def test_validation_paths_become_features_on_the_way(made_tracks, extractor, routing):
    paths, y = np.array(made_tracks.paths), made_tracks.target
    network = MLPGenreClassifier(hidden_layer_sizes=(16,), epochs=2, random_state=0)
    network.set_fit_request(X_val=True, y_val=True)
    steps = [("mfcc", extractor), ("scale", MFCCScaler()), ("mlp", network)]
    pipe = Pipeline(steps, transform_input=["X_val"])
    pipe.fit(paths[::2], y[::2], X_val=paths[1::2], y_val=y[1::2])
    expected = pipe.score(paths[1::2], y[1::2])
    assert pipe[-1].history_["val_track_accuracy"][-1] == expected


def test_early_stopping_by_artist_within_cross_validation(
    made_tracks, extractor, routing
):
    network = MLPGenreClassifier(
        hidden_layer_sizes=(16,),
        **{"epochs": 3, "early_stopping": True, "validation_fraction": 0.3},
    ).set_fit_request(groups=True)
    scores = cross_val_score(
        make_pipeline(extractor, MFCCScaler(), network),
        made_tracks.paths,
        made_tracks.target,
        cv=StratifiedGroupKFold(3),
        params={"groups": made_tracks.groups},
        error_score="raise",
    )
    assert len(scores) == 3

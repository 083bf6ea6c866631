import inspect
import re
import subprocess
import sys

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skgenre
from skgenre import (
    KerasGenreClassifier,
    MFCCExtractor,
    MLPGenreClassifier,
    SegmentPoolingClassifier,
    TrackStatistics,
    check_model,
    make_model,
)
from skgenre.models import MODEL_NAMES, PRETRAINED_NAMES


def build(input_shape, n_classes, units, rate=0.1):
    raise AssertionError("a check builds no network")


WRONG = make_pipeline(MFCCExtractor(), MLPGenreClassifier(epochs=-1))
EPOCHS = "mlpgenreclassifier': epochs must be a positive integer, got -1"
C = "The 'C' parameter of LogisticRegression must be"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (WRONG, f"step '{EPOCHS}"),
        (MLPGenreClassifier(epochs=-1), "epochs must be a positive integer"),
        (make_model("cnn", pooling="avg"), "'cnngenreclassifier': pooling must be one"),
        (make_model("lstm", n_mfcc=0), "step 'mfccextractor': n_mfcc must be"),
        (make_model("mlp", random_state="a"), "'mlpgenreclassifier': 'a' cannot be"),
        (make_model("mlp", class_weight="even"), "class_weight must be None"),
        (make_model("lda", statistics=("mode",)), "statistics[0] must be one of"),
        (make_model("logistic", C=-1), f"step 'logisticregression': {C}"),
        (
            make_model("logistic-segments", estimator__logisticregression__C=-1),
            f"step 'segmentpoolingclassifier__estimator__logisticregression': {C}",
        ),
        (SegmentPoolingClassifier(SVC()), "estimator must have predict_proba"),
        (CalibratedClassifierCV(WRONG), f"step 'estimator__{EPOCHS}"),
        (VotingClassifier([("a", WRONG)]), f"step 'a__{EPOCHS}"),
        (
            FeatureUnion([("a", TrackStatistics()), ("b", MFCCExtractor(n_fft=0))]),
            "step 'b': n_fft must be",
        ),
        (
            ColumnTransformer([("path", MFCCExtractor(fmin=-1), ["path"])]),
            "step 'path': fmin must be",
        ),
        (GridSearchCV(WRONG, {}), f"candidate {{}}: step '{EPOCHS}"),
        (
            GridSearchCV(make_model("mlp"), {"mlpgenreclassifier__epochs": [3, -1]}),
            f"candidate {{'mlpgenreclassifier__epochs': -1}}: step '{EPOCHS}",
        ),
        (
            GridSearchCV(LogisticRegression(), {"c": [1]}),
            "candidate {'c': 1}: Invalid parameter 'c'",
        ),
        (
            make_pipeline(MFCCExtractor(), GridSearchCV(SVC(), {"C": [1, -1]})),
            "step 'gridsearchcv': candidate {'C': -1}: The 'C' parameter",
        ),
        (
            RandomizedSearchCV(LogisticRegression(), {"C": [-1]}, n_iter=3),
            f"candidate {{'C': -1}}: {C}",
        ),
        (GridSearchCV(SVC(), {"C": "1"}), "C"),
        (
            make_pipeline(MFCCExtractor(), SVC),
            "must be an estimator, got the class SVC",
        ),
        (make_pipeline(SVC(), SVC()), "step 'svc-1', which is not the last, must have"),
        (KerasGenreClassifier(build), "missing a required argument: 'units'"),
        (
            KerasGenreClassifier(build, build__unit=1),
            "'build__unit' is not a parameter",
        ),
        (KerasGenreClassifier("gru"), "build must be callable, got 'gru'"),
        ("mlp", "model must be an estimator, got 'mlp'"),
        (SVC, "model must be an estimator, got <class"),
    ],
)
def test_wrong_parameter_is_named_with_its_step(model, message):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        check_model(model)


@pytest.mark.parametrize(
    "model",
    [
        *(make_model(name) for name in MODEL_NAMES if name not in PRETRAINED_NAMES),
        KerasGenreClassifier(build, build__units=3),
        # Only together: 200 coefficients need more than the 128 bands of the default.
        GridSearchCV(
            MFCCExtractor(), {"n_mfcc": [200], "n_mels": [256, 300]}, scoring=len
        ),
        # What is wrong in the base, and right in each candidate.
        GridSearchCV(WRONG, {"mlpgenreclassifier__epochs": [3]}),
        GridSearchCV(make_pipeline("passthrough", None), {"nonetype": [SVC()]}),
        make_pipeline(FeatureUnion([("a", "drop"), ("b", StandardScaler())]), SVC()),
    ],
)
def test_model_that_can_be_fitted_passes(model):
    check_model(model)


@pytest.mark.parametrize("seed", [3, np.random.RandomState(3)])
def test_search_is_left_to_draw_what_it_would_have_drawn(seed):
    grid = {"C": np.logspace(-3, 3, 50)}
    search = RandomizedSearchCV(SVC(), grid, n_iter=5, random_state=seed, cv=2)
    check_model(search)
    X, y = np.arange(8.0)[:, np.newaxis], np.arange(8) % 2
    tried = search.fit(X, y).cv_results_["params"]
    fresh = RandomizedSearchCV(SVC(), grid, n_iter=5, random_state=3, cv=2)
    assert tried == fresh.fit(X, y).cv_results_["params"]


def test_candidates_are_not_changed():
    candidate = LogisticRegression(C=7)
    grid = {"model": [candidate], "model__C": [1, 2]}
    pipeline = make_pipeline(StandardScaler())
    pipeline.steps.append(("model", None))
    check_model(GridSearchCV(pipeline, grid))
    assert candidate.C == 7
    assert pipeline.named_steps["model"] is None


def test_scikit_learn_checks_its_own_parameters():
    # `_validate_params` is private to scikit-learn: should it go, so must
    # `skgenre.model_check._check_by_scikit_learn`, which alone calls it.
    with pytest.raises(ValueError, match="The 'C' parameter of SVC"):
        check_model(SVC(C=-1))
    with config_context(skip_parameter_validation=True):
        check_model(SVC(C=-1))


def test_every_estimator_checks_its_parameters():
    public = [getattr(skgenre, name) for name in skgenre.__all__]
    estimators = [
        one for one in public if inspect.isclass(one) and issubclass(one, BaseEstimator)
    ]
    assert len(estimators) > 10
    assert all(hasattr(one, "_check_parameters") for one in estimators)


def test_check_loads_no_tensorflow():
    code = (
        "import sys\n"
        "from skgenre import check_model, make_model\n"
        "check_model(make_model('cnn'))\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"tensorflow", "keras", "librosa"} & set(done.stdout.split())

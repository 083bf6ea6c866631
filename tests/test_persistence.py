import io
import os
import pickle
import re
import subprocess
import sys
import warnings
import zipfile

import joblib
import numpy as np
import pytest
from model_archive import read_parts, write_parts
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import Birch, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, KernelPCA
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import (
    RFE,
    RFECV,
    SelectFromModel,
    SelectPercentile,
    SequentialFeatureSelector,
    mutual_info_classif,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifierCV,
)
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.naive_bayes import CategoricalNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, NuSVC

import skgenre
from skgenre import (
    CNNGenreClassifier,
    CovarianceGenreClassifier,
    KerasGenreClassifier,
    LSTMGenreClassifier,
    MFCCExtractor,
    MFCCScaler,
    MLPGenreClassifier,
    ModelFileError,
    SegmentPoolingClassifier,
    SegmentStatistics,
    TrackStatistics,
    load_model,
    make_model,
    read_model_info,
    run_benchmark,
    save_model,
)
from skgenre.persistence.allowed_types import ALLOWED_TYPES, OUR_FUNCTIONS, OUR_OBJECTS

FAST = {"learning_rate": 0.02, "epochs": 1, "random_state": 0}
NETWORKS = {
    "mlp": MLPGenreClassifier(hidden_layer_sizes=(16,), dropout=0.3, l2=0.01, **FAST),
    "cnn": CNNGenreClassifier(filters=(8,), kernel_sizes=((2, 2),), **FAST),
    "lstm": LSTMGenreClassifier(units=(8, 8), dense_units=8, **FAST),
    "covariance": CovarianceGenreClassifier(hidden_units=8, **FAST),
}
SCALED = make_pipeline(TrackStatistics(), StandardScaler(), LogisticRegression())
FOREST = make_pipeline(TrackStatistics(), RandomForestClassifier(5, random_state=0))
MEANS = TrackStatistics(statistics=("mean",))
MODELS = {
    **NETWORKS,
    "scaled-network": make_pipeline(MFCCScaler(), NETWORKS["mlp"]),
    "statistics": SCALED,
    "forest": FOREST,
    "svm": CalibratedClassifierCV(make_pipeline(MEANS, SVC()), cv=2),
    "neighbours-in-a-tree": make_pipeline(MEANS, KNeighborsClassifier(3)),
    "segments-vote": make_pipeline(
        SegmentStatistics(), SegmentPoolingClassifier(LogisticRegression())
    ),
    "voting": VotingClassifier([("a", SCALED), ("b", FOREST)], voting="soft"),
    "stacking": StackingClassifier([("a", SCALED), ("b", FOREST)], cv=2),
    "calibrated": CalibratedClassifierCV(SCALED, cv=2),
    "calibrated-network": CalibratedClassifierCV(NETWORKS["mlp"], cv=2),
    "isotonic": CalibratedClassifierCV(SCALED, method="isotonic", cv=2),
    "search": GridSearchCV(NETWORKS["mlp"], {"dropout": [0.0, 0.5]}, cv=2),
    # Besides the fitted search it keeps the one that it was made with, not fitted.
    "search-in-pooling": make_pipeline(
        MEANS,
        SegmentPoolingClassifier(
            GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2)
        ),
    ),
}


def build_small(input_shape, n_classes, units=4):
    """Builder of a network that another process can import from here."""
    from keras import Sequential, layers

    stack = [layers.Input(input_shape), layers.Flatten(), layers.Dense(units)]
    return Sequential([*stack, layers.Dense(n_classes, activation="softmax")])


def edit_info(file, change):
    """Let a model file say something else of itself."""
    info, members = read_parts(file)
    change(info)
    write_parts(file, info, members)


def run_fresh(code, *arguments):
    """What a fresh interpreter prints."""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        **{"capture_output": True, "text": True},
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.skops"


@pytest.fixture
def fitted(features):
    return make_pipeline(TrackStatistics(), StandardScaler(), LogisticRegression()).fit(
        *features
    )


@pytest.mark.parametrize("name", MODELS)
def test_loaded_model_predicts_bit_for_bit_alike(name, features, file):
    X, y = features
    model = MODELS[name].fit(X, y)
    save_model(model, file)
    loaded = load_model(file)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert_array_equal(loaded.predict(X), model.predict(X))


def _columns(columns, **options):
    """Names of columns need a table."""
    table = StandardScaler().set_output(transform="pandas")
    columns = ColumnTransformer([("a", PCA(1), columns)], **options)
    return make_pipeline(table, columns, LogisticRegression())


BOOSTED = GradientBoostingClassifier(n_estimators=2, max_depth=2)
HISTOGRAMS = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2)
BINS = KBinsDiscretizer(3, strategy="uniform")
LINEAR = LogisticRegression()
# What scikit-learn has for the rows of a table of features.
OF_SCIKIT_LEARN = {
    "columns-slice": _columns(slice(0, 3)),
    "columns-list": _columns([0, 2], remainder="passthrough"),
    "columns-mask": _columns([True] * 2 + [False] * 2, remainder=MinMaxScaler()),
    "columns-names": _columns(["x1", "x3"], remainder="drop"),
    "union": make_pipeline(
        FeatureUnion([("a", PCA(2)), ("b", "passthrough"), ("c", "drop")]), LINEAR
    ),
    "bins": make_pipeline(clone(BINS), LINEAR),
    "bins-dense": make_pipeline(clone(BINS).set_params(encode="onehot-dense"), SVC()),
    "bins-ordinal": make_pipeline(
        clone(BINS).set_params(encode="ordinal", dtype=np.float32), CategoricalNB()
    ),
    "polynomials-of-bins": make_pipeline(clone(BINS), PolynomialFeatures(2), LINEAR),
    "from-model": make_pipeline(SelectFromModel(RandomForestClassifier(3)), LINEAR),
    "rfe": RFE(LINEAR, n_features_to_select=2),
    "rfecv": make_pipeline(RFECV(LINEAR, cv=2), LINEAR),
    "sequential": make_pipeline(
        SequentialFeatureSelector(GaussianNB(), n_features_to_select=2, cv=2), LINEAR
    ),
    "percentile": make_pipeline(
        SelectPercentile(mutual_info_classif, percentile=50), LINEAR
    ),
    "one-vs-one": OneVsOneClassifier(BOOSTED),
    "one-vs-rest": OneVsRestClassifier(HISTOGRAMS),
    "output-code": OutputCodeClassifier(Perceptron(), random_state=0),
    "perceptron": Perceptron(early_stopping=True, validation_fraction=0.3),
    "ridge-cv": RidgeClassifierCV(store_cv_results=True),
    "polynomials": make_pipeline(PolynomialFeatures(3, order="F"), LINEAR),
    "nu-svc": NuSVC(nu=0.2, kernel="poly", decision_function_shape="ovo"),
    "boosting": GradientBoostingClassifier(
        **{"n_estimators": 2, "n_iter_no_change": 1, "validation_fraction": 0.3}
    ),
    "boosting-from-zero": GradientBoostingClassifier(n_estimators=2, init="zero"),
    "histograms": HistGradientBoostingClassifier(
        **{"max_iter": 2, "early_stopping": True, "max_features": 0.5},
        **{"scoring": "accuracy", "validation_fraction": 0.3},
    ),
    "calibrated": CalibratedClassifierCV(BOOSTED, cv=2, ensemble=False),
    "voting": VotingClassifier(
        [("a", BOOSTED), ("b", HISTOGRAMS), ("c", OneVsRestClassifier(LINEAR))],
        voting="soft",
    ),
    "stacking": StackingClassifier(
        [("a", BOOSTED), ("b", make_pipeline(clone(BINS), LINEAR)), ("c", "drop")],
        **{"final_estimator": HISTOGRAMS, "cv": 2, "passthrough": True},
    ),
    "bagging": BaggingClassifier(NuSVC(nu=0.1), 2, random_state=0),
    "gaussian-process": GaussianProcessClassifier(1.0 * RBF() + WhiteKernel()),
    "distances": KNeighborsClassifier(
        **{"metric": "seuclidean", "metric_params": {"V": np.ones(4)}}
    ),
    "kernels": make_pipeline(
        KernelPCA(2, kernel="rbf"), Nystroem(n_components=4), LINEAR
    ),
}


@pytest.mark.parametrize("name", OF_SCIKIT_LEARN)
def test_what_scikit_learn_has_is_saved_and_loaded_without_trust(name, features, file):
    X, y = features
    model = make_pipeline(MEANS, clone(OF_SCIKIT_LEARN[name]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    save_model(model, file)
    loaded = load_model(file)
    assert_array_equal(loaded.predict(X), model.predict(X))
    for method in ("predict_proba", "decision_function"):
        if hasattr(model, method):
            assert_array_equal(getattr(loaded, method)(X), getattr(model, method)(X))
    # What is loaded has all that saving it again needs.
    save_model(loaded, file)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float32])
def test_labels_may_be_numbers(dtype, features, file):
    X, y = features
    y = np.unique(y, return_inverse=True)[1].astype(dtype)
    # It has dicts by label.
    searched = LogisticRegressionCV(Cs=2, cv=2, scoring="accuracy")
    model = make_pipeline(MEANS, searched).fit(X, y)
    save_model(model, file)
    assert_array_equal(load_model(file).predict(X), model.predict(X))


def test_pooled_segments_of_boosted_trees_are_loaded(features, file):
    X, y = features
    voting = VotingClassifier([("a", BOOSTED), ("b", HISTOGRAMS)], voting="soft")
    model = make_pipeline(SegmentStatistics(), SegmentPoolingClassifier(voting))
    save_model(model.fit(X, y), file)
    assert_array_equal(load_model(file).predict_proba(X), model.predict_proba(X))


def test_fresh_process_loads_what_is_made_anew(features, file):
    X, y = features
    model = make_pipeline(MEANS, clone(OF_SCIKIT_LEARN["stacking"])).fit(X, y)
    save_model(model, file)
    arrays = file.with_name("arrays.npz")
    np.savez(arrays, X=X, expected=model.predict_proba(X))
    code = (
        "import sys, numpy as np, skgenre\n"
        "model, arrays = skgenre.load_model(sys.argv[1]), np.load(sys.argv[2])\n"
        "print((model.predict_proba(arrays['X']) == arrays['expected']).all())"
    )
    assert run_fresh(code, file, arrays).strip() == "True"


@pytest.mark.parametrize(
    "step",
    [KMeans(2, n_init=1), SplineTransformer(), FunctionTransformer(np.square)],
    ids=str,
)
def test_what_is_not_on_the_list_is_loaded_once_it_is_trusted(step, features, file):
    X, y = features
    model = make_pipeline(MEANS, step, LogisticRegression()).fit(X, y)
    with pytest.warns(UserWarning, match="not on the list") as warned:
        save_model(model, file)
    with pytest.raises(ModelFileError, match="not known to be harmless"):
        load_model(file)
    (line,) = re.findall(r"load_model\(.*\)", str(warned[0].message))
    assert_array_equal(eval(line).predict_proba(X), model.predict_proba(X))


CLASSICAL_NAMES = (
    "logistic",
    "logistic-segments",
    "lda",
    "svm",
    "forest",
    "knn",
    "dummy",
)


@pytest.mark.parametrize("name", [*CLASSICAL_NAMES, "covariance"])
def test_named_pipelines_are_saved_and_loaded(name, made_tracks, file, tmp_path):
    changes = {"forest": {"n_estimators": 10}, "covariance": {"epochs": 1}}
    cache = tmp_path.parent / "features"
    model = make_model(name, cache_dir=cache, **changes.get(name, {}))
    paths, genres = made_tracks.paths[::4], made_tracks.target[::4]
    model.fit(paths, genres)
    save_model(model, file, data=made_tracks)
    loaded = load_model(file, cache_dir=cache)
    assert_array_equal(loaded.predict(paths), model.predict(paths))


def test_fresh_process_predicts_alike_and_loads_tensorflow_last(features, file):
    X, y = features
    model = NETWORKS["cnn"].fit(X, y)
    save_model(model, file)
    arrays = file.with_name("arrays.npz")
    np.savez(arrays, X=X, expected=model.predict_proba(X))
    code = (
        "import sys, numpy as np, skgenre\n"
        "model = skgenre.load_model(sys.argv[1])\n"
        "heavy = {'tensorflow', 'keras', 'librosa', 'matplotlib'} & set(sys.modules)\n"
        "arrays = np.load(sys.argv[2])\n"
        "probabilities = model.predict_proba(arrays['X'])\n"
        "print(heavy, (probabilities == arrays['expected']).all())"
    )
    assert run_fresh(code, file, arrays).split() == ["set()", "True"]


def test_network_of_the_paper_takes_less_than_four_and_a_half_megabytes(file):
    X = np.random.default_rng(0).normal(size=(4, 1, 130, 13))
    model = MLPGenreClassifier(hidden_layer_sizes=(512, 256, 64), warm_start=True)
    save_model(model.set_params(epochs=1).fit(X, list("abab")), file)
    n_weights = 1690 * 512 + 512 * 256 + 256 * 64 + 64 * 2 + 512 + 256 + 64 + 2
    assert 0.8 * 4 * n_weights < file.stat().st_size <= 4.5e6


def test_nothing_of_the_trainers_machine_is_in_the_file(made_tracks, file, tmp_path):
    model = VotingClassifier([("a", make_model("knn")), ("b", make_model("dummy"))])
    cache, memory = tmp_path / "my_features", str(tmp_path / "my_memory")
    for name in ("a", "b"):
        model.set_params(
            **{f"{name}__mfccextractor__cache_dir": cache, f"{name}__memory": memory}
        )
    model.fit(made_tracks.paths, made_tracks.target)
    save_model(model, file, data=made_tracks)
    with zipfile.ZipFile(file) as archive:
        content = b"".join(map(archive.read, archive.namelist()))
    home, package = os.path.expanduser("~"), os.path.dirname(skgenre.__file__)
    folders = [home, package, os.getcwd(), os.path.dirname(made_tracks.paths[0])]
    for trace in [*folders, str(tmp_path), "my_features", "my_memory", ".wav"]:
        assert trace.encode() not in content, trace


def test_workings_go_back_to_their_defaults_and_the_model_keeps_them(made_tracks, file):
    model = make_model("knn", verbose=0, mfccextractor__n_jobs=2, n_mfcc=5)
    model.set_params(kneighborsclassifier__n_jobs=2, verbose=True)
    model.fit(made_tracks.paths[::4], made_tracks.target[::4])
    before = model.get_params(deep=True)
    save_model(model, file)
    loaded = load_model(file).get_params()
    for name in ("mfccextractor__n_jobs", "kneighborsclassifier__n_jobs", "verbose"):
        assert not loaded[name]
    assert loaded["mfccextractor__n_mfcc"] == 5
    assert model.get_params(deep=True) == before


def test_callbacks_and_optimizer_stay_at_home(features, file):
    from keras.callbacks import LambdaCallback

    model = MLPGenreClassifier(hidden_layer_sizes=(64,), warm_start=True, **FAST)
    callback = LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    model.set_params(callbacks=[callback]).fit(*features)
    save_model(model, file)
    loaded = load_model(file)
    assert loaded.callbacks is None
    assert loaded.network_.training_state is None
    assert model.callbacks == [callback]
    assert model.network_.training_state is not None


def test_loaded_network_can_be_trained_further(features, file):
    X, y = features
    model = MLPGenreClassifier(hidden_layer_sizes=(8,), **FAST).fit(X, y)
    save_model(model, file)
    loaded = load_model(file).partial_fit(X, y)
    assert loaded.n_iter_ == 2


def test_all_extractors_of_a_loaded_model_are_given_the_cache(made_tracks, tmp_path):
    model = VotingClassifier([("a", make_model("knn")), ("b", make_model("dummy"))])
    model.fit(made_tracks.paths[::4], made_tracks.target[::4])
    save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops", cache_dir=tmp_path / "features")
    caches = [pipeline[0].cache_dir for pipeline in loaded.estimators_]
    assert caches == [tmp_path / "features"] * 2
    assert load_model(tmp_path / "model.skops").estimators_[0][0].cache_dir is None


def test_search_is_saved_as_what_it_has_found(features, file):
    search = GridSearchCV(SCALED, {"logisticregression__C": [1e-9, 1.0]}, cv=2)
    save_model(search.fit(*features), file)
    loaded = load_model(file)
    assert [name for name, _ in loaded.steps] == [name for name, _ in SCALED.steps]
    assert search.best_params_["logisticregression__C"] == loaded[-1].C


def test_samplers_of_training_tracks_are_left_out(features, file):
    class Sampler(BaseEstimator):
        """As imbalanced-learn's: tracks in, other tracks and their genres out."""

        def fit_resample(self, X, y):
            return X, y

    model = make_pipeline(SegmentStatistics(), SegmentPoolingClassifier(GaussianNB()))
    model.fit(*features)
    save_model(make_pipeline(Sampler(), *model), file)
    loaded = load_model(file)
    assert list(loaded.named_steps) == list(model.named_steps)
    assert_array_equal(
        loaded.predict_proba(features[0]), model.predict_proba(features[0])
    )


def test_splits_of_the_training_tracks_are_left_out(features, file):
    splits = PredefinedSplit([0, 1, -1] * 4)
    save_model(CalibratedClassifierCV(SCALED, cv=splits).fit(*features), file)
    assert load_model(file).cv is None


def test_what_is_in_a_model_twice_is_saved_once(features, tmp_path):
    steps = [("a", clone(FOREST)), ("b", clone(SCALED))]
    voting = VotingClassifier(steps).fit(*features)
    sizes = []
    for name, model in [("both", voting), *voting.named_estimators_.items()]:
        save_model(model, tmp_path / name)
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes[0] < 1.2 * sum(sizes[1:])
    loaded = load_model(tmp_path / "both")
    assert loaded.estimators_[0] is loaded.named_estimators_["a"]


def test_users_builder_is_loaded_only_when_it_is_trusted(features, file):
    X, y = features
    model = KerasGenreClassifier(build_small, build__units=3, **FAST).fit(X, y)
    name = f"{__name__}.build_small"
    line = re.escape(f"load_model({str(file)!r}, trusted=['{name}'])")
    with pytest.warns(UserWarning, match=f"{name}: not on the list.*{line}") as warned:
        save_model(model, file)
    assert warned[0].filename == __file__
    assert read_model_info(file)["trusted"] == [name]
    with pytest.raises(ModelFileError, match=f"harmless: {name}.*trusted="):
        load_model(file)
    loaded = load_model(file, trusted=[name])
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.filterwarnings("ignore:.*not on the list")
def test_saved_network_is_used_under_the_settings_it_was_trained_under(features, file):
    import keras

    X, y = features
    keras.config.set_dtype_policy("float64")
    try:
        own = KerasGenreClassifier(build_small, **FAST).fit(X, y)
        ours = MLPGenreClassifier(hidden_layer_sizes=(7,), **FAST).fit(X, y)
    finally:
        keras.config.set_dtype_policy("float32")
    for model, dtype in [(own, np.float64), (ours, np.float32)]:
        save_model(model, file)
        loaded = load_model(file, trusted=[f"{__name__}.build_small"])
        assert loaded.network_.weights[0].dtype == dtype
        assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("settings", [{}, {"floatx": "float32"}, ["float32"]])
def test_other_settings_of_keras_than_there_are_are_refused(settings, features, file):
    model = KerasGenreClassifier(build_small, **FAST).fit(*features)
    object.__setattr__(model.network_.architecture, "settings", settings)
    # Both when it is written and when it is read.
    with pytest.raises(ValueError, match="of its TrainedNetwork do not fit"):
        save_model(model, file)


def test_trusted_must_be_names(file):
    for trusted in ("package.build", [build_small], None):
        with pytest.raises(TypeError, match="trusted must be a sequence of names"):
            load_model(file, trusted=trusted)


def in_main(function):
    function.__module__ = "__main__"
    return function


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda X: X, "<lambda>"),
        ((lambda: lambda X: X)(), "<lambda>.<locals>.<lambda>"),
        (in_main(lambda X: X), "__main__.<lambda>"),
    ],
)
def test_functions_that_cannot_be_imported_are_refused(function, name, features, file):
    model = make_pipeline(FunctionTransformer(function), SCALED).fit(*features)
    with pytest.raises(ValueError, match=f"function .*{name}, which no other process"):
        save_model(model, file)
    assert not os.listdir(file.parent)


def test_builder_of_a_notebook_is_refused_by_name(features, file):
    def build(*arguments):
        return build_small(*arguments)

    build.__module__, build.__qualname__ = "__main__", "build"
    model = KerasGenreClassifier(build, **FAST).fit(*features)
    with pytest.raises(ValueError, match=r"the function __main__\.build, which"):
        save_model(model, file)
    assert not file.exists()


def test_parts_that_no_file_can_hold_are_refused(features, file):
    from functools import partial

    function = partial(np.multiply, 1.0)
    model = make_pipeline(FunctionTransformer(function), SCALED).fit(*features)
    reason = r"cannot be saved: its FunctionTransformer has a functools\.partial"
    with pytest.raises(ValueError, match=reason):
        save_model(model, file)
    assert not file.exists()


def test_parts_that_hold_themselves_are_refused(features, file):
    model = make_pipeline(MEANS, Birch(), SCALED[1:]).fit(*features)
    with pytest.raises(ValueError, match="cannot be saved: maximum recursion depth"):
        save_model(model, file)


def test_unfitted_models_are_refused(file):
    for model in (clone(SCALED), GridSearchCV(SCALED, {}), CNNGenreClassifier()):
        with pytest.raises(NotFittedError):
            save_model(model, file)
    assert not file.exists()


def test_what_does_not_classify_is_refused(file):
    for model in (MFCCExtractor(), "mlp", make_pipeline, None):
        with pytest.raises(TypeError, match="model must be a fitted classifier"):
            save_model(model, file)


def test_file_says_what_the_model_is(made_tracks, file):
    model = make_model("logistic", n_mfcc=5, segment_duration=2.0)
    model.fit(made_tracks.paths, made_tracks.target)
    save_model(model, file, data=made_tracks, scores={"accuracy": np.float32(0.5)})
    info = read_model_info(file)
    assert info["classes"] == sorted(set(made_tracks.target))
    assert info["scores"] == {"accuracy": 0.5}
    assert info["versions"]["skgenre"] == skgenre.__version__
    assert {"scikit-learn", "numpy", "keras"} <= set(info["versions"])
    (features,) = info["features"]
    assert (features["n_mfcc"], features["segment_duration"]) == (5, 2.0)
    assert features["extractor"] == "MFCCExtractor"
    assert info["model"].startswith("Pipeline(steps=[('mfccextractor'")
    assert info["trusted"] == []


def test_digest_is_that_of_a_benchmark_of_the_same_tracks(made_tracks, file):
    model = make_model("dummy").fit(made_tracks.paths, made_tracks.target)
    save_model(model, file, data=made_tracks)
    result = run_benchmark(["dummy"], made_tracks, n_splits=2)
    digest = result.setting["data_digest"]
    assert read_model_info(file)["data"] == digest
    save_model(model, file, data=digest)
    assert read_model_info(file)["data"] == digest


def test_data_and_scores_must_be_what_they_are_called(fitted, file):
    with pytest.raises(TypeError, match="data must have paths and target"):
        save_model(fitted, file, data=[1, 2])
    with pytest.raises(TypeError, match=r"scores\['accuracy'\] must be a finite"):
        save_model(fitted, file, scores={"accuracy": "good"})
    with pytest.raises(ValueError, match=r"scores\['loss'\] must be a finite"):
        save_model(fitted, file, scores={"loss": np.nan})


def test_reading_the_info_loads_no_library(fitted, file):
    save_model(fitted, file)
    code = (
        "import sys, skgenre\n"
        "skgenre.read_model_info(sys.argv[1])\n"
        "print({'sklearn', 'skops', 'numpy', 'tensorflow'} & set(sys.modules))"
    )
    assert run_fresh(code, file).strip() == "set()"


def test_other_versions_are_warned_of(fitted, file, monkeypatch):
    save_model(fitted, file)
    load_model(file)
    monkeypatch.setattr(skgenre, "__version__", "7.1.0")
    with pytest.warns(UserWarning, match=r"written with skgenre 0\.1.*7\.1\.0 is"):
        load_model(file)


def test_another_release_of_scikit_learn_is_warned_of(fitted, file):
    save_model(fitted, file)
    edit_info(file, lambda info: info["versions"].update({"scikit-learn": "0.24.1"}))
    with pytest.warns(UserWarning, match=r"with scikit-learn 0\.24\.1"):
        load_model(file)


def test_network_of_another_keras_is_loaded(features, file):
    X, y = features
    model = MLPGenreClassifier(hidden_layer_sizes=(7,), **FAST).fit(X, y)
    expected = model.predict_proba(X)
    # What another version's description of the same network would come to.
    model.network_._fingerprint = "0" * 64
    save_model(model, file)
    edit_info(file, lambda info: info["versions"].update(keras="3.0.0"))
    loaded = load_model(file)
    assert_array_equal(loaded.predict_proba(X), expected)
    assert_array_equal(loaded.predict_proba(X), expected)


def test_older_file_without_a_later_parameter_is_loaded(features, file):
    X, y = features
    model = MLPGenreClassifier(hidden_layer_sizes=(7,), **FAST).fit(X, y)
    state = {k: v for k, v in vars(model).items() if k != "validation_fraction"}
    older = MLPGenreClassifier.__new__(MLPGenreClassifier)
    vars(older).update(state)
    save_model(older, file)
    assert load_model(file).validation_fraction == 0.1


def test_newer_format_is_refused(fitted, file):
    save_model(fitted, file)
    edit_info(file, lambda info: info.update(format_version=2))
    for read in (load_model, read_model_info):
        with pytest.raises(
            ModelFileError, match=r"newer skgenre .*reads up to ver.* 1"
        ):
            read(file)


def test_pickle_and_joblib_go_on_working(features):
    X, y = features
    for model in (NETWORKS["mlp"], SCALED, MODELS["segments-vote"]):
        model.fit(X, y)
        buffer = io.BytesIO()
        joblib.dump(model, buffer)
        for copy in (pickle.loads(pickle.dumps(model)), joblib.load(buffer)):
            assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


def test_full_disk_leaves_the_older_file(fitted, file):
    save_model(fitted, file)
    older = file.read_bytes()
    code = (
        "import resource, sys, skgenre\n"
        "model = skgenre.load_model(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    skgenre.save_model(model, sys.argv[1])\n"
        "except OSError as error:\n"
        "    print(error)"
    )
    said = run_fresh(code, file)
    assert "File too large" in said
    assert str(file) in said
    assert file.read_bytes() == older
    assert os.listdir(file.parent) == [file.name]


def test_folder_that_cannot_be_written_to_is_named(fitted, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file.*'.*m\.skops'"):
        save_model(fitted, tmp_path / "missing" / "m.skops")
    with pytest.raises(IsADirectoryError, match=re.escape(f"'{tmp_path}'")):
        save_model(fitted, tmp_path)
    assert os.listdir(tmp_path) == []


def test_read_only_folder_is_said_of_the_file_asked_for(fitted, file, monkeypatch):
    save_model(fitted, file)
    older = file.read_bytes()

    def refuse(path, *arguments):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("skgenre._io.open", refuse, raising=False)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*model\.skops'"):
        save_model(fitted, file)
    assert file.read_bytes() == older


def test_missing_file_is_named(tmp_path):
    for read in (load_model, read_model_info):
        with pytest.raises(FileNotFoundError, match=r"nowhere\.skops"):
            read(tmp_path / "nowhere.skops")


def test_allowed_names_are_exact_and_ours_exist():
    for names in ALLOWED_TYPES.values():
        assert all(name.replace(".", "_").isidentifier() for name in names)
    for path in OUR_OBJECTS | OUR_FUNCTIONS:
        module, _, name = path.rpartition(".")
        assert callable(getattr(sys.modules[module], name))


def test_types_go_by_their_public_names_in_a_file(features, file):
    save_model(clone(FOREST).fit(*features), file)
    _, members = read_parts(file)
    modules = set(re.findall(rb'"__module__":"(sk[^"]+)"', members["schema.json"]))
    public = {b"skgenre", b"sklearn.pipeline", b"sklearn.ensemble", b"sklearn.tree"}
    # What no public package has: scikit-learn's own class of the nodes of a tree.
    assert modules == public | {b"sklearn.tree._tree"}


def test_weights_that_are_all_zero_are_no_zip_bomb(features, file):
    X, y = features
    model = MLPGenreClassifier(hidden_layer_sizes=(512,), **FAST).fit(X, y)
    model.network_.weights = [np.zeros_like(array) for array in model.network_.weights]
    save_model(model, file)
    assert not any(array.any() for array in load_model(file).network_.weights)


def test_every_public_estimator_may_be_loaded():
    public = [getattr(skgenre, name) for name in skgenre.__all__]
    estimators = {
        f"skgenre.{kind.__name__}"
        for kind in public
        if hasattr(kind, "fit") and not kind.__name__.startswith("Base")
    }
    assert estimators <= OUR_OBJECTS


def test_small_numbers_of_numpy_are_saved_as_pythons(made_tracks, tmp_path):
    model = make_model("mlp", hidden_layer_sizes=(np.uint8(8),), epochs=np.uint8(1))
    model.set_params(
        mfccextractor__hop_length=np.int16(512),
        mlpgenreclassifier__batch_size=np.uint8(9),
    )
    model.fit(made_tracks.paths, made_tracks.target)
    file = tmp_path / "model.skops"
    save_model(model, file, scores={"accuracy": np.float16(0.5)})
    assert read_model_info(file)["features"][0]["hop_length"] == 512
    loaded = load_model(file)
    assert type(loaded[-1].batch_size) is int
    expected = model.predict_proba(made_tracks.paths)
    assert_array_equal(loaded.predict_proba(made_tracks.paths), expected)

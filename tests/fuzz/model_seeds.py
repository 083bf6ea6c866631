"""Small models of every kind that can be saved, each with what it can predict."""

import json
import warnings

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, KernelPCA
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import (
    RFE,
    SelectFromModel,
    SelectKBest,
    VarianceThreshold,
)
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, Matern
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from skgenre import (
    CNNGenreClassifier,
    CovarianceGenreClassifier,
    KerasGenreClassifier,
    LSTMGenreClassifier,
    MFCCExtractor,
    MFCCScaler,
    MLPGenreClassifier,
    SegmentPoolingClassifier,
    SegmentStatistics,
    TrackStatistics,
    make_genre_tracks,
    save_model,
)

TRUSTED = ["fuzz.model_seeds.build_small"]
N_FEATURES = 4
FAST = {"epochs": 1, "random_state": 0}
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
FOREST = RandomForestClassifier(3, random_state=0)
MEANS = TrackStatistics(statistics=("mean",))
SHORT = MFCCExtractor(segment_duration=0.5, n_segments=3, n_mfcc=N_FEATURES)


def build_small(input_shape, n_classes, units=4):
    from keras import Sequential, layers

    stack = [layers.Input(input_shape), layers.Flatten(), layers.Dense(units)]
    return Sequential([*stack, layers.Dense(n_classes, activation="softmax")])


# Of features per segment: (n_tracks, n_segments, n_frames, n_mfcc).
SEGMENT_MODELS = {
    "cnn": CNNGenreClassifier(filters=(4,), kernel_sizes=((2, 2),), **FAST),
    "custom": KerasGenreClassifier(build_small, **FAST),
    "covariance": CovarianceGenreClassifier(hidden_units=4, **FAST),
    "lstm": LSTMGenreClassifier(units=(4, 4), dense_units=4, **FAST),
    "mlp": make_pipeline(
        MFCCScaler(), MLPGenreClassifier(hidden_layer_sizes=(4,), **FAST)
    ),
    "pooled forest": make_pipeline(
        SegmentStatistics(), SegmentPoolingClassifier(FOREST)
    ),
    "pooled neighbours": make_pipeline(
        SegmentStatistics(), SegmentPoolingClassifier(KNeighborsClassifier(3))
    ),
}
# Of paths.
TRACK_MODELS = {
    "paths, statistics": make_pipeline(
        SHORT, TrackStatistics(), StandardScaler(), LogisticRegression()
    ),
    "paths, network": make_pipeline(
        SHORT, CovarianceGenreClassifier(hidden_units=4, **FAST)
    ),
}
# Of plain features: (n_tracks, N_FEATURES), or as many tracks where precomputed.
MODELS = {
    "logistic": LogisticRegression(),
    "logistic, searched": LogisticRegressionCV(Cs=2, cv=2),
    "ridge": RidgeClassifier(),
    "sgd": SGDClassifier(loss="log_loss", random_state=0),
    "linear svc": LinearSVC(),
    "naive bayes": GaussianNB(),
    "centroid": NearestCentroid(),
    "perceptrons": MLPClassifier((3,), max_iter=5, random_state=0),
    "drawn": DummyClassifier(strategy="stratified", random_state=0),
    "uniform": DummyClassifier(strategy="uniform", random_state=0),
    "constant": DummyClassifier(strategy="constant", constant="rock"),
    "prior": DummyClassifier(),
    "lda": LinearDiscriminantAnalysis(),
    "qda": QuadraticDiscriminantAnalysis(reg_param=0.5),
    "svc": SVC(),
    "svc, linear": SVC(kernel="linear", decision_function_shape="ovo"),
    "svc, polynomial": SVC(kernel="poly"),
    "svc, sigmoid": SVC(kernel="sigmoid", break_ties=True),
    "svc, probabilities": SVC(probability=True, random_state=0),
    "svc, precomputed": SVC(kernel="precomputed"),
    "nu-svc, precomputed": NuSVC(kernel="precomputed", nu=0.3),
    "voting, precomputed": VotingClassifier([("svc", SVC(kernel="precomputed"))]),
    "neighbours": KNeighborsClassifier(3, algorithm="brute"),
    "neighbours, k-d tree": KNeighborsClassifier(3, algorithm="kd_tree", p=3),
    "neighbours, ball tree": KNeighborsClassifier(
        3, algorithm="ball_tree", weights="distance", leaf_size=2
    ),
    "neighbours, own variances": KNeighborsClassifier(
        3, metric="seuclidean", metric_params={"V": np.ones(N_FEATURES)}
    ),
    "neighbours, covariance": KNeighborsClassifier(
        3,
        metric="mahalanobis",
        metric_params={"VI": np.eye(N_FEATURES)},
        algorithm="brute",
    ),
    "neighbours, cosine": KNeighborsClassifier(3, metric="cosine"),
    "neighbours, precomputed": KNeighborsClassifier(3, metric="precomputed"),
    "tree": TREE,
    "extra tree": ExtraTreeClassifier(max_depth=3, random_state=0),
    "forest": FOREST,
    "extra trees": ExtraTreesClassifier(3, random_state=0),
    "bagged trees": BaggingClassifier(TREE, 3, max_features=0.5, random_state=0),
    "bagged svc": BaggingClassifier(SVC(), 2, random_state=0),
    "boosted trees": AdaBoostClassifier(TREE, n_estimators=3, random_state=0),
    "voting": VotingClassifier(
        [("tree", TREE), ("svc", SVC()), ("knn", KNeighborsClassifier(3))]
    ),
    "voting, soft": VotingClassifier(
        [("forest", FOREST), ("logistic", LogisticRegression())], voting="soft"
    ),
    "stacking": StackingClassifier(
        [("tree", TREE), ("svc", SVC())], LogisticRegression(), cv=2
    ),
    "calibrated": CalibratedClassifierCV(SVC(), cv=2),
    "isotonic": CalibratedClassifierCV(TREE, method="isotonic", cv=2),
    "tempered": CalibratedClassifierCV(
        LogisticRegression(), method="temperature", cv=2
    ),
    "one of two": OneVsRestClassifier(TREE),
    "frozen": make_pipeline(
        FrozenEstimator(StandardScaler().fit(np.eye(4))), LogisticRegression()
    ),
    "scaled": make_pipeline(
        MinMaxScaler(), MaxAbsScaler(), RobustScaler(), Normalizer(), FOREST
    ),
    "quantiles": make_pipeline(
        QuantileTransformer(n_quantiles=5), PowerTransformer(), PCA(3), TREE
    ),
    "gradient boosting": GradientBoostingClassifier(n_estimators=2, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(
        max_iter=2, min_samples_leaf=2, random_state=0
    ),
    "nu-svc": NuSVC(nu=0.3),
    "one against one": OneVsOneClassifier(NuSVC(nu=0.3)),
    "output codes": OutputCodeClassifier(Perceptron(), random_state=0),
    "gaussian process": GaussianProcessClassifier(1.0 * RBF() + Matern()),
    "bernoulli": make_pipeline(
        KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"),
        BernoulliNB(),
    ),
    "sparse bins": make_pipeline(
        KBinsDiscretizer(3, strategy="uniform"), RidgeClassifierCV()
    ),
    "categories": make_pipeline(
        KBinsDiscretizer(3, encode="ordinal", strategy="uniform"),
        CategoricalNB(),
    ),
    "polynomials": make_pipeline(
        FunctionTransformer(), PolynomialFeatures(2), RFE(LogisticRegression())
    ),
    "kernels": make_pipeline(
        FeatureUnion([("pca", KernelPCA(2, kernel="rbf")), ("near", Nystroem())]),
        SelectFromModel(ExtraTreesClassifier(3, random_state=0)),
        RBFSampler(random_state=0),
        LogisticRegression(),
    ),
    "columns": make_pipeline(
        ColumnTransformer(
            [("scaled", StandardScaler(), slice(0, 2))], remainder="passthrough"
        ),
        HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=2),
    ),
    "calibrated boosting": CalibratedClassifierCV(
        GradientBoostingClassifier(n_estimators=1, random_state=0), cv=2
    ),
    "selected": make_pipeline(
        FeatureUnion([("best", SelectKBest(k=2)), ("all", VarianceThreshold())]),
        KNeighborsClassifier(3),
    ),
}
BINARY_MODELS = (
    *("logistic", "svc", "perceptrons", "calibrated", "boosted trees"),
    *("gradient boosting", "histogram boosting"),
)


def write_models(folder):
    """Save each model in a folder, with the input that it predicts.

    Returns
    -------
    files : dict
        Of each model the file, and the file of its input.
    """
    y = np.repeat(["blues", "jazz", "rock"], 4)
    segments = np.random.default_rng(0).normal(size=(12, 3, 6, N_FEATURES))
    segments += 3 * np.repeat(np.arange(3), 4).reshape(-1, 1, 1, 1)
    plain = segments.mean(axis=(1, 2))
    files = {}

    def write(name, model, X, y):
        files[name] = folder / f"{name}.skops", folder / f"{name}.json"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save_model(model.fit(X, y), files[name][0])
        files[name][1].write_text(json.dumps(np.asarray(X)[::3].tolist()))

    for name, model in SEGMENT_MODELS.items():
        write(name, model, segments, y)
    tracks = make_genre_tracks(
        folder / "tracks",
        n_genres=2,
        n_tracks_per_genre=3,
        duration=2.0,
        random_state=0,
    )
    for name, model in TRACK_MODELS.items():
        write(name, model, tracks.paths, tracks.target)
    for name, model in MODELS.items():
        if "precomputed" in name:
            write(name, model, np.abs(plain @ plain.T), y)
        else:
            write(name, model, plain, y)
    # Of two genres much is another form: one row of coefficients, one column.
    for name in BINARY_MODELS:
        write(f"{name}, two genres", MODELS[name], plain[:8], y[:8])
    return files

"""The types and functions that a model file may be made of, by their exact names.

Skops' own list is not relied on: it trusts all of scikit-learn's estimators. A new
class of this package, or one of scikit-learn's that a model is made of, is added only
here. Each is listed under the outermost package that has it, as users import
it, so that a file survives the moving of modules.
"""

import skgenre._native_checks as checks


def _list_names(text):
    """Return the full names in a text, of lines such as ``package: name name``."""
    lines = [line.split(": ") for line in text.strip().split("\n")]
    return {f"{package}.{name}" for package, names in lines for name in names.split()}


# What is made by `__new__` and given its attributes; no constructor runs.
OUR_OBJECTS = _list_names("""
skgenre: CNNGenreClassifier CovarianceGenreClassifier KerasGenreClassifier
skgenre: LSTMGenreClassifier MFCCExtractor MFCCScaler MLPGenreClassifier
skgenre: MusicnnEmbedding SegmentPoolingClassifier SegmentStatistics SegmentUnion
skgenre: TrackStatistics
skgenre.training: Architecture TrainedNetwork
""")
OUR_FUNCTIONS = _list_names("""
skgenre.networks: build_cnn build_covariance build_lstm build_mlp
""")

# Only Python and numpy read the attributes of these, and they check their bounds.
# Missing are those that predict in loops whose length is an attribute (NMF), on threads
# whose number is one (KMeans), or by compiled code of which there is no check below.
_SKLEARN_OBJECTS = _list_names("""
sklearn.calibration: CalibratedClassifierCV _CalibratedClassifier
sklearn.calibration: _SigmoidCalibration _TemperatureScaling
sklearn.compose: ColumnTransformer
sklearn.decomposition: FactorAnalysis FastICA KernelPCA PCA TruncatedSVD
sklearn.discriminant_analysis: LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis
sklearn.dummy: DummyClassifier
sklearn.ensemble: AdaBoostClassifier BaggingClassifier VotingClassifier
sklearn.feature_selection: GenericUnivariateSelect RFE RFECV SelectFdr SelectFpr
sklearn.feature_selection: SelectFromModel SelectFwe SelectKBest SelectPercentile
sklearn.feature_selection: SequentialFeatureSelector VarianceThreshold
sklearn.frozen: FrozenEstimator
sklearn.gaussian_process: GaussianProcessClassifier
sklearn.gaussian_process._gpc: _BinaryGaussianProcessClassifierLaplace
sklearn.gaussian_process.kernels: ConstantKernel DotProduct Exponentiation Matern
sklearn.gaussian_process.kernels: Product RBF RationalQuadratic Sum WhiteKernel
sklearn.isotonic: IsotonicRegression
sklearn.kernel_approximation: Nystroem RBFSampler
sklearn.linear_model: LogisticRegression LogisticRegressionCV Perceptron
sklearn.linear_model: PassiveAggressiveClassifier RidgeClassifier RidgeClassifierCV
sklearn.linear_model: SGDClassifier
sklearn.multiclass: OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier
sklearn.multiclass: _ConstantPredictor
sklearn.naive_bayes: BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB
sklearn.neighbors: NearestCentroid NeighborhoodComponentsAnalysis
sklearn.neural_network: MLPClassifier
sklearn.pipeline: FeatureUnion Pipeline
sklearn.preprocessing: Binarizer FunctionTransformer KernelCenterer
sklearn.preprocessing: LabelBinarizer LabelEncoder MaxAbsScaler MinMaxScaler Normalizer
sklearn.preprocessing: PowerTransformer QuantileTransformer RobustScaler StandardScaler
sklearn.random_projection: GaussianRandomProjection
sklearn.svm: LinearSVC
""")
# The attribute that a fitted one has, and the check of what compiled code trusts in it.
_CHECKS = {
    "ensemble.ExtraTreesClassifier": ("estimators_", checks.check_forest),
    "ensemble.GradientBoostingClassifier": ("estimators_", checks.check_boosting),
    "ensemble.HistGradientBoostingClassifier": ("_predictors", checks.check_histograms),
    "ensemble.RandomForestClassifier": ("estimators_", checks.check_forest),
    "ensemble.StackingClassifier": ("stack_method_", checks.check_stack),
    "ensemble._hist_gradient_boosting.binning._BinMapper": (
        *("bin_thresholds_", checks.check_bin_mapper),
    ),
    "ensemble._hist_gradient_boosting.predictor.TreePredictor": (
        *("nodes", checks.check_histogram_tree),
    ),
    "neighbors.KNeighborsClassifier": ("_fit_X", checks.check_neighbors),
    "preprocessing.KBinsDiscretizer": ("bin_edges_", checks.check_bins),
    "preprocessing.PolynomialFeatures": ("_max_degree", checks.check_polynomials),
    "svm.NuSVC": ("support_vectors_", checks.check_machine),
    "svm.SVC": ("support_vectors_", checks.check_machine),
    "tree.DecisionTreeClassifier": ("tree_", checks.check_decision_tree),
    "tree.DecisionTreeRegressor": ("tree_", checks.check_decision_tree),
    "tree.ExtraTreeClassifier": ("tree_", checks.check_decision_tree),
    "tree.ExtraTreeRegressor": ("tree_", checks.check_decision_tree),
}
CHECKS = {f"sklearn.{name}": check for name, check in _CHECKS.items()}
_NUMPY_SCALARS = _list_names("""
numpy: bool bool_ float16 float32 float64 int8 int16 int32 int64 str_ uint8 uint16
numpy: uint32 uint64
""")

# By the kind of node that skops makes them with: the name of a class must not be
# usable as, say, the type of a list, which would call it with the list's items.
# Kinds that are missing here (methods, partials, operators, constructors from
# `__reduce__`) are refused whatever they name.
ALLOWED_TYPES = {
    "JsonNode": {"builtins.str"},
    "DictNode": {"builtins.dict", "sklearn.utils.Bunch"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "NdArrayNode": {"numpy.ndarray"} | _NUMPY_SCALARS,
    "TypeNode": _NUMPY_SCALARS | _list_names("builtins: bool float int str"),
    "SliceNode": {"builtins.slice"},
    "ObjectNode": OUR_OBJECTS | _SKLEARN_OBJECTS | CHECKS.keys(),
    "FunctionNode": OUR_FUNCTIONS
    | _list_names("sklearn.feature_selection: chi2 f_classif mutual_info_classif"),
    "TreeNode": {"sklearn.tree._tree.Tree"},
}

# The attributes that may be such a function: elsewhere, it would be called.
FUNCTION_ATTRIBUTES = ("build", "score_func")

# The kinds in which a name that the user trusts may stand.
EXTENSIBLE_KINDS = ("ObjectNode", "FunctionNode")

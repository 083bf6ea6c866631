"""The types and functions that a model file may be made of, by their exact names.

Skops' own list is not relied on: it trusts all of scikit-learn's estimators. A new
class of ours, or one of scikit-learn's that a model is made of, is added here, and
nowhere else. Each is listed under the outermost package that has it, as users import
it, so that a file survives the moving of modules.
"""

# What is made by `__new__` and given its attributes; no constructor runs.
OUR_OBJECTS = {
    "skgenre.CNNGenreClassifier",
    "skgenre.CovarianceGenreClassifier",
    "skgenre.KerasGenreClassifier",
    "skgenre.LSTMGenreClassifier",
    "skgenre.MFCCExtractor",
    "skgenre.MFCCScaler",
    "skgenre.MLPGenreClassifier",
    "skgenre.OpenSetClassifier",
    "skgenre.SegmentPoolingClassifier",
    "skgenre.SegmentStatistics",
    "skgenre.TemperatureScaledClassifier",
    "skgenre.TrackStatistics",
    "skgenre.training.Architecture",
    "skgenre.training.TrainedNetwork",
}
OUR_FUNCTIONS = {
    "skgenre.networks.build_cnn",
    "skgenre.networks.build_covariance",
    "skgenre.networks.build_lstm",
    "skgenre.networks.build_mlp",
}

_SKLEARN_OBJECTS = {
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.decomposition.PCA",
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis",
    "sklearn.dummy.DummyClassifier",
    "sklearn.ensemble.BaggingClassifier",
    "sklearn.ensemble.ExtraTreesClassifier",
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.ensemble.StackingClassifier",
    "sklearn.ensemble.VotingClassifier",
    "sklearn.ensemble.AdaBoostClassifier",
    "sklearn.feature_selection.SelectKBest",
    "sklearn.feature_selection.VarianceThreshold",
    "sklearn.frozen.FrozenEstimator",
    "sklearn.isotonic.IsotonicRegression",
    "sklearn.linear_model.LogisticRegression",
    "sklearn.linear_model.LogisticRegressionCV",
    "sklearn.linear_model.RidgeClassifier",
    "sklearn.linear_model.SGDClassifier",
    "sklearn.multiclass.OneVsRestClassifier",
    "sklearn.naive_bayes.GaussianNB",
    "sklearn.neighbors.KNeighborsClassifier",
    "sklearn.neighbors.NearestCentroid",
    "sklearn.neural_network.MLPClassifier",
    "sklearn.pipeline.FeatureUnion",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing.MaxAbsScaler",
    "sklearn.preprocessing.MinMaxScaler",
    "sklearn.preprocessing.Normalizer",
    "sklearn.preprocessing.PowerTransformer",
    "sklearn.preprocessing.QuantileTransformer",
    "sklearn.preprocessing.RobustScaler",
    "sklearn.preprocessing.StandardScaler",
    "sklearn.preprocessing.LabelBinarizer",
    "sklearn.preprocessing.LabelEncoder",
    "sklearn.svm.LinearSVC",
    "sklearn.svm.SVC",
    "sklearn.tree.DecisionTreeClassifier",
    "sklearn.tree.ExtraTreeClassifier",
}
_SKLEARN_FUNCTIONS = {
    "sklearn.feature_selection.f_classif",
}
_NUMPY_SCALARS = {
    "numpy.bool",
    "numpy.bool_",
    "numpy.float32",
    "numpy.float64",
    "numpy.int32",
    "numpy.int64",
    "numpy.str_",
    "numpy.uint32",
    "numpy.uint64",
}
_PYTHON_SCALARS = {"builtins.bool", "builtins.float", "builtins.int", "builtins.str"}

# By the kind of node that skops makes them with: the name of a class must not be
# usable as, say, the type of a list, which would call it with the list's items.
# Kinds that are missing here (methods, partials, operators, constructors from
# `__reduce__`) are refused whatever they name.
ALLOWED_TYPES = {
    "JsonNode": {"builtins.str"},
    "DictNode": {"builtins.dict", "sklearn.utils.Bunch"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "NdArrayNode": {"numpy.ndarray", *_NUMPY_SCALARS},
    "TypeNode": _PYTHON_SCALARS | _NUMPY_SCALARS,
    "RandomStateNode": {"numpy.random.mtrand.RandomState"},
    "ObjectNode": OUR_OBJECTS | _SKLEARN_OBJECTS,
    "FunctionNode": OUR_FUNCTIONS | _SKLEARN_FUNCTIONS,
    "TreeNode": {"sklearn.tree._tree.Tree"},
    "LossNode": {
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn.linear_model._sgd_fast.Hinge",
        "sklearn.linear_model._sgd_fast.ModifiedHuber",
        "sklearn.linear_model._sgd_fast.SquaredHinge",
    },
}

# The kinds in which a name that the user trusts may stand.
EXTENSIBLE_KINDS = ("ObjectNode", "FunctionNode", "LossNode")

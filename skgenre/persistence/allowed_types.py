"""The types and functions that a model file may be made of, by their exact names.

Skops' own list is not relied on: it trusts all of scikit-learn's estimators. A new
class of ours, or one of scikit-learn's that a model is made of, is added here, and
nowhere else. Each is listed under the outermost package that has it, as users import
it, so that a file survives the moving of modules.
"""

from skgenre.persistence.native_checks import (
    check_decision_tree,
    check_forest,
    check_machine,
    check_neighbors,
)

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

# With the check of what compiled code trusts in it; None where that is nothing: only
# Python and numpy read its attributes, and they look where they read.
_SKLEARN_OBJECTS = {
    "sklearn.calibration.CalibratedClassifierCV": None,
    "sklearn.calibration._CalibratedClassifier": None,
    "sklearn.calibration._SigmoidCalibration": None,
    "sklearn.calibration._TemperatureScaling": None,
    "sklearn.decomposition.PCA": None,
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": None,
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis": None,
    "sklearn.dummy.DummyClassifier": None,
    "sklearn.ensemble.BaggingClassifier": None,
    "sklearn.ensemble.ExtraTreesClassifier": check_forest,
    "sklearn.ensemble.RandomForestClassifier": check_forest,
    "sklearn.ensemble.StackingClassifier": None,
    "sklearn.ensemble.VotingClassifier": None,
    "sklearn.ensemble.AdaBoostClassifier": None,
    "sklearn.feature_selection.SelectKBest": None,
    "sklearn.feature_selection.VarianceThreshold": None,
    "sklearn.frozen.FrozenEstimator": None,
    "sklearn.isotonic.IsotonicRegression": None,
    "sklearn.linear_model.LogisticRegression": None,
    "sklearn.linear_model.LogisticRegressionCV": None,
    "sklearn.linear_model.RidgeClassifier": None,
    "sklearn.linear_model.SGDClassifier": None,
    "sklearn.multiclass.OneVsRestClassifier": None,
    "sklearn.naive_bayes.GaussianNB": None,
    "sklearn.neighbors.KNeighborsClassifier": check_neighbors,
    "sklearn.neighbors.NearestCentroid": None,
    "sklearn.neural_network.MLPClassifier": None,
    "sklearn.pipeline.FeatureUnion": None,
    "sklearn.pipeline.Pipeline": None,
    "sklearn.preprocessing.MaxAbsScaler": None,
    "sklearn.preprocessing.MinMaxScaler": None,
    "sklearn.preprocessing.Normalizer": None,
    "sklearn.preprocessing.PowerTransformer": None,
    "sklearn.preprocessing.QuantileTransformer": None,
    "sklearn.preprocessing.RobustScaler": None,
    "sklearn.preprocessing.StandardScaler": None,
    "sklearn.preprocessing.LabelBinarizer": None,
    "sklearn.preprocessing.LabelEncoder": None,
    "sklearn.svm.LinearSVC": None,
    "sklearn.svm.SVC": check_machine,
    "sklearn.tree.DecisionTreeClassifier": check_decision_tree,
    "sklearn.tree.ExtraTreeClassifier": check_decision_tree,
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
    "SliceNode": {"builtins.slice"},
    "ObjectNode": OUR_OBJECTS | _SKLEARN_OBJECTS.keys(),
    "FunctionNode": OUR_FUNCTIONS | _SKLEARN_FUNCTIONS,
    "TreeNode": {"sklearn.tree._tree.Tree"},
    # Made without arguments.
    "LossNode": {
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
    },
}
CHECKS = _SKLEARN_OBJECTS

# The kinds in which a name that the user trusts may stand.
EXTENSIBLE_KINDS = ("ObjectNode", "FunctionNode")

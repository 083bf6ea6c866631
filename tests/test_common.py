"""scikit-learn's own checks of estimators."""

from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenre import MFCCScaler, SegmentPoolingClassifier, TrackStatistics


@parametrize_with_checks(
    [SegmentPoolingClassifier(LogisticRegression()), MFCCScaler(), TrackStatistics()]
)
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)

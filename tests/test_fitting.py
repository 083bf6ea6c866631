import numpy as np
import pytest
import sklearn
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline

from skgenre import MFCCScaler, MLPGenreClassifier
from skgenre._fitting import name_groups

GROUPS = np.arange(3)
NETWORK = Pipeline([("scaler", MFCCScaler()), ("mlp", MLPGenreClassifier())])


def test_groups_are_named_as_the_last_step_takes_them():
    assert name_groups(NETWORK, GROUPS) == {"mlp__groups": GROUPS}
    assert name_groups(MLPGenreClassifier(), GROUPS) == {"groups": GROUPS}
    assert name_groups(Pipeline([("all", NETWORK)]), GROUPS) == {
        "all__mlp__groups": GROUPS
    }


@pytest.mark.parametrize(
    "kind", [GridSearchCV, RandomizedSearchCV, HalvingRandomSearchCV]
)
def test_search_takes_groups_for_its_folds(kind):
    search = kind(LogisticRegression(), {})
    assert name_groups(search, GROUPS) == {"groups": GROUPS}
    pipeline = Pipeline([("scaler", MFCCScaler()), ("search", search)])
    assert name_groups(pipeline, GROUPS) == {"search__groups": GROUPS}


def test_search_of_another_package_is_given_groups_only_if_it_takes_them():
    class Search(LogisticRegression):
        estimator, param_grid = LogisticRegression(), {}

    assert name_groups(Search(), GROUPS) == {}


def test_nothing_is_named_where_nothing_takes_groups():
    assert name_groups(LogisticRegression(), GROUPS) == {}
    assert name_groups(NETWORK, None) == {}
    with sklearn.config_context(enable_metadata_routing=True):
        assert name_groups(NETWORK, GROUPS) == {}

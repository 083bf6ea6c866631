"""Estimators in notebooks: their parameters, their state, the way to their page."""

import inspect
import re
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import skgenre
from skgenre import MFCCScaler, MLPGenreClassifier, make_model

DOCS_URL = "https://skgenre.readthedocs.io/en/stable"
API = Path(__file__).parents[1] / "docs" / "api.rst"
ESTIMATORS = [
    obj
    for obj in (getattr(skgenre, name) for name in skgenre.__all__)
    if inspect.isclass(obj)
    and issubclass(obj, BaseEstimator)
    and not inspect.isabstract(obj)
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_every_estimator_links_to_its_page_of_the_docs(estimator):
    link = estimator.__new__(estimator)._get_doc_link()
    assert link == f"{DOCS_URL}/generated/skgenre.{estimator.__name__}.html"
    # autosummary makes a page of that name for each name that the reference lists.
    listed = re.findall(r"^   (\w+)$", API.read_text("utf-8"), re.MULTILINE)
    assert estimator.__name__ in listed


def test_a_subclass_elsewhere_does_not_claim_a_page():
    class Elsewhere(MLPGenreClassifier):
        """A user's own."""

    assert Elsewhere()._get_doc_link() == ""


def test_html_of_a_pipeline_shows_parameters_and_links():
    html = make_model("mlp", n_mfcc=20, epochs=7)._repr_html_()
    for estimator in ("MFCCExtractor", "MLPGenreClassifier"):
        assert f'href="{DOCS_URL}/generated/skgenre.{estimator}.html' in html
    # Up to scikit-learn 1.6, those that are not at their defaults.
    for parameter in ("n_mfcc", "epochs"):
        assert parameter in html


def test_html_shows_whether_an_estimator_is_fitted(features):
    X, _ = features
    scaler = MFCCScaler()
    assert "<span>Not fitted</span>" in scaler._repr_html_()
    assert "<span>Fitted</span>" in scaler.fit(X)._repr_html_()

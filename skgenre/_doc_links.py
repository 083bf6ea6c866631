"""Links from the picture of an estimator in a notebook to its page of the docs."""

DOCS_URL = "https://skgenre.readthedocs.io/en/stable"


class DocLinkMixin:
    """Where scikit-learn's HTML representation looks for the docs of an estimator."""

    _doc_link_module = "skgenre"
    _doc_link_template = DOCS_URL + "/generated/skgenre.{estimator_name}.html"

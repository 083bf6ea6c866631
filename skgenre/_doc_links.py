"""Link the HTML representation of an estimator to its page of the docs."""

DOCS_URL = "https://skgenre.readthedocs.io/en/stable"


class DocLinkMixin:
    """Tell scikit-learn's HTML representation where the docs of an estimator are."""

    _doc_link_module = "skgenre"
    _doc_link_template = DOCS_URL + "/generated/skgenre.{estimator_name}.html"

"""Sphinx: ``sphinx-build -W docs docs/_build``."""

import skgenre

project = "skgenre"
author = copyright = "the skgenre developers"
version = release = skgenre.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
numpydoc_show_class_members = False
exclude_patterns = ["_build"]
# The attributes of a class are documented in its docstring.
numpydoc_class_members_toctree = False
html_theme = "pydata_sphinx_theme"
html_title = "skgenre"
html_theme_options = {"show_toc_level": 2}
# Inherited docstrings refer to labels of scikit-learn's own pages.
suppress_warnings = ["ref.ref"]

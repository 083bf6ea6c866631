"""Sphinx: ``sphinx-build -W docs docs/_build``; runs the examples, for pictures."""

import os
from pathlib import Path

import skgenre

# TensorFlow talks when it is loaded, and the gallery shows what an example prints.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

project = "skgenre"
author = copyright = "the skgenre developers"
version = release = skgenre.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
# Blocks that name no language are commands and messages, not Python.
highlight_language = "none"
# Docstrings say the types, in words.
autodoc_typehints = "none"
numpydoc_show_class_members = False
# The attributes of a class are documented in its docstring.
numpydoc_class_members_toctree = False
toc_object_entries_show_parents = "hide"
# Inherited docstrings refer to labels and terms of scikit-learn's own pages.
suppress_warnings = ["ref.ref", "ref.term"]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skgenre",),
    "reference_url": {"skgenre": None},
    "download_all_examples": False,
    "show_signature": False,
    # Sharp on telephones, which show two or three pixels for one.
    "image_srcset": ["2x"],
    "write_computation_times": False,
    # Of an example's last expression: a table or an estimator, but no list of lines.
    "capture_repr": ("_repr_html_",),
}

html_theme = "pydata_sphinx_theme"
html_title = "skgenre"
html_favicon = "_static/icon.svg"
# Sphinx opens it from where it is started.
html_search_scorer = str(Path(__file__).with_name("search_scorer.js"))
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_theme_options = {
    "header_links_before_dropdown": 4,
    "navigation_with_keys": False,
    "show_toc_level": 2,
}
# Single pages, which have no list of others beside them.
_SINGLE = ("quickstart", "coming_from", "faq", "glossary", "reproducing_the_paper")
_SINGLE += ("developing", "changelog", "citations")
html_sidebars = {page: [] for page in _SINGLE}

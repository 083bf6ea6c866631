"""Imports that a short command can do without."""

import sys
from contextlib import contextmanager

# Keras and scikit-learn import them where they are installed, and do without where they
# are not: a second of CPU time, a fifth of what it takes to import TensorFlow.
_SPARED = ("matplotlib", "pandas")


class _Refusal:
    """A finder of modules that says of some that they are not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in _SPARED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def plotting_spared(*, unless):
    """Hide the libraries of tables and plots; what is imported already stays.

    `unless` code of the user's own runs, which may need them.
    """
    refusal = _Refusal()
    if not unless:
        sys.meta_path.insert(0, refusal)
    try:
        yield
    finally:
        if not unless:
            sys.meta_path.remove(refusal)

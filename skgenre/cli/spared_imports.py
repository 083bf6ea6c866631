"""Imports that a short command can do without."""

import sys

# Keras and scikit-learn import them where they are installed, and do without where they
# are not: a second of CPU time, a fifth of what it takes to import TensorFlow.
_SPARED = ("matplotlib", "pandas")


class _Refusal:
    """A finder of modules that says of some that they are not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in _SPARED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def spare_plotting():
    """Hide the libraries of tables and plots, for good: Keras looks for them once."""
    sys.meta_path.insert(0, _Refusal())

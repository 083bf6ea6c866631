"""The command line: ``skgenre`` and ``python -m skgenre``."""

from skgenre.cli.program import main

__all__ = ["main"]

# PYTHON_ARGCOMPLETE_OK
"""``python -m skgenre``."""

import sys

from skgenre.cli.program import run

if __name__ == "__main__":
    sys.exit(run())

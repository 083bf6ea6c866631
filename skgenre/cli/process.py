"""A command as a process of its own: what is set here stays set to its end."""

import os
import sys

from skgenre.cli.program import main
from skgenre.cli.screen import (
    drop_unwritten_output,
    native_messages_hidden,
    open_closed_streams,
)
from skgenre.cli.spared_imports import spare_plotting


def run():
    """Run the command line of this process.

    Returns
    -------
    exit_code : int
        As `main` returns it.
    """
    arguments = sys.argv[1:]
    open_closed_streams()
    # TensorFlow reads it once, when it is imported; its start-up notices are no errors.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Figures go to files only.
    os.environ["MPLBACKEND"] = "agg"
    # A model that may use code of the user's own may need them.
    if arguments[:1] == ["predict"] and not any(
        word.startswith("--trusted") for word in arguments
    ):
        spare_plotting()
    try:
        with native_messages_hidden(unless="--debug" in arguments):
            return main(arguments)
    finally:
        drop_unwritten_output()

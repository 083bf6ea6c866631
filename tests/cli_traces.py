"""Run commands inside this process; print, as JSON, what each has changed in it.

Argument: JSON of the commands, each a list of words. Of each, the exit code and the
names of what is no longer as it was are printed.
"""

import json
import locale
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import warnings
from contextlib import redirect_stdout

# Imports leave traces of their own, whoever makes them.
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import sklearn
import tensorflow as tf

from skgenre.cli import main

LOGGERS = (None, "skgenre", "tensorflow", "absl", "matplotlib")


def describe_logger(name):
    logger = logging.getLogger(name)
    return logger.level, logger.disabled, logger.handlers[:], logger.filters[:]


def list_finders():
    """What imports modules, but for the finders of libraries that were imported."""
    ours = [one for one in sys.meta_path if "skgenre" in type(one).__module__]
    return ours, sys.path[:], sys.path_hooks[:]


def look():
    """All that a command could leave behind."""
    return {
        "environment": dict(os.environ),
        "folder": (os.getcwd(), tempfile.gettempdir()),
        "streams": (sys.stdin, sys.stdout, sys.stderr, sys.__stderr__),
        "descriptors": [os.fstat(number)[:3] for number in range(3)],
        "warnings": (warnings.filters[:], warnings.showwarning),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "loggers": [describe_logger(name) for name in LOGGERS],
        "imports": list_finders(),
        "hooks": (sys.excepthook, sys.displayhook, sys.unraisablehook),
        "threads": threading.enumerate(),
        "locale": locale.setlocale(locale.LC_ALL),
        "numpy": (np.geterr(), np.get_printoptions(), str(np.random.get_state())),
        "random": random.getstate(),
        "pandas": pd.get_option("display.max_rows"),
        "matplotlib": (dict(plt.rcParams), plt.get_backend(), plt.get_fignums()),
        "scikit-learn": sklearn.get_config(),
        "keras": (keras.config.floatx(), keras.config.image_data_format()),
        "tensorflow": (tf.config.threading.get_intra_op_parallelism_threads(),),
        "arguments": sys.argv[:],
    }


def run(command):
    try:
        return main(command)
    except SystemExit as error:
        return error.code


plt.switch_backend("svg")
np.seterr(over="ignore")
changed = []
for command in json.loads(sys.argv[1]):
    before = look()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        code = run(command)
    after = look()
    names = [name for name in before if before[name] != after[name]]
    changed.append([code, names])
print(json.dumps(changed))

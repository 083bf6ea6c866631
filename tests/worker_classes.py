"""Classes for tests, where worker processes can import them."""

import os
import signal

import joblib
import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier


class DeadlyClassifier(KNeighborsClassifier):
    """Kills the process that fits it if it is told to and finds no file `spare`.

    With `once`, it makes that file first.
    """

    def __init__(self, *, spare=None, once=False, n_neighbors=1):
        super().__init__(n_neighbors=n_neighbors)
        self.spare = spare
        self.once = once

    def fit(self, X, y):
        if self.spare is not None and not os.path.exists(self.spare):
            if self.once:
                open(self.spare, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


class Asking(DummyClassifier):
    """Says how many workers a search in it would have."""

    def fit(self, X, y):
        self.n_workers_ = joblib.effective_n_jobs(4)
        return super().fit(X, y)


class Rejecting(DummyClassifier):
    """Predicts a label that is none of its classes."""

    def predict(self, X):
        return np.full(len(X), "unknown")


class FullDisk:
    """In place of `FinishedFits`."""

    def load(self, fit):
        return None, None

    def save(self, fit, row):
        raise OSError("no space left")

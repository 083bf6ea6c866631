"""A classifier that takes its process with it, where workers can import it."""

import os
import signal

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

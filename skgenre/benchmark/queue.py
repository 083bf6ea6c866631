"""The queue of a benchmark: all missing fits in one parallel call, longest first."""

import logging
import pickle
import time
from collections import defaultdict
from contextlib import nullcontext
from numbers import Integral

import joblib
import numpy as np
from joblib.parallel import get_active_backend
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline

from skgenre._compat import LostTask, dask_losses_reported
from skgenre._io import counted
from skgenre.benchmark.fits import run_fit
from skgenre.features import list_extractors
from skgenre.keras_classifiers import (
    CNNGenreClassifier,
    LSTMGenreClassifier,
    MLPGenreClassifier,
)

logger = logging.getLogger(__name__)

# Guesses, until a fit of the model has ended: seconds per segment and epoch of a
# network, as benchmarks/README.md has them, and per row of any other model.
NETWORK_SECONDS = {
    MLPGenreClassifier: 7e-5,
    CNNGenreClassifier: 3e-4,
    LSTMGenreClassifier: 6e-4,
}
OTHER_NETWORK_SECONDS = 1e-4
OTHER_SECONDS = 1e-3
# Where a model does not say.
N_SEGMENTS = 10
N_INNER_FOLDS = 5


class FitQueue:
    """Runs the missing fits in joblib's workers; iterate over it once.

    Yields the number and the row of each fit as it ends. A free worker is sent the
    longest fit that waits, with the paths of its tracks and no features. A fit whose
    worker dies is run again at the end, alone: it might take others with it. If its
    worker dies again, its row has an error.

    Parameters
    ----------
    fits : dict of int to Fit
        The fits by number.
    finished : FinishedFits
        Where the workers keep what they have finished.
    estimates : Estimates
        Improved by each fit that ends.
    n_jobs : int or None
        As joblib takes it.
    """

    def __init__(self, fits, finished, estimates, *, n_jobs):
        self._fits, self._finished, self._estimates = fits, finished, estimates
        self._backend, _ = get_active_backend()
        n_workers = joblib.effective_n_jobs(n_jobs)
        self._is_serial = n_workers == 1
        # No more than fits, but two: a single one of joblib's is this process.
        self._n_workers = min(n_workers, max(2, len(fits)))
        # By model and protocol: among those, the longest has the most rows.
        self._waiting = defaultdict(list)
        for number in sorted(fits, key=lambda number: -len(fits[number].train)):
            self._waiting[find_kind(fits[number])].append(number)
        self._running = {}

    def __iter__(self):
        lost = yield from self._run_all(pre_dispatch="n_jobs")
        if lost:
            logger.warning(
                "a worker process died: running %s again, one at a time",
                counted(len(lost), "fit"),
            )
        for number in lost:
            fit = self._fits[number]
            # The worker may have finished it before it could tell.
            row, _ = self._finished.load(fit)
            if row is not None:
                yield number, row
            else:
                self._waiting[find_kind(fit)].append(number)
        lost = yield from self._run_all(pre_dispatch=1)
        for number, error in lost.items():
            reason = (
                f"{type(error).__name__}: its worker process died twice, the second "
                "time with no other fit running: it was killed, perhaps for lack of "
                f"memory, or crashed ({error})"
            )
            yield number, {**self._fits[number].describe(), "error": reason}

    def _run_all(self, *, pre_dispatch):
        """Yield the rows of all fits that wait; return why others have none."""
        lost = {}
        while any(self._waiting.values()):
            yield from self._run(lost, pre_dispatch)
        return lost

    @property
    def seconds_left(self):
        """Estimate of the seconds until all fits have ended."""
        now, estimate = time.monotonic(), self._estimates.of
        running = [
            max(estimate(self._fits[number]) - (now - task.started), 0)
            for number, task in list(self._running.items())
        ]
        waiting = sum(
            estimate(self._fits[numbers[0]]) * len(numbers)
            for numbers in map(list, self._waiting.values())
            if numbers
        )
        return max([(sum(running) + waiting) / self._n_workers, *running])

    def _take_waiting(self):
        # joblib asks for the next one in a thread of its own, under a lock.
        while waiting := [numbers for numbers in self._waiting.values() if numbers]:
            if self._is_serial:
                yield waiting[0].pop(0)
                continue
            longest = max(
                waiting,
                key=lambda numbers: self._estimates.of(self._fits[numbers[0]]),
            )
            yield longest.pop(0)

    def _run(self, lost, pre_dispatch):
        """Do as `_run_all`, until the workers break: some fits then wait again."""
        can_yield = self._backend.supports_return_generator
        parallel = joblib.Parallel(
            n_jobs=1 if self._is_serial else self._n_workers,
            return_as="generator_unordered" if can_yield else "list",
            batch_size=1,
            pre_dispatch=pre_dispatch,
        )
        try:
            with (
                nullcontext()
                if self._is_serial
                else dask_losses_reported(self._backend)
            ):
                for outcome in parallel(map(self._start, self._take_waiting())):
                    if isinstance(outcome, LostTask):
                        number = outcome.arguments[0].number
                        lost[number] = outcome.error
                        del self._running[number]
                        continue
                    number, row = outcome
                    del self._running[number]
                    yield number, self._complete(number, row)
        except OSError:  # a full disk, say: no fault of a fit
            raise
        except Exception as error:
            if not any(task.is_sent for task in self._running.values()):
                raise
            for number, task in list(self._running.items()):
                if task.is_sent:
                    lost[number] = error
                else:
                    self._waiting[find_kind(self._fits[number])].insert(0, number)
            self._running.clear()

    def _start(self, number):
        """Return the call of joblib that runs a fit."""
        content = self._fits[number], self._finished
        is_local = getattr(self._backend, "supports_sharedmem", False)
        if not (self._is_serial or is_local):
            # What cannot be sent fails alone, here; within joblib it would end the run.
            # The wrapper pickles functions and classes of `__main__`, as joblib does.
            try:
                pickle.dumps(joblib.wrap_non_picklable_objects(content))
            except Exception as error:
                content = f"{type(error).__name__}: {error}"
        task = self._running[number] = Task(number, content)
        run = run_task_here if self._is_serial else run_task
        return joblib.delayed(run)(task)

    def _complete(self, number, row):
        """Return a fit's row as `run_fit` made it, and learn what it took."""
        fit = self._fits[number]
        row = {**fit.describe(), **row}
        # As `run_task` sends them.
        if "predictions" in row and isinstance(row["predictions"], tuple):
            genres, codes = row["predictions"]
            predicted = [genres[code] for code in codes]
            row["predictions"] = fit.name_predictions(predicted)
        self._estimates.add(fit, row)
        return row


class Task:
    """A fit on its way to a worker.

    Attributes
    ----------
    number : int
        The fit's.
    content : tuple or str
        Arguments of `run_fit`, or why they cannot be sent.
    started : float
        When it was made, as `time.monotonic` tells it.
    is_sent : bool
        Whether it has left for its worker: joblib makes tasks ahead.
    """

    def __init__(self, number, content):
        self.number, self.content = number, content
        self.started, self.is_sent = time.monotonic(), False

    def __reduce__(self):
        self.is_sent = True
        return Task, (self.number, self.content)


def run_task(task):
    """Run a fit in a worker, as one piece of work: a search has no workers in there."""
    if isinstance(task.content, str):
        return task.number, {"error": task.content}
    with joblib.parallel_config(backend="sequential"):
        row = run_fit(*task.content)
    if "predictions" in row:
        # Small: Python sends more than 16 kB (as many predictions) in two parts, and
        # joblib waits for ever for the second one of a worker that is killed between.
        predicted = row["predictions"]["predicted"]
        codes = {genre: code for code, genre in enumerate(dict.fromkeys(predicted))}
        kind = np.min_scalar_type(len(codes))
        coded = np.array([codes[genre] for genre in predicted], kind)
        row["predictions"] = list(codes), coded
    return task.number, row


def run_task_here(task):
    """Run a fit in the user's process, with the jobs that the user gave a search."""
    return task.number, run_fit(*task.content)


class Estimates:
    """Seconds that fits take: of each model and protocol, so much per training row."""

    def __init__(self):
        self._guessed = {}
        self._seconds, self._rows = defaultdict(float), defaultdict(int)
        self._known_guesses, self._scale = 0.0, 1.0

    def add(self, fit, row):
        """Learn from the row of a finished fit; a failed one tells nothing."""
        if row["error"] is not None:
            return
        kind = find_kind(fit)
        # The training part is predicted, too.
        n_predicted = 1 + row["n_train"] / row["n_test"]
        self._seconds[kind] += row["fit_seconds"] + row["predict_seconds"] * n_predicted
        self._rows[kind] += row["n_train"]
        # This machine may be slower, or busier, than the guesses know.
        self._known_guesses += row["n_train"] * self._guess(fit)
        self._scale = sum(self._seconds.values()) / self._known_guesses

    def of(self, fit):
        """Estimate the seconds that a fit takes."""
        kind, n_rows = find_kind(fit), len(fit.train)
        if self._rows.get(kind):
            return n_rows * self._seconds[kind] / self._rows[kind]
        return n_rows * self._guess(fit) * self._scale

    def _guess(self, fit):
        kind = find_kind(fit)
        if kind not in self._guessed:
            of_segments = kind[1] == "segment"
            self._guessed[kind] = guess_seconds(fit.model, of_segments=of_segments)
        return self._guessed[kind]


def find_kind(fit):
    """Return the model and the protocol of a fit: what decides its time per row."""
    return fit.label["model"], fit.label["protocol"]


def guess_seconds(model, *, of_segments=False):
    """Guess the seconds per training row from a model's kind and parameters."""
    n_fits, n_segments = 1, 1 if of_segments else N_SEGMENTS
    while isinstance(model, Pipeline) or hasattr(model, "estimator"):
        if isinstance(model, Pipeline):
            for extractor in list_extractors(model)[:1]:
                n_segments = extractor.n_segments or N_SEGMENTS
            model = model[-1]
            continue
        if hasattr(model, "cv"):
            cv = N_INNER_FOLDS if model.cv is None else model.cv
            n_folds = cv if isinstance(cv, int) else getattr(cv, "n_splits", 1)
            n_candidates = getattr(model, "n_iter", 1)
            if hasattr(model, "param_grid"):
                n_candidates = len(ParameterGrid(model.param_grid))
            n_fits *= n_candidates * max(n_folds - 1, 1) + 1
        model = model.estimator
    epochs = getattr(model, "epochs", None)
    if not isinstance(epochs, Integral):
        return n_fits * OTHER_SECONDS
    seconds = NETWORK_SECONDS.get(type(model), OTHER_NETWORK_SECONDS)
    return n_fits * epochs * n_segments * seconds

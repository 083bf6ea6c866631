"""The epochs of a fit: batches, validation, callbacks, early stopping."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from skgenre.training.steps import (
    N_BATCHES_PER_CALL,
    evaluate,
    train_batch,
    train_batches,
)

# What a Keras callback may implement to be told of every batch.
_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)


class Rows(NamedTuple):
    """Segments (n_rows, n_frames, n_mfcc), their class numbers and weights."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray

    def take(self, indices):
        """The rows at these indices."""
        return Rows(*(values[indices] for values in self))


class Validation(NamedTuple):
    """Rows to validate on after each epoch.

    `score_tracks` takes the rows' class probabilities and returns the fraction of
    tracks that they classify correctly.
    """

    rows: Rows
    score_tracks: object

    def measure(self, network):
        """Loss, and accuracy per segment and per track; NaN without probabilities."""
        probabilities, loss = evaluate(network, *self.rows)
        if not np.isfinite(probabilities).all():
            # The largest of them would be the first class.
            names = ("val_loss", "val_accuracy", "val_track_accuracy")
            return dict.fromkeys(names, np.nan)
        return {
            "val_loss": loss,
            "val_accuracy": float(np.mean(probabilities.argmax(1) == self.rows.y)),
            "val_track_accuracy": float(self.score_tracks(probabilities)),
        }


class EarlyStopping:
    """Stops when the validation loss has not fallen for `n_iter_no_change` epochs.

    `kept_epoch` is the number of the epoch whose weights are kept, -1 for the last.
    """

    def __init__(self, n_iter_no_change, *, restore_best_weights):
        self.n_iter_no_change = n_iter_no_change
        self.restore_best_weights = restore_best_weights
        self.kept_epoch = -1
        self._n_epochs = 0
        self._lowest = np.inf
        self._n_since = 0
        self._best_weights = None

    def end_epoch(self, loss, model):
        """Take note of an epoch's validation loss; return whether to stop."""
        self._n_since += 1
        if loss < self._lowest:
            self._lowest, self._n_since = loss, 0
            if self.restore_best_weights:
                self._best_weights = model.get_weights()
                self.kept_epoch = self._n_epochs
        self._n_epochs += 1
        return self._n_since >= self.n_iter_no_change

    def end(self, model):
        """Restore the weights of the epoch with the lowest loss."""
        if self._best_weights is not None:
            model.set_weights(self._best_weights)


@dataclass
class Training:
    """One fit of a borrowed network.

    `order` is the generator that shuffles the rows, None to keep their order;
    `learning_rates` has one per epoch, None to keep that of the optimizer;
    `begin_epoch()` is called before each epoch, and `end_epoch()`, which returns
    whether to stop, after it.
    """

    network: object
    rows: Rows
    epochs: int
    batch_size: int
    order: np.random.Generator | None
    begin_epoch: object
    end_epoch: object
    validation: Validation | None = None
    early_stopping: EarlyStopping | None = None
    learning_rates: list | None = None
    callbacks: list = field(default_factory=list)
    verbose: int = 0
    initial_epoch: int = 0

    def run(self):
        """Train; return the history, a dict of one value per epoch.

        NaN in those epochs for which a callback has logged nothing.
        """
        from keras.callbacks import History

        history, logged = History(), []
        # Last, so that it sees what the others add, such as the learning rate.
        listeners = self._make_listeners([*self.callbacks, history])
        try:
            listeners.on_train_begin()
            for epoch in range(self.initial_epoch, self.initial_epoch + self.epochs):
                # Keras' lists do not tell of which epochs their values are.
                history.history = {}
                is_last = self._run_epoch(epoch, listeners)
                logged.append({n: float(v[-1]) for n, v in history.history.items()})
                if is_last:
                    break
            if self.early_stopping is not None:
                self.early_stopping.end(self.network.model)
            listeners.on_train_end()
        finally:
            for callback in self.callbacks:
                # Callbacks are parameters: a model in them would be cloned and pickled.
                callback._model = None
        names = dict.fromkeys(name for logs in logged for name in logs)
        return {name: [logs.get(name, np.nan) for logs in logged] for name in names}

    def _make_listeners(self, callbacks):
        from keras.callbacks import CallbackList

        return CallbackList(
            callbacks,
            add_progbar=self.verbose > 0,
            model=self.network.model,
            verbose=self.verbose,
            epochs=self.initial_epoch + self.epochs,
            steps=-(-len(self.rows.y) // self.batch_size),
        )

    def _run_epoch(self, epoch, listeners):
        """Train for an epoch; return whether it is to be the last."""
        model = self.network.model
        self.begin_epoch()
        if self.learning_rates is not None:
            rate = self.learning_rates[epoch - self.initial_epoch]
            model.optimizer.learning_rate = rate
        listeners.on_epoch_begin(epoch)
        model.reset_metrics()
        self._train_batches(listeners)
        logs = _read_metrics(model)
        if self.validation is not None:
            logs |= self.validation.measure(self.network)
        listeners.on_epoch_end(epoch, logs)
        stops = [self.end_epoch(), model.stop_training]
        if self.early_stopping is not None:
            stops.append(self.early_stopping.end_epoch(logs["val_loss"], model))
        return any(stops)

    def _train_batches(self, listeners):
        size, n_rows = self.batch_size, len(self.rows.y)
        one_by_one = any(map(_listens_to_batches, self.callbacks))
        tell = one_by_one or self.verbose > 0
        order = np.arange(n_rows)
        if self.order is not None:
            order = self.order.permutation(n_rows)
        for start, stop in _split_epoch(n_rows, size, one_by_one=one_by_one):
            if tell:
                listeners.on_train_batch_begin(start // size)
            chosen = self.rows.take(order[start:stop])
            if one_by_one or stop - start < size:
                train_batch(self.network, chosen)
            else:
                train_batches(self.network, chosen, size)
            if tell:
                logs = _read_metrics(self.network.model)
                listeners.on_train_batch_end((stop - 1) // size, logs)


def _split_epoch(n_rows, batch_size, *, one_by_one):
    """Starts and ends of the rows for each call: full batches first, then the rest."""
    n_full = n_rows // batch_size * batch_size
    step = batch_size * (1 if one_by_one else N_BATCHES_PER_CALL)
    for start in range(0, n_full, step):
        yield start, min(start + step, n_full)
    if n_full < n_rows:
        yield n_full, n_rows


def _read_metrics(model):
    return {name: float(value) for name, value in model.get_metrics_result().items()}


def _listens_to_batches(callback):
    # Keras marks its own empty hooks so.
    hooks = (getattr(callback, name) for name in _BATCH_HOOKS)
    return not all(getattr(hook, "_is_default", False) for hook in hooks)

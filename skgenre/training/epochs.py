"""The epochs of a fit: batches, validation, callbacks, early stopping."""

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
        """Loss, and accuracy per segment and per track."""
        probabilities, loss = evaluate(network, *self.rows)
        return {
            "val_loss": loss,
            "val_accuracy": float(np.mean(probabilities.argmax(1) == self.rows.y)),
            "val_track_accuracy": float(self.score_tracks(probabilities)),
        }


class EarlyStopping:
    """Stops when the validation loss has not fallen for `n_iter_no_change` epochs."""

    def __init__(self, n_iter_no_change, *, restore_best_weights):
        self.n_iter_no_change = n_iter_no_change
        self.restore_best_weights = restore_best_weights
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
        return self._n_since >= self.n_iter_no_change

    def end(self, model):
        """Restore the weights of the epoch with the lowest loss."""
        if self._best_weights is not None:
            model.set_weights(self._best_weights)


def run_epochs(
    network,
    rows,
    *,
    epochs,
    batch_size,
    order,
    validation=None,
    early_stopping=None,
    callbacks=(),
    verbose=0,
    initial_epoch=0,
    begin_epoch,
    end_epoch,
):
    """Train a network; return the history, a dict of one value per epoch.

    `order` is the generator that shuffles the rows, None to keep their order;
    `begin_epoch()` is called before each epoch and `end_epoch()` after it, which
    returns whether to stop.
    """
    model, history = network.model, {}
    n_batches = -(-len(rows.y) // batch_size)
    listeners = _make_callback_list(
        model,
        callbacks,
        verbose=verbose,
        epochs=initial_epoch + epochs,
        steps=n_batches,
    )
    one_by_one = any(map(_listens_to_batches, callbacks))
    tell_batches = one_by_one or verbose
    try:
        listeners.on_train_begin()
        for epoch in range(initial_epoch, initial_epoch + epochs):
            begin_epoch()
            listeners.on_epoch_begin(epoch)
            logs = _train_epoch(
                network,
                rows,
                _order_rows(len(rows.y), order),
                batch_size,
                one_by_one=one_by_one,
                listeners=listeners if tell_batches else None,
            )
            if validation is not None:
                logs |= validation.measure(network)
            listeners.on_epoch_end(epoch, logs)
            for name, value in logs.items():
                history.setdefault(name, []).append(float(value))
            stops = [end_epoch(), model.stop_training]
            if early_stopping is not None:
                stops.append(early_stopping.end_epoch(logs["val_loss"], model))
            if any(stops):
                break
        if early_stopping is not None:
            early_stopping.end(model)
        listeners.on_train_end(logs)
    finally:
        for callback in callbacks:
            # Callbacks are parameters: a model in them would be cloned and pickled.
            callback._model = None
    return history


def _order_rows(n_rows, order):
    return np.arange(n_rows) if order is None else order.permutation(n_rows)


def _train_epoch(network, rows, order, batch_size, *, one_by_one, listeners):
    network.model.reset_metrics()
    for start, stop in _split_epoch(len(order), batch_size, one_by_one=one_by_one):
        first, last = start // batch_size, (stop - 1) // batch_size
        if listeners is not None:
            listeners.on_train_batch_begin(first)
        chosen = rows.take(order[start:stop])
        if one_by_one or stop - start < batch_size:
            train_batch(network, chosen)
        else:
            train_batches(network, chosen, batch_size)
        if listeners is not None:
            listeners.on_train_batch_end(last, _read_metrics(network.model))
    return _read_metrics(network.model)


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


def _make_callback_list(model, callbacks, **parameters):
    from keras.callbacks import CallbackList

    return CallbackList(
        list(callbacks),
        add_progbar=parameters["verbose"] > 0,
        model=model,
        **parameters,
    )


def _listens_to_batches(callback):
    # Keras marks its own empty hooks so.
    hooks = (getattr(callback, name) for name in _BATCH_HOOKS)
    return not all(getattr(hook, "_is_default", False) for hook in hooks)

"""The training loop: settings of a fit, its rows and validation, and its epochs."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skgenre._compat import detach_callback
from skgenre.training.network_pool import N_BATCHES_PER_CALL


@dataclass(frozen=True)
class FitSettings:
    """How a network is trained.

    Attributes
    ----------
    seed : int
        Decides the initial weights, dropout and, with `shuffle`, the order of the rows.
    learning_rate : float
    epochs, batch_size : int
    shuffle : bool
    learning_rates : tuple of float or None
        One per epoch, in place of `learning_rate`.
    resume : bool
        Whether to go on from the weights and, if kept, the training state of the last
        fit.
    initial_epoch : int
        Number of the first epoch, for callbacks.
    early_stopping : bool
        Whether to stop after `n_iter_no_change` epochs without a new lowest validation
        loss.
    n_iter_no_change : int
    restore_best_weights : bool
        Whether early stopping goes back to the weights of the lowest validation loss.
    keep_training_state : bool
        Whether a later fit is to resume with the optimizer's variables.
    callbacks : tuple of keras.callbacks.Callback
    verbose : int
    """

    seed: int
    learning_rate: float
    epochs: int
    batch_size: int
    shuffle: bool = True
    learning_rates: tuple | None = None
    resume: bool = False
    initial_epoch: int = 0
    early_stopping: bool = False
    n_iter_no_change: int = 10
    restore_best_weights: bool = True
    keep_training_state: bool = False
    callbacks: tuple = ()
    verbose: int = 0


class Rows(NamedTuple):
    """Segments (n_rows, n_frames, n_mfcc), their class numbers and weights."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray

    def take(self, indices):
        """Return the rows at these indices."""
        return Rows(*(values[indices] for values in self))


class Validation(NamedTuple):
    """Segments to validate on after each epoch, and how to score their tracks.

    `score_tracks` takes the rows' class probabilities and returns the fraction of
    tracks that they classify correctly.
    """

    rows: Rows
    score_tracks: object

    def measure(self, network):
        """Return loss, accuracy per segment and per track; NaN if probabilities are."""
        probabilities, loss = network.evaluate(self.rows)
        if not np.isfinite(probabilities).all():
            # `argmax` would take a NaN for the largest.
            names = ("val_loss", "val_accuracy", "val_track_accuracy")
            return dict.fromkeys(names, np.nan)
        return {
            "val_loss": loss,
            "val_accuracy": float(np.mean(probabilities.argmax(1) == self.rows.y)),
            "val_track_accuracy": float(self.score_tracks(probabilities)),
        }


# Why not `Model.fit` of Keras: on a compiled MLP, 1,000 segments and 5 epochs take it
# 1.41 s of CPU time, 1.21 s with steps_per_execution=32 and 0.72 s with XLA as well;
# this loop takes 0.58 s, the building of a model for fresh weights included (medians of
# nine fits in one process). Besides, `fit` has no validation by tracks, and no order of
# rows that a later call can go on with.
def run_epochs(network, rows, settings, *, order, validation, listener, make_network):
    """Train a compiled network, as `Model.fit` does.

    `order` is the generator that shuffles the rows. The `listener`, if any, has methods
    `begin_epoch()` and `end_epoch(make_network)`; the latter returns whether to stop.

    Returns
    -------
    history : dict of list of float
        One value per epoch; NaN for those in which a callback has logged nothing.
    kept_epoch : int
        Index into these lists of the epoch whose weights the network has now.
    """
    from keras.callbacks import CallbackList, History

    model, history, logged = network.model, History(), []
    first, last = settings.initial_epoch, settings.initial_epoch + settings.epochs
    listeners = CallbackList(
        # The history is last: it sees what others add, such as the learning rate.
        [*settings.callbacks, history],
        add_progbar=settings.verbose > 1,
        model=model,
        verbose=settings.verbose,
        epochs=last,
        steps=-(-len(rows.y) // settings.batch_size),
    )
    best_epoch, best_weights, lowest_loss = -1, None, np.inf
    bar = None
    if settings.verbose == 1:
        from tqdm.auto import tqdm

        bar = tqdm(total=settings.epochs, desc="training", unit="epoch")
    try:
        listeners.on_train_begin()
        for epoch in range(first, last):
            if listener is not None:
                listener.begin_epoch()
            if settings.learning_rates is not None:
                model.optimizer.learning_rate = settings.learning_rates[epoch - first]
            listeners.on_epoch_begin(epoch)
            model.reset_metrics()
            _train_epoch(network, rows, settings, order=order, listeners=listeners)
            logs = _read_metrics(model)
            if validation is not None:
                logs |= validation.measure(network)
            # Keras' lists do not tell which epochs their values are of.
            history.history = {}
            listeners.on_epoch_end(epoch, logs)
            logged.append({n: float(v[-1]) for n, v in history.history.items()})
            if bar is not None:
                # Two of them: a line of 80 columns has no room for all.
                held_out = "val_track_accuracy"
                accuracy = held_out if held_out in logged[-1] else "accuracy"
                shown = {name: logged[-1][name] for name in (accuracy, "loss")}
                bar.set_postfix(shown, refresh=False)
                bar.update()
            stops = model.stop_training
            if listener is not None:
                stops = listener.end_epoch(make_network) or stops
            if settings.early_stopping:
                if logs["val_loss"] < lowest_loss:
                    best_epoch, lowest_loss = epoch - first, logs["val_loss"]
                    if settings.restore_best_weights:
                        best_weights = model.get_weights()
                n_since = epoch - first - best_epoch
                stops = stops or n_since >= settings.n_iter_no_change
            if stops:
                break
        if best_weights is not None:
            model.set_weights(best_weights)
        listeners.on_train_end()
    finally:
        if bar is not None:
            bar.close()
        for callback in settings.callbacks:
            # They are parameters: a model in them would be cloned and pickled.
            detach_callback(callback)
    names = dict.fromkeys(name for logs in logged for name in logs)
    values = {name: [logs.get(name, np.nan) for logs in logged] for name in names}
    return values, -1 if best_weights is None else best_epoch


def _train_epoch(network, rows, settings, *, order, listeners):
    """Train on all rows once: full batches, many per call, then the rest."""
    size, n_rows = settings.batch_size, len(rows.y)
    one_by_one = any(map(_listens_to_batches, settings.callbacks))
    tell = one_by_one or settings.verbose > 1
    indices = order.permutation(n_rows) if settings.shuffle else np.arange(n_rows)
    n_full = n_rows // size * size
    step = size if one_by_one else size * N_BATCHES_PER_CALL
    starts = [*range(0, n_full, step), n_full]
    for start, stop in zip(starts, [*starts[1:], n_rows], strict=True):
        if start == stop:
            continue
        if tell:
            listeners.on_train_batch_begin(start // size)
        chosen = rows.take(indices[start:stop])
        if one_by_one or stop - start < size:
            network.train_batch(chosen)
        else:
            network.train_batches(chosen, size)
        if tell:
            logs = _read_metrics(network.model)
            listeners.on_train_batch_end((stop - 1) // size, logs)


def _read_metrics(model):
    return {name: float(value) for name, value in model.get_metrics_result().items()}


def _listens_to_batches(callback):
    from keras.callbacks import Callback

    hooks = (
        "on_batch_begin",
        "on_batch_end",
        "on_train_batch_begin",
        "on_train_batch_end",
    )
    return any(
        getattr(getattr(callback, hook), "__func__", None)
        is not getattr(Callback, hook)
        for hook in hooks
    )

"""scikit-learn's callbacks, where the installed version has them (1.9)."""

from __future__ import annotations

from typing import TypeVar

_Method = TypeVar("_Method")

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this version of scikit-learn has no callbacks."""

    def _with_callbacks(method):
        return method


def with_callbacks(method: _Method) -> _Method:
    """Let a `fit` tell callbacks of itself; scikit-learn's own says no types."""
    return _with_callbacks(method)


class FitTasks:
    """Tells an estimator's callbacks of its fit and, as subtasks, of its epochs."""

    def __init__(self, estimator, X, y, sample_weight, *, epochs):
        self._context = None
        if not hasattr(estimator, "_init_callback_context"):
            return
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._task = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._context = estimator._init_callback_context(max_subtasks=epochs)
        self._context.call_on_fit_task_begin(**self._task)

    def begin_epoch(self):
        """An epoch is about to start."""
        if self._context is not None:
            self._epoch = self._context.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._task)

    def end_epoch(self, make_network):
        """An epoch has ended; `make_network()` makes the network as it now is.

        Returns whether a callback asks for the end of training.
        """
        return self._context is not None and self._epoch.call_on_fit_task_end(
            **self._task,
            reconstruction_attributes=lambda: {"network_": make_network()},
        )

    def hooks(self):
        """The arguments by which a network's training tells of its epochs."""
        return {"begin_epoch": self.begin_epoch, "end_epoch": self.end_epoch}

    def end(self):
        """The estimator is fitted."""
        if self._context is not None:
            self._context.call_on_fit_task_end(
                **self._task, reconstruction_attributes={}
            )


def drop_callbacks(state):
    """State of an estimator without its callbacks, which are never pickled."""
    names = {"_skl_callbacks", "_skl_callbacks_to_teardown"}
    names |= {"_callback_fit_ctx", "_parent_callback_ctx"}
    return {name: value for name, value in state.items() if name not in names}

"""Picture of a network's training, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skgenre._validation import check_choice
from skgenre.displays.axes import make_axes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal, Self

    from matplotlib.axes import Axes

_TITLES = {"accuracy": "Accuracy", "loss": "Loss (cross-entropy)"}
# Told apart in grey by their dashes.
_CURVES = {
    "{}": ("training, per segment", "-"),
    "val_{}": ("validation, per segment", "--"),
    "val_track_{}": ("validation, per track", ":"),
}


class TrainingHistoryDisplay:
    """Accuracy or loss of a network per epoch, in training and in validation.

    Made by `from_estimator`, or of a history; drawn by `plot`.

    Parameters
    ----------
    history : dict of list of float
        A network's `history_`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.
    lines_ : list of matplotlib.lines.Line2D
        The curves.

    Examples
    --------
    >>> from skgenre import TrainingHistoryDisplay
    >>> history = {"accuracy": [0.2, 0.5, 0.6], "loss": [2.0, 1.5, 1.1]}
    >>> display = TrainingHistoryDisplay(history).plot(quantity="loss")
    >>> display.ax_.get_xlabel()
    'Epoch'
    """

    def __init__(self, history: Mapping[str, Sequence[float]]) -> None:
        self.history = history

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        quantity: Literal["accuracy", "loss"] = "accuracy",
        ax: Axes | None = None,
    ) -> Self:
        """Draw the history of a fitted network, or of a pipeline that ends in one.

        Parameters
        ----------
        estimator : estimator
            Fitted, with a `history_`.
        quantity : {"accuracy", "loss"}, default="accuracy"
            What to draw.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display, drawn on `ax`.
        """
        last = estimator[-1] if hasattr(estimator, "steps") else estimator
        if not hasattr(last, "history_"):
            raise ValueError(
                f"estimator must be a fitted network with a history_, got {last!r}."
            )
        return cls(last.history_).plot(quantity=quantity, ax=ax)

    def plot(
        self,
        *,
        quantity: Literal["accuracy", "loss"] = "accuracy",
        ax: Axes | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        quantity : {"accuracy", "loss"}, default="accuracy"
            What to draw.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : TrainingHistoryDisplay
            This display.
        """
        check_choice(quantity, _TITLES, name="quantity")
        ax = make_axes(ax, figsize=(6, 4))
        self.lines_ = []
        for name, (label, style) in _CURVES.items():
            values = self.history.get(name.format(quantity))
            if values is not None:
                epochs = np.arange(1, len(values) + 1)
                marker = "o" if len(values) == 1 else None
                lines = ax.plot(epochs, values, style, marker=marker, label=label)
                self.lines_ += lines
        ax.set(xlabel="Epoch", ylabel=_TITLES[quantity])
        if quantity == "accuracy":
            # With room for a perfect line, which the legend then avoids.
            ax.set_ylim(0, 1.03)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(alpha=0.3)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

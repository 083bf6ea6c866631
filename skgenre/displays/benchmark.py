"""Picture of the accuracies of models under several protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skgenre.displays.axes import make_axes, plain_text
from skgenre.model_selection import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from matplotlib.axes import Axes

    from skgenre._typing import Row
    from skgenre.benchmark import BenchmarkResult

# Shape and filling tell them apart in grey; hollow is what leaks.
_MARKERS = {"segment": "o", "track": "s", "artist": "D", "filtered": "^"}
_COLOURS = {"segment": "white", "track": "#9ecae1", "artist": "#3182bd"}
_COLOURS["filtered"] = "#08306b"
# Between the protocols of a model; models are 1 apart.
_SPACING = 0.16
_LABELS = {
    "segment": "segment: segments shuffled (per segment)",
    "track": "track: whole tracks shuffled",
    "artist": "artist: artists kept apart",
    "filtered": "filtered: given, fault-filtered split",
}


class BenchmarkDisplay:
    """Accuracies of models under several protocols, one line per model.

    The line leads from the protocol that leaks to those that do not: its length is what
    the leak is worth. Whiskers are 95 % intervals, over artists where artists are kept
    apart, else over tracks; under the paper's protocol, whose rows are segments, the
    standard deviation over folds.

    Parameters
    ----------
    summary : list of dict
        `BenchmarkResult.summary`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.
    legend_ : matplotlib.legend.Legend
        What the marks mean.

    Examples
    --------
    >>> from skgenre import BenchmarkDisplay
    >>> row = {"model": "knn", "accuracy_low": 0.4, "accuracy_high": 0.6}
    >>> rows = [{**row, "protocol": "track", "accuracy_mean": 0.5}]
    >>> BenchmarkDisplay(rows).plot().ax_.get_xlabel()
    'Accuracy'
    """

    def __init__(self, summary: Sequence[Row]) -> None:
        self.summary = summary

    @classmethod
    def from_result(
        cls,
        result: BenchmarkResult,
        *,
        chance: float | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw a benchmark's result.

        Parameters
        ----------
        result : BenchmarkResult
            Of one protocol or several.
        chance : float, default=None
            Accuracy of guessing, drawn as a line; None: one over the number of genres.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : BenchmarkDisplay
            The display, drawn on `ax`.
        """
        genres = result.setting.get("n_tracks_per_genre")
        if chance is None and genres:
            chance = 1 / len(genres)
        return cls(result.summary()).plot(chance=chance, ax=ax)

    def plot(self, *, chance: float | None = None, ax: Axes | None = None) -> Self:
        """Draw the accuracies.

        Parameters
        ----------
        chance : float, default=None
            Accuracy of guessing, drawn as a line.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : BenchmarkDisplay
            This display.
        """
        models = list(dict.fromkeys(row["model"] for row in self.summary))
        is_own = ax is None
        ax = make_axes(ax, figsize=(8, 2 + 0.45 * len(models)))
        # The first model on top.
        heights = {model: len(models) - 1 - n for n, model in enumerate(models)}
        points: dict[str, list[tuple[float, float]]] = {model: [] for model in models}
        protocols = {row["protocol"] for row in self.summary}
        protocols = [name for name in PROTOCOLS if name in protocols]
        for number, protocol in enumerate(protocols):
            # Side by side: whiskers of two protocols may overlap.
            shift = _SPACING * ((len(protocols) - 1) / 2 - number)
            drawn = []
            for row in self.summary:
                if row["protocol"] == protocol:
                    mean, below, above = _read_accuracy(row)
                    height = heights[row["model"]] + shift
                    # A model that failed has no mean.
                    if np.isfinite(mean):
                        drawn.append((mean, height, below, above))
                        points[row["model"]].append((mean, height))
            if drawn:
                means, positions, *whiskers = zip(*drawn, strict=True)
                ax.errorbar(
                    means,
                    positions,
                    xerr=np.maximum(0, whiskers),
                    fmt=_MARKERS[protocol],
                    capsize=3,
                    color="black",
                    markerfacecolor=_COLOURS[protocol],
                    markersize=7,
                    elinewidth=1,
                    label=_LABELS[protocol],
                )
        for positions in points.values():
            ax.plot(*np.reshape(positions, (-1, 2)).T, c="0.7", zorder=1)
        if chance is not None:
            ax.axvline(chance, color="0.4", linestyle=":", label="guessing")
        ax.set_yticks(list(heights.values()), list(map(plain_text, heights)))
        ax.set(xlabel="Accuracy", xlim=(0, 1), ylim=(-0.6, len(models) - 0.4))
        ax.grid(axis="x", alpha=0.3)
        if is_own:
            self.legend_ = ax.figure.legend(loc="outside lower center", ncols=2)
        else:
            self.legend_ = ax.legend(fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _read_accuracy(row):
    """Mean, and the lengths of the whiskers to the left and to the right."""
    if row["protocol"] == "segment":
        deviation = row["segment_accuracy_std"]
        return row["segment_accuracy_mean"], deviation, deviation
    mean = row["accuracy_mean"]
    return mean, mean - row["accuracy_low"], row["accuracy_high"] - mean

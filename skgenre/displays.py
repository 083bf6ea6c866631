"""Pictures in scikit-learn's style; matplotlib is imported when one is drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skgenre._io import printable
from skgenre._typing import Audio, Row
from skgenre._validation import check_choice
from skgenre.model_selection import PROTOCOLS
from skgenre.timeline import predict_timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skgenre.benchmark import BenchmarkResult
    from skgenre.features import MFCCExtractor

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

_TITLES = {"accuracy": "Accuracy", "loss": "Loss (cross-entropy)"}
# Told apart in grey by their dashes.
_CURVES = {
    "{}": ("training, per segment", "-"),
    "val_{}": ("validation, per segment", "--"),
    "val_track_{}": ("validation, per track", ":"),
}

# Hours, or minutes, that a track must have for its time to be shown in them.
_MIN_UNITS = 5
# More segments than this would share pixels, of which all but one would be lost.
_MAX_COLUMNS = 400
_MAX_CHARACTERS = 24  # of a line of a name


def make_axes(ax, *, figsize):
    """The given axes, or those of a new figure (inches) whose layout has no overlap."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def plain_text(name):
    """A name as matplotlib shows it: on up to three lines, ``$`` begins no formula.

    Undecodable bytes, as of a genre's folder, are escaped: matplotlib fails on them.
    """
    lines = textwrap.wrap(
        printable(name), _MAX_CHARACTERS, max_lines=3, placeholder="…"
    )
    return "\n".join(lines).replace("$", r"\$")


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
        labels = list(map(plain_text, models))
        n_lines = max((label.count("\n") for label in labels), default=0) + 1
        # Not wider: it is legible on the screen of a phone, too.
        ax = make_axes(ax, figsize=(5.5, 2 + (0.28 + 0.17 * n_lines) * len(models)))
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
        ax.set_yticks(list(heights.values()), labels)
        ax.set(xlabel="Accuracy", xlim=(0, 1), ylim=(-0.6, len(models) - 0.4))
        ax.grid(axis="x", alpha=0.3)
        if is_own:
            self.legend_ = ax.figure.legend(loc="outside lower center")
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


class MFCCDisplay:
    """Coefficients of one track over time, its segments side by side.

    Parameters
    ----------
    mfcc : ndarray of shape (n_segments, n_frames, n_mfcc)
        Features of a track; missing segments (all NaN) are hatched.
    segment_duration : float, default=None
        Seconds of a segment; None counts segments instead.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.
    im_ : matplotlib.image.AxesImage
        The coefficients.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import MFCCDisplay
    >>> MFCCDisplay(np.zeros((10, 130, 13))).plot().ax_.get_ylabel()
    'Coefficient'
    """

    def __init__(
        self, mfcc: ArrayLike, *, segment_duration: float | None = None
    ) -> None:
        self.mfcc = mfcc
        self.segment_duration = segment_duration

    @classmethod
    def from_estimator(
        cls, extractor: MFCCExtractor, audio: Audio, *, ax: Axes | None = None
    ) -> Self:
        """Draw what an extractor gives for a file.

        Parameters
        ----------
        extractor : MFCCExtractor
            Need not be fitted.
        audio : str, Path, binary file or pair (signal, sample_rate)
            Audio file, or audio in memory, as `load_audio` takes it.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : MFCCDisplay
            The display, drawn on `ax`.
        """
        (mfcc,) = extractor.transform([audio])
        return cls(mfcc, segment_duration=extractor.segment_duration).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the coefficients.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : MFCCDisplay
            This display.
        """
        mfcc = np.asarray(self.mfcc)
        if mfcc.ndim != 3:
            raise ValueError(
                "mfcc must have shape (n_segments, n_frames, n_mfcc), the features of "
                f"one track, got {mfcc.shape}."
            )
        n_segments, _, n_mfcc = mfcc.shape
        ax = make_axes(ax, figsize=(8, 3.5))
        duration = self.segment_duration or 1
        # The first coefficient, which follows the loudness, would drown the others.
        limit = np.nanpercentile(np.abs(mfcc[..., min(1, n_mfcc - 1) :]), 99) or 1
        self.im_ = ax.imshow(
            mfcc.reshape(-1, n_mfcc).T,
            aspect="auto",
            cmap="Greys",
            origin="lower",
            vmin=-limit,
            vmax=limit,
            interpolation="nearest",
            extent=(0, n_segments * duration, 0.5, n_mfcc + 0.5),
        )
        # White is a low value, too.
        ax.patch.set(hatch="///", edgecolor="0.8")
        for number in range(1, n_segments):
            ax.axvline(number * duration, color="white", linewidth=1)
        ax.figure.colorbar(self.im_, ax=ax, label="Value (dB, DCT)", extend="both")
        ax.set_ylabel("Coefficient")
        ax.set_xlabel("Segment" if self.segment_duration is None else "Time (s)")
        ax.yaxis.get_major_locator().set_params(integer=True)
        self.ax_, self.figure_ = ax, ax.figure
        return self


class SegmentTimelineDisplay:
    """Probabilities of the genres, segment by segment: the darker, the more probable.

    Parameters
    ----------
    probabilities : ndarray of shape (n_segments, n_classes)
        NaN where the track has no segment.
    classes : sequence of str
        The genres.
    segment_duration : float, default=None
        Seconds of a segment; None counts segments instead.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.
    im_ : matplotlib.image.AxesImage
        The probabilities; of a long track the means of neighbouring segments.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import SegmentTimelineDisplay
    >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6]])
    >>> display = SegmentTimelineDisplay(
    ...     probabilities, ["blues", "rock"], segment_duration=3.0
    ... ).plot()
    >>> display.ax_.get_xlabel()
    'Time (s)'
    """

    def __init__(
        self,
        probabilities: ArrayLike,
        classes: Sequence[str] | NDArray[Any],
        *,
        segment_duration: float | None = None,
    ) -> None:
        self.probabilities = probabilities
        self.classes = classes
        self.segment_duration = segment_duration

    @classmethod
    def from_estimator(
        cls, model: Any, audio: Audio, *, ax: Axes | None = None
    ) -> Self:
        """Draw what a fitted model says of each segment of a file.

        Parameters
        ----------
        model : estimator
            Fitted; predicts genres from paths, as `predict_timeline` takes it.
        audio : str, Path, binary file or pair (signal, sample_rate)
            Audio file, or audio in memory, as `load_audio` takes it; all of it is
            drawn.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : SegmentTimelineDisplay
            The display, drawn on `ax`.
        """
        timeline = predict_timeline(model, audio)
        duration = timeline.end[0] - timeline.start[0]
        display = cls(
            timeline.probabilities, timeline.classes, segment_duration=duration
        )
        return display.plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the probabilities.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : SegmentTimelineDisplay
            This display.
        """
        probabilities = np.asarray(self.probabilities)
        if probabilities.shape[1:] != (len(self.classes),):
            raise ValueError(
                "probabilities must have shape (n_segments, n_classes) = (n_segments, "
                f"{len(self.classes)}), those of one track, got {probabilities.shape}."
            )
        n_segments, n_classes = probabilities.shape
        ax = make_axes(ax, figsize=(7, 1.6 + 0.28 * n_classes))
        end, label = n_segments, "Segment"
        if self.segment_duration is not None:
            duration = n_segments * self.segment_duration
            seconds, unit = 1, "s"
            for larger, name in ((60, "min"), (3600, "h")):
                if duration >= _MIN_UNITS * larger:
                    seconds, unit = larger, name
            end, label = duration / seconds, f"Time ({unit})"
        if n_segments > _MAX_COLUMNS:
            # Each column is the mean of neighbouring segments.
            edges = np.arange(_MAX_COLUMNS + 1) * n_segments // _MAX_COLUMNS
            sums = np.add.reduceat(probabilities, edges[:-1], axis=0)
            probabilities = sums / np.diff(edges)[:, np.newaxis]
        self.im_ = ax.imshow(
            probabilities.T,
            aspect="auto",
            cmap="Greys",
            vmin=0,
            vmax=1,
            interpolation="nearest",
            extent=(0, end, n_classes - 0.5, -0.5),
        )
        ax.figure.colorbar(self.im_, ax=ax, label="Probability")
        ax.set_yticks(range(n_classes), list(map(plain_text, self.classes)))
        ax.set_xlabel(label)
        self.ax_, self.figure_ = ax, ax.figure
        return self

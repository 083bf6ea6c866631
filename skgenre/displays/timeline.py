"""What a model hears along a track."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skgenre.displays.axes import make_axes, plain_text
from skgenre.timeline import predict_timeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from skgenre._typing import StrPath

# Hours, or minutes, that a track must have for its time to be told in them.
MIN_UNITS = 5

# More segments than this would share pixels, of which all but one would be lost.
MAX_COLUMNS = 400


class SegmentTimelineDisplay:
    """Probabilities of the genres, segment by segment; dark is sure.

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
        cls, model: Any, path: StrPath, *, ax: Axes | None = None
    ) -> Self:
        """Draw what a fitted model says of each segment of a file.

        Parameters
        ----------
        model : estimator
            Fitted; predicts genres from paths, as `predict_timeline` takes it.
        path : str or Path
            Audio file; all of it is drawn.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : SegmentTimelineDisplay
            Drawn.
        """
        timeline = predict_timeline(model, path)
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
        n_segments, n_classes = np.shape(self.probabilities)
        ax = make_axes(ax, figsize=(7, 1.6 + 0.28 * n_classes))
        end, label = n_segments, "Segment"
        if self.segment_duration is not None:
            seconds, unit = _choose_unit(n_segments * self.segment_duration)
            end = n_segments * self.segment_duration / seconds
            label = f"Time ({unit})"
        self.im_ = ax.imshow(
            np.transpose(_average_neighbours(self.probabilities)),
            **{"aspect": "auto", "cmap": "Greys", "vmin": 0, "vmax": 1},
            **{"interpolation": "nearest", "extent": (0, end, n_classes - 0.5, -0.5)},
        )
        ax.figure.colorbar(self.im_, ax=ax, label="Probability")
        ax.set_yticks(range(n_classes), list(map(plain_text, self.classes)))
        ax.set_xlabel(label)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _average_neighbours(probabilities):
    """The same of at most MAX_COLUMNS segments, each the mean of some neighbours."""
    n_segments = len(probabilities)
    if n_segments <= MAX_COLUMNS:
        return probabilities
    edges = np.arange(MAX_COLUMNS + 1) * n_segments // MAX_COLUMNS
    sums = np.add.reduceat(np.asarray(probabilities), edges[:-1], axis=0)
    return sums / np.diff(edges)[:, np.newaxis]


def _choose_unit(duration):
    """Seconds of the largest unit that leaves a duration some ticks, and its name."""
    units = ((3600, "h"), (60, "min"))
    fitting = (unit for unit in units if duration >= MIN_UNITS * unit[0])
    return next(fitting, (1, "s"))

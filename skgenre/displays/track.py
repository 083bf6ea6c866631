"""Pictures of one track, segment by segment: its coefficients, its genres."""

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
    from skgenre.features import MFCCExtractor

# Hours, or minutes, that a track must have for its time to be shown in them.
_MIN_UNITS = 5
# More segments than this would share pixels, of which all but one would be lost.
_MAX_COLUMNS = 400


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
        cls, extractor: MFCCExtractor, path: StrPath, *, ax: Axes | None = None
    ) -> Self:
        """Draw what an extractor gives for a file.

        Parameters
        ----------
        extractor : MFCCExtractor
            Need not be fitted.
        path : str or Path
            Audio file.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : MFCCDisplay
            The display, drawn on `ax`.
        """
        (mfcc,) = extractor.transform([path])
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
            The display, drawn on `ax`.
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
        probabilities = np.asarray(self.probabilities)
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

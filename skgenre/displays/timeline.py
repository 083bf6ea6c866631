"""What a model hears along a track."""

import numpy as np

from skgenre.displays.axes import make_axes, plain_text


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
        The probabilities.

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

    def __init__(self, probabilities, classes, *, segment_duration=None):
        self.probabilities = probabilities
        self.classes = classes
        self.segment_duration = segment_duration

    @classmethod
    def from_estimator(cls, model, path, *, ax=None):
        """Draw what a fitted pipeline says of each segment of a file.

        Parameters
        ----------
        model : sklearn.pipeline.Pipeline
            Fitted; begins with an MFCCExtractor and ends with a classifier of tracks.
        path : str or Path
            Audio file.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        display : SegmentTimelineDisplay
            Drawn.
        """
        if not hasattr(model, "steps") or not hasattr(
            model[-1], "predict_segments_proba"
        ):
            raise ValueError(
                "model must be a pipeline that ends with a classifier of tracks, which "
                f"has predict_segments_proba; got {model!r}."
            )
        probabilities = model[-1].predict_segments_proba(model[:-1].transform([path]))
        duration = getattr(model[0], "segment_duration", None)
        display = cls(probabilities[0], model.classes_, segment_duration=duration)
        return display.plot(ax=ax)

    def plot(self, *, ax=None):
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
        end = n_segments * (self.segment_duration or 1)
        self.im_ = ax.imshow(
            np.transpose(self.probabilities),
            **{"aspect": "auto", "cmap": "Greys", "vmin": 0, "vmax": 1},
            **{"interpolation": "nearest", "extent": (0, end, n_classes - 0.5, -0.5)},
        )
        ax.figure.colorbar(self.im_, ax=ax, label="Probability")
        ax.set_yticks(range(n_classes), list(map(plain_text, self.classes)))
        ax.set_xlabel("Segment" if self.segment_duration is None else "Time (s)")
        self.ax_, self.figure_ = ax, ax.figure
        return self

"""The coefficients of a track."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skgenre.displays.axes import make_axes

if TYPE_CHECKING:
    from typing import Self

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from skgenre._typing import StrPath
    from skgenre.features import MFCCExtractor


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
            Drawn.
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
            **{"aspect": "auto", "cmap": "Greys", "origin": "lower"},
            **{"vmin": -limit, "vmax": limit, "interpolation": "nearest"},
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

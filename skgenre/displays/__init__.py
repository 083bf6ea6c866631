"""Pictures in scikit-learn's style; matplotlib is imported when one is drawn."""

from skgenre.displays.benchmark import BenchmarkDisplay
from skgenre.displays.history import TrainingHistoryDisplay
from skgenre.displays.track import MFCCDisplay, SegmentTimelineDisplay

__all__ = [
    "BenchmarkDisplay",
    "MFCCDisplay",
    "SegmentTimelineDisplay",
    "TrainingHistoryDisplay",
]

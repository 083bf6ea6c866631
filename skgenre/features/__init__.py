"""Transformers of tracks."""

from skgenre.features.extractor import WORKINGS, MFCCExtractor
from skgenre.features.scaler import MFCCScaler
from skgenre.features.statistics import SegmentStatistics, TrackStatistics

__all__ = [
    "WORKINGS",
    "MFCCExtractor",
    "MFCCScaler",
    "SegmentStatistics",
    "TrackStatistics",
]

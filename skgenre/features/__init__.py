"""Transformers of tracks."""

from skgenre.features.extractor import EXECUTION_PARAMETERS, MFCCExtractor
from skgenre.features.scaler import MFCCScaler
from skgenre.features.statistics import SegmentStatistics, TrackStatistics

__all__ = [
    "EXECUTION_PARAMETERS",
    "MFCCExtractor",
    "MFCCScaler",
    "SegmentStatistics",
    "TrackStatistics",
]

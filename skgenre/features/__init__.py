"""Transformers of tracks."""

from skgenre.features.extractor import MFCCExtractor
from skgenre.features.scaler import MFCCScaler
from skgenre.features.statistics import SegmentStatistics, TrackStatistics

__all__ = ["MFCCExtractor", "MFCCScaler", "SegmentStatistics", "TrackStatistics"]

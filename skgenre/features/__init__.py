"""The extractor, the transformers of its features, and the engine behind it."""

from skgenre.features.analysis import Analysis
from skgenre.features.base import (
    EXECUTION_PARAMETERS,
    BaseSegmentExtractor,
    list_extractors,
)
from skgenre.features.embedding import MusicnnEmbedding
from skgenre.features.extractor import MFCCExtractor
from skgenre.features.feature_store import CACHE_KEYS, FeatureStore
from skgenre.features.scaler import MFCCScaler
from skgenre.features.statistics import SegmentStatistics, TrackStatistics

__all__ = [
    "CACHE_KEYS",
    "EXECUTION_PARAMETERS",
    "Analysis",
    "BaseSegmentExtractor",
    "FeatureStore",
    "MFCCExtractor",
    "MFCCScaler",
    "MusicnnEmbedding",
    "SegmentStatistics",
    "TrackStatistics",
    "list_extractors",
]

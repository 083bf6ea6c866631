"""Protocols and splitters of tracks, and groups that must stay together."""

from skgenre.model_selection.protocols import (
    PROTOCOLS,
    explode_segments,
    find_untrained_genres,
    make_splitter,
)
from skgenre.model_selection.replicas import merge_replicas
from skgenre.model_selection.splitters import FilteredSplit

__all__ = [
    "PROTOCOLS",
    "FilteredSplit",
    "explode_segments",
    "find_untrained_genres",
    "make_splitter",
    "merge_replicas",
]

"""Loaders and makers of tracks: each returns the same Bunch."""

from skgenre.datasets._tracks import digest_tracks, find_audio_files, join_tracks
from skgenre.datasets.genre_folder import load_genre_folder
from skgenre.datasets.genre_tracks import make_genre_tracks
from skgenre.datasets.gtzan import fetch_gtzan, load_gtzan_features
from skgenre.datasets.mfcc_files import (
    load_mfcc_json,
    load_mfcc_npz,
    save_mfcc_json,
    save_mfcc_npz,
)
from skgenre.datasets.tagged_folder import load_tagged_folder
from skgenre.datasets.track_table import load_track_table

__all__ = [
    "digest_tracks",
    "fetch_gtzan",
    "find_audio_files",
    "join_tracks",
    "load_genre_folder",
    "load_gtzan_features",
    "load_mfcc_json",
    "load_mfcc_npz",
    "load_tagged_folder",
    "load_track_table",
    "make_genre_tracks",
    "save_mfcc_json",
    "save_mfcc_npz",
]

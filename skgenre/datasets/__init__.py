"""Loaders of tracks: each returns the same Bunch."""

from skgenre.datasets._bunch import join_tracks
from skgenre.datasets.genre_folder import load_genre_folder
from skgenre.datasets.genre_tracks import make_genre_tracks

__all__ = ["join_tracks", "load_genre_folder", "make_genre_tracks"]

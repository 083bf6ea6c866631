"""Trained models as files that travel, and that can be read without trusting them."""

from skgenre.persistence.archive import ModelFileError
from skgenre.persistence.model_file import load, save
from skgenre.persistence.model_info import read_model_info

__all__ = ["ModelFileError", "load", "read_model_info", "save"]

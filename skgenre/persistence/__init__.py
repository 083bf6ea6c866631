"""Trained models as files that travel, and that can be read without trusting them."""

from skgenre.persistence.archive import ModelFileError
from skgenre.persistence.model_file import load_model, save_model
from skgenre.persistence.model_info import read_model_info

__all__ = ["ModelFileError", "load_model", "read_model_info", "save_model"]

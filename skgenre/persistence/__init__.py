"""Save trained models in files that can be loaded without trusting them."""

from skgenre.persistence.archive import ModelFileError, read_model_info
from skgenre.persistence.model_file import load_model, save_model

__all__ = ["ModelFileError", "load_model", "read_model_info", "save_model"]

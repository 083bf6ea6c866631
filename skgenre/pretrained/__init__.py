"""Networks that others trained on much more music: weights and what they compute."""

from skgenre.pretrained.tags import TAGS
from skgenre.pretrained.weights import MODELS, fetch_musicnn, load_weights

__all__ = ["MODELS", "TAGS", "fetch_musicnn", "load_weights"]

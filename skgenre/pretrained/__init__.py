"""Networks that others trained on much more music: weights and what they compute."""

from skgenre.pretrained.tags import TAGS
from skgenre.pretrained.weights import MODELS, load_weights

__all__ = ["MODELS", "TAGS", "load_weights"]

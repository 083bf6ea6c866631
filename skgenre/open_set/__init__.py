"""Music of no known genre, and how far a probability can be trusted."""

from skgenre.open_set.rejection import OpenSetClassifier
from skgenre.open_set.temperature import TemperatureScaledClassifier

__all__ = ["OpenSetClassifier", "TemperatureScaledClassifier"]

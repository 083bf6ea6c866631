"""What a model from a stranger's file may cost: time and memory of a prediction.

All bounds are far from any model that is trained to tell genres, and low enough that
the first prediction, of a track of 30 s, ends within seconds.
"""

import numpy as np

from skgenre.features import BaseSegmentExtractor
from skgenre.networks import WEIGHT_LISTS, check_weights
from skgenre.persistence.archive import RefusalError
from skgenre.training import TrainedNetwork

# What a first prediction costs, in microseconds, of each object, once references are
# unfolded: one estimator that stands in a list a million times predicts as often.
DEFAULT_WORK = 500
OBJECT_WORK = {
    "skgenre.MFCCExtractor": 150_000,
    "skgenre.MusicnnEmbedding": 350_000,
    "skgenre.training.TrainedNetwork": 10_000,
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor": 100,
    "sklearn.neighbors.KNeighborsClassifier": 10_000,
    "sklearn.tree.DecisionTreeClassifier": 100,
    "sklearn.tree.DecisionTreeRegressor": 100,
    "sklearn.tree.ExtraTreeClassifier": 100,
}
NODE_WORK = 2
WORK_PER_BYTE = 0.01
# Three seconds, and twice what the arrays take.
MAX_WORK = 3_000_000
MAX_UNFOLDING = 2

MAX_N_CLASSES = 10_000
# A vote counts up to the highest label that there is.
MAX_LABEL = 1 << 24
_NUMBERS_OF_CLASSES = ("n_outputs_", "n_trees_per_iteration_")

# Arrays of weights of all different networks together: to compile takes 10 to 50 ms for
# each, and three times as long for each lag.
MAX_WEIGHT_ARRAYS = 100


def check_work(work, *, n_bytes):
    """Refuse a model, of so many bytes, that would take too long to predict with."""
    allowed = MAX_WORK + MAX_UNFOLDING * WORK_PER_BYTE * n_bytes
    if work > allowed:
        raise RefusalError(
            f"to predict may take {work / 1e6:.3g} s, more than {allowed / 1e6:.3g} s: "
            "it has too many objects, or some that are referred to too often"
        )


def check_costs(part):
    """Refuse an object that takes more than its share of time or memory."""
    if isinstance(part, BaseSegmentExtractor):
        part._check_costs()
    elif isinstance(part, TrainedNetwork):
        check_weights(part.weights, part.architecture)
    attributes = getattr(part, "__dict__", {})
    for name in ("classes_", "constant", "y_"):
        labels = np.asarray(attributes.get(name))
        if labels.dtype.kind in "iuf" and (labels > MAX_LABEL).any():
            raise ValueError(
                f"a {type(part).__name__} has labels above {MAX_LABEL}: as texts, they "
                "could be saved"
            )
    if "classes_" in attributes:
        # Scikit-learn allocates as many probabilities as these numbers say.
        n_classes = len(part.classes_)
        numbers = [attributes.get(name, 0) for name in _NUMBERS_OF_CLASSES]
        if max(numbers) > n_classes or n_classes > MAX_N_CLASSES:
            raise ValueError(
                f"a {type(part).__name__} of {n_classes} classes, for {max(numbers)}"
            )


def check_networks(parts):
    """Refuse a model whose own networks differ so much that they compile for long."""
    n_arrays = {}
    for part in parts:
        if isinstance(part, TrainedNetwork) and part.architecture.build in WEIGHT_LISTS:
            n_lags = len(part.architecture.parameters.get("lags", ()))
            n_arrays[part.architecture.key] = len(part.weights) + 3 * n_lags
    if sum(n_arrays.values()) > MAX_WEIGHT_ARRAYS:
        raise ValueError(
            f"its {len(n_arrays)} different networks have {sum(n_arrays.values())} "
            f"arrays of weights, expected at most {MAX_WEIGHT_ARRAYS}"
        )

"""What a model from a stranger's file may cost: time and memory of a prediction.

All bounds are far from any model that is trained to tell genres, and low enough that
the first prediction, of a track of 30 s, ends within seconds.
"""

import math

from skgenre.features import MFCCExtractor
from skgenre.networks import WEIGHT_LISTS
from skgenre.persistence.archive import RefusalError
from skgenre.training import TrainedNetwork

# What a first prediction costs, in microseconds, of each object, once references are
# unfolded: one estimator that stands in a list a million times predicts as often.
DEFAULT_WORK = 500
OBJECT_WORK = {
    "skgenre.MFCCExtractor": 150_000,
    "skgenre.training.TrainedNetwork": 10_000,
    "sklearn.neighbors.KNeighborsClassifier": 10_000,
    "sklearn.tree.DecisionTreeClassifier": 100,
    "sklearn.tree.ExtraTreeClassifier": 100,
}
NODE_WORK = 2
BYTES_PER_WORK = 100
# Three seconds; a file of 10 MB may take one more.
MAX_WORK = 3_000_000
WORK_PER_BYTE = 0.1

MAX_N_CLASSES = 10_000
_NUMBERS_OF_CLASSES = ("n_classes_", "n_outputs_", "n_trees_per_iteration_")

# Of an extractor, as `_check_extractor` names them. The first takes 0.27 s for a track
# of 30 s (default: 195,000), the second 100 MB (328,000), the third ten times as many
# predictions as segments of one second, the last 33 MB (16,900).
MAX_COSTS = (3e6, 2**23, 10, 2**23)
# Of a network of ours, for one segment; the largest default has 4,500,000 and 49,152.
MAX_MULTIPLICATIONS = 2**29
MAX_LAYER_OUTPUTS = 2**21
# Of all networks that differ: to compile takes 10 to 50 ms for an array of weights, and
# three times as long for each lag.
MAX_WEIGHT_ARRAYS = 100


def check_work(work, *, n_bytes):
    """Refuse a model that would work too long for a file of `n_bytes`."""
    allowed = MAX_WORK + WORK_PER_BYTE * n_bytes
    if work > allowed:
        raise RefusalError(
            f"to predict may take {work / 1e6:.3g} s, expected at most "
            f"{allowed / 1e6:.3g} s for a file of {n_bytes} bytes: it has too many "
            "objects, or some that are referred to too often"
        )


def check_costs(part):
    """Refuse an object that takes more than its share of time or memory."""
    if isinstance(part, MFCCExtractor):
        _check_extractor(part)
    elif isinstance(part, TrainedNetwork):
        _check_weights(part.weights, part.architecture)
    attributes = getattr(part, "__dict__", {})
    if "classes_" in attributes:
        n_classes = len(part.classes_)
        # Scikit-learn allocates as many probabilities as these numbers say.
        numbers = [attributes.get(name, n_classes) for name in _NUMBERS_OF_CLASSES]
        if not max(numbers) <= n_classes <= MAX_N_CLASSES:
            raise ValueError(
                f"its {type(part).__name__} has {n_classes} classes, expected "
                f"{max(numbers)}, and at most {MAX_N_CLASSES}"
            )


def _check_extractor(extractor):
    """Refuse parameters that cost too much for any one track.

    Those of a stranger's file decide what a prediction costs.
    """
    n_fft, n_mels, n_mfcc = extractor.n_fft, extractor.n_mels, extractor.n_mfcc
    frame_rate = extractor.sample_rate / extractor.hop_length
    n_frames = (extractor.n_segments or 0) * (
        1 + frame_rate * extractor.segment_duration
    )
    costs = {
        "sample_rate / hop_length * (n_fft + n_mels * (16 + n_mfcc / 4))": (
            frame_rate * (n_fft + n_mels * (16 + n_mfcc / 4))
        ),
        "n_mels * (n_fft + 4 * n_mels)": n_mels * (n_fft + 4 * n_mels),
        "1 / segment_duration": 1 / extractor.segment_duration,
        "n_segments * n_frames * n_mfcc": n_frames * n_mfcc,
    }
    for (name, found), allowed in zip(costs.items(), MAX_COSTS, strict=True):
        if found > allowed:
            raise ValueError(
                f"{name} of an MFCCExtractor in a model file must be at most "
                f"{allowed:.3g}, got {found:.3g}"
            )


def _check_weights(weights, architecture):
    """Refuse arrays that are not those of the network that would be built for them.

    Keras allocates whatever the parameters say before it compares any shapes.
    """
    if architecture.build not in WEIGHT_LISTS and not architecture.is_own:
        return
    list_weights = WEIGHT_LISTS[architecture.build]
    shape, n_classes = architecture.input_shape, architecture.n_classes
    listed = [*list_weights(shape, n_classes, **architecture.parameters)]
    if [array.shape for array in weights] != [shape for shape, _ in listed]:
        raise ValueError("the weights of a network are not those of its architecture")
    n_multiplications = sum(n * math.prod(shape) for shape, n in listed)
    n_outputs = max(n * shape[-1] for shape, n in listed)
    if n_multiplications > MAX_MULTIPLICATIONS or n_outputs > MAX_LAYER_OUTPUTS:
        raise ValueError(
            f"a network takes {n_multiplications} multiplications per segment and "
            f"{n_outputs} outputs of a layer, expected at most {MAX_MULTIPLICATIONS} "
            f"and {MAX_LAYER_OUTPUTS}"
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

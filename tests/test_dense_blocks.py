"""Tests of training whose numbers do not depend on the number of threads."""

import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgenre.training.dense_blocks import multiply_in_blocks

SCRIPT = """
import hashlib, json, sys
import numpy as np, tensorflow as tf
from skgenre import *

tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[1]))
rng = np.random.default_rng(0)
X = rng.normal(size=(4, 9, 130, 13)).astype(np.float32)
y = np.arange(4) % 2
digests = {}
for name, model in {
    "mlp": MLPGenreClassifier(l2=0.001),
    "mlp, few rows": MLPGenreClassifier(hidden_layer_sizes=(1000, 700), batch_size=7),
    "mlp-regularized": MLPGenreClassifier(l2=0.001, dropout=0.3),
    "cnn": CNNGenreClassifier(),
    "cnn, few rows": CNNGenreClassifier(filters=(32,), kernel_sizes=((3, 3),)),
    "cnn-same": CNNGenreClassifier(filters=(8, 8, 8), padding="same"),
    "covariance": CovarianceGenreClassifier(lags=(1,)),
    "lstm": LSTMGenreClassifier(units=(16,)),
}.items():
    rows = X[:2, :, :56] if "few rows" in name else X
    model.set_params(epochs=2, learning_rate=1e-3, random_state=0)
    model.fit(rows, y[: len(rows)])
    arrays = [*model.network_.weights, model.predict_proba(rows)]
    data = b"".join(array.tobytes() for array in arrays)
    digests[name] = hashlib.sha256(data).hexdigest()
print(json.dumps(digests))
"""


def test_fits_and_predictions_do_not_depend_on_the_number_of_threads():
    processes = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, n], stdout=subprocess.PIPE)
        for n in ("1", "4")
    ]
    outputs = [process.communicate()[0] for process in processes]
    one, four = [json.loads(output.splitlines()[-1]) for output in outputs]
    assert one == four


# One block; blocks that divide the size; 1699 is a prime, and padded.
@pytest.mark.parametrize("size", [1, 256, 1690, 1699])
@pytest.mark.parametrize("n_rows", [3, 8])
def test_product_in_blocks_is_the_product(size, n_rows):
    rng = np.random.default_rng(0)
    left = rng.normal(size=(n_rows, size)).astype(np.float32)
    right = rng.normal(size=(size, 9)).astype(np.float32)
    product = multiply_in_blocks(left, right)
    assert_allclose(product, left.astype(float) @ right, atol=1e-4)

"""Features larger than the memory that there is, memory-mapped."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgenre import MFCCExtractor, MLPGenreClassifier

# Of 200 MB of features; what is left for everything else is less.
SCRIPT = """
import re, resource, sys
from pathlib import Path
import numpy as np
from skgenre import MLPGenreClassifier, TrackStatistics

X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 2
model = MLPGenreClassifier(hidden_layer_sizes=(4,), epochs=1, early_stopping=True)
model.fit(X[:400], y[:400]).predict(X[:400])
size = re.search(r"VmSize:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
limit = int(size) * 1024 + 150_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
statistics = TrackStatistics(statistics=("mean",)).fit_transform(X)
print(len(model.fit(X, y).predict(X)), len(statistics))
np.array(X)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")
def test_a_network_trains_on_features_that_do_not_fit_into_memory(tmp_path):
    shape = (3000, 10, 130, 13)
    # Zeros that nobody writes take no room on the disk.
    X = np.lib.format.open_memmap(
        tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=shape
    )
    X[5, 7:] = np.nan
    X.flush()
    command = [sys.executable, "-c", SCRIPT, tmp_path / "X.npy"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.split() == ["3000", "3000"], result.stderr
    assert "Unable to allocate 193. MiB" in result.stderr


def test_training_on_a_mapped_array_changes_nothing(made_tracks, tmp_path):
    model = MLPGenreClassifier(
        hidden_layer_sizes=(8,), epochs=2, early_stopping=True, random_state=0
    )
    probabilities = []
    for folder in (None, tmp_path):
        extractor = MFCCExtractor(n_segments=3, mmap_dir=folder)
        X = extractor.transform(made_tracks.paths)
        probabilities.append(model.fit(X, made_tracks.target).predict_proba(X))
    assert_array_equal(*probabilities)


def test_blocks_of_prediction_change_no_number(monkeypatch, features):
    X, y = features
    model = MLPGenreClassifier(hidden_layer_sizes=(8,), epochs=2).fit(X, y)
    expected = model.predict_segments_proba(X)
    monkeypatch.setattr("skgenre._blocks.MAX_BLOCK_BYTES", 1)
    assert_array_equal(model.predict_segments_proba(X), expected)

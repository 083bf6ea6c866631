"""
Comparing protocols: the effect of leakage
==========================================

This example splits the same tracks in three ways and evaluates the same models. If
segments are shuffled, segments of one track are in both the training and the test set.
If tracks are shuffled, tracks of one artist are in both. Only the third protocol,
``artist``, measures how good a model is on music by new artists.
"""

import tempfile

import matplotlib.pyplot as plt

from skgenre import BenchmarkDisplay, make_genre_tracks, run_benchmark

data = make_genre_tracks(
    tempfile.mkdtemp(),
    n_genres=4,
    n_tracks_per_genre=12,
    n_artists_per_genre=3,
    duration=15.0,
    random_state=0,
)
result = run_benchmark(
    ["logistic", "forest", "knn"],
    data,
    protocols=("segment", "track", "artist"),
    n_splits=3,
)
print(result)

# %%
# The line from the hollow circle to the filled diamond shows the effect of the leakage.

BenchmarkDisplay.from_result(result)
plt.show()

# %%
# The models are the same in all rows; only the split differs. To use these protocols in
# ``cross_val_score``, call :func:`~skgenre.model_selection.make_splitter`.

for row in result.summary():
    score = "segment_accuracy" if row["protocol"] == "segment" else "accuracy"
    print(f"{row['model']:9} {row['protocol']:7} {row[score + '_mean']:.2f}")

"""
Three ways to split, three accuracies
=====================================

The same models on the same tracks, split in three ways. Shuffled segments put pieces of
one track on both sides, shuffled tracks pieces of one artist's work. Only the last says
how good a model is on music by artists whom it has never heard.
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
# The line from the hollow circle to the filled diamond is what the leak is worth.

BenchmarkDisplay.from_result(result)
plt.show()

# %%
# Nothing about a model changed: only what was kept apart. With splitters of your own,
# or in ``cross_val_score``, the same protocols are in
# :func:`~skgenre.model_selection.make_splitter`.

for row in result.summary():
    score = "segment_accuracy" if row["protocol"] == "segment" else "accuracy"
    print(f"{row['model']:9} {row['protocol']:7} {row[score + '_mean']:.2f}")

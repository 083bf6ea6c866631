"""
Quick start: comparing models
=============================

This example cross-validates four models and shows their accuracies as a table and as a
figure. It uses synthetic tracks. For your own music, call
``load_genre_folder("music")`` on a folder with one sub-folder per genre.
"""

import tempfile

import matplotlib.pyplot as plt

from skgenre import make_genre_tracks, run_benchmark

folder = tempfile.mkdtemp()
data = make_genre_tracks(
    folder, n_genres=4, n_tracks_per_genre=9, duration=12.0, random_state=0
)
print(data.DESCR)

# %%
# All models use the same folds. The folds consist of whole tracks, so no segment of a
# test track is in the training set.

models = ["covariance", "logistic", "knn", "dummy"]
result = run_benchmark(models, data, n_splits=3, epochs=40)
print(result)

# %%
# The bars show the mean over folds, and the lines one standard deviation in each
# direction.

rows = result.summary()
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.barh(
    [row["model"] for row in rows],
    [row["accuracy_mean"] for row in rows],
    xerr=[row["accuracy_std"] for row in rows],
    color="0.7",
    ecolor="0.2",
)
ax.axvline(1 / len(data.target_names), color="0.2", linestyle=":", label="chance")
ax.set(xlabel="accuracy per track", xlim=(0, 1))
ax.invert_yaxis()
ax.legend()
plt.show()

"""
Tuning features and a network with a grid search
================================================

This example searches parameters of the feature extraction and of the network together.
With ``cache_dir``, each file is analysed only once per set of extraction parameters,
whatever the number of folds and candidates.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skgenre import MFCCExtractor, MFCCScaler, MLPGenreClassifier, make_genre_tracks

folder = Path(tempfile.mkdtemp())
data = make_genre_tracks(
    folder, n_genres=3, n_tracks_per_genre=8, duration=9.0, random_state=0
)

# %%
# The networks of the paper take raw coefficients. On small data sets they learn faster
# from standardised coefficients and with a larger learning rate.

pipe = make_pipeline(
    MFCCExtractor(n_segments=3, cache_dir=folder / "features"),
    MFCCScaler(),
    MLPGenreClassifier(learning_rate=1e-3, epochs=8, random_state=0),
)
search = GridSearchCV(
    pipe,
    {
        "mfccextractor__n_mfcc": [5, 13],
        "mlpgenreclassifier__hidden_layer_sizes": [(32,), (64, 32)],
    },
    cv=2,
)
search.fit(data.paths, data.target)
print(search.best_params_)

# %%
# Each analysis of a file is stored as one small array in the feature store.

n_entries = len(list((folder / "features").glob("*/*.npy")))
print(f"{n_entries} analyses for {len(data.paths)} tracks and two values of n_mfcc")

# %%
# The figure shows the mean accuracy of each candidate.

labels = [
    f"{p['mfccextractor__n_mfcc']} coefficients,\n"
    f"layers {p['mlpgenreclassifier__hidden_layer_sizes']}"
    for p in search.cv_results_["params"]
]
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.barh(labels, search.cv_results_["mean_test_score"], color="0.7")
ax.set(xlabel="accuracy per track", xlim=(0, 1))
plt.show()

"""
Testing whether one model is better than another
================================================

With a few dozen tracks, the highest of several mean accuracies is often due to chance.
A benchmark reports a confidence interval for each accuracy. It calls one model better
than another only if a significance test says so. The test takes into account that folds
share training tracks.
"""

import tempfile

import matplotlib.pyplot as plt

from skgenre import BenchmarkDisplay, make_genre_tracks, make_model, run_benchmark

data = make_genre_tracks(
    tempfile.mkdtemp(),
    n_genres=4,
    n_tracks_per_genre=12,
    n_artists_per_genre=4,
    duration=12.0,
    random_state=1,
)
models = {
    "covariance": make_model("covariance"),
    "logistic": make_model("logistic"),
    "one neighbour": make_model("knn", n_neighbors=1),
    "guess": make_model("dummy"),
}
result = run_benchmark(models, data, protocols=("artist",), n_splits=4)
print(result)

# %%
# The whiskers are 95 % confidence intervals. Artists are kept apart, and predictions
# for tracks of the same artist are correlated, so each artist counts as one
# observation.

BenchmarkDisplay.from_result(result)
plt.show()

# %%
# The models are compared by the corrected resampled t-test of Nadeau and Bengio, with
# Holm's correction for the number of pairs.

for pair in result.compare():
    verdict = pair["better"] or "neither is shown to be better"
    print(f"{pair['first']} or {pair['second']}: {verdict} (p = {pair['p_value']:.2f})")

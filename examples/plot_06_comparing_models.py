"""
Is one model better than another?
=================================

With some dozens of tracks the best of three means is often luck. A benchmark gives each
accuracy an interval, and calls a model better only where a test that knows that folds
share training tracks says so.
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
    "covariance": make_model("covariance", epochs=40),
    "logistic": make_model("logistic"),
    "one neighbour": make_model("knn", n_neighbors=1),
    "guess": make_model("dummy"),
}
result = run_benchmark(models, data, protocols=("artist",), n_splits=4)
print(result)

# %%
# Whiskers are 95 % intervals. Artists are kept apart, so an artist is one observation:
# the tracks of an artist are right or wrong together.

BenchmarkDisplay.from_result(result)
plt.show()

# %%
# The corrected resampled t-test of Nadeau and Bengio, with Holm's correction for the
# number of pairs.

for pair in result.compare():
    verdict = pair["better"] or "neither is shown to be better"
    print(f"{pair['first']} or {pair['second']}: {verdict} (p = {pair['p_value']:.2f})")

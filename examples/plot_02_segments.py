"""
Tracks, segments, frames and coefficients
=========================================

A track is cut into equal segments. Each segment consists of frames, and each frame is
described by coefficients. The array has the shape
``(n_tracks, n_segments, n_frames, n_mfcc)``: each track remains one row.
"""

import tempfile

import matplotlib.pyplot as plt
import numpy as np

from skgenre import MFCCDisplay, MFCCExtractor, make_genre_tracks

data = make_genre_tracks(
    tempfile.mkdtemp(), n_genres=4, n_tracks_per_genre=3, duration=13.0, random_state=0
)
extractor = MFCCExtractor(n_segments=5)
X = extractor.transform(data.paths)
print(X.shape)

# %%
# Thirteen seconds give four segments of three seconds. The fifth segment is missing in
# every track, so it is NaN. All later steps ignore it.

print("missing:", np.isnan(X).all(axis=(2, 3))[0])

# %%
# White lines separate the segments. Missing segments are hatched.

fig, axes = plt.subplots(2, figsize=(6.4, 4.8), layout="constrained", sharex=True)
for ax, genre in zip(axes, ["ballad", "funk"], strict=True):
    path = data.paths[data.target == genre][0]
    MFCCDisplay.from_estimator(extractor, path, ax=ax)
    ax.set_title(genre)
    ax.label_outer()
plt.show()

# %%
# One segment has 130 frames, 23 ms apart, of 13 coefficients each.

segment = X[0, 0]
print(segment.shape, "one frame every", round(512 / 22050 * 1000), "ms")

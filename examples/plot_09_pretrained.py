"""
Features of a network trained on other music
============================================

:class:`~skgenre.MusicnnEmbedding` computes features of each segment with a network that
others have trained to tag music. Its weights are not in the package: ``pip install
--no-deps musicnn==0.1.0`` brings them. Without them, this example prints that line and
draws nothing.
"""

import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from skgenre import MusicnnEmbedding, make_genre_tracks

# %%
# The networks were trained on recordings. Here they are given synthetic tracks of three
# genres.

data = make_genre_tracks(
    tempfile.mkdtemp(), n_genres=3, n_tracks_per_genre=10, random_state=0
)
try:
    tags = MusicnnEmbedding(layer="tags").fit(data.paths)
except FileNotFoundError as error:
    print("Not run:", error)
    tags = None

# %%
# The picture shows the likeliest tags: mean likelihoods over the tracks of a genre and
# their segments.

if tags is not None:
    likelihoods = np.nanmean(tags.transform(data.paths), axis=(1, 2))
    means = [
        likelihoods[data.target == genre].mean(axis=0) for genre in data.target_names
    ]
    shown = np.argsort(np.max(means, axis=0))[::-1][:12]
    plt.figure(figsize=(7, 3))
    plt.imshow(np.array(means)[:, shown], cmap="Greys")
    plt.xticks(range(12), np.array(tags.tag_names_)[shown], rotation=60, ha="right")
    plt.yticks(range(3), data.target_names)
    plt.colorbar(label="mean likelihood")
    plt.tight_layout()

# %%
# The layer before the tags has 200 features. The next picture shows their means over
# the segments of each track, reduced to two dimensions.

if tags is not None:
    embedding = MusicnnEmbedding().transform(data.paths)
    points = PCA(2).fit_transform(np.nanmean(embedding, axis=(1, 2)))
    figure, ax = plt.subplots()
    for genre, marker in zip(data.target_names, "osD", strict=True):
        ax.scatter(*points[data.target == genre].T, marker=marker, label=genre)
    ax.legend()
    ax.set(xlabel="first component", ylabel="second component")

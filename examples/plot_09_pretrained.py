"""
Features of a network that has heard more music
===============================================

A network that others trained to tag music makes features of each segment
(:class:`~skgenre.MusicnnEmbedding`). Its weights are not in the package: ``pip install
--no-deps musicnn==0.1.0`` brings them. Where they are missing, this example prints that
line and draws nothing.
"""

import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from skgenre import MusicnnEmbedding, make_genre_tracks

# %%
# The networks were trained on recordings; here they hear synthetic tracks of three
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
# The tags that the network finds likeliest: the mean over a genre's tracks and their
# segments.

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
# The layer before the tags holds more than these. Its 200 features, as means of each
# track's segments, in two dimensions:

if tags is not None:
    embedding = MusicnnEmbedding().transform(data.paths)
    points = PCA(2).fit_transform(np.nanmean(embedding, axis=(1, 2)))
    figure, ax = plt.subplots()
    for genre, marker in zip(data.target_names, "osD", strict=True):
        ax.scatter(*points[data.target == genre].T, marker=marker, label=genre)
    ax.legend()
    ax.set(xlabel="first component", ylabel="second component")

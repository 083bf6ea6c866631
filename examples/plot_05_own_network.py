"""
A network of one's own
======================

A function that builds a Keras network is enough. Its parameters become parameters of
the classifier, ``build__name``, for pipelines and searches.
"""

import tempfile

import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from skgenre import (
    KerasGenreClassifier,
    MFCCExtractor,
    MFCCScaler,
    TrainingHistoryDisplay,
    make_genre_tracks,
)


def build_separable(input_shape, n_classes, filters=32, dropout=0.2):
    """Convolve over time, then take the mean over it."""
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input(input_shape),
            layers.SeparableConv1D(filters, 5, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dropout(dropout),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


data = make_genre_tracks(
    tempfile.mkdtemp(), n_genres=4, n_tracks_per_genre=9, duration=9.0, random_state=0
)
network = KerasGenreClassifier(
    build_separable,
    build__filters=48,
    learning_rate=0.01,
    epochs=30,
    early_stopping=True,
    validation_fraction=0.25,
    random_state=0,
)
model = make_pipeline(MFCCExtractor(n_segments=3), MFCCScaler(), network)
model.fit(data.paths, data.target)

# %%
# So does a notebook show a model: its steps with their parameters, a link to the
# documentation of each, and whether it is fitted.
#
# Early stopping held out whole tracks, never some segments of a track that it trains
# on: the two lower curves are of tracks that the network has not heard.

TrainingHistoryDisplay.from_estimator(model[-1])
plt.show()

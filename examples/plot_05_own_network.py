"""
Training your own Keras network
===============================

Write a function that builds a Keras network and pass it to ``KerasGenreClassifier``.
The parameters of the function become parameters ``build__name`` of the classifier,
which you can set in pipelines and searches.
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
# Notebooks display a model as above: its steps with their parameters, a link to the
# documentation of each step, and whether it is fitted.
#
# Early stopping holds out whole tracks as a validation set, so no segment of them is in
# the training set. The next figure shows the curves of the training and the validation
# set.

TrainingHistoryDisplay.from_estimator(model[-1])
plt.show()

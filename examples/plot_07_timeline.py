"""
What a model hears along a recording
====================================

A classifier of tracks answers for each segment, too: where in a recording which genre
is heard. Here two tracks are joined into one recording.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenre import (
    MFCCExtractor,
    SegmentPoolingClassifier,
    SegmentStatistics,
    SegmentTimelineDisplay,
    load_audio,
    make_genre_tracks,
    predict_timeline,
)

folder = Path(tempfile.mkdtemp())
data = make_genre_tracks(
    folder, n_genres=4, n_tracks_per_genre=10, duration=24.0, random_state=0
)
model = make_pipeline(
    MFCCExtractor(n_segments=8),
    SegmentStatistics(),
    SegmentPoolingClassifier(
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    ),
)

# %%
# The last track of each genre is kept from training.

is_last = np.append(data.target[1:] != data.target[:-1], True)
model.fit(data.paths[~is_last], data.target[~is_last])
unheard = dict(zip(data.target[is_last], data.paths[is_last], strict=True))

# %%
# A ballad of 24 seconds, then disco: the model turns over where the music does.

signals = [load_audio(unheard[genre]) for genre in ("ballad", "disco")]
soundfile.write(folder / "joined.wav", np.concatenate(signals), 22050)
SegmentTimelineDisplay.from_estimator(model, folder / "joined.wav")
plt.show()

# %%
# The same as numbers.

predict_timeline(model, folder / "joined.wav").to_frame().round(2)

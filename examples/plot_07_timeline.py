"""
Predicting genres along a recording
===================================

A classifier of tracks also predicts the genre of each segment. You can use it to find
which genre occurs at which time of a recording. In this example, two tracks are joined
into one recording.
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
# The last track of each genre is held out.

is_last = np.append(data.target[1:] != data.target[:-1], True)
model.fit(data.paths[~is_last], data.target[~is_last])
unheard = dict(zip(data.target[is_last], data.paths[is_last], strict=True))

# %%
# The recording is a ballad of 24 seconds, followed by disco. The predicted genre
# changes at the same time as the music.

signals = [load_audio(unheard[genre]) for genre in ("ballad", "disco")]
soundfile.write(folder / "joined.wav", np.concatenate(signals), 22050)
SegmentTimelineDisplay.from_estimator(model, folder / "joined.wav")
plt.show()

# %%
# The same probabilities as a table:

predict_timeline(model, folder / "joined.wav").to_frame().round(2)

"""
One song in six formats
=======================

Many collections have WAV, FLAC, MP3 and m4a files. How much do the features of a song,
and the genre that is predicted, depend on the format? This example needs PyAV (``pip
install 'skgenre[ffmpeg]'``), which writes and reads m4a.
"""

import tempfile
from io import BytesIO
from pathlib import Path

import av
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import soundfile

from skgenre import MFCCExtractor, load_audio, make_genre_tracks, make_model

folder = Path(tempfile.mkdtemp())
data = make_genre_tracks(
    folder, n_genres=4, n_tracks_per_genre=10, duration=30.0, random_state=0
)
song, signal = data.paths[-1], load_audio(data.paths[-1])

# %%
# The last track is encoded in lossless and lossy formats.

files = {"wav": song}
for name in ("song.flac", "song.ogg", "song.mp3"):
    files[name[5:]] = folder / name
    soundfile.write(folder / name, signal, 22050)
for kbit in (128, 32):
    files[f"m4a, {kbit} kbit/s"] = path = folder / f"{kbit}.m4a"
    with av.open(path, "w") as container:
        options = {"layout": "mono", "bit_rate": kbit * 1000}
        stream = container.add_stream("aac", rate=22050, **options)
        frame = av.AudioFrame.from_ndarray(signal[np.newaxis], "fltp", "mono")
        frame.sample_rate, frame.pts = 22050, 0
        container.mux([*stream.encode(frame), *stream.encode()])

# %%
# The bars show by how much its MFCCs differ from those of the WAV file, on average. The
# line shows the same for another track of the genre.

X = MFCCExtractor().transform([*files.values(), data.paths[-2]])
differences = np.abs(X[1:] - X[0]).mean(axis=(1, 2, 3))
plt.barh([*files][:0:-1], differences[-2::-1])
plt.axvline(differences[-1], color="C1", label="another track of the genre")
plt.xlabel("mean difference of MFCCs")
plt.legend()
plt.tight_layout()
plt.show()

# %%
# A model that is trained on the other tracks predicts the same genre for all formats,
# here from files in memory, such as uploads. But lossy formats change the
# probabilities: if all jazz of a collection were MP3, a model might learn the format.

model = make_model("logistic").fit(data.paths[:-1], data.target[:-1])
uploads = [BytesIO(Path(path).read_bytes()) for path in files.values()]
probabilities = model.predict_proba(uploads)
pd.DataFrame(probabilities, index=[*files], columns=model.classes_).round(2)

"""AAC in m4a and other containers, by PyAV, for tests that have no program for it."""

import numpy as np


def write_m4a(path, signal, sample_rate, *, codec="aac", container="mp4"):
    """Encode a mono signal (n_samples,) of float32."""
    import av

    with av.open(path, "w", format=container) as file:
        stream = file.add_stream(codec, rate=sample_rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(signal[np.newaxis], "fltp", "mono")
        # From 0 on, or the file does not say how much the encoder puts first.
        frame.sample_rate, frame.pts = sample_rate, 0
        file.mux([*stream.encode(frame), *stream.encode()])

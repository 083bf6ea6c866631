"""Tracks of GTZAN whose log-mel spectrograms are stored, in the place of their audio.

A module of its own, not the script, so that worker processes can import the extractor.
The code of that class is part of what decides a finished fit: a change of it, its
docstrings apart, has all fits run again.
"""

import io
from pathlib import Path

import numpy as np
import scipy.fft

import skgenre.datasets
from skgenre import MFCCExtractor, load_mfcc_npz
from skgenre._io import atomic_write, read_npz, read_table
from skgenre.datasets._tracks import make_track_bunch
from skgenre.datasets.gtzan_tracks import IndexRow
from skgenre.features import EXECUTION_PARAMETERS
from skgenre.features.analysis import Analysis

N_BANDS = 128
N_COLUMNS = 387
TRACK_SECONDS = 30
# Stored bytes 0 to 255 stand for this many decibels, up to the track's maximum.
RANGE_DB = 80
# Mean of that maximum, as librosa measures it, over a hundred tracks of GTZAN (18 to
# 38). Without it coefficient 0 is near -490, in place of -140, and the paper's
# networks, which scale nothing, start badly: mlp-regularized ends at one genre.
LOUDEST_DB = 30
EXTRACT = "skgenre extract --gtzan DIR -o FILE.npz --n-mfcc 128"
# Parameters of a model's extractor that the stored columns can follow.
_KEPT = ("n_mfcc", "segment_duration", "n_segments")


class MFCCFromLogMels(MFCCExtractor):
    """Segmented MFCCs of stored log-mel spectrograms, in the place of an MFCCExtractor.

    Takes paths of ``.npy`` files (128 bands, n_columns) of uint8, over 30 s. It has
    parameters of its own, so that a new one of the package's extractor is not taken
    for another way to make these features, with all fits run again. For features other
    than MFCCs, override `compute_frames`.
    """

    def __init__(
        self,
        *,
        n_mfcc=13,
        segment_duration=3.0,
        n_segments=10,
        n_jobs=None,
        cache_dir=None,
        cache_key="stat",
        verbose=0,
    ):
        self.n_mfcc = n_mfcc
        self.segment_duration = segment_duration
        self.n_segments = n_segments
        self.n_jobs = n_jobs
        self.cache_dir = cache_dir
        self.cache_key = cache_key
        self.verbose = verbose

    def _check_parameters(self):
        if not 1 <= self.n_mfcc <= N_BANDS:
            raise ValueError(f"n_mfcc must be 1 to {N_BANDS}, got {self.n_mfcc!r}.")

    def _check_ready(self):
        self._check_parameters()

    def analyse(self, X, *, strict=True, keep_features=True, progress=None):
        paths, features = [str(path) for path in X], []
        for path in paths if keep_features else ():
            decibels = np.load(path) * np.float32(RANGE_DB / 255)
            decibels += LOUDEST_DB - RANGE_DB
            frames = self.compute_frames(decibels)
            n_frames = int(self.segment_duration / TRACK_SECONDS * len(frames))
            n_segments = len(frames) // n_frames
            n_segments = min(self.n_segments or n_segments, n_segments)
            segments = frames[: n_segments * n_frames].reshape(n_segments, n_frames, -1)
            features.append(segments.astype(np.float32))
        return Analysis(np.array(features), paths, {}, {})

    def compute_frames(self, decibels):
        """Features of each frame: (n_bands, n_frames) -> (n_frames, n_features)."""
        return scipy.fft.dct(decibels, axis=0, norm="ortho")[: self.n_mfcc].T


def replace_extractor(model):
    """Let a pipeline that begins with an MFCCExtractor take stored log-mels instead."""
    asked = model[0].get_params()
    kept = {name: asked[name] for name in _KEPT}
    if asked != MFCCExtractor(**kept).get_params():
        raise ValueError(f"stored log-mels do not give the features of {model[0]!r}.")
    return model.set_params(mfccextractor=MFCCFromLogMels(**kept))


def load_tracks(file, index_file, output):
    """Write each track's spectrogram below `output`, and list these files as a Bunch.

    `file` is an npz with ``X`` (n_tracks, 128, 387) of uint8 and ``ids``, or what
    EXTRACT writes, of which it makes such an npz, ``logmels.npz``. `index_file` has a
    row per track, as the package's own index.
    """
    X, ids, is_converted = _read_spectrograms(file)
    own = Path(skgenre.datasets.__file__).with_name("gtzan.csv")
    advice = f"Name another index by --index, such as {own}"
    if not Path(index_file).is_file():
        raise FileNotFoundError(
            f"the index must be a file, found none at {index_file}. {advice}"
        )
    try:
        _, table = read_table(index_file, IndexRow._fields)
    except ValueError as error:
        raise ValueError(f"{error} {advice}") from error
    index = {
        row["track"]: IndexRow(*(row[name] for name in IndexRow._fields))
        for row in table
    }
    wrong = [track for track in ids if track not in index or ids.count(track) > 1]
    if wrong or not ids:
        raise ValueError(
            f"{file} must have ids that are in {index_file}, each once, got {len(ids)} "
            f"of which {len(wrong)} are not: {wrong[:3]}. {advice}"
        )
    rows = [index[track] for track in ids]
    folder = Path(output, "tracks")
    folder.mkdir(parents=True, exist_ok=True)
    if is_converted:
        with atomic_write(Path(output, "logmels.npz")) as opened:
            np.savez_compressed(opened, X=X, ids=ids)
    paths = [folder / f"{track}.npy" for track in ids]
    for path, spectrogram in zip(paths, X, strict=True):
        content = io.BytesIO()
        np.save(content, spectrogram)
        # Left alone if unchanged: another run may be reading it.
        if not path.exists() or path.read_bytes() != content.getvalue():
            with atomic_write(path) as opened:
                opened.write(content.getvalue())
    tracks = make_track_bunch(
        paths, [row.genre for row in rows], [row.group for row in rows], str(file)
    )
    tracks.filtered_split = np.array([row.filtered_split for row in rows])
    return tracks


def _read_spectrograms(file):
    """Return spectrograms (n_tracks, 128, 387), names, and whether it made them."""
    make = f"Make one from audio: {EXTRACT}"
    if not Path(file).is_file():
        raise FileNotFoundError(f"DATA must be a file, found none at {file}. {make}")
    try:
        arrays = read_npz(file)
        extracted = load_mfcc_npz(file) if "about" in arrays else None
    except ValueError as error:
        raise ValueError(f"{error} {make}") from error
    if extracted is not None:
        return *_convert_extracted(extracted, file), True
    found = ", ".join(f"{n} {a.dtype} {a.shape}" for n, a in sorted(arrays.items()))
    X, ids = arrays.get("X"), arrays.get("ids")
    if (
        X is None
        or ids is None
        or X.dtype != np.uint8
        or X.shape[1:] != (N_BANDS, N_COLUMNS)
        or ids.shape != X.shape[:1]
        or ids.dtype.kind != "U"
    ):
        raise ValueError(
            f"{file} must hold X uint8 (n_tracks, {N_BANDS}, {N_COLUMNS}) and ids, a "
            f"text per track, got {found or 'nothing'}. {make}"
        )
    return X, ids.tolist(), False


def _convert_extracted(data, file):
    """Return spectrograms and names, from MFCCs of as many coefficients as bands."""
    expected = MFCCExtractor(n_mfcc=N_BANDS).get_params()
    for name in ("channel", *EXECUTION_PARAMETERS):
        expected.pop(name, None)
    wrong = {
        name: data.parameters.get(name)
        for name, value in expected.items()
        if data.parameters.get(name) != value
    }
    if wrong:
        raise ValueError(f"{file} must be made by {EXTRACT}, got {wrong}.")
    spectrograms = np.empty((len(data.data), N_BANDS, N_COLUMNS), np.uint8)
    for mfcc, spectrogram in zip(data.data, spectrograms, strict=True):
        frames = scipy.fft.idct(mfcc[~np.isnan(mfcc[:, 0, 0])], axis=-1, norm="ortho")
        frames = frames.reshape(-1, N_BANDS)
        # The nearest frame of each column: as in the published pictures, most closely.
        middles = (np.arange(N_COLUMNS) + 0.5) * len(frames) / N_COLUMNS
        columns = frames[(middles - 0.5).astype(int)].T - frames.max()
        spectrogram[:] = np.rint(255 * (1 + np.maximum(columns, -RANGE_DB) / RANGE_DB))
    return spectrograms, [Path(path).stem for path in data.paths]

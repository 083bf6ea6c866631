"""Fixtures: sound made here, and the real tracks where they are."""

import importlib.util
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sklearn
import soundfile

from skgenre import (
    MFCCExtractor,
    MusicnnEmbedding,
    make_genre_tracks,
    make_model,
    save_model,
)
from skgenre.audio.inspection import Inspection

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"
SAMPLE_RATE = 22050


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """Two genres of four tracks of one second."""
    return make_genre_tracks(
        tmp_path_factory.mktemp("tracks"),
        n_genres=2,
        n_tracks_per_genre=4,
        duration=1.0,
        random_state=0,
    )


@pytest.fixture
def write_tone(tmp_path):
    """Write a decaying tone; return its path."""

    def write(
        name="tone.wav",
        *,
        duration=1.0,
        sample_rate=SAMPLE_RATE,
        n_channels=1,
        frequency=440.0,
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(round(duration * sample_rate)) / sample_rate
        tone = 0.5 * np.sin(2 * np.pi * frequency * time) * np.exp(-time / 5)
        soundfile.write(path, np.stack([tone] * n_channels, axis=1), sample_rate)
        return path

    return write


@pytest.fixture
def incomplete_audio(monkeypatch):
    """Every file is one whose header promises more sound than is there."""
    found = Inspection("WAV", incomplete="ends early")
    monkeypatch.setattr("skgenre.audio.decoder.inspect_audio", lambda file: found)


@pytest.fixture(scope="session")
def made_tracks(tmp_path_factory):
    """Three genres of eight tracks of seven seconds, by four artists each."""
    return make_genre_tracks(
        tmp_path_factory.mktemp("tracks"),
        n_genres=3,
        n_tracks_per_genre=8,
        n_artists_per_genre=4,
        duration=7.0,
        random_state=0,
    )


@pytest.fixture(scope="session")
def model_file(made_tracks, tmp_path_factory):
    """A classical model of the made tracks, with probabilities, in a file."""
    path = tmp_path_factory.mktemp("model") / "model.skops"
    model = make_model("logistic").fit(made_tracks.paths, made_tracks.target)
    save_model(model, path, data=made_tracks, scores={"training_accuracy": 0.75})
    return str(path)


@pytest.fixture
def no_more_files():
    """A function after which no file can be opened, until the end of the test."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    # No number below three, those of the standard streams, is left.
    yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.fixture
def odd_names(made_tracks, tmp_path):
    """Audio files whose names have a line feed, and a byte that is not UTF-8."""
    names = [b"line\nfeed.wav", b"byte\xff.wav"]
    paths = [os.path.join(os.fsencode(tmp_path), name) for name in names]
    for path in paths:
        try:
            os.symlink(os.fsencode(made_tracks.paths[0]), path)
        except OSError:
            pytest.skip("the file system has no such names")
    return [os.fsdecode(path) for path in paths]


@pytest.fixture(scope="session")
def real_tracks():
    """Folder of one hundred GTZAN tracks; skips where it is not at hand."""
    folder = REAL_DATA / "gtzan_mini" / "genres"
    if not folder.is_dir():
        pytest.skip("the real tracks are not at hand")
    return folder


@pytest.fixture(scope="session")
def real_folders(real_tracks):
    """The three folders with 140 GTZAN tracks, as wav, FLAC and au."""
    return [REAL_DATA / name for name in ("gtzan_mini", "gtzan_extra", "gtzan_au")]


@pytest.fixture(scope="session")
def musicnn_folder():
    """Folder of an installed musicnn, with the weights; skips where there is none."""
    musicnn = importlib.util.find_spec("musicnn")
    if musicnn is None:
        pytest.skip("needs the weights: pip install --no-deps musicnn==0.1.0")
    return Path(musicnn.submodule_search_locations[0])


@pytest.fixture(params=["MFCCExtractor", "MusicnnEmbedding"])
def make_extractor(request):
    """Make an extractor of either kind, with parameters that both have."""
    if request.param == "MFCCExtractor":
        return MFCCExtractor
    folder = request.getfixturevalue("musicnn_folder")
    return partial(MusicnnEmbedding, weights_dir=folder)


@pytest.fixture
def features():
    """Separable features of 12 tracks: (12, 3, 6, 4), and their genres."""
    y = np.repeat(["blues", "jazz", "rock"], 4)
    X = np.random.default_rng(0).normal(size=(12, 3, 6, 4))
    X += 3 * np.repeat(np.arange(3), 4)[:, np.newaxis, np.newaxis, np.newaxis]
    return X, y


@pytest.fixture
def routing():
    """Metadata routing is on."""
    with sklearn.config_context(enable_metadata_routing=True):
        yield

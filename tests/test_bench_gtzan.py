"""The benchmark on all of GTZAN: its features, what it takes, what it writes."""

import importlib
import shutil
from pathlib import Path

import numpy as np
import pytest

import skgenre
from skgenre import MFCCExtractor, make_model, save_mfcc_npz
from skgenre.datasets.gtzan_tracks import read_index

FOLDER = Path(__file__).parents[1] / "benchmarks"
INDEX = Path(skgenre.__file__).parent / "datasets" / "gtzan.csv"
pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not at hand"),
    pytest.mark.filterwarnings("ignore:filtered_split has 6 tracks:UserWarning"),
]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("bench_gtzan")


@pytest.fixture
def logmel_tracks(script):
    return importlib.import_module("logmel_tracks")


@pytest.fixture
def run(script, monkeypatch, capsys):
    """Run the script; return its exit code and what it wrote to standard error."""

    def run_script(*arguments):
        monkeypatch.setattr("sys.argv", ["bench_gtzan.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            script.main()
        return end.value.code, capsys.readouterr().err

    return run_script


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Spectrograms of two genres that differ, with the index beside them."""
    path = tmp_path_factory.mktemp("gtzan") / "logmels.npz"
    rows = [row for row in read_index().values() if row.filtered_split]
    ids = [
        row.track
        for genre in ("jazz", "metal")
        for part in ("train", "valid", "test")
        for row in [r for r in rows if (r.genre, r.filtered_split) == (genre, part)][:3]
    ]
    X = np.random.default_rng(0).integers(100, 200, (len(ids), 128, 387))
    X[len(ids) // 2 :, 64:] //= 2
    np.savez(path, X=X.astype(np.uint8), ids=ids)
    shutil.copy(INDEX, path.with_name("gtzan_index.csv"))
    return path


def test_features_are_the_cosine_transform_of_the_bands(logmel_tracks, tmp_path):
    bands = np.random.default_rng(0).integers(0, 256, (128, 387)).astype(np.uint8)
    np.save(tmp_path / "track.npy", bands)
    model = logmel_tracks.replace_extractor(make_model("lda", n_mfcc=20))
    features = model[0].transform([tmp_path / "track.npy"])
    assert features.shape == (1, 10, 38, 20)
    # The first columns of the second segment: 30 dB is the loudest.
    decibels = bands[:, 38] / 255 * 80 - 50
    angles = np.pi / 128 * np.outer(np.arange(20), np.arange(128) + 0.5)
    expected = np.sqrt(2 / 128) * np.cos(angles) @ decibels
    expected[0] /= np.sqrt(2)
    np.testing.assert_allclose(features[0, 1, 0], expected, rtol=1e-4, atol=1e-3)


def test_features_that_the_file_does_not_have_are_refused(logmel_tracks):
    with pytest.raises(ValueError, match="do not give the features of MFCCExtractor"):
        logmel_tracks.replace_extractor(make_model("lda", n_mels=40))


def test_what_extract_writes_is_made_into_spectrograms(logmel_tracks, tmp_path):
    # All bands of a frame have its number as decibels, up to 80.
    levels = np.arange(1300).reshape(10, 130) / 1299 * 80
    mfcc = np.zeros((2, 10, 130, 128), np.float32)
    mfcc[..., 0] = levels * np.sqrt(128)
    # As of a track that is too short for a tenth segment.
    mfcc[1, 9] = np.nan
    extracted, parameters = tmp_path / "128.npz", MFCCExtractor(n_mfcc=128).get_params()
    paths = ["a/blues.00000.wav", "a/jazz.00000.wav"]
    save_mfcc_npz(extracted, mfcc, ["a", "b"], paths=paths, parameters=parameters)
    tracks = logmel_tracks.load_tracks(extracted, INDEX, tmp_path)
    whole, short = map(np.load, tracks.paths)
    # The middles of 387 columns over 1300 frames.
    expected = 255 * (np.arange(387) + 0.5) / 387
    assert np.abs(whole - expected).max() < 1
    assert short[:, -1].min() == 255
    again = logmel_tracks.load_tracks(tmp_path / "logmels.npz", INDEX, tmp_path / "2")
    np.testing.assert_array_equal([*map(np.load, again.paths)], [whole, short])


def test_tables_and_pictures_are_written(run, file, tmp_path):
    arguments = [file, "--output", tmp_path, "--models", "lda,logistic", "--seeds", 1]
    arguments += ["--protocols", "artist,filtered", "--curve", "6"]
    assert run(*arguments, "--compare", "lda,logistic", "--confusions", "lda")[0] == 0
    lines = (tmp_path / "tables.md").read_text().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("## ")] == [
        *("Accuracy", "Macro", "Answers", "Recall", "Answers", "Recall"),
        *("Differences", "Accuracy"),
    ]
    for name in ("accuracies.svg", "learning_curves.svg"):
        assert (tmp_path / name).read_text().endswith("</svg>\n")


def test_parts_train_and_valid_are_trained_on(run, file, tmp_path):
    arguments = [file, "--output", tmp_path, "--models", "lda", "--seeds", 1]
    run(*arguments, "--protocols", "filtered", "--curve", "")
    names, values = (tmp_path / "results.csv").read_text().splitlines()
    row = dict(zip(names.split(","), values.split(","), strict=True))
    assert (row["n_train"], row["n_test"]) == ("12", "6")


X, IDS = np.zeros((1, 128, 387), np.uint8), np.array(["blues.00000"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "got nothing. Make one from audio: skgenre extract --gtzan DIR -o FILE"),
        ({"X": X}, "must hold X uint8 (n_tracks, 128, 387) and ids, a text per track"),
        ({"X": X[:, :, 1:], "ids": IDS}, "got X uint8 (1, 128, 386), ids <U11 (1,)."),
        ({"X": X / 2, "ids": IDS}, "got X float64 (1, 128, 387)"),
        ({"X": X, "ids": np.array([1])}, "ids int64 (1,)"),
        ({"X": X, "ids": np.array([None])}, "holds objects"),
        ({"X": X, "ids": np.array(["techno.1"])}, "1 are not: ['techno.1']. Name"),
        ({"X": X[[0, 0]], "ids": IDS[[0, 0]]}, "each once, got 2 of which 2 are not"),
    ],
)
def test_other_arrays_are_refused_in_one_line(run, file, tmp_path, arrays, message):
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, **arrays)
    index = file.with_name("gtzan_index.csv")
    code, error = run(wrong, "--index", index, "--output", tmp_path / "out")
    assert code == 2
    assert error.startswith("bench_gtzan: ")
    assert error.count("\n") == 1
    assert message in error


def test_missing_files_are_refused_in_one_line(run, file, tmp_path):
    code, error = run(tmp_path / "none.npz", "--output", tmp_path / "out")
    assert (code, error.count("\n")) == (2, 1)
    assert "DATA must be a file, found none at " in error
    code, error = run(file, "--index", "none.csv", "--output", tmp_path / "out")
    assert (code, error.count("\n")) == (2, 1)
    assert (
        f"found none at none.csv. Name another index by --index, such as {INDEX}"
        in (error)
    )


def test_other_features_are_refused_in_one_line(run, tmp_path):
    extracted, parameters = tmp_path / "13.npz", MFCCExtractor().get_params()
    X = np.zeros((1, 10, 130, 13), np.float32)
    save_mfcc_npz(extracted, X, ["a"], paths=["a"], parameters=parameters)
    code, error = run(extracted, "--output", tmp_path / "out")
    assert (code, error.count("\n")) == (2, 1)
    assert "--n-mfcc 128, got {'n_mfcc': 13}." in error

"""The benchmark of pretrained features: it runs on any tracks, and measures rightly."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

FOLDER = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the benchmarks are not at hand"
)


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("bench_embedding")


@pytest.mark.parametrize("n_features", [4, 60])
def test_distances_are_those_of_mahalanobis(script, n_features):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, n_features)) @ rng.normal(size=(n_features, n_features))
    y, tested = np.arange(30) % 3, 3 * rng.normal(size=(7, n_features))
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    Z, U = (X - mean) / deviation, (tested - mean) / deviation
    means = np.array([Z[y == genre].mean(axis=0) for genre in range(3)])
    precision = LedoitWolf(assume_centered=True).fit(Z - means[y]).precision_
    expected = [min((u - m) @ precision @ (u - m) for m in means) for u in U]
    found = script.measure_distances(X, tested, y)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_tables_of_a_collection_are_printed(
    script, made_tracks, tmp_path, monkeypatch, capsys
):
    table = tmp_path / "tracks.csv"
    rows = zip(made_tracks.paths, made_tracks.target, made_tracks.groups, strict=True)
    lines = ["path,genre,artist", *(",".join(row) for row in rows)]
    table.write_text("\n".join(lines))
    few = "--seeds 1 --track-seeds 1 --draws 2 --unknown-seeds 1"
    arguments = f"{table} --cache {tmp_path} --models logistic-segments {few}"
    arguments += " --experiments artist,track,few,unknown"
    monkeypatch.setattr("sys.argv", ["bench_embedding.py", *arguments.split()])
    script.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("24 tracks by 12 artists: ")
    titles = [line.split()[1:4] for line in lines if line.startswith("## ")]
    assert titles == [
        ["Accuracy", "by", "artist,"],
        ["Accuracy", "by", "track,"],
        ["5", "tracks", "per"],
        ["One", "genre", "unknown,"],
    ]
    rows = [line for line in lines if line.startswith("| logistic-segments ")]
    assert len(rows) == 5


def test_pretrained_features_are_measured(
    script, made_tracks, tmp_path, monkeypatch, capsys, musicnn_folder
):
    genres = made_tracks.paths[0].rsplit("/", 3)[0]
    arguments = ["bench_embedding.py", genres, "--cache", str(tmp_path)]
    arguments += ["--models", "MSD alone", "--experiments", "few", "--draws", "1"]
    arguments += ["--weights-dir", str(musicnn_folder)]
    monkeypatch.setattr("sys.argv", arguments)
    script.main()
    assert "| MSD alone | " in capsys.readouterr().out

"""The command tag, and the others with a model on pretrained features."""

import json

import numpy as np
import pytest

from skgenre import MusicnnEmbedding, load_model, make_model, save_model
from skgenre.cli import main
from skgenre.features.embedding import load_network
from skgenre.pretrained import TAGS, weights


@pytest.fixture
def tag(musicnn_folder, capsys):
    """Run tag with arguments; return the exit code and the lines that it prints."""

    def run(*arguments):
        weights = ["--weights-dir", str(musicnn_folder)]
        exit_code = main(["tag", *map(str, arguments), *weights])
        return exit_code, capsys.readouterr().out.splitlines()

    return run


def test_likelihoods_are_means_over_all_segments(made_tracks, musicnn_folder, tag):
    path = made_tracks.paths[0]
    exit_code, lines = tag(path, "--json", "--top", "50", "--model", "MSD_musicnn")
    embedding = MusicnnEmbedding(
        "MSD_musicnn", layer="tags", n_segments=2, weights_dir=musicnn_folder
    )
    expected = embedding.transform([path])[0, :, 0].mean(axis=0)
    (row,) = json.loads("".join(lines))
    assert (exit_code, row["path"]) == (0, path)
    assert [*row["tags"].values()] == sorted(row["tags"].values(), reverse=True)
    found = [row["tags"][name] for name in TAGS["MSD"]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_table_has_a_row_per_tag_and_fits_into_80_columns(made_tracks, tag, tmp_path):
    name = "a name of forty-eight characters, no more, x.wav"
    (tmp_path / name).symlink_to(made_tracks.paths[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        exit_code, lines = tag(name, "--top", "3")
    assert (exit_code, len(lines)) == (0, 4)
    assert {line[:48] for line in lines[1:]} == {name}
    assert {len(line) for line in lines} == {79}


def test_file_that_cannot_be_tagged_gets_a_row_and_the_exit_code(
    made_tracks, tag, tmp_path
):
    bad = tmp_path / "text.wav"
    bad.write_text("no sound")
    for form in ([], ["--json"]):
        exit_code, lines = tag(bad, made_tracks.paths[0], "--top", "1", *form)
        assert exit_code == 1
        assert "text.wav" in lines[1]
        assert "error" in lines[1]
        assert made_tracks.paths[0] in lines[2]


@pytest.mark.parametrize(
    "command",
    [
        "tag FILE --weights-dir EMPTY",
        "train FOLDER --model embedding --set weights_dir=EMPTY -o OUT",
    ],
)
def test_missing_weights_are_one_line_with_the_line_to_type(
    made_tracks, tmp_path, capsys, command
):
    words = {"FILE": made_tracks.paths[0], "EMPTY": str(tmp_path / "empty")}
    words |= {"FOLDER": made_tracks.paths[0].rsplit("/", 3)[0]}
    words |= {"OUT": str(tmp_path / "model.skops")}
    assert main([words.get(word, word) for word in command.split()]) == 1
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert "no weights of MTT_musicnn" in error
    assert "fetch_musicnn(" in error


@pytest.mark.parametrize("form", [[], ["--csv"]])
def test_missing_weights_of_a_model_file_are_no_answer(
    made_tracks, musicnn_folder, tmp_path, capsys, monkeypatch, form
):
    model = make_model("embedding", n_segments=1, weights_dir=musicnn_folder)
    save_model(model.fit(made_tracks.paths, made_tracks.target), tmp_path / "m.skops")
    # The file does not name their folder.
    monkeypatch.setattr(weights, "find_cache", lambda: tmp_path / "empty")
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    for cache in (load_network, weights._load):
        cache.cache_clear()
    command = ["predict", str(tmp_path / "m.skops"), made_tracks.paths[0], *form]
    assert main(command) == 1
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert "no weights of MTT_musicnn" in error


@pytest.mark.parametrize("top", ["0", "51"])
def test_number_of_tags_is_checked(top, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["tag", "song.wav", "--top", top])
    assert "a whole number from 1 to 50" in capsys.readouterr().err


def test_model_on_pretrained_features_is_trained_and_predicts(
    made_tracks, musicnn_folder, tmp_path, capsys
):
    genres, file = tmp_path / "genres", tmp_path / "model.skops"
    for track in (0, 1, 8, 9):
        folder = genres / made_tracks.target[track]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{track}.wav").symlink_to(made_tracks.paths[track])
    (folder / "text.wav").write_text("no sound")
    command = ["train", genres, "--model", "embedding", "--cv", 2, "-o", file]
    weights = ["--set", f"weights_dir={musicnn_folder}"]
    # One file is left out, and named once.
    assert main([*map(str, command), *weights, "--cache-dir", str(tmp_path / "s")]) == 1
    assert capsys.readouterr().err.count("text.wav") == 1
    model = load_model(file)
    model.set_params(segmentunion__embedding__weights_dir=musicnn_folder)
    predicted = model.predict([made_tracks.paths[n] for n in (0, 9)])
    assert predicted.tolist() == [made_tracks.target[n] for n in (0, 9)]

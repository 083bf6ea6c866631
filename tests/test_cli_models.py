"""The commands extract, train, predict and info, called in this process."""

import csv
import dataclasses
import errno
import glob
import io
import json
import os
import platform
import shutil
import sys
import zipfile
from importlib.metadata import version

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from worker_classes import Rejecting

import skgenre
from skgenre import (
    MFCCExtractor,
    load_mfcc_json,
    load_mfcc_npz,
    load_model,
    make_model,
    predict_timeline,
    read_model_info,
    save_model,
)
from skgenre._tables import count_columns
from skgenre.cli import main
from skgenre.cli.predict import LABEL_FORMATS
from skgenre.features import EXECUTION_PARAMETERS
from skgenre.model_selection import make_splitter
from skgenre.timeline import LABEL_FORMATS as TIMELINE_LABEL_FORMATS

SAMPLE_RATE = 22050


def folder_of(data):
    return str(data.paths[0].rsplit("/", 3)[0])


@pytest.fixture
def folder(made_tracks, tmp_path):
    """Two genres of three tracks, and a file that is no audio."""
    for track in (0, 1, 2, 8, 9, 10):
        genre = tmp_path / "genres" / made_tracks.target[track]
        genre.mkdir(parents=True, exist_ok=True)
        (genre / f"{track}.wav").symlink_to(made_tracks.paths[track])
    (genre / "text.wav").write_text("no sound")
    return tmp_path / "genres"


@pytest.fixture
def unread(monkeypatch):
    """No file may be analysed."""

    def refuse(*_, **options):
        pytest.fail("a file was analysed")

    monkeypatch.setattr(MFCCExtractor, "analyse", refuse)


def answers(capsys, *arguments):
    """Exit code of `predict --json`, and its rows."""
    exit_code = main(["predict", "--json", *arguments])
    return exit_code, json.loads(capsys.readouterr().out)


def test_extracted_npz_holds_what_the_extractor_gives(made_tracks, tmp_path):
    file = tmp_path / "features.npz"
    command = ["extract", folder_of(made_tracks), "-o", str(file), "--jobs", "2"]
    assert main([*command, "--n-mfcc", "5", "--segments", "2"]) == 0
    data = load_mfcc_npz(file)
    expected = MFCCExtractor(n_mfcc=5, n_segments=2).transform(data.paths)
    assert_array_equal(data.data, expected)
    assert sorted(data.paths) == sorted(made_tracks.paths)
    assert data.parameters["n_mfcc"] == 5


def test_defaults_of_extract_are_those_of_the_extractor(made_tracks, tmp_path):
    file = str(tmp_path / "features.npz")
    assert main(["extract", folder_of(made_tracks), "-o", file]) == 0
    defaults = MFCCExtractor().get_params()
    for name in EXECUTION_PARAMETERS:
        defaults.pop(name, None)
    assert load_mfcc_npz(file).parameters == defaults


@pytest.mark.parametrize(
    "command",
    [
        "extract FOLDER -o OUT --segments 1 --cache-key content",
        "train FOLDER -o OUT --model knn --cache-key content",
        "train FOLDER -o OUT --model knn --set cache_key=content",
        "benchmark FOLDER --models dummy --folds 2 --cache-key content",
    ],
)
def test_commands_find_files_by_content_in_the_cache(folder, tmp_path, command):
    next(folder.rglob("text.wav")).unlink()
    words = {"FOLDER": str(folder), "OUT": str(tmp_path / "out.npz")}
    command = [words.get(word, word) for word in command.split()]
    command += ["--cache-dir", str(tmp_path / "store")]
    assert main(command) == 0
    kept = sorted(tmp_path.glob("store/*/*.npy"))
    assert len(kept) == 6
    for path in folder.rglob("*.wav"):
        os.utime(path, ns=(0, 0))
    assert main(command) == 0
    assert sorted(tmp_path.glob("store/*/*.npy")) == kept


def test_extract_takes_a_channel(made_tracks, tmp_path, capsys):
    file = str(tmp_path / "features.npz")
    command = ["extract", folder_of(made_tracks), "-o", file, "--segments", "1"]
    for word, channel in [("left", "left"), ("0", 0)]:
        assert main([*command, "--channel", word]) == 0
        assert load_mfcc_npz(file).parameters["channel"] == channel
    assert main([*command, "--channel", "1"]) == 1
    assert "expected at least 2 for channel=1" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--channel", "-1"])


@pytest.mark.usefixtures("incomplete_audio")
def test_incomplete_files_are_one_line_each(folder, tmp_path, capsys):
    file = str(tmp_path / "features.npz")
    next(folder.rglob("text.wav")).unlink()
    assert main(["extract", str(folder), "-o", file, "--segments", "1"]) == 0
    lines = capsys.readouterr().err.splitlines()
    names = sorted(path.name for path in folder.rglob("*.wav"))
    assert len(lines) == len(names)
    assert all(line.startswith("skgenre: warning: ") for line in lines)
    assert sorted(line.split("/")[-1] for line in lines) == [
        f"{name}: ends early" for name in names
    ]


@pytest.mark.usefixtures("incomplete_audio")
def test_incomplete_file_is_predicted_and_json_stays_json(
    made_tracks, model_file, capfd
):
    paths = made_tracks.paths[:2].tolist()
    assert main(["predict", model_file, "--json", *paths]) == 0
    captured = capfd.readouterr()
    assert [row["path"] for row in json.loads(captured.out)] == paths
    assert captured.err.splitlines() == [
        f"skgenre: warning: {path}: ends early" for path in paths
    ]


def test_model_remembers_its_channel(folder, tmp_path):
    file = str(tmp_path / "model.skops")
    command = ["train", str(folder), "--model", "dummy", "-o", file]
    assert main([*command, "--set", "channel=left"]) == 1  # text.wav is left out
    assert load_model(file)[0].channel == "left"
    assert read_model_info(file)["features"][0]["channel"] == "left"


def test_extract_of_all_segments_takes_what_tracks_have(made_tracks, tmp_path):
    file = str(tmp_path / "features.npz")
    command = ["extract", folder_of(made_tracks), "-o", file, "--segments", "all"]
    assert main([*command, "--segment-duration", "1"]) == 0
    assert load_mfcc_npz(file).data.shape[1] == 7


def test_extracted_json_leaves_unreadable_files_out(folder, tmp_path, capsys):
    file = tmp_path / "features.json"
    assert main(["extract", str(folder), "-o", str(file), "--segments", "1"]) == 1
    assert load_mfcc_json(file).data.shape == (6, 130, 13)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("skgenre: left out: ")
    assert "text.wav" in lines[0]


def test_strict_extract_writes_nothing_where_a_file_fails(folder, tmp_path, capsys):
    file = tmp_path / "features.npz"
    assert main(["extract", str(folder), "-o", str(file), "--strict"]) == 1
    assert capsys.readouterr().err.startswith("skgenre: error: ")
    assert not file.exists()


def test_nothing_is_written_where_no_file_can_be_read(tmp_path, capsys):
    for genre in ("jazz", "rock"):
        (tmp_path / genre).mkdir()
        (tmp_path / genre / "text.wav").write_text("no sound")
    file = tmp_path / "features.npz"
    assert main(["extract", str(tmp_path), "-o", str(file)]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("skgenre: error: 2 files cannot be analysed: ")
    assert not file.exists()


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("command", ["extract", "train"])
def test_missing_output_folder_is_found_before_the_work(
    command, folder, tmp_path, capsys
):
    file = tmp_path / "absent" / "output.npz"
    assert main([command, str(folder), "-o", str(file)]) == 1
    assert capsys.readouterr().err == (
        f"skgenre: error: {file}: No such file or directory\n"
    )


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_folder_that_cannot_be_written_is_found_before_the_work(
    code, folder, tmp_path, capsys, monkeypatch
):
    def refuse(path, *_, **__):
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    file = tmp_path / "model.skops"
    assert main(["train", str(folder), "-o", str(file)]) == 1
    assert capsys.readouterr().err == (f"skgenre: error: {file}: {os.strerror(code)}\n")


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("file", [".", os.devnull])
def test_output_that_is_no_file_is_refused(file, folder, capsys):
    assert main(["train", str(folder), "-o", file]) == 1
    assert capsys.readouterr().err.startswith(f"skgenre: error: {file}: ")
    assert not os.path.isfile(file)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError(errno.ENOSPC, "")])
@pytest.mark.parametrize(
    ("command", "writer"),
    [("extract", "numpy.savez_compressed"), ("train", "os.replace")],
)
def test_existing_output_stays_whole_where_writing_fails(
    command, writer, interruption, folder, tmp_path, monkeypatch
):
    file = tmp_path / "output.npz"
    file.write_text("before")

    def fail(*_, **__):
        raise interruption

    monkeypatch.setattr(writer, fail)
    arguments = ["--model", "dummy"] if command == "train" else []
    assert main([command, str(folder), "-o", str(file), *arguments]) in (1, 130)
    assert file.read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["genres", "output.npz"]


def test_error_of_a_full_disk_names_the_output(folder, tmp_path, capsys, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("numpy.savez_compressed", fail)
    file = tmp_path / "features.npz"
    assert main(["extract", str(folder), "-o", str(file)]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == f"skgenre: error: {file}: No space left on device"


@pytest.mark.parametrize("command", ["extract", "train", "predict"])
def test_ctrl_c_in_the_analysis_leaves_nothing(
    command, folder, model_file, tmp_path, capsys, monkeypatch
):
    def interrupt(*_, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(MFCCExtractor, "analyse", interrupt)
    arguments = [str(folder), "-o", str(tmp_path / "output.npz")]
    if command == "predict":
        arguments = [model_file, str(folder / "a.wav")]
    assert main([command, *arguments]) == 130
    assert capsys.readouterr().err == "skgenre: interrupted\n"
    assert os.listdir(tmp_path) == ["genres"]


def test_trained_model_is_the_pipeline_fitted_on_the_files(made_tracks, tmp_path):
    file = tmp_path / "model.skops"
    command = ["train", folder_of(made_tracks), "-o", str(file), "--model", "forest"]
    assert main([*command, "--seed", "3", "--set", "n_estimators=5"]) == 0
    model = make_model("forest", random_state=3, n_estimators=5)
    model.fit(made_tracks.paths, made_tracks.target)
    assert_array_equal(
        load_model(file).predict_proba(made_tracks.paths),
        model.predict_proba(made_tracks.paths),
    )
    accuracy = model.score(made_tracks.paths, made_tracks.target)
    info = read_model_info(file)
    assert info["scores"] == {"training_accuracy": accuracy}
    assert info["data"]


def test_values_are_literals_of_python_or_json_or_bare_words(folder, tmp_path):
    file = str(tmp_path / "model.skops")
    settings = ["kernel=linear", "C=2.5", "shrinking=false", "svc__random_state=None"]
    command = ["train", str(folder), "-o", file, "--model", "svm"]
    main(command + [word for text in settings for word in ("--set", text)])
    svc = load_model(file)[-1]
    assert (svc.kernel, svc.C, svc.shrinking) == ("linear", 2.5, False)
    assert svc.random_state is None


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["epoch=3"], "'epoch' is not a parameter of the model's steps, which have: "),
        (["epochs"], "expected NAME=VALUE, got 'epochs'"),
        (["=3"], "expected NAME=VALUE, got '=3'"),
        (["epochs=3", "epochs=4"], "a parameter is set more than once"),
        (["n_mfcc=0"], "step 'mfccextractor': n_mfcc must be a positive integer"),
        (["n_jobs=two"], "step 'mfccextractor': n_jobs must be None or a non-zero"),
        (["pooling=avg"], "step 'segmentpoolingclassifier': pooling must be one of"),
        (["estimator__logisticregression__C=-1"], "The 'C' parameter of Logistic"),
    ],
)
def test_wrong_setting_is_a_wrong_command(settings, message, folder, tmp_path, capsys):
    command = ["train", str(folder), "-o", str(tmp_path / "model.skops")]
    with pytest.raises(SystemExit) as caught:
        main(command + [word for text in settings for word in ("--set", text)])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_cross_validated_accuracy_is_kept(made_tracks, tmp_path):
    file = tmp_path / "model.skops"
    command = ["train", folder_of(made_tracks), "-o", str(file), "--model", "knn"]
    assert main([*command, "--cv", "2", "--seed", "1"]) == 0
    paths, y = made_tracks.paths, made_tracks.target
    splitter = make_splitter("track", y, n_splits=2, random_state=1)
    expected = cross_val_score(make_model("knn"), paths, y, cv=splitter)
    scores = read_model_info(file)["scores"]
    assert scores["cv_accuracy_by_track"] == pytest.approx(expected.mean())
    assert scores["cv_folds"] == 2


@pytest.mark.usefixtures("unread")
def test_training_on_one_genre_is_refused_before_the_analysis(tmp_path, capsys):
    (tmp_path / "jazz").mkdir()
    for name in "ab":
        (tmp_path / "jazz" / f"{name}.wav").write_text("")
    assert main(["train", str(tmp_path), "-o", str(tmp_path / "model.skops")]) == 1
    assert "at least two genres, got only ['jazz']" in capsys.readouterr().err


def test_predicted_table_has_a_line_per_file(made_tracks, model_file, capsys):
    files = made_tracks.paths[[0, 10, 20]].tolist()
    assert main(["predict", model_file, *files]) == 0
    head, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert head == ["file", "genre", "probability"]
    model = load_model(model_file)
    best = model.predict_proba(files).max(axis=1)
    expected = zip(files, model.predict(files), best, strict=True)
    assert rows == [[file, genre, f"{p:.3f}"] for file, genre, p in expected]


@pytest.mark.parametrize("tool", LABEL_FORMATS)
def test_labels_for_an_annotation_tool_are_the_timelines(
    tool, made_tracks, model_file, capsys
):
    file = made_tracks.paths[0]
    assert main(["predict", model_file, file, "--labels", tool]) == 0
    labels = predict_timeline(load_model(model_file), file).to_labels(tool)
    assert capsys.readouterr().out == labels


def test_the_command_knows_the_formats_of_labels():
    assert LABEL_FORMATS == TIMELINE_LABEL_FORMATS


def test_labels_are_of_one_file(model_file, made_tracks, tmp_path, capsys):
    command = ["predict", model_file, "--labels", "audacity"]
    with pytest.raises(SystemExit):
        main([*command, *made_tracks.paths[:2]])
    assert "expected one FILE, got 2" in capsys.readouterr().err
    (tmp_path / "text.wav").write_text("no sound")
    assert main([*command, str(tmp_path / "text.wav")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"error: {tmp_path / 'text.wav'}: " in captured.err


def test_predicted_json_has_every_probability(made_tracks, model_file, capsys):
    file = made_tracks.paths[0]
    exit_code, rows = answers(capsys, model_file, file)
    assert exit_code == 0
    model = load_model(model_file)
    expected = dict(zip(model.classes_, model.predict_proba([file])[0], strict=True))
    assert rows[0]["probabilities"] == pytest.approx(expected)
    assert rows[0]["probability"] == pytest.approx(max(expected.values()))


def test_segments_have_times_and_probabilities(made_tracks, model_file, capsys):
    file = made_tracks.paths[0]
    assert main(["predict", model_file, file, "--segments", "--csv"]) == 0
    head, *rows = csv.reader(capsys.readouterr().out.splitlines())
    timeline = predict_timeline(load_model(model_file), file)
    probabilities = [f"probability_{name}" for name in timeline.classes]
    assert head == [
        "path",
        "start",
        "end",
        "genre",
        "probability",
        *probabilities,
        "error",
    ]
    values = np.array([[*row[1:3], *row[5:-1]] for row in rows], dtype=float)
    assert_array_equal(values[:, 0], [0, 3])
    assert_array_equal(values[:, 1], [3, 6])
    assert_array_equal(values[:, 2:], timeline.probabilities)


def test_probabilities_that_json_does_not_have_are_null(
    made_tracks, model_file, capsys, monkeypatch
):
    predict = skgenre.predict_timeline

    def predict_nothing(model, path):
        timeline = predict(model, path)
        nothing = np.full_like(timeline.track_probabilities, np.nan)
        return dataclasses.replace(timeline, track_probabilities=nothing)

    monkeypatch.setattr(skgenre, "predict_timeline", predict_nothing)
    main(["predict", "--json", model_file, made_tracks.paths[0]])
    [row] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert row["probability"] is None
    assert set(row["probabilities"].values()) == {None}


def test_no_cell_of_csv_is_a_formula_of_a_spreadsheet(
    model_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    names = ["=1+1.wav", "a\r=b.wav", "c;@d.wav", "e,=f.wav"]
    assert main(["predict", model_file, "--csv", *names]) == 1
    _, *rows = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    expected = ["'=1+1.wav", "a\r'=b.wav", "c;'@d.wav", "e,=f.wav"]
    assert [row[0] for row in rows] == expected


def test_csv_on_a_terminal_has_no_control_characters(model_file, capsys, monkeypatch):
    monkeypatch.setattr("skgenre.cli.predict.is_output_terminal", lambda: True)
    main(["predict", model_file, "--csv", "\x1b[2J.wav"])
    assert capsys.readouterr().out.splitlines()[1].startswith(r"\x1b[2J.wav,")


def test_segments_of_a_table_have_a_column_per_genre(made_tracks, model_file, capsys):
    assert main(["predict", model_file, made_tracks.paths[0], "--segments"]) == 0
    head, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    genres = np.unique(made_tracks.target).tolist()
    assert head == ["file", "start", "end", "genre", "probability", *genres]
    assert [row[1:3] for row in rows] == [["0.00", "3.00"], ["3.00", "6.00"]]


def test_songs_of_any_length_take_all_of_their_segments(model_file, tmp_path, capsys):
    song = str(tmp_path / "song.wav")
    noise = np.random.default_rng(0).normal(scale=0.1, size=36 * SAMPLE_RATE)
    soundfile.write(song, noise, SAMPLE_RATE)
    _, rows = answers(capsys, model_file, song, "--segments")
    assert rows[-1]["end"] == 36


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text.wav", "is a text file"),
        ("folder", "is a directory"),
        ("absent.wav", "No such file"),
        ("short.wav", "too short: 1.00 s"),
        ("silent.wav", "holds only silence"),
        ("https://example.org/song.mp3", "URLs are not fetched"),
        ("-", "standard input is not read"),
        ("", "is an empty path"),
    ],
)
@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_bad_file_gets_a_row_of_its_own(
    name,
    reason,
    form,
    made_tracks,
    model_file,
    write_tone,
    tmp_path,
    capsys,
    monkeypatch,
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "folder").mkdir()
    write_tone("short.wav")
    soundfile.write("silent.wav", np.zeros(5 * SAMPLE_RATE), SAMPLE_RATE)
    options = [] if form == "table" else [f"--{form}"]
    good = made_tracks.paths[0]
    assert main(["predict", model_file, name, good, *options]) == 1
    captured = capsys.readouterr()
    assert captured.err == ""
    if form == "json":
        bad, answer = json.loads(captured.out)
        assert (bad["path"], answer["path"]) == (name, good)
        assert "genre" not in bad
        assert reason in bad["error"]
    else:
        _, bad, answer = captured.out.splitlines()
        assert bad.startswith(name)
        assert reason in bad
        assert answer.startswith(good)


@pytest.mark.parametrize(("sample_rate", "n_channels"), [(8000, 1), (48000, 2)])
def test_other_rates_and_channels_are_answered(
    sample_rate, n_channels, model_file, write_tone, capsys
):
    path = write_tone(duration=4, sample_rate=sample_rate, n_channels=n_channels)
    exit_code, rows = answers(capsys, model_file, str(path))
    assert exit_code == 0
    assert rows[0]["genre"] in load_model(model_file).classes_


def test_odd_names_come_back_from_json(odd_names, model_file, capsys):
    _, rows = answers(capsys, model_file, *odd_names)
    assert [row["path"] for row in rows] == odd_names


def test_odd_names_take_one_line_of_a_table(odd_names, model_file, capsys):
    assert main(["predict", model_file, *odd_names]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert ["line\\nfeed.wav" in lines[0], "byte\\udcff.wav" in lines[1]] == [True] * 2


def test_model_without_probabilities_shows_none(made_tracks, folder, tmp_path, capsys):
    file = str(tmp_path / "svm.skops")
    main(["train", str(folder), "-o", file, "--model", "svm"])
    capsys.readouterr()
    track = made_tracks.paths[0]
    _, rows = answers(capsys, file, track)
    assert (rows[0]["genre"], rows[0]["probability"]) == (
        load_model(file).predict([track]),
        None,
    )
    assert main(["predict", file, track, "--segments"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[-3:] == ["-"] * 3


@pytest.mark.filterwarnings("ignore:worker_classes.Rejecting")
def test_label_that_is_none_of_the_model_s_has_no_probability(
    made_tracks, tmp_path, capsys
):
    model = make_pipeline(MFCCExtractor(n_segments=2), Rejecting())
    file, track = str(tmp_path / "model.skops"), made_tracks.paths[0]
    save_model(model.fit(made_tracks.paths, made_tracks.target), file)
    command = ["predict", file, track, "--trusted", "worker_classes.Rejecting"]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [track, "unknown", "-"]
    assert main([*command, "--csv"]) == 0
    row = capsys.readouterr().out.splitlines()[1].split(",")
    assert row[:3] == [track, "unknown", ""]
    assert_allclose(np.array(row[3:6], float), 1 / 3)


def test_row_is_out_before_the_next_file_is_read(
    made_tracks, model_file, capsys, monkeypatch
):
    shown = []

    def spy(model, path):
        shown.append(capsys.readouterr().out)
        return predict_timeline(model, path)

    monkeypatch.setattr(skgenre, "predict_timeline", spy)
    main(["predict", model_file, *made_tracks.paths[:2]])
    assert shown[0].split() == ["file", "genre", "probability"]
    assert shown[1].startswith(made_tracks.paths[0])


def test_trusted_names_are_passed_on(made_tracks, model_file, monkeypatch):
    trusted = []

    def spy(file, **arguments):
        trusted.extend(arguments["trusted"])
        return load_model(file)

    monkeypatch.setattr(skgenre, "load_model", spy)
    command = ["predict", model_file, made_tracks.paths[0]]
    assert main([*command, "--trusted", "a.b", "--trusted", "a.c"]) == 0
    assert trusted == ["a.b", "a.c"]


def test_info_shows_what_the_file_says(model_file, made_tracks, capsys):
    assert main(["info", model_file]) == 0
    shown = dict(
        line.split(maxsplit=1)
        for line in capsys.readouterr().out.splitlines()
        if line[0] != " "
    )
    assert shown["classes"] == ", ".join(np.unique(made_tracks.target))
    assert shown["scores"] == "training_accuracy: 0.75"


def test_info_as_json_is_the_information_itself(model_file, capsys):
    assert main(["info", model_file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read_model_info(model_file)


def test_folders_are_predicted_only_if_asked(model_file, made_tracks, tmp_path, capsys):
    music = tmp_path / "music"
    (music / "new").mkdir(parents=True)
    for path in made_tracks.paths[:2]:
        shutil.copy(path, music / "new")
    (music / "cover.jpg").write_bytes(b"")
    assert main(["predict", model_file, str(music), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert "-r" in row["error"]
    assert main(["predict", model_file, str(music), "-r", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["path"] for row in rows} == set(map(str, music.rglob("*.wav")))
    (tmp_path / "empty").mkdir()
    assert main(["predict", model_file, str(tmp_path / "empty"), "-r"]) == 1
    assert "no audio files" in capsys.readouterr().err


def test_info_of_no_file_says_what_is_installed(capsys):
    assert main(["info", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["skgenre"] == version("skgenre")
    assert shown["librosa"] == version("librosa")
    assert shown["platform"] == platform.platform()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('"scores": {"a": NaN}', "NaN is not valid JSON"),
        ('"scores": {"a": 1}, "scores": {"a": 2}', "the key 'scores' is there twice"),
        (f'"features": {"[" * 100_000}', "recursion"),
        pytest.param(
            f'"features": {"[" * 800}{"]" * 800}',
            "nested too deeply",
            marks=pytest.mark.skipif(
                sys.version_info >= (3, 13),
                reason="Python writes as JSON whatever it has read",
            ),
        ),
    ],
)
def test_info_of_a_forged_file_is_one_line(content, reason, tmp_path, capsys):
    file = forge_info(tmp_path / "model.skops", content)
    assert main(["info", str(file)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"skgenre: error: {file}: ")
    assert reason in line


def test_info_as_json_is_json_whatever_the_file_says(tmp_path, capsys):
    text = '"scores": {"a": 1e999, "b": "\\ud800", "c": ' + "9" * 4000 + "}"
    file = forge_info(tmp_path / "model.skops", text)
    assert main(["info", str(file), "--json"]) == 0
    info = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert info["scores"] == {"a": None, "b": "\ud800", "c": 10**4000 - 1}
    assert main(["info", str(file)]) == 0
    assert r"b: \ud800" in capsys.readouterr().out


def forge_info(file, content):
    """Write a file with this text among its description, and return its path."""
    info = {
        **{"format_version": 1, "versions": {}, "model": "", "classes": []},
        **{"features": [], "data": None, "scores": {}, "trusted": []},
        **{"written": "", "digest": ""},
    }
    info = {name: value for name, value in info.items() if f'"{name}"' not in content}
    text = f"{json.dumps(info)[:-1]}, {content}}}"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("info.json", text)
    return file


@pytest.mark.parametrize("command", ["info", "predict"])
def test_file_that_is_no_model_is_one_line(command, made_tracks, capsys):
    track = made_tracks.paths[0]
    files = [track, track] if command == "predict" else [track]
    assert main([command, *files]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"skgenre: error: {track}: ")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("extract FOLDER -o OUTPUT.npz", {"output", "n_tracks", "unreadable"}),
        ("train FOLDER -o OUTPUT", {"output", "n_tracks", "scores", "unreadable"}),
    ],
)
def test_commands_say_as_json_what_they_wrote(command, keys, folder, tmp_path, capsys):
    command = command.replace("OUTPUT", str(tmp_path / "written"))
    words = command.replace("FOLDER", str(folder)).split()
    assert main([*words, "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown.keys() == keys
    assert (os.path.exists(shown["output"]), shown["n_tracks"]) == (True, 6)
    (entry,) = shown["unreadable"]
    assert entry["path"].endswith("text.wav")
    assert "is a text file" in entry["error"]


def test_options_may_stand_between_files(made_tracks, model_file, capsys):
    first, second = made_tracks.paths[:2]
    assert main(["predict", model_file, first, "--json", second]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in rows] == [first, second]


def test_names_that_look_like_options_stand_behind_two_dashes(model_file, capsys):
    assert main(["predict", "--json", "--", model_file, "-a.wav", "--b.wav"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in rows] == ["-a.wav", "--b.wav"]


def test_patterns_that_a_shell_leaves_are_matched(made_tracks, model_file, capsys):
    pattern = os.path.join(os.path.dirname(made_tracks.paths[0]), "*.wav")
    exit_code, rows = answers(capsys, model_file, pattern)
    assert exit_code == 0
    assert [row["path"] for row in rows] == sorted(glob.glob(pattern))


def test_predictions_are_a_table_of_tracks(made_tracks, model_file, tmp_path, capsys):
    files = made_tracks.paths[:3].tolist()
    assert main(["predict", model_file, *files, "--csv"]) == 0
    (tmp_path / "labels.csv").write_text(capsys.readouterr().out)
    data = skgenre.load_track_table(tmp_path / "labels.csv")
    assert [str(path) for path in data.paths] == files
    assert_array_equal(data.target, load_model(model_file).predict(files))


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def predict_on_terminal(n_columns, monkeypatch, *arguments):
    """Lines that `predict` shows on a terminal so wide."""
    size = os.terminal_size((n_columns, 24))
    monkeypatch.setattr("shutil.get_terminal_size", lambda: size)
    monkeypatch.setattr("sys.stdout", Terminal())
    main(["predict", *arguments])
    return sys.stdout.getvalue().splitlines()


@pytest.mark.parametrize("options", [[], ["--segments"]])
@pytest.mark.parametrize("n_columns", [60, 80, 120])
def test_lines_of_a_table_fit_the_terminal(
    n_columns, options, made_tracks, model_file, tmp_path, monkeypatch
):
    names = ["A long title of a song, of a live recording " * 3, "長い名前" * 15, "a"]
    files = [str(tmp_path / f"{name}.wav") for name in names]
    for file in files:
        shutil.copy(made_tracks.paths[0], file)
    (tmp_path / "text.wav").write_text("no sound")
    files.append(str(tmp_path / "text.wav"))
    lines = predict_on_terminal(n_columns, monkeypatch, model_file, *files, *options)
    assert max(map(count_columns, lines)) <= n_columns
    assert lines[1].partition(".wav ")[1]
    assert sum(line.startswith("…") for line in lines) >= 2


def test_genres_that_do_not_fit_have_no_columns(
    made_tracks, model_file, monkeypatch, capsys
):
    arguments = [model_file, made_tracks.paths[0], "--segments"]
    wide, *_ = predict_on_terminal(120, monkeypatch, *arguments)
    narrow, *_ = predict_on_terminal(60, monkeypatch, *arguments)
    genres = np.unique(made_tracks.target).tolist()
    assert wide.split()[-len(genres) :] == genres
    assert narrow.split()[-1] == "probability"
    assert "--csv has them all" in capsys.readouterr().err


def test_info_fits_the_terminal(model_file, monkeypatch):
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((60, 24)))
    monkeypatch.setattr("sys.stdout", Terminal())
    assert main(["info", model_file]) == 0
    assert max(map(len, sys.stdout.getvalue().splitlines())) <= 60

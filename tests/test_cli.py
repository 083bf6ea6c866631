import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from joblib import cpu_count
from sklearn.utils import Bunch

from skgenre import BenchmarkResult, PaperResult, load_mfcc_npz, make_model
from skgenre.cli import main
from skgenre.cli.arguments import MODEL_NAMES, PROTOCOL_NAMES
from skgenre.cli.benchmark import _describe
from skgenre.cli.program import make_parser
from skgenre.model_selection import PROTOCOLS


def run(*arguments):
    command = [sys.executable, "-P", "-m", "skgenre", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def folder_of(data):
    return str(data.paths[0].rsplit("/", 3)[0])


def test_quick_benchmark_runs_on_data_of_its_own(capsys, caplog):
    assert main(["benchmark", "--quick", "--models", "knn,dummy"]) == 0
    opening, table = capsys.readouterr().out.split("\n\n")
    assert opening.startswith(
        "Synthetic music, not recordings: 18 tracks of 3 genres, 2"
    )
    assert [row.split()[0] for row in table.splitlines()[-2:]] == ["knn", "dummy"]
    assert "analysed 18 of 18 tracks" in caplog.text


@pytest.mark.parametrize(("words", "n_jobs"), [([], cpu_count()), (["--jobs", "1"], 1)])
def test_benchmark_uses_all_cores_unless_told_otherwise(words, n_jobs, monkeypatch):
    given, data = [], Bunch(DESCR="made")

    def refuse(models, data, **options):
        given.append((options["n_jobs"], options["n_splits"]))
        raise OSError("enough")

    monkeypatch.setattr("skgenre.benchmark.run_benchmark", refuse)
    monkeypatch.setattr("skgenre.datasets.make_genre_tracks", lambda *_, **__: data)
    assert main(["benchmark", *words]) == 1
    assert given == [(n_jobs, 3)]


def test_head_of_made_tracks_says_what_deep_networks_lack():
    row = {"protocol": "track", "seed": 0, "fold": 0, "n_train": 50, "error": None}
    cnn = {"model": "cnn", "accuracy": 0.4, "train_accuracy": 0.9, "n_parameters": 3000}
    knn = {"model": "knn", "accuracy": 0.7, "train_accuracy": 1.0}
    setting = {"n_tracks_per_genre": {"jazz": 75}, "n_splits": 3, "epochs": None}
    for folds in ([cnn, knn], [{**cnn, "accuracy": 0.8}, knn]):
        rows = [{**row, **fold} for fold in folds]
        result = BenchmarkResult.from_rows(rows, setting=setting)
        opening = _describe(result, is_made=True, is_quick=False)
        assert opening.startswith(
            "Synthetic music, not recordings: 75 tracks of 1 genre"
        )
        assert ("only 40% to 40% of new ones" in opening) == (folds[0] is cnn)
        assert "knn classifies 70% of the tracks" in opening or folds[0] is not cnn


def test_benchmark_of_a_folder_writes_its_results(made_tracks, tmp_path):
    done = run(
        "benchmark",
        folder_of(made_tracks),
        *("--models", "cnn,svm", "--epochs", "1", "--folds", "2"),
        *("--output", str(tmp_path / "out")),
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [row["model"] for row in results["summary"]] == ["cnn", "svm"]
    assert results["setting"]["command"].startswith("skgenre benchmark ")
    assert "accuracy per" in done.stdout
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert len(audit["paths"]) == len(made_tracks.paths)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (
            "train -o {}.skops --model knn --set n_segments=1 --cv 2",
            "cv accuracy by art",
        ),
        (
            "benchmark --models dummy --protocols artist --folds 2 --jobs 1",
            "dummy   artist ",
        ),
    ],
)
def test_artist_folders_keep_artists_apart(
    command, told, made_tracks, tmp_path, capsys
):
    name, *options = command.format(tmp_path / "model").split()
    assert main([name, folder_of(made_tracks), "--artist-folders", *options]) == 0
    assert told in capsys.readouterr().out


def test_artist_folders_are_written_with_the_features(made_tracks, tmp_path):
    file = str(tmp_path / "features.npz")
    command = ["extract", folder_of(made_tracks), "--artist-folders", "-o", file]
    assert main([*command, "--segments", "1"]) == 0
    assert load_mfcc_npz(file).groups.tolist() == made_tracks.groups.tolist()


def test_audit_of_artist_folders_finds_a_genre_of_one_artist(
    made_tracks, tmp_path, capsys
):
    for number, source in enumerate(made_tracks.paths[:8]):
        for folder in (f"blues/{number}", "disco/bee"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / f"{number}.wav").symlink_to(source)
    main(["audit", str(tmp_path), "--artist-folders"])
    told = capsys.readouterr().out
    assert "genre disco: 8 of 8 tracks of a known artist are by 'bee'" in told
    assert "genre blues: " not in told


@pytest.mark.parametrize("words", [[], [".", "--gtzan"], [".", "--tags"]])
def test_artist_folders_go_with_genre_folders_only(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["benchmark", *words, "--artist-folders"])
    assert "--artist-folders" in capsys.readouterr().err


def test_paper_comes_before_the_honest_table(tmp_path):
    done = run("benchmark", "--quick", "--paper", "--models", "dummy", "--epochs", "1")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("NOT THE PAPER'S DATA: run on 18 tracks"), done.stderr
    assert lines[-1].split()[:2] == ["dummy", "track"]


def test_wrong_request_is_refused_before_the_paper_is_reproduced(
    made_tracks, monkeypatch, capsys
):
    monkeypatch.setattr("skgenre.benchmark.reproduce_paper", None)
    folder = folder_of(made_tracks)
    arguments = [folder, "--paper", "--protocols", "filtered"]
    assert main(["benchmark", *arguments]) == 1
    assert "needs filtered_split" in capsys.readouterr().err


@pytest.mark.parametrize("n_jobs", ["1", "2"])
def test_tensorflow_starts_without_noise(n_jobs):
    command = ["benchmark", "--quick", "--models", "mlp", "--epochs", "1"]
    done = run(*command, "--jobs", n_jobs)
    lines = done.stderr.splitlines()
    assert all(
        line.startswith(
            ("making", "18 invented tracks", "analysed", "mlp, ", "fitted ")
        )
        for line in lines
    ), done.stderr


def test_unreadable_files_are_listed_above_the_table(made_tracks, tmp_path, capsys):
    for number, path in enumerate(made_tracks.paths[:4]):
        link = tmp_path / ("jazz", "rock")[number % 2] / f"{number}.wav"
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(path)
    (tmp_path / "rock" / "text.wav").write_text("no sound")
    command = [
        "benchmark",
        str(tmp_path),
        "--models",
        "dummy",
        "--folds",
        "2",
    ]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("left out: ")
    assert "text.wav" in lines[0]
    assert lines[1].startswith("4 tracks of ")
    assert any(line.split()[:2] == ["model", "protocol"] for line in lines)
    assert main([*command, "--strict"]) == 1
    assert "skgenre: error: " in capsys.readouterr().err


def test_audit_prints_what_it_finds_and_says_so_by_its_exit_code(
    made_tracks, tmp_path, capsys
):
    for genre in ("jazz", "rock"):
        (tmp_path / genre).mkdir()
        for number, path in enumerate(made_tracks.paths[:3]):
            (tmp_path / genre / f"{number}.wav").symlink_to(path)
    (tmp_path / "rock" / "text.wav").write_text("no sound")
    assert main(["audit", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "unreadable" in printed
    assert "two-labels" in printed
    assert main(["audit", str(tmp_path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    faults = {finding["fault"] for finding in report["findings"]}
    assert {"unreadable", "exact-replica", "two-labels"} <= faults


def test_audit_names_the_way_out_of_opposite_channels(tmp_path, capsys):
    noise = 0.1 * np.random.default_rng(0).standard_normal(66150)
    for genre in ("jazz", "rock"):
        (tmp_path / genre).mkdir()
        path = tmp_path / genre / "inverted.wav"
        soundfile.write(path, np.stack([noise, -noise], axis=1), 22050)
        noise = noise[::-1]
    assert main(["audit", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "out-of-phase: 2" in printed
    assert "channel='left'" in printed
    assert main(["audit", str(tmp_path), "--channel", "left"]) == 0


def test_audit_of_sound_tracks_finds_nothing(made_tracks, capsys):
    assert main(["audit", folder_of(made_tracks)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--models", "vgg"], "'vgg' is not one of mlp, "),
        (["--models", ""], "expected distinct names"),
        (["--protocols", "genre"], "'genre' is not one of segment, track, artist"),
        (["--tags", "--gtzan", "b"], "not allowed with"),
        (["--gtzan"], "expected a DIR with --gtzan"),
        (["--folds", "1"], "at least 2, got '1'"),
        (["--epochs", "zero"], "at least 1, got 'zero'"),
        (["--seeds", "0,-1"], "a whole number from 0 to 4294967295, got '-1'"),
        (["--seeds", "1,01"], "expected distinct seeds, got '1,01'"),
        (["--nonsense"], "unrecognized arguments"),
    ],
)
def test_wrong_command_is_refused_with_exit_code_2(words, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["benchmark", *words])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_models_of_the_command_line_are_those_of_the_registry():
    with pytest.raises(ValueError, match="must be one of") as caught:
        make_model("absent")
    names = re.findall("'(.*?)'", str(caught.value).partition(", got")[0])
    assert set(MODEL_NAMES) == set(names)
    assert set(PROTOCOL_NAMES) == set(PROTOCOLS)


def test_output_that_is_no_folder_is_found_before_the_work(tmp_path, capsys, caplog):
    (tmp_path / "file").write_text("")
    output = str(tmp_path / "file")
    assert main(["benchmark", "--quick", "--output", output]) == 1
    assert capsys.readouterr().err == f"skgenre: error: {output}: File exists\n"
    assert "making" not in caplog.text


def test_failed_work_is_one_line_and_exit_code_1(tmp_path):
    done = run("benchmark", str(tmp_path / "absent"))
    assert done.returncode == 1
    assert done.stderr.startswith("skgenre: error: ")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" in run("benchmark", "--debug", str(tmp_path / "absent")).stderr


@pytest.mark.parametrize("command", ["", *make_parser()[1]])
def test_help_fits_80_columns(command, capsys, monkeypatch):
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((80, 24)))
    with pytest.raises(SystemExit):
        main([command, "--help"] if command else ["--help"])
    shown = capsys.readouterr().out
    assert "examples:\n  skgenre " in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predcit"], "no command 'predcit', did you mean predict?"),
        (["help", "trian"], "no command 'trian', did you mean train?"),
        (["genres"], "no command 'genres' (see skgenre --help)"),
        (["--json", "info"], "'--json' stands before the command"),
        (["info", "--jsn"], "arguments: --jsn, did you mean --json? (see skgenre info"),
    ],
)
def test_wrong_words_are_answered_by_likely_ones(words, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_no_words_are_answered_by_help_which_is_no_answer(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    with pytest.raises(SystemExit):
        main(["--help"])
    assert captured.err == capsys.readouterr().out


# The word of a shell's unset variable: as a path, it would be the current folder.
@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["audit", ""], "DIR"),
        (["benchmark", "genres", "--output", ""], "--output"),
        (["benchmark", "genres", "--output="], "--output"),
        (["extract", "genres", "-o", "a.npz", "--cache-dir", ""], "--cache-dir"),
        (["info", ""], "MODEL"),
        (["predict", "", "a.wav"], "MODEL"),
        (["predict", "m.skops", "a.wav", "--playlist", ""], "--playlist"),
        (["tag", "a.wav", "--weights-dir", ""], "--weights-dir"),
        (["train", "genres", "-o", ""], "-o/--output"),
    ],
)
def test_an_empty_word_is_no_path(words, name, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    error = f"argument {name}: expected a path, got '' (see"
    assert error in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "meant"),
    [("help", "--help"), ("version", "--version"), ("-V", "--version")],
)
def test_words_that_people_try_mean_what_they_expect(word, meant, capsys):
    for arguments in ([word], [meant]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert shown == 2 * shown[: len(shown) // 2] != ""


def test_help_of_a_command_is_its_own(capsys):
    for arguments in (["help", "tag"], ["tag", "--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
    shown = capsys.readouterr().out
    assert shown == 2 * shown[: len(shown) // 2]
    assert shown.startswith("usage: skgenre tag ")


def test_benchmark_prints_its_results_as_json(made_tracks, tmp_path, capsys):
    folder, output = folder_of(made_tracks), tmp_path / "out"
    command = ["benchmark", folder, "--models", "dummy", "--folds", "2", "--json"]
    assert main([*command, "--output", str(output)]) == 0
    shown = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert shown == json.loads((output / "results.json").read_text())


def test_json_of_the_paper_s_experiments_is_beside_the_scores(monkeypatch, capsys):
    rows = [{"model": "mlp", "test_accuracy": float("nan")}]
    paper = PaperResult(rows=rows, histories={}, samples=[], n_tracks=18)
    monkeypatch.setattr("skgenre.benchmark.reproduce_paper", lambda *_, **__: paper)
    command = ["benchmark", "--quick", "--models", "dummy", "--paper", "--json"]
    assert main(command) == 0
    shown = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert shown["paper"] == [{"model": "mlp", "test_accuracy": None}]
    assert shown["summary"][0]["model"] == "dummy"

"""The command line as a process: its streams, its signals, what it imports."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import skgenre
from skgenre.audit import audit_tracks
from skgenre.cli import main

COMMAND = [sys.executable, "-P", "-m", "skgenre"]

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


def heed_ctrl_c():
    # A shell's background jobs, CI's perhaps, start with the signal ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments, **streams):
    return subprocess.Popen(
        [*COMMAND, *arguments],
        preexec_fn=heed_ctrl_c if os.name == "posix" else None,
        **{
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            **streams,
        },
    )


def run_in_shell(command, *arguments):
    """Run a shell's command line in which "$@" is skgenre and the arguments."""
    return subprocess.run(
        ["bash", "-c", command, "bash", *COMMAND, *arguments],
        capture_output=True,
        text=True,
    )


def modules_after(*arguments):
    """Top-level modules that are loaded once the process of a command is done."""
    code = (
        "import runpy, sys\n"
        f"sys.argv[1:] = {list(arguments)!r}\n"
        "try:\n    runpy.run_module('skgenre', run_name='__main__')\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_help_is_shown_by_a_python_without_docstrings():
    command = [sys.executable, "-P", "-OO", "-m", "skgenre", "audit", "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "folders of genre folders" in done.stdout


def test_help_is_shown_before_anything_heavy_is_imported():
    code = (
        "import sys\n"
        "from skgenre.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE)
    loaded = set(done.stdout.decode().splitlines()[-1].split())
    assert "argparse" in loaded
    assert not {"numpy", "scipy", "sklearn", "joblib", "tqdm"} & loaded


COMPLETIONS = [
    ("pre", {"predict"}),
    ("predict ", {"m.skops", "genres/"}),
    ("predict m.skops --la", {"--labels"}),
    ("predict m.skops --labels a", {"audacity"}),
    ("train --model l", {"lstm", "lda", "logistic", "logistic-segments"}),
    ("benchmark --models knn,c", {"knn,cnn", "knn,covariance"}),
    (
        "benchmark --protocols track,",
        {f"track,{p}" for p in ("segment", "artist", "filtered")},
    ),
    ("benchmark --output ", {"genres/"}),
    ("train ", {"genres/", "tracks.csv"}),
    ("train genres --jobs ", set()),
]


def ask_for_completions(line, tmp_path, *options):
    """Ask as the shell functions of argcomplete do; return the process and words."""
    answer = tmp_path / "answer"
    answer.write_text("")
    environment = {
        **os.environ,
        **{"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_TYPE": "9"},
        **{"COMP_LINE": f"skgenre {line}", "COMP_POINT": str(len(line) + 8)},
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
    }
    done = subprocess.run(
        [sys.executable, *options],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done, {word.strip() for word in answer.read_text().split("\n") if word}


@posix_only
@pytest.mark.parametrize(("line", "words"), COMPLETIONS)
def test_a_shell_is_told_what_may_stand_at_its_cursor(line, words, tmp_path):
    pytest.importorskip("argcomplete")
    (tmp_path / "genres").mkdir()
    for name in ("m.skops", "song.mp3", "tracks.csv"):
        (tmp_path / name).write_text("")
    done, answer = ask_for_completions(line, tmp_path, "-P", "-m", "skgenre")
    assert (done.stdout, done.stderr) == ("", "")
    assert answer == words


def test_completion_without_argcomplete_runs_nothing(tmp_path):
    code = (
        "import sys\n"
        "sys.modules['argcomplete'] = None\n"
        "sys.argv = ['skgenre', '--version']\n"
        "from skgenre.cli.program import run\n"
        "sys.exit(run())"
    )
    done, answer = ask_for_completions("info ", tmp_path, "-P", "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert answer == set()


def test_classical_prediction_imports_neither_tensorflow_nor_plots(
    made_tracks, model_file
):
    loaded = modules_after("predict", model_file, made_tracks.paths[0])
    assert "sklearn" in loaded
    assert not {"tensorflow", "keras", "scikeras", "matplotlib", "pandas"} & loaded


def test_info_imports_not_even_scikit_learn(model_file):
    assert not {"sklearn", "tensorflow"} & modules_after("info", model_file)


@posix_only
@pytest.mark.parametrize("arguments", [["--help"], ["info"], ["predict"]])
def test_reader_that_goes_ends_the_command_quietly(arguments, made_tracks, model_file):
    if arguments != ["--help"]:
        arguments = [*arguments, model_file]
    if "predict" in arguments:
        arguments = [*arguments, *made_tracks.paths]
    done = run_in_shell('"$@" | true; exit ${PIPESTATUS[0]}', *arguments)
    assert (done.returncode, done.stderr) == (141, "")


@posix_only
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_error_and_take_no_output(closed, made_tracks, tmp_path):
    folder = made_tracks.paths[0].rsplit("/", 3)[0]
    file = tmp_path / "features.npz"
    done = run_in_shell(f'"$@" {closed}', "extract", folder, "-o", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(skgenre.load_mfcc_npz(file).paths) == len(made_tracks.paths)


@posix_only
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["predict"]])
def test_full_standard_output_is_one_line(arguments, made_tracks, model_file):
    if arguments == ["predict"]:
        arguments = ["predict", model_file, made_tracks.paths[0]]
    done = run_in_shell('"$@" >/dev/full', *arguments)
    assert done.returncode == 1
    assert done.stderr == "skgenre: error: standard output: No space left on device\n"


@posix_only
def test_ctrl_c_in_a_prediction_is_one_line(made_tracks, model_file):
    process = start("predict", model_file, *made_tracks.paths.tolist() * 50)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1] == "skgenre: interrupted\n"
    assert process.returncode == 130


@posix_only
@pytest.mark.parametrize("n_jobs", ["1", "2"])
def test_ctrl_c_in_an_extraction_leaves_no_file(n_jobs, made_tracks, tmp_path):
    sound = Path(made_tracks.paths[0]).read_bytes()[: 4 * 22050 * 2]
    for number in range(400):
        link = tmp_path / "genres" / "jazz" / f"{number}.wav"
        link.parent.mkdir(parents=True, exist_ok=True)
        # Copies: links to one file would be one track.
        link.write_bytes(sound)
    cache, folder = tmp_path / "cache", str(tmp_path / "genres")
    arguments = ["-o", str(tmp_path / "features.npz"), "--cache-dir", str(cache)]
    process = start("extract", folder, *arguments, "--jobs", n_jobs)
    while process.poll() is None and not list(cache.glob("*/*.npy")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1] == "skgenre: interrupted\n"
    assert process.returncode == 130
    assert sorted(os.listdir(tmp_path)) == ["cache", "genres"]


def test_unexpected_error_is_one_line_with_its_type(model_file, capsys, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(skgenre, "load_model", fail)
    assert main(["predict", model_file, "a.wav"]) == 1
    assert capsys.readouterr().err == ("skgenre: error: RuntimeError: first; second\n")
    with pytest.raises(RuntimeError, match="first"):
        main(["predict", model_file, "a.wav", "--debug"])


NOTED = ValueError("epochs must be positive")
NOTED.add_note("fold 2")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a.skops"),
            "a.skops: No such file or directory",
        ),
        (NOTED, "epochs must be positive (fold 2)"),
        (ValueError("two files:\na\tb\n\udcff\n"), r"two files: a\tb; \udcff"),
    ],
)
def test_errors_are_one_line_without_python_s_own_numbers(
    error, line, capsys, monkeypatch
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(skgenre, "load_model", fail)
    assert main(["predict", "a.skops", "a.wav"]) == 1
    assert capsys.readouterr().err == f"skgenre: error: {line}\n"


def test_answers_a_stream_cannot_encode_are_escaped(model_file, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["predict", model_file, "fräulein.wav"]) == 1
    assert b"\nfr\\xe4ulein.wav  error: " in stream.buffer.getvalue()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_and_vanishes(
    made_tracks, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "stderr", Terminal())
    folder = made_tracks.paths[0].rsplit("/", 3)[0]
    before = threading.enumerate()
    main(["extract", folder, "-o", str(tmp_path / "features.npz")])
    assert "analysing" in sys.stderr.getvalue()
    assert "/24 [" in sys.stderr.getvalue()
    main(["audit", folder])
    assert "auditing" in sys.stderr.getvalue()
    assert sys.stderr.getvalue().endswith(" \r")
    assert threading.enumerate() == before


def test_progress_is_not_shown_where_there_is_no_terminal(
    made_tracks, tmp_path, capsys
):
    folder = made_tracks.paths[0].rsplit("/", 3)[0]
    main(["extract", folder, "-o", str(tmp_path / "features.npz")])
    assert capsys.readouterr().err == ""


def test_audit_hands_its_tracks_to_a_progress_of_ones_own(made_tracks):
    seen = []

    def progress(iterable, *, total, desc):
        for item in iterable:
            seen.append((total, desc))
            yield item

    report = audit_tracks(made_tracks.paths[:3], progress=progress)
    assert seen == [(3, "auditing")] * 3
    assert report.findings == audit_tracks(made_tracks.paths[:3]).findings


def test_command_inside_a_process_leaves_no_trace_in_it(
    made_tracks, model_file, tmp_path
):
    folder = made_tracks.paths[0].rsplit("/", 3)[0]
    train = ["train", folder, "--model", "mlp", "--set", "epochs=1", "--set"]
    benchmark = ["benchmark", folder, "--models", "knn", "--folds", "2"]
    codes = {
        (): 2,
        ("--help",): 0,
        ("--version",): 0,
        ("predict", "--help"): 0,
        ("extract", folder, "-o", str(tmp_path / "a.npz"), "--jobs", "2"): 0,
        (*train, "hidden_layer_sizes=[4]", "-o", str(tmp_path / "a.skops")): 0,
        ("train", folder, "--set", "epochs=-1", "-o", str(tmp_path / "b.skops")): 2,
        ("info", model_file): 0,
        ("info", str(tmp_path / "absent")): 1,
        ("predict", str(tmp_path / "a.skops"), made_tracks.paths[0]): 0,
        ("predict", model_file, "absent.wav"): 1,
        (*benchmark, "--output", str(tmp_path / "report")): 0,
        ("benchmark", str(tmp_path / "absent")): 1,
        ("audit", folder): 0,
    }
    script = str(Path(__file__).with_name("cli_traces.py"))
    done = subprocess.run(
        [sys.executable, script, json.dumps([*map(list, codes)])],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    changes = dict(zip(codes, json.loads(done.stdout), strict=True))
    assert changes == {command: [code, []] for command, code in codes.items()}


def test_keras_has_pandas_after_a_prediction_in_its_process(made_tracks, tmp_path):
    model = skgenre.make_model("mlp", hidden_layer_sizes=(4,), epochs=1, n_segments=1)
    model.fit(made_tracks.paths, made_tracks.target)
    skgenre.save_model(model, tmp_path / "mlp.skops")
    command = ["predict", str(tmp_path / "mlp.skops"), made_tracks.paths[0]]
    code = (
        "from skgenre.cli import main\n"
        f"assert main({command!r}) == 0\n"
        "import keras, pandas\n"
        "column = pandas.Series([0.0, 1.0])\n"
        "model = keras.Sequential([keras.layers.Dense(1)])\n"
        "model.compile(loss='mse')\n"
        "model.fit(column, column, verbose=0)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@posix_only
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_output_stays_where_a_command_inside_a_process_has_found_it():
    code = (
        "import os\n"
        "from skgenre.cli import main\n"
        "before = os.fstat(1)\n"
        "assert main(['--help']) == 1\n"
        "assert os.fstat(1) == before\n"
        "os._exit(0)\n"
    )
    done = run_in_shell(f'"$1" -c "{code}" >/dev/full')
    assert done.returncode == 0, done.stderr


def test_command_runs_where_there_are_no_streams(model_file, monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert main(["info", model_file]) == 0
    assert main(["info", "absent"]) == 1

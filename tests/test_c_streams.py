"""Promises of skgenre._c_streams: decoders print nothing, all others are heard."""

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.skipif(
    "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", ()), reason="needs glibc"
)

# The C functions of the process, and its two streams.
PRELUDE = """
import ctypes, json, os, sys, threading
from skgenre.audio import load_audio
libc = ctypes.CDLL(None)
libc.fputs.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
out, err = (ctypes.c_void_p.in_dll(libc, name) for name in ("stdout", "stderr"))
paths = sys.argv[1:]
"""


def run(code, *paths):
    command = [sys.executable, "-W", "ignore", "-c", PRELUDE + code, *map(str, paths)]
    result = subprocess.run(command, capture_output=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout.decode(), result.stderr.decode()


@pytest.fixture
def damaged_mp3(tmp_path):
    """An MP3 whose headers are right, with damage in nearly all frames."""
    path = tmp_path / "damaged.mp3"
    rng = np.random.default_rng(0)
    soundfile.write(path, 0.1 * rng.standard_normal((441_000, 2)), 44100)
    content = bytearray(path.read_bytes())
    for frame in list(re.finditer(rb"\xff\xfb[\x10-\xeb]", content))[5:]:
        content[frame.start() + 8 : frame.start() + 30] = rng.bytes(22)
    path.write_bytes(content)
    return path


@pytest.fixture
def damaged_alac(tmp_path):
    """An ALAC file whose table of packets has a number of more than five bytes."""
    path = tmp_path / "damaged.caf"
    noise = 0.1 * np.random.default_rng(0).standard_normal(100_000)
    soundfile.write(path, noise, 44100, format="CAF", subtype="ALAC_16")
    content = bytearray(path.read_bytes())
    table = content.index(b"pakt") + 36
    content[table : table + 8] = b"\xff" * 8
    path.write_bytes(content)
    return path


LOAD = """
for path in paths:
    try:
        load_audio(path)
    except OSError:
        pass
libc.fflush(None)
"""


def test_decoders_print_by_themselves(damaged_mp3, damaged_alac):
    """Otherwise nothing is tested below."""
    code = "import soundfile\nfor path in paths:\n    {}\nlibc.fflush(None)"
    read = "try: soundfile.read(path)\n    except soundfile.LibsndfileError: pass"
    out, err = run(code.format(read), damaged_mp3, damaged_alac)
    assert "Ooops!" in out
    assert "libmpg123" in err


def test_damaged_files_print_nothing(damaged_mp3, damaged_alac):
    assert run(LOAD, damaged_mp3, damaged_alac) == ("", "")


def test_what_other_threads_write_meanwhile_is_passed_on(damaged_mp3):
    code = """
n_lines = 0
done = threading.Event()
def write():
    global n_lines
    while not done.wait(1e-4):
        libc.fputs(b"C out %d\\n" % n_lines, out)
        libc.fputs(b"C err %d\\n" % n_lines, err)
        os.write(2, b"Python err %d\\n" % n_lines)
        n_lines += 1
def load():
    for _ in range(5):
        load_audio(paths[0])
writer = threading.Thread(target=write)
writer.start()
loaders = [threading.Thread(target=load) for _ in range(4)]
for loader in loaders: loader.start()
for loader in loaders: loader.join()
done.set()
writer.join()
libc.fflush(None)
os.write(1, json.dumps({"n_lines": n_lines}).encode() + b"\\n")
"""
    out, err = run(code, damaged_mp3)
    lines = out.splitlines()
    (summary,) = [line for line in lines if line.startswith("{")]
    lines.remove(summary)
    n_lines = json.loads(summary)["n_lines"]
    assert n_lines > 10
    assert sorted(lines) == sorted(f"C out {number}" for number in range(n_lines))
    assert sorted(err.splitlines()) == sorted(
        f"{name} err {number}" for name in ("C", "Python") for number in range(n_lines)
    )


def test_the_streams_are_as_before_when_nothing_is_decoded(damaged_mp3):
    code = """
before = out.value, err.value
load_audio(paths[0])
assert (out.value, err.value) == before
try:
    load_audio(paths[0], channel=7)
except OSError:
    pass
assert (out.value, err.value) == before
"""
    run(code, damaged_mp3)


def test_what_a_thread_writes_late_is_passed_on_at_the_end():
    code = """
from skgenre._c_streams import quiet_libraries
with quiet_libraries():
    taken = err.value
libc.fputs(b"late\\n", taken)
"""
    assert run(code) == ("", "late\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_decoding_writes_where_its_parent_did():
    code = """
from skgenre._c_streams import quiet_libraries
with quiet_libraries():
    child = os.fork()
    if child == 0:
        libc.fputs(b"child\\n", err)
        with quiet_libraries():
            libc.fputs(b"[src/libmpg123/layer3.c] error\\n", err)
            libc.fputs(b"child again\\n", err)
        os._exit(0)
    os.waitpid(child, 0)
    libc.fputs(b"parent\\n", err)
"""
    assert run(code) == ("", "child\nchild again\nparent\n")


def test_a_flood_of_messages_is_not_kept():
    code = """
from skgenre import _c_streams as c_streams
for _ in range(30):
    with c_streams.quiet_libraries():
        for _ in range(1000):
            libc.fputs(b"[src/libmpg123/layer3.c] error" + b"!" * 100 + b"\\n", err)
(_, stream) = c_streams._QUIET_STREAMS._streams
assert os.fstat(stream._descriptor).st_size < 2**21
"""
    assert run(code) == ("", "")


# The first fit of a process.
FIRST_FIT = """
import numpy as np
from skgenre import KerasGenreClassifier
def build(input_shape, n_classes):
    from keras import Sequential, layers
    return Sequential([layers.Flatten(), layers.Dense(n_classes, "softmax")])
X, y = np.random.default_rng(0).normal(size=(12, 2, 8, 4)), np.repeat(["a", "b"], 6)
KerasGenreClassifier(build, epochs=1, callbacks=[]).fit(X, y)
"""

# By XLA and without, and by workers.
FURTHER_FITS = """
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from skgenre import CNNGenreClassifier, MLPGenreClassifier
MLPGenreClassifier(hidden_layer_sizes=(4,), epochs=1, batch_size=2).fit(X, y)
CNNGenreClassifier(filters=(2,), kernel_sizes=((2, 2),), epochs=1).fit(X, y)
mlp = MLPGenreClassifier(hidden_layer_sizes=(4,), epochs=1)
with parallel_config("loky", inner_max_num_threads=1):
    GridSearchCV(mlp, {"dropout": [0, 0.5]}, cv=2, n_jobs=2).fit(X, y)
"""


def test_tensorflow_prints_nothing_here_or_in_workers(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    assert run(FIRST_FIT + FURTHER_FITS) == ("", "")


def test_tensorflow_prints_if_it_is_told_to(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    out, err = run(FIRST_FIT)
    assert out == ""
    assert "rebuild TensorFlow" in err


ABORT = """
from skgenre.training.keras_state import quiet_tensorflow
with quiet_tensorflow():
    libc.fputs(b"I0000 00:00:1795725348.5 17821 port.cc:153] oneDNN is on.\\n", err)
    libc.fputs(b"F cpu_feature_guard.cc:1] compiled to use AVX instructions\\n", err)
    if paths:
        libc.abort()
libc.abort()
"""


@pytest.mark.parametrize("where", [["inside"], []])
def test_why_tensorflow_aborts_is_shown(monkeypatch, where):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    command = [sys.executable, "-c", PRELUDE + ABORT, *where]
    done = subprocess.run(command, capture_output=True, timeout=120)
    said = b"F cpu_feature_guard.cc:1] compiled to use AVX instructions\n"
    assert done.stderr == said
    assert done.returncode == -signal.SIGABRT


HANDLER = """
import faulthandler
from skgenre.training.keras_state import quiet_tensorflow
faulthandler.enable()
def read():
    action = ctypes.create_string_buffer(512)
    libc.sigaction(6, None, action)
    return action.raw[:16] + action.raw[136:140]  # handler, mask, flags
before = read()
assert any(before[16:])
with quiet_tensorflow():
    inside = read()
    with quiet_tensorflow():
        assert read() == inside
    assert read() == inside
assert inside != before == read()
"""


def test_the_user_s_handler_of_aborts_is_back_with_its_flags(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    run(HANDLER)

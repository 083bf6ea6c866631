"""What SECURITY.md promises: of the code, and the tests and numbers it names."""

import ast
import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import skgenre
from skgenre.audio.ffmpeg import DECODERS, DEMUXERS

PACKAGE = Path(skgenre.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ROOT = Path(__file__).parents[1]

FORBIDDEN_MODULES = {"subprocess", "marshal", "shelve", "dill", "pty", "commands"}
FORBIDDEN_MODULES |= {"code", "runpy", "webbrowser"}
FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.startfile"),
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load"),
    *("cloudpickle.load", "cloudpickle.loads", "pandas.read_pickle"),
    *("skops.io.load", "skops.io.loads", "tensorflow.saved_model.load"),
    *("keras.models.load_model", "keras.saving.load_model", "keras.utils.get_file"),
    *("keras.saving.deserialize_keras_object", "keras.models.model_from_json"),
    *("tempfile.mktemp", "yaml.load", "numpy.fromregex", "shutil.unpack_archive"),
}
FORBIDDEN_BEGINNINGS = ("os.exec", "os.spawn", "os.posix_spawn", "os.fork")
FORBIDDEN_BEGINNINGS += ("multiprocessing.",)
ALLOWED_CALLS = {"multiprocessing.current_process"}  # starts none


def calls(tree):
    """Yield the full name of each function that is called, and its keywords."""
    full_names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    full_names[alias.asname] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                full_names[alias.asname or alias.name] = name
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, dot, rest = ast.unparse(node.func).partition(".")
            name = full_names.get(first, first) + dot + rest
            yield name, {k.arg: k.value for k in node.keywords}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_code_of_a_file_is_run_and_no_shell(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in [*(alias.name for alias in node.names), getattr(node, "module", "")]
        if name
    }
    assert not imported & FORBIDDEN_MODULES
    for name, options in calls(tree):
        assert name not in FORBIDDEN_CALLS
        assert name in ALLOWED_CALLS or not name.startswith(FORBIDDEN_BEGINNINGS)
        allowed = options.get("allow_pickle", ast.Constant(False))
        assert ast.unparse(allowed) == "False"
        # numpy's default has changed once.
        assert name != "numpy.load" or "allow_pickle" in options
        assert not name.endswith("extractall") or "filter" in options
        assert "shell" not in options


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import pickle as p; p.loads(x)", "pickle.loads"),
        ("from pickle import loads as read; read(x)", "pickle.loads"),
        ("import numpy as np; np.load(x)", "numpy.load"),
        ("import os.path; os.system(x)", "os.system"),
        ("eval(x)", "eval"),
    ],
)
def test_a_forbidden_call_is_found_under_any_name(code, name):
    assert [found for found, _ in calls(ast.parse(code))] == [name]


@pytest.fixture(scope="module")
def policy():
    path = ROOT / "SECURITY.md"
    if not path.is_file():
        pytest.skip("not in a checkout")
    return path.read_text(encoding="utf-8")


def test_the_tests_that_the_policy_names_are_there(policy):
    named = re.findall(r"`((?:tests|benchmarks)/[\w/]+\.py)(?:::(\w+))?", policy)
    assert len(named) > 10
    for file, test in named:
        content = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {test}" in content, (file, test)


def test_every_guarantee_on_untrusted_input_names_tests(policy):
    section = policy.partition("## Untrusted input")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in section.splitlines() if row.startswith("| ")]
    assert len(rows) > 5
    assert all("`tests/test_" in row[3] for row in rows[1:])


def test_the_policy_counts_what_ffmpeg_may_run(policy):
    assert f"{len(DEMUXERS)} containers, {len(DECODERS)} decoders of sound" in policy
    assert f"allowed: {len(DECODERS)} of ffmpeg's" in policy


def test_the_policys_lowest_versions_are_those_declared(policy):
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table = re.findall(r"^\| ([\w-]+)(?: \(tests\))? \| ([\d.]+) \| ", policy, re.M)
    assert len(table) > 10
    for name, version in table:
        found = re.findall(rf'"{name}(?:\[\w+\])?>=([\d.]+)"', project)
        assert set(found) == {version}, name


def test_the_policys_process_for_uploads_decodes_or_dies(policy, tmp_path):
    code = re.search(r"```python\n(.*?)```", policy, re.DOTALL)[1]
    tone = np.sin(np.arange(4 * 22050))
    soundfile.write(tmp_path / "tone.wav", tone, 22050)
    (tmp_path / "text.wav").write_text("no sound")
    found = {}
    for name in ("tone.wav", "text.wav"):
        scope = {"path": tmp_path / name}
        exec(code, scope)
        found[name] = scope["done"]
    features = np.load(io.BytesIO(found["tone.wav"].stdout), allow_pickle=False)
    assert features.shape[:2] == (1, 10)
    assert found["text.wav"].returncode != 0

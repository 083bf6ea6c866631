"""What SECURITY.md promises of the code: no pickle is read, no code or shell is run."""

import ast
from pathlib import Path

import pytest

import skgenre

PACKAGE = Path(skgenre.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

FORBIDDEN_MODULES = {"subprocess", "marshal", "shelve", "dill", "pty", "commands"}
FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "os.system", "os.popen", "os.startfile"),
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load"),
    *("cloudpickle.load", "cloudpickle.loads", "keras.models.load_model"),
    *("tempfile.mktemp", "yaml.load", "np.fromregex", "shutil.unpack_archive"),
}


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {k.arg: k.value for k in node.keywords}


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
        allowed = options.get("allow_pickle", ast.Constant(False))
        assert ast.unparse(allowed) == "False"
        # numpy's default has changed once.
        assert name not in ("np.load", "numpy.load") or "allow_pickle" in options
        assert not name.endswith("extractall") or "filter" in options
        assert "shell" not in options

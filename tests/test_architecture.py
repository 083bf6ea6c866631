"""The layers of the package: each module imports from lower layers only."""

import ast
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import skgenre

PACKAGE = Path(skgenre.__file__).parent
# A folder is one module: what happens inside it is its own affair.
LAYERS = [
    {"_blocks", "_c_streams", "_compat", "_ending", "_native_checks", "_threads"},
    {
        "_doc_links",
        "_download",
        "_fitting",
        "_io",
        "_products",
        "_scikeras",
        "_typing",
        "_validation",
        "_workers",
    },
    {"_tables", "audio", "mfcc", "networks", "pooling", "segments", "training"},
    {"pretrained"},
    {
        "datasets",
        "features",
        "model_selection",
        "track_classifier",
    },
    {"audit", "keras_classifiers", "segment_union", "timeline"},
    {"model_check", "models"},
    {"benchmark", "displays", "persistence"},
    {"report"},
    {"cli"},
]
LEVEL = {module: level for level, modules in enumerate(LAYERS) for module in modules}
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"keras", "tensorflow", "librosa", "matplotlib", "pandas", "scikeras"}


def module_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def without_type_checking(tree):
    """The code that runs: what only type checkers read binds no layers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return tree


def imports(tree):
    for node in ast.walk(without_type_checking(tree)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node, node.module


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_module_imports_from_lower_layers_only(path):
    module = module_of(path)
    if module in ("__init__", "__main__"):
        return
    assert module in LEVEL, "a new module needs its layer"
    for _, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        parts = name.split(".")
        if parts[0] == "skgenre" and parts[1:] and parts[1] != module:
            assert LEVEL[parts[1]] < LEVEL[module], f"{module} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_are_imported_inside_functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = [node for node, name in imports(tree) if name.split(".")[0] in HEAVY]
    assert not set(map(id, top)) & set(map(id, tree.body))


def test_folder_has_no_import_cycle():
    graph = {}
    for path in FILES:
        name = ".".join(("skgenre", *path.relative_to(PACKAGE).with_suffix("").parts))
        name = name.removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        graph[name] = {target for _, target in imports(tree) if target != name}
    while leaves := {
        name for name, targets in graph.items() if not targets & set(graph)
    }:
        graph = {name: targets for name, targets in graph.items() if name not in leaves}
    assert not graph, "these modules import each other in a circle"


def run(code):
    return subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_import_loads_no_heavy_library():
    loaded = run("import sys, skgenre; print(*sys.modules)").split()
    assert not HEAVY & {name.split(".")[0] for name in loaded}


def test_the_extractor_loads_neither_searches_nor_scikit_learn_s_callbacks():
    # They take 0.1 s and 8 MB, in every process that extracts.
    code = "import sys; from skgenre import MFCCExtractor; print(*sys.modules)"
    spared = {"sklearn.callback", "sklearn.model_selection", "sklearn.pipeline"}
    assert not spared & set(run(code).split())


def test_estimators_load_neither_tensorflow_nor_librosa():
    code = (
        "import sys, skgenre\n"
        "[getattr(skgenre, name) for name in skgenre.__all__]\n"
        "skgenre.make_model('cnn')\n"
        "print(*sys.modules)"
    )
    # scikit-learn itself imports pandas where it is installed.
    assert not (HEAVY - {"pandas"}) & {name.split(".")[0] for name in run(code).split()}


def test_only_one_module_knows_scikeras():
    knowing = {
        module_of(path)
        for path in FILES
        for _, name in imports(ast.parse(path.read_text(encoding="utf-8")))
        if name.split(".")[0] == "scikeras"
    }
    assert knowing == {"_scikeras"}


def test_only_one_module_analyses_many_files():
    knowing = {
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        if "run_workers(" in path.read_text(encoding="utf-8")
    }
    assert knowing == {"_workers.py", "features/analysis.py"}


def test_every_public_name_can_be_had_and_is_documented():
    for name in skgenre.__all__:
        assert getattr(skgenre, name).__doc__, name
    assert set(skgenre.__all__) <= set(dir(skgenre))


def test_each_name_is_listed_once_also_after_its_first_use():
    assert skgenre.MFCCExtractor is not None
    assert dir(skgenre).count("MFCCExtractor") == 1
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        skgenre.nonsense  # noqa: B018


@pytest.mark.parametrize(
    "name", ["AuditReport", "BenchmarkResult", "PaperResult", "Timeline"]
)
def test_results_take_keywords_only_and_can_be_replaced_and_pickled(name):
    kind = getattr(skgenre, name)
    values = {field.name: [1] for field in dataclasses.fields(kind)}
    with pytest.raises(TypeError, match="positional"):
        kind(*values.values())
    changed = dict.fromkeys([min(values)])
    result = dataclasses.replace(kind(**values), **changed)
    assert vars(pickle.loads(pickle.dumps(result))) == values | changed


def test_the_developers_page_draws_every_module():
    page = Path(__file__).parents[1] / "docs/developing.rst"
    text = page.read_text(encoding="utf-8")
    drawing = text.partition("\nLayers\n")[2].partition("Where is it?")[0]
    for path in {PACKAGE / path.relative_to(PACKAGE).parts[0] for path in FILES}:
        name = f"{path.name}/" if path.is_dir() else path.name
        assert f" {name}" in drawing or name.startswith("__"), name

"""Digests of values: equal exactly where the values are."""

import importlib
import pickle
import subprocess
import sys
import threading
from functools import partial
from pickle import PicklingError

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgenre import MFCCExtractor, MLPGenreClassifier, make_model
from skgenre.benchmark.description import describe


def mask(n):
    kept = np.ones(2000, dtype=bool)
    kept[n] = False
    return kept


def select(X, kept):
    return X[:, kept]


def make_powers(exponent):
    return lambda X: X**exponent


def make_search(n=3, cv=2):
    parameters = {"C": stats.loguniform(1e-3, n), "tol": [1e-3]}
    return RandomizedSearchCV(LogisticRegression(), parameters, cv=cv)


first, second = [lambda X: X[:, :2], lambda X: X[:, 2:]]

DIFFERENT = {
    "number": (1, 2),
    "type of number": (1, 1.0),
    "truth": (1, True),
    "type of text": ("a", b"a"),
    "middle of an array": (mask(1000), mask(1001)),
    "type of array": (np.zeros(2), np.zeros(2, np.float32)),
    "shape": (np.zeros((2, 3)), np.zeros((3, 2))),
    "objects in an array": (np.array([1, "a"], object), np.array([1, "b"], object)),
    "parameter": (make_model("knn", n_neighbors=1), make_model("knn", n_neighbors=2)),
    "array in a step": (
        make_pipeline(FunctionTransformer(select, kw_args={"kept": mask(1000)})),
        make_pipeline(FunctionTransformer(select, kw_args={"kept": mask(1001)})),
    ),
    "values that print alike": (
        GaussianNB(priors=[0.1 + 0.2]),
        GaussianNB(priors=[0.3]),
    ),
    "names of steps": (
        make_model("knn"),
        make_model("knn").set_params(
            steps=[("a", MFCCExtractor()), ("b", GaussianNB())]
        ),
    ),
    "functions": (FunctionTransformer(np.log), FunctionTransformer(np.sqrt)),
    "functions of one line": (first, second),
    "closures": (make_powers(2), make_powers(3)),
    "arguments of partials": (partial(select, kept=[0]), partial(select, kept=[1])),
    "scorers": (make_scorer(f1_score, pos_label=0), make_scorer(f1_score)),
    "splitters": (
        make_search(cv=StratifiedKFold(2)),
        make_search(cv=StratifiedKFold(3)),
    ),
    "distributions": (make_search(3), make_search(4)),
    "generators": (np.random.default_rng(0), np.random.default_rng(1)),
    "states of generators": (np.random.RandomState(0), np.random.RandomState(1)),
    "output": (
        GaussianNB(),
        FunctionTransformer().set_output(transform="pandas"),
    ),
    "frozen models": (
        FrozenEstimator(GaussianNB().fit([[0.0], [1.0]], [0, 1])),
        FrozenEstimator(GaussianNB().fit([[0.0], [2.0]], [0, 1])),
    ),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_told_apart(one, other):
    assert describe(one) != describe(other)
    for value in (one, other):
        copy = clone(value, safe=False)
        assert describe(copy) == describe(value)


def test_equal_values_made_in_other_ways_are_equal():
    text = "".join(["blu", "es"])
    shared, apart = [text] * 2, ["blues", "blu" + text[3:]]
    assert describe(shared) == describe(apart)
    assert describe({"a", "b", "c"}) == describe({"c", "b", "a"})
    array = np.arange(12.0).reshape(3, 4)
    assert describe(array[:, ::2]) == describe(array[:, ::2].copy())
    assert describe(make_powers(2)) == describe(make_powers(2))


def test_parameters_that_decide_no_number_do_not_count():
    one = make_pipeline(MFCCExtractor(), RandomForestClassifier())
    other = make_pipeline(
        MFCCExtractor(n_jobs=2, cache_dir="a"),
        RandomForestClassifier(n_jobs=2, verbose=1),
        memory="b",
    )
    assert describe(one) == describe(other)


class PickledHere(BaseEstimator):
    pass


def test_a_class_is_the_same_once_python_has_pickled_an_instance():
    before = describe(PickledHere())
    pickle.dumps(PickledHere())
    assert "__slotnames__" in vars(PickledHere)
    assert describe(PickledHere()) == before


class WithLock(BaseEstimator):
    def __init__(self, lock=None):
        self.lock = lock


def test_what_other_processes_cannot_be_told_of_has_no_digest(tmp_path):
    with open(tmp_path / "a", "w") as file:
        for value in (WithLock(threading.Lock()), partial(print, file=file)):
            with pytest.raises(TypeError, match="cannot pickle"):
                describe(value)
    nested = []
    for _ in range(10**5):
        nested = [nested]
    with pytest.raises(RecursionError):
        describe(nested)


def test_a_value_within_itself_has_no_digest():
    value = [1]
    value.append(value)
    with pytest.raises(RecursionError):
        describe(value)


MODULE = """\
import functools
from sklearn.base import BaseEstimator
import helper
UNITS = 4
def widen(n):
    return 2 * n
def build(shape, n, units=3):
    from keras import layers
    return layers.Dense(widen(units) + UNITS)
class Model(BaseEstimator):
    def __init__(self, k=1):
        self.k = k
    def fit(self, X, y):
        self.m = build(X, y)
        return super().fit(X)
    @property
    def size(self):
        return helper.size()
@functools.lru_cache
def cached(n):
    return build(n, n)
def again(n):
    return again(n - 1) if n else build
"""
HELPER = """\
# A comment.
import deeper
def size(): return 1
"""
DEEPER = "LIMIT = 9"
SCRIPT = """\
import sys
import skgenre
from skgenre.benchmark.description import describe
for folder in sys.argv[1:]:
    sys.path.insert(0, folder)
    for name in ("mine", "helper", "deeper"):
        sys.modules.pop(name, None)
    import mine
    classifier = skgenre.KerasGenreClassifier(mine.build)
    values = [classifier, mine.Model(), mine.cached, mine.again, {"a", "b", "c"}]
    print(*map(describe, values))
"""
CHANGES = {
    ("units=3", "units=5"): [0, 1, 2, 3],
    ("2 * n", "3 * n"): [0, 1, 2, 3],
    ("UNITS = 4", "UNITS = 5"): [0, 1, 2, 3],
    ("self.k = k", "self.k = k + 1"): [1],
    ("return helper.size()", "return 1"): [1],
    ("return build(n, n)", "return build(n, 2)"): [2],
    ("again(n - 1)", "again(n - 2)"): [3],
    ("def size(): return 1", "def size(): return 2"): [1],
    ("# A comment.", "# Another."): [1],
    ("LIMIT = 9", "LIMIT = 8"): [1],
}


def describe_in_a_process(folders):
    command = [sys.executable, "-B", "-P", "-c", SCRIPT, *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def test_code_of_the_users_is_told_apart_from_process_to_process(tmp_path):
    folders = []
    for number, change in enumerate([("", ""), *CHANGES]):
        folders.append(tmp_path / str(number))
        folders[-1].mkdir()
        sources = {"mine": MODULE, "helper": HELPER, "deeper": DEEPER}
        for name, content in sources.items():
            changed = content.replace(*change) if number else content
            (folders[-1] / f"{name}.py").write_text(changed)
    reference, *found = describe_in_a_process(folders)
    assert describe_in_a_process(folders[:1]) == [reference]
    for digests, (change, expected) in zip(found, CHANGES.items(), strict=True):
        differing = [i for i in range(5) if digests[i] != reference[i]]
        assert differing == expected, change


def test_networks_are_described_without_keras(tmp_path):
    script = (
        "import sys; from skgenre import MLPGenreClassifier\n"
        "from skgenre.benchmark.description import describe\n"
        "describe(MLPGenreClassifier()); print('keras' in sys.modules)"
    )
    command = [sys.executable, "-P", "-c", script]
    assert "False" in subprocess.run(command, capture_output=True, text=True).stdout
    assert describe(MLPGenreClassifier()) != describe(MLPGenreClassifier(epochs=2))


def test_what_pickle_knows_only_by_name_has_no_digest(tmp_path, monkeypatch):
    (tmp_path / "named.py").write_text(
        "class Named:\n    def __reduce__(self): return 'limit'\nlimit = Named()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import named

    with pytest.raises(PicklingError, match=r"named\.limit"):
        describe(named.limit)


def test_function_that_imports_from_its_package_depends_on_all_of_it(
    tmp_path, monkeypatch
):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/__init__.py").write_text("def f():\n    from .a import x\n")
    monkeypatch.syspath_prepend(tmp_path)
    digests = set()
    for value in (1, 2, 2):
        (tmp_path / "own/a.py").write_text(f"x = {value}")
        digests.add(describe(importlib.import_module("own").f))
    assert len(digests) == 2


def test_file_that_is_no_python_counts_in_a_package_as_others_do(tmp_path, monkeypatch):
    (tmp_path / "templated").mkdir()
    source = "def f():\n    import templated.a\n"
    (tmp_path / "templated/__init__.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    digests = set()
    for name in ("x", "y", "x"):
        (tmp_path / "templated/template.py").write_text(f"class {{{{ {name} }}}}:")
        digests.add(describe(importlib.import_module("templated").f))
    assert len(digests) == 2

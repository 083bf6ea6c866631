"""What the docstrings say of parameters is what the signatures say."""

import doctest
import importlib
import inspect
import pkgutil
import re
import tomllib
from operator import attrgetter
from pathlib import Path

import pytest
from numpydoc.validate import get_validation_checks, validate

import skgenre
import skgenre.model_selection
from skgenre.audit import FAULTS, Finding

PUBLIC = [getattr(skgenre, name) for name in skgenre.__all__]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(skgenre.__path__, "skgenre.")
    if not module.name.endswith("__main__")
]

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "pyproject.toml"
LISTED = re.findall(
    r"^   ([\w.]+)$", (ROOT / "docs" / "api.rst").read_text("utf-8"), re.MULTILINE
)


def documented_parameters(docstring):
    """Names and types of the section Parameters."""
    section = re.search(r"Parameters\n-+\n(.*?)(\n\n\S|\Z)", docstring, re.DOTALL)
    found = {}
    for names, kind in re.findall(
        r"^(\*{0,2}\w+(?:, \w+)*) : (.+)$", section[1] if section else "", re.MULTILINE
    ):
        found.update(dict.fromkeys(names.split(", "), kind))
    return found


def documented_callables():
    for obj in PUBLIC:
        # The values of a result's fields are its documented attributes.
        if not hasattr(obj, "__dataclass_fields__"):
            yield pytest.param(obj, id=obj.__name__)
        if inspect.isclass(obj):
            for name, method in inspect.getmembers(obj, inspect.isfunction):
                if not name.startswith("_") and method.__module__.startswith(
                    "skgenre."
                ):
                    yield pytest.param(method, id=f"{obj.__name__}.{name}")


@pytest.mark.parametrize("obj", list(documented_callables()))
def test_documented_parameters_are_those_of_the_signature(obj):
    documented = documented_parameters(inspect.getdoc(obj))
    signature = inspect.signature(obj).parameters.values()
    kinds = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    expected = [
        kinds.get(p.kind, "") + p.name
        for p in signature
        if p.name not in ("self", "args", "kwargs")
    ]
    assert list(documented) == expected


@pytest.mark.parametrize("obj", list(documented_callables()))
def test_documented_defaults_are_those_of_the_signature(obj):
    documented = documented_parameters(inspect.getdoc(obj))
    for parameter in inspect.signature(obj).parameters.values():
        stated = re.search(r"default=(.*)$", documented.get(parameter.name, ""))
        if parameter.default is inspect.Parameter.empty:
            assert not stated, parameter.name
        elif parameter.name != "y":
            assert stated, parameter.name
            assert eval(stated[1]) == parameter.default, parameter.name


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


@pytest.mark.parametrize("obj", PUBLIC, ids=lambda obj: obj.__name__)
def test_every_public_name_has_an_example(obj):
    if obj.__name__ not in ("BaseTrackClassifier", "BenchmarkResult", "PaperResult"):
        assert ">>>" in inspect.getdoc(obj)


def test_the_reference_lists_every_public_name_once():
    further = {*skgenre.model_selection.__all__} - {"PROTOCOLS"}
    further = {f"model_selection.{name}" for name in further} | {"audit.Finding"}
    assert sorted(LISTED) == sorted({*skgenre.__all__, *further})


def test_a_finding_explains_each_fault_in_the_order_of_a_report():
    explained = re.findall(r'- ``"(.+?)"``: \w', inspect.getdoc(Finding))
    assert tuple(explained) == FAULTS


def public_paths():
    """Where each public name is, and each of its methods and properties."""
    for name in LISTED:
        obj = attrgetter(name)(skgenre)
        yield f"skgenre.{name}"
        for method, member in inspect.getmembers(obj) if inspect.isclass(obj) else ():
            home = str(getattr(getattr(member, "fget", member), "__module__", ""))
            if not method.startswith("_") and home.startswith("skgenre."):
                yield f"skgenre.{name}.{method}"


@pytest.mark.parametrize("path", sorted(public_paths()))
def test_docstring_has_the_form_of_numpydoc(path):
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["tool"]
    checks = get_validation_checks(set(settings["numpydoc_validation"]["checks"]))
    # The values of a result's fields are its documented attributes.
    obj = attrgetter(path.removeprefix("skgenre."))(skgenre)
    if hasattr(obj, "__dataclass_fields__"):
        checks -= {"PR01"}
    faults = [fault for fault in validate(path)["errors"] if fault[0] in checks]
    assert faults == []


NETWORKS = [
    obj for obj in PUBLIC if "learning_rate" in inspect.signature(obj).parameters
]


@pytest.mark.parametrize("name", ["shuffle", "early_stopping", "callbacks"])
def test_networks_describe_what_they_share_in_the_same_words(name):
    entry = rf"^{name} : .*\n(    .*\n)+"
    texts = {
        re.search(entry, inspect.getdoc(network), re.MULTILINE)[0]
        for network in NETWORKS
    }
    assert len(NETWORKS) >= 5
    assert len(texts) == 1

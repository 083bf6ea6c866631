"""Promises of pyproject.toml: imports are declared, and CI installs the oldest."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import skgenre

ROOT = Path(__file__).parents[1]
# The documentation is made with the newest versions.
UNTESTED_EXTRAS = {"docs"}
# Distributions whose modules have other names.
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


def padded(version):
    """Numbers of a version, so that 1.26 equals 1.26.0."""
    return tuple(map(int, (version + ".0.0").split(".")[:3]))


def read_lower_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].items()
    required = project["dependencies"] + [
        requirement
        for extra, requirements in extras
        if extra not in UNTESTED_EXTRAS
        for requirement in requirements
        if not requirement.startswith("skgenre[")
    ]
    found = [re.fullmatch(r"([\w-]+)(\[.*\])?>=([\d.]+)", text) for text in required]
    assert all(found), required
    return {match[1]: padded(match[3]) for match in found}


def read_constraints():
    file = ROOT / ".ci" / "oldest.txt"
    if not file.is_file():
        pytest.skip("not in a checkout")
    lines = file.read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {name: padded(version) for name, version in pins}


def find_imports():
    """Distributions of all modules that the package imports, at any depth."""
    modules = set()
    for path in (ROOT / "skgenre").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules.add(node.module)
    tops = {module.partition(".")[0] for module in modules} - {"skgenre"}
    return {DISTRIBUTIONS.get(top, top) for top in tops - sys.stdlib_module_names}


def test_what_is_imported_is_declared_and_what_is_required_is_imported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {
        kind: {re.match(r"[\w-]+", text)[0] for text in requirements}
        for kind, requirements in {
            "required": project["dependencies"],
            **project["optional-dependencies"],
        }.items()
    }
    kinds = ("report", "ffmpeg", "tags", "completion")
    extras = set().union(*(names[kind] for kind in kinds))
    imported = find_imports()
    assert imported <= names["required"] | extras
    assert names["required"] <= imported


def test_oldest_versions_in_ci_are_the_declared_lower_bounds():
    bounds, constraints = read_lower_bounds(), read_constraints()
    # A version of dask goes with one of distributed, which is not declared by itself.
    assert constraints.pop("distributed") == constraints["dask"]
    assert constraints == bounds


def test_the_changelog_and_the_citation_name_the_last_release():
    citation, changelog = ROOT / "CITATION.cff", ROOT / "CHANGELOG.md"
    if not citation.is_file():
        pytest.skip("not in a checkout")
    cited = dict(re.findall(r"^([\w-]+): (\S+)$", citation.read_text("utf-8"), re.M))
    headings = re.findall(r"^## (.+)$", changelog.read_text("utf-8"), re.M)
    released = f"[{cited['version']}] - {cited['date-released']}"
    if ".dev" in skgenre.__version__:
        assert headings[:2] == ["[Unreleased]", released]
    else:
        assert headings[0] == released
        assert cited["version"] == skgenre.__version__

"""Type checkers and editors are told of every public name, and of its types."""

import ast
import inspect
from pathlib import Path

import pytest

import skgenre
import skgenre.model_selection

PACKAGE = Path(skgenre.__file__).parent


def public_callables():
    """Functions, constructors, methods and properties of public names."""
    modules = (skgenre, skgenre.model_selection)
    for obj in (getattr(module, name) for module in modules for name in module.__all__):
        if inspect.isfunction(obj):
            yield pytest.param(obj, id=obj.__name__)
        if inspect.isclass(obj):
            for name, member in inspect.getmembers(obj):
                member = member.fget if isinstance(member, property) else member
                is_ours = str(getattr(member, "__module__", "")).startswith("skgenre.")
                if is_ours and (not name.startswith("_") or name == "__init__"):
                    yield pytest.param(member, id=f"{obj.__name__}.{name}")


@pytest.mark.parametrize("function", list(public_callables()))
def test_public_signatures_have_types(function):
    signature = inspect.signature(inspect.unwrap(function))
    assert signature.return_annotation is not signature.empty
    assert not [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is parameter.empty
        and parameter.name not in ("self", "cls")
    ]


def test_type_checkers_find_each_public_name_where_it_is():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    found = {
        alias.asname: (node.module, alias.name)
        for node in block.body
        for alias in node.names
    }
    assert found == {
        name: (f"skgenre.{home}", name) for name, home in skgenre._HOMES.items()
    }


def test_package_says_that_it_has_types():
    assert (PACKAGE / "py.typed").is_file()

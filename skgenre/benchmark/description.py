"""Digests of what decides a result: values, the user's own code, versions of packages.

A value is digested as pickle writes it, with three differences: functions and classes
of the user's own are written with their code, not only by name; equal values are
written alike, be they one object or two; and parameters that change no number, such as
`n_jobs`, are left out.
"""

import abc
import ast
import dis
import hashlib
import importlib.util
import io
import pickle
import pickletools
import sys
from contextlib import suppress
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, ModuleType

from scipy import stats

from skgenre._compat import drop_callbacks
from skgenre.benchmark.result import PACKAGES
from skgenre.features import EXECUTION_PARAMETERS

# Pickle refuses these or writes only their names; their functions are in _WRAPPED.
_WRAPPERS = (property, staticmethod, classmethod, cached_property, type(cache(len)))
_WRAPPED = ("fget", "fset", "fdel", "func", "__wrapped__")
_UNKNOWN = "unknown: "


class _Empty(abc.ABC):
    """Has the attributes that Python itself gives to classes."""

    annotated: int
    __slotnames__ = ()  # given by `copyreg` when an instance is first pickled


def describe_parts(**parts):
    """Compute the digest of each of several values; for one without, say why."""
    described = {}
    for name, value in parts.items():
        try:
            described[name] = describe(value)
        # Whatever the user's classes raise, the run goes on and fits the model.
        except Exception as error:
            described[name] = f"{_UNKNOWN}{error}"
    return described


def explain_change(before, now):
    """Say what differs between two results of `describe_parts`; None for nothing.

    A value without a digest always differs.
    """
    reasons = []
    for name, digest in now.items():
        if digest.startswith(_UNKNOWN):
            what = digest.removeprefix(_UNKNOWN)
            reasons.append(f"{name} that cannot be told from others ({what})")
        elif before.get(name) != digest:
            reasons.append(f"other {name}")
    return " and ".join(reasons) or None


def describe(value):
    """Compute the digest of a value and of all its parts.

    Parameters
    ----------
    value : object
        Anything that can be pickled; also functions of any kind, classes and modules.

    Returns
    -------
    digest : str
        The same in every process.

    Raises
    ------
    Exception
        A part cannot be pickled, a lock for example, or pickle would write only its
        name, in a module of the user's: its content may have changed.
    """
    buffer = io.BytesIO()
    _ContentPickler(buffer).dump(value)
    words = []
    for opcode, argument, _ in pickletools.genops(buffer.getvalue()):
        if isinstance(argument, str):
            words.append(argument)
        if opcode.name == "STACK_GLOBAL" and not _is_installed(words[-2]):
            raise pickle.PicklingError(f"the content of {'.'.join(words[-2:])}")
    # The words of a pickle include all modules that it names. If another word happens
    # to be the name of a package, a new version costs a fit that was not needed.
    distributions = _list_distributions()
    tops = {word.partition(".")[0] for word in words}
    used = {name for top in tops for name in distributions.get(top, ())}
    # The versions of PACKAGES are compared for every fit.
    versions = [(name, metadata.version(name)) for name in sorted(used - set(PACKAGES))]
    return hashlib.sha256(buffer.getvalue() + repr(versions).encode()).hexdigest()


class _ContentPickler(pickle.Pickler):
    def __init__(self, file):
        super().__init__(file, protocol=4)
        # The values are kept: ids of objects that are gone are used again.
        self._seen = {}

    def persistent_id(self, value):
        """Return what to write in place of a value; None leaves it to pickle."""
        # With a memo, the second use of one object is written as a reference to the
        # first, and the second of two equal objects is not.
        self.clear_memo()
        kind = type(value)
        if kind in (set, frozenset):
            return kind.__name__, sorted(map(describe, value))
        if kind is MappingProxyType:
            return "mapping", dict(value)
        if kind is CodeType:
            parts = value.co_flags, value.co_argcount, value.co_posonlyargcount
            parts += value.co_kwonlyargcount, value.co_varnames, value.co_exceptiontable
            # Unlike co_code, these name what they use; they tell no file and no line.
            steps = [(i.opname, i.arg, i.argval) for i in dis.get_instructions(value)]
            return "code", parts, steps
        if kind is ModuleType:
            return "module", value.__name__, _digest_modules([value.__name__])
        if kind in _WRAPPERS:
            return "wrapper", kind, [getattr(value, name, None) for name in _WRAPPED]
        if isinstance(value, (type, FunctionType)):
            # Functions may call themselves, and methods name their class.
            if id(value) in self._seen:
                return "seen", self._seen[id(value)][0]
            self._seen[id(value)] = len(self._seen), value
            return _take_class(value) if kind is not FunctionType else _take(value)
        if isinstance(value, (stats.rv_continuous, stats.rv_discrete)):
            # They hold numpy's global generator; a search passes them another.
            return "distribution", kind, value.__getstate__() | {"_random_state": None}
        if hasattr(value, "get_params"):
            # A frozen estimator predicts by its fitted state.
            state = {**getattr(value, "__dict__", {}), **value.get_params(deep=False)}
            for name in (*EXECUTION_PARAMETERS, "memory"):
                state.pop(name, None)
            return "estimator", kind, sorted(drop_callbacks(state).items())
        return None


def _take_class(kind):
    name = "class", kind.__module__, kind.__qualname__
    if _is_installed(kind.__module__):
        return name
    members = [item for item in vars(kind).items() if item[0] not in vars(_Empty)]
    return *name, type(kind), kind.__bases__, sorted(members)


def _take(function):
    # The wrapper that a decorator makes has the name of the function in its closure.
    own_module = function.__globals__.get("__name__")
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    parts = [function.__module__, function.__qualname__, own_module, cells]
    parts += [function.__defaults__, function.__kwdefaults__, function.__code__]
    if not _is_installed(own_module):
        known, (loaded, imported) = function.__globals__, _list_names(function.__code__)
        parts += [(name, known[name]) for name in sorted(loaded & known.keys())]
        # A relative import does not name the package.
        package = [known.get("__package__") or ""] if imported else []
        parts += [vars(function), _digest_modules([*imported, *package])]
    return "function", parts


def _list_names(code):
    """Global names that code, and the functions in it, use; modules that it imports."""
    loaded, imported, codes = set(), set(), [code]
    for part in codes:
        codes += [constant for constant in part.co_consts if type(constant) is CodeType]
        for instruction in dis.get_instructions(part):
            if instruction.opname == "IMPORT_NAME":
                imported.add(instruction.argval)
            elif instruction.opname.startswith(
                ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM")
            ):
                loaded.add(instruction.argval)
    return loaded, imported


def _digest_modules(names):
    """Names of modules; of the user's, also the digests of their files and imports."""
    digests, waiting = {}, [*names]
    while waiting:
        top = waiting.pop().partition(".")[0]
        if not top or top in digests:
            continue
        digests[top] = []
        spec = importlib.util.find_spec(top)
        if spec is None or _is_installed(top, spec.origin):
            continue
        files = [Path(spec.origin)] if spec.submodule_search_locations is None else []
        for folder in spec.submodule_search_locations or ():
            files += sorted(Path(folder).rglob("*.py"))
        for path in files:
            content = path.read_bytes()
            digests[top].append(hashlib.sha256(content).hexdigest())
            nodes = []
            # A package may have templates, say, that are named like modules.
            with suppress(SyntaxError, ValueError):
                nodes = [*ast.walk(ast.parse(content))]
            for node in nodes:
                if isinstance(node, ast.Import):
                    waiting += [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    waiting.append(node.module)
    return sorted(digests.items())


@cache
def _list_distributions():
    return metadata.packages_distributions()


def _is_installed(name, file=None):
    """Whether a module is not the user's own: its code changes with a version only."""
    top = str(name).partition(".")[0]
    if top in ("skgenre", *sys.stdlib_module_names):
        return True
    file = file or getattr(sys.modules.get(name), "__file__", None) or ""
    is_package = not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
    # `__main__` may be a tool, such as pytest, that runs the user's code.
    return is_package and top != "__main__"

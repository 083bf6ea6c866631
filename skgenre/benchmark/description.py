"""Digests of values: equal for equal ones, whichever process made them, and how.

`repr` abbreviates arrays and shows addresses, and a pickle depends on which of its
parts are one object: neither tells whether two models are the same.
"""

import copyreg
import dis
import functools
import hashlib
import importlib.util
import sys
from importlib import metadata
from pathlib import Path
from types import (
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)

import numpy as np

from skgenre._compat import drop_callbacks
from skgenre.benchmark.result import PACKAGES
from skgenre.features import EXECUTION_PARAMETERS

# Parameters of any estimator that decide no number.
_EXECUTION_PARAMETERS = {*EXECUTION_PARAMETERS, "memory"}
# What Python itself writes into every class.
_CLASS_EXECUTION_PARAMETERS = {
    *("__module__", "__dict__", "__weakref__", "__doc__", "__annotations__"),
    *("__firstlineno__", "__static_attributes__", "_abc_impl"),
}
_PLAIN_TYPES = (type(None), type(...), bool, float, complex, str, bytes)


_UNKNOWN = "unknown: "


class IndescribableError(Exception):
    """A value that another process could not be told of: a lock, an open file."""


def describe(value):
    """Digest of a value and all that it is made of.

    Of an estimator that is its type, its parameters and its state, but for parameters
    like `n_jobs`; of a function of the user's its module, its name, what its source
    compiles to, and the values of all names that it uses, functions included; of a
    function or class that is installed its name and the version of its package.

    Parameters
    ----------
    value : object
        Anything that could be pickled, functions of any kind, classes and modules.

    Returns
    -------
    digest : str

    Raises
    ------
    IndescribableError
        A part of it is of this process alone.
    """
    try:
        return _Description().describe(value)
    except RecursionError as error:
        raise IndescribableError(f"{type(value).__name__}: too deep") from error


def describe_parts(**parts):
    """Digest of each of several values, by name; for one that has none, why."""
    described = {}
    for name, value in parts.items():
        try:
            described[name] = describe(value)
        except IndescribableError as error:
            described[name] = f"{_UNKNOWN}{error}"
    return described


def explain_change(before, now):
    """What differs between two results of `describe_parts`; None for nothing.

    What has no digest always does.
    """
    reasons = []
    for name, digest in now.items():
        if digest.startswith(_UNKNOWN):
            what = digest.removeprefix(_UNKNOWN)
            reasons.append(f"{name} that cannot be told from others ({what})")
        elif before.get(name) != digest:
            reasons.append(f"other {name}")
    return " and ".join(reasons) or None


class _Description:
    def __init__(self):
        # With the values, whose ids would otherwise be used again.
        self._known = {}
        self._open = []

    def describe(self, value):
        """Digest of a value; of a part that has itself as a part, how far up it is."""
        if id(value) in self._known:
            return self._known[id(value)][1]
        if id(value) in self._open:
            return f"{len(self._open) - self._open.index(id(value))} up"
        self._open.append(id(value))
        digest = hashlib.sha256()
        for part in self._take_apart(value):
            content = part if isinstance(part, bytes) else part.encode()
            digest.update(len(content).to_bytes(8, "little") + content)
        self._open.pop()
        self._known[id(value)] = value, digest.hexdigest()
        return digest.hexdigest()

    def _take_apart(self, value):
        """What decides a value, as texts, bytes and digests; first its kind."""
        kind = type(value)
        if kind in _PLAIN_TYPES:
            yield from (kind.__name__, ascii(value))
        elif kind is int:
            yield from ("int", hex(value))
        elif kind in (list, tuple):
            yield from (kind.__name__, *map(self.describe, value))
        elif kind in (dict, MappingProxyType):
            yield from ("dict", *self._list_items(value.items()))
        elif kind in (set, frozenset):
            yield from (kind.__name__, *sorted(map(self.describe, value)))
        elif isinstance(value, np.generic) or kind in (np.ndarray, np.memmap):
            yield from self._take_array_apart(np.asarray(value), np.ndim(value))
        elif isinstance(value, type):
            yield from self._take_class_apart(value)
        elif kind is FunctionType:
            yield from self._take_function_apart(value)
        elif kind is CodeType:
            yield from self._take_code_apart(value)
        elif kind is ModuleType:
            yield from ("module", value.__name__, _digest_module(value.__name__))
        elif kind is MethodType:
            yield from ("method", *map(self.describe, _bound(value)))
        elif kind in (staticmethod, classmethod):
            yield from (kind.__name__, self.describe(value.__func__))
        elif kind is property:
            accessors = value.fget, value.fset, value.fdel
            yield from ("property", *map(self.describe, accessors))
        elif kind is functools.cached_property:
            yield from ("cached_property", self.describe(value.func))
        elif kind in (GetSetDescriptorType, MemberDescriptorType):
            yield from ("slot", value.__name__)
        elif hasattr(value, "get_params"):
            yield from self._take_estimator_apart(value)
        else:
            yield from self._take_object_apart(value)

    def _list_items(self, items):
        for name, value in items:
            yield from (self.describe(name), self.describe(value))

    def _take_array_apart(self, array, n_dimensions):
        yield from ("array", repr(array.dtype), str(n_dimensions), str(array.shape))
        if array.dtype.hasobject:
            yield from map(self.describe, array.ravel().tolist())
        else:
            yield array.tobytes()

    def _take_estimator_apart(self, estimator):
        """Its type, parameters and state, which a frozen one predicts by."""
        state = getattr(estimator, "__dict__", {})
        attributes = drop_callbacks({**state, **estimator.get_params(deep=False)})
        yield from ("estimator", self.describe(type(estimator)))
        yield from self._list_items(
            item
            for item in sorted(attributes.items())
            if item[0] not in _EXECUTION_PARAMETERS
        )

    def _take_class_apart(self, kind):
        yield from ("class", *_name(kind, kind.__module__))
        if _is_installed(kind.__module__):
            return
        yield from map(self.describe, kind.__bases__)
        members = sorted(vars(kind).items())
        yield from self._list_items(
            m for m in members if m[0] not in _CLASS_EXECUTION_PARAMETERS
        )

    def _take_function_apart(self, function):
        # A decorator's wrapper goes by the name of what it wraps.
        own_module = function.__globals__.get("__name__")
        yield from ("function", *_name(function, function.__module__))
        cells = [_content_of(cell) for cell in function.__closure__ or ()]
        parts = function.__defaults__, function.__kwdefaults__, cells, function.__code__
        yield from map(self.describe, parts)
        if _is_installed(own_module):
            yield from _name(function, own_module)
            return
        loaded, imported = _list_names(function.__code__)
        for name in sorted(loaded & function.__globals__.keys()):
            yield from (name, self.describe(function.__globals__[name]))
        for name in sorted(imported):
            yield from (name, _digest_module(name))

    def _take_code_apart(self, code):
        """What source compiles to: it is there for lambdas and notebooks, too."""
        counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
        names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
        parts = counts, names, code.co_consts, code.co_code, code.co_exceptiontable
        yield from ("code", str(code.co_flags), *map(self.describe, parts))

    def _take_object_apart(self, value):
        """As pickle does, and so as a worker would get it."""
        reduce = copyreg.dispatch_table.get(type(value))
        try:
            reduced = value.__reduce_ex__(4) if reduce is None else reduce(value)
        # Whatever its class raises, it is no error: the fold is fitted.
        except Exception as error:
            raise _indescribable(value) from error
        if isinstance(reduced, str):
            yield from ("name", self.describe(type(value)), reduced)
            if hasattr(value, "__wrapped__"):
                yield self.describe(value.__wrapped__)
            else:
                yield from _name(value, _find_home(value, reduced))
            return
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if type(value).__module__.startswith("scipy.stats") and isinstance(state, dict):
            # numpy's global generator, unless a search gives its own, as ours do.
            state = {n: v for n, v in state.items() if n != "_random_state"}
        parts = make, arguments, state, list(items or ()), list(pairs or ())
        yield from ("object", *map(self.describe, parts))


def _indescribable(value):
    what = f"{type(value).__module__}.{type(value).__qualname__}"
    return IndescribableError(f"an object of type {what}")


def _find_home(value, name):
    """The module that a value is known by, as something else of its name is not."""
    # numpy's functions do not say.
    homes = [getattr(value, "__module__", None) or "builtins"]
    if isinstance(value, np.ufunc):
        homes = ["numpy", "scipy.special"]
    for home in homes:
        found = sys.modules.get(home)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is value:
            return home
    raise _indescribable(value)


def _bound(method):
    return method.__func__, method.__self__


def _content_of(cell):
    try:
        return cell.cell_contents
    except ValueError:
        # A name that is not set yet.
        return None


def _list_names(code):
    """Global names that code, and the functions in it, use; modules it imports."""
    loaded, imported = set(), set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            loaded.add(instruction.argval)
        elif instruction.opname == "IMPORT_NAME":
            imported.add(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner_loaded, inner_imported = _list_names(constant)
            loaded |= inner_loaded
            imported |= inner_imported
    return loaded, imported


def _name(value, module):
    """Module, name, and where it is installed the version of its package."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    return str(module), name, _find_version(module)


def _digest_module(name):
    """The version of an installed module; of one of the user's, what is in its files.

    Those of a package are all of its modules.
    """
    top = name.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None or _is_installed(top, spec.origin):
        return _find_version(top)
    folders = spec.submodule_search_locations
    files = [Path(spec.origin)] if folders is None else []
    for folder in folders or ():
        files += sorted(Path(folder).rglob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _find_version(module):
    """Version of the package of an installed module; empty for others.

    And for those whose versions every result has.
    """
    names = set(_list_distributions().get(str(module).partition(".")[0], ()))
    names -= set(PACKAGES)
    return " ".join(f"{name} {metadata.version(name)}" for name in sorted(names))


@functools.cache
def _list_distributions():
    return metadata.packages_distributions()


def _is_installed(name, file=None):
    """Whether a module is no code of the user's: it changes with a version only."""
    top = str(name).partition(".")[0]
    if top == "skgenre" or top in sys.stdlib_module_names or top == "builtins":
        return True
    file = file or getattr(sys.modules.get(name), "__file__", None)
    # What runs as the main program may be a tool, such as pytest, that runs the user's.
    if file is None or top == "__main__":
        return False
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)

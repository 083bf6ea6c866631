"""Skops' description of a model's objects: written, and audited before it is loaded.

A schema is a tree of nodes. Each names a class, and the kind of node that makes it:
``{"__loader__": "ObjectNode", "__module__": "skgenre", "__class__": "MFCCScaler"}``,
with the ``__id__`` of the object.
"""

import functools
import importlib
import io
import json
import math
import re
import zipfile
from tokenize import TokenError

import numpy as np
import skops.io

from skgenre.persistence.allowed_types import ALLOWED_TYPES, EXTENSIBLE_KINDS
from skgenre.persistence.archive import SCHEMA, RefusalError

# The version of skops' format that this module knows.
PROTOCOL = 2
# Nodes within nodes: a voting ensemble of pipelines of ensembles has 25.
MAX_DEPTH = 100

_NAME = re.compile(r"[A-Za-z_][\w.]{0,199}", re.ASCII)
_ARRAY_NAME = re.compile(r'"([0-9]+\.npy)"')
_LIST = ("ListNode", "builtins", "list")

# What unsound content makes json, numpy, skops and scikit-learn raise.
CONTENT_ERRORS = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    TokenError,
)


def dump_members(model):
    """Schema and arrays of a model as skops writes them: name -> bytes.

    Of an object that is there twice skops makes one, but it describes it twice: the
    second description is left out. Types go by their public names.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    described = set()

    def tidy(node):
        if node.get("__loader__") in ("ObjectNode", "FunctionNode"):
            node["__module__"] = _find_package(node["__module__"], node["__class__"])
            if node["__id__"] in described:
                node.pop("content", None)
            described.add(node["__id__"])
        return node

    schema = json.loads(members[SCHEMA], object_hook=tidy)
    encoded = json.dumps(schema, separators=(",", ":"))
    # Those of the second descriptions are left out, too.
    named = set(_ARRAY_NAME.findall(encoded))
    arrays = {name: content for name, content in members.items() if name in named}
    return {SCHEMA: encoded.encode(), **arrays}


def audit_members(members, *, trusted=frozenset()):
    """Check all that skops would make of a schema and its arrays, name -> bytes.

    Returns
    -------
    names : set of str
        All types and functions that would be loaded.
    untrusted : list of str
        Those of them that are neither allowed nor in `trusted`, but could be trusted.

    Raises
    ------
    RefusalError
        It has a type that is not allowed where nobody could trust it, or objects that
        are not told apart as skops does.
    One of CONTENT_ERRORS
        It is broken.
    """
    audit = _Audit(members)
    schema = json.loads(members[SCHEMA])
    # Other versions read other fields than those that are looked at here.
    if schema["protocol"] != PROTOCOL:
        raise ValueError(f"it is not of version {PROTOCOL} of skops' format")
    audit.check(schema)
    return audit.names, sorted(audit.extensions - trusted)


@functools.cache
def _find_package(module, name):
    """The outermost package that has what a module of ours or scikit-learn's has.

    A file that names it outlives the moving of modules, as does the list of what is
    allowed.
    """
    parts = module.split(".")
    if parts[0] in ("skgenre", "sklearn"):
        found = getattr(importlib.import_module(module), name)
        for n_parts in range(1, len(parts)):
            package = ".".join(parts[:n_parts])
            if getattr(importlib.import_module(package), name, None) is found:
                return package
    return module


class _Audit:
    """Goes over every node of a schema, also those that skops would not look at."""

    def __init__(self, members):
        # All types and functions, and those that are allowed only if they are trusted.
        self.names, self.extensions = set(), set()
        self._members = members
        self._owners = {}

    def check(self, node, depth=0):
        if depth > MAX_DEPTH:
            raise RefusalError(f"its {SCHEMA} has nodes more than {MAX_DEPTH} deep")
        kind, module, class_name = _identify(node)
        if type(node["__id__"]) is not int or node["__id__"] <= 0:
            raise RefusalError(f"its {SCHEMA} has an object of no id")
        # Of nodes with one id, skops makes the first and takes it for the others.
        self._claim(node["__id__"], _identify(node))
        self._check_name(kind, f"{module}.{class_name}", class_name)
        for child in self._list_children(kind, node):
            self.check(child, depth + 1)

    def _check_name(self, kind, name, class_name):
        # Names are shown: they must not hold what steers a terminal.
        if not _NAME.fullmatch(name) or not str(class_name).isidentifier():
            raise RefusalError(f"its {SCHEMA} has a type of the name {name[:80]!r}")
        self.names.add(name)
        if name in ALLOWED_TYPES.get(kind, ()):
            return
        if kind not in EXTENSIBLE_KINDS:
            raise RefusalError(
                f"it holds what no model is made of: {name} ({str(kind)[:40]!r})"
            )
        self.extensions.add(name)

    def _list_children(self, kind, node):
        """The nodes in a node that skops reads for its kind."""
        content = node.get("content")
        if kind == "JsonNode":
            return []
        if kind == "DictNode":
            key_types = node["key_types"]
            # Skops calls what is in this list: it must not stand for any other.
            self._claim(key_types["__id__"], object())
            kinds = {key["__loader__"] for key in key_types["content"]}
            if _identify(key_types) != _LIST or not kinds <= {"TypeNode"}:
                raise RefusalError(f"its {SCHEMA} has keys of no type")
            return [*key_types["content"], *content.values()]
        if kind == "NdArrayNode" and node["type"] == "numpy":
            _check_array(self._members[node["file"]], node["file"])
            # Skops copies an array for each id that it has.
            self._claim(node["file"], node["__id__"])
            return []
        if kind == "NdArrayNode":
            return [*content, node["shape"]]
        if kind in ("ListNode", "TupleNode"):
            return content
        if kind in ("TreeNode", "LossNode"):
            return [content, node["__reduce__"]["args"]]
        return [] if content is None else [content]

    def _claim(self, claimed, owner):
        """Give an id or an array to its first owner, and refuse it to any other."""
        if self._owners.setdefault(claimed, owner) != owner:
            raise RefusalError(
                f"its {SCHEMA} has {str(claimed)[:40]!r} for two objects"
            )


def _identify(node):
    return node["__loader__"], node["__module__"], node["__class__"]


def _check_array(content, name):
    """Refuse an array that is not as large as its header says, or holds objects."""
    buffer = io.BytesIO(content)
    version = np.lib.format.read_magic(buffer)
    if version != (1, 0):
        raise RefusalError(f"its member {name!r} has version {version} of the format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(buffer)
    n_bytes = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or dtype.itemsize == 0 or min(shape, default=1) < 0:
        raise RefusalError(f"its member {name!r} is no array of numbers")
    if n_bytes != len(content) - buffer.tell():
        raise RefusalError(f"its member {name!r} is not as large as it claims")

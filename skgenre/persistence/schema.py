"""Skops' description of a model's objects: written, and audited before it is loaded.

A schema is a tree of nodes. Each names a class, and the kind of node that makes it:
``{"__loader__": "ObjectNode", "__module__": "skgenre", "__class__": "MFCCScaler"}``,
with the ``__id__`` of the object.
"""

import functools
import importlib
import io
import json
import re
import zipfile

import skops.io

from skgenre._compat import SKOPS_PROTOCOL
from skgenre._io import parse_npy
from skgenre.persistence.allowed_types import ALLOWED_TYPES, EXTENSIBLE_KINDS
from skgenre.persistence.archive import SCHEMA, RefusalError

# Nodes within nodes: a voting ensemble of pipelines of ensembles has 25.
MAX_DEPTH = 100

_NAME = re.compile(r"[A-Za-z_][\w.]{0,199}", re.ASCII)
_ARRAY_NAME = re.compile(r'"([0-9]+\.npy)"')

# What unsound content makes json, skops and scikit-learn raise.
CONTENT_ERRORS = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


def dump_members(model):
    """Return the schema and arrays of a model as skops writes them: name -> bytes.

    Of an object that is there twice skops makes one, but it describes it twice: the
    second description is left out. Types go by their public names.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    described = set()

    def tidy(node):
        kind = node.get("__loader__")
        if kind in ("DictNode", "FunctionNode", "ObjectNode"):
            node["__module__"] = _find_package(node["__module__"], node["__class__"])
        if kind in ("FunctionNode", "ObjectNode"):
            if node["__id__"] in described:
                node.pop("content", None)
            described.add(node["__id__"])
        return node

    schema = json.loads(members[SCHEMA], object_hook=tidy)
    encoded = json.dumps(schema, separators=(",", ":"))
    # Arrays of the second descriptions are left out, too.
    named = set(_ARRAY_NAME.findall(encoded))
    arrays = {name: content for name, content in members.items() if name in named}
    return {SCHEMA: encoded.encode(), **arrays}


@functools.cache
def _find_package(module, name):
    """Return the outermost package that has what a module of ours or sklearn's has.

    A file that names it outlives the moving of modules.
    """
    parts = module.split(".")
    if parts[0] in ("skgenre", "sklearn"):
        found = getattr(importlib.import_module(module), name)
        for n_parts in range(1, len(parts)):
            package = ".".join(parts[:n_parts])
            if getattr(importlib.import_module(package), name, None) is found:
                return package
    return module


def audit_members(members, *, trusted=frozenset()):
    """Check all that skops would make of a schema and its arrays, name -> bytes.

    Every node is visited, also those that skops would not look at.

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
    schema = json.loads(members[SCHEMA])
    # Other versions read other fields than those that are looked at here.
    if schema["protocol"] != SKOPS_PROTOCOL:
        raise ValueError(f"it is not of version {SKOPS_PROTOCOL} of skops' format")
    names, extensions, owners = set(), set(), {}

    def claim(claimed, owner):
        """Give an id or an array to its first owner, and refuse it to any other."""
        if owners.setdefault(claimed, owner) != owner:
            raise RefusalError(
                f"its {SCHEMA} has {str(claimed)[:40]!r} for two objects"
            )

    def list_children(node):
        """Check a node's arrays and keys; return the nodes that skops reads in it."""
        kind, content = node["__loader__"], node.get("content")
        if kind == "DictNode":
            key_types = node["key_types"]
            # Skops calls what is in this list: it must not stand for any other.
            claim(key_types["__id__"], object())
            kinds = {key["__loader__"] for key in key_types["content"]}
            is_list = _identify(key_types) == ("ListNode", "builtins", "list")
            if not is_list or not kinds <= {"TypeNode"}:
                raise RefusalError(f"its {SCHEMA} has keys of no type")
            return [*key_types["content"], *content.values()]
        if kind == "NdArrayNode" and node["type"] == "numpy":
            try:
                parse_npy(members[node["file"]])
            except ValueError as error:
                raise RefusalError(f"its member {node['file']!r}: {error}") from error
            # Skops copies an array for each id that it has.
            claim(node["file"], node["__id__"])
            return []
        if kind == "NdArrayNode":
            return [*content, node["shape"]]
        if kind in ("ListNode", "TupleNode"):
            return content
        if kind in ("TreeNode", "LossNode"):
            return [content, node["__reduce__"]["args"]]
        return [] if content is None or kind == "JsonNode" else [content]

    nodes = [(schema, 0)]
    while nodes:
        node, depth = nodes.pop()
        kind, module, class_name = _identify(node)
        name = f"{module}.{class_name}"
        if depth > MAX_DEPTH:
            raise RefusalError(f"its {SCHEMA} has nodes more than {MAX_DEPTH} deep")
        if type(node["__id__"]) is not int or node["__id__"] <= 0:
            raise RefusalError(f"its {SCHEMA} has an object of no id")
        # Of nodes with one id, skops makes the first and takes it for the others.
        claim(node["__id__"], (kind, module, class_name))
        # Names are shown: they must not hold what steers a terminal.
        if not _NAME.fullmatch(name) or not str(class_name).isidentifier():
            raise RefusalError(f"its {SCHEMA} has a type of the name {name[:80]!r}")
        names.add(name)
        if name not in ALLOWED_TYPES.get(kind, ()):
            if kind not in EXTENSIBLE_KINDS:
                raise RefusalError(
                    f"it holds what no model is made of: {name} ({str(kind)[:40]!r})"
                )
            extensions.add(name)
        nodes += [(child, depth + 1) for child in list_children(node)]
    return names, sorted(extensions - trusted)


def _identify(node):
    return node["__loader__"], node["__module__"], node["__class__"]

"""Skops' description of a model's objects: written by skops, read only here.

A schema is a tree of nodes. Each names a class, and the kind of node that makes it:
``{"__loader__": "ObjectNode", "__module__": "skgenre", "__class__": "MFCCScaler"}``,
with the ``__id__`` of the object. What is there twice is described once, and then
referred to by such a node without content.
"""

import functools
import importlib
import io
import json
import re
import zipfile

import numpy as np
import skops.io

import skgenre.persistence.costs as costs
from skgenre._compat import SKOPS_PROTOCOL
from skgenre._io import parse_npy
from skgenre._native_checks import make_tree
from skgenre.persistence.allowed_types import (
    ALLOWED_TYPES,
    CHECKS,
    EXTENSIBLE_KINDS,
    FUNCTION_ATTRIBUTES,
)
from skgenre.persistence.archive import SCHEMA, RefusalError
from skgenre.persistence.parts import check_object, make_portable

# Nodes within nodes: a voting ensemble of pipelines of ensembles has 25.
MAX_DEPTH = 100
# Bytes of schema for each bracket in it: skops needs 38 or more. Nothing but brackets
# would take 48 times its size of memory to parse.
MIN_BYTES_PER_BRACKET = 25
# Characters of a text or a number: an array of texts takes as much for each as for the
# longest.
MAX_TEXT = 1000

_NAME = re.compile(r"[A-Za-z_][\w.]{0,199}", re.ASCII)
_IDENTITY = {"__loader__", "__module__", "__class__", "__id__"}

# What unsound content makes json, numpy and scikit-learn raise.
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
    second description becomes a reference. Types go by their public names.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    described, arrays = set(), {}

    def tidy(node, owner="model"):
        name = f"{node['__module__']}.{node['__class__']}"
        if node["__loader__"] not in ALLOWED_TYPES:
            raise RefusalError(
                f"its {owner} has a {name}, which no model file can hold"
            )
        if node["__loader__"] == "ObjectNode":
            owner = node["__class__"]
        node["__module__"] = _find_package(node["__module__"], node["__class__"])
        if node["__id__"] in described:
            for name in node.keys() - _IDENTITY:
                del node[name]
            return
        described.add(node["__id__"])
        if node.get("type") == "numpy":
            arrays[node["file"]] = members[node["file"]]
        for child in list_children(node):
            tidy(child, owner)

    schema = json.loads(members[SCHEMA])
    tidy(schema)
    return {SCHEMA: json.dumps(schema, separators=(",", ":")).encode(), **arrays}


@functools.cache
def _find_package(module, name):
    """Return the outermost package from which a name of a module can be imported.

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


def list_children(node):
    """Return the nodes that a node is made of, in the order in which skops reads them.

    What is described in one of them may be referred to in those that follow.
    """
    kind, content = node["__loader__"], node.get("content")
    if kind == "DictNode":
        return [*node["key_types"]["content"], *content.values()]
    if kind == "NdArrayNode":
        return [] if node["type"] == "numpy" else [*content, node["shape"]]
    if kind in ("ListNode", "TupleNode"):
        return content
    if kind == "ObjectNode":
        return [] if content is None else [content]
    if kind == "TreeNode":
        return [content, node["__reduce__"]["args"]]
    return []


def audit_schema(members, *, trusted=frozenset()):
    """Check what would be made of a schema and its arrays, name -> bytes.

    Nothing is made, and each node is visited once.

    Returns
    -------
    schema : dict
        The node of the model.
    untrusted : list of str
        The types and functions in it that are neither allowed nor in `trusted`, but
        could be trusted.

    Raises
    ------
    RefusalError
        It has a type that is not allowed where nobody could trust it, objects that hold
        themselves, or so many, or a few so often, that to predict would take long.
    One of CONTENT_ERRORS
        It is broken.
    """
    content = members[SCHEMA]
    n_brackets = content.count(b"{") + content.count(b"[")
    if n_brackets * MIN_BYTES_PER_BRACKET > len(content):
        raise RefusalError(
            f"its {SCHEMA} has {n_brackets} brackets, too many for nodes"
        )
    schema = json.loads(content)
    # Other versions read other fields than those that are looked at here.
    if schema["protocol"] != SKOPS_PROTOCOL:
        raise ValueError(f"it is not of version {SKOPS_PROTOCOL} of skops' format")
    extensions, described = set(), {}

    def visit(node, depth):
        identity = kind, module, class_name = (
            node["__loader__"],
            node["__module__"],
            node["__class__"],
        )
        number, name = node["__id__"], f"{module}.{class_name}"
        if type(number) is not int or number <= 0:
            raise RefusalError(f"its {SCHEMA} has an object of no id")
        if number in described:
            known, work = described[number]
            if known != identity or node.keys() != _IDENTITY:
                raise RefusalError(f"its {SCHEMA} has {number} for two objects")
            if work is None:
                raise RefusalError(f"its {SCHEMA} has an object that holds itself")
            return work
        if depth > MAX_DEPTH:
            raise RefusalError(f"its {SCHEMA} has nodes more than {MAX_DEPTH} deep")
        # Names are shown: they must not hold what steers a terminal.
        if not _NAME.fullmatch(name) or not str(class_name).isidentifier():
            raise RefusalError(f"its {SCHEMA} has a type of the name {name[:80]!r}")
        if name not in ALLOWED_TYPES.get(kind, ()):
            if kind not in EXTENSIBLE_KINDS:
                raise RefusalError(
                    f"it holds what no model is made of: {name} ({str(kind)[:40]!r})"
                )
            extensions.add(name)
        described[number] = identity, None
        work = costs.NODE_WORK
        if kind == "ObjectNode":
            work += costs.OBJECT_WORK.get(name, costs.DEFAULT_WORK)
        elif node.get("type") == "numpy":
            if node["file"] != f"{number}.npy":
                raise RefusalError(f"its {SCHEMA} has an array of another object")
            work += costs.WORK_PER_BYTE * len(members[node["file"]])
        elif kind == "JsonNode" and len(node.get("content", "")) > MAX_TEXT:
            raise RefusalError(f"its {SCHEMA} has a text of more than {MAX_TEXT} bytes")
        for child in list_children(node):
            work += visit(child, depth + 1)
        described[number] = identity, work
        return work

    work = visit(schema, depth=0)
    costs.check_work(work, n_bytes=sum(map(len, members.values())))
    return schema, sorted(extensions - trusted)


def make_objects(schema, members):
    """Make the model of an audited schema; return it and all objects in it."""
    made, objects = {}, []

    def make(node, *, is_callable=False):
        kind, number = node["__loader__"], node["__id__"]
        # A tree that is not an estimator's own could be called with any features, and
        # a function, of the list though it is, with any arguments.
        if kind in ("TreeNode", "FunctionNode") and not is_callable:
            name = f"{node['__module__']}.{node['__class__']}"
            if name in ALLOWED_TYPES[kind]:
                raise RefusalError(f"its {SCHEMA} has {name} where it has no place")
        if number not in made:
            made[number] = make_new(node, kind, node.get("content"))
        return made[number]

    def make_new(node, kind, content):
        match kind:
            case "JsonNode":
                value = json.loads(content)
                if isinstance(value, (list, dict)):
                    raise RefusalError(f"its {SCHEMA} has JSON in its JSON")
                return value
            case "ListNode":
                return [make(child) for child in content]
            case "TupleNode":
                return tuple(make(child) for child in content)
            case "SliceNode":
                parts = content["start"], content["stop"], content["step"]
                if not all(part is None or type(part) is int for part in parts):
                    raise RefusalError(f"its {SCHEMA} has a slice of {parts!r:.80}")
                return slice(*parts)
            case "DictNode":
                return make_dict(node)
            case "NdArrayNode":
                return make_array(node)
            case "TreeNode":
                state, arguments = map(make, list_children(node))
                return make_tree(arguments, state)
            case "ObjectNode":
                return make_object(node)
        return find(node)

    def find(node):
        return getattr(importlib.import_module(node["__module__"]), node["__class__"])

    def make_dict(node, callables=()):
        """Make a dict, whose keys are kept as text, with their types."""
        keys, values = node["key_types"]["content"], node["content"]
        if len(keys) != len(values) or any(k["__loader__"] != "TypeNode" for k in keys):
            raise RefusalError(f"its {SCHEMA} has keys of no type")
        made_dict = find(node)()
        for key, (name, value) in zip(keys, values.items(), strict=True):
            made_dict[make(key)(name)] = make(value, is_callable=name in callables)
        return made_dict

    def make_array(node):
        if node["type"] == "numpy":
            try:
                array = parse_npy(members[node["file"]])
            except ValueError as error:
                raise RefusalError(f"its member {node['file']!r}: {error}") from error
            value = array if node["__class__"] == "ndarray" else array[()]
            if type(value).__name__ != node["__class__"]:
                raise RefusalError(f"its {SCHEMA} has a number of another type")
            return value
        # Of objects: lists of lists, as deep as it has axes.
        items, shape = [make(child) for child in node["content"]], make(node["shape"])
        if not isinstance(shape, tuple) or not shape or len(items) != shape[0]:
            raise RefusalError(f"its {SCHEMA} has an array of no shape")
        for size in shape[1:]:
            if any(type(item) is not list or len(item) != size for item in items):
                raise RefusalError(f"its {SCHEMA} has an array of no shape")
            items = [part for item in items for part in item]
        return np.fromiter(items, dtype=object, count=len(items)).reshape(shape)

    def make_object(node):
        """Make an object without its constructor, and give it its attributes."""
        kind, content = find(node), node.get("content")
        name = f"{node['__module__']}.{node['__class__']}"
        is_allowed = name in ALLOWED_TYPES["ObjectNode"]
        fitted_attribute, check = CHECKS.get(name, ("", None))
        value = kind.__new__(kind)
        if content is not None and content["__loader__"] == "DictNode":
            is_tree = fitted_attribute == "tree_"
            # Not kept: no other object has these attributes.
            state = make_dict(content, ["tree_"] if is_tree else FUNCTION_ATTRIBUTES)
            state = make_portable(kind, state)
        elif content is not None and is_allowed:
            raise RefusalError(f"its {SCHEMA} has {name} without attributes")
        else:
            state = make(content) if content is not None else None
        if hasattr(kind, "__setstate__"):
            value.__setstate__(state)
        elif state is not None:
            vars(value).update(state)
        check_object(value, is_allowed=is_allowed)
        costs.check_costs(value)
        if hasattr(value, fitted_attribute) and not check(value):
            raise ValueError(f"the parts of its {kind.__name__} do not fit together")
        objects.append(value)
        return value

    model = make(schema)
    costs.check_networks(objects)
    return model, objects

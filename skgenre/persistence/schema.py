"""The description of a model's objects that skops writes: made small, and audited.

A schema is a tree of nodes. Each names a class, and the kind of node that makes it:
``{"__loader__": "ObjectNode", "__module__": "skgenre", "__class__": "MFCCScaler"}``.
"""

import io
import itertools
import json
import math
import re
from tokenize import TokenError

import numpy as np

from skgenre.persistence.allowed_types import ALLOWED_TYPES, EXTENSIBLE_KINDS
from skgenre.persistence.archive import SCHEMA

# The version of skops' format that this module knows.
PROTOCOL = 2
# Nodes within nodes: a voting ensemble of pipelines of ensembles has 25.
MAX_DEPTH = 100

# A node that stands for an earlier one; skops has no other use for this kind.
_REFERENCE = "CachedNode"
_NAME = re.compile(r"[A-Za-z_][\w.]{0,199}", re.ASCII)
# Values whose identity does not matter: a reference to them would be longer.
_PLAIN_KINDS = {"JsonNode", "TypeNode", "FunctionNode"}
# Kinds whose content is one node, a list of nodes, or a dict of them by name.
_HAS_NODE = {"ObjectNode", "TreeNode", "LossNode", "RandomStateNode"}
_HAS_LIST = {"ListNode", "TupleNode"}
# Where nodes have others, in the order in which skops reads them: a reference must
# come after what it refers to.
_CHILDREN = ("key_types", "content", "shape", "__reduce__")

# What unsound content makes json, numpy, skops and scikit-learn raise.
CONTENT_ERRORS = (
    *(ArithmeticError, AttributeError, ImportError, LookupError, MemoryError),
    *(RecursionError, SyntaxError, TypeError, ValueError, TokenError),
)


class SchemaError(Exception):
    """What is wrong with a schema whose file is known further up."""


class UntrustedTypesError(SchemaError):
    """The schema has types that are not allowed, but that a user may trust: `names`."""

    def __init__(self, names):
        super().__init__(names)
        self.names = names


class ForbiddenTypeError(SchemaError):
    """The schema has a type that is not allowed, and where nobody could trust it."""


def compact_schema(schema, members, public_names):
    """Leave out what is there twice, and whatever differs between two equal dumps.

    Parameters
    ----------
    schema : dict
        As skops wrote it.
    members : dict of str to bytes
        The arrays that it refers to.
    public_names : dict of (str, str) to (str, str)
        Module and name of types and functions -> those that the file is to have.

    Returns
    -------
    members : dict of str to bytes
        The arrays and the schema.
    """
    compaction = _Compaction(members, public_names)
    encoded = json.dumps(compaction.compact(schema), separators=(",", ":")).encode()
    arrays = {name: content for content, name in compaction.arrays.items()}
    return {SCHEMA: encoded, **arrays}


def audit_schema(members, *, trusted=frozenset()):
    """Names of all types and functions that a schema would load.

    Parameters
    ----------
    members : dict of str to bytes
        The schema and the arrays that it refers to.
    trusted : set of str
        Names of types and functions allowed besides our own.

    Raises
    ------
    UntrustedTypesError
        There are other types.
    SchemaError
        It is not built as skops would have built it.
    """
    try:
        schema = json.loads(members[SCHEMA])
        # Other versions read other fields than those that are looked at here.
        if schema["protocol"] != PROTOCOL:
            raise SchemaError(f"it is not of version {PROTOCOL} of skops' format")
        audit = _Audit(members, trusted)
        audit.check(schema, depth=0)
    except CONTENT_ERRORS as error:
        raise SchemaError(f"its {SCHEMA} is broken ({error!r})") from error
    if audit.untrusted:
        raise UntrustedTypesError(sorted(audit.untrusted))
    return audit.names


class _Compaction:
    """Writes a schema anew; `arrays` has the content -> name of what it refers to."""

    def __init__(self, members, public_names):
        self.arrays = {}
        self._members = members
        self._public_names = public_names
        self._ids = {}

    def compact(self, value):
        """A node, a list of nodes, a dict of them, or a plain value, made compact."""
        if isinstance(value, list):
            return [self.compact(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "__loader__" in value:
            return self._compact_node(value)
        return {key: self.compact(item) for key, item in value.items()}

    def _compact_node(self, node):
        own = node["__module__"], node["__class__"]
        module, name = self._public_names.get(own, own)
        node = {**node, "__module__": module, "__class__": name}
        identity = node.pop("__id__")
        if node["__loader__"] not in _PLAIN_KINDS:
            if identity in self._ids:
                return _refer(node, self._ids[identity])
            node["__id__"] = self._ids[identity] = len(self._ids) + 1
        if "file" in node:
            content = self._members[node["file"]]
            node["file"] = self.arrays.setdefault(content, f"{len(self.arrays)}.npy")
        for key in _CHILDREN:
            if key in node:
                node[key] = self.compact(node[key])
        return node


class _Audit:
    """Goes over a schema's nodes in the order in which skops does."""

    def __init__(self, members, trusted):
        self.names, self.untrusted = set(), set()
        self._members = members
        self._trusted = trusted
        self._ids = set()

    def check(self, node, *, depth):
        if depth > MAX_DEPTH:
            raise SchemaError(f"its {SCHEMA} has nodes more than {MAX_DEPTH} deep")
        kind = node["__loader__"]
        if kind == _REFERENCE:
            if node["__id__"] not in self._ids:
                raise SchemaError(f"its {SCHEMA} refers to an object before its time")
            return
        self._check_name(kind, node["__module__"], node["__class__"])
        for child in self._list_children(kind, node):
            self.check(child, depth=depth + 1)
        self._register(node.get("__id__"))

    def _check_name(self, kind, module, class_name):
        """Take note of a type, and of whether it is one to be trusted."""
        name = f"{module}.{class_name}"
        # Names are shown: they must not hold what steers a terminal.
        if not _NAME.fullmatch(name) or not str(class_name).isidentifier():
            raise SchemaError(f"its {SCHEMA} has a type of the name {name[:80]!r}")
        self.names.add(name)
        if name in ALLOWED_TYPES.get(kind, ()):
            return
        if kind not in EXTENSIBLE_KINDS:
            raise ForbiddenTypeError(f"{name} ({str(kind)[:40]!r})")
        if name not in self._trusted:
            self.untrusted.add(name)

    def _list_children(self, kind, node):
        content = node.get("content")
        if kind == "JsonNode":
            json.loads(content)
        elif kind == "DictNode":
            return self._list_items(node)
        elif kind == "NdArrayNode":
            return self._list_array_items(node)
        elif kind in _HAS_LIST:
            return _check_type(content, list)
        elif kind in _HAS_NODE:
            children = [] if content is None else [content]
            if "__reduce__" in node:
                children.append(node["__reduce__"]["args"])
            return children
        return []

    def _list_items(self, node):
        keys, content = node["key_types"], _check_type(node["content"], dict)
        kinds = {key["__loader__"] for key in _check_type(keys["content"], list)}
        # What stands here is called, with the key.
        if keys["__loader__"] != "ListNode" or not kinds <= {"TypeNode"}:
            raise SchemaError(f"its {SCHEMA} has keys of no type")
        return itertools.chain([keys], content.values())

    def _list_array_items(self, node):
        if node["type"] == "json":
            return [*_check_type(node["content"], list), node["shape"]]
        if node["type"] != "numpy" or node["file"] == SCHEMA:
            raise SchemaError(f"its {SCHEMA} has an array of an unknown type")
        _check_array(self._members[node["file"]], node["file"])
        return []

    def _register(self, identity):
        # Twice, and skops would never look at the second node.
        if identity is None:
            return
        if _check_type(identity, int) <= 0 or identity in self._ids:
            raise SchemaError(f"its {SCHEMA} has the object {identity} twice")
        self._ids.add(identity)


def _refer(node, identity):
    names = {key: node[key] for key in ("__class__", "__module__")}
    return {**names, "__loader__": _REFERENCE, "__id__": identity}


def _check_type(value, expected):
    if type(value) is not expected:
        raise TypeError(f"{str(value)[:80]} is no {expected.__name__}")
    return value


def _check_array(content, name):
    """Refuse an array that is not as large as its header says, or holds objects."""
    buffer = io.BytesIO(content)
    version = np.lib.format.read_magic(buffer)
    if version != (1, 0):
        raise SchemaError(f"its member {name!r} has version {version} of the format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(buffer)
    n_bytes = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or dtype.itemsize == 0 or min(shape, default=1) < 0:
        raise SchemaError(f"its member {name!r} is no array of numbers")
    if n_bytes != len(content) - buffer.tell():
        raise SchemaError(f"its member {name!r} is not as large as it claims")

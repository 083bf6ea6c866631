"""Mutants of model files, whose objects are others, elsewhere, or of other content.

A mutant is well formed: ids, names of members and the checksum are right. So most of
them get as far as the objects that scikit-learn's compiled code is to believe in.
"""

import copy
import io
import json
import warnings
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st
from model_archive import read_parts, write_parts

from skgenre.persistence.allowed_types import CHECKS

# What numbers and texts are replaced by, in JSON.
_EXTREMES = (
    *("0", "1", "2", "-1", "-2", "0.5", "-0.5", "7", "100", "1000000000"),
    *("2147483639", "2147483647", "2147483648", "-2147483648", "4294967296"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809"),
    *("1e300", "-1e300", "1e-300", "NaN", "Infinity", "-Infinity"),
    *("true", "false", "null", '""', '"rbf"', '"precomputed"', '"callable"'),
    *('"kd_tree"', '"ball_tree"', '"brute"', '"auto"', '"minkowski"', '"cosine"'),
    *('"mahalanobis"', '"seuclidean"', '"haversine"', '"jaccard"', '"hamming"'),
)
_FILLINGS = (0, 1, -1, 2, 1e9, 2**31 - 9, -(2**31), 2**62, 1e300, np.nan, np.inf)
_DTYPES = ("<f8", ">f8", "<f4", "<i8", ">i8", "<i4", "|u1", "|b1", "<U1", "<c16")
# Attributes that decide which code runs, and which few instances have of their own.
_NAMES = ("_impl", "_sparse", "_estimator_type", "_parameter_constraints", "__class__")
# What compiled code reads.
COMPILED = {"Tree"} | {
    name.rpartition(".")[2] for name, check in CHECKS.items() if check is not None
}
# Numbers of attributes, kinds and places wrap around.
_numbers = st.integers(0, 2**16)
_EDITS = (
    *("swap", "share", "transplant", "transplant", "transplant", "graft", "graft"),
    *("number", "number", "number", "fill", "fill", "fill", "reshape", "reshape"),
    *("cast", "repeat", "unfold", "drop", "rename", "add", "retype"),
)


def model_mutants():
    """Strategy: functions from `Library` to the name of a model and its mutant."""
    edits = st.tuples(
        st.sampled_from(_EDITS), st.booleans(), _numbers, _numbers, _numbers
    )
    return st.builds(ModelMutant, _numbers, st.lists(edits, min_size=1, max_size=4))


@dataclass(eq=False)
class Node:
    """One object of a schema; what stands in two places is one `Node`."""

    kind: str
    module: str
    name: str
    # (label, Node): a label is the name of an attribute or key, else it is a number.
    children: list = field(default_factory=list)
    # Of each of a dict's keys.
    key_types: list = field(default_factory=list)
    array: np.ndarray | None = None
    # What else there is, such as the text of a number.
    rest: dict = field(default_factory=dict)


class Library:
    """The models that mutants are made of, and all of their nodes.

    Parameters
    ----------
    files : iterable of Path
    """

    def __init__(self, files):
        self.models = {}
        self.by_class, self.by_place = defaultdict(list), defaultdict(list)
        for file in files:
            info, members = read_parts(file)
            root = parse(json.loads(members["schema.json"]), members, {})
            self.models[file.stem] = info, root
            for place, parent, index in list_places(root):
                node = parent.children[index][1]
                self.by_class[node.module, node.name].append(node)
                self.by_place[place].append(node)
        self.labels = sorted({place[1] for place in self.by_place if place[0]})
        self.classes = sorted({name for name in self.by_class})


def parse(schema, members, known):
    """Return the `Node` of a node of the schema; `known` are those before it, by id."""
    number = schema["__id__"]
    if number in known:
        return known[number]
    content = schema.get("content")
    node = Node(*(schema[f"__{name}__"] for name in ("loader", "module", "class")))
    known[number] = node

    def add(label, child):
        node.children.append((label, parse(child, members, known)))

    if node.kind == "DictNode":
        for key, child in content.items():
            add(key, child)
        types = schema["key_types"]["content"]
        node.key_types = [parse(key_type, members, known) for key_type in types]
    elif schema.get("type") == "numpy":
        node.array = np.load(io.BytesIO(members[schema["file"]]))
    elif isinstance(content, list):
        for position, child in enumerate(content):
            add(position, child)
        if "shape" in schema:
            add("shape", schema["shape"])
    elif node.kind == "TreeNode":
        add("args", schema["__reduce__"]["args"])
        add("content", content)
    elif node.kind == "ObjectNode" and content is not None:
        add("content", content)
    elif node.kind in ("JsonNode", "SliceNode"):
        node.rest = {"content": content}
    return node


def write(root, info, file):
    """Write a model file of a `Node`."""
    numbers, members = {}, {}

    def describe(node):
        number = numbers.get(id(node), len(numbers) + 1)
        identity = node.kind, node.module, node.name, number
        schema = dict(
            zip(
                ("__loader__", "__module__", "__class__", "__id__"),
                identity,
                strict=True,
            )
        )
        if id(node) in numbers:
            return schema
        numbers[id(node)] = number
        schema |= node.rest
        if node.kind == "DictNode":
            keys = Node("ListNode", "builtins", "list", list(enumerate(node.key_types)))
            schema["key_types"] = describe(keys)
            kept.append(keys)
        if node.array is not None:
            buffer = io.BytesIO()
            np.save(buffer, node.array, allow_pickle=False)
            members[f"{number}.npy"] = buffer.getvalue()
            return {**schema, "type": "numpy", "file": f"{number}.npy"}
        children = {label: describe(child) for label, child in node.children}
        if node.kind == "DictNode":
            schema["content"] = children
        elif node.kind in ("ListNode", "TupleNode"):
            schema["content"] = list(children.values())
        elif node.kind == "NdArrayNode":
            schema |= {"type": "json", "shape": children.pop("shape")}
            schema["content"] = list(children.values())
        elif node.kind == "TreeNode":
            schema["__reduce__"] = {"args": children["args"]}
            schema["content"] = children["content"]
        elif children:
            schema["content"] = children["content"]
        return schema

    # As long as their ids are compared.
    kept = []
    schema = {**describe(root), "protocol": 2, "_skops_version": "0.13"}
    members["schema.json"] = json.dumps(schema).encode()
    write_parts(file, info, members)


def list_places(root):
    """Where nodes stand: ((class that has it, label), parent, position in children).

    A list's items all have one label. Of the parents each is visited once.
    """
    found, seen = [], {id(root)}
    waiting = [(root.name, root)]
    while waiting:
        owner, parent = waiting.pop()
        for index, (label, child) in enumerate(parent.children):
            is_item = not isinstance(label, str)
            found.append(((owner, "item" if is_item else label), parent, index))
            if id(child) not in seen:
                seen.add(id(child))
                # Attributes are in a dict, which is in the object.
                is_state = parent.kind in ("ObjectNode", "TreeNode")
                waiting.append((owner if is_state else child.name, child))
    return found


@dataclass(frozen=True)
class ModelMutant:
    """Which of the models, and one to four edits: a kind and three numbers each."""

    seed: int
    edits: list

    def __call__(self, library, file):
        """Write the mutant into a file; return the name of the model."""
        name = pick(sorted(library.models), self.seed)
        info, root = library.models[name]
        # A place for the model itself, which can be replaced, too.
        top = Node("TupleNode", "builtins", "tuple", [(0, copy.deepcopy(root))])
        for edit in self.edits:
            apply(top, library, *edit)
        write(top.children[0][1], info, file)
        return name


def pick(items, number):
    return items[number % len(items)]


def apply(top, library, edit, is_aimed, first, second, third):
    """Change the nodes below `top`; `first` says where."""
    places = list_places(top)
    if edit in ("fill", "reshape", "cast"):
        wanted = [p for p in places if has_array(p[1].children[p[2]][1])]
    elif edit == "number":
        wanted = [p for p in places if p[1].children[p[2]][1].kind == "JsonNode"]
    elif edit in ("drop", "rename", "add"):
        wanted = [p for p in places if p[1].kind == "DictNode"]
    elif edit == "repeat":
        wanted = [p for p in places if p[1].kind in ("ListNode", "TupleNode")]
    else:
        wanted = places
    if is_aimed:
        wanted = [p for p in wanted if p[0][0] in COMPILED] or wanted
    if not wanted:
        return
    # First the kind of place: of a forest's thousand nodes one is the forest's.
    kinds = sorted({place for place, _, _ in wanted})
    kind = pick(kinds, first)
    here = [p for p in wanted if p[0] == kind]
    if edit in CHANGES and third % 4 == 0:
        # Everywhere alike, as the number of features in all trees of a forest.
        here = [p for p in wanted if p[0][1] == kind[1]]
    elif edit in CHANGES:
        here = [pick(here, first // len(kinds))]
    if edit in CHANGES:
        for _, parent, index in here:
            label, node = parent.children[index]
            changed = CHANGES[edit](node, second, third // 4)
            parent.children[index] = label, changed
        return
    _, parent, index = pick(here, first // len(kinds))
    label, node = parent.children[index]

    def put(new):
        parent.children[index] = label, new

    if edit == "swap":
        _, other, position = pick(places, second)
        put(other.children[position][1])
        other.children[position] = other.children[position][0], node
    elif edit == "share":
        _, other, position = pick(places, second)
        put(other.children[position][1])
    elif edit == "transplant":
        alike = library.by_place.get(kind) or pick(
            sorted(library.by_place.values(), key=len), second
        )
        put(copy.deepcopy(pick(alike, second)))
    elif edit == "graft":
        of_class = library.by_class[pick(library.classes, second)]
        put(copy.deepcopy(pick(of_class, third)))
    elif edit == "repeat":
        copies = [(len(parent.children) + n, node) for n in range(1 + second % 40)]
        parent.children.extend(copies)
    elif edit == "unfold":
        for _ in range(1 + second % 40):
            node = Node("ListNode", "builtins", "list", [(0, node), (1, node)])
        put(node)
    elif edit == "drop":
        del parent.children[index], parent.key_types[index]
    elif edit == "rename":
        put_label(parent, index, pick(library.labels, second), node)
    elif edit == "add":
        key_type = parent.key_types[index]
        names = [*library.labels, *_NAMES]
        new = pick(names, second)
        values = library.by_class[pick(library.classes, third)]
        if all(label != new for label, _ in parent.children):
            parent.children.append((new, copy.deepcopy(pick(values, third))))
            parent.key_types.append(key_type)
    elif edit == "retype":
        changed = copy.copy(node)
        alike = [
            name
            for name in library.classes
            if library.by_class[name][0].kind == node.kind
        ]
        if alike:
            changed.module, changed.name = pick(alike, second)
        put(changed)


def put_label(parent, index, label, node):
    if all(known != label for known, _ in parent.children):
        parent.children[index] = label, node


def has_array(node):
    return node.array is not None


def change_number(node, number, _):
    text = pick(_EXTREMES, number)
    return Node("JsonNode", "builtins", "str", rest={"content": text, "is_json": True})


def on_array(change):
    def change_node(node, number, size):
        changed = copy.copy(node)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            changed.array = np.asarray(change(node.array, number, size))
        # A number stays one.
        is_number = node.name != "ndarray" and changed.array.ndim == 0
        changed.name = "ndarray"
        if is_number:
            changed.name = type(changed.array[()]).__name__
        return changed

    return change_node


def fill(array, number, where):
    """One value, or all, of an array (or of one field) becomes an extreme one."""
    changed = np.array(array)
    part = changed
    if array.dtype.names:
        part = changed[pick(array.dtype.names, where)]
    value = pick(_FILLINGS, number)
    if part.dtype.kind not in "iufcb" or not part.size:
        return array
    if part.dtype.kind in "iu":
        info = np.iinfo(part.dtype)
        value = 0 if value != value else int(min(max(value, info.min), info.max))
    position = where % (part.size + 1)
    if position == part.size:
        part[...] = value
    else:
        part[np.unravel_index(position, part.shape)] = value
    return changed


def reshape(array, number, size):
    flat = array.reshape(-1)
    changes = (
        lambda: array[:-1] if array.ndim else array[None],
        lambda: np.concatenate([array, array]) if array.ndim else array[None],
        lambda: flat,
        lambda: array[..., None],
        lambda: array[None],
        lambda: array.T.copy(),
        lambda: array[:0] if array.ndim else array[None][:0],
        lambda: np.resize(flat, (size % 300, *array.shape[1:])),
        lambda: np.asfortranarray(array),
        lambda: array[:1] if array.ndim else array,
        lambda: array[..., :1] if array.ndim else array,
        lambda: array[..., :-1] if array.ndim else array,
        lambda: flat[0:1].reshape(()) if flat.size else array,
    )
    return pick(changes, number)()


def cast(array, number, _):
    if array.dtype.names:
        return array[pick(array.dtype.names, number)].copy()
    try:
        return array.astype(pick(_DTYPES, number))
    except (ValueError, TypeError):
        return array


CHANGES = {
    "number": change_number,
    **{change.__name__: on_array(change) for change in (fill, reshape, cast)},
}

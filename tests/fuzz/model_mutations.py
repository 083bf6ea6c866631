"""Mutants of model files, whose objects are others, elsewhere, or of other content.

A mutant is well formed: ids, names of members and the checksum are right. So most of
them get as far as the objects that scikit-learn's compiled code is to believe in.
"""

import copy
import io
import json
import random
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
_SHAPES = (
    *("shorter", "longer", "flat", "deeper", "wrapped", "turned", "empty"),
    *("resized", "Fortran", "first", "column", "narrower", "number"),
)
# Attributes that decide which code runs, and which few instances have of their own.
_NAMES = ("_impl", "_sparse", "_estimator_type", "_parameter_constraints", "__class__")
# What compiled code reads.
COMPILED = {"Tree"} | {
    name.rpartition(".")[2] for name, check in CHECKS.items() if check is not None
}
# Most wrong files differ in a number.
_EDITS = (
    *("fill",) * 12,
    *("number",) * 5,
    *("reshape", "transplant", "exchange") * 3,
    *("graft", "share") * 2,
    *("swap", "cast", "repeat", "unfold", "drop", "rename", "add", "retype"),
)


def model_mutants():
    """Strategy: functions from `Library` to the name of a model and its mutant.

    Each edit has one number, which decides all of it: small examples, of the first of
    everything, would find little.
    """
    numbers = st.integers(0, 2**64 - 1)
    return st.builds(ModelMutant, numbers, st.lists(numbers, min_size=1, max_size=3))


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
            self.by_class[root.module, root.name].append(root)
            for place, parent, index in list_places(root):
                node = parent.children[index][1]
                self.by_class[node.module, node.name].append(node)
                self.by_place[place].append(node)
        self.labels = sorted({label for _, label in self.by_place if label[-1] != "]"})
        self.classes = sorted(self.by_class)
        # As if trained on a billion features: sound, and out of place in any model.
        for (_, name), nodes in self.by_class.items():
            if name in ("Tree", "DecisionTreeClassifier", "DecisionTreeRegressor"):
                nodes.extend([widen(node) for node in nodes])


def widen(tree):
    """Return a copy of a tree's `Node` that looks at its billionth feature."""
    tree, n_features = copy.deepcopy(tree), 10**9
    number = Node("JsonNode", "builtins", "str", rest={"content": str(n_features)})
    for place, parent, index in list_places(tree):
        label, node = parent.children[index]
        if place[1] == "n_features_in_" or (place == ("Tree", "args[]") and index == 0):
            parent.children[index] = label, number
        if place == ("Tree", "nodes"):
            node.array["feature"][node.array["feature"] >= 0] = n_features - 1
    return tree


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

    Items of lists have the label of the list, with brackets. Of the parents each is
    visited once.
    """
    found, seen = [], {id(root)}
    waiting = [(root.name, "", root)]
    while waiting:
        owner, inherited, parent = waiting.pop()
        for index, (name, child) in enumerate(parent.children):
            label = name if isinstance(name, str) else f"{inherited}[]"
            found.append(((owner, label), parent, index))
            if id(child) not in seen:
                seen.add(id(child))
                is_object = child.kind in ("ObjectNode", "TreeNode")
                waiting.append((child.name if is_object else owner, label, child))
    return found


@dataclass(frozen=True)
class ModelMutant:
    """Which of the models, and one to three edits."""

    seed: int
    edits: list

    def __call__(self, library, file):
        """Write the mutant into a file; return the model's name and what was done."""
        name = random.Random(self.seed).choice(sorted(library.models))
        info, root = library.models[name]
        # A place for the model itself, which can be replaced, too.
        top = Node("TupleNode", "builtins", "tuple", [(0, copy.deepcopy(root))])
        done = [apply(top, library, random.Random(number)) for number in self.edits]
        write(top.children[0][1], info, file)
        return name, done


def apply(top, library, rng):
    """Change the nodes below `top`; return what was done, and where."""
    edit, places = rng.choice(_EDITS), list_places(top)
    applies = {
        "number": lambda parent, node: node.kind == "JsonNode",
        "exchange": lambda parent, node: node.name in COMPILED,
        "repeat": lambda parent, node: parent.kind in ("ListNode", "TupleNode"),
        **dict.fromkeys(ARRAY_EDITS, lambda parent, node: node.array is not None),
        **dict.fromkeys(DICT_EDITS, lambda parent, node: parent.kind == "DictNode"),
    }.get(edit, lambda parent, node: True)
    wanted = [p for p in places if applies(p[1], p[1].children[p[2]][1])]
    if rng.random() < 0.75:
        wanted = [p for p in wanted if p[0][0] in COMPILED] or wanted
    if edit == "fill" and rng.random() < 0.5:
        wanted = [p for p in wanted if is_of_indices(p[1].children[p[2]][1])] or wanted
    if not wanted:
        return None
    # First the kind of place: of a forest's thousand nodes one is the forest's.
    kind = rng.choice(sorted({p[0] for p in wanted}))
    here = [rng.choice([p for p in wanted if p[0] == kind])]
    if edit == "number" or edit in ARRAY_EDITS:
        if rng.random() < 0.25:
            # Everywhere alike, as the number of features in all trees of a forest.
            here = [p for p in wanted if p[0][1] == kind[1]]
        change = draw_change(edit, rng)
        for _, parent, index in here:
            label, node = parent.children[index]
            parent.children[index] = label, change(node)
        return edit, kind
    _, parent, index = here[0]
    label, node = parent.children[index]
    names = {known for known, _ in parent.children}
    if edit == "drop":
        del parent.children[index], parent.key_types[index]
    elif edit == "rename":
        label = rng.choice(sorted({*library.labels} - names))
        parent.children[index] = label, node
    elif edit == "add":
        label = rng.choice(sorted({*library.labels, *_NAMES} - names))
        new = rng.choice(library.by_class[rng.choice(library.classes)])
        parent.children.append((label, copy.deepcopy(new)))
        parent.key_types.append(parent.key_types[index])
    elif edit == "repeat":
        n_items = len(parent.children)
        copies = [(n_items + n, node) for n in range(rng.randint(1, 40))]
        parent.children.extend(copies)
    else:
        parent.children[index] = (
            label,
            draw_node(edit, kind, node, places, library, rng),
        )
    return edit, kind


def is_of_indices(node):
    """Whether an array is of whole numbers, or has nodes of trees."""
    return node.array.dtype.kind in "iu" or node.array.dtype.names is not None


def draw_node(edit, place, node, places, library, rng):
    """What stands in the place of a node."""
    if edit in ("swap", "share"):
        _, other, position = rng.choice(places)
        label, found = other.children[position]
        if edit == "swap":
            other.children[position] = label, node
        return found
    if edit == "unfold":
        for _ in range(rng.randint(1, 40)):
            node = Node("ListNode", "builtins", "list", [(0, node), (1, node)])
        return node
    if edit == "transplant" and place in library.by_place:
        return copy.deepcopy(rng.choice(library.by_place[place]))
    if edit == "exchange":
        return copy.deepcopy(rng.choice(library.by_class[node.module, node.name]))
    if edit == "retype":
        alike = [
            name
            for name in library.classes
            if library.by_class[name][0].kind == node.kind
        ]
        changed = copy.copy(node)
        if alike:
            changed.module, changed.name = rng.choice(alike)
        return changed
    return copy.deepcopy(rng.choice(library.by_class[rng.choice(library.classes)]))


def draw_change(edit, rng):
    """A function from a node to one that is changed, alike for all nodes."""
    if edit == "number":
        content = {"content": rng.choice(_EXTREMES), "is_json": True}
        return lambda node: Node("JsonNode", "builtins", "str", rest=content)
    change = ARRAY_EDITS[edit](rng)

    def change_array(node):
        changed = copy.copy(node)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            changed.array = np.asarray(change(node.array))
        # A number stays one.
        is_number = node.name != "ndarray" and changed.array.ndim == 0
        changed.name = type(changed.array[()]).__name__ if is_number else "ndarray"
        return changed

    return change_array


def draw_filling(rng):
    """One value, or all, of an array (or of one field) becomes an extreme one."""
    value, where, is_whole = rng.choice(_FILLINGS), rng.random(), rng.random() < 0.5
    is_index = rng.random() < 0.75

    def fill(array):
        changed = np.array(array)
        part = changed
        if array.dtype.names:
            kinds = "i" if is_index else "iuf"
            names = [n for n in array.dtype.names if array.dtype[n].kind in kinds]
            part = changed[names[int(where * len(names))]]
        if part.dtype.kind not in "iufcb" or not part.size:
            return array
        number = value
        if part.dtype.kind in "iu":
            limits = np.iinfo(part.dtype)
            number = 0 if value != value else min(max(value, limits.min), limits.max)
            number = int(number)
        if is_whole:
            # Leaves stay leaves: what follows is read only behind a node.
            part[part != -1 if array.dtype.names else ...] = number
        else:
            part.flat[int(where * part.size)] = number
        return changed

    return fill


def draw_shape(rng):
    size = rng.randrange(300)

    def shape(array):
        flat = array.reshape(-1)
        rows = array if array.ndim else array[None]
        return {
            "shorter": lambda: rows[:-1],
            "longer": lambda: np.concatenate([rows, rows]),
            "flat": lambda: flat,
            "deeper": lambda: array[..., None],
            "wrapped": lambda: array[None],
            "turned": lambda: array.T.copy(),
            "empty": lambda: rows[:0],
            "resized": lambda: np.resize(flat, (size, *array.shape[1:])),
            "Fortran": lambda: np.asfortranarray(array),
            "first": lambda: rows[:1],
            "column": lambda: rows[..., :1],
            "narrower": lambda: rows[..., :-1],
            "number": lambda: flat[:1].reshape(()) if flat.size else array,
        }[name]()

    name = rng.choice(_SHAPES)
    return shape


def draw_cast(rng):
    dtype = rng.choice(_DTYPES)

    def cast(array):
        if array.dtype.names:
            return array[array.dtype.names[0]].copy()
        try:
            return array.astype(dtype)
        except (ValueError, TypeError):
            return array

    return cast


ARRAY_EDITS = {"fill": draw_filling, "reshape": draw_shape, "cast": draw_cast}
DICT_EDITS = ("drop", "rename", "add")

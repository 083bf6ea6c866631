"""Model files taken apart and put together again, as a forger would."""

import hashlib
import itertools
import json
import zipfile

# Of nodes that skops has not written.
IDS = itertools.count(1)


def read_parts(file):
    """Info, a dict, and the other members of a model file, name -> bytes."""
    with zipfile.ZipFile(file) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    return json.loads(members.pop("info.json")), members


def write_parts(file, info, members, *, compression=zipfile.ZIP_STORED):
    """Write a model file, with the checksum that its members ought to have."""
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(b"%s %d\n" % (name.encode(), len(members[name])))
        digest.update(members[name])
    with zipfile.ZipFile(file, "w", compression) as opened:
        opened.writestr("info.json", json.dumps({**info, "digest": digest.hexdigest()}))
        for name, content in members.items():
            opened.writestr(name, content)


def forge(file, change, **options):
    """Write a model file anew, its checksum right, after `change(schema, members)`."""
    info, members = read_parts(file)
    schema = json.loads(members["schema.json"])
    schema = change(schema, members) or schema
    members["schema.json"] = json.dumps(schema).encode()
    write_parts(file, info, members, **options)


def find(schema, name):
    """The first node of a class."""
    if isinstance(schema, dict):
        if schema.get("__class__") == name:
            return schema
        schema = list(schema.values())
    if isinstance(schema, list):
        return next(filter(None, (find(child, name) for child in schema)), None)
    return None


def node(kind, name, **content):
    module, _, name = name.rpartition(".")
    identity = {"__loader__": kind, "__module__": module, "__class__": name}
    return {**identity, "__id__": next(IDS), **content}


def text(value):
    return node("JsonNode", "builtins.str", content=json.dumps(value))


def sequence(kind, *items):
    return node(f"{kind.title()}Node", f"builtins.{kind}", content=list(items))


def mapping(keys=None, **items):
    keys = keys or [node("TypeNode", "builtins.str")] * len(items)
    keys = sequence("list", *keys)
    return node("DictNode", "builtins.dict", content=items, key_types=keys)

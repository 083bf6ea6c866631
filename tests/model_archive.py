"""Model files taken apart and put together again, as a forger would."""

import hashlib
import json
import zipfile


def read_parts(file):
    """Info, a dict, and the other members of a model file, name -> bytes."""
    with zipfile.ZipFile(file) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    return json.loads(members.pop("info.json")), members


def write_parts(file, info, members):
    """Write a model file, with the checksum that its members ought to have."""
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(b"%s %d\n" % (name.encode(), len(members[name])))
        digest.update(members[name])
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("info.json", json.dumps({**info, "digest": digest.hexdigest()}))
        for name, content in members.items():
            opened.writestr(name, content)

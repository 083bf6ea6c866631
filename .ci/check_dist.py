"""Check that wheel and sdist hold what they should and nothing else, and are small."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

MAX_BYTES = 1_000_000

(wheel,) = Path(sys.argv[1]).glob("*.whl")
(sdist,) = Path(sys.argv[1]).glob("*.tar.gz")
packed = {
    name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name
}
expected = {path.as_posix() for path in Path("skgenre").rglob("*.py")}
expected |= {
    "skgenre/datasets/gtzan.csv",
    "skgenre/py.typed",
    "skgenre/report/page.html",
}
assert packed == expected, packed ^ expected

# The sdist is the checkout, and what setuptools adds.
with tarfile.open(sdist) as archive:
    files = [member.name for member in archive if member.isfile()]
packed = {name.partition("/")[2] for name in files if ".egg-info/" not in name}
listing = subprocess.run(["git", "ls-files"], stdout=subprocess.PIPE, text=True)
expected = {*listing.stdout.splitlines(), "PKG-INFO", "setup.cfg"}
assert packed == expected, packed ^ expected

for file in (wheel, sdist):
    assert file.stat().st_size < MAX_BYTES, f"{file} has {file.stat().st_size} bytes"
    print(f"{file.name}: {file.stat().st_size} bytes")

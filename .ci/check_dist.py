"""Check that the wheel holds what it should and nothing else, and that it is small."""

import sys
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
for file in (wheel, sdist):
    assert file.stat().st_size < MAX_BYTES, f"{file} has {file.stat().st_size} bytes"
    print(f"{file.name}: {file.stat().st_size} bytes")

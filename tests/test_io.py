import subprocess
import sys

ENDING = """
import threading, time
from skgenre._io import atomic_write

def write(begin, name):
    begin.wait()
    with atomic_write(name, "w") as file:
        file.write("whole")
        begun.set()
        time.sleep(0.5)

begun, now, later = threading.Event(), threading.Event(), threading.Event()
for begin, name in [(now, "now"), (later, "later")]:
    threading.Thread(target=write, args=(begin, name), daemon=True).start()
timer = threading.Timer(0.2, later.set)
timer.daemon = True
now.set()
begun.wait()
timer.start()
"""


def test_the_end_of_a_process_leaves_whole_files_of_its_threads(tmp_path):
    command = [sys.executable, "-c", ENDING]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == ["now"]
    assert (tmp_path / "now").read_text() == "whole"

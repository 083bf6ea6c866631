"""Promises of blocks: every segment once, and memory for a few blocks only."""

import errno
import io
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_array_equal

from skgenre._blocks import gather_rows, is_temporary, iterate_blocks, release


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr("skgenre._blocks.MAX_BLOCK_BYTES", 1)
    monkeypatch.setattr("skgenre._blocks.MAX_HELD_BYTES", 1000)


@pytest.mark.parametrize("shape", [(3, 50, 2, 2), (70, 3, 2, 2), (40, 1, 1, 5)])
def test_each_segment_is_in_one_block_and_no_batch_is_cut(small_blocks, shape):
    counts = np.zeros(shape[:2], int)
    for place in iterate_blocks(np.zeros(shape)):
        counts[place] += 1
        assert place[1].start % 16 == 0
        assert counts[place].size <= 16
    assert (counts == 1).all()


@pytest.mark.parametrize("n_blocks", [1, 3, 40])
def test_gathered_rows_are_those_of_the_blocks(small_blocks, n_blocks):
    X = np.arange(n_blocks * 120.0).reshape(n_blocks, 5, 8, 3)
    gathered = gather_rows(block.swapaxes(1, 2) for block in X)
    assert is_temporary(gathered) == (X.nbytes > 1000 and n_blocks > 1)
    assert_array_equal(gathered, np.concatenate(X.swapaxes(2, 3)))


def test_blocks_of_a_mapped_array_may_be_empty(small_blocks):
    X = np.arange(2000.0).reshape(4, 500)
    gathered = gather_rows([X[:3], X[3:3], X[3:]])
    assert is_temporary(gathered)
    assert_array_equal(gathered, X)


def make_mapped():
    return gather_rows(np.full((1, 500), number) for number in range(50))


def test_a_mapped_array_can_be_written_to_and_released(small_blocks):
    X = make_mapped()
    X[7] = -1
    release(X[3:])
    assert_array_equal(X[:, 0], [*range(7), -1, *range(8, 50)])


def test_an_error_of_the_blocks_stays_as_it_is(small_blocks):
    def fail():
        yield np.zeros((1, 500))
        raise PermissionError(errno.EACCES, "mine")

    with pytest.raises(PermissionError, match="mine"):
        gather_rows(fail())


def test_only_own_files_are_released(small_blocks, tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((50, 100)))
    # What is written to such a copy is nowhere but in memory.
    X = np.load(tmp_path / "X.npy", mmap_mode="c")
    X[7] = -1
    release(X)
    assert X[7, 0] == -1
    assert is_temporary(make_mapped()[np.newaxis, 3:])


def test_a_mapped_array_reaches_worker_processes_and_comes_back(small_blocks):
    X = make_mapped()
    # joblib hands over arrays of more than this as files, by their name.
    parallel = Parallel(n_jobs=2, max_nbytes=1000)
    outcomes = parallel(delayed(np.negative)(X) for _ in range(2))
    assert_array_equal(outcomes[1], -X)


def test_without_a_folder_for_temporary_files_rows_stay_in_memory(
    small_blocks, monkeypatch
):
    def refuse(**options):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    X = make_mapped()
    assert not is_temporary(X)
    assert_array_equal(X[:, 0], range(50))


def test_a_full_disk_names_the_folder_of_temporary_files(small_blocks, monkeypatch):
    class FullFile(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda buffering: FullFile())
    with pytest.raises(
        OSError, match=r"No space left on device, .* \(TMPDIR\)"
    ) as found:
        make_mapped()
    assert found.value.filename == tempfile.gettempdir()


# 200 MB of features, walked as every step does.
SCRIPT = """
from pathlib import Path
import numpy as np
from skgenre._blocks import gather_rows, iterate_blocks
from skgenre.segments import SegmentRows, present_segments

def read_memory(name):
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) / 1000

before = read_memory("VmRSS")
X = gather_rows(np.ones((100, 130, 13), np.float32) for _ in range(300))[np.newaxis]
assert present_segments(X).sum() == 30_000
rows = SegmentRows(X)
total = sum(rows[start : start + 500].sum() for start in range(0, 30_000, 500))
assert total == X.size
print(X.nbytes / 1e6, read_memory("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_for_a_mapped_array_does_not_grow_with_it():
    command = [sys.executable, "-c", SCRIPT]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    size, memory = map(float, result.stdout.split())
    assert size > 200
    assert memory < 60

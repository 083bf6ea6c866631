"""Files are written whole or not at all, and read with a bound."""

import csv
import errno
import io
import json
import math
import os
import stat
import subprocess
import sys
import tracemalloc
import zipfile
from importlib import metadata

import numpy as np
import pytest

from skgenre._io import (
    atomic_write,
    counted,
    describe_os_error,
    find_versions,
    format_csv_row,
    format_json,
    open_regular,
    open_zip,
    parse_json,
    parse_npy,
    plain,
    printable,
    read_json,
    read_member,
    read_npz,
    read_table,
)

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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_error_of_writing_names_the_file_and_leaves_the_older_one(tmp_path, number):
    file = tmp_path / "file"
    file.write_text("older")
    with pytest.raises(OSError, match=f"'{file}'") as caught, atomic_write(file):
        raise OSError(number, os.strerror(number))  # as write() does
    assert (caught.value.errno, caught.value.filename) == (number, str(file))
    assert file.read_text() == "older"
    assert os.listdir(tmp_path) == ["file"]


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match="'/nowhere/else'"),
        atomic_write(tmp_path / "file"),
        open("/nowhere/else"),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_read_is_refused_by_the_name_of_the_file(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"\xff{]")
    for read in (
        lambda path: read_json(path, max_bytes=100),
        lambda path: read_json(path, max_bytes=1),
        lambda path: read_table(path, ("a",)),
        read_npz,
    ):
        with pytest.raises(ValueError, match=f"^{file} "):
            read(file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("-", "-"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        (" \0=1", "' \0=1"),
        ("\uff1d1", "'\uff1d1"),
        # Where a semicolon separates cells, and a line feed rows.
        ("a;=1;-2", "a;'=1;'-2"),
        ("a\n=1", "a\n'=1"),
        ("a\r=1", "a\r'=1"),
        ("hip-hop = rap; r&b", "hip-hop = rap; r&b"),
        ("'quoted' \"a\", b", "'quoted' \"a\", b"),
    ],
)
def test_no_text_of_a_table_is_a_formula(text, expected):
    line = format_csv_row([text, "x"])
    assert [*csv.reader(io.StringIO(line, newline=""))] == [[expected, "x"]]


def test_numbers_of_a_table_stay_numbers():
    assert format_csv_row([-0.5, -3, np.float64(-1e-9), None]) == "-0.5,-3,-1e-09,\n"


def test_names_of_a_million_columns_are_not_all_in_the_message(tmp_path):
    file = tmp_path / "wide.csv"
    file.write_text("a," * 1_500_000 + "a\n")
    with pytest.raises(ValueError, match=f"^{file} must have the column 'path'") as got:
        read_table(file, ("path",))
    assert len(str(got.value)) < 1000


def test_a_cell_of_any_size_is_refused_by_the_name_of_the_table(tmp_path):
    file = tmp_path / "odd.csv"
    file.write_text("path\n" + "x" * 200_000)
    with pytest.raises(ValueError, match=f"^{file} .*field larger than field limit"):
        read_table(file, ("path",))


READERS = (
    lambda path: read_json(path, max_bytes=100),
    lambda path: read_table(path, ("a",)),
    read_npz,
)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
@pytest.mark.parametrize("read", READERS)
def test_pipes_devices_and_folders_are_not_read_and_named(tmp_path, read):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path, kind in [
        (pipe, "named pipe"),
        (link, "named pipe"),
        (tmp_path, "directory"),
        ("/dev/zero", "device"),
    ]:
        with pytest.raises(ValueError, match=f"^{path} is a {kind}, expected a regu"):
            read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_a_file_that_becomes_a_pipe_before_it_is_opened_does_not_wait(
    tmp_path, monkeypatch
):
    file, system_stat = tmp_path / "file", os.stat
    file.touch()

    def stat_and_replace(path, **options):
        status = system_stat(path, **options)
        file.unlink()
        os.mkfifo(file)
        return status

    monkeypatch.setattr(os, "stat", stat_and_replace)
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(OSError, match="is a named pipe"):
        open_regular(file)
    assert len(os.listdir("/dev/fd")) == before


def test_links_are_followed_unless_forbidden(tmp_path):
    link = tmp_path / "link"
    (tmp_path / "file").touch()
    link.symlink_to("file")
    descriptor = open_regular(link)
    assert stat.S_ISREG(os.fstat(descriptor).st_mode)
    os.close(descriptor)
    with pytest.raises(OSError, match="is a symbolic link, expected a regular file"):
        open_regular(link, follow_links=False)


def test_a_member_of_an_archive_is_read_up_to_its_bound(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10_000))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert read_member(archive, "zeros", max_bytes=10_000) == bytes(10_000)
        with pytest.raises(ValueError, match="'zeros' expands to more than 9999"):
            read_member(archive, "zeros", max_bytes=9999)


def write_members(path, n_members, comment=b""):
    """Write a zip archive of empty members, its directory by zipfile itself."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(n_members):
            info = zipfile.ZipInfo(f"{number}.npy")
            info.comment = comment
            archive.writestr(info, b"")


def test_number_of_members_of_an_archive_is_bounded(tmp_path):
    write_members(tmp_path / "a.zip", 4)
    with open(tmp_path / "a.zip", "rb") as file:
        assert len(open_zip(file, max_members=4).namelist()) == 4
        with pytest.raises(ValueError, match="4 members, expected at most 3"):
            open_zip(file, max_members=3)


def test_a_directory_too_large_for_its_members_is_not_read(tmp_path):
    write_members(tmp_path / "a.zip", 400, comment=bytes(60_000))  # 24 MB of directory
    with open(tmp_path / "a.zip", "rb") as file:
        tracemalloc.start()
        with pytest.raises(ValueError, match="directory has more than 1048576 bytes"):
            open_zip(file, max_members=1000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 3_000_000


def test_an_archive_with_a_zip64_end_record_is_read(tmp_path, monkeypatch):
    # As numpy writes features of more than 2 GB.
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    write_members(tmp_path / "a.zip", 3)
    assert b"PK\x06\x06" in (tmp_path / "a.zip").read_bytes()
    with open(tmp_path / "a.zip", "rb") as file:
        archive = open_zip(file, max_members=3)
        assert [archive.read(name) for name in archive.namelist()] == [b""] * 3


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.zeros((0, 4), np.float32),
        np.array("text"),
    ],
)
def test_an_array_is_what_numpy_has_saved_and_no_byte_more(array):
    stream = io.BytesIO()
    np.save(stream, array)
    content = stream.getvalue()
    parsed = parse_npy(content)
    assert parsed.dtype == array.dtype
    np.testing.assert_array_equal(parsed, array)
    with pytest.raises(ValueError, match="bytes of array, expected"):
        parse_npy(content + b"x")


@pytest.mark.parametrize(
    "fields",
    [
        "'descr': ('<f4',), 'fortran_order': False, 'shape': (1,)",
        "'descr': '<f4', 'fortran_order': False, 'shape': (True,)",
        "'descr': '<f4', 'fortran_order': False, 'shape': (-1,)",
        "'descr': '<f4', 'fortran_order': False, 'shape': (1,)," + " " * 20_000,
    ],
)
def test_a_forged_header_of_an_array_is_refused(fields):
    header = f"{{{fields}}}".encode()
    content = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(4)
    with pytest.raises(ValueError, match=r"^array (of|with)"):
        parse_npy(content)


def test_printable_text_stays_and_the_rest_is_escaped():
    assert printable("caf\u00e9 'a\\b'") == "caf\u00e9 'a\\b'"
    assert printable("a\x1b[2J\n\udcff'") == r"a\x1b[2J\n\udcff'"
    assert printable(3) == "3"


def test_reason_of_an_error_is_without_number_and_file():
    assert describe_os_error(OSError(2, "No such file", "a.wav")) == "No such file"
    assert describe_os_error(ValueError("embedded null byte")) == "embedded null byte"


def test_versions_are_those_installed_and_none_of_what_is_not():
    found = find_versions(("numpy", "no-such-package"))
    assert found == {"numpy": np.__version__, "no-such-package": None}


def test_version_of_a_module_of_another_package_names_the_package(monkeypatch):
    owners = {"tensorflow": ["numpy"]}
    monkeypatch.setattr(metadata, "packages_distributions", lambda: owners)
    version = metadata.version

    def find(name):
        if name == "tensorflow":
            raise metadata.PackageNotFoundError
        return version(name)

    monkeypatch.setattr(metadata, "version", find)
    expected = f"{np.__version__} (numpy)"
    assert find_versions(("tensorflow",)) == {"tensorflow": expected}


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_that_json_does_not_have_are_refused(word):
    with pytest.raises(ValueError, match=f"{word} is not valid JSON"):
        parse_json(f'{{"a": [{word}]}}'.encode())


def test_numbers_that_json_does_not_have_are_written_as_null():
    content = {"a": [math.nan, -math.inf, np.float32("inf"), 0.5], "b": "NaN"}
    written = parse_json(format_json(content, default=plain).encode())
    assert written == {"a": [None, None, None, 0.5], "b": "NaN"}


@pytest.mark.parametrize("order", "<>")
def test_texts_of_an_array_have_characters_that_exist(order):
    stream = io.BytesIO()
    np.save(stream, np.array(["a", "\U0010ffff"], f"{order}U1"))
    content = stream.getvalue()
    assert parse_npy(content).tolist() == ["a", "\U0010ffff"]
    # Numpy and Python end in a SystemError.
    with pytest.raises(ValueError, match="characters that do not exist"):
        parse_npy(content[:-4] + b"\xff" * 4)
    assert parse_npy(content[:-8].replace(b"(2,)", b"(0,)")).tolist() == []


def test_numbers_of_numpy_are_written_as_numbers_and_other_objects_as_text():
    content = {"a": np.float32(0.5), "b": np.array(2), "c": np.arange(2), "d": {1: 2}}
    written = json.loads(json.dumps(content, default=plain))
    assert written == {"a": 0.5, "b": 2, "c": "[0 1]", "d": {"1": 2}}


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 tracks"), (1, "1 track"), (2, "2 tracks"), (np.uint8(1), "1 track")],
)
def test_numbers_have_their_nouns(number, text):
    assert counted(number, "track") == text

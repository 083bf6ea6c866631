"""Download the archive of GTZAN, check and unpack it: all of it or nothing."""

import gzip
import os
import re
import shutil
import tarfile
import tempfile
import time
import zlib
from pathlib import Path
from typing import NamedTuple

from skgenre._download import download_file


class Archive(NamedTuple):
    """URL and checksum of the archive."""

    url: str
    sha256: str


ARCHIVE = Archive(
    "https://huggingface.co/datasets/marsyas/gtzan/resolve/main/data/genres.tar.gz",
    "24347e0223d2ba798e0a558c4c172d9d4a19c00bb7963fe055d183dadb4ef2c6",
)

# The archive has 1.2 GB and unpacks to 1.3 GB: a thousand tracks of 1.3 MB.
MAX_PACKED_BYTES = 2_000_000_000
MAX_UNPACKED_BYTES = 3_000_000_000
MAX_MEMBERS = 5_000
MAX_MEMBER_BYTES = 100_000_000

# No download that still runs is as old.
ABANDONED_AFTER_SECONDS = 24 * 3600

_WORKPLACE = ".fetching-"
# Headers that go before a member's own. What they say (long names, sizes of more than
# 8 GB, sparse files) is not needed: they are skipped, not read.
_EXTENDED_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)
_TRACK = re.compile(r"(?:\./)?(genres/[a-z]+/[a-z]+\.\d{5}\.(?:wav|au))")


def download_gtzan(folder, *, archive=ARCHIVE, progressbar=True):
    """Fetch the archive and put its tracks into ``folder/genres``.

    A connection that breaks, or an archive with another checksum, is tried again, three
    times in all. Files that are there already stay. Where anything fails, `folder` is
    left as it was.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Killed downloads leave gigabytes in a hidden folder.
    for abandoned in folder.glob(_WORKPLACE + "*"):
        if time.time() - abandoned.stat().st_mtime > ABANDONED_AFTER_SECONDS:
            shutil.rmtree(abandoned, ignore_errors=True)
    # Each process has its own: two that fetch at once do not disturb each other.
    workplace = Path(tempfile.mkdtemp(prefix=_WORKPLACE, dir=folder))
    try:
        packed = download_file(
            archive.url,
            workplace,
            sha256=archive.sha256,
            max_bytes=MAX_PACKED_BYTES,
            progressbar=progressbar,
        )
        unpack_tracks(packed, workplace)
        try:
            # All in one step where there are none yet.
            os.rename(workplace / "genres", folder / "genres")
        except OSError:
            # Some tracks are there, or another process was faster.
            if not (folder / "genres").is_dir():
                raise
            for path in sorted((workplace / "genres").rglob("*.*")):
                place = folder / path.relative_to(workplace)
                place.parent.mkdir(exist_ok=True)
                if not place.exists():
                    os.replace(path, place)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def unpack_tracks(packed, folder):
    """Unpack the tracks of an archive into ``folder/genres``.

    Refused, before anything is written, is an archive that is damaged, or that holds a
    link, a path outside `folder`, or more than GTZAN could.
    """
    try:
        with gzip.open(packed) as unpacked:
            for name, start, n_bytes in _find_tracks(unpacked, packed):
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                unpacked.seek(start)
                path.write_bytes(unpacked.read(n_bytes))
    except (gzip.BadGzipFile, zlib.error, EOFError, tarfile.HeaderError) as error:
        raise ValueError(f"{packed} is not an intact archive: {error}.") from error


def _find_tracks(unpacked, packed):
    """Return (name, start, size) of each track in an open tar file.

    Only blocks of 512 bytes are read. `tarfile.TarFile` reads extended headers of any
    size, and any number of them, into memory before it names the first member.
    """
    tracks, n_members = [], 0
    while (block := unpacked.read(tarfile.BLOCKSIZE)).strip(b"\0"):
        member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        n_members += 1
        n_bytes = 0 if member.type == tarfile.DIRTYPE else member.size
        start = unpacked.tell()
        end = start + -(-n_bytes // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        if (
            n_members > MAX_MEMBERS
            or not 0 <= n_bytes <= MAX_MEMBER_BYTES
            or end > MAX_UNPACKED_BYTES
        ):
            raise ValueError(
                f"{packed} holds more than GTZAN could: more than {MAX_MEMBERS} files, "
                f"{MAX_MEMBER_BYTES} bytes in one or {MAX_UNPACKED_BYTES} in all."
            )
        if member.name.startswith("/") or ".." in member.name.split("/"):
            raise ValueError(f"{packed} has a path outside: {member.name!r}.")
        if member.type in _FILES:
            if named := _TRACK.fullmatch(member.name):
                tracks.append((named[1], start, n_bytes))
        elif member.type not in (*_EXTENDED_HEADERS, tarfile.DIRTYPE):
            raise ValueError(f"{packed} has a link or device: {member.name!r}.")
        if unpacked.seek(end) < end:
            raise EOFError(f"it ends within {member.name!r}")
    if not tracks:
        raise ValueError(
            f"{packed} holds no track, such as genres/blues/blues.00000.wav."
        )
    return tracks

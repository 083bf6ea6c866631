"""Download the archive of GTZAN, check and unpack it: all of it or nothing."""

import os
import re
import shutil
import tarfile
import tempfile
import time
from pathlib import Path
from typing import NamedTuple


class Archive(NamedTuple):
    """URL and checksum of the archive."""

    url: str
    sha256: str


ARCHIVE = Archive(
    "https://huggingface.co/datasets/marsyas/gtzan/resolve/main/data/genres.tar.gz",
    "24347e0223d2ba798e0a558c4c172d9d4a19c00bb7963fe055d183dadb4ef2c6",
)

# The archive unpacks to 1.3 GB.
MAX_UNPACKED_BYTES = 3_000_000_000
MAX_MEMBERS = 5_000

# No download that still runs is as old.
ABANDONED_AFTER_SECONDS = 24 * 3600

_WORKPLACE = ".fetching-"
_N_TRIES = 3
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
        packed = _fetch(archive, workplace, progressbar)
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


def _fetch(archive, folder, progressbar):
    import pooch
    import requests

    name = archive.url.rsplit("/", 1)[-1]
    source = pooch.create(
        path=folder,
        base_url=archive.url.removesuffix(name),
        registry={name: f"sha256:{archive.sha256}"},
        retry_if_failed=_N_TRIES - 1,
    )
    downloader = pooch.HTTPDownloader(progressbar=progressbar, timeout=60)
    try:
        return source.fetch(name, downloader=downloader)
    except requests.exceptions.RequestException as error:
        raise OSError(f"{archive.url} could not be fetched: {error}") from error
    except ValueError as error:
        raise OSError(
            f"{archive.url} is not what it should be (sha256 {archive.sha256}): {error}"
        ) from error


def unpack_tracks(packed, folder):
    """Unpack the tracks of an archive into ``folder/genres``.

    Refused, before anything is written, is an archive that holds a link, a path outside
    `folder`, or more than GTZAN could.
    """
    with tarfile.open(packed, "r:gz") as archive:
        tracks, n_bytes = [], 0
        for number, member in enumerate(archive, start=1):
            n_bytes += member.size
            if number > MAX_MEMBERS or n_bytes > MAX_UNPACKED_BYTES:
                raise ValueError(
                    f"{packed} holds more than GTZAN could: more than {MAX_MEMBERS} "
                    f"files or {MAX_UNPACKED_BYTES} bytes."
                )
            if member.name.startswith("/") or ".." in member.name.split("/"):
                raise ValueError(f"{packed} has a path outside: {member.name!r}.")
            if not (member.isfile() or member.isdir()):
                raise ValueError(f"{packed} has a link or device: {member.name!r}.")
            if member.isfile() and _TRACK.fullmatch(member.name):
                tracks.append(member)
        if not tracks:
            raise ValueError(
                f"{packed} holds no track, such as genres/blues/blues.00000.wav."
            )
        archive.extractall(folder, members=tracks, filter="data")

"""GTZAN on disk, in every usual form, and from a server of our own."""

import functools
import gzip
import hashlib
import io
import os
import tarfile
import tracemalloc
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests
import soundfile
from file_server import ENDLESS_ANSWERS, Handler, serve_folder

from skgenre import fetch_gtzan
from skgenre.datasets import gtzan, gtzan_download
from skgenre.datasets.gtzan_download import Archive, download_gtzan, unpack_tracks
from skgenre.datasets.gtzan_tracks import read_index

TRACKS = ("blues.00000", "blues.00001", "rock.00002")


def write_track(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.sin(np.arange(2205)), 22050, format=path.suffix[1:])


def fetch(folder, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fetch_gtzan(
            data_home=folder, **{"download_if_missing": False, **arguments}
        )


def test_index_has_a_thousand_tracks_of_ten_genres():
    rows = read_index().values()
    assert set(Counter(row.genre for row in rows).values()) == {100}
    splits = Counter(row.filtered_split for row in rows)
    assert splits == {"train": 443, "valid": 197, "test": 290, "": 70}
    assert sum(bool(row.artist) for row in rows) == 919


def test_artists_are_on_one_side_of_the_filtered_split():
    sides = {}
    for row in read_index().values():
        if row.artist and row.filtered_split:
            sides.setdefault(row.artist, set()).add(row.filtered_split)
    both = [artist for artist, names in sides.items() if {"train", "test"} <= names]
    assert len(both) <= 5, both


@pytest.mark.parametrize(
    "layout",
    [
        *("genres/{genre}", "genres_original/{genre}", "{genre}", ""),
        "Data/genres_original/{genre}",
    ],
)
@pytest.mark.parametrize("extension", [".wav", ".au", ".flac"])
def test_tracks_are_found_in_every_usual_layout(layout, extension, tmp_path):
    for name in TRACKS:
        folder = layout.format(genre=name.split(".")[0])
        write_track(tmp_path / folder / f"{name}{extension}")
    data = fetch(tmp_path)
    assert data.tracks.tolist() == list(TRACKS)
    assert data.target.tolist() == ["blues", "blues", "rock"]
    assert data.groups.tolist()[:2] == ["John Lee Hooker"] * 2
    assert data.titles[1] == "I'm In The Mood For Love"
    assert set(data.status) == {"altered" if extension == ".wav" else "unknown"}


def test_missing_tracks_are_counted_once(tmp_path):
    write_track(tmp_path / "blues.00000.wav")
    with pytest.warns(UserWarning, match=r"1 track of GTZAN's 1000 found") as caught:
        fetch_gtzan(data_home=tmp_path, download_if_missing=False)
    assert len(caught) == 1


def test_one_track_in_two_folders_counts_once(tmp_path):
    write_track(tmp_path / "a" / "blues.00000.wav")
    write_track(tmp_path / "b" / "blues.00000.flac")
    write_track(tmp_path / "b" / "blues.00001.flac")
    with pytest.warns(UserWarning, match=r"blues.00000 is there with different"):
        data = fetch_gtzan(data_home=[tmp_path / "a", tmp_path / "b"])
    assert data.tracks.tolist() == ["blues.00000", "blues.00001"]
    # The wav is known not to be the original; the flac may be.
    assert data.paths[0].endswith(".flac")


def test_environment_names_the_folders(tmp_path, monkeypatch):
    write_track(tmp_path / "a" / "blues.00000.wav")
    write_track(tmp_path / "b" / "rock.00002.wav")
    folders = os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")])
    monkeypatch.setenv("SKGENRE_DATA", folders)
    assert fetch(None).tracks.tolist() == ["blues.00000", "rock.00002"]


def test_other_genres_and_names_are_kept_and_said_to_be_unknown(tmp_path):
    for name in ("genres/blues/blues.00000", "genres/blues/mine", "genres/polka/a"):
        write_track(tmp_path / f"{name}.wav")
    with pytest.warns(UserWarning, match=r"2 files not of GTZAN.*mine.wav, .*a.wav"):
        data = fetch_gtzan(data_home=tmp_path)
    assert data.target.tolist() == ["blues", "blues", "polka"]
    assert data.artists.tolist() == ["John Lee Hooker", "", ""]
    assert len(set(data.groups)) == 3


def test_folders_of_operating_systems_hold_no_tracks(tmp_path):
    for name in ("blues", "$RECYCLE.BIN", "@eaDir", "lost+found", ".git"):
        write_track(tmp_path / "genres" / name / "blues.00000.wav")
        write_track(tmp_path / name / "other.wav")
    write_track(tmp_path / "blues" / "._other.wav")
    with pytest.warns(UserWarning, match=r"1 file not of GTZAN.*other.wav"):
        data = fetch_gtzan(data_home=tmp_path)
    assert data.target.tolist() == ["blues", "blues"]


def test_filtered_subset_leaves_out_what_the_split_leaves_out(tmp_path):
    out = next(row for row in read_index().values() if not row.filtered_split)
    write_track(tmp_path / f"{out.track}.wav")
    write_track(tmp_path / "blues.00000.wav")
    assert len(fetch(tmp_path).tracks) == 2
    assert fetch(tmp_path, subset="filtered").tracks.tolist() == ["blues.00000"]


def test_identical_tracks_of_unknown_artists_are_one_group():
    rows = [row for row in read_index().values() if row.replica_of]
    unknown = [row for row in rows if not row.artist]
    assert all(row.group == f"track:{row.replica_of}" for row in unknown)
    assert all(row.group == row.artist for row in rows if row.artist)


def test_paths_and_target_alone(tmp_path):
    write_track(tmp_path / "blues.00000.wav")
    paths, target = fetch(tmp_path, return_X_y=True)
    assert paths.tolist() == [str(tmp_path / "blues.00000.wav")]
    assert target.tolist() == ["blues"]


def test_no_track_says_what_was_looked_for(tmp_path):
    with pytest.raises(OSError, match=r"genres_original/blues/blues.00000.wav"):
        fetch_gtzan(data_home=tmp_path, download_if_missing=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [("subset", "some"), ("download_if_missing", "yes"), ("data_home", [])],
)
def test_other_parameters_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        fetch_gtzan(**{name: value})


def test_validation_names_missing_altered_and_damaged(tmp_path):
    write_track(tmp_path / "blues.00000.wav")
    (tmp_path / "blues.00001.wav").write_bytes(b"RIFF")
    faults = fetch(tmp_path).validate()
    assert len(faults.missing) == 998
    assert len(faults.altered) == 2
    assert faults.damaged == [str(tmp_path / "blues.00001.wav")]


def test_incomplete_track_is_damaged(tmp_path, incomplete_audio):
    path = tmp_path / "blues.00000.wav"
    write_track(path)
    assert fetch(tmp_path).validate().damaged == [str(path)]


def test_real_tracks_are_the_originals(real_folders):
    data = fetch(real_folders)
    assert len(data.paths) == 140
    assert Counter(data.status.tolist()) == {"ok": 100, "unknown": 40}
    faults = data.validate()
    assert (len(faults.missing), faults.altered, faults.damaged) == (860, [], [])


# From here on: the download, from a server of our own.


def pack(path, members):
    """Write an archive of (name, content or link target or TarInfo)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def make_wav():
    buffer = io.BytesIO()
    soundfile.write(buffer, np.sin(np.arange(2205)), 22050, format="WAV")
    return buffer.getvalue()


GOOD = [(f"genres/{name.split('.')[0]}/{name}.wav", make_wav()) for name in TRACKS]


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serve an archive of these members; return its description."""
    folder = tmp_path / "served"
    folder.mkdir()
    # pooch waits a second longer after each try.
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    with serve_folder(folder) as address:

        def start(members=GOOD, n_cuts=0):
            Handler.n_cuts = n_cuts
            packed = pack(folder / "genres.tar.gz", members)
            digest = hashlib.sha256(packed.read_bytes()).hexdigest()
            return Archive(f"{address}/genres.tar.gz", digest)

        yield start


def list_files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))


def test_download_puts_the_tracks_in_place(serve, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        gtzan, "download_gtzan", functools.partial(download_gtzan, archive=serve())
    )
    data = fetch(tmp_path / "home", download_if_missing=True)
    assert data.tracks.tolist() == list(TRACKS)
    assert list_files(tmp_path / "home") == [name for name, _ in GOOD]
    assert "100%" in capsys.readouterr().err


def test_complete_fetches_over_a_partial_folder(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(
        gtzan, "download_gtzan", functools.partial(download_gtzan, archive=serve())
    )
    kept = tmp_path / "home" / "genres" / "blues" / "blues.00000.wav"
    write_track(kept)
    before = kept.read_bytes()
    assert len(fetch(tmp_path / "home", download_if_missing=True).tracks) == 1
    assert len(fetch(tmp_path / "home", download_if_missing="complete").tracks) == 3
    assert kept.read_bytes() == before


def test_a_cut_connection_is_tried_again(serve, tmp_path):
    download_gtzan(tmp_path / "home", archive=serve(n_cuts=2), progressbar=False)
    assert list_files(tmp_path / "home") == [name for name, _ in GOOD]


@pytest.mark.parametrize("fault", ["always cut", "checksum", "no server", "no file"])
def test_a_failed_download_leaves_nothing_behind(fault, serve, tmp_path):
    archive = serve(n_cuts=99 if fault == "always cut" else 0)
    if fault == "checksum":
        archive = archive._replace(sha256="0" * 64)
    elif fault == "no server":
        archive = archive._replace(url="http://127.0.0.1:9/genres.tar.gz")
    elif fault == "no file":
        archive = archive._replace(url=archive.url + "x")
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        download_gtzan(tmp_path / "home", archive=archive, progressbar=False)
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("kind", ENDLESS_ANSWERS)
def test_an_answer_without_end_is_not_waited_for(kind, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(gtzan_download, "MAX_PACKED_BYTES", 1_000_000)
    archive = serve()
    archive = archive._replace(url=archive.url.replace("/genres", f"/{kind}/genres"))
    tracemalloc.start()
    try:
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            download_gtzan(tmp_path / "home", archive=archive, progressbar=False)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert list((tmp_path / "home").iterdir()) == []


def test_a_download_that_leaves_https_is_refused(serve, tmp_path, monkeypatch):
    archive, get = serve(), requests.get
    # As if an address with HTTPS led to the server, which has none.
    monkeypatch.setattr(
        requests, "get", lambda url, **kw: get(url.replace("https:", "http:"), **kw)
    )
    secure = archive._replace(url=archive.url.replace("http:", "https:"))
    with pytest.raises(OSError, match=rf"leads to {archive.url}, without HTTPS"):
        download_gtzan(tmp_path / "home", archive=secure, progressbar=False)


HOSTILE = {
    "parent": [*GOOD, ("../evil.wav", b"x")],
    "inner parent": [*GOOD, ("genres/blues/../../../blues.00009.wav", b"x")],
    "absolute": [*GOOD, ("/tmp/evil.wav", b"x")],
    "symlink": [*GOOD, ("genres/blues/blues.00009.wav", "/etc/passwd")],
    "empty": [("readme.txt", b"x")],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_whole(kind, serve, tmp_path):
    archive = serve(HOSTILE[kind])
    with pytest.raises(ValueError, match=r"outside|link|no track"):
        download_gtzan(tmp_path / "home", archive=archive, progressbar=False)
    assert list((tmp_path / "home").iterdir()) == []
    assert not (tmp_path / "evil.wav").exists()


@pytest.mark.parametrize("limit", ["MAX_UNPACKED_BYTES", "MAX_MEMBERS"])
def test_a_bomb_is_refused_before_it_is_unpacked(limit, tmp_path, monkeypatch):
    monkeypatch.setattr(gtzan_download, limit, 2)
    packed = pack(tmp_path / "bomb.tar.gz", GOOD)
    with pytest.raises(ValueError, match="more than GTZAN could"):
        unpack_tracks(packed, tmp_path / "home")
    assert not (tmp_path / "home").exists()


def make_header(kind, name="genres", size=0):
    """Return the block of a member of any type and size, which need not follow."""
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


def pack_blocks(path, *blocks):
    with gzip.open(path, "wb", compresslevel=1) as packed:
        for block in blocks:
            packed.write(block)
    return path


MEGABYTE = bytes(1 << 20)
HOSTILE_HEADERS = {
    "pax": [make_header(tarfile.XHDTYPE, size=1_500_000_000), *[MEGABYTE] * 300],
    "global pax": [make_header(tarfile.XGLTYPE, size=200 << 20), *[MEGABYTE] * 200],
    "long name": [make_header(tarfile.GNUTYPE_LONGNAME, size=10**15)],
    "long names": [make_header(tarfile.GNUTYPE_LONGNAME, size=1) + bytes(512)] * 9000,
    "small members": [make_header(tarfile.REGTYPE)] * 9000,
    "sparse map": [make_header(tarfile.GNUTYPE_SPARSE)[:482] + b"\1" * 30] * 9000,
    "negative size": [make_header(tarfile.REGTYPE, size=-1024)],
    "cut": [make_header(tarfile.REGTYPE, size=1000), bytes(512)],
    "checksum": [b"x" * 512],
}


@pytest.mark.parametrize("kind", HOSTILE_HEADERS)
def test_hostile_headers_are_refused_in_little_memory(kind, tmp_path):
    packed = pack_blocks(tmp_path / "genres.tar.gz", *HOSTILE_HEADERS[kind])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"more than GTZAN could|intact|link"):
            unpack_tracks(packed, tmp_path / "home")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("n_kept", [0, 5, 3000])
def test_a_cut_archive_is_refused_by_its_name(n_kept, tmp_path):
    packed = pack(tmp_path / "genres.tar.gz", GOOD)
    packed.write_bytes(packed.read_bytes()[:n_kept])
    with pytest.raises(
        ValueError, match=r"genres\.tar\.gz (is not an intact|holds no)"
    ):
        unpack_tracks(packed, tmp_path / "home")


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_tracks_among_extended_headers_and_other_files_are_unpacked(form, tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=form) as archive:
        for name in ("genres/bextract_single.mf", "x" * 300, f"./{GOOD[0][0]}"):
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = 700, {"mtime": "1.25"}
            archive.addfile(member, io.BytesIO(b"s" * 700))
    unpack_tracks(tmp_path / "a.tar.gz", tmp_path)
    assert (tmp_path / GOOD[0][0]).read_bytes() == b"s" * 700
    assert list_files(tmp_path) == ["a.tar.gz", GOOD[0][0]]


def test_a_full_disk_leaves_nothing_behind(serve, tmp_path, monkeypatch):
    def fail(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    archive = serve()
    with pytest.raises(OSError, match="No space left"):
        download_gtzan(tmp_path / "home", archive=archive, progressbar=False)
    assert list((tmp_path / "home").iterdir()) == []


def test_what_a_killed_download_left_is_removed_a_day_later(serve, tmp_path):
    old, young = (tmp_path / "home" / f".fetching-{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "genres.tar.gz").write_bytes(b"half")
    os.utime(old, (0, 0))
    download_gtzan(tmp_path / "home", archive=serve(), progressbar=False)
    assert not old.exists()
    assert young.exists()


def test_two_fetch_at_once(serve, tmp_path):
    fetch_one = functools.partial(download_gtzan, archive=serve(), progressbar=False)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fetch_one, [tmp_path / "home"] * 2))
    assert list_files(tmp_path / "home") == [name for name, _ in GOOD]


def test_a_folder_that_cannot_be_written_to_is_still_read(tmp_path):
    write_track(tmp_path / "home" / "blues.00000.wav")
    Path(tmp_path / "home").chmod(0o500)
    assert len(fetch(tmp_path / "home").tracks) == 1

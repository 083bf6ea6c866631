import os
import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgenre import load_genre_folder, make_genre_tracks
from skgenre.datasets import digest_tracks, join_tracks


@pytest.fixture
def folder(tmp_path):
    """Make empty files; return the folder: no audio is read here."""

    def make(*names):
        for name in names:
            path = tmp_path / "music" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        return tmp_path / "music"

    return make


@pytest.fixture(autouse=True)
def no_unexpected_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def names(data, folder):
    return [os.path.relpath(path, folder) for path in data.paths]


def test_genres_are_the_first_folders_and_tracks_are_sorted(folder):
    music = folder(
        "rock/b.wav", "rock/a.MP3", "blues/x/2.flac", "blues/1.ogg", "rock/c.au"
    )
    data = load_genre_folder(music)
    expected = [
        "blues/1.ogg",
        "blues/x/2.flac",
        "rock/a.MP3",
        "rock/b.wav",
        "rock/c.au",
    ]
    assert names(data, music) == expected
    assert_array_equal(data.target, ["blues", "blues", "rock", "rock", "rock"])
    assert_array_equal(data.target_names, ["blues", "rock"])


def test_order_does_not_depend_on_the_file_system(folder, monkeypatch):
    music = folder("rock/b.wav", "rock/a.wav", "blues/c.wav", "blues/a/d.wav")
    expected = names(load_genre_folder(music), music)
    walk = os.walk

    def walk_backwards(*args, **kwargs):
        for parent, folders, files in reversed(list(walk(*args, **kwargs))):
            yield parent, folders[::-1], files[::-1]

    monkeypatch.setattr(os, "walk", walk_backwards)
    assert names(load_genre_folder(music), music) == expected


def test_hidden_files_and_folders_are_left_out(folder):
    music = folder(
        "rock/a.wav", "rock/b.wav", "rock/._a.wav", "rock/.x/c.wav", ".git/d.wav"
    )
    assert names(load_genre_folder(music), music) == ["rock/a.wav", "rock/b.wav"]


@pytest.mark.parametrize(
    "name",
    [
        *("$RECYCLE.BIN", "System Volume Information", "lost+found", "@eaDir"),
        *("__MACOSX", "#recycle", ".Trash-1000", ".AppleDouble", "@Recycle"),
    ],
)
def test_folders_of_operating_systems_are_no_genres(name, folder):
    music = folder("rock/a.wav", "rock/b.wav", f"{name}/c.wav", f"rock/{name}/d.wav")
    folder("rock/Thumbs.db", "rock/desktop.ini", "._e.wav")
    with warnings.catch_warnings(action="error"):
        data = load_genre_folder(music, groups="subfolder")
    assert names(data, music) == ["rock/a.wav", "rock/b.wav"]


def test_description_counts_genres_that_have_tracks(folder):
    with pytest.warns(UserWarning, match="without audio files: polka"):
        data = load_genre_folder(
            folder("rock/a.wav", "rock/b.wav", "jazz/c.wav", "jazz/d.wav", "polka/.x")
        )
    assert data.DESCR.startswith("4 tracks of 2 genres in")


def test_unknown_artists_are_a_group_per_track(folder):
    data = load_genre_folder(folder("rock/a.wav", "rock/b.wav"))
    assert len(set(data.groups)) == 2


def test_artists_are_the_folders_below_the_genres(folder):
    music = folder("jazz/miles/1.wav", "jazz/miles/cd2/2.wav", "rock/miles/3.wav")
    folder("rock/4.wav", "rock/5.wav")
    groups = load_genre_folder(music, groups="subfolder").groups
    assert_array_equal(groups[:3], ["miles"] * 2 + [groups[2]])
    assert len(set(groups)) == 3


def test_artists_may_come_from_a_csv_file(folder, tmp_path):
    music = folder("jazz/1.wav", "jazz/2.wav", "rock/3.wav", "rock/4.wav")
    table = tmp_path / "artists.csv"
    table.write_text(
        f"path,group\njazz/1.wav,Miles\n{music}/rock/3.wav,Miles\n"
        "jazz/2.wav, \nrock/4.wav,\n"
    )
    groups = load_genre_folder(music, groups=table).groups
    assert groups[0] == groups[2] == "Miles"
    assert len(set(groups)) == 3


def test_csv_file_with_a_column_twice_is_refused(folder, tmp_path):
    music, table = folder("jazz/1.wav", "jazz/2.wav"), tmp_path / "artists.csv"
    table.write_text("path,group,group,,\njazz/1.wav,Miles,Davis,,\n")
    with pytest.raises(ValueError, match="each column once, got 'group' twice"):
        load_genre_folder(music, groups=table)


def test_digest_does_not_tell_one_way_of_missing_from_another(folder):
    data = load_genre_folder(folder("rock/a.wav", "rock/b.wav", "rock/c.wav"))
    expected = digest_tracks(data)
    for missing in (None, np.nan, ""):
        data.groups = [missing, *data.groups[1:]]
        assert digest_tracks(data) == expected


def test_csv_file_that_does_not_fit_is_refused_or_said(folder, tmp_path):
    music = folder("jazz/1.wav", "jazz/2.wav")
    table = tmp_path / "artists.csv"
    table.write_text("path,artist\njazz/1.wav,Miles\n")
    with pytest.raises(
        ValueError, match=r"artists\.csv must have the columns 'path' and"
    ):
        load_genre_folder(music, groups=table)
    table.write_text("path,group\n1.wav,Miles\n")
    with pytest.raises(ValueError, match=r"names no track in .* has 2: .*jazz/1\.wav"):
        load_genre_folder(music, groups=table)
    table.write_text("path,group\njazz/1.wav,Miles\njazz/1.wav,Chet\n")
    with pytest.raises(
        ValueError, match=r"one group, got 'Miles' and 'Chet' for jazz/1"
    ):
        load_genre_folder(music, groups=table)
    for nothing in ("subfolders", True, 5):
        with pytest.raises(ValueError, match=rf"groups must be .* got {nothing!r}"):
            load_genre_folder(music, groups=nothing)
    table.write_text("path,group\njazz/1.wav,Miles\njazz/9.wav,Miles\n")
    with pytest.warns(UserWarning, match=r"not among the tracks.*jazz/9\.wav"):
        load_genre_folder(music, groups=table)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("pop/only.wav", "genres with one track.*: pop"),
        ("pop/cover.jpg", r"not audio .*cover\.jpg"),
        ("astray.wav", r"in no genre's folder: .*astray\.wav"),
    ],
)
def test_what_is_odd_is_named_in_a_warning(folder, extra, message):
    music = folder("rock/a.wav", "rock/b.wav", extra)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_genre_folder(music)
    assert any(re.search(message, str(w.message)) for w in caught)


def test_folders_without_tracks_are_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        load_genre_folder(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"must have genre folders with audio files"):
        load_genre_folder(tmp_path)
    with pytest.raises(NotADirectoryError, match=r"a\.wav"):
        load_genre_folder(folder("rock/a.wav") / "rock" / "a.wav")


def test_forbidden_folder_is_not_left_out_in_silence(folder, monkeypatch):
    music, scandir = folder("rock/a.wav", "rock/b.wav", "rock/closed/c.wav"), os.scandir

    def forbid(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbid)
    with pytest.raises(PermissionError, match="closed"):
        load_genre_folder(music)


def test_link_to_a_folder_above_ends(folder):
    music = folder("rock/a.wav", "rock/b.wav")
    (music / "rock" / "again").symlink_to(music)
    assert len(load_genre_folder(music).paths) == 2


def test_made_tracks_are_read_back(tmp_path):
    made = make_genre_tracks(
        tmp_path, n_genres=2, n_tracks_per_genre=4, duration=1.0, random_state=0
    )
    data = load_genre_folder(tmp_path, groups="subfolder")
    for field in ("paths", "target", "target_names", "groups"):
        assert_array_equal(data[field], made[field])


def test_track_in_two_folders_counts_once(folder, tmp_path):
    music = folder("rock/a.wav", "rock/b.wav", "blues/c.wav", "blues/d.wav")
    (tmp_path / "other").symlink_to(music)
    data = join_tracks(
        [load_genre_folder(music), load_genre_folder(tmp_path / "other")]
    )
    assert len(data.paths) == 4
    assert_array_equal(np.unique(data.target), data.target_names)

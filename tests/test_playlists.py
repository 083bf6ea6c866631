"""Promises of `skgenre predict --playlist`: a playlist per genre that players open."""

import json
import os
from pathlib import Path

import pytest

from skgenre.cli import main
from skgenre.cli.playlists import Playlists


def read_playlist(path):
    """The files that a playlist names, as a player finds them."""
    first, *entries, last = path.read_bytes().split(b"\n")
    assert (first, last) == (b"#EXTM3U", b"")
    return [os.path.normpath(path.parent / os.fsdecode(entry)) for entry in entries]


def write(folder, *tracks, genres=()):
    playlists = Playlists(folder, list(genres))
    answers = [playlists.add(str(path), genre) for path, genre in tracks]
    assert playlists.write() == len({genre for _, genre in tracks})
    return answers


def test_each_file_is_in_the_playlist_of_its_predicted_genre(
    made_tracks, model_file, tmp_path, capsys, caplog
):
    files = made_tracks.paths[::5].tolist()
    folder = tmp_path / "new" / "lists"
    assert (
        main(["predict", model_file, *files, "--json", "--playlist", str(folder)]) == 0
    )
    expected = {}
    for row in json.loads(capsys.readouterr().out):
        expected.setdefault(f"{row['genre']}.m3u8", []).append(row["path"])
    assert {p.name: read_playlist(p) for p in folder.iterdir()} == expected
    assert f"{folder}: playlists of {len(expected)} genres" in caplog.text


def test_entries_are_relative_so_that_a_collection_can_move(tmp_path):
    tracks = [(tmp_path / "a b" / "1.mp3", "rock"), (tmp_path / "lists/2.mp3", "rock")]
    write(tmp_path / "lists", *tracks)
    text = (tmp_path / "lists" / "rock.m3u8").read_text(encoding="utf-8")
    assert text == "#EXTM3U\n../a b/1.mp3\n2.mp3\n"


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("#1.mp3", b"./#1.mp3"),
        (" song.mp3", b"./ song.mp3"),
        ("Bj\u00f6rk.mp3", "Bj\u00f6rk.mp3".encode()),
        (os.fsdecode(b"\xff.mp3"), b"\xff.mp3"),
    ],
)
def test_names_of_files_are_no_comments_and_keep_their_bytes(name, entry, tmp_path):
    write(tmp_path, (tmp_path / name, "rock"))
    lines = (tmp_path / "rock.m3u8").read_bytes().split(b"\n")
    assert lines == [b"#EXTM3U", entry, b""]


def test_links_on_the_way_lead_nowhere_else(tmp_path):
    for name in ("disk/music", "lists/all"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "music").symlink_to(tmp_path / "disk" / "music")
    (tmp_path / "genres").symlink_to(tmp_path / "lists" / "all")
    track = tmp_path / "disk" / "1.mp3"
    track.touch()
    write(tmp_path / "genres", (f"{tmp_path}/music/../1.mp3", "rock"))
    (entry,) = read_playlist(tmp_path / "lists" / "all" / "rock.m3u8")
    assert entry == str(track)


def test_a_name_that_no_line_can_hold_is_left_out(
    odd_names, model_file, tmp_path, capsys
):
    folder = tmp_path / "lists"
    assert main(["predict", model_file, *odd_names, "--playlist", str(folder)]) == 1
    (playlist,) = folder.iterdir()
    assert read_playlist(playlist) == [name for name in odd_names if "\n" not in name]
    assert "left out of the playlists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("genre", "name"),
    [
        ("R&B/Soul", "R&B_Soul"),
        ("..", "_"),
        (".hidden.", "hidden"),
        ("con", "_con"),
        ("Aux.Live", "_Aux.Live"),
        ('a:"b"?\n', "a__b___"),
        ("\u00e9" * 150, "\u00e9" * 100),
        ("", "_"),
    ],
)
def test_genres_become_names_of_files_on_any_system(genre, name, tmp_path):
    write(tmp_path / "lists", (tmp_path / "1.mp3", genre))
    assert [path.name for path in (tmp_path / "lists").iterdir()] == [f"{name}.m3u8"]


def test_genres_of_one_name_have_a_playlist_each(tmp_path):
    genres = ("rock", "Rock", "a/b", "a:b")
    write(tmp_path / "lists", *((tmp_path / f"{g[0]}.mp3", g) for g in genres))
    names = sorted(path.name for path in (tmp_path / "lists").iterdir())
    assert names == ["Rock (2).m3u8", "a_b (2).m3u8", "a_b.m3u8", "rock.m3u8"]


def test_a_playlist_that_exists_is_kept_and_nothing_predicted(
    made_tracks, model_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("skgenre.predict_timeline", None)
    kept = tmp_path / f"{made_tracks.target[0]}.m3u8"
    kept.write_text("mine")
    command = ["predict", model_file, made_tracks.paths[0], "--playlist"]
    assert main([*command, str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{kept} exists: delete it" in captured.err
    assert kept.read_text() == "mine"


def test_playlists_that_appear_meanwhile_are_kept(tmp_path):
    playlists = Playlists(tmp_path, ["rock"])
    playlists.add(str(tmp_path / "1.mp3"), "rock")
    playlists.add(str(tmp_path / "2.mp3"), "a genre that the model did not announce")
    (tmp_path / "rock.m3u8").write_text("mine")
    with pytest.raises(FileExistsError, match=r"rock\.m3u8 exists"):
        playlists.write()
    assert [path.name for path in tmp_path.iterdir()] == ["rock.m3u8"]


def test_files_without_an_answer_are_in_no_playlist(model_file, tmp_path, capsys):
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    folder = Path(tmp_path / "lists")
    assert main(["predict", model_file, str(text), "--playlist", str(folder)]) == 1
    assert [*folder.iterdir()] == []

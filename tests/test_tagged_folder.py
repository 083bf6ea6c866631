"""Promises of load_tagged_folder: genres and artists as the files' own tags say."""

import os
import shutil
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from m4a import write_m4a

from skgenre import load_tagged_folder
from skgenre.cli import main
from skgenre.cli.files import load_tracks
from skgenre.datasets import tagged_folder

mutagen = pytest.importorskip("mutagen")
id3 = pytest.importorskip("mutagen.id3")

FRAMES = {"genre": id3.TCON, "artist": id3.TPE1, "albumartist": id3.TPE2}
# Windows Media and APE have names of their own.
ASF = {"genre": "WM/Genre", "artist": "Author", "albumartist": "WM/AlbumArtist"}
APE = {"genre": "Genre", "artist": "Artist", "albumartist": "Album Artist"}
TONE = np.sin(0.1 * np.arange(22050, dtype=np.float32)) / 2


@pytest.fixture(autouse=True)
def no_unexpected_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def write(tmp_path):
    """Write a second of sound with tags into the folder; return its path."""

    def write_file(name, **tags):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".m4a", ".wma"):
            pytest.importorskip("av")
            container = {".m4a": "mp4", ".wma": "asf"}[path.suffix]
            write_m4a(path, TONE, 22050, container=container)
        elif path.suffix == ".opus":
            soundfile.write(path, TONE, 48000, format="OGG", subtype="OPUS")
        else:
            soundfile.write(path, TONE, 22050)
        file = mutagen.File(path, easy=True)
        if path.suffix in (".wav", ".aiff"):
            file.add_tags()
            for key, value in tags.items():
                file.tags.add(FRAMES[key](text=value))
        else:
            names = ASF if path.suffix == ".wma" else {}
            file.update({names.get(key, key): value for key, value in tags.items()})
        file.save()
        return path

    return write_file


def load_quietly(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_tagged_folder(folder)


@pytest.mark.parametrize(
    "extension", ["mp3", "m4a", "ogg", "opus", "flac", "wav", "aiff", "wma"]
)
def test_genre_and_artist_of_each_format_are_read(extension, write, tmp_path):
    tags = {"genre": "Hip-Hop", "artist": "Bo feat. Cy", "albumartist": "Bo"}
    paths = [
        write(f"{folder}/track.{extension}", **tags) for folder in ("a", "b/c", "b/d")
    ]
    data = load_tagged_folder(tmp_path)
    assert data.paths.tolist() == [*map(str, paths)]
    assert data.target.tolist() == ["Hip-Hop"] * 3
    assert data.target_names.tolist() == ["Hip-Hop"]
    assert data.groups.tolist() == ["Bo"] * 3
    assert f"3 tracks of 1 genre in {tmp_path}, by their tags" == data.DESCR


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("text", ["17", "(17)", "(17)Rock", "Rock"])
def test_numbers_of_genres_become_their_names(text, version, write, tmp_path):
    for name in "ab":
        path = write(f"{name}.mp3")
        tags = id3.ID3()
        tags.add(id3.TCON(text=text))
        tags.save(path, v2_version=version)
    assert load_tagged_folder(tmp_path).target.tolist() == ["Rock", "Rock"]


def test_the_oldest_tags_of_mp3_are_read_too(write, tmp_path):
    path = write("a.mp3", genre="Jazz", artist="Di")
    tags = id3.ID3(path)
    tags.save(path, v1=2)
    tags.delete(path, delete_v1=False)
    assert not path.read_bytes().startswith(b"ID3")
    data = load_quietly(tmp_path)
    assert (*data.target, *data.groups) == ("Jazz", "Di")


def test_ape_tags_fill_in_what_id3_lacks(write, tmp_path):
    path = write("a.mp3", artist="Di")
    from mutagen.apev2 import APEv2

    tags = APEv2()
    tags.update({APE["genre"]: "Jazz", APE["artist"]: "somebody else"})
    tags.save(path)
    data = load_quietly(tmp_path)
    assert (*data.target, *data.groups) == ("Jazz", "Di")


def pack_info(**texts):
    """Return the INFO list of a WAV file; ffmpeg pads texts to an even length."""
    parts = [b"INFO"]
    for name, text in texts.items():
        text += b"\0" * (1 + (len(text) + 1) % 2)
        parts.append(name.encode() + len(text).to_bytes(4, "little") + text)
    content = b"".join(parts)
    return b"LIST" + len(content).to_bytes(4, "little") + content


@pytest.mark.parametrize("file_format", ["WAV", "RF64"])
@pytest.mark.parametrize("is_behind", [False, True])
def test_the_info_list_of_a_wav_file_is_read(is_behind, file_format, tmp_path):
    options = {"mode": "w", "samplerate": 22050, "channels": 1, "format": file_format}
    with soundfile.SoundFile(tmp_path / "a.wav", **options) as file:
        if is_behind:
            file.write(TONE)
        file.genre, file.artist = "Jazz", "Sigur Rós"
        if not is_behind:
            file.write(TONE)
    data = load_quietly(tmp_path)
    assert (*data.target, *data.groups) == ("Jazz", "Sigur Rós")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_texts_of_an_info_list_are_in_either_encoding(encoding, write, tmp_path):
    path = write("a.wav")
    artist = "Björk".encode(encoding)
    with path.open("ab") as file:
        file.write(pack_info(IART=artist, ISFT=b"Lavf", IGNR=b"Electronic"))
    data = load_quietly(tmp_path)
    assert (*data.target, *data.groups) == ("Electronic", "Björk")


def test_all_info_lists_of_a_wav_file_are_read(write, tmp_path):
    path = write("a.wav")
    with path.open("ab") as file:
        file.write(pack_info(ISFT=b"Lavf", IART=b"Bo") + pack_info(IGNR=b"Jazz"))
    data = load_quietly(tmp_path)
    assert (*data.target, *data.groups) == ("Jazz", "Bo")


def test_id3_in_a_wav_file_counts_before_its_info_list(write, tmp_path):
    path = write("a.wav", genre="Jazz")
    with path.open("ab") as file:
        file.write(pack_info(IGNR=b"Blues", IART=b"Bo"))
    data = load_quietly(tmp_path)
    assert (*data.target, *data.groups) == ("Jazz", "Bo")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_a_wav_file_that_ffmpeg_tags_is_read(write, tmp_path):
    source = write("a.flac", genre="Jazz", artist="Bo")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", source, tmp_path / "b.wav"], check=True
    )
    source.unlink()
    data = load_quietly(tmp_path)
    assert (*data.target, *data.groups) == ("Jazz", "Bo")


@pytest.mark.parametrize(
    ("artist", "album_artist", "group"),
    [
        ("Bo feat. Cy", "Bo", "Bo"),
        ("Bo", None, "Bo"),
        ("Bo", "Various Artists", "Bo"),
        ("Bo", "various", "Bo"),
        (None, "Bo", "Bo"),
        ("AC/DC", " ", "AC/DC"),
    ],
)
def test_the_group_is_the_albums_artist_if_it_has_one(
    artist, album_artist, group, write, tmp_path
):
    tags = {"artist": artist, "albumartist": album_artist}
    write("a.flac", genre="Rock", **{k: v for k, v in tags.items() if v is not None})
    assert load_quietly(tmp_path).groups.tolist() == [group]


@pytest.mark.parametrize("artist", [None, "", "Unknown Artist", "Various Artists"])
def test_an_unknown_artist_is_a_group_of_its_own(artist, write, tmp_path):
    tags = {} if artist is None else {"artist": artist}
    paths = [write(f"{name}.flac", genre="Rock", **tags) for name in "ab"]
    groups = load_tagged_folder(tmp_path).groups.tolist()
    assert groups == [f"track:{path}" for path in paths]


def test_names_are_kept_but_for_spaces_and_composed_characters(write, tmp_path):
    write("a.flac", genre="  Hip \t Hop ", artist="Beyonce\u0301")
    write("b.flac", genre="Hip Hop", artist="Beyonc\u00e9")
    data = load_tagged_folder(tmp_path)
    assert data.target.tolist() == ["Hip Hop", "Hip Hop"]
    assert data.groups.tolist() == ["Beyonc\u00e9", "Beyonc\u00e9"]


@pytest.mark.parametrize("text", ["Rock; Pop", "Rock;Pop;", "; Rock ;Pop;Rock"])
def test_genres_in_one_text_are_told_apart_by_semicolons(text, write, tmp_path):
    write("a.mp3", genre=text, artist="Bo; Cy")
    write("b.mp3", genre="Rock", artist="Bo")
    with pytest.warns(UserWarning, match=r"several genres.*a\.mp3 \(Rock, Pop\)$"):
        data = load_tagged_folder(tmp_path)
    assert data.target.tolist() == ["Rock", "Rock"]
    assert data.groups.tolist() == ["Bo; Cy", "Bo"]


def test_an_empty_folder_is_not_said_to_have_files(tmp_path):
    with pytest.raises(ValueError, match=r"tags, got 0 audio files\.$"):
        load_tagged_folder(tmp_path)


@pytest.mark.parametrize("field", ["genre", "artist"])
def test_spellings_that_may_be_one_name_are_named(field, write, tmp_path):
    tags = {"genre": "Rock", "artist": "Bo"}
    for number, name in enumerate(["Hip-Hop", "hip hop"] * 2):
        write(f"{number}.flac", **{**tags, field: name})
    with pytest.warns(
        UserWarning, match=f"^{field}s that may be .*: Hip-Hop = hip hop"
    ):
        data = load_tagged_folder(tmp_path)
    values = {"genre": data.target, "artist": data.groups}[field]
    assert values.tolist() == ["Hip-Hop", "hip hop"] * 2


def test_of_several_genres_the_first_is_taken_and_the_file_named(write, tmp_path):
    write("a.flac", genre=["Rock", "Pop", "Rock"])
    write("b.flac", genre="Rock")
    with pytest.warns(UserWarning, match=r"several genres.*a\.flac \(Rock, Pop\)$"):
        data = load_tagged_folder(tmp_path)
    assert data.target.tolist() == ["Rock", "Rock"]


# 255 stands for no genre; mutagen calls it "Unknown".
@pytest.mark.parametrize("tags", [{}, {"genre": " "}, {"genre": "(255)"}])
def test_a_file_without_a_genre_is_left_out_and_named(tags, write, tmp_path):
    for name in "ab":
        write(f"{name}.wav", genre="Rock")
    write("c.wav", artist="Bo", **tags)
    with pytest.warns(
        UserWarning, match=r"left out, as they have no genre.*: \S+c\.wav$"
    ):
        data = load_tagged_folder(tmp_path)
    assert [*map(os.path.basename, data.paths)] == ["a.wav", "b.wav"]


@pytest.mark.parametrize("n_bytes", [10, 60])
def test_a_file_with_damaged_tags_is_left_out_and_named(n_bytes, write, tmp_path):
    for name in "abc":
        path = write(f"{name}.flac", genre="Rock")
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.warns(UserWarning, match=r"tags cannot be read: \S+c\.flac \(.+\)$"):
        assert len(load_tagged_folder(tmp_path).paths) == 2


@pytest.mark.parametrize(
    "error", [IndexError(0), KeyError(235), ZeroDivisionError("division by zero")]
)
def test_whatever_mutagen_raises_for_damage_names_the_file(
    error, write, tmp_path, monkeypatch
):
    def fail(file):
        if file.name.endswith("c.ogg"):
            raise error
        return intact(file)

    intact = mutagen.File
    for name in "abc":
        write(f"{name}.ogg", genre="Rock")
    monkeypatch.setattr(mutagen, "File", fail)
    with pytest.warns(UserWarning, match=rf"c\.ogg \(damaged: {type(error).__name__}"):
        assert len(load_tagged_folder(tmp_path).paths) == 2


def test_a_size_that_lies_takes_no_memory(write, tmp_path):
    path = write("a.wav", genre="Rock")
    content = path.read_bytes()
    assert content[12:16] == b"fmt "
    path.write_bytes(content[:16] + b"\xff\xff\xff\x7f" + content[20:])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="got 1 audio file,"):
            load_quietly(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_tags_count_where_the_sound_is_damaged(write, tmp_path):
    path = write("a.mp3", genre="Rock", artist="Bo")
    tags = path.read_bytes()[: id3.ID3(path).size]
    path.write_bytes(tags + b"no sound" * 1000)
    data = load_quietly(tmp_path)
    assert (*data.target, *data.groups) == ("Rock", "Bo")


def test_a_genre_that_is_longer_than_a_name_is_left_out(write, tmp_path):
    for name in "ab":
        write(f"{name}.flac", genre="Rock")
    write("c.flac", genre="R" * 256)
    with pytest.warns(UserWarning, match=r"c\.flac \(a genre of 256 characters\)"):
        assert len(load_tagged_folder(tmp_path).paths) == 2


def test_other_and_hidden_files_are_ignored_and_links_count_once(write, tmp_path):
    path = write("b/a.flac", genre="Rock")
    write("b/.hidden/a.flac", genre="Rock")
    write("@eaDir/b.flac", genre="Rock")
    other = write("c.flac", genre="Rock")
    (tmp_path / "b" / "cover.jpg").touch()
    (tmp_path / "a.flac").symlink_to(path)
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    data = load_tagged_folder(tmp_path)
    assert data.paths.tolist() == [str(tmp_path / "a.flac"), str(other)]


def test_a_folder_without_any_genre_is_refused(write, tmp_path):
    write("a.flac")
    (tmp_path / "b.flac").write_bytes(b"fLaC")
    message = "got 2 audio files, 1 without a genre and 1 whose tags cannot be read"
    with pytest.raises(ValueError, match=message):
        load_tagged_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_tagged_folder(tmp_path / "nowhere")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(write, tmp_path):
    for name in "ab":
        write(f"{name}.flac", genre="Rock")
    os.mkfifo(tmp_path / "c.mp3")
    with pytest.warns(UserWarning, match=r"c\.mp3.* named pipe"):
        assert len(load_tagged_folder(tmp_path).paths) == 2


def test_without_mutagen_the_error_says_what_to_type(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mutagen", None)
    with pytest.raises(ImportError, match=r"pip install 'skgenre\[tags\]'"):
        load_tagged_folder(tmp_path)


def test_a_command_takes_several_tagged_folders(write, tmp_path):
    for name in ("a/1.flac", "a/2.flac", "b/3.flac", "b/4.flac"):
        write(name, genre="Rock", artist="Bo")
    folders = [str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path)]
    data = load_tracks(folders, layout="tags")
    assert [*map(os.path.basename, data.paths)] == [f"{n}.flac" for n in (1, 2, 3, 4)]
    assert (
        data.DESCR.split("; ")[0]
        == f"2 tracks of 1 genre in {folders[0]}, by their tags"
    )


def write_tagged_music(folder, made_tracks):
    """The made tracks in one folder, labelled by their tags."""
    folder.mkdir()
    for number, (source, genre, artist) in enumerate(
        zip(made_tracks.paths, made_tracks.target, made_tracks.groups, strict=True)
    ):
        path = folder / f"{number:02}.wav"
        path.write_bytes(Path(source).read_bytes())
        file = mutagen.File(path)
        file.add_tags()
        file.tags.add(id3.TCON(text=genre))
        file.tags.add(id3.TPE1(text=artist))
        file.save()


def test_a_model_is_trained_on_tagged_files(made_tracks, tmp_path, capsys, caplog):
    write_tagged_music(tmp_path / "music", made_tracks)
    command = ["train", "--tags", str(tmp_path / "music"), "--cv", "2", "--set"]
    command += ["n_segments=1", "-o", str(tmp_path / "model.skops")]
    assert main(command) == 0
    assert "cv accuracy by artist " in capsys.readouterr().out
    assert f"on {len(made_tracks.paths)} tracks of 3 genres" in caplog.text


def test_without_artists_folds_are_of_whole_tracks(
    made_tracks, tmp_path, monkeypatch, capsys
):
    write_tagged_music(tmp_path / "music", made_tracks)
    monkeypatch.setattr(tagged_folder, "_ARTIST", ())
    command = ["train", "--tags", str(tmp_path / "music"), "--cv", "2", "--set"]
    assert main([*command, "n_segments=1", "-o", str(tmp_path / "model.skops")]) == 0
    assert "cv accuracy by track " in capsys.readouterr().out


def test_models_are_compared_on_tagged_files(made_tracks, tmp_path, capsys):
    write_tagged_music(tmp_path / "music", made_tracks)
    command = ["benchmark", "--tags", str(tmp_path / "music"), "--models", "dummy"]
    assert main([*command, "--protocols", "artist", "--folds", "2", "--jobs", "1"]) == 0
    assert "dummy   artist " in capsys.readouterr().out


@pytest.mark.parametrize("command", ["train -o m.skops", "extract -o f.npz", "audit"])
def test_labels_are_gtzans_or_tags_but_not_both(command, capsys):
    with pytest.raises(SystemExit):
        main([*command.split(), "--gtzan", "--tags", "folder"])
    assert "not allowed with" in capsys.readouterr().err

"""Promises of load_track_table: all rows are tracks, or the rows that are not named."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from sklearn.utils import Bunch

from skgenre import AudioDecodeError, load_mfcc_npz, load_track_table, make_model
from skgenre.cli import main
from skgenre.datasets import digest_tracks

FILES = ("rock/a.wav", "rock/b.wav", "jazz/c.wav", "jazz/d.wav")


@pytest.fixture(autouse=True)
def no_unexpected_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def folder(tmp_path):
    """A folder of four empty files: no audio is read here."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def write(folder):
    """Write a table; return its path."""

    def write_lines(*lines, name="tracks.csv", encoding="utf-8"):
        (folder / name).write_text("\n".join(lines), encoding=encoding)
        return folder / name

    return write_lines


ROWS = [
    f"{name},{name[:4]},{artist}" for name, artist in zip(FILES, "ABC ", strict=True)
]


def relative(data, folder):
    return [Path(os.path.relpath(path, folder)).as_posix() for path in data.paths]


def test_rows_are_tracks_and_relative_paths_start_at_the_tables_folder(write, folder):
    data = load_track_table(write("artist,path,x,genre", *map(turn, ROWS)))
    assert relative(data, folder) == list(FILES)
    assert_array_equal(data.target, ["rock", "rock", "jazz", "jazz"])
    assert_array_equal(data.target_names, ["jazz", "rock"])
    assert_array_equal(data.groups[:3], ["A", "B", "C"])
    assert data.groups[3] == f"track:{data.paths[3]}"
    assert data.DESCR.startswith("4 tracks of 2 genres in ")


def turn(row):
    path, genre, artist = row.split(",")
    return f"{artist},{path},1,{genre}"


def test_other_columns_and_another_root_may_be_named(write, folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("tables") / "t.csv"
    write("file,label,band", *ROWS).rename(elsewhere)
    names = {"path": "file", "target": "label", "groups": "band"}
    data = load_track_table(elsewhere, root=folder, **names)
    assert relative(data, folder) == list(FILES)
    assert data.groups[0] == "A"


def make_columns():
    paths, genres, artists = zip(*(row.split(",") for row in ROWS), strict=True)
    artists = [artist if artist.strip() else None for artist in artists]
    return {"path": list(paths), "genre": list(genres), "artist": artists}


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_frames_give_what_the_csv_file_gives(write, folder, kind, monkeypatch):
    expected = load_track_table(write("path,genre,artist", *ROWS))
    frame = kind(make_columns())
    for data in (
        load_track_table(frame, root=folder),
        in_folder(frame, monkeypatch, folder),
    ):
        assert digest_tracks(data) == digest_tracks(expected)
        assert_array_equal(data.target, expected.target)


def in_folder(frame, monkeypatch, folder):
    monkeypatch.chdir(folder)
    return load_track_table(frame)


def test_frames_may_hold_missing_values_numbers_and_path_objects(folder):
    frame = pd.DataFrame(
        {
            "path": [folder / name for name in FILES],
            "genre": pd.Categorical([1, 1, 2, 2]),
            "artist": pd.Series(["A", pd.NA, np.nan, None], dtype=object),
        },
        index=[7, 7, 7, 7],
    )
    data = load_track_table(frame)
    assert_array_equal(data.target, ["1", "1", "2", "2"])
    assert len(set(data.groups)) == 4


def test_artists_may_be_left_out(write, folder):
    for data in (
        load_track_table(
            write("path,genre", *(row.rpartition(",")[0] for row in ROWS))
        ),
        load_track_table(write("path,genre,artist", *ROWS), groups=None),
        load_track_table(write("path,genre,band", *ROWS)),
    ):
        assert_array_equal(data.groups, [f"track:{path}" for path in data.paths])


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        ("file,genre,artist", {}, "columns 'path' and 'genre', got ['file', 'genre',"),
        ("path,Genre,artist", {}, "columns 'path' and 'genre', got ['path', 'Genre',"),
        ("path,genre,Artist", {}, "column 'artist', got ['path', 'genre', 'Artist']"),
        (
            "path,genre,artist",
            {"groups": "band"},
            "column 'band', got ['path', 'genre'",
        ),
        ("path,path,genre", {}, "each column once, got 'path' twice"),
    ],
)
def test_unknown_columns_are_named_with_those_that_are_there(
    write, folder, header, options, message
):
    table = write(header, *ROWS)
    rows = [row.split(",") for row in ROWS]
    for given in (table, pd.DataFrame(rows, columns=header.split(","))):
        with pytest.raises(ValueError, match=re_escape(message)):
            load_track_table(given, root=folder, **options)


def re_escape(text):
    return text.replace("[", r"\[").replace("]", r"\]")


@pytest.mark.parametrize(("separator", "shown"), [(";", "';'"), ("\t", r"'\\t'")])
def test_another_separator_is_named(write, separator, shown):
    lines = ("path,genre,artist", *ROWS)
    table = write(*(line.replace(",", separator) for line in lines))
    with pytest.raises(ValueError, match=f"separated by commas, not by {shown}"):
        load_track_table(table)


def test_all_missing_files_are_named_at_once(write, folder):
    (folder / "x.wav").mkdir()
    more = [f"no{number}.wav,rock,A" for number in range(30)]
    table = write("path,genre,artist", *ROWS, *more, "x.wav,rock,A", "a\0b.wav,rock,")
    with pytest.raises(
        AudioDecodeError, match=r"(?s)32 files .*no0\.wav.*and 12"
    ) as caught:
        load_track_table(table)
    assert len(caught.value.paths) == 32
    assert caught.value.paths[0] == str(folder / "no0.wav")
    assert caught.value.reasons[0] == f"no such file, in row 5 of {table}"
    assert caught.value.reasons[30] == f"is a directory, in row 35 of {table}"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("rock/a.wav,,A", "must have a 'genre' in each row, got none in row 1, 2$"),
        (",rock,A", "must have a 'path' in each row, got none in row 1, 2$"),
        ("rock/a.wav,rock,A,b", "must have 3 values in each row, got 4 in row 1"),
        ("rock/a.wav,rock", "must have 3 values in each row, got 2 in row 1"),
    ],
)
def test_rows_without_path_or_genre_are_named(write, row, message):
    with pytest.raises(ValueError, match=message.replace("$", r"\.$")):
        load_track_table(write("path,genre,artist", row, row, *ROWS))


def test_paths_of_a_frame_are_texts(folder):
    with pytest.raises(TypeError, match=r"must have paths, got 3 in row 1"):
        load_track_table(pd.DataFrame({"path": [3], "genre": ["rock"]}))
    paths = [os.fsencode(folder / name) for name in FILES]
    frame = pd.DataFrame({"path": paths, "genre": ["rock"] * 4})
    assert relative(load_track_table(frame), folder) == list(FILES)


def test_a_file_in_two_equal_rows_counts_once(write, folder):
    (folder / "link.wav").symlink_to(folder / FILES[0])
    again = ["./rock/a.wav,rock,A", "link.wav,rock,A"]
    with pytest.warns(
        UserWarning, match=r"more than one row.*/rock/a\.wav, .*link\.wav"
    ):
        data = load_track_table(write("path,genre,artist", *ROWS, *again))
    assert relative(data, folder) == list(FILES)


@pytest.mark.parametrize("row", ["rock/a.wav,jazz,A", "rock/a.wav,rock,Z"])
def test_a_file_with_two_genres_or_artists_is_refused(write, row):
    message = r"got \('rock', 'A'\) in row 1 and .* in row 5 for .*rock/a\.wav"
    with pytest.raises(ValueError, match=message):
        load_track_table(write("path,genre,artist", *ROWS, row))


def test_a_genre_of_one_track_is_warned_of(write):
    with pytest.warns(UserWarning, match="one track, too few to train.*: jazz"):
        load_track_table(write("path,genre,artist", *ROWS[:3]))


def test_tables_of_spreadsheets_and_windows_are_read(write, folder, monkeypatch):
    rows = [row.replace("/", "\\") for row in ROWS]
    table = write("path,genre,artist", *rows, encoding="utf-8-sig")
    assert relative(load_track_table(table), folder) == list(FILES)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    write("path,genre,artist", *(f"~/{row}" for row in ROWS), name="t.csv")
    assert relative(load_track_table("~/t.csv"), folder) == list(FILES)
    frame = pd.DataFrame(make_columns())
    assert relative(load_track_table(frame, root="~"), folder) == list(FILES)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,genre"], r"tracks\.csv must have at least one row"),
        ([""], r"must have the columns 'path' and 'genre', got \[\]"),
    ],
)
def test_an_empty_table_is_refused(write, lines, message):
    with pytest.raises(ValueError, match=message):
        load_track_table(write(*lines))


@pytest.mark.parametrize("table", [None, 3, ["a.wav"], {"path": []}, np.zeros((2, 2))])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(TypeError, match="path of a CSV file or a data frame in memory"):
        load_track_table(table)


def test_a_long_artist_is_kept_and_a_long_genre_refused(write):
    rows = [f"{file},rock,{'x' * 9000 if file == FILES[0] else 'y'}" for file in FILES]
    data = load_track_table(write("path,genre,artist", *rows))
    assert [*map(len, data.groups)] == [9000, 1, 1, 1]
    rows[3] = f"{FILES[3]},{'r' * 256},y"
    with pytest.raises(ValueError, match="genres of at most 255 characters"):
        load_track_table(write("path,genre,artist", *rows))


def test_a_lazy_frame_is_refused_by_name(folder):
    frame = pl.LazyFrame(make_columns())
    with pytest.raises(TypeError, match="data frame in memory, got LazyFrame"):
        load_track_table(frame, root=folder)


def test_what_is_no_csv_file_is_named(write, folder):
    with pytest.raises(ValueError, match=r"tracks\.csv must be .* CSV file in UTF-8"):
        load_track_table(write("path,genre", "é", encoding="latin-1"))
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        load_track_table(folder / "none.csv")


def test_a_digest_of_uploads_is_one_of_their_content(folder):
    uploads = [[io.BytesIO(b"one"), io.BytesIO(b"two")] for _ in range(2)]
    digests = [digest_tracks(Bunch(paths=X, target=["a", "b"])) for X in uploads]
    assert digests[0] == digests[1]
    other = Bunch(paths=uploads[0][::-1], target=["a", "b"])
    assert digest_tracks(other) != digests[0]


def test_a_table_trains_what_its_folder_trains(made_tracks, tmp_path):
    columns = {"path": made_tracks.paths, "genre": made_tracks.target}
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    data = load_track_table(tmp_path / "t.csv")
    model = make_model("knn", n_segments=1)
    expected = model.fit(made_tracks.paths, made_tracks.target).predict(data.paths)
    assert_array_equal(model.fit(data.paths, data.target).predict(data.paths), expected)


def test_commands_take_tables_where_they_take_folders(made_tracks, tmp_path, capsys):
    folder = made_tracks.paths[0].rsplit("/", 3)[0]
    columns = {"path": made_tracks.paths, "genre": made_tracks.target}
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    outputs = []
    for number, given in enumerate([folder, str(tmp_path / "t.csv")]):
        output = tmp_path / f"{number}.npz"
        main(["extract", given, "-o", str(output), "--segments", "1"])
        outputs.append(load_mfcc_npz(output))
    assert_array_equal(outputs[0].data, outputs[1].data)
    assert_array_equal(outputs[0].paths, outputs[1].paths)
    assert main(["audit", str(tmp_path / "none.csv")]) == 1
    assert "none.csv" in capsys.readouterr().err
    table = tmp_path / "t.tsv"
    pd.DataFrame(columns).to_csv(table, index=False, sep="\t")
    assert main(["audit", str(table)]) == 1
    assert "t.tsv must have the columns 'path' and 'genre'" in capsys.readouterr().err
    assert main(["audit", made_tracks.paths[0]]) == 1
    assert "must be an intact CSV file in UTF-8" in capsys.readouterr().err

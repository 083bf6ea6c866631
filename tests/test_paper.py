import numpy as np
import pytest
from sklearn.utils import Bunch

from skgenre import AudioDecodeError, MFCCExtractor, reproduce_paper
from skgenre.benchmark import PaperResult, paper

# Accuracies and errors, in training and in the test, of the paper's tables 1 to 5.
PUBLISHED = [
    (0.9393, 0.5890, 0.1813, 2.8012),
    (0.7424, 0.6055, 1.0073, 1.6286),
    (0.7455, 0.6844, 0.7253, 0.8919),
    (0.8374, 0.7400, 0.4715, 0.7658),
    (0.7411, 0.6344, 0.7925, 1.1487),
]


@pytest.fixture(scope="module")
def result(made_tracks):
    return reproduce_paper(made_tracks, epochs=2)


def test_every_table_has_a_row_per_split(result):
    rows = [(row["split"], row["table"]) for row in result.rows]
    splits = ("80/20", "20/80", "80 (80/20)/20")
    assert rows == [(split, table) for split in splits for table in range(1, 6)]


def test_numbers_are_those_of_the_last_epoch(result):
    row = result.rows[0]
    history = result.histories["mlp", "80/20"]
    assert row["train_accuracy"] == history["accuracy"][-1]
    assert row["test_accuracy"] == history["val_accuracy"][-1]
    assert row["test_error"] == history["val_loss"][-1]


def test_validation_part_is_not_the_test_part(result):
    row = result.rows[10]
    history = result.histories["mlp", "80 (80/20)/20"]
    assert row["valid_accuracy"] == history["val_accuracy"][-1]
    assert row["test_accuracy"] != row["valid_accuracy"]
    regularized = result.rows[11]
    # Both with the penalty, which is the larger part of them.
    assert regularized["test_error"] == pytest.approx(
        regularized["valid_error"], rel=0.2
    )
    assert "valid_accuracy" not in result.rows[0]


def test_first_line_says_whether_the_data_are_the_papers(result):
    first = result.to_table().splitlines()[0]
    assert first.startswith("NOT THE PAPER'S DATA: run on 24 tracks")
    whole = PaperResult(rows=result.rows, histories={}, samples=[], n_tracks=1000)
    assert whole.to_table().splitlines()[0] == "Run on 1000 tracks, as the paper."


def test_published_numbers_stand_beside_ours(result):
    table = result.to_table()
    for published in PUBLISHED:
        for value in published:
            assert f"{value:.3f}" in table
    assert "paper 1 : 18 : 28, ours 1 : " in table
    assert len(result.samples) == 4 * 10


def test_shorter_run_of_the_cnn_is_the_beginning_of_the_longer(made_tracks):
    whole = reproduce_paper(made_tracks, splits=["80/20"], epochs=3)
    short = reproduce_paper(made_tracks, splits=["80/20"], epochs=2)
    for name in ("loss", "val_loss"):
        one = whole.histories["cnn", "80/20"][name][:2]
        np.testing.assert_array_equal(one, short.histories["cnn", "80/20"][name])


def test_other_segments_are_taken_from_the_extractor_and_named_first(
    made_tracks, monkeypatch
):
    # The MLP alone: networks for another shape take seconds to compile.
    monkeypatch.setattr("skgenre.benchmark.paper.PUBLISHED", paper.PUBLISHED[:1])
    extractor = MFCCExtractor(segment_duration=1.0, n_segments=2)
    result = reproduce_paper(
        made_tracks, splits=["80/20"], epochs=1, extractor=extractor
    )
    # 22050 samples, centred windows every 512.
    assert result.n_frames == 44
    first = result.to_table().splitlines()[0]
    assert first.endswith("Segments have 44 frames instead of 130.")
    assert extractor.cache_dir is None


def test_extractor_of_another_kind_is_refused(made_tracks):
    with pytest.raises(TypeError, match="extractor must be an MFCCExtractor, got 13"):
        reproduce_paper(made_tracks, extractor=13)


def test_unknown_split_is_refused(made_tracks):
    with pytest.raises(ValueError, match="splits must be one of '80/20'"):
        reproduce_paper(made_tracks, splits=["50/50"])


def test_result_shows_itself_as_its_tables(result):
    assert repr(result) == str(result) == result.to_table()


@pytest.fixture
def with_bad_file(made_tracks, tmp_path):
    bad = tmp_path / "bad\nname.wav"
    bad.write_text("no sound")
    return Bunch(
        paths=[str(bad), *made_tracks.paths],
        target=[made_tracks.target[0], *made_tracks.target],
    )


def test_unreadable_files_are_left_out_and_listed(with_bad_file, made_tracks):
    arguments = {"splits": ["80/20"], "epochs": 1}
    result = reproduce_paper(with_bad_file, **arguments)
    (entry,) = result.unreadable
    assert entry["path"] == with_bad_file.paths[0]
    assert f"left out: {entry['path']}".replace("\n", r"\n") in result.to_table()
    assert result.n_tracks == 24
    expected = reproduce_paper(made_tracks, **arguments)
    for name in ("train_accuracy", "test_error"):
        assert [row[name] for row in result.rows] == [
            row[name] for row in expected.rows
        ]


def test_unreadable_files_stop_a_strict_reproduction(with_bad_file):
    with pytest.raises(AudioDecodeError, match=r"name\.wav"):
        reproduce_paper(with_bad_file, strict=True)


def test_the_papers_tracks_but_for_unreadable_ones_are_known(result):
    unreadable = [{"path": "jazz.00054.wav", "error": "is damaged"}]
    almost = PaperResult(
        rows=result.rows, histories={}, samples=[], n_tracks=999, unreadable=unreadable
    )
    first = almost.to_table().splitlines()[0]
    assert first.startswith("Run on 999 tracks; the paper's were 1000")


def test_split_that_is_not_possible_is_refused_before_any_training(
    made_tracks, monkeypatch
):
    for name in ("MLP", "CNN", "LSTM"):
        monkeypatch.setattr(f"skgenre.{name}GenreClassifier.fit", None)
    data = Bunch(paths=made_tracks.paths[[0, 8]], target=made_tracks.target[[0, 8]])
    with pytest.raises(ValueError, match="4 segments cannot be split: The "):
        reproduce_paper(data, splits=["80/20"])
    data.target = ["rock", "rock"]
    with pytest.raises(ValueError, match="at least two genres"):
        reproduce_paper(data)

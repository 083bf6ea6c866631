import numpy as np
import pytest

from skgenre import reproduce_paper
from skgenre.benchmark.paper import PUBLISHED, PaperResult


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
    whole = PaperResult(result.rows, {}, [], n_tracks=1000)
    assert whole.to_table().splitlines()[0] == "Run on 1000 tracks, as the paper."


def test_published_numbers_stand_beside_ours(result):
    table = result.to_table()
    for published in PUBLISHED:
        for value in published[3:7]:
            assert f"{value:.3f}" in table
    assert "paper 1 : 18 : 28, ours 1 : " in table
    assert len(result.samples) == 4 * 10


def test_shorter_run_of_the_cnn_is_the_beginning_of_the_longer(made_tracks):
    whole = reproduce_paper(made_tracks, splits=["80/20"], epochs=3)
    short = reproduce_paper(made_tracks, splits=["80/20"], epochs=2)
    for name in ("loss", "val_loss"):
        one = whole.histories["cnn", "80/20"][name][:2]
        np.testing.assert_array_equal(one, short.histories["cnn", "80/20"][name])


def test_unknown_split_is_refused(made_tracks):
    with pytest.raises(ValueError, match="splits must be one of '80/20'"):
        reproduce_paper(made_tracks, splits=["50/50"])


def test_result_shows_itself_as_its_tables(result):
    assert repr(result) == str(result) == result.to_table()

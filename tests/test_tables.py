"""Tables: what they show in notebooks, where names are no markup, and their width."""

import re

import numpy as np
import pytest
from html_outline import Outline

from skgenre import Timeline
from skgenre.audit import AuditReport, Finding
from skgenre.benchmark import BenchmarkResult, PaperResult
from skgenre.cli.arguments import DEFAULT_NAMES, PROTOCOL_NAMES
from skgenre.datasets._tracks import TrackBunch, make_track_bunch
from skgenre.datasets.gtzan import GtzanTracks

NAME = "<b>R&B</b> <script>\udce9"
SHOWN = r"<b>R&B</b> <script>\udce9"


def read_rows(html):
    """The texts of a table's cells, row by row."""
    return [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
        for row in re.split("<tr>", html)[1:]
    ]


def make_timeline(n_segments, *, path="a.wav", classes=("blues", "rock")):
    start = 3.0 * np.arange(n_segments)
    probabilities = np.tile(np.float32([0.25, 0.75]), (n_segments, 1))
    return Timeline(
        path=path,
        start=start,
        end=start + 3,
        probabilities=probabilities,
        classes=np.array(classes, dtype=object),
        track_probabilities=probabilities[0],
        genre=classes[1],
    )


def make_result(model):
    label = {"model": model, "protocol": "track", "seed": 0}
    rows = [
        {**label, "fold": 0, "accuracy": 0.5, "n_train": 8, "n_test": 2},
        {**label, "fold": 1, "accuracy": 1.0, "n_train": 8, "n_test": 2},
        {**label, "fold": 2, "error": f"ValueError: {model}"},
    ]
    return BenchmarkResult.from_rows(rows)


HOSTILE = {
    "benchmark": make_result(NAME),
    "audit": AuditReport(
        paths=[NAME], findings=[Finding(NAME, (0,), NAME)], replicas=[]
    ),
    "timeline": make_timeline(2, path=NAME, classes=(NAME, NAME)),
    "tracks": make_track_bunch([NAME], [NAME], [NAME], NAME),
    "paper": PaperResult(
        rows=[],
        histories={},
        samples=[{"model": NAME, "genre": NAME, "answer": NAME}],
        n_tracks=1,
        unreadable=[{"path": NAME, "error": NAME}],
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_in_notebooks(name):
    html = HOSTILE[name]._repr_html_()
    html.encode()  # as it is sent to the browser
    outline = Outline(html)
    assert {tag for tag, _ in outline.tags} <= {
        *("p", "br", "table", "thead", "tbody", "tr", "th", "td")
    }
    assert SHOWN in outline.text


def test_a_benchmark_has_the_same_table_in_a_notebook_as_in_a_terminal():
    result = make_result("knn")
    lines = repr(result).splitlines()
    table = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    rows = [[cell.strip() for cell in cells] for cells in table]
    assert read_rows(result._repr_html_()) == [rows[0], *rows[2:]]
    assert rows[2][:3] == ["knn", "track", "0.750 ± 0.250"]
    assert "fold 2 failed: ValueError: knn" in Outline(result._repr_html_()).text


def test_an_audit_lists_its_findings_in_a_notebook():
    paths = ["/music/rock/a.wav", "/music/jazz/b.wav"]
    report = AuditReport(
        paths=paths,
        findings=[Finding("near-replica", (0, 1), "10.0 s")],
        replicas=[(0, 1)],
    )
    html = report._repr_html_()
    assert "<p>1 finding on 2 tracks.</p>" in html
    assert read_rows(html)[1:] == [["near-replica", "rock/a.wav, jazz/b.wav", "10.0 s"]]


def test_an_audit_without_findings_says_so_in_a_notebook():
    assert (
        AuditReport(paths=["a"], findings=[], replicas=[])._repr_html_()
        == "<p>0 findings on 1 track.</p>"
    )


def test_a_timeline_shows_its_first_and_last_segments_in_a_notebook():
    html = make_timeline(21)._repr_html_()
    assert "<p>a.wav: rock, 21 segments</p>" in html
    rows = read_rows(html)
    assert len(rows) == 1 + 10 + 1 + 10
    assert rows[1] == ["0.00", "3.00", "rock", "0.750"]
    assert rows[11][0] == "..."
    assert rows[-1] == ["60.00", "63.00", "rock", "0.750"]


def test_tracks_are_counted_by_genre_in_a_notebook():
    data = make_track_bunch(
        ["a", "b", "c", "d"],
        ["pop", "jazz", "pop", "pop"],
        ["x", "y", "x", None],
        "Four",
    )
    html = data._repr_html_()
    assert "<p>Four</p>" in html
    assert read_rows(html) == [
        ["genre", "tracks", "known artists"],
        ["jazz", "1", "1"],
        ["pop", "3", "1"],
    ]


@pytest.mark.parametrize("name", ["target", "groups"])
def test_tracks_that_were_cut_by_hand_are_a_table_in_a_notebook(name):
    data = make_track_bunch(["a", "b"], ["jazz", "pop"], ["x", "y"], "Two")
    data[name] = data[name][:1]
    assert read_rows(data._repr_html_())[1] == ["jazz", "1", "1"]
    assert read_rows(TrackBunch(paths=["a"])._repr_html_()) == [["genre", "tracks"]]


def test_tracks_of_loaders_are_a_table_in_a_notebook(made_tracks):
    rows = read_rows(made_tracks._repr_html_())
    assert [row[1:] for row in rows[1:]] == [["8", "4"]] * 3
    assert issubclass(GtzanTracks, TrackBunch)


def test_shared_folders_are_left_out_of_tables():
    paths = [f"/home/ann/music/{name}.wav" for name in ("pop/a", "jazz/b")]
    report = AuditReport(
        paths=paths, findings=[Finding("clipped", (1,), "x")], replicas=[]
    )
    assert read_rows(report._repr_html_())[1][1] == "jazz/b.wav"


def make_wide_result():
    """Eleven models under all protocols."""
    rows = [
        {"model": model, "protocol": protocol, "seed": 0, "fold": fold, "error": None}
        | {"accuracy": 0.5, "segment_accuracy": 0.4, "train_accuracy": 1.0}
        | {"fit_seconds": 123.4 + fold}
        for model in DEFAULT_NAMES
        for protocol in PROTOCOL_NAMES
        for fold in range(2)
    ]
    return BenchmarkResult.from_rows(rows)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_benchmark_fits_any_width_and_loses_nothing(width):
    result = make_wide_result()
    markdown, note = result.to_table().split("\n\n")
    _, _, *expected = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in markdown.splitlines()
    ]
    *tables, shown_note = result.to_table(width).split("\n\n")
    lines = result.to_table(width).splitlines()
    assert max(map(len, lines)) <= max(width, 44)
    rows = [[] for _ in expected]
    for table in tables:
        for row, line in zip(rows, table.splitlines()[-len(rows) :], strict=True):
            row += re.split(" {2,}", line)[2 if row else 0 :]
    assert rows == expected
    assert shown_note.split() == note.split()


def test_the_papers_table_fits_80_columns():
    row = {"table": 5, "model": "mlp-regularized", "epochs": 50}
    row |= {"split": "80 (80/20)/20", "seconds_per_epoch": 100.0}
    scores = ("train_accuracy", "test_accuracy", "train_error", "test_error")
    row |= dict.fromkeys(scores, 10.0)
    table = PaperResult(rows=[row], histories={}, samples=[], n_tracks=3).to_table(80)
    assert max(map(len, table.splitlines())) <= 80
    assert table.count("– / 10.000") == 4


def test_an_audit_fits_any_width():
    paths = [f"{'folder/' * 20}{'long name ' * n}.wav" for n in (20, 30)]
    finding = Finding("exact-replica", (0, 1), "equal samples, " * 20)
    report = AuditReport(paths=paths, findings=[finding], replicas=[(0, 1)])
    for width in (60, 80, 120):
        lines = report.to_text(width).splitlines()
        assert width - 15 < max(map(len, lines)) <= width
    assert str(report) == report.to_text(80)

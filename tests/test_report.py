import dataclasses
import re

import pytest
from html_outline import Outline

from skgenre import make_model, run_benchmark, write_report
from skgenre.audit import AuditReport, Finding
from skgenre.benchmark import BenchmarkResult, PaperResult
from skgenre.benchmark.result import MSD_NOTE
from skgenre.report import summarise, write_paper

pytest.importorskip("matplotlib").use("agg")
pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def result(made_tracks):
    models = {
        "forest": make_model("forest"),
        "<b>knn</b>": make_model("knn"),
        "broken": make_model("knn", n_neighbors=100),
    }
    protocols = ("segment", "track", "artist")
    models["broken"].set_params(mfccextractor__n_segments=2)
    return run_benchmark(models, made_tracks, protocols=protocols, n_splits=3)


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(result, folder)
    return folder / "report.html"


def test_page_needs_nothing_else(page):
    html = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://|<link|src=\"(?!data:)", html)
    assert len(html) < 3_000_000


def test_figures_are_there_as_png_and_svg(page):
    names = sorted(path.name for path in page.parent.iterdir())
    assert {"accuracies.png", "accuracies.svg"} <= set(names)
    assert "confusion-artist-forest.png" in names
    outline = Outline(page.read_text(encoding="utf-8"))
    images = [attrs for tag, attrs in outline.tags if tag == "img"]
    assert len(images) == sum(name.endswith(".png") for name in names)
    assert all(attrs["alt"] for attrs in images)


def test_page_has_a_row_per_model_and_protocol(page, result):
    outline = Outline(page.read_text(encoding="utf-8"))
    assert outline.text.count("3 models on 24 tracks of 3 genres") == 2
    for row in result.summary():
        if row["n_failed"] == 0 and row["protocol"] != "segment":
            assert f"{row['accuracy_mean']:.3f}" in outline.text


def test_names_cannot_break_the_page(page):
    assert "<b>knn</b>" not in page.read_text(encoding="utf-8")
    assert "<b>knn</b>" in Outline(page.read_text(encoding="utf-8")).text


def test_failures_and_the_leak_are_said_on_the_page(page):
    text = Outline(page.read_text(encoding="utf-8")).text
    assert "broken, protocol track, seed 0, fold 0 failed: ValueError" in text
    assert "those of one track are on both sides" in text


def test_page_lists_what_the_audit_found(result, tmp_path):
    finding = Finding("clipped", (1,), "0.3 % of the samples at full scale")
    audit = AuditReport(["a.wav", "<script>.wav"], [finding], [])
    write_report(result, tmp_path, audit=audit)
    text = Outline((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "The audit of the tracks found: clipped (1)." in text
    assert "<script>.wav" in text
    assert "0.3 % of the samples at full scale" in text


@pytest.mark.parametrize(
    ("paths", "shown"),
    [
        (
            ["/home/ann/a/blues/a.wav", "/home/ann/a/rock/b.wav"],
            "blues/a.wav, rock/b.wav",
        ),
        (["/home/ann/genres/blues/a.wav"], "a.wav"),
        (["a.wav", "/b.wav"], "a.wav, /b.wav"),
    ],
)
def test_page_names_tracks_without_the_folders_of_whoever_ran_it(
    paths, shown, tmp_path
):
    label = {"model": "knn", "protocol": "track", "seed": 0, "fold": 0}
    row = {**label, "accuracy": 1.0, "n_train": 8, "n_test": 1}
    unreadable = [{"path": path, "reason": "is empty"} for path in paths]
    write_report(BenchmarkResult.from_rows([row], unreadable=unreadable), tmp_path)
    text = Outline((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert f"{len(paths)} files could not be read: {shown}" in text


def test_a_long_name_of_a_model_is_shortened_in_names_of_files_only(tmp_path):
    name = "é" * 300
    label = {"model": name, "protocol": "track", "seed": 0, "fold": 0}
    answers = {"rows": [0], "target": ["a"], "predicted": ["a"]}
    row = {**label, "accuracy": 1.0, "n_train": 8, "n_test": 1, "predictions": answers}
    write_report(BenchmarkResult.from_rows([row]), tmp_path)
    assert len(list(tmp_path.glob("confusion-track-é*.png"))) == 1
    assert name in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_page_says_what_searches_chose(tmp_path):
    label = {"model": "s", "protocol": "track", "seed": 0, "fold": 0}
    row = {**label, "accuracy": 0.5, "n_train": 8, "n_test": 2, "best_params": "C=0.1"}
    write_report(BenchmarkResult.from_rows([row]), tmp_path)
    text = Outline((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "What searches chose" in text
    assert "C=0.1" in text


def test_page_says_what_a_pretrained_network_has_heard_of_gtzan(tmp_path):
    label = {"model": "union", "protocol": "track", "seed": 0, "fold": 0}
    row = {**label, "accuracy": 0.5, "n_train": 8, "n_test": 2}
    result = dataclasses.replace(
        BenchmarkResult.from_rows([row]),
        setting={"pretrained": {"union": ["MSD_musicnn"]}},
        paths=["genres/blues/blues.00000.wav"],
    )
    write_report(result, tmp_path)
    text = Outline((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert MSD_NOTE.format(models="union") in text


def test_summary_speaks_of_the_protocol_that_leaks_least(result):
    best = max(
        (row for row in result.summary() if row["protocol"] == "artist"),
        key=lambda row: (row["n_failed"] == 0, row["accuracy_mean"]),
    )
    assert summarise(result).startswith(
        f"Under the protocol 'artist', {best['model']} classifies "
        f"{best['accuracy_mean']:.0%} of the tracks correctly"
    )


def test_summary_of_the_papers_protocol_alone_promises_nothing():
    label = {"model": "a", "protocol": "segment", "seed": 0, "fold": 0}
    row = {**label, "segment_accuracy": 0.9, "n_train": 8, "n_test": 2, "error": None}
    assert "measures no new tracks" in summarise(BenchmarkResult.from_rows([row]))


def test_curves_of_the_papers_networks_are_drawn(tmp_path):
    history = {"loss": [2.0, 1.0], "accuracy": [0.1, 0.5]}
    result = PaperResult([], {("cnn", "80/20"): history}, [], n_tracks=24)
    write_paper(result, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["paper-cnn-80_20.png", "paper-cnn-80_20.svg", "paper.md"]
    assert (tmp_path / "paper.md").read_text().startswith("NOT THE PAPER'S DATA")


def test_page_says_why_there_is_no_verdict(made_tracks, tmp_path):
    result = run_benchmark(["knn", "dummy"], made_tracks, n_splits=2)
    write_report(result, tmp_path)
    text = Outline((tmp_path / "report.html").read_text(encoding="utf-8")).text
    reason = "the test needs 3 folds with scores of both, got 2"
    assert f"whether it is better than others cannot be told: {reason}." in text
    assert text.count(reason) == 2


def test_page_counts_each_track_of_a_genre_once(made_tracks, tmp_path):
    result = run_benchmark(["dummy"], made_tracks, n_splits=2, seeds=(0, 1, 2))
    write_report(result, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    table = html.partition("By genre")[2].partition("</table>")[0]
    assert re.findall(r">(\w+)</td></tr>", table) == ["8", "8", "8"]

import dataclasses
import re
from html import unescape

import pytest
from html_outline import Outline

from skgenre import make_model, make_model_card, run_benchmark, write_report
from skgenre.audit import AuditReport, Finding
from skgenre.benchmark import BenchmarkResult, PaperResult
from skgenre.benchmark.result import MSD_NOTE
from skgenre.report import summarise, write_paper
from skgenre.report.tables import count_answers, tabulate_answers

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
    (image,) = [attrs for tag, attrs in outline.tags if tag == "img"]
    assert image["alt"]
    tags = [tag for tag, _ in outline.tags]
    assert tags.index("img") < tags.index("strong") < tags.index("table")


def read_tables(html, title):
    """The texts of the tables below a heading, by row and cell."""
    part = html.partition(title)[2].partition("<h2>")[0]
    return [
        [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("<tr>")]
        for table in part.split("<table>")[1:]
    ]


def test_matrix_of_genres_has_the_recall_of_each_model(page, result):
    html = page.read_text(encoding="utf-8")
    matrix, *confusions = read_tables(html, "By genre, protocol artist")
    pairs = [
        pair
        for entry in result.predictions
        if (entry["model"], entry["protocol"]) == ("forest", "artist")
        for pair in zip(entry["target"], entry["predicted"], strict=True)
    ]
    rows = {cells[0]: cells for cells in matrix if cells}
    column = rows.pop("genre").index("forest")
    assert len(rows) == 3
    for genre, cells in rows.items():
        answers = [answer for target, answer in pairs if target == genre]
        recall = sum(answer == genre for answer in answers) / len(answers)
        assert cells[column] == f"{100 * recall:.0f}"
    # Without the model that failed.
    assert len(confusions) == 2


def test_answers_are_counted_with_recall_and_precision():
    target = ["a", "a", "a", "b"]
    table = tabulate_answers(*count_answers(target, ["a", "a", "c", "a"]))
    assert table["columns"] == ["genre", "a", "b", "c", "recall, %"]
    assert table["rows"] == [
        ["a", 2, "", 1, "67"],
        ["b", 1, "", "", "0"],
        ["c", "", "", "", None],
        ["precision, %", "67", None, "0", ""],
    ]
    assert table["shares"][:2] == [
        [None, pytest.approx(2 / 3), 0, pytest.approx(1 / 3), None],
        [None, 1, 0, 0, None],
    ]


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
    assert "broken, protocol track, seed 0, fold 0 failed (the first of 3" in text
    assert "those of one track are on both sides" in text


def test_page_lists_what_the_audit_found(result, tmp_path):
    finding = Finding("clipped", (1,), "0.3 % of the samples at full scale")
    audit = AuditReport(
        paths=["a.wav", "<script>.wav"], findings=[finding], replicas=[]
    )
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
    unreadable = [{"path": path, "error": "is empty"} for path in paths]
    write_report(BenchmarkResult.from_rows([row], unreadable=unreadable), tmp_path)
    text = Outline((tmp_path / "report.html").read_text(encoding="utf-8")).text
    files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    assert f"{files} could not be read: {shown}" in text


def test_a_long_name_of_a_model_is_shortened_in_names_of_files_only(tmp_path):
    name = "é" * 300
    label = {"model": name, "protocol": "track", "seed": 0, "fold": 0}
    answers = {"rows": [0], "target": ["a"], "predicted": ["a"]}
    row = {**label, "accuracy": 1.0, "n_train": 8, "n_test": 1, "predictions": answers}
    write_report(BenchmarkResult.from_rows([row]), tmp_path)
    assert len(list(tmp_path.glob("confusion-track-é*.png"))) == 1
    assert name in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_genre_whose_folder_is_not_named_in_utf_8_is_drawn(tmp_path):
    genre = "Fran\udce7ais"  # as Python has a byte that is not UTF-8
    label = {"model": genre, "protocol": "track", "seed": 0, "fold": 0}
    answers = {"rows": [0], "target": [genre], "predicted": [genre]}
    row = {**label, "accuracy": 1.0, "n_train": 8, "n_test": 1, "predictions": answers}
    write_report(BenchmarkResult.from_rows([row]), tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert r"Answers of Fran\udce7ais" in text


def test_models_whose_names_are_alike_have_a_figure_each(made_tracks, tmp_path):
    models = {name: make_model("knn") for name in ("k nn", "k_nn", "K/NN")}
    write_report(run_benchmark(models, made_tracks, n_splits=2), tmp_path)
    names = {path.stem.casefold() for path in tmp_path.glob("confusion-*.svg")}
    assert names == {f"confusion-track-k_nn{end}" for end in ("", "-2", "-3")}


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
    assert "does not test on new tracks" in summarise(BenchmarkResult.from_rows([row]))


def test_curves_of_the_papers_networks_are_drawn(tmp_path):
    history = {"loss": [2.0, 1.0], "accuracy": [0.1, 0.5]}
    result = PaperResult(
        rows=[], histories={("cnn", "80/20"): history}, samples=[], n_tracks=24
    )
    write_paper(result, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["paper-cnn-80_20.png", "paper-cnn-80_20.svg", "paper.md"]
    assert (tmp_path / "paper.md").read_text().startswith("NOT THE PAPER'S DATA")


def test_page_says_why_there_is_no_verdict(made_tracks, tmp_path):
    result = run_benchmark(["knn", "dummy"], made_tracks, n_splits=2)
    write_report(result, tmp_path)
    text = Outline((tmp_path / "report.html").read_text(encoding="utf-8")).text
    reason = "the test needs 3 folds with scores of both, got 2"
    assert f"whether it is better than dummy cannot be told: {reason}." in text
    assert text.count(reason) == 2


def test_page_counts_each_track_of_a_genre_once(made_tracks, tmp_path):
    result = run_benchmark(["dummy"], made_tracks, n_splits=2, seeds=(0, 1, 2))
    write_report(result, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    matrix, _ = read_tables(html, "By genre, protocol track")
    assert [cells[1] for cells in matrix if cells] == ["tracks", "8", "8", "8"]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([], "correctly."),
        (["bad"], "; by the corrected test it is better than bad."),
        (["bad", "worse"], "it is better than bad and worse."),
        (["bad", "worse", "worst"], "it is better than all 3 others."),
        (["bad", "worse", "close"], "it is better than bad and worse."),
        (["bad", "worse", "worst", "close"], "better than bad, worse and worst."),
        (["close"], "it is not shown to be better than close."),
        (["close", "near"], "it is not shown to be better than any other model."),
    ],
)
def test_summary_names_the_models_that_the_best_one_beats(others, said):
    accuracies = {
        "svm": (0.90, 0.91, 0.92),
        **{name: (0.11, 0.10, 0.10) for name in ("bad", "worse", "worst")},
        **{name: (0.95, 0.80, 0.90) for name in ("close", "near")},
    }
    rows = [
        {
            **{"model": name, "protocol": "track", "seed": 0, "fold": fold},
            **{"accuracy": accuracy, "n_train": 20, "n_test": 10},
        }
        for name in ["svm", *others]
        for fold, accuracy in enumerate(accuracies[name])
    ]
    assert summarise(BenchmarkResult.from_rows(rows)).endswith(said)


@pytest.mark.parametrize(
    ("equal", "said"), [(["b"], ", as does b;"), (["b", "c"], ", as do b and c;")]
)
def test_summary_names_the_models_that_are_as_good(equal, said):
    label = {"protocol": "track", "seed": 0, "n_train": 20, "n_test": 10}
    rows = [
        {**label, "model": name, "fold": fold, "accuracy": accuracy}
        for name in ["a", *equal, "bad"]
        for fold, accuracy in enumerate([0, 0.1] if name == "bad" else [0.8, 0.7])
    ]
    text = summarise(BenchmarkResult.from_rows(rows))
    assert f"a classifies 75% of the tracks correctly{said}" in text


def test_page_has_the_scores_that_were_asked_for(made_tracks, tmp_path):
    scoring = {"my loss": "neg_log_loss"}
    write_report(
        run_benchmark(["knn"], made_tracks, n_splits=2, scoring=scoring), tmp_path
    )
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    _, head, row = read_tables(html, "Scores")[0]
    scores = dict(zip(head, row, strict=True))
    assert float(scores["my loss"]) == -float(scores["log-loss"])


def test_page_of_one_model_and_track_has_no_plurals(tmp_path):
    label = {"model": "a", "protocol": "track", "seed": 0, "fold": 0}
    row = {**label, "accuracy": 1.0, "n_train": 1, "n_test": 1}
    setting = {"models": ["a"], "n_tracks_per_genre": {"pop": 1}}
    audit = AuditReport(
        paths=["a.wav"], findings=[Finding("clipped", (0,), "much")], replicas=[]
    )
    write_report(
        BenchmarkResult.from_rows([row], setting=setting), tmp_path, audit=audit
    )
    text = Outline((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "1 model on 1 track of 1 genre" in text
    assert "1 finding on 1 track." in text


def test_page_says_how_to_call_the_benchmark_again(page):
    said = re.search(r"<pre>(.*?)</pre>", page.read_text(encoding="utf-8"))[1]
    protocols = "protocols=['segment', 'track', 'artist']"
    call = f"skgenre.run_benchmark(models, data, {protocols}, n_splits=3, seeds=[0])"
    assert unescape(said) == call


def test_a_difference_of_zero_but_for_rounding_has_no_sign(made_tracks, tmp_path):
    # The mean of the differences is -4e-17.
    accuracies = {"a": (0.0, 0.3, 0.9), "b": (0.3, 0.9, 0.0)}
    rows = [
        {"model": model, "protocol": "track", "seed": 0, "fold": fold}
        | {"accuracy": accuracy, "n_train": 8, "n_test": 10}
        for model, values in accuracies.items()
        for fold, accuracy in enumerate(values)
    ]
    result = BenchmarkResult.from_rows(rows)
    write_report(result, tmp_path)
    model = make_model("dummy").fit(made_tracks.paths, made_tracks.target)
    card = make_model_card(model, benchmark=result).render()
    for text in (card, (tmp_path / "report.html").read_text(encoding="utf-8")):
        assert "-0.000" not in text.replace("\\", "")


def test_page_has_no_dead_buttons_without_javascript(page):
    tags = {tag for tag, _ in Outline(page.read_text(encoding="utf-8")).tags}
    assert "button" not in tags


def test_long_tables_but_the_first_are_folded(tmp_path):
    rows = [
        {
            **{"model": f"m{number}", "protocol": "track", "seed": 0, "fold": 0},
            **{"accuracy": number / 30, "n_train": 8, "n_test": 2},
        }
        for number in range(25)
    ]
    write_report(BenchmarkResult.from_rows(rows), tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.index("Scores") < html.index(">m24<") < html.index("<details")
    assert "<summary>All 300 rows</summary>" in html

import dataclasses
import math
import re
from collections import Counter

import numpy as np
import pytest
import sklearn
import skops.io
from html_outline import Outline
from model_archive import read_parts, write_parts
from numpy.testing import assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from skops.card import Card

from skgenre import (
    CNNGenreClassifier,
    CovarianceGenreClassifier,
    KerasGenreClassifier,
    LSTMGenreClassifier,
    MFCCExtractor,
    MFCCScaler,
    MLPGenreClassifier,
    ModelFileError,
    SegmentPoolingClassifier,
    SegmentStatistics,
    TrackStatistics,
    load_model,
    make_model,
    make_model_card,
    run_benchmark,
    save_model,
)
from skgenre._io import printable
from skgenre.audit import AuditReport, Finding
from skgenre.benchmark import BenchmarkResult
from skgenre.benchmark.result import MSD_NOTE
from skgenre.features import EXECUTION_PARAMETERS
from skgenre.networks import build_lstm


def halve(X):
    """A function that another process can import from here."""
    return X / 2


def on_statistics(classifier):
    return make_pipeline(TrackStatistics(), StandardScaler(), classifier)


MLP = MLPGenreClassifier(hidden_layer_sizes=(8,), epochs=1, random_state=0)
LOGISTIC = on_statistics(LogisticRegression())
OWN_BUILDER = {"units": (4,), "dense_units": 4, "dropout": 0.0}
MODELS = {
    "mlp": make_pipeline(MFCCScaler(), MLP),
    "cnn": CNNGenreClassifier(filters=(4,), kernel_sizes=((2, 2),), epochs=1),
    "lstm": LSTMGenreClassifier(units=(4, 4), dense_units=4, epochs=1),
    "covariance": CovarianceGenreClassifier(hidden_units=4, epochs=1),
    "own builder": KerasGenreClassifier(
        build_lstm, epochs=1, **{f"build__{k}": v for k, v in OWN_BUILDER.items()}
    ),
    "logistic": LOGISTIC,
    "svm": on_statistics(SVC()),
    "forest": on_statistics(RandomForestClassifier(3)),
    "neighbours": on_statistics(KNeighborsClassifier(3)),
    "segments": make_pipeline(
        SegmentStatistics(), SegmentPoolingClassifier(LogisticRegression())
    ),
    "voting": VotingClassifier([("a", LOGISTIC), ("b", MLP)], voting="soft"),
    "search": GridSearchCV(MLP, {"dropout": [0.0, 0.5]}, cv=2),
    "calibrated": CalibratedClassifierCV(LOGISTIC, cv=2),
}
# In each of them, what Markdown or a browser would make something of.
HOSTILE = [
    "<script>alert(1)</script>",
    "a|b `c` *d* __e__ ~~f~~ \\| &lt; $g$ ~h~",
    "[i](http://j.org) ![k](https://l.org/m.png) <http://n.org>",
    "# o\n\n- p\n\n```q",
    "1. v",
    "- w",
    "</details> www.r.org https://s.org t@u.org",
]


@pytest.fixture(scope="module")
def benchmark(made_tracks):
    models = {name: make_model(name, n_segments=2) for name in ("logistic", "dummy")}
    protocols = ("segment", "track", "artist")
    return run_benchmark(models, made_tracks, protocols=protocols, n_splits=3)


def render(card):
    """What a reader sees of a card."""
    markdown_it = pytest.importorskip("markdown_it")
    # A reader's browser unfolds what is folded.
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return Outline(parser.render(card.render()))


def read_row(line):
    """The cells of a row of a table."""
    return [cell.strip() for cell in line.replace("\\", "").strip("|").split("|")]


@pytest.mark.parametrize("name", MODELS)
def test_the_card_of_skops_works_on_every_kind_of_model(name, features, tmp_path):
    X, y = features
    model = MODELS[name].fit(X, y)
    file = tmp_path / "model.skops"
    save_model(model, file)
    needed = skops.io.get_untrusted_types(file=file)
    for card in (Card(load_model(file)), Card(file, trusted=needed)):
        assert "Hyperparameter" in card.render()
        assert (
            "sk-toggleable"
            in card.select("Model description/Training Procedure/Model Plot").format()
        )
        assert type(card.get_model()).__name__ in repr(card)
        assert_array_equal(card.get_model().predict(X), model.predict(X))


def test_card_says_what_the_model_is_and_how_it_is_used(made_tracks, model_file):
    text = render(make_model_card(model_file)).text
    assert f"genre: {', '.join(sorted({*made_tracks.target}))}." in text
    assert "LogisticRegression(max_iter=2000)" in text
    assert "load_model('model.skops')" in text
    assert "predict(['song.mp3'])" in text
    assert "training_accuracy 0.750" in " ".join(text.split())
    assert f"scikit-learn {sklearn.__version__}" in text


def test_parameters_of_the_features_have_a_table_of_their_own(made_tracks):
    model = make_model("logistic", n_mfcc=7, n_segments=2, C=0.25)
    card = make_model_card(model.fit(made_tracks.paths, made_tracks.target))
    training = card.select("Model description/Training Procedure")
    features, others = map(training.select, ("Features", "Hyperparameters"))
    read = dict(map(read_row, features.content.splitlines()[2:]))
    names = {*MFCCExtractor().get_params()} - {*EXECUTION_PARAMETERS}
    assert {*read} == {f"mfccextractor__{name}" for name in names}
    assert read["mfccextractor__n_mfcc"] == "7"
    read = dict(map(read_row, others.format().splitlines()[6:-2]))
    assert read["logisticregression__C"] == "0.25"
    assert "mfccextractor__n_mfcc" not in read


def test_card_has_the_scores_with_intervals_and_what_they_mean(model_file, benchmark):
    outline = render(make_model_card(model_file, benchmark=benchmark))
    for row in benchmark.summary():
        if row["protocol"] != "segment":
            names = ("accuracy_mean", "accuracy_std", "accuracy_low", "accuracy_high")
            cells = [row["model"], row["protocol"], *(f"{row[n]:.3f}" for n in names)]
            assert " ".join(cells) in " ".join(outline.text.split())
    assert "classifies" in outline.text
    assert "Tested on 24 tracks of 3 genres; 0 files could not be read" in outline.text
    assert "all tracks of an artist are in either the training or" in outline.text
    assert "those of one track are on both sides" in outline.text
    assert "Protocol filtered" not in outline.text


def test_card_tells_whether_the_benchmark_had_the_same_tracks(model_file, benchmark):
    setting = {**benchmark.setting, "data_digest": "abc"}
    other = dataclasses.replace(benchmark, setting=setting)
    same = make_model_card(model_file, benchmark=benchmark)
    assert "is the same" in render(same).text
    another = make_model_card(model_file, benchmark=other)
    assert "is another: abc" in render(another).text


def test_card_says_what_a_pretrained_network_has_heard_of_gtzan(model_file, benchmark):
    result = dataclasses.replace(
        benchmark,
        setting={**benchmark.setting, "pretrained": {"union": ["MSD_musicnn"]}},
        paths=["genres/blues/blues.00000.wav"],
    )
    text = " ".join(render(make_model_card(model_file, benchmark=result)).text.split())
    assert f"Note: {MSD_NOTE.format(models='union')}" in text


def test_card_has_no_nan(model_file, benchmark):
    assert any(math.isnan(row["log_loss_mean"]) for row in benchmark.summary())
    text = render(make_model_card(model_file, benchmark=benchmark)).text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert "–" in text


def test_card_lists_what_the_audit_found(model_file):
    finding = Finding("clipped", (1,), "0.3 % of the samples at full scale")
    report = AuditReport(
        paths=["/home/ann/a/a.wav", "/home/ann/b/b.wav"],
        findings=[finding],
        replicas=[],
    )
    text = " ".join(render(make_model_card(model_file, audit=report)).text.split())
    assert "1 finding on 2 tracks." in text
    assert "clipped b/b.wav 0.3 % of the samples at full scale" in text
    clean = AuditReport(paths=["a.wav"], findings=[], replicas=[])
    text = render(make_model_card(model_file, audit=clean)).text
    assert "0 findings on 1 track." in text


def test_estimator_and_its_file_have_the_same_card(features, tmp_path):
    model = GridSearchCV(MLP, {"dropout": [0.0, 0.5]}, cv=2).fit(*features)
    save_model(model, tmp_path / "model.skops")
    card = make_model_card(model)
    assert card.render() == make_model_card(tmp_path / "model.skops").render()
    assert isinstance(card.get_model(), MLPGenreClassifier)


def test_nothing_of_the_trainers_machine_is_in_the_card(made_tracks, tmp_path):
    model = make_model("logistic", n_segments=2, cache_dir=tmp_path)
    model.set_params(memory=str(tmp_path)).fit(made_tracks.paths, made_tracks.target)
    assert str(tmp_path) not in make_model_card(model).render()


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_never_becomes_markup(text, features, tmp_path):
    X, y = features
    y = np.where(y == "jazz", text, y)
    model = on_statistics(LogisticRegression(class_weight={text: 2.0})).fit(X, y)
    file = tmp_path / "model.skops"
    save_model(model, file, data=text, scores={text: 0.5})
    answers = {"rows": [0], "target": [text], "predicted": [text]}
    label = {"model": text, "protocol": "track", "seed": 0, "fold": 0}
    rows = [
        {**label, "accuracy": 0.5, "predictions": answers, "best_params": text},
        {**label, "fold": 1, "error": text},
    ]
    benchmark = BenchmarkResult.from_rows(rows, setting={"data_digest": text + "?"})
    audit = AuditReport(
        paths=[text], findings=[Finding("clipped", (0,), text)], replicas=[]
    )
    outline = render(make_model_card(file, benchmark=benchmark, audit=audit))
    tags = {tag for tag, _ in outline.tags} - {"details", "summary"}
    plain = {"h1", "h2", "h3", "p", "ul", "li", "pre", "code"}
    assert tags == plain | {"table", "thead", "tbody", "tr", "th", "td"}
    counts = Counter(tag for tag, _ in outline.tags)
    assert (counts["h1"], counts["li"]) == (3, 6)
    # Genres, digests, score, notes, rows of four tables, and the audit's.
    assert outline.text.count(printable(text)) >= 12


def test_names_of_a_file_stay_in_the_line_that_loads_it(features, tmp_path):
    file = tmp_path / "a'b`c```d\n```\n# e.skops"
    save_model(LOGISTIC.fit(*features), file)
    outline = render(make_model_card(file))
    assert f"load_model({file.name!r})" in outline.text
    assert len([tag for tag, _ in outline.tags if tag == "h1"]) == 3


def test_what_a_file_needs_must_be_trusted_and_is_in_its_card(features, tmp_path):
    file = tmp_path / "model.skops"
    model = make_pipeline(FunctionTransformer(halve), MLP).fit(*features)
    save_model(model, file)
    names = [f"{__name__}.halve"]
    with pytest.raises(ModelFileError, match="halve"):
        make_model_card(file)
    line = f"load_model('model.skops', trusted={names})"
    for card in (make_model_card(file, trusted=names), make_model_card(model)):
        assert line in render(card).text


def test_names_that_only_the_file_claims_to_need_are_not_in_its_card(
    model_file, tmp_path
):
    info, members = read_parts(model_file)
    write_parts(tmp_path / "forged.skops", {**info, "trusted": ["os.system"]}, members)
    assert "os.system" not in make_model_card(tmp_path / "forged.skops").render()

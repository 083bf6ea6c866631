"""A benchmark's result as a page that a person can send, and its figures."""

import base64
import io
import math
from importlib import resources
from pathlib import Path

import numpy as np

from skgenre._files import atomic_write
from skgenre.displays import BenchmarkDisplay, TrainingHistoryDisplay

# From the most honest on: the summary speaks of the first that was run.
_HONEST_PROTOCOLS = ("filtered", "artist", "track")

_SUMMARY_COLUMNS = {
    "accuracy_mean": "accuracy per track",
    "accuracy_std": "± over folds",
    "accuracy_low": "95 % from",
    "accuracy_high": "to",
    "balanced_accuracy_mean": "balanced accuracy",
    "f1_macro_mean": "macro F1",
    "log_loss_mean": "log-loss",
    "segment_accuracy_mean": "accuracy per segment",
    "train_accuracy_mean": "accuracy in training",
    "fit_seconds": "fit, s",
}


def write_report(result, directory):
    """Write ``report.html`` and the figures, as PNG and SVG, of a benchmark's result.

    Parameters
    ----------
    result : BenchmarkResult
        What `run_benchmark` returns.
    directory : str or Path
        Folder to write to; made where it does not exist. The page is one file: it needs
        neither the figures beside it nor a network.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skgenre import make_genre_tracks, run_benchmark, write_report
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=4, duration=6.0, random_state=0
    ...     )
    ...     write_report(run_benchmark(["knn"], data, n_splits=2), folder)
    ...     sorted(path.name for path in Path(folder).glob("*.html"))
    ['report.html']
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    figures = [_save_figure(directory, *figure) for figure in _draw_figures(result)]
    with atomic_write(directory / "report.html", "w", encoding="utf-8") as file:
        file.write(_render(result, figures))


def write_paper(result, directory):
    """Write ``paper.md`` and the curves of each network, as PNG and SVG.

    Parameters
    ----------
    result : PaperResult
        What `reproduce_paper` returns.
    directory : str or Path
        Folder to write to; made where it does not exist.
    """
    import matplotlib.pyplot as plt

    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with atomic_write(directory / "paper.md", "w", encoding="utf-8") as file:
        file.write(result.to_table() + "\n")
    for (model, split), history in result.histories.items():
        figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
        for quantity, ax in zip(("accuracy", "loss"), axes, strict=True):
            TrainingHistoryDisplay(history).plot(quantity=quantity, ax=ax)
        part = "the validation part" if "(" in split else "the test part"
        figure.suptitle(
            f"{model}, split {split} of shuffled segments (validation: {part})"
        )
        _save_figure(directory, f"paper-{model}-{split}", "", figure)


def summarise(result):
    """What was found, in a sentence or two."""
    rows = {(row["model"], row["protocol"]): row for row in result.summary()}
    protocols = {protocol for _, protocol in rows}
    honest = [name for name in _HONEST_PROTOCOLS if name in protocols]
    if not honest:
        return "Only the paper's protocol was run, which measures no new tracks."
    protocol = honest[0]
    done = [row for row in rows.values() if row["protocol"] == protocol]
    done = [row for row in done if not math.isnan(row["accuracy_mean"])]
    if not done:
        return f"Every model failed under the protocol {protocol!r}."
    best = max(done, key=lambda row: row["accuracy_mean"])
    beaten = [
        row["second"] if row["first"] == best["model"] else row["first"]
        for row in result.compare()
        if row["protocol"] == protocol and row["better"] == best["model"]
    ]
    worse = f"better than {', '.join(beaten)}" if beaten else "better than none"
    return (
        f"Under the protocol {protocol!r}, {best['model']} classifies "
        f"{best['accuracy_mean']:.0%} of the tracks correctly (95 % interval "
        f"{best['accuracy_low']:.0%} to {best['accuracy_high']:.0%}); by the corrected "
        f"test it is {worse} of the {len(done) - 1} other models."
    )


def _draw_figures(result):
    """Name, caption and figure of each picture."""
    display = BenchmarkDisplay.from_result(result)
    yield "accuracies", "Accuracy of each model under each protocol.", display.figure_
    for (model, protocol), (target, predicted) in _gather_answers(result).items():
        caption = f"{model}, protocol {protocol}: tracks of each genre, by answer."
        yield (
            f"confusion-{protocol}-{model}",
            caption,
            _draw_confusion(target, predicted),
        )


def _draw_confusion(target, predicted):
    import matplotlib.pyplot as plt
    from sklearn.metrics import ConfusionMatrixDisplay

    n_genres = len(set(target) | set(predicted))
    size = 2.5 + 0.45 * n_genres
    _, ax = plt.subplots(figsize=(size, size * 0.9), layout="constrained")
    display = ConfusionMatrixDisplay.from_predictions(
        *(target, predicted), cmap="Greys", xticks_rotation="vertical", ax=ax
    )
    ax.set(xlabel="Answer", ylabel="Genre")
    return display.figure_


def _gather_answers(result):
    """Genres and answers of all test tracks, by model and protocol."""
    answers = {}
    for entry in result.predictions:
        if entry["protocol"] != "paper":
            key = entry["model"], entry["protocol"]
            target, predicted = answers.setdefault(key, ([], []))
            target += map(str, entry["target"])
            predicted += map(str, entry["predicted"])
    return answers


def _save_figure(directory, name, caption, figure):
    import matplotlib.pyplot as plt

    # A model's name may be anything, a file's may not.
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    for extension in ("png", "svg"):
        figure.savefig(directory / f"{name}.{extension}", dpi=120)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    plt.close(figure)
    return {"caption": caption, "png": base64.b64encode(buffer.getvalue()).decode()}


def _render(result, figures):
    import jinja2

    template = (resources.files("skgenre") / "report.html").read_text(encoding="utf-8")
    setting = result.setting
    n_tracks = setting.get("n_tracks_per_genre", {})
    versions = ", ".join(f"{name} {v}" for name, v in result.versions.items() if v)
    page = jinja2.Environment(autoescape=True).from_string(template)
    return page.render(
        title=f"Music genres: {len(setting.get('models', []))} models on "
        f"{sum(n_tracks.values())} tracks of {len(n_tracks)} genres",
        summary=summarise(result),
        notes=[*result.notes(), *_list_unreadable(result)],
        tables=[*_make_tables(result)],
        figures=figures,
        command=setting.get("command") or "skgenre.run_benchmark(...)",
        versions=versions,
        fingerprint=setting.get("fingerprint", "unknown"),
    )


def _list_unreadable(result):
    if result.unreadable:
        paths = ", ".join(entry["path"] for entry in result.unreadable)
        yield f"{len(result.unreadable)} files could not be read: {paths}"


def _make_tables(result):
    yield _make_table(
        "Scores",
        "Means over folds and seeds; click on a column to sort by it. The interval is "
        "by bootstrap over tracks.",
        ["model", "protocol", *_SUMMARY_COLUMNS.values()],
        [
            [row["model"], row["protocol"], *(row[name] for name in _SUMMARY_COLUMNS)]
            for row in result.summary()
        ],
        n_text=2,
    )
    compared = result.compare()
    if compared:
        yield _make_table(
            "Which model is better?",
            "Differences of mean accuracies on the same folds; p-values of the "
            "corrected resampled t-test, adjusted by Holm's method over all rows. A "
            "model is called better where p is below 0.05.",
            ["protocol", "first", "second", "better", "difference", "p"],
            [
                [
                    *(row["protocol"], row["first"], row["second"]),
                    *(row["better"] or "–", row["difference"], row["p_value"]),
                ]
                for row in compared
            ],
            n_text=4,
        )
    yield _make_table(
        "By genre",
        "Recall: of the genre's tracks, those answered so. Precision: of the tracks "
        "answered so, those that are.",
        ["model", "protocol", "genre", "recall", "precision", "tracks"],
        list(_score_genres(result)),
        n_text=3,
    )


def _score_genres(result):
    for (model, protocol), (target, predicted) in _gather_answers(result).items():
        target, predicted = np.array(target), np.array(predicted)
        for genre in np.unique(target):
            right = np.sum((target == genre) & (predicted == genre))
            n_tracks, n_answers = np.sum(target == genre), np.sum(predicted == genre)
            precision = right / n_answers if n_answers else math.nan
            yield [model, protocol, genre, right / n_tracks, precision, int(n_tracks)]


def _make_table(title, about, columns, rows, *, n_text):
    cells = [[_make_cell(value) for value in row] for row in rows]
    return {
        **{"title": title, "about": about, "columns": columns},
        **{"rows": cells, "n_text": n_text},
    }


def _make_cell(value):
    if isinstance(value, (str, int)):
        return {"value": value, "text": value}
    missing = math.isnan(value)
    return {
        "value": "" if missing else value,
        "text": "–" if missing else f"{value:.3f}",
    }

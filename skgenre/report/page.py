"""Write the result of a benchmark as a page, and the paper's experiments."""

from __future__ import annotations

import base64
import itertools
import math
import operator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from skgenre._io import atomic_write, counted
from skgenre._tables import name_tracks, write_html
from skgenre._typing import StrPath
from skgenre.audit.report import tabulate_findings
from skgenre.displays import (
    BenchmarkDisplay,
    TrainingHistoryDisplay,
    make_axes,
    plain_text,
)
from skgenre.report.tables import (
    count_answers,
    gather_predictions,
    make_tables,
    tabulate_answers,
)

if TYPE_CHECKING:
    from skgenre.audit import AuditReport
    from skgenre.benchmark import BenchmarkResult

# From the one that leaks least: the summary is about the first that was run.
_HONEST_PROTOCOLS = ("filtered", "artist", "track")
# File systems take 255, extension included.
_MAX_NAME_BYTES = 200
_PAGE_DPI = 96  # of CSS


def write_report(
    result: BenchmarkResult, directory: StrPath, *, audit: AuditReport | None = None
) -> None:
    """Write ``report.html`` and the figures, as PNG and SVG, of a benchmark's result.

    Needs matplotlib and jinja2, as in ``pip install 'skgenre[report]'``.

    Parameters
    ----------
    result : BenchmarkResult
        What `run_benchmark` returns.
    directory : str or Path
        Folder to write to; made where it does not exist. The page is one file: it needs
        neither the figures beside it nor a network.
    audit : AuditReport, default=None
        What `audit_tracks` found among the tracks; the page then lists it.

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
    import jinja2

    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    display = BenchmarkDisplay.from_result(result)
    taken: set[str] = set()
    picture = _save_figure(directory, "accuracies", display.figure_, taken)
    confusions: dict[str, list[dict[str, str]]] = {}
    # From the best model on; of those that are as good, from the first.
    for (model, protocol), (target, predicted, _) in _sort_by_accuracy(result):
        genres, counts = count_answers(target, predicted)
        figure = _draw_confusion(genres, counts)
        _save_figure(directory, f"confusion-{protocol}-{model}", figure, taken)
        table = _write_table(tabulate_answers(genres, counts))
        confusions.setdefault(protocol, []).append({"model": model, "table": table})
    notes, tables = [*result.notes()], [*make_tables(result)]
    if result.unreadable:
        paths = ", ".join(name_tracks([entry["path"] for entry in result.unreadable]))
        files = counted(len(result.unreadable), "file")
        notes.append(f"{files} could not be read: {paths}")
    if audit is not None and audit.findings:
        counts = audit.count_findings().items()
        listed = ", ".join(f"{fault} ({count})" for fault, count in counts)
        notes.append(
            f"The audit of the tracks found: {listed}. The last table has them; what "
            "to do about them is for you to decide."
        )
        tables.append(tabulate_findings(audit))
    for table in tables:
        table["html"] = _write_table(table)
    setting = result.setting
    n_tracks = setting.get("n_tracks_per_genre", {})
    template = resources.files("skgenre.report") / "page.html"
    environment = jinja2.Environment(autoescape=True)
    page = environment.from_string(template.read_text(encoding="utf-8")).render(
        title=f"Music genres: {counted(len(setting.get('models', [])), 'model')} on "
        f"{counted(sum(n_tracks.values()), 'track')} of "
        f"{counted(len(n_tracks), 'genre')}",
        summary=summarise(result),
        notes=notes,
        tables=tables,
        picture=picture,
        confusions=confusions,
        command=setting.get("command") or _write_call(setting),
        versions=", ".join(f"{name} {v}" for name, v in result.versions.items() if v),
        data_digest=setting.get("data_digest", "unknown"),
    )
    # Names of files need not be UTF-8.
    with atomic_write(
        directory / "report.html", "w", encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(page)


def _write_call(setting):
    """Return the call that makes such a result; what models and data are is unknown."""
    names = ("protocols", "n_splits", "seeds", "epochs")
    known = {name: setting[name] for name in names if setting.get(name) is not None}
    options = "".join(f", {name}={value!r}" for name, value in known.items())
    return f"skgenre.run_benchmark(models, data{options})"


def _sort_by_accuracy(result):
    def measure(item):
        target, predicted, _ = item[1]
        return -sum(map(operator.eq, target, predicted)) / len(target)

    return sorted(gather_predictions(result).items(), key=measure)


def _write_table(table):
    """Return a table, in the form of `make_tables`, as HTML; its texts are escaped."""
    columns, rows, n_text = (table[name] for name in ("columns", "rows", "n_text"))
    return write_html(
        columns, rows, text_columns=range(n_text), shares=table.get("shares")
    )


def _draw_confusion(genres, counts):
    from sklearn.metrics import ConfusionMatrixDisplay

    size = 2.5 + 0.45 * len(genres)
    ax = make_axes(None, figsize=(size, size * 0.9))
    display = ConfusionMatrixDisplay(
        counts, display_labels=list(map(plain_text, genres))
    )
    display.plot(cmap="Greys", xticks_rotation="vertical", ax=ax)
    ax.set(xlabel="Answer", ylabel="Genre")
    return ax.figure


def _save_figure(directory, name, figure, taken):
    """Write a figure as PNG and SVG; return what the page needs of it."""
    import matplotlib.pyplot as plt

    # A model's name may be anything, a file's may not.
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    first = name = name.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
    number = 1
    # Two names may become one, and some systems ignore case.
    while name.casefold() in taken:
        number += 1
        name = f"{first}-{number}"
    taken.add(name.casefold())
    figure.savefig(directory / f"{name}.svg")
    # Screens of phones have two or three pixels in one of a page.
    figure.savefig(directory / f"{name}.png", dpi=200)
    plt.close(figure)
    png = (directory / f"{name}.png").read_bytes()
    width = round(figure.get_figwidth() * _PAGE_DPI)
    return {"width": width, "png": base64.b64encode(png).decode()}


def summarise(result):
    """Say in a sentence or two what a benchmark found."""
    summary = result.summary()
    protocols = {row["protocol"] for row in summary}
    honest = [name for name in _HONEST_PROTOCOLS if name in protocols]
    if not honest:
        return "Only the protocol 'segment' was run, which does not test on new tracks."
    protocol = honest[0]
    done = [row for row in summary if row["protocol"] == protocol]
    done = [row for row in done if not math.isnan(row["accuracy_mean"])]
    if not done:
        return f"Every model failed under the protocol {protocol!r}."
    best = max(done, key=lambda row: row["accuracy_mean"])
    name, interval, verdict = best["model"], "", ""
    if not math.isnan(best["accuracy_low"]):
        low, high = best["accuracy_low"], best["accuracy_high"]
        interval = f" (95% interval {low:.0%} to {high:.0%})"
    accuracy = best["accuracy_mean"]
    equal = [
        row["model"] for row in done if math.isclose(row["accuracy_mean"], accuracy)
    ]
    equal.remove(name)
    if equal:
        verdict = f", as do{'' if equal[1:] else 'es'} {_list_names(equal)}"
    compared = [row for row in result.compare() if row["protocol"] == protocol]
    compared = [row for row in compared if name in (row["first"], row["second"])]
    reasons = {row["reason"] for row in compared}
    others = [row["second" if row["first"] == name else "first"] for row in compared]
    better = [row["better"] == name for row in compared]
    beaten = list(itertools.compress(others, better))
    rival = others[0] if len(others) == 1 else "any other model"
    if len(beaten) == len(others) > 2:
        verdict += f"; by the corrected test it is better than all {len(others)} others"
    elif beaten:
        verdict += f"; by the corrected test it is better than {_list_names(beaten)}"
    elif None in reasons:
        verdict += f"; by the corrected test it is not shown to be better than {rival}"
    elif reasons:
        reason = reasons.pop()
        verdict += f"; whether it is better than {rival} cannot be told: {reason}"
    return (
        f"Under the protocol {protocol!r}, {name} classifies "
        f"{accuracy:.0%} of the tracks correctly{interval}{verdict}."
    )


def _list_names(names):
    """Return names as in a sentence: "a", "a and b", or "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


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
    taken: set[str] = set()
    for (model, split), history in result.histories.items():
        figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
        for quantity, ax in zip(("accuracy", "loss"), axes, strict=True):
            TrainingHistoryDisplay(history).plot(quantity=quantity, ax=ax)
        part = "the validation part" if "(" in split else "the test part"
        figure.suptitle(
            f"{model}, split {split} of shuffled segments (validation: {part})"
        )
        _save_figure(directory, f"paper-{model}-{split}", figure, taken)

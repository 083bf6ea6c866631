"""A benchmark's result as a page that a person can send, and its figures."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from skgenre._io import atomic_write
from skgenre.report.figures import draw_figures, save_figure
from skgenre.report.tables import make_tables, name_tracks

if TYPE_CHECKING:
    from skgenre._typing import StrPath
    from skgenre.audit import AuditReport
    from skgenre.benchmark import BenchmarkResult

# From the most honest on: the summary speaks of the first that was run.
_HONEST_PROTOCOLS = ("filtered", "artist", "track")


def write_report(
    result: BenchmarkResult, directory: StrPath, *, audit: AuditReport | None = None
) -> None:
    """Write ``report.html`` and the figures, as PNG and SVG, of a benchmark's result.

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
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    figures = [save_figure(directory, *figure) for figure in draw_figures(result)]
    page = _render(result, figures, audit)
    # Names of files need not be UTF-8.
    form = {"encoding": "utf-8", "errors": "backslashreplace"}
    with atomic_write(directory / "report.html", "w", **form) as file:
        file.write(page)


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
    return (
        f"Under the protocol {protocol!r}, {best['model']} classifies "
        f"{best['accuracy_mean']:.0%} of the tracks correctly"
        f"{_describe_interval(best)}{_describe_verdict(result, best)}."
    )


def _describe_interval(row):
    if math.isnan(row["accuracy_low"]):
        return ""
    low, high = row["accuracy_low"], row["accuracy_high"]
    return f" (95 % interval {low:.0%} to {high:.0%})"


def _describe_verdict(result, best):
    """What the tests say of the best model against the others."""
    compared = [
        row
        for row in result.compare()
        if row["protocol"] == best["protocol"]
        and best["model"] in (row["first"], row["second"])
    ]
    if not compared:
        return ""
    reasons = {row["reason"] for row in compared}
    if None not in reasons:
        return f"; whether it is better than others cannot be told: {reasons.pop()}"
    beaten = [
        row["second"] if row["first"] == best["model"] else row["first"]
        for row in compared
        if row["better"] == best["model"]
    ]
    if not beaten:
        return "; by the corrected test it is not shown to be better than any other"
    return f"; by the corrected test it is better than {', '.join(beaten)}"


def _render(result, figures, audit):
    import jinja2

    template = (resources.files("skgenre.report") / "page.html").read_text(
        encoding="utf-8"
    )
    setting = result.setting
    n_tracks = setting.get("n_tracks_per_genre", {})
    versions = ", ".join(f"{name} {v}" for name, v in result.versions.items() if v)
    page = jinja2.Environment(autoescape=True).from_string(template)
    return page.render(
        title=f"Music genres: {len(setting.get('models', []))} models on "
        f"{sum(n_tracks.values())} tracks of {len(n_tracks)} genres",
        summary=summarise(result),
        notes=[*result.notes(), *_list_unreadable(result), *_count_findings(audit)],
        tables=[*make_tables(result, audit)],
        figures=figures,
        command=setting.get("command") or "skgenre.run_benchmark(...)",
        versions=versions,
        fingerprint=setting.get("fingerprint", "unknown"),
    )


def _list_unreadable(result):
    if result.unreadable:
        paths = ", ".join(name_tracks([entry["path"] for entry in result.unreadable]))
        yield f"{len(result.unreadable)} files could not be read: {paths}"


def _count_findings(audit):
    if audit is not None and audit.findings:
        counts = audit.count_findings().items()
        listed = ", ".join(f"{fault} ({count})" for fault, count in counts)
        yield f"The audit of the tracks found: {listed}. The last table has them."

"""Cross-validate models on folders of audio, one sub-folder per genre; without a
folder, on music-like tracks that the package makes itself.

examples:
  skgenre benchmark --quick
  skgenre benchmark genres --models covariance,logistic --output report
  skgenre benchmark genres --artist-folders --protocols track,artist
  skgenre benchmark --tags music --protocols track,artist --output report
  skgenre benchmark --gtzan gtzan --protocols track,artist --cache-dir features
"""

import json
import logging
import os
import tempfile
import textwrap
from contextlib import contextmanager

from skgenre._io import atomic_write, counted, format_json
from skgenre.cli.arguments import (
    DEFAULT_NAMES,
    FOLDERS,
    MODEL_NAMES,
    PROTOCOL_NAMES,
    Completer,
    add_analysis,
    add_command_parser,
    add_folders,
    add_jobs,
    add_json,
    named_path,
    names,
    seeds,
    whole_number,
)
from skgenre.cli.audit import audit
from skgenre.cli.files import check_writable, load_tracks
from skgenre.cli.screen import get_width, say, show_progress

# The data that the package makes itself: enough to tell the models apart, and on two
# cores all of them are fitted within four minutes.
_MADE_DATA = {
    "n_genres": 5,
    "n_tracks_per_genre": 15,
    "n_artists_per_genre": 5,
}
_MADE_FOLDS = 3
_DEEP_NETWORKS = ("mlp", "mlp-regularized", "cnn", "lstm")
_FOLDS = 5
_QUICK_DATA = {"n_genres": 3, "n_tracks_per_genre": 6, "duration": 15.0}
_QUICK_EPOCHS = 3
_QUICK_FOLDS = 2

logger = logging.getLogger(__name__)


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "benchmark",
        _run,
        help="cross-validate models and print a table of their accuracies",
        text=__doc__,
    )
    add_folders(parser, nargs="*", more="; none: tracks that the package makes")
    add = parser.add_argument
    add(
        "--models",
        type=names,
        default=[*DEFAULT_NAMES],
        help=f"of {', '.join(MODEL_NAMES)}, separated by commas only (default: all but "
        "dummy and those on pretrained features, which need weights: pip install "
        "--no-deps musicnn==0.1.0)",
    ).completer = Completer(MODEL_NAMES)
    add(
        "--protocols",
        type=names,
        default=["track"],
        help=f"of {', '.join(PROTOCOL_NAMES)}, separated by commas only (default: "
        "track); segment splits segments, for comparison with published numbers only",
    ).completer = Completer(PROTOCOL_NAMES)
    add(
        "--folds",
        type=whole_number(2),
        help=f"number of folds (default: {_FOLDS}; {_MADE_FOLDS} of made tracks)",
    )
    add(
        "--epochs",
        type=whole_number(1),
        help="epochs of every network (default: its own, such as 50 of those of the "
        "paper and 15 of covariance)",
    )
    add(
        "--seeds",
        type=seeds,
        default=[0],
        help="comma-separated; each gives other folds and initial weights (default: 0)",
    )
    add(
        "--paper",
        action="store_true",
        help="also run the paper's own experiments (segments shuffled, single runs), "
        "and show its numbers beside ours first",
    )
    add(
        "--quick",
        action="store_true",
        help=f"{_QUICK_EPOCHS} epochs, {_QUICK_FOLDS} folds and little made data: "
        "shows that everything works, not which model is best",
    )
    add(
        "--output",
        type=named_path,
        metavar="DIR",
        help="write results.json, results.csv, figures and report.html here; a run "
        "that was stopped goes on from there",
    ).completer = FOLDERS
    add_json(parser, "all scores, as in results.json; with --paper also the paper's")
    add_jobs(parser, "fits that run at the same time, in processes", default=None)
    add_analysis(parser)


def _run(options):
    # Imported here so that --help does not wait for scikit-learn.
    from joblib import cpu_count

    from skgenre.benchmark import reproduce_paper, run_benchmark

    _check_known(options, "models", MODEL_NAMES)
    _check_known(options, "protocols", PROTOCOL_NAMES)
    if options.layout and not options.folders:
        options.usage_error("expected a DIR with --gtzan, --tags and --artist-folders")
    output, report, paper = options.output, None, None
    if output is not None:
        os.makedirs(output, exist_ok=True)
        check_writable(os.path.join(output, "results.json"))
    is_made = not options.folders
    n_jobs = options.jobs or cpu_count()
    folds = options.folds or (_MADE_FOLDS if is_made else _FOLDS)
    epochs = options.epochs
    if options.quick:
        epochs, folds = epochs or _QUICK_EPOCHS, options.folds or _QUICK_FOLDS
    with _tracks(options) as data:
        logger.info("%s", data.DESCR)
        with _ending_workers():
            result = run_benchmark(
                options.models,
                data,
                protocols=options.protocols,
                n_splits=folds,
                seeds=options.seeds,
                epochs=epochs,
                n_jobs=n_jobs,
                cache_dir=options.cache_dir,
                cache_key=options.cache_key,
                output=output,
                strict=options.strict,
                command=options.command,
                progress=show_progress,
            )
        # Not before, though shown first: the benchmark refuses a wrong request in
        # seconds.
        if options.paper:
            paper = reproduce_paper(
                data,
                epochs=epochs,
                cache_dir=options.cache_dir,
                cache_key=options.cache_key,
                strict=options.strict,
                random_state=options.seeds[0],
            )
        # Here, because made tracks are gone afterwards.
        if output is not None:
            logger.info("auditing the tracks")
            report = audit(data, n_jobs=n_jobs)
            findings = os.path.join(output, "audit.json")
            with atomic_write(findings, "w", encoding="utf-8") as file:
                file.write(report.to_json() + "\n")
    if options.json:
        content = json.loads(result.to_json())
        if paper is not None:
            content["paper"] = paper.rows
        say(format_json(content, indent=2))
    else:
        _print_tables(result, paper, is_made=is_made, is_quick=options.quick)
    if output is not None and _can_draw():
        from skgenre.report import write_paper, write_report

        if paper is not None:
            write_paper(paper, output)
        write_report(result, output, audit=report)
    return 1 if result.failed else 0


def _print_tables(result, paper, *, is_made, is_quick):
    from skgenre.audio import AudioDecodeError

    if paper is not None:
        say(paper.to_table(get_width()) + "\n")
    for entry in result.unreadable:
        # The error's text escapes what a terminal cannot show.
        say(f"left out: {AudioDecodeError([(entry['path'], entry['error'])])}")
    opening = _describe(result, is_made=is_made, is_quick=is_quick)
    say(textwrap.fill(opening, get_width(), break_on_hyphens=False) + "\n")
    say(result.to_table(get_width()))


def _check_known(options, name, known):
    for value in getattr(options, name):
        if value not in known:
            options.usage_error(
                f"argument --{name}: {value!r} is not one of {', '.join(known)}"
            )


@contextmanager
def _ending_workers():
    """End joblib's worker processes, which would wait for more work for minutes."""
    from joblib.externals.loky import get_reusable_executor

    try:
        yield
    finally:
        get_reusable_executor().shutdown(wait=True, kill_workers=True)


@contextmanager
def _tracks(options):
    """Give the tracks of the given folders, or made ones that are then deleted."""
    if options.folders:
        yield load_tracks(options.folders, layout=options.layout)
        return
    from skgenre.datasets import make_genre_tracks

    size = _QUICK_DATA if options.quick else _MADE_DATA
    with tempfile.TemporaryDirectory(prefix="skgenre-tracks-") as folder:
        logger.info("making tracks")
        yield make_genre_tracks(folder, random_state=0, **size)


def _describe(result, *, is_made, is_quick):
    """Say what was run, which model is best and, of made tracks, what networks lack."""
    from skgenre.report import summarise

    setting = result.setting
    n_tracks = setting["n_tracks_per_genre"]
    sentences = [
        f"{counted(sum(n_tracks.values()), 'track')} of "
        f"{counted(len(n_tracks), 'genre')}, {setting['n_splits']} folds."
    ]
    if is_made:
        sentences = [f"Synthetic music, not recordings: {sentences[0]}"]
    if is_quick:
        sentences.append("This shows that everything works, not which model is best.")
        return " ".join(sentences)
    sentences.append(summarise(result))
    rows = [row for row in result.summary() if row["protocol"] == "track"]
    rows.sort(key=lambda row: row["accuracy_mean"])
    deep = [row for row in rows if row["model"] in _DEEP_NETWORKS]
    if (
        is_made
        and deep
        and not result.failed
        and deep[-1]["accuracy_mean"] < rows[-1]["accuracy_mean"]
    ):
        folds = [fold for fold in result.folds if fold["model"] in _DEEP_NETWORKS]
        n_weights = [fold["n_parameters"] for fold in folds]
        known = min(row["train_accuracy_mean"] for row in deep)
        sentences.append(
            f"So few tracks do not suffice for the deep networks: with "
            f"{min(n_weights):,} to {max(n_weights):,} weights, they classify at least "
            f"{known:.0%} of the {folds[0]['n_train']} tracks in training correctly, "
            f"but only {deep[0]['accuracy_mean']:.0%} to "
            f"{deep[-1]['accuracy_mean']:.0%} of new ones."
        )
    return " ".join(sentences)


def _can_draw():
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError:
        logger.info(
            "no figures and no report.html: they need pip install 'skgenre[report]'"
        )
        return False
    return True

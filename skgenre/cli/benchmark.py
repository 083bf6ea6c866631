"""``skgenre benchmark``: models compared on the same folds of the same tracks."""

import logging
import os
import tempfile
from contextlib import contextmanager

from skgenre.cli.arguments import (
    MODEL_NAMES,
    add_command_parser,
    add_debug,
    add_jobs,
    at_least,
    names,
    seeds,
)
from skgenre.cli.audit import audit, write_report
from skgenre.cli.output_file import check_writable, naming
from skgenre.cli.screen import say, show_progress
from skgenre.cli.tracks import load_tracks

_DEFAULT_MODELS = MODEL_NAMES[:-1]

# The data that the package makes itself: enough to tell the models apart in minutes.
_MADE_DATA = {"n_genres": 5, "n_tracks_per_genre": 15, "n_artists_per_genre": 5}
_QUICK_DATA = {"n_genres": 3, "n_tracks_per_genre": 6, "duration": 15.0}
_QUICK_EPOCHS = 3
_QUICK_FOLDS = 2

_EXAMPLES = """\
  skgenre benchmark --quick
  skgenre benchmark --data genres --models covariance,logistic --output report
  skgenre benchmark --gtzan gtzan --protocols segment,track,artist --cache-dir features
"""

logger = logging.getLogger(__name__)


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "benchmark",
        _run,
        help="cross-validate models and print a table of their accuracies",
        description="Cross-validate models on folders of audio, one sub-folder per "
        "genre; without --data, on music-like tracks that the package makes itself.",
        examples=_EXAMPLES,
    )
    _add_data(parser)
    _add_choices(parser)
    _add_workings(parser)
    add_debug(parser)


def _add_data(parser):
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--data", nargs="+", metavar="DIR", help="folders of genre folders"
    )
    data.add_argument(
        "--gtzan",
        nargs="+",
        metavar="DIR",
        help="folders with tracks of GTZAN, whose artists and faults are known",
    )


def _add_choices(parser):
    """What is compared, and how long it takes."""
    add = parser.add_argument
    add(
        "--models",
        type=names,
        default=list(_DEFAULT_MODELS),
        help=f"comma-separated, of {','.join(MODEL_NAMES)} (default: all but dummy)",
    )
    add(
        "--protocols",
        type=names,
        default=["track"],
        help="comma-separated, of segment,track,artist,filtered (default: track); "
        "segment splits segments, for comparison with published numbers only",
    )
    add("--folds", type=at_least(2), help="number of folds (default: 5)")
    add(
        "--epochs",
        type=at_least(1),
        help="epochs of every network (default: its own: 50 as in the paper, 10 of "
        "covariance)",
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


def _add_workings(parser):
    """How the work is done, and where its results go."""
    add = parser.add_argument
    add_jobs(parser, "folds fitted at the same time, in processes")
    add("--cache-dir", metavar="DIR", help="keep the features of each file here")
    add(
        "--output",
        metavar="DIR",
        help="write results.json, results.csv, figures and report.html here; a run "
        "that was stopped goes on from there",
    )
    add(
        "--strict",
        action="store_true",
        help="stop at files that cannot be analysed, instead of leaving them out",
    )


def _run(options):
    # Imported here so that --help does not wait for scikit-learn.
    from skgenre.audio import AudioDecodeError
    from skgenre.benchmark import run_benchmark
    from skgenre.model_selection import PROTOCOLS

    _check_known(options, "models", MODEL_NAMES)
    _check_known(options, "protocols", PROTOCOLS)
    if options.output is not None:
        with naming(options.output):
            os.makedirs(options.output, exist_ok=True)
        check_writable(os.path.join(options.output, "results.json"))
    epochs, folds = (_QUICK_EPOCHS, _QUICK_FOLDS) if options.quick else (None, 5)
    with _tracks(options) as data:
        logger.info("%s", data.DESCR)
        result = run_benchmark(
            options.models,
            data,
            protocols=options.protocols,
            n_splits=options.folds or folds,
            seeds=options.seeds,
            epochs=options.epochs or epochs,
            n_jobs=options.jobs,
            cache_dir=options.cache_dir,
            output=options.output,
            strict=options.strict,
            command=options.command,
            progress=show_progress,
        )
        # Not before, though shown first: what is wrong with the request, the benchmark
        # finds within seconds.
        if options.paper:
            _reproduce_paper(options, data)
        # Before made tracks are gone.
        report = None if options.output is None else _audit(data, options)
    for entry in result.unreadable:
        # The error's text escapes what a terminal cannot show.
        say(f"left out: {AudioDecodeError([(entry['path'], entry['reason'])])}")
    say(result.to_table())
    if options.output is not None:
        _write_report(result, options.output, report)
    return 1 if result.failed else 0


def _audit(data, options):
    """Look for faults among the tracks, and keep the findings beside the results."""
    logger.info("auditing the tracks")
    report = audit(data, options.jobs)
    write_report(report, os.path.join(options.output, "audit.json"))
    return report


def _reproduce_paper(options, data):
    from skgenre.benchmark import reproduce_paper

    result = reproduce_paper(
        data,
        epochs=options.epochs or (_QUICK_EPOCHS if options.quick else None),
        cache_dir=options.cache_dir,
        strict=options.strict,
        random_state=options.seeds[0],
    )
    say(result.to_table() + "\n")
    if options.output is not None and _can_draw():
        from skgenre.report import write_paper

        write_paper(result, options.output)


def _write_report(result, directory, audit):
    if _can_draw():
        from skgenre.report import write_report

        write_report(result, directory, audit=audit)


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


def _check_known(options, name, known):
    for value in getattr(options, name):
        if value not in known:
            options.usage_error(
                f"argument --{name}: {value!r} is not one of {', '.join(known)}"
            )


@contextmanager
def _tracks(options):
    """Tracks of the given folders, or made ones that are gone afterwards."""
    folders = options.data or options.gtzan
    if folders is not None:
        yield load_tracks(folders, gtzan=options.gtzan is not None)
        return
    from skgenre.datasets import make_genre_tracks

    size = _QUICK_DATA if options.quick else _MADE_DATA
    with tempfile.TemporaryDirectory(prefix="skgenre-tracks-") as folder:
        logger.info("making tracks")
        yield make_genre_tracks(folder, random_state=0, **size)

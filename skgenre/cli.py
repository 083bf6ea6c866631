"""The command line: ``skgenre`` and ``python -m skgenre``."""

import argparse
import logging
import os
import shlex
import sys
import tempfile
import warnings
from contextlib import contextmanager

# Names, not the registry itself: its import would make --help wait for scikit-learn.
DEFAULT_MODELS = ("mlp", "mlp-regularized", "cnn", "lstm", "covariance")
DEFAULT_MODELS += ("logistic", "logistic-voting", "lda", "svm", "forest", "knn")

# The data that the package makes itself: enough to tell the models apart in minutes.
_MADE_DATA = {"n_genres": 5, "n_tracks_per_genre": 15, "n_artists_per_genre": 5}
_QUICK_DATA = {"n_genres": 3, "n_tracks_per_genre": 6, "duration": 15.0}
_QUICK_EPOCHS = 3
_QUICK_FOLDS = 2


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str or None, default=None
        Words of the command line; None takes the process's own.

    Returns
    -------
    exit_code : int
        0: done; 1: the work failed; 2: the command is wrong; 130: interrupted.
    """
    # TensorFlow reads it once, when it is imported; its start-up notices are no errors.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = _make_parser().parse_args(arguments)
    options.command = shlex.join(["skgenre", *arguments])
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("skgenre").setLevel(logging.INFO)
    # Its notices of retracing tell a user of the command line nothing.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    warnings.showwarning = _show_warning
    try:
        return options.run(options) or 0
    except (ValueError, TypeError, OSError) as error:
        if options.debug:
            raise
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        print(f"skgenre: error: {error}{notes}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("skgenre: interrupted", file=sys.stderr)
        return 130


def _show_warning(message, *_):
    print(f"skgenre: warning: {message}", file=sys.stderr)


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="skgenre", description="Music genre classification from audio files."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_benchmark(commands)
    _add_audit(commands)
    return parser


def _add_benchmark(commands):
    parser = commands.add_parser(
        "benchmark",
        help="cross-validate models and print a table of their accuracies",
        description="Cross-validate models on folders of audio, one sub-folder per "
        "genre; without --data, on music-like tracks that the package makes itself.",
    )
    add = parser.add_argument
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
    add(
        "--models",
        type=_names,
        default=list(DEFAULT_MODELS),
        help=f"comma-separated, of {','.join(DEFAULT_MODELS)},dummy (default: all but "
        "dummy)",
    )
    add(
        "--protocols",
        type=_names,
        default=["track"],
        help="comma-separated, of paper,track,artist,filtered (default: track); paper "
        "splits segments, for comparison with published numbers only",
    )
    add("--folds", type=_at_least(2), help="number of folds (default: 5)")
    add(
        "--epochs",
        type=_at_least(1),
        help="epochs of the networks (default: 50, as in the paper)",
    )
    add(
        "--seeds",
        type=_seeds,
        default=[0],
        help="comma-separated; each gives other folds and initial weights (default: 0)",
    )
    add(
        "--jobs",
        type=_at_least(1),
        default=1,
        help="folds fitted at the same time, in processes (default: 1)",
    )
    add(
        "--paper",
        action="store_true",
        help="first the paper's own experiments (segments shuffled, single runs), its "
        "numbers beside ours",
    )
    add("--cache-dir", metavar="DIR", help="keep the features of each file here")
    add(
        "--output",
        metavar="DIR",
        help="write results.json, results.csv, figures and report.html here; a run "
        "that was stopped goes on from there",
    )
    add(
        "--quick",
        action="store_true",
        help=f"{_QUICK_EPOCHS} epochs, {_QUICK_FOLDS} folds and little made data: "
        "shows that everything works, not which model is best",
    )
    add(
        "--strict",
        action="store_true",
        help="stop at files that cannot be analysed, instead of leaving them out",
    )
    add("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(run=_run_benchmark, usage_error=parser.error)


def _add_audit(commands):
    parser = commands.add_parser(
        "audit",
        help="look for faults and replicas among audio files",
        description="Look for unreadable, silent, clipped or short files, odd rates, "
        "the same recording twice (also re-encoded, cut or at another gain), genres of "
        "a single artist. Exit code 1: there are findings.",
    )
    add = parser.add_argument
    add("folders", nargs="+", metavar="DIR", help="folders of genre folders")
    add(
        "--gtzan", action="store_true", help="the tracks are GTZAN's: artists are known"
    )
    add("--json", metavar="FILE", help="write the report here, too")
    add(
        "--jobs",
        type=_at_least(1),
        default=1,
        help="files analysed at the same time, in threads (default: 1)",
    )
    add("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(run=_run_audit, usage_error=parser.error)


def _run_audit(options):
    from skgenre.audit import audit_tracks
    from skgenre.datasets import fetch_gtzan, join_tracks, load_genre_folder

    if options.gtzan:
        data = fetch_gtzan(data_home=options.folders, download_if_missing=False)
    else:
        data = join_tracks([load_genre_folder(folder) for folder in options.folders])
    report = audit_tracks(data.paths, data.target, data.groups, n_jobs=options.jobs)
    print(report)
    if options.json is not None:
        _write_json(report, options.json)
    return report.exit_code


def _run_benchmark(options):
    # Imported here so that --help does not wait for scikit-learn.
    from skgenre.audio import AudioDecodeError
    from skgenre.benchmark import run_benchmark
    from skgenre.model_selection import PROTOCOLS
    from skgenre.models import MODEL_NAMES, NETWORK_NAMES

    _check_known(options, "models", MODEL_NAMES)
    _check_known(options, "protocols", PROTOCOLS)
    epochs, folds = (_QUICK_EPOCHS, _QUICK_FOLDS) if options.quick else (50, 5)
    if options.paper or set(options.models) & set(NETWORK_NAMES):
        _start_tensorflow_quietly()
    with _tracks(options) as data:
        logging.getLogger(__name__).info("%s", data.DESCR)
        if options.paper:
            _reproduce_paper(options, data)
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
        )
        # Before made tracks are gone.
        audit = None if options.output is None else _audit(data, options)
    for entry in result.unreadable:
        # The error's text escapes what a terminal cannot show.
        print(f"left out: {AudioDecodeError([(entry['path'], entry['reason'])])}")
    print(result.to_table())
    if options.output is not None:
        _write_report(result, options.output, audit)
    return 1 if result.failed else 0


def _audit(data, options):
    """Look for faults among the tracks, and keep the findings beside the results."""
    from skgenre.audit import audit_tracks

    logging.getLogger(__name__).info("auditing the tracks")
    groups = getattr(data, "groups", None)
    audit = audit_tracks(data.paths, data.target, groups, n_jobs=options.jobs)
    _write_json(audit, os.path.join(options.output, "audit.json"))
    return audit


def _write_json(audit, path):
    from skgenre._files import atomic_write

    with atomic_write(path, "w", encoding="utf-8") as file:
        file.write(audit.to_json() + "\n")


def _reproduce_paper(options, data):
    from skgenre.benchmark import reproduce_paper

    result = reproduce_paper(
        data,
        epochs=options.epochs or (_QUICK_EPOCHS if options.quick else None),
        cache_dir=options.cache_dir,
        random_state=options.seeds[0],
    )
    print(result.to_table() + "\n")
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
        import matplotlib
    except ImportError:
        logging.getLogger(__name__).info(
            "no figures and no report.html: they need pip install 'skgenre[report]'"
        )
        return False
    matplotlib.use("agg")
    return True


def _start_tensorflow_quietly():
    # Its notices go to file descriptor 2 before it has read any setting.
    stderr = os.dup(2)
    with open(os.devnull, "w") as devnull:
        os.dup2(devnull.fileno(), 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _check_known(options, name, known):
    for value in getattr(options, name):
        if value not in known:
            options.usage_error(
                f"argument --{name}: {value!r} is not one of {', '.join(known)}"
            )


@contextmanager
def _tracks(options):
    """Tracks of the given folders, or made ones that are gone afterwards."""
    from skgenre.datasets import (
        fetch_gtzan,
        join_tracks,
        load_genre_folder,
        make_genre_tracks,
    )

    if options.gtzan is not None:
        yield fetch_gtzan(data_home=options.gtzan, download_if_missing=False)
        return
    if options.data is not None:
        yield join_tracks([load_genre_folder(folder) for folder in options.data])
        return
    size = _QUICK_DATA if options.quick else _MADE_DATA
    with tempfile.TemporaryDirectory(prefix="skgenre-tracks-") as folder:
        logging.getLogger(__name__).info("making tracks")
        yield make_genre_tracks(folder, random_state=0, **size)


def _names(text):
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"expected distinct names, got {text!r}")
    return names


def _seeds(text):
    try:
        seeds = [int(seed) for seed in text.split(",")]
    except ValueError:
        seeds = [-1]
    if min(seeds) < 0 or max(seeds) > 2**32 - 1 or len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(
            f"expected distinct whole numbers from 0 to 2**32 - 1, got {text!r}"
        )
    return seeds


def _at_least(minimum):
    def parse(text):
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if value < minimum:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {minimum}, got {text!r}"
            )
        return value

    return parse

"""``skgenre predict``: genres of audio files, each as soon as it is known."""

import os

from skgenre.cli.answers import CSVAnswers, JSONAnswers, TableAnswers
from skgenre.cli.arguments import add_command_parser, add_debug
from skgenre.cli.screen import is_output_terminal, show_progress

_EXAMPLES = """\
  skgenre predict model.skops new/*.mp3
  skgenre predict model.skops song.flac --segments
  skgenre predict model.skops new/*.mp3 --json > genres.json
  skgenre predict model.skops new/*.mp3 --csv | cut -d, -f1,2
"""


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "predict",
        _run,
        help="predict the genres of audio files",
        description="Predict the genre of each file, with a model that `skgenre train` "
        "or skgenre.save_model has written. All segments of a recording are taken, "
        "however long it is. A file that cannot be analysed gets a row that says why, "
        "and the exit code is then 1.",
        examples=_EXAMPLES,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="file of a trained model")
    add("files", nargs="+", metavar="FILE", help="audio files: wav, au, flac, ogg, mp3")
    add(
        "--segments",
        action="store_true",
        help="a row per segment, with its start and end in seconds and the probability "
        "of each genre",
    )
    form = parser.add_mutually_exclusive_group()
    form.set_defaults(form=TableAnswers)
    for option, form_class, what in [
        ("--json", JSONAnswers, "a JSON array, one object per row"),
        ("--csv", CSVAnswers, "comma-separated values"),
    ]:
        form.add_argument(
            option,
            dest="form",
            action="store_const",
            const=form_class,
            help=f"write {what} (default: a table to read)",
        )
    add(
        "--trusted",
        action="append",
        default=[],
        metavar="NAME",
        help="full name of a type or function of your own that the model may use, such "
        "as mypackage.networks.build_gru; may be repeated. It is imported and run; "
        "`skgenre info` lists those that a model needs",
    )
    add_debug(parser)


def _run(options):
    from skgenre import load_model

    model = load_model(options.model, trusted=options.trusted)
    answers = options.form(
        options.files, list(map(str, model.classes_)), segments=options.segments
    )
    # Only what can tell probabilities shows any.
    is_certain = not hasattr(model, "predict_proba")
    n_failed = 0
    answers.begin()
    for path in _show_progress(options.files):
        timeline, reason = _predict(model, path)
        if timeline is None:
            n_failed += 1
            answers.add_failure(path, reason)
        else:
            answers.add(timeline, is_certain=is_certain)
    answers.end()
    return int(n_failed > 0)


def _show_progress(files):
    # Rows on the screen are progress enough.
    if is_output_terminal():
        return files
    return show_progress(files, total=len(files), what="predicting")


def _predict(model, path):
    """The timeline of one file, or None and why there is none."""
    from skgenre import AudioDecodeError, predict_timeline

    reason = _refuse(path)
    if reason is not None:
        return None, reason
    try:
        return predict_timeline(model, path), None
    except AudioDecodeError as error:
        return None, error.reasons[0]


def _refuse(path):
    """Why something is no path, though it may be meant as one."""
    if os.path.exists(path):
        return None
    if path == "-":
        return "standard input is not read, expected the path of an audio file"
    if "://" in path:
        return "URLs are not fetched, expected the path of an audio file"
    return None

"""Train a model on folders of audio, one sub-folder per genre, and write it to a file
for `skgenre predict` and skgenre.load_model. Files that cannot be analysed are left
out, each with a line that says why, and the exit code is then 1.

examples:
  skgenre train genres --model cnn --set epochs=30 -o model.skops
  skgenre train genres --model svm --set C=10 --cv 5 -o model.skops
  skgenre train --tags music --cv 5 -o model.skops
  skgenre train --gtzan gtzan --model covariance --cv 3 -o model.skops
"""

import argparse
import ast
import json
import logging

from skgenre._io import format_json, printable
from skgenre.cli.arguments import (
    MODEL_FILES,
    MODEL_NAMES,
    add_analysis,
    add_command_parser,
    add_folders,
    add_jobs,
    add_json,
    named_path,
    seed,
    whole_number,
)
from skgenre.cli.files import check_writable, extract_tracks, load_tracks
from skgenre.cli.screen import say

logger = logging.getLogger(__name__)


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "train",
        _run,
        help="train a model on labelled tracks, and write it to a file",
        text=__doc__,
    )
    add_folders(parser)
    add = parser.add_argument
    add(
        "-o",
        "--output",
        type=named_path,
        metavar="FILE",
        required=True,
        help="file to write, such as model.skops; one that exists is replaced",
    ).completer = MODEL_FILES
    add(
        "--model",
        choices=MODEL_NAMES,
        default="logistic-segments",
        metavar="NAME",
        help=f"one of {', '.join(MODEL_NAMES)} (default: logistic-segments)",
    )
    add(
        "--set",
        dest="parameters",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the model, as skgenre.make_model takes them; the "
        "value in Python or JSON; may be repeated. A wrong name lists the right ones",
    )
    add(
        "--cv",
        type=whole_number(2),
        metavar="N",
        help="first cross-validate with N folds, of whole artists where artists are "
        "known, otherwise of whole tracks, and keep the accuracy in the file",
    )
    add(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="decides folds and initial weights (default: 0)",
    )
    add_json(parser, "the output, the number of tracks, the scores, and files left out")
    add_jobs(
        parser,
        "files analysed, in threads, and folds fitted, in processes, at the same time",
    )
    add_analysis(parser)


def _parameter(text):
    name, _, value = (part.strip() for part in text.partition("="))
    if not name or not value:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    for parse in (ast.literal_eval, json.loads):
        try:
            return name, parse(value)
        except (ValueError, SyntaxError):
            continue
    # A bare word is a string, as in a shell.
    return name, value


def _run(options):
    check_writable(options.output)
    model = _make_model(options)
    data = load_tracks(options.folders, layout=options.layout)
    # Tracks that nothing can be trained on are refused before they are analysed.
    if len(data.target_names) < 2:
        raise ValueError(
            "training needs tracks of at least two genres, got only "
            f"{data.target_names.tolist()}."
        )
    if options.cv is not None:
        _make_splitter(data, options)
    kept, features, unreadable = extract_tracks(
        model[0],
        data,
        n_jobs=options.jobs,
        strict=options.strict,
        cache_dir=options.cache_dir,
        cache_key=options.cache_key,
    )
    scores = _fit(model, features, kept, options)
    from skgenre import save_model

    save_model(model, options.output, data=kept, scores=scores)
    if options.json:
        content = {"output": options.output, "n_tracks": len(features)}
        content |= {"scores": scores, "unreadable": unreadable}
        say(format_json(content, indent=2))
    else:
        shown = [
            f"{name.replace('_', ' ')} {score:.3g}" for name, score in scores.items()
        ]
        say(f"{printable(options.output)}: {', '.join(shown)}")
    return int(bool(unreadable))


def _make_model(options):
    from skgenre.model_check import check_model
    from skgenre.models import make_model

    parameters = {
        name: options.seed
        for name in make_model(options.model).get_params()
        if name.endswith("__random_state")
    }
    given = dict(options.parameters)
    if len(given) < len(options.parameters):
        options.usage_error("argument --set: a parameter is set more than once")
    try:
        model = make_model(options.model, **(parameters | given))
        check_model(model)
    except (TypeError, ValueError) as error:
        options.usage_error(f"argument --set: {error}")
    return model


def _name_protocol(data):
    from skgenre._validation import is_known_group

    return "artist" if any(map(is_known_group, data.groups)) else "track"


def _make_splitter(data, options):
    from skgenre.model_selection import make_splitter

    return make_splitter(
        _name_protocol(data),
        data.target,
        groups=data.groups,
        n_splits=options.cv,
        random_state=options.seed,
    )


def _fit(model, features, data, options):
    """Cross-validate, then fit, what follows the extractor; return the scores."""
    from sklearn.model_selection import cross_val_score

    from skgenre._fitting import name_groups
    from skgenre._products import one_blas_thread

    classifier = model[1:]
    groups = name_groups(model, data.groups)
    scores = {}
    with one_blas_thread():
        if options.cv is not None:
            protocol = _name_protocol(data)
            logger.info("cross-validating: %d folds by %s", options.cv, protocol)
            folds = cross_val_score(
                classifier,
                features,
                data.target,
                # Folds of whole tracks need none, and scikit-learn would warn.
                groups=data.groups if protocol == "artist" else None,
                cv=_make_splitter(data, options),
                n_jobs=options.jobs,
                params=groups,
                error_score="raise",
            )
            scores[f"cv_accuracy_by_{protocol}"] = float(folds.mean())
            scores[f"cv_accuracy_by_{protocol}_std"] = float(folds.std())
            scores["cv_folds"] = len(folds)
        logger.info(
            "training %s on %d tracks of %d genres",
            options.model,
            len(features),
            len(set(data.target.tolist())),
        )
        classifier.fit(features, data.target, **groups)
        scores["training_accuracy"] = float(classifier.score(features, data.target))
    return scores

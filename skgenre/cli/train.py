"""``skgenre train``: a model from labelled tracks, in a file."""

import argparse
import ast
import json
import logging

from skgenre.cli.arguments import (
    MODEL_NAMES,
    add_analysis,
    add_command_parser,
    add_debug,
    add_folders,
    at_least,
    seed,
)
from skgenre.cli.output_file import check_writable
from skgenre.cli.screen import printable, say
from skgenre.cli.tracks import extract_tracks, load_tracks

_EXAMPLES = """\
  skgenre train genres --model cnn -o model.skops
  skgenre train genres --model cnn --set epochs=30 --set n_mfcc=20 -o model.skops
  skgenre train genres --model svm --set C=10 --cv 5 -o model.skops
  skgenre train --gtzan gtzan --model covariance -o model.skops --cache-dir features
"""

logger = logging.getLogger(__name__)


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "train",
        _run,
        help="train a model on labelled tracks, and write it to a file",
        description="Train a model on folders of audio, one sub-folder per genre, and "
        "write it to a file for `skgenre predict` and skgenre.load_model. Files "
        "that cannot be analysed are left out, each with a line that says why, and the "
        "exit code is then 1.",
        examples=_EXAMPLES,
    )
    add_folders(parser)
    _add_output(parser)
    _add_model(parser)
    jobs = (
        "files analysed, in threads, and folds fitted, in processes, at the same time"
    )
    add_analysis(parser, jobs=jobs)
    add_debug(parser)


def _add_output(parser):
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="file to write, such as model.skops; one that exists is replaced",
    )


def _add_model(parser):
    """What is trained, and how it is measured."""
    add = parser.add_argument
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
        type=at_least(2),
        metavar="N",
        help="first cross-validate with N folds of whole tracks (of GTZAN: of whole "
        "artists), and keep the accuracy in the file",
    )
    add(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="decides folds and initial weights (default: 0)",
    )


def _parameter(text):
    name, separator, value = text.partition("=")
    if not separator or not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name.strip(), _parse_value(value.strip())


def _parse_value(text):
    """A literal of Python or JSON; a bare word is a string, as a shell has it."""
    for parse in (ast.literal_eval, json.loads):
        try:
            return parse(text)
        except (ValueError, SyntaxError):
            continue
    return text


def _run(options):
    check_writable(options.output)
    model = _make_model(options)
    data = load_tracks(options.folders, gtzan=options.gtzan)
    _check_tracks(data, options)
    kept, features = _extract(model, data, options)
    from skgenre import save_model
    from skgenre._products import one_blas_thread

    scores = {}
    with one_blas_thread():
        if options.cv is not None:
            scores.update(_cross_validate(model, features, kept, options))
        scores.update(_fit(model, features, kept, options.model))
    save_model(model, options.output, data=kept, scores=scores)
    say(_describe(scores, options.output))
    return int(len(kept.paths) < len(data.paths))


def _make_model(options):
    from skgenre.model_check import check_model
    from skgenre.models import make_model

    seeded = make_model(options.model).get_params()
    parameters = {
        name: options.seed for name in seeded if name.endswith("__random_state")
    }
    given = dict(options.parameters)
    if len(given) < len(options.parameters):
        options.usage_error("argument --set: a parameter is set more than once")
    try:
        model = make_model(options.model, **{**parameters, **given})
        check_model(model)
    except (TypeError, ValueError) as error:
        options.usage_error(f"argument --set: {error}")
    return model


def _check_tracks(data, options):
    """Refuse tracks that nothing can be trained on, before they are analysed."""
    if len(data.target_names) < 2:
        raise ValueError(
            "training needs tracks of at least two genres, got only "
            f"{data.target_names.tolist()}."
        )
    if options.cv is not None:
        _make_splitter(data, options)


def _extract(model, data, options):
    from sklearn.base import clone

    extractor = clone(model[0])
    if options.cache_dir is not None:
        extractor.set_params(cache_dir=options.cache_dir)
    return extract_tracks(extractor, data, n_jobs=options.jobs, strict=options.strict)


def _name_protocol(options):
    return "artist" if options.gtzan else "track"


def _make_splitter(data, options):
    from skgenre.model_selection import make_splitter

    return make_splitter(
        _name_protocol(options),
        data.target,
        groups=data.groups,
        n_splits=options.cv,
        random_state=options.seed,
    )


def _cross_validate(model, features, data, options):
    import numpy as np
    from sklearn.model_selection import cross_val_score

    from skgenre._fitting import name_groups

    protocol = _name_protocol(options)
    logger.info("cross-validating: %d folds by %s", options.cv, protocol)
    scores = cross_val_score(
        model[1:],
        features,
        data.target,
        # Else scikit-learn would warn that whole tracks need none.
        groups=data.groups if protocol == "artist" else None,
        cv=_make_splitter(data, options),
        n_jobs=options.jobs,
        params=name_groups(model, data.groups),
        error_score="raise",
    )
    return {
        f"cv_accuracy_by_{protocol}": float(np.mean(scores)),
        f"cv_accuracy_by_{protocol}_std": float(np.std(scores)),
        "cv_folds": len(scores),
    }


def _fit(model, features, data, name):
    from skgenre._fitting import name_groups

    n_genres = len(set(data.target.tolist()))
    logger.info("training %s on %d tracks of %d genres", name, len(features), n_genres)
    # The extractor learns nothing, and has done its work: only what follows is fitted.
    classifier = model[1:]
    classifier.fit(features, data.target, **name_groups(model, data.groups))
    return {"training_accuracy": float(classifier.score(features, data.target))}


def _describe(scores, file):
    shown = [f"{name.replace('_', ' ')} {value:.3g}" for name, value in scores.items()]
    return f"{printable(file)}: {', '.join(shown)}"

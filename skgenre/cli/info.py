"""Show a model file's genres, the parameters of its features, its scores, a digest
of the tracks that it was trained on and the versions that wrote it. The model is
not loaded. Without MODEL: the versions installed here, for a bug report.

examples:
  skgenre info
  skgenre info model.skops
  skgenre info model.skops --json
"""

import platform
import textwrap

from skgenre._io import find_versions, format_json, printable
from skgenre.cli.arguments import (
    MODEL_FILES,
    add_command_parser,
    add_json,
    named_path,
)
from skgenre.cli.screen import get_width, is_output_terminal, say


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands, "info", _run, help="show what a model file says", text=__doc__
    )
    parser.add_argument(
        "model",
        nargs="?",
        type=named_path,
        metavar="MODEL",
        help="file of a trained model",
    ).completer = MODEL_FILES
    add_json(parser, "all that the file says")


def _run(options):
    if options.model is None:
        from skgenre.benchmark.result import PACKAGES

        versions = {"python": platform.python_version(), **find_versions(PACKAGES)}
        info = {**versions, "platform": platform.platform()}
    else:
        from skgenre import read_model_info

        info = read_model_info(options.model)
    try:
        say(format_json(info, indent=2) if options.json else _format(info))
    except RecursionError as error:
        raise ValueError(
            f"{options.model}: its description is nested too deeply to be shown"
        ) from error


def _format(info):
    """Return a line for each value of the file, more for those of several."""
    width = max(map(len, info))
    values = []
    for name, value in info.items():
        lines = [printable(line) for line in _describe(value).split("\n")]
        if is_output_terminal():
            room = max(20, get_width() - width - 2)
            lines = [part for line in lines for part in textwrap.wrap(line, room)]
        values.append(f"{name:{width}}  " + ("\n" + " " * (width + 2)).join(lines))
    return "\n".join(values)


def _describe(value):
    """Return lines of text for a value of the file."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_describe(item)}" for key, item in value.items())
    if isinstance(value, list):
        is_table = any(isinstance(item, dict) for item in value)
        return ("\n" if is_table else ", ").join(map(_describe, value)) or "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value is None else str(value)

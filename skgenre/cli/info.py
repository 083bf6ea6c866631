"""Show a model file's genres, the parameters of its features, its scores, a digest
of the tracks that it was trained on and the versions that wrote it. The model is
not loaded.

examples:
  skgenre info model.skops
  skgenre info model.skops --json
"""

import json

from skgenre._io import printable
from skgenre.cli.arguments import add_command_parser
from skgenre.cli.screen import say


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands, "info", _run, help="show what a model file says", text=__doc__
    )
    parser.add_argument("model", metavar="MODEL", help="file of a trained model")
    parser.add_argument("--json", action="store_true", help="write JSON")


def _run(options):
    from skgenre import read_model_info

    info = read_model_info(options.model)
    if options.json:
        say(json.dumps(info, indent=2))
        return
    width = max(map(len, info))
    for name, value in info.items():
        lines = [printable(line) for line in _describe(value).split("\n")]
        say(f"{name:{width}}  " + ("\n" + " " * (width + 2)).join(lines))


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

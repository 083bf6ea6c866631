"""``skgenre info``: what a model file says of itself."""

import json

from skgenre._io import printable
from skgenre.cli.arguments import add_command_parser, add_debug
from skgenre.cli.screen import say

_EXAMPLES = """\
  skgenre info model.skops
  skgenre info model.skops --json
"""


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "info",
        _run,
        help="show what a model file says of itself",
        description="Show a model file's genres, the parameters of its features, its "
        "scores, a fingerprint of the tracks that it was trained on and the versions "
        "that wrote it. The model is not loaded.",
        examples=_EXAMPLES,
    )
    parser.add_argument("model", metavar="MODEL", help="file of a trained model")
    parser.add_argument("--json", action="store_true", help="write JSON")
    add_debug(parser)


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
    """Lines of text for what a file says."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_describe_one(item)}" for key, item in value.items())
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            return "\n".join(map(_describe, value))
        return ", ".join(map(str, value)) or "-"
    return _describe_one(value)


def _describe_one(value):
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value is None else str(value)

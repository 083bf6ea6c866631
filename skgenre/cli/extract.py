"""``skgenre extract``: the features of tracks, in a file."""

import argparse

from skgenre._io import printable
from skgenre.cli.arguments import (
    add_analysis,
    add_command_parser,
    add_debug,
    add_folders,
    at_least,
)
from skgenre.cli.output_file import check_writable, naming
from skgenre.cli.screen import say
from skgenre.cli.tracks import extract_tracks, load_tracks

_EXTENSIONS = (".json", ".npz")

# Of each option: the extractor's parameter, what it is, and its default there.
_COUNTS = {
    "sample_rate": ("rate at which tracks are analysed, in hertz", 22050),
    "n_mfcc": ("number of coefficients", 13),
    "n_fft": ("length of the analysis window, in samples", 2048),
    "hop_length": ("distance between frames, in samples", 512),
    "n_mels": ("number of mel bands", 128),
}
_NUMBERS = {
    "fmin": ("lowest frequency, in hertz", 0.0),
    "fmax": ("highest frequency, in hertz", None),
    "segment_duration": ("length of a segment, in seconds", 3.0),
}

_EXAMPLES = """\
  skgenre extract genres -o features.npz
  skgenre extract genres -o features.json --n-mfcc 20 --segment-duration 9 --segments 3
  skgenre extract --gtzan gtzan -o features.npz --jobs 2
"""


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "extract",
        _run,
        help="write the MFCCs of tracks to a file",
        description="Write the MFCCs of every track to a file: .npz keeps all "
        "(skgenre.load_mfcc_npz reads it), .json is what the widely used tutorial code "
        "writes. Files that cannot be analysed are left out, each with a line that "
        "says why, and the exit code is then 1.",
        examples=_EXAMPLES,
    )
    add_folders(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=_features_file,
        required=True,
        help="file to write, .npz or .json; one that exists is replaced",
    )
    _add_parameters(parser.add_argument_group("features"))
    add_analysis(parser)
    add_debug(parser)


def _add_parameters(group):
    for kinds, kind, metavar in [(_COUNTS, at_least(1), "N"), (_NUMBERS, float, "X")]:
        for name, (what, default) in kinds.items():
            shown = "half the sample rate" if default is None else f"{default:g}"
            group.add_argument(
                f"--{name.replace('_', '-')}",
                type=kind,
                default=default,
                metavar=metavar,
                help=f"{what} (default: {shown})",
            )
    group.add_argument(
        "--segments",
        dest="n_segments",
        type=_segments,
        default=10,
        metavar="N",
        help="segments taken of each track, from its start; 'all' takes all that it "
        "has (default: 10)",
    )


def _features_file(text):
    if not text.lower().endswith(_EXTENSIONS):
        raise argparse.ArgumentTypeError(
            f"expected a file named *{' or *'.join(_EXTENSIONS)}, got {text!r}"
        )
    return text


def _segments(text):
    return None if text == "all" else at_least(1)(text)


def _run(options):
    check_writable(options.output)
    from skgenre.features import MFCCExtractor

    names = (*_COUNTS, *_NUMBERS, "n_segments")
    parameters = {name: getattr(options, name) for name in names}
    extractor = MFCCExtractor(**parameters, cache_dir=options.cache_dir)
    data = load_tracks(options.folders, gtzan=options.gtzan)
    # Refuses what is out of range, before a file is read.
    extractor.fit(data.paths)
    kept, features = extract_tracks(
        extractor, data, n_jobs=options.jobs, strict=options.strict
    )
    with naming(options.output):
        _save(options.output, features, kept, parameters)
    say(f"{printable(options.output)}: {len(features)} tracks")
    return int(len(kept.paths) < len(data.paths))


def _save(file, features, data, parameters):
    from skgenre.datasets import save_mfcc_json, save_mfcc_npz

    if file.lower().endswith(".json"):
        save_mfcc_json(file, features, data.target)
    else:
        save_mfcc_npz(
            file,
            features,
            data.target,
            paths=data.paths,
            groups=data.groups,
            parameters=parameters,
        )

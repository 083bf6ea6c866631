"""Write the MFCCs of every track to a file: .npz keeps all (skgenre.load_mfcc_npz
reads it), .json is what the widely used tutorial code writes. Files that cannot be
analysed are left out, each with a line that says why, and the exit code is then 1.

examples:
  skgenre extract genres -o features.npz
  skgenre extract genres -o features.json --n-mfcc 20 --segment-duration 9
  skgenre extract --gtzan gtzan -o features.npz --jobs 2
"""

import argparse

from skgenre._io import counted, format_json, printable
from skgenre.cli.arguments import (
    Completer,
    add_analysis,
    add_channel,
    add_command_parser,
    add_folders,
    add_jobs,
    add_json,
    whole_number,
)
from skgenre.cli.files import check_writable, extract_tracks, load_tracks
from skgenre.cli.screen import say

_EXTENSIONS = (".json", ".npz")

# Parameters of the extractor: type, default, meaning. Not read from the extractor,
# whose import would make --help wait for scikit-learn; a test compares the defaults.
_PARAMETERS = {
    "sample_rate": (int, 22050, "rate at which tracks are analysed, in hertz"),
    "n_mfcc": (int, 13, "number of coefficients"),
    "n_fft": (int, 2048, "length of the analysis window, in samples"),
    "hop_length": (int, 512, "distance between frames, in samples"),
    "n_mels": (int, 128, "number of mel bands"),
    "fmin": (float, 0.0, "lowest frequency, in hertz"),
    "fmax": (float, None, "highest frequency, in hertz; default: half the sample rate"),
    "segment_duration": (float, 3.0, "length of a segment, in seconds"),
}


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "extract",
        _run,
        help="write the MFCCs of tracks to a file",
        text=__doc__,
    )
    add_folders(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=_features_file,
        required=True,
        help="file to write, .npz or .json; one that exists is replaced",
    ).completer = Completer(suffixes=_EXTENSIONS)
    add_json(parser, "the output, the number of its tracks, and files left out")
    group = parser.add_argument_group("features")
    for name, (kind, default, what) in _PARAMETERS.items():
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=whole_number(1) if kind is int else float,
            default=default,
            metavar="N" if kind is int else "X",
            help=what if default is None else f"{what} (default: {default:g})",
        )
    group.add_argument(
        "--segments",
        dest="n_segments",
        type=lambda text: None if text == "all" else whole_number(1)(text),
        default=10,
        metavar="N",
        help="segments of each track, from its start; 'all' takes all that it "
        "has (default: 10)",
    )
    add_channel(group)
    add_jobs(parser, "files analysed at the same time, in threads")
    add_analysis(parser)


def _features_file(text):
    if not text.lower().endswith(_EXTENSIONS):
        raise argparse.ArgumentTypeError(
            f"expected a file named *{' or *'.join(_EXTENSIONS)}, got {text!r}"
        )
    return text


def _run(options):
    check_writable(options.output)
    from skgenre.datasets import save_mfcc_json, save_mfcc_npz
    from skgenre.features import MFCCExtractor

    names = (*_PARAMETERS, "n_segments", "channel")
    parameters = {name: getattr(options, name) for name in names}
    extractor = MFCCExtractor(
        **parameters, cache_dir=options.cache_dir, cache_key=options.cache_key
    )
    data = load_tracks(options.folders, layout=options.layout)
    # Refuses what is out of range, before a file is read.
    extractor.fit(data.paths)
    kept, features, unreadable = extract_tracks(
        extractor, data, n_jobs=options.jobs, strict=options.strict
    )
    if options.output.lower().endswith(".json"):
        save_mfcc_json(options.output, features, kept.target)
    else:
        save_mfcc_npz(
            options.output,
            features,
            kept.target,
            paths=kept.paths,
            groups=kept.groups,
            parameters=parameters,
        )
    if options.json:
        n_tracks = len(features)
        content = {"output": options.output, "n_tracks": n_tracks}
        say(format_json({**content, "unreadable": unreadable}, indent=2))
    else:
        say(f"{printable(options.output)}: {counted(len(features), 'track')}")
    return int(bool(unreadable))

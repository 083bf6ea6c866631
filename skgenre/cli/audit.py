"""``skgenre audit``: what is wrong with a collection of tracks."""

from skgenre.cli.arguments import (
    add_command_parser,
    add_debug,
    add_folders,
    add_jobs,
)
from skgenre.cli.output_file import check_writable, naming
from skgenre.cli.screen import say, show_progress
from skgenre.cli.tracks import load_tracks

_EXAMPLES = """\
  skgenre audit genres
  skgenre audit genres more_genres --json faults.json --jobs 2
"""


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "audit",
        _run,
        help="look for faults and replicas among audio files",
        description="Look for unreadable, silent, clipped or short files, odd rates, "
        "the same recording twice (also re-encoded, cut or at another gain), genres of "
        "a single artist. Exit code 1: there are findings.",
        examples=_EXAMPLES,
    )
    add_folders(parser)
    parser.add_argument("--json", metavar="FILE", help="write the report here, too")
    add_jobs(parser, "files analysed at the same time, in threads")
    add_debug(parser)


def _run(options):
    if options.json is not None:
        check_writable(options.json)
    report = audit(load_tracks(options.folders, gtzan=options.gtzan), options.jobs)
    say(str(report))
    if options.json is not None:
        write_report(report, options.json)
    return report.exit_code


def audit(data, n_jobs):
    """Look for faults among tracks, with progress."""
    from skgenre.audit import audit_tracks

    return audit_tracks(
        data.paths,
        data.target,
        getattr(data, "groups", None),
        n_jobs=n_jobs,
        progress=show_progress,
    )


def write_report(report, path):
    """Write an audit's report as JSON."""
    from skgenre._io import atomic_write

    with naming(path), atomic_write(path, "w", encoding="utf-8") as file:
        file.write(report.to_json() + "\n")

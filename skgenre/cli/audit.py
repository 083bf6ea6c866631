"""Look for unreadable, incomplete, silent, clipped or short files, channels that cancel
out, odd rates, the same recording twice (also re-encoded, cut or at another gain),
genres of a single artist. Exit code 1: there are findings.

examples:
  skgenre audit genres
  skgenre audit genres more_genres --jobs 2
  skgenre audit genres --json > faults.json
"""

from skgenre.cli.arguments import (
    add_channel,
    add_command_parser,
    add_folders,
    add_jobs,
    add_json,
)
from skgenre.cli.files import load_tracks
from skgenre.cli.screen import get_width, say, show_progress


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "audit",
        _run,
        help="look for faults and replicas among audio files",
        text=__doc__,
    )
    add_folders(parser)
    add_json(parser, "the findings, and the tracks that they are about")
    add_channel(parser)
    add_jobs(parser, "files analysed at the same time, in threads")


def _run(options):
    data = load_tracks(options.folders, layout=options.layout)
    report = audit(data, channel=options.channel, n_jobs=options.jobs)
    say(report.to_json() if options.json else report.to_text(get_width()))
    return report.exit_code


def audit(data, *, channel="mean", n_jobs):
    """Look for faults among tracks, with progress."""
    from skgenre.audit import audit_tracks

    return audit_tracks(
        data.paths,
        data.target,
        getattr(data, "groups", None),
        channel=channel,
        n_jobs=n_jobs,
        progress=show_progress,
    )

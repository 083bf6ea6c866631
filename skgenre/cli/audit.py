"""Look for unreadable, incomplete, silent, clipped or short files, channels that cancel
out, odd rates, the same recording twice (also re-encoded, cut or at another gain),
genres of a single artist. Exit code 1: there are findings.

examples:
  skgenre audit genres
  skgenre audit genres more_genres --json faults.json --jobs 2
"""

from skgenre.cli.arguments import add_channel, add_command_parser, add_folders, add_jobs
from skgenre.cli.files import check_writable, load_tracks
from skgenre.cli.screen import say, show_progress


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
    parser.add_argument("--json", metavar="FILE", help="write the report here, too")
    add_channel(parser)
    add_jobs(parser, "files analysed at the same time, in threads")


def _run(options):
    if options.json is not None:
        check_writable(options.json)
    data = load_tracks(
        options.folders,
        gtzan=options.gtzan,
        tags=options.tags,
        artist_folders=options.artist_folders,
    )
    report = audit(
        data, channel=options.channel, n_jobs=options.jobs, output=options.json
    )
    say(str(report))
    return report.exit_code


def audit(data, *, channel="mean", n_jobs, output):
    """Look for faults among tracks, with progress; write them as JSON to `output`."""
    from skgenre._io import atomic_write
    from skgenre.audit import audit_tracks

    report = audit_tracks(
        data.paths,
        data.target,
        getattr(data, "groups", None),
        channel=channel,
        n_jobs=n_jobs,
        progress=show_progress,
    )
    if output is not None:
        with atomic_write(output, "w", encoding="utf-8") as file:
            file.write(report.to_json() + "\n")
    return report

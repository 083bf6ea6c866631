"""Look for unreadable, silent, clipped or short files, odd rates, the same recording
twice (also re-encoded, cut or at another gain), genres of a single artist. Exit
code 1: there are findings.

examples:
  skgenre audit genres
  skgenre audit genres more_genres --json faults.json --jobs 2
"""

from skgenre.cli.arguments import add_command_parser, add_folders, add_jobs
from skgenre.cli.output_file import check_writable
from skgenre.cli.screen import say, show_progress
from skgenre.cli.tracks import load_tracks


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
    add_jobs(parser, "files analysed at the same time, in threads")


def _run(options):
    if options.json is not None:
        check_writable(options.json)
    data = load_tracks(options.folders, gtzan=options.gtzan)
    report = audit(data, n_jobs=options.jobs, output=options.json)
    say(str(report))
    return report.exit_code


def audit(data, *, n_jobs, output):
    """Look for faults among tracks, with progress; write them as JSON to `output`."""
    from skgenre._io import atomic_write
    from skgenre.audit import audit_tracks

    report = audit_tracks(
        data.paths,
        data.target,
        getattr(data, "groups", None),
        n_jobs=n_jobs,
        progress=show_progress,
    )
    if output is not None:
        with atomic_write(output, "w", encoding="utf-8") as file:
            file.write(report.to_json() + "\n")
    return report

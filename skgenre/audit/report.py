"""The findings of an audit as text, table and JSON."""

from __future__ import annotations

import dataclasses
import os
import textwrap
from html import escape
from typing import TYPE_CHECKING, Any

from skgenre._io import counted, format_json, printable
from skgenre._tables import count_columns, name_tracks, shorten_name, write_html

if TYPE_CHECKING:
    import pandas as pd

# In the order of a report: files, sound, recordings, labels; explained in `Finding`.
# The limits are constants of the module that looks for a fault.
FAULTS = (
    "unreadable",
    "incomplete",
    "silent",
    "out-of-phase",
    "clipped",
    "dc-offset",
    "band-limited",
    "short",
    "sample-rate",
    "channels",
    "exact-replica",
    "near-replica",
    "two-labels",
    "confounded-artist",
    "imbalanced",
)

# Version of what `to_dict` returns; raised when a key changes its name or meaning.
FORMAT_VERSION = 1

WIDTH = 80  # as terminals open
MAX_LISTED_FINDINGS = 20  # of one fault; JSON and `to_frame` have all
MAX_TABLE_FINDINGS = 200  # of all faults, in a page or a notebook


@dataclasses.dataclass(frozen=True)
class Finding:
    """One fault of some tracks, or of a whole genre.

    Attributes
    ----------
    fault : str
        What is wrong, in the order of a report:

        - ``"unreadable"``: no sound can be decoded;
        - ``"incomplete"``: the header promises more sound, as of a download that broke
          off;
        - ``"silent"``: no sound at all, or in most of the track;
        - ``"out-of-phase"``: channels that cancel out when they are averaged;
        - ``"clipped"``: the loudest samples are cut off at full scale;
        - ``"dc-offset"``: the signal is not centred on zero;
        - ``"band-limited"``: cut off far below half the sample rate, as by a lossy
          coder;
        - ``"short"``: in itself, or for this collection;
        - ``"sample-rate"``: not that of most tracks;
        - ``"channels"``: not as many as in most tracks;
        - ``"exact-replica"``: the same samples in two files;
        - ``"near-replica"``: the same recording, cut, coded or scaled otherwise;
        - ``"two-labels"``: one recording under two genres;
        - ``"confounded-artist"``: a genre that is one artist;
        - ``"imbalanced"``: genres of very different size.
    tracks : tuple of int
        Positions in the report's paths; empty if the finding is on a whole genre.
    detail : str
        What was measured and, in brackets, the limit.

    Examples
    --------
    >>> from skgenre.audit import Finding
    >>> Finding("dc-offset", (3,), "mean of 0.018 of full scale (at most 0.01)").tracks
    (3,)
    """

    fault: str
    tracks: tuple
    detail: str


@dataclasses.dataclass(frozen=True, repr=False, kw_only=True)
class AuditReport:
    """Findings of an audit of a collection of tracks.

    Attributes
    ----------
    paths : list of str
        The files, in the order given.
    findings : list of Finding
        Sorted by fault, in the order that `Finding` lists, then by track.
    replicas : list of (int, int)
        Positions of two tracks of one recording, the smaller first. Each of several
        exact replicas is paired with the first one only: tracks that a chain of pairs
        links are one recording.

    Examples
    --------
    >>> from skgenre import AuditReport
    >>> from skgenre.audit import Finding
    >>> finding = Finding("exact-replica", (0, 1), "equal samples")
    >>> report = AuditReport(
    ...     paths=["rock/a.wav", "jazz/b.wav"], findings=[finding], replicas=[(0, 1)]
    ... )
    >>> report.ok, report.exit_code
    (False, 1)
    >>> print(report)
    2 tracks, 1 finding
    <BLANKLINE>
    exact-replica: 1
      rock/a.wav = jazz/b.wav
        equal samples
    """

    paths: list
    findings: list
    replicas: list

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def exit_code(self) -> int:
        """Status for a shell: 0 if nothing was found, else 1."""
        return int(not self.ok)

    def count_findings(self) -> dict[str, int]:
        """Count the findings of each fault.

        Returns
        -------
        counts : dict of str to int
            Only the faults that were found, in the order of the findings.
        """
        found = [finding.fault for finding in self.findings]
        return {fault: found.count(fault) for fault in FAULTS if fault in found}

    def to_frame(self) -> pd.DataFrame:
        """Return the findings as a table.

        Returns
        -------
        frame : pandas.DataFrame
            One row per finding: ``fault``, ``tracks`` and ``paths`` (tuples) and
            ``detail``. Needs pandas, as in ``pip install 'skgenre[report]'``.
        """
        import pandas as pd

        columns = ["fault", "tracks", "paths", "detail"]
        rows = [
            (finding.fault, finding.tracks, self._paths_of(finding), finding.detail)
            for finding in self.findings
        ]
        return pd.DataFrame(rows, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the report in plain types.

        Returns
        -------
        content : dict
            ``version`` of this format (1), ``ok``, ``exit_code``, ``counts`` per fault,
            ``paths``, ``findings`` (``fault``, ``tracks``, ``paths``, ``detail``) and
            ``replicas`` (pairs of positions).
        """
        return {
            "version": FORMAT_VERSION,
            "ok": self.ok,
            "exit_code": self.exit_code,
            "counts": self.count_findings(),
            "paths": list(self.paths),
            "findings": [
                {
                    "fault": finding.fault,
                    "tracks": list(finding.tracks),
                    "paths": list(self._paths_of(finding)),
                    "detail": finding.detail,
                }
                for finding in self.findings
            ],
            "replicas": [list(pair) for pair in self.replicas],
        }

    def to_json(self) -> str:
        """Return the report as JSON.

        Returns
        -------
        text : str
            The dict of `to_dict`.
        """
        return format_json(self.to_dict(), indent=2)

    def __repr__(self):
        return self.to_text()

    def to_text(self, width: int = WIDTH) -> str:
        """Write the findings as text; long names of files are shortened.

        Parameters
        ----------
        width : int, default=80
            Characters that a line may have.

        Returns
        -------
        text : str
            What ``print(report)`` shows.
        """
        n_findings = counted(len(self.findings), "finding")
        lines = [f"{counted(len(self.paths), 'track')}, {n_findings}"]
        try:
            folder = os.path.commonpath(map(os.path.dirname, self.paths))
        except ValueError:  # absolute and relative paths, or several drives
            folder = ""
        if folder:
            folder = os.path.join(folder, "")
            lines.append(f"in {shorten_name(printable(folder), width - 3)}")
        for fault, count in self.count_findings().items():
            lines += ["", f"{fault}: {count}"]
            found = [finding for finding in self.findings if finding.fault == fault]
            for finding in found[:MAX_LISTED_FINDINGS]:
                names = [path.removeprefix(folder) for path in self._paths_of(finding)]
                lines += _describe(names, finding.detail, width=width)
            if count > MAX_LISTED_FINDINGS:
                lines.append(f"  ... and {count - MAX_LISTED_FINDINGS} more")
        return "\n".join(lines)

    def _repr_html_(self):
        table = tabulate_findings(self)
        html = f"<p>{escape(table['about'])}</p>"
        if self.findings:
            html += write_html(table["columns"], table["rows"], text_columns=range(3))
        return html

    def _paths_of(self, finding):
        return tuple(self.paths[track] for track in finding.tracks)


def tabulate_findings(report):
    """Return an audit's findings as a table, like those of a benchmark's report."""
    n_more = len(report.findings) - MAX_TABLE_FINDINGS
    left_out = f", the last {n_more} left out here" if n_more > 0 else ""
    paths = name_tracks(report.paths)
    return {
        "title": "What the audit found",
        "about": f"{counted(len(report.findings), 'finding')} on "
        f"{counted(len(paths), 'track')}{left_out}.",
        "columns": ["fault", "tracks", "measured"],
        "rows": [
            [
                finding.fault,
                ", ".join(paths[track] for track in finding.tracks) or None,
                finding.detail,
            ]
            for finding in report.findings[:MAX_TABLE_FINDINGS]
        ],
        "n_text": 3,
    }


def _describe(names, detail, *, width):
    """Return a finding as lines: the names of its tracks, the detail below."""
    lines = []
    for start, name in enumerate(names):
        if start == MAX_LISTED_FINDINGS:
            lines.append(f"  = {len(names) - start} more")
            break
        sign = "  = " if start else "  "
        lines.append(sign + shorten_name(printable(name), width - len(sign)))
    joined = " ".join([lines[0], *map(str.strip, lines[1:])]) if lines else ""
    if lines and count_columns(joined) <= width:
        lines = [joined]
    indent = "    " if names else "  "
    return lines + textwrap.wrap(
        printable(detail), width, initial_indent=indent, subsequent_indent=indent
    )

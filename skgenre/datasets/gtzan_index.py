"""What is known of the 1000 tracks of GTZAN.

Artists and titles after Sturm's index (*The GTZAN dataset: its contents, its faults,
their effects on evaluation, and its future use*, 2013), md5 of the wav files as in
mirdata, the fault-filtered split after Kereliuk, Sturm and Larsen (2015) as published
in jongpillee/music_dataset_split (MIT licence), replicas by equal content of files.
"""

import csv
import functools
from importlib import resources
from typing import NamedTuple

CREDITS = (
    "GTZAN: Tzanetakis and Cook, 'Musical genre classification of audio signals', "
    "2002. "
    "Artists and titles: Sturm, 'The GTZAN dataset', 2013. Checksums: mirdata. "
    "Fault-filtered split: Kereliuk, Sturm and Larsen, 'Deep Learning and Music "
    "Adversaries', 2015, as in jongpillee/music_dataset_split (MIT licence)."
)


class IndexRow(NamedTuple):
    """A track of GTZAN; what is unknown is an empty string."""

    track: str
    genre: str
    artist: str = ""
    title: str = ""
    md5_wav: str = ""
    filtered_split: str = ""
    replica_of: str = ""

    @property
    def group(self):
        """Artist, None where unknown; equal recordings are one group in any case."""
        return self.artist or (self.replica_of and f"track:{self.replica_of}") or None


@functools.cache
def read_index():
    """The rows of the index by the name of the track, such as ``blues.00000``."""
    file = resources.files("skgenre.datasets") / "gtzan.csv"
    return parse_index(file.read_text(encoding="utf-8"))


def parse_index(text):
    """The rows of an index, as CSV, by the name of the track."""
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if not rows or tuple(rows[0]) != IndexRow._fields:
        raise ValueError(
            f"the index must have the columns {IndexRow._fields}, got {rows[:1]}."
        )
    for row in rows[1:]:
        if len(row) != len(IndexRow._fields) or not row[0]:
            raise ValueError(f"the index must have a track per row, got {row}.")
    return {row[0]: IndexRow(*row) for row in rows[1:]}

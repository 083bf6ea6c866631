"""Load GTZAN: ten genres of a hundred tracks of thirty seconds, its faults known."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skgenre._io import counted, read_table
from skgenre._typing import StrPath
from skgenre._validation import check_choice
from skgenre.audio import AudioDecodeError, stream_audio
from skgenre.datasets._tracks import TrackBunch, check_genres, make_track_bunch
from skgenre.datasets.gtzan_download import download_gtzan
from skgenre.datasets.gtzan_tracks import CREDITS, LAYOUTS, find_tracks, read_index

SUBSETS = ("all", "filtered")


class GtzanTracks(TrackBunch):
    """Tracks of GTZAN, as `fetch_gtzan` returns them."""

    def validate(self):
        """List the tracks that are missing, altered or damaged.

        All files are decoded: 0.7 ms per track.

        Returns
        -------
        faults : sklearn.utils.Bunch
            - ``missing`` : list of str, names of tracks, such as ``blues.00000``;
            - ``altered`` : list of str, paths of wav files whose md5 is not the
              original's;
            - ``damaged`` : list of str, paths of files that cannot be decoded, or of
              which only a part is there.
        """
        there, damaged = set(self.tracks.tolist()), []
        for path in self.paths:
            stream = stream_audio(path)
            try:
                stream.read()
                is_damaged = stream.incomplete is not None
            except AudioDecodeError:
                is_damaged = True
            if is_damaged:
                damaged.append(path)
        return Bunch(
            missing=[
                row.track
                for row in _select(read_index().values(), self.subset)
                if row.track not in there
            ],
            altered=self.paths[self.status == "altered"].tolist(),
            damaged=damaged,
        )


def fetch_gtzan(
    *,
    data_home: StrPath | Sequence[StrPath] | None = None,
    download_if_missing: bool | Literal["complete"] = True,
    subset: Literal["all", "filtered"] = "all",
    return_X_y: bool = False,
) -> GtzanTracks | tuple[NDArray[Any], NDArray[Any]]:
    """Load GTZAN from the folders where it is, or download it (1.2 GB).

    Parameters
    ----------
    data_home : str, Path or sequence of them, default=None
        Folders to look in, each in any of the usual layouts
        (``genres/blues/blues.00000.wav``, ``genres_original/...``,
        ``Data/genres_original/...``, ``blues/...``, or all files in one folder; wav, au
        or flac). A download goes into the first. None: the folders that the environment
        variable ``SKGENRE_DATA`` names, or else ``~/skgenre_data``.
    download_if_missing : bool or "complete", default=True
        Whether to download where no track is found; "complete": also where some are
        missing.
    subset : {"all", "filtered"}, default="all"
        "filtered" leaves out the tracks that the fault-filtered split leaves out:
        replicas, damaged tracks and others.
    return_X_y : bool, default=False
        Return ``(paths, target)`` instead of a Bunch.

    Returns
    -------
    data : GtzanTracks
        A Bunch, with these arrays of shape (n_tracks,):

        - ``paths`` and ``target``, the genres;
        - ``groups``, the artists; a track whose artist is unknown is a group of its
          own, shared with the tracks that are identical to it;
        - ``tracks``, their names, such as ``blues.00000``;
        - ``artists`` and ``titles``, empty where unknown;
        - ``filtered_split``: ``"train"``, ``"valid"``, ``"test"`` or, of the tracks
          that are left out, ``""``;
        - ``replica_of``: the first track with the same content, or ``""``;
        - ``status``, by md5: ``"ok"``, ``"altered"`` or, where the file is not
          wav, ``"unknown"``;

        then ``target_names`` and ``DESCR``, which credits the sources; and the method
        ``validate()``, which lists what is missing, altered or damaged.

    Raises
    ------
    OSError
        No track was found and none was to be downloaded, or the download failed.
    ValueError, TypeError
        A parameter has another value than those above.

    Warns
    -----
    UserWarning
        Some tracks are missing; there are files that are not of GTZAN (returned, their
        artists unknown); a track is there twice with different contents.

    Examples
    --------
    >>> from skgenre import fetch_gtzan
    >>> try:
    ...     fetch_gtzan(data_home="nowhere", download_if_missing=False)
    ... except OSError as error:
    ...     print(str(error)[:29])
    no track of GTZAN in nowhere:
    """
    check_choice(subset, SUBSETS, name="subset")
    if download_if_missing not in (True, False, "complete"):
        raise ValueError(
            "download_if_missing must be True, False or 'complete', got "
            f"{download_if_missing!r}."
        )
    if data_home is None:
        named = os.environ.get("SKGENRE_DATA", "")
        data_home = [name for name in named.split(os.pathsep) if name]
        data_home = data_home or [Path.home() / "skgenre_data"]
    if isinstance(data_home, (str, os.PathLike)):
        data_home = [data_home]
    folders = [Path(folder).expanduser() for folder in data_home]
    if not folders:
        raise ValueError("data_home must name at least one folder, got none.")
    known, foreign = find_tracks(folders)
    if not known and not download_if_missing:
        example = os.path.join("blues", "blues.00000.wav")
        layouts = ", ".join(os.path.join(layout, example) for layout in LAYOUTS)
        raise FileNotFoundError(
            f"no track of GTZAN in {', '.join(map(str, folders))}: looked for files "
            f"such as {layouts} or blues.00000.wav (also .au, .flac). Name the folder "
            "by data_home or SKGENRE_DATA, or have it downloaded: "
            "download_if_missing=True."
        )
    n_tracks = len(read_index())
    is_incomplete = len(known) < n_tracks and download_if_missing == "complete"
    if not known or is_incomplete:
        download_gtzan(folders[0])
        known, foreign = find_tracks(folders)
    if len(known) < n_tracks:
        warnings.warn(
            f"{counted(len(known), 'track')} of GTZAN's {n_tracks} found in "
            f"{', '.join(map(str, folders))}; download_if_missing='complete' fetches "
            "the others.",
            UserWarning,
            stacklevel=2,
        )
    chosen = set(_select([track.row for track in known], subset))
    found = [track for track in known if track.row in chosen]
    found += foreign if subset == "all" else []
    rows = [track.row for track in found]
    described = make_track_bunch(
        [track.path for track in found],
        [row.genre for row in rows],
        [row.group for row in rows],
        f"{counted(len(rows), 'track')} of "
        f"{counted(len({row.genre for row in rows}), 'genre')} of GTZAN in "
        f"{', '.join(map(str, folders))}. {CREDITS}",
    )
    data = GtzanTracks(
        **described,
        **_describe_rows(rows),
        status=np.array([track.status for track in found], dtype=str),
        subset=subset,
    )
    return (data.paths, data.target) if return_X_y else data


def load_gtzan_features(csv_file: StrPath) -> Bunch:
    """Load a table of summary features of GTZAN's tracks.

    Parameters
    ----------
    csv_file : str or Path
        Table with the columns ``filename`` (``blues.00000.wav``), ``label`` and one per
        feature, such as ``features_30_sec.csv``; a column ``length`` is left out.

    Returns
    -------
    data : sklearn.utils.Bunch
        ``data`` (n_tracks, n_features), ``feature_names``, and of `fetch_gtzan`'s
        arrays ``target``, ``groups``, ``tracks``, ``artists``, ``titles``,
        ``filtered_split`` and ``replica_of``, with which classical models can be
        tested under the same protocols.

    Raises
    ------
    ValueError
        A column is missing, a file is not a track of GTZAN, or a value is not a number.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skgenre import load_gtzan_features
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "features.csv")
    ...     _ = file.write_text("filename,tempo,label\\nblues.00000.wav,123,blues\\n")
    ...     data = load_gtzan_features(file)
    >>> data.data.tolist(), data.groups.tolist()
    ([[123.0]], ['John Lee Hooker'])
    """
    columns, table = read_table(csv_file, ("filename", "label"))
    index = read_index()
    names = [Path(row["filename"]).stem for row in table]
    unknown = [name for name in names if name not in index]
    if unknown:
        raise ValueError(
            f"{csv_file} holds {unknown[0]!r}, which is not a track of GTZAN."
        )
    features = [name for name in columns if name not in ("filename", "label", "length")]
    rows, genres = [index[name] for name in names], [row["label"] for row in table]
    check_genres(genres, where=csv_file)
    known = make_track_bunch(names, genres, [row.group for row in rows], CREDITS)
    del known["paths"]
    values = [[row[name] for name in features] for row in table]
    try:
        data = np.array(values, dtype=float).reshape(len(table), len(features))
    except ValueError as error:
        raise ValueError(f"{csv_file} must hold numbers: {error}.") from error
    known.update(data=data, feature_names=features, **_describe_rows(rows))
    return known


def _select(rows, subset):
    return [row for row in rows if subset == "all" or row.filtered_split]


def _describe_rows(rows):
    fields = {
        "tracks": "track",
        "artists": "artist",
        "titles": "title",
        "filtered_split": "filtered_split",
        "replica_of": "replica_of",
    }
    return {
        name: np.array([getattr(row, field) for row in rows], dtype=str)
        for name, field in fields.items()
    }

"""The files that commands read and write: labelled tracks, and the output."""

import errno
import os
from pathlib import Path
from uuid import uuid4

from skgenre.cli.screen import complain, show_progress


def load_tracks(folders, *, gtzan=False, tags=False):
    """Return the tracks of genre folders and CSV tables, GTZAN's or tagged ones."""
    from skgenre import datasets

    if gtzan:
        return datasets.fetch_gtzan(data_home=folders, download_if_missing=False)
    if tags:
        return datasets.join_tracks(list(map(datasets.load_tagged_folder, folders)))
    return datasets.join_tracks(
        [
            datasets.load_track_table(folder)
            if os.path.isfile(folder)
            else datasets.load_genre_folder(folder)
            for folder in folders
        ]
    )


def extract_tracks(extractor, data, *, n_jobs, strict):
    """Return the tracks that can be analysed, and their features; show progress.

    For each of the others one line says why not; with `strict`, or where there is no
    other, it is an error.
    """
    from sklearn.base import clone
    from sklearn.utils import Bunch

    from skgenre.audio import AudioDecodeError

    analysis = (
        clone(extractor)
        .set_params(n_jobs=n_jobs)
        .analyse(data.paths, strict=strict, progress=show_progress)
    )
    if not analysis.paths:
        raise AudioDecodeError(analysis.failures.items())
    for failure in analysis.failures.items():
        complain(f"left out: {AudioDecodeError([failure])}")
    rows = [path not in analysis.failures for path in data.paths]
    kept = Bunch(**{name: data[name][rows] for name in ("paths", "target", "groups")})
    return kept, analysis.features


def check_writable(path):
    """Refuse an output that cannot be written, or is no file, before hours of work.

    Raises
    ------
    OSError
        The folder is missing, or nothing can be written into it; `path` is a folder or
        a device.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        # A device would be replaced by a file.
        code = errno.EISDIR if path.is_dir() else errno.EINVAL
        raise OSError(code, os.strerror(code), str(path))
    # Permissions do not tell of a read-only file system, and mean nothing to root.
    probe = path.with_name(f".{uuid4().hex}.tmp")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error

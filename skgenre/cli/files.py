"""The files that commands read and write: labelled tracks, and the output."""

import errno
import glob
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from skgenre.cli.screen import complain, show_progress


def load_tracks(folders, *, layout=None):
    """Return the tracks of genre folders and CSV tables, GTZAN's or tagged ones.

    `layout` says where genres and artists are found, as `add_folders` has it.
    """
    from skgenre import datasets

    if layout == "gtzan":
        return datasets.fetch_gtzan(data_home=folders, download_if_missing=False)
    if layout == "tags":
        return datasets.join_tracks(list(map(datasets.load_tagged_folder, folders)))
    groups = "subfolder" if layout == "artist-folders" else None
    return datasets.join_tracks(
        [
            datasets.load_track_table(folder)
            if os.path.isfile(folder)
            else datasets.load_genre_folder(folder, groups=groups)
            for folder in folders
        ]
    )


def extract_tracks(
    transformer, data, *, n_jobs, strict, cache_dir=None, cache_key="stat"
):
    """Return the tracks that can be analysed, their features, and why others cannot.

    The transformer is an extractor, or a union of several, which is fitted. Of each of
    the other tracks, a dict has its ``path`` and the ``error``, which a line says, too;
    with `strict`, or where none can be analysed, it is an error.
    """
    from sklearn.utils import Bunch

    from skgenre.audio import AudioDecodeError
    from skgenre.features import list_extractors

    extractors, failures = list_extractors(transformer), {}
    is_union = extractors != [transformer]
    with TemporaryDirectory(prefix="skgenre-features-") as folder:
        # A union takes the files that all of its extractors can analyse.
        store = cache_dir or (folder if is_union else None)
        for extractor in extractors:
            extractor.set_params(n_jobs=n_jobs)
            if store is not None:
                extractor.set_params(cache_dir=store)
                if extractor.cache_key == "stat":  # not set by --set
                    extractor.set_params(cache_key=cache_key)
            analysis = extractor.analyse(
                data.paths,
                strict=strict,
                keep_features=not is_union,
                progress=show_progress,
            )
            failures |= analysis.failures
        rows = [path not in failures for path in data.paths]
        if not any(rows):
            raise AudioDecodeError(failures.items())
        for failure in failures.items():
            complain(f"left out: {AudioDecodeError([failure])}")
        names = ("paths", "target", "groups")
        kept = Bunch(**{name: data[name][rows] for name in names})
        features = analysis.features
        if is_union:
            features = transformer.fit_transform(kept.paths)
    unreadable = [{"path": path, "error": why} for path, why in failures.items()]
    return kept, features, unreadable


def list_files(paths, *, recursive):
    """Return the files, and if `recursive` the audio files below each folder.

    Patterns such as ``*.mp3`` are matched; the shells of Windows leave that to us.
    """
    files = []
    for path in paths:
        found = [] if os.path.lexists(path) else sorted(glob.glob(path))
        files += found or [path]
    if not recursive:
        return files
    from skgenre.datasets import find_audio_files

    paths, files = files, []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
            continue
        found, _ = find_audio_files(path)
        if not found:
            raise ValueError(f"{path}: no audio files in this folder")
        files += map(str, found)
    return files


def explain_no_path(path):
    """Return why something that may be meant as a path is none, or None."""
    if os.path.isdir(path):
        return "is a directory, expected an audio file; -r takes all that are in it"
    if os.path.exists(path):
        return None
    if path == "-":
        return "standard input is not read, expected the path of an audio file"
    if "://" in path:
        return "URLs are not fetched, expected the path of an audio file"
    return None


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

"""Labelled tracks from the folders of a command line, and their analysis."""

from contextlib import closing
from functools import partial

from skgenre.cli.screen import complain, show_progress


def load_tracks(folders, *, gtzan):
    """Tracks of genre folders, or of folders with tracks of GTZAN."""
    from skgenre.datasets import fetch_gtzan, join_tracks, load_genre_folder

    if gtzan:
        return fetch_gtzan(data_home=folders, download_if_missing=False)
    return join_tracks([load_genre_folder(folder) for folder in folders])


def extract_tracks(extractor, data, *, n_jobs, strict):
    """Analyse tracks file by file, with progress.

    Returns the tracks that can be analysed and their features. For each of the others
    one line says why not; with `strict`, or where there is no other, it is an error.
    """
    from sklearn.utils import Bunch

    from skgenre._workers import run_workers
    from skgenre.audio import AudioDecodeError
    from skgenre.features.track_array import gather_tracks

    workers = run_workers(
        partial(_extract_track, extractor),
        data.paths,
        n_jobs=n_jobs,
        verbose=0,
        work="tracks were analysed",
        kept_in=extractor.cache_dir,
    )
    with closing(workers) as outcomes:
        outcomes = list(
            show_progress(outcomes, total=len(data.paths), what="analysing")
        )
    failures = [failure for _, failure in outcomes if failure is not None]
    if failures and (strict or len(failures) == len(outcomes)):
        raise AudioDecodeError(failures)
    for failure in failures:
        complain(f"left out: {AudioDecodeError([failure])}")
    rows = [failure is None for _, failure in outcomes]
    kept = Bunch(**{name: data[name][rows] for name in ("paths", "target", "groups")})
    found = [features for features, _ in outcomes if features is not None]
    features = gather_tracks(
        found,
        kept.paths,
        n_segments=extractor.n_segments,
        segment_shape=found[0].shape[1:],
        mmap_dir=None,
    )
    return kept, features


def _extract_track(extractor, path):
    """Features of one file, or the path and why there are none."""
    from skgenre.audio import AudioDecodeError

    try:
        return extractor.transform([path])[0], None
    except AudioDecodeError as error:
        return None, (path, error.reasons[0])

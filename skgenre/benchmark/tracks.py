"""Analyse every track once, before any split."""

import logging

from sklearn.base import clone

from skgenre.audio import AudioDecodeError
from skgenre.features import MFCCExtractor

logger = logging.getLogger(__name__)

# Tracks analysed between two lines of progress.
_N_TRACKS_PER_STEP = 50


def analyse_tracks(models, paths, *, n_jobs, strict, progress):
    """Fill the store for every extractor in use; return path -> reason where it failed.

    With `strict`, or where no file can be analysed, those are raised instead.
    """
    failures = {}
    for extractor in _distinct_extractors(models):
        if extractor.n_jobs is None:
            extractor = clone(extractor).set_params(n_jobs=n_jobs)
        starts = range(0, len(paths), _N_TRACKS_PER_STEP)
        if progress is not None:
            starts = progress(starts, total=len(starts), what="analysing")
        for start in starts:
            step = paths[start : start + _N_TRACKS_PER_STEP]
            try:
                extractor.transform(step)
            except AudioDecodeError as error:
                failures.update(zip(error.paths, error.reasons, strict=True))
            logger.info("analysed %d of %d tracks", start + len(step), len(paths))
    if failures and (strict or len(failures) == len(set(paths))):
        raise AudioDecodeError(list(failures.items()))
    return failures


def _distinct_extractors(models):
    extractors = {}
    for model in models:
        for value in model.get_params().values():
            if isinstance(value, MFCCExtractor):
                extractors[repr(sorted(value.get_params().items()))] = value
    return list(extractors.values())

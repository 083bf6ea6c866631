"""The audit: every file is decoded once, and a report made of what is kept of it."""

import hashlib
from collections import Counter
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skgenre._io import counted
from skgenre._typing import Progress, Tracks
from skgenre._validation import (
    check_n_jobs,
    check_no_missing_label,
    check_progress,
    check_verbosity,
    is_known_group,
)
from skgenre.audio import (
    CANCELLING,
    SILENT,
    AudioStream,
    check_channel,
    list_sources,
    name_source,
)
from skgenre.audit.phase import PhaseMeter
from skgenre.audit.replicas import (
    MAX_BIT_ERROR_RATE,
    compute_fingerprint,
    find_near_replicas,
)
from skgenre.audit.report import FAULTS, AuditReport, Finding
from skgenre.audit.signal_faults import find_signal_faults
from skgenre.features.analysis import TrackAnalysis, analyse_files
from skgenre.model_selection.replicas import number_components

# In less, no music is left to classify.
MIN_DURATION_SECONDS = 1.0
# Tracks of one collection are of one kind: excerpts or songs. Half the median is an
# excerpt that was cut short.
MIN_RELATIVE_DURATION = 0.5

# From this share on a classifier can learn the artist and call it the genre.
MAX_ARTIST_SHARE = 0.9
# The artist of a single known track is trivially the only one.
MIN_KNOWN_TRACKS = 2

# Largest genre to smallest, in tracks: from here on, accuracy mostly tells the size.
MAX_IMBALANCE = 3.0

# Faults of tracks that are refused although their files are in order, by the beginning
# of the decoder's reason.
REFUSED_SOUND = {SILENT: "silent", CANCELLING: "out-of-phase"}


class TrackSurvey(NamedTuple):
    """What is kept of one track: about 4 kB for 30 s."""

    faults: list
    sample_rate: int
    n_channels: int
    duration: float
    digest: bytes
    fingerprint: np.ndarray


def audit_tracks(
    paths: Tracks,
    target: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    *,
    channel: str | int = "mean",
    n_jobs: int | None = None,
    verbose: int = 0,
    progress: Progress = None,
) -> AuditReport:
    """Look for faults and replicas in a collection of tracks.

    Each file is decoded once, at its own rate, and mixed to mono. Replicas are found by
    an index of fingerprints, so that the time grows with the number of tracks, not of
    pairs. Replicas may be cut differently (with 10 s, or half of the shorter one, in
    common) and have another gain, coder, sample rate or number of channels, but not
    another speed or pitch.

    Parameters
    ----------
    paths : sequence of str, Path, binary file or pair, of shape (n_tracks,)
        Paths of audio files: a list, array, Series or one-column frame. Or audio in
        memory, as `MFCCExtractor` takes it, whose path in the report is ``X[3]``.
    target : array-like of shape (n_tracks,) or None, default=None
        Genre of each track. Without it no finding is about genres.
    groups : array-like of shape (n_tracks,) or None, default=None
        Artist of each track, as the loaders of datasets give them. One that is missing
        (None, NaN, pd.NA or an empty text) or begins with ``track:`` is unknown. Not
        used without `target`.
    channel : {"mean", "left", "right"} or int, default="mean"
        What is looked at: the mean of all channels, or one of them, as the extractor
        takes them.
    n_jobs : int or None, default=None
        Number of tracks analysed at the same time, by joblib: in threads, unless
        ``joblib.parallel_config`` sets another backend.
    verbose : int, default=0
        Above zero, a bar on standard error shows how many tracks are done.
    progress : callable or None, default=None
        Wraps an iterable like `tqdm`: ``progress(iterable, total=n_tracks,
        desc="auditing")`` yields its items, one per track.

    Returns
    -------
    report : AuditReport
        The findings. A file that cannot be read is one of them, and so is a file of
        which only a part is there.

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type or is out of range, or `target` or `groups` has
        another length.
    OSError
        The process or the system can open no more files.
    concurrent.futures.process.BrokenProcessPool
        A worker process died.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import audit_tracks, make_genre_tracks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=2.0, random_state=0
    ...     )
    ...     report = audit_tracks(data.paths, data.target, data.groups)
    >>> report.ok, report.exit_code
    (True, 0)
    """
    sources = list_sources(paths)
    paths = list(map(name_source, sources))
    target = _check_labels(target, name="target", n_tracks=len(paths))
    groups = _check_labels(groups, name="groups", n_tracks=len(paths))
    check_channel(channel)
    check_verbosity(verbose)
    check_n_jobs(n_jobs)
    check_progress(progress)
    analysis = analyse_files(
        partial(survey_track, channel=channel),
        sources,
        n_jobs=n_jobs,
        verbose=verbose,
        progress=progress,
        what="auditing",
    )
    by_path = dict(zip(analysis.paths, analysis.features, strict=True))
    surveys, findings = {}, []
    for track, path in enumerate(paths):
        if path in by_path:
            surveys[track] = by_path[path]
            faults = by_path[path].faults
        else:
            reason = analysis.failures[path]
            fault = "unreadable"
            for beginning, name in REFUSED_SOUND.items():
                if reason.startswith(beginning):
                    fault = name
            faults = [(fault, reason)]
        if path in analysis.incomplete:
            faults = [("incomplete", analysis.incomplete[path]), *faults]
        findings += [Finding(fault, (track,), detail) for fault, detail in faults]
    if surveys:
        findings += _find_odd_tracks(surveys)
    replica_findings, replicas = _find_replicas(surveys)
    findings += replica_findings
    if target is not None:
        findings += _find_label_faults(target, groups, replicas)
    findings.sort(key=lambda finding: (FAULTS.index(finding.fault), finding.tracks))
    return AuditReport(paths=paths, findings=findings, replicas=replicas)


def _check_labels(labels, *, name, n_tracks):
    """Return one label per track as a list; None stays None."""
    if labels is None:
        return None
    if isinstance(labels, (str, bytes)) or not hasattr(labels, "__len__"):
        raise TypeError(f"{name} must be None or one label per track, got {labels!r}.")
    labels = np.asarray(labels, dtype=object)
    if labels.shape not in ((n_tracks,), (n_tracks, 1)):
        raise ValueError(
            f"{name} must have shape (n_tracks,) = ({n_tracks},), got {labels.shape}."
        )
    if name == "target":
        check_no_missing_label(labels, name=name)
    return labels.ravel().tolist()


def survey_track(path, *, channel):
    """Decode one file and return what the audit needs of it."""
    meter = PhaseMeter()
    observe = meter.add if channel == "mean" else None
    stream = AudioStream(path, channel=channel, observe=observe)
    signal = stream.read()
    sample_rate = stream.sample_rate
    # SHA-1 tells files apart here and protects nothing; it is the fastest of hashlib.
    digest = hashlib.sha1(signal.data, usedforsecurity=False)
    digest.update(str(sample_rate).encode())
    if cancellation := meter.find_fault():
        # What the mean keeps is noise, with faults of its own.
        faults = [("out-of-phase", cancellation)]
    else:
        faults = find_signal_faults(signal, sample_rate=sample_rate)
    survey = TrackSurvey(
        faults=faults,
        sample_rate=sample_rate,
        n_channels=stream.n_channels,
        duration=len(signal) / sample_rate,
        digest=digest.digest(),
        fingerprint=compute_fingerprint(signal, sample_rate=sample_rate),
    )
    return TrackAnalysis(survey, stream.decoder, stream.incomplete)


def _find_odd_tracks(surveys):
    """Return findings on tracks that are not like most of the collection."""
    findings = []
    median = float(np.median([survey.duration for survey in surveys.values()]))
    shortest = max(MIN_DURATION_SECONDS, MIN_RELATIVE_DURATION * median)
    for track, survey in surveys.items():
        if survey.duration < shortest:
            detail = (
                f"{survey.duration:.2f} s (at least {shortest:.2f} s; "
                f"median {median:.2f})"
            )
            findings.append(Finding("short", (track,), detail))
    for fault, field, name in (
        ("sample-rate", "sample_rate", "{} Hz".format),
        ("channels", "n_channels", partial(counted, noun="channel")),
    ):
        values = {track: getattr(survey, field) for track, survey in surveys.items()}
        usual, n_usual = Counter(values.values()).most_common(1)[0]
        expected = f"{n_usual} of {len(values)} tracks have {name(usual)}"
        findings += [
            Finding(fault, (track,), f"{name(value)} ({expected})")
            for track, value in values.items()
            if value != usual
        ]
    return findings


def _find_replicas(surveys):
    """Return findings on replicas, and the pairs of tracks that are one recording."""
    findings, pairs, equal = [], [], {}
    for track, survey in surveys.items():
        equal.setdefault(survey.digest, []).append(track)
    for first, *others in equal.values():
        if others:
            tracks = (first, *others)
            findings.append(Finding("exact-replica", tracks, "equal samples"))
            pairs += [(first, other) for other in others]
    # Of equal tracks one is enough to find what else is of this recording.
    distinct = [tracks[0] for tracks in equal.values()]
    for near in find_near_replicas([surveys[track].fingerprint for track in distinct]):
        pair = (distinct[near.first], distinct[near.second])
        detail = (
            f"{near.overlap_seconds:.1f} s in common at {near.offset_seconds:+.1f} s, "
            f"bit error rate {near.bit_error_rate:.3f} "
            f"(more than {MAX_BIT_ERROR_RATE:g})"
        )
        findings.append(Finding("near-replica", pair, detail))
        pairs.append(pair)
    return findings, sorted(pairs)


def _find_label_faults(target, groups, replicas):
    """Return findings on genres: against replicas, artists and each other."""
    findings, recordings, artists = [], {}, {}
    components = number_components(replicas, len(target)).tolist()
    for track in sorted({track for pair in replicas for track in pair}):
        recordings.setdefault(components[track], []).append(track)
    for tracks in recordings.values():
        genres = sorted({str(target[track]) for track in tracks})
        if len(genres) > 1:
            detail = f"one recording as {', '.join(genres)}"
            findings.append(Finding("two-labels", tuple(tracks), detail))
    if groups is None:
        groups = [None] * len(target)
    for genre, group in zip(target, groups, strict=True):
        if is_known_group(group):
            artists.setdefault(str(genre), Counter())[str(group)] += 1
    for genre, counts in sorted(artists.items()):
        artist, n_tracks = counts.most_common(1)[0]
        n_known = counts.total()
        if n_known >= MIN_KNOWN_TRACKS and n_tracks >= MAX_ARTIST_SHARE * n_known:
            detail = (
                f"genre {genre}: {n_tracks} of {n_known} tracks of a known artist are "
                f"by {artist!r} (less than {MAX_ARTIST_SHARE:.0%})"
            )
            findings.append(Finding("confounded-artist", (), detail))
    sizes = Counter(map(str, target)).most_common()
    (largest, n_most), (smallest, n_least) = sizes[0], sizes[-1]
    if n_most > MAX_IMBALANCE * n_least:
        detail = (
            f"genre {largest} has {n_most} tracks, genre {smallest} {n_least}: "
            f"{n_most / n_least:.1f} times as many (at most {MAX_IMBALANCE:g})"
        )
        findings.append(Finding("imbalanced", (), detail))
    return findings

"""From paths to a report: every file is decoded once, what is kept of it is small."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soundfile
from scipy import sparse
from scipy.sparse import csgraph

from skgenre._validation import (
    check_n_jobs,
    check_no_missing_label,
    check_paths,
    check_verbosity,
)
from skgenre._workers import run_workers
from skgenre.audio import AudioDecodeError, load_audio
from skgenre.audit.fingerprint import FINGERPRINT_RATE, compute_fingerprint
from skgenre.audit.label_faults import (
    find_confounded_artists,
    find_imbalance,
    find_two_labels,
)
from skgenre.audit.replicas import (
    MAX_BIT_ERROR_RATE,
    find_exact_replicas,
    find_near_replicas,
)
from skgenre.audit.report import FAULTS, AuditReport, Finding
from skgenre.audit.signal_faults import find_signal_faults

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skgenre._typing import Paths, Progress

# Nothing of music is left to classify in less.
MIN_DURATION_SECONDS = 1.0
# Tracks of one collection are of one kind: excerpts or songs. Half the median is an
# excerpt that was cut short.
MIN_RELATIVE_DURATION = 0.5

# How the decoder says that a file is sound in order, but digitally silent.
SILENCE_REASON = "holds only silence"


class TrackSurvey(NamedTuple):
    """What is kept of one track: some 4 kB for 30 s."""

    faults: list
    sample_rate: int | None = None
    n_channels: int | None = None
    duration: float | None = None
    digest: bytes | None = None
    fingerprint: np.ndarray = np.empty(0, dtype=np.uint32)


def audit_tracks(
    paths: Paths,
    target: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
    progress: Progress = None,
) -> AuditReport:
    """Look for what is wrong with a collection of tracks.

    Each file is decoded once, at its own rate, mixed to mono. Replicas are found by
    fingerprints in an index, so that the time grows with the number of tracks, not of
    pairs. They may be cut elsewhere (with 10 s, or half of the shorter one, in common),
    of another gain, coder, sample rate or number of channels, but not of another speed
    or pitch.

    Parameters
    ----------
    paths : sequence of str or Path, of shape (n_tracks,)
        Paths of audio files: a list, array, Series or one-column frame.
    target : array-like of shape (n_tracks,) or None, default=None
        Genre of each track. Without it no finding is about genres.
    groups : array-like of shape (n_tracks,) or None, default=None
        Artist of each track, as the loaders of datasets give them. One that is missing
        (None, NaN, pd.NA or an empty text) or begins with ``track:`` is unknown. Needs
        `target` to tell anything.
    n_jobs : int or None, default=None
        Tracks analysed at the same time, by joblib: in threads, unless
        ``joblib.parallel_config`` says otherwise.
    verbose : int, default=0
        Above zero, a bar on standard error shows how many tracks are done.
    progress : callable or None, default=None
        Shows progress of your own: called as ``progress(iterable, total=n_tracks,
        what="auditing")``, it hands on the items of the iterable, one per track.

    Returns
    -------
    report : AuditReport
        The findings. A file that cannot be read is one of them.

    Raises
    ------
    TypeError, ValueError
        An argument is no such thing, or `target` or `groups` is of another length.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import make_genre_tracks
    >>> from skgenre.audit import audit_tracks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=2.0, random_state=0
    ...     )
    ...     report = audit_tracks(data.paths, data.target, data.groups)
    >>> report.ok, report.exit_code
    (True, 0)
    """
    paths = check_paths(paths)
    target = _check_labels(target, name="target", n_tracks=len(paths))
    groups = _check_labels(groups, name="groups", n_tracks=len(paths))
    check_verbosity(verbose)
    check_n_jobs(n_jobs)
    workers = run_workers(
        survey_track,
        paths,
        n_jobs=n_jobs,
        verbose=verbose,
        work="tracks were audited",
    )
    with closing(workers) as surveys:
        if progress is not None:
            surveys = progress(surveys, total=len(paths), what="auditing")
        surveys = list(surveys)
    findings = [
        Finding(fault, (track,), detail)
        for track, survey in enumerate(surveys)
        for fault, detail in survey.faults
    ]
    findings += _find_odd_tracks(surveys)
    replica_findings, replicas = _find_replicas(surveys)
    findings += replica_findings
    if target is not None:
        findings += _find_label_faults(target, groups, replicas)
    findings.sort(key=lambda finding: (FAULTS.index(finding.fault), finding.tracks))
    return AuditReport(paths, findings, replicas)


def _check_labels(labels, *, name, n_tracks):
    """Return one label per track as a list; None stays None."""
    if labels is None:
        return None
    if isinstance(labels, (str, bytes)) or not hasattr(labels, "__len__"):
        raise TypeError(f"{name} must be None or one label per track, got {labels!r}.")
    shape = np.shape(np.asarray(labels, dtype=object))
    if shape not in ((n_tracks,), (n_tracks, 1)):
        raise ValueError(
            f"{name} must have shape (n_tracks,) = ({n_tracks},), got {shape}."
        )
    labels = np.asarray(labels, dtype=object).ravel().tolist()
    if name == "target":
        check_no_missing_label(labels, name="target")
    return labels


def survey_track(path):
    """Decode one file and keep what the audit needs of it; never raises on bad files.

    Parameters
    ----------
    path : str
        An audio file, or what is said to be one.

    Returns
    -------
    survey : TrackSurvey
        Its faults, and what is compared with other tracks.
    """
    try:
        sample_rate, n_channels = _read_header(path)
        signal = load_audio(path, sample_rate=sample_rate)
    except AudioDecodeError as error:
        reason = error.reasons[0]
        is_silent = reason.startswith(SILENCE_REASON)
        return TrackSurvey([("silent" if is_silent else "unreadable", reason)])
    faults = find_signal_faults(signal, sample_rate=sample_rate)
    # SHA-1 tells files apart here and protects nothing; it is the fastest of hashlib.
    digest = hashlib.sha1(signal.data, usedforsecurity=False)
    digest.update(str(sample_rate).encode())
    survey = TrackSurvey(
        faults,
        sample_rate,
        n_channels,
        len(signal) / sample_rate,
        digest.digest(),
    )
    if sample_rate < FINGERPRINT_RATE:
        # The bands are not there, and a header of 1 Hz would ask for 4000 times the
        # samples.
        return survey
    fingerprint = compute_fingerprint(signal, sample_rate=sample_rate)
    return survey._replace(fingerprint=fingerprint)


def _read_header(path):
    """Sample rate in hertz and number of channels; the decoder tells what is wrong."""
    # Opening a named pipe would hang: the decoder looks first.
    if os.path.isfile(path):
        name = os.fsencode(path) if os.name == "posix" else path
        try:
            header = soundfile.info(name)
        except soundfile.LibsndfileError:
            pass
        else:
            if header.samplerate > 0:
                return header.samplerate, header.channels
    load_audio(path, duration=MIN_DURATION_SECONDS)
    raise AudioDecodeError([(path, "changed while it was read")])


def _find_odd_tracks(surveys):
    """Findings on tracks that are not like most of the collection."""
    findings = []
    known = [i for i, survey in enumerate(surveys) if survey.duration is not None]
    if not known:
        return findings
    median = float(np.median([surveys[i].duration for i in known]))
    shortest = max(MIN_DURATION_SECONDS, MIN_RELATIVE_DURATION * median)
    for track in known:
        duration = surveys[track].duration
        if duration < shortest:
            detail = (
                f"{duration:.2f} s (at least {shortest:.2f} s; median {median:.2f})"
            )
            findings.append(Finding("short", (track,), detail))
    rates = [surveys[i].sample_rate for i in known]
    channels = [surveys[i].n_channels for i in known]
    findings += _find_minority("sample-rate", known, rates, "Hz")
    findings += _find_minority("channels", known, channels, "channel(s)")
    return findings


def _find_minority(fault, tracks, values, unit):
    usual, n_usual = Counter(values).most_common(1)[0]
    return [
        Finding(
            fault,
            (track,),
            f"{value} {unit} ({n_usual} of {len(values)} tracks have {usual} {unit})",
        )
        for track, value in zip(tracks, values, strict=True)
        if value != usual
    ]


def _find_replicas(surveys):
    """Findings on replicas, and the pairs of tracks that are one recording."""
    fingerprints = [survey.fingerprint for survey in surveys]
    findings, pairs = [], []
    for tracks in find_exact_replicas([survey.digest for survey in surveys]):
        findings.append(Finding("exact-replica", tuple(tracks), "equal samples"))
        pairs += [(tracks[0], track) for track in tracks[1:]]
        # One of them is enough to find what else is of this recording.
        for track in tracks[1:]:
            fingerprints[track] = fingerprints[track][:0]
    for near in find_near_replicas(fingerprints):
        detail = (
            f"{near.overlap_seconds:.1f} s in common at {near.offset_seconds:+.1f} s, "
            f"bit error rate {near.bit_error_rate:.3f} "
            f"(more than {MAX_BIT_ERROR_RATE:g})"
        )
        findings.append(Finding("near-replica", (near.first, near.second), detail))
        pairs.append((near.first, near.second))
    return findings, sorted(pairs)


def _find_label_faults(target, groups, replicas):
    findings = [
        Finding("two-labels", tracks, detail)
        for tracks, detail in find_two_labels(
            _join_pairs(replicas, len(target)), target
        )
    ]
    details = [] if groups is None else find_confounded_artists(target, groups)
    findings += [Finding("confounded-artist", (), detail) for detail in details]
    details = find_imbalance(target)
    return findings + [Finding("imbalanced", (), detail) for detail in details]


def _join_pairs(pairs, n_tracks):
    """Tracks of each recording that has more than one, linked by chains of pairs."""
    if not pairs:
        return []
    # Of arrays with wider indices, csgraph of scipy 1.11 leaves the labels unset.
    first, second = np.transpose(pairs).astype(np.int32)
    links = sparse.coo_array(
        (np.ones(len(pairs)), (first, second)), shape=(n_tracks, n_tracks)
    )
    _, labels = csgraph.connected_components(links, directed=False)
    recordings = {}
    for track in np.unique(pairs).tolist():
        recordings.setdefault(int(labels[track]), []).append(track)
    return list(recordings.values())

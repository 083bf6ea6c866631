"""Fingerprints of tracks, and the pairs of tracks that share a recording.

A fingerprint is what of a track survives coding, gain and cutting: 32 bits, 31 times a
second, after Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR
2002). Each bit says whether the difference of energy between two neighbouring bands
grew or fell since the frame before, which neither gain nor a smooth equaliser changes.

No track is compared with all others. Sorted, frames with equal bits are neighbours;
neighbours propose an alignment of two tracks, and only what enough of them propose is
compared bit by bit.
"""

from typing import NamedTuple

import numpy as np
import soxr
from scipy import fft

# The bands end at 1.8 kHz, where every coder and every sample rate still agree, so that
# everything above can go first: the transform then costs a quarter. 1.8 kHz is where
# the resampling filter for 4 kHz begins to fall.
FINGERPRINT_RATE = 4000  # hertz
LOWEST_BAND_EDGE = 300.0  # hertz
HIGHEST_BAND_EDGE = 1800.0  # hertz
N_BITS = 32

# Frames far longer than the hop hardly change when a track is cut between two hops: at
# worst by half a hop, 4 % of a frame. Haitsma and Kalker hop 11.6 ms; 32 ms cost a
# third of that time and memory, and still find every planted replica.
FRAME_SAMPLES = 1536  # 0.384 s
HOP_SAMPLES = 128  # 0.032 s
FRAMES_PER_SECOND = FINGERPRINT_RATE / HOP_SAMPLES

# Frames windowed and transformed at a time: 0.4 MB, which stay in the cache.
BLOCK_FRAMES = 64

# What two tracks must have in common, in sound. Among 1000 invented tracks of 30 s some
# of one artist share up to 9.4 s, the end of one being the beginning of another. Of a
# short track half is enough, as long as that is more than a sample or a jingle.
MIN_OVERLAP_SECONDS = 10.0
MIN_OVERLAP_SHARE = 0.5  # of the shorter track, where that is less
SHORTEST_OVERLAP_SECONDS = 3.0

# Share of bits that differ. Measured on GTZAN tracks: at most 0.17 between a track and
# a copy of it that is cut between two hops, 6 dB quieter and an mp3 of 32 kbit/s. 0.5
# is chance. Of 1000 invented tracks, by instruments that never vary, one pair is below:
# two tracks of one artist that play the same bars.
MAX_BIT_ERROR_RATE = 0.2

# Errors relative to those that two tracks with the same share of set bits, band by
# band, would have by chance. A drone sets the same bits all along, so that it agrees
# with any drone of its pitch at any offset: that says nothing about the recording.
MAX_RELATIVE_ERROR = 0.6

# Frames are looked up by 24 of their 32 bits, three times: coding flips a bit or two of
# most frames, so that far more agree in some 24 than in all (with white noise as ogg
# one frame in 200 is left whole).
LOOKUP_MASKS = (0x00FFFFFF, 0xFFFFFF00, 0xFFF00FFF)

# Lookups that must propose the same alignment, to within a hop: a frame of equal bits
# gives three.
MIN_VOTES = 3

# A frame is paired with so many of its equals in other tracks, and no track of a
# collection leads to more than so many comparisons: what is common to many tracks must
# not make the search quadratic. A recording with more replicas than this is still found
# as a chain.
MAX_NEIGHBOURS = 8
MAX_COMPARISONS_PER_TRACK = 20

_BIT_COUNTS = np.array([bin(value).count("1") for value in range(256)], dtype=np.uint8)


class NearReplica(NamedTuple):
    """Two tracks that share a recording.

    `first` and `second` are positions of fingerprints, first < second. Second 0 of
    `second` is at `offset_seconds` of `first`; they overlap for `overlap_seconds`.
    """

    first: int
    second: int
    offset_seconds: float
    overlap_seconds: float
    bit_error_rate: float


def compute_fingerprint(signal, *, sample_rate):
    """Compute the fingerprint of a signal.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
        Mono samples, float32. They are not written to.
    sample_rate : int
        Samples per second of the signal, in hertz.

    Returns
    -------
    fingerprint : ndarray of shape (n_frames - 1,), dtype uint32
        The bits of each frame; empty if the signal is shorter than two frames, or its
        rate lower than that of fingerprints. A frame without sound has no bit set.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre.audit.replicas import compute_fingerprint
    >>> noise = np.random.default_rng(0).normal(size=44100).astype(np.float32)
    >>> fingerprint = compute_fingerprint(noise, sample_rate=22050)
    >>> quieter = compute_fingerprint(noise / 2, sample_rate=22050)
    >>> fingerprint.shape, bool((fingerprint == quieter).all())
    ((50,), True)
    """
    # At a lower rate the bands are not there; of a damaged header that says 1 Hz,
    # resampling would make 4000 times the samples.
    if sample_rate < FINGERPRINT_RATE:
        return np.empty(0, dtype=np.uint32)
    signal = soxr.resample(signal, sample_rate, FINGERPRINT_RATE, quality="HQ")
    if len(signal) < FRAME_SAMPLES + HOP_SAMPLES:
        return np.empty(0, dtype=np.uint32)
    frames = np.lib.stride_tricks.sliding_window_view(signal, FRAME_SAMPLES)
    frames = frames[::HOP_SAMPLES]
    window = np.hanning(FRAME_SAMPLES).astype(np.float32)
    edges = np.geomspace(LOWEST_BAND_EDGE, HIGHEST_BAND_EDGE, N_BITS + 2)
    bins = np.rint(edges * FRAME_SAMPLES / FINGERPRINT_RATE).astype(int)
    energies = np.empty((len(frames), N_BITS + 1), dtype=np.float32)
    for start in range(0, len(frames), BLOCK_FRAMES):
        rows = slice(start, start + BLOCK_FRAMES)
        spectrum = fft.rfft(frames[rows] * window)[:, bins[0] : bins[-1]]
        power = spectrum.real**2 + spectrum.imag**2
        energies[rows] = np.add.reduceat(power, bins[:-1] - bins[0], axis=1)
    slopes = energies[:, :-1] - energies[:, 1:]
    bits = slopes[1:] > slopes[:-1]
    return np.packbits(bits, axis=1, bitorder="little").view("<u4").ravel()


def find_near_replicas(fingerprints):
    """Find the pairs of tracks that share a recording.

    Parameters
    ----------
    fingerprints : list of ndarray of shape (n_frames,), dtype uint32
        What `compute_fingerprint` gives for each track.

    Returns
    -------
    pairs : list of NearReplica
        Sorted by `first`, then `second`.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre.audit.replicas import find_near_replicas
    >>> track = np.random.default_rng(0).integers(2**32, size=900, dtype=np.uint32)
    >>> (pair,) = find_near_replicas([track, track[250:]])
    >>> pair.first, pair.second, pair.offset_seconds
    (0, 1, 8.0)
    """
    lengths = np.array([len(fingerprint) for fingerprint in fingerprints])
    if not lengths.sum():
        return []
    found = {}
    for first, second, offset in _propose_alignments(fingerprints, lengths):
        replica = _compare(fingerprints, first, second, offset)
        best = found.get((first, second))
        if replica is not None and (
            best is None or replica.bit_error_rate < best.bit_error_rate
        ):
            found[first, second] = replica
    return [found[pair] for pair in sorted(found)]


def _propose_alignments(fingerprints, lengths):
    """Return alignments worth a comparison: first, second track and offset in hops."""
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    n_offsets = 2 * int(lengths.max()) + 1
    proposals, votes = [], []
    for mask in LOOKUP_MASKS:
        bits = np.concatenate(fingerprints)
        # A frame without sound proposes nothing, and one that repeats the frame before
        # it no more than that one did.
        telling = bits != 0
        bits &= np.uint32(mask)
        telling[1:] &= bits[1:] != bits[:-1]
        # Bits in the high half of a key, position among all frames in the low half.
        keys = bits.astype(np.uint64) << np.uint64(32)
        keys |= np.arange(len(bits), dtype=np.uint64)
        keys = keys[telling]
        keys.sort()
        for distance in range(1, MAX_NEIGHBOURS + 1):
            earlier, later = keys[:-distance], keys[distance:]
            equal = (earlier ^ later) >> np.uint64(32) == 0
            unique, counts = np.unique(
                _encode(earlier[equal], later[equal], starts, n_offsets),
                return_counts=True,
            )
            proposals.append(unique)
            votes.append(counts)
    proposals, inverse = np.unique(np.concatenate(proposals), return_inverse=True)
    votes = np.bincount(inverse, np.concatenate(votes), len(proposals)).astype(int)
    leading = _find_leading(proposals, votes)
    pair, offset = np.divmod(proposals[leading], n_offsets)
    first, second = np.divmod(pair, len(fingerprints))
    offset -= n_offsets // 2
    n_shared = np.minimum(
        lengths[first] - np.maximum(0, offset), lengths[second] - np.maximum(0, -offset)
    )
    chosen = n_shared >= _count_required_frames(lengths[first], lengths[second])
    # The most votes first, in case they are too many.
    order = np.argsort(-votes[leading][chosen], kind="stable")
    n_most = len(fingerprints) * MAX_COMPARISONS_PER_TRACK
    chosen = np.flatnonzero(chosen)[order[:n_most]]
    return np.stack([first, second, offset], axis=1)[chosen].tolist()


def _encode(earlier, later, starts, n_offsets):
    """Return each pair of frames as one integer: its two tracks and their offset."""
    low_half = np.uint64(2**32 - 1)
    earlier = (earlier & low_half).astype(np.int64)
    later = (later & low_half).astype(np.int64)
    first = np.searchsorted(starts, earlier, side="right") - 1
    second = np.searchsorted(starts, later, side="right") - 1
    offset = (earlier - starts[first]) - (later - starts[second]) + n_offsets // 2
    return ((first * (len(starts) - 1) + second) * n_offsets + offset)[first != second]


def _find_leading(proposals, votes):
    """Return the proposals with enough votes, one for each neighbourhood."""
    # Neighbouring offsets of one pair are neighbouring integers: a cut between two hops
    # spreads its votes over both.
    support = votes.copy()
    adjacent = np.diff(proposals) == 1
    support[1:] += np.where(adjacent, votes[:-1], 0)
    support[:-1] += np.where(adjacent, votes[1:], 0)
    leading = support >= MIN_VOTES
    leading[1:] &= ~adjacent | (votes[1:] > votes[:-1])
    leading[:-1] &= ~adjacent | (votes[:-1] >= votes[1:])
    return np.flatnonzero(leading)


def _count_required_frames(n_first, n_second):
    """Return how many frames tracks of so many frames must share."""
    n_frames = np.minimum(
        MIN_OVERLAP_SECONDS * FRAMES_PER_SECOND,
        MIN_OVERLAP_SHARE * np.minimum(n_first, n_second),
    )
    return np.maximum(n_frames, SHORTEST_OVERLAP_SECONDS * FRAMES_PER_SECOND)


def _compare(fingerprints, first, second, offset):
    """Return two tracks as a NearReplica; None unless they agree around an offset."""
    n_required = _count_required_frames(
        len(fingerprints[first]), len(fingerprints[second])
    )
    best = None
    # A cut between two hops moves the best alignment by at most one of them.
    for shift in (offset - 1, offset, offset + 1):
        a = fingerprints[first][max(0, shift) :]
        b = fingerprints[second][max(0, -shift) :]
        n_frames = min(len(a), len(b))
        a, b = a[:n_frames], b[:n_frames]
        sounding = (a != 0) & (b != 0)
        a, b = a[sounding], b[sounding]
        if len(a) >= n_required:
            rate = float(_BIT_COUNTS[(a ^ b).view(np.uint8)].mean() / 8)
            if best is None or rate < best[0]:
                best = rate, shift, a, b
    if best is None or best[0] > MAX_BIT_ERROR_RATE:
        return None
    rate, shift, a, b = best
    # Chance: the errors of tracks with these shares of set bits, but nothing else in
    # common.
    p, q = (
        np.unpackbits(frames.view(np.uint8)).reshape(-1, N_BITS).mean(axis=0)
        for frames in (a, b)
    )
    chance = float(np.mean(p * (1 - q) + q * (1 - p)))
    if rate > MAX_RELATIVE_ERROR * chance:
        return None
    return NearReplica(
        first=first,
        second=second,
        offset_seconds=shift / FRAMES_PER_SECOND,
        overlap_seconds=len(a) / FRAMES_PER_SECOND,
        bit_error_rate=rate,
    )

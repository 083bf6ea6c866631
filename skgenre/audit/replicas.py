"""Which tracks hold the same recording: an index of fingerprints, then a verdict.

No track is compared with all others. Frames of equal bits are neighbours once all
frames are sorted; such neighbours propose an alignment of two tracks, and only what
enough of them propose is compared bit by bit.
"""

from typing import NamedTuple

import numpy as np

from skgenre.audit.fingerprint import FRAMES_PER_SECOND, N_BITS

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

# A cut between two hops moves the best alignment by at most one of them.
ALIGNMENT_SLACK_HOPS = 1

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


def find_exact_replicas(digests):
    """Gather tracks of equal samples.

    Parameters
    ----------
    digests : list of (bytes or None)
        Digest of each track's samples; None leaves a track out.

    Returns
    -------
    replicas : list of list of int
        Positions of the tracks of each recording that is there more than once.

    Examples
    --------
    >>> from skgenre.audit.replicas import find_exact_replicas
    >>> find_exact_replicas([b"a", b"b", None, b"a", None])
    [[0, 3]]
    """
    positions = {}
    for position, digest in enumerate(digests):
        if digest is not None:
            positions.setdefault(digest, []).append(position)
    return [tracks for tracks in positions.values() if len(tracks) > 1]


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
    lengths = [len(fingerprint) for fingerprint in fingerprints]
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    if starts[-1] == 0:
        return []
    first, second, offset = _propose_alignments(fingerprints, starts)
    found = {}
    for i, j, shift in zip(
        first.tolist(), second.tolist(), offset.tolist(), strict=True
    ):
        replica = _compare(fingerprints, i, j, shift)
        if replica is None:
            continue
        best = found.get((i, j))
        if best is None or replica.bit_error_rate < best.bit_error_rate:
            found[i, j] = replica
    return [found[pair] for pair in sorted(found)]


def _propose_alignments(fingerprints, starts):
    """Alignments worth a comparison: first, second track and offset in hops."""
    n_tracks = len(fingerprints)
    n_offsets = 2 * max(len(fingerprint) for fingerprint in fingerprints) + 1
    proposals, votes = [], []
    for mask in LOOKUP_MASKS:
        keys = _sort_frames(fingerprints, mask)
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
    first, second = np.divmod(pair, n_tracks)
    offset -= n_offsets // 2
    chosen = _overlaps_enough(np.diff(starts), first, second, offset)
    # The most votes first, in case they are too many.
    order = np.argsort(-votes[leading][chosen], kind="stable")
    chosen = np.flatnonzero(chosen)[order[: n_tracks * MAX_COMPARISONS_PER_TRACK]]
    return first[chosen], second[chosen], offset[chosen]


def _sort_frames(fingerprints, mask):
    """Bits in the high half, position among all frames in the low half; sorted."""
    bits = np.concatenate(fingerprints)
    # A frame without sound proposes nothing, and one that repeats the frame before it
    # no more than that one did.
    telling = bits != 0
    bits &= np.uint32(mask)
    telling[1:] &= bits[1:] != bits[:-1]
    keys = bits.astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= np.arange(len(bits), dtype=np.uint64)
    keys = keys[telling]
    keys.sort()
    return keys


def _encode(earlier, later, starts, n_offsets):
    """Each pair of frames as one integer: its two tracks and their offset."""
    low_half = np.uint64(2**32 - 1)
    earlier = (earlier & low_half).astype(np.int64)
    later = (later & low_half).astype(np.int64)
    first = np.searchsorted(starts, earlier, side="right") - 1
    second = np.searchsorted(starts, later, side="right") - 1
    offset = (earlier - starts[first]) - (later - starts[second]) + n_offsets // 2
    return ((first * (len(starts) - 1) + second) * n_offsets + offset)[first != second]


def _find_leading(proposals, votes):
    """Positions of the proposals with enough votes, one for each neighbourhood."""
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


def _overlaps_enough(lengths, first, second, offset):
    """Whether two tracks share enough frames at that offset, in hops."""
    n_frames = np.minimum(
        lengths[first] - np.maximum(0, offset), lengths[second] - np.maximum(0, -offset)
    )
    return n_frames >= _count_required_frames(lengths[first], lengths[second])


def _count_required_frames(n_first, n_second):
    """Frames that tracks of so many frames must share."""
    n_frames = np.minimum(
        MIN_OVERLAP_SECONDS * FRAMES_PER_SECOND,
        MIN_OVERLAP_SHARE * np.minimum(n_first, n_second),
    )
    return np.maximum(n_frames, SHORTEST_OVERLAP_SECONDS * FRAMES_PER_SECOND)


def _compare(fingerprints, first, second, offset):
    """The two tracks as a NearReplica, if they agree around that offset in hops."""
    n_required = _count_required_frames(
        len(fingerprints[first]), len(fingerprints[second])
    )
    rates = []
    for shift in range(
        offset - ALIGNMENT_SLACK_HOPS, offset + ALIGNMENT_SLACK_HOPS + 1
    ):
        a, b = _align(fingerprints, first, second, shift)
        if len(a) >= n_required:
            rates.append((_bit_error_rate(a, b), shift))
    rate, offset = min(rates, default=(1.0, 0))
    if rate > MAX_BIT_ERROR_RATE:
        return None
    a, b = _align(fingerprints, first, second, offset)
    if rate > MAX_RELATIVE_ERROR * _chance_error_rate(a, b):
        return None
    return NearReplica(
        first=first,
        second=second,
        offset_seconds=offset / FRAMES_PER_SECOND,
        overlap_seconds=len(a) / FRAMES_PER_SECOND,
        bit_error_rate=rate,
    )


def _align(fingerprints, first, second, offset):
    """The frames of both tracks in which both have sound."""
    a = fingerprints[first][max(0, offset) :]
    b = fingerprints[second][max(0, -offset) :]
    n_frames = min(len(a), len(b))
    a, b = a[:n_frames], b[:n_frames]
    sounding = (a != 0) & (b != 0)
    return a[sounding], b[sounding]


def _bit_error_rate(a, b):
    """Share of bits that differ."""
    return float(_BIT_COUNTS[(a ^ b).view(np.uint8)].mean() / 8)


def _chance_error_rate(a, b):
    """Bit error rate of tracks with these shares of set bits but nothing in common."""
    shares = []
    for frames in (a, b):
        bits = np.unpackbits(frames.astype("<u4").view(np.uint8)).reshape(-1, N_BITS)
        shares.append(bits.mean(axis=0))
    p, q = shares
    return float(np.mean(p * (1 - q) + q * (1 - p)))

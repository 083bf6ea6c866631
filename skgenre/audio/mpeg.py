"""How much sound an MPEG audio stream (MP3, MP2) holds: its frames are counted.

libsndfile believes the tag of an MP3 (Xing, Info) or estimates a length from the first
frame, and stops there. Where the frames show that this loses sound, it is given a tag
that is right, and the frames alone.
"""

import functools
import os
import re
from typing import NamedTuple

from skgenre.audio.inspection import (
    Inspection,
    describe_end,
    join_recordings,
    read_at,
)

# Kilobits per second by index, for (is MPEG-1, layer); 0 stands for free format.
_BIT_RATES = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATE_DIVISORS = {3: 1, 2: 2, 0: 4}  # MPEG-1, MPEG-2, MPEG-2.5

# The first three bytes of a header: sync, no reserved version, layer, bit rate or rate.
_HEADER = re.compile(
    rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]["
    + b"".join(b"\\x%x0-\\x%xb" % (index, index) for index in range(15))
    + b"]"
)
# So many headers of one format, each where the frame before ends, are no accident.
_N_CHAIN_FRAMES = 4
_MAX_FREE_FRAME_BYTES = 4096
_MAX_FREE_TRIALS = 20  # each costs as much as a hundred others
_MAX_JUNK_BYTES = 2**20  # before the first frame, where no tag says that this is an MP3
_MAX_RECORDINGS = _MAX_GAPS = 1000  # beyond, a file is hostile
_SEARCH_BYTES = 2**13
_WALK_BYTES = 2**18

# Where an MP3's tag names the encoder's delay, libmpg123 drops that of its own filters,
# too.
_DECODER_DELAY = 529
_SILENT_SAMPLES = 4 * 1152


class _Format(NamedTuple):
    """What all frames of a stream have in common."""

    layer: int
    sample_rate: int
    n_channels: int
    is_mpeg1: bool

    @property
    def n_frame_samples(self):
        if self.layer == 1:
            return 384
        return 1152 if self.layer == 2 or self.is_mpeg1 else 576

    @property
    def tag_offset(self):
        """Bytes from the beginning of an MP3's frame to its tag, if it is one."""
        if self.is_mpeg1:
            return 4 + (17 if self.n_channels == 1 else 32)
        return 4 + (9 if self.n_channels == 1 else 17)


class _Tag(NamedTuple):
    """What the first frame of many MP3s tells instead of sound."""

    n_frames: int  # 0: not known
    n_bytes: int | None  # of the tag and all that follows
    delay: int | None  # samples that the encoder put in front and behind
    padding: int
    is_vbri: bool  # a kind of tag that libmpg123 takes for a frame of sound
    stop: int


class _Walk(NamedTuple):
    """Where the frames of a stream are, and what is wrong with them."""

    ranges: tuple  # pairs (start, stop) of offsets in the file
    n_frames: int
    is_cut: bool  # the last frame is not whole, and not counted
    gap: str | None  # bytes that are not frames, before more of them
    following: tuple | None  # where frames of another format begin, and their lengths


class _FrameLengths:
    """Bytes of frames of one format by their headers, learnt as they come.

    A stream has a few dozen different headers.
    """

    def __init__(self, format, free_length=None):
        self.format, self.free_length, self.known = format, free_length, {}

    def find(self, header):
        """Return the bytes of a frame, or None if it is none of this format."""
        found = _parse_header(header)
        if found is None or found[0] != self.format:
            return None
        length = found[1]
        if length is None:
            if self.free_length is None:
                return None
            padding = header[2] >> 1 & 1
            length = self.free_length + padding * (4 if self.format.layer == 1 else 1)
        self.known[header] = length
        return length


_find_lengths = functools.cache(_FrameLengths)


def inspect_mpeg(file):
    """Return the `Inspection` of an MPEG audio stream; None where no frames are found.

    The whole file is read, for the headers of its frames: about 0.2 µs per frame, 1 %
    of what decoding takes.
    """
    size = file.seek(0, os.SEEK_END)
    start = skip_tags(file, 0, size)
    limit = size if start else min(size, _MAX_JUNK_BYTES)
    found = _find_frames(file, start, limit, size)
    if found is None:
        return None
    recordings = []
    while found is not None and len(recordings) <= _MAX_RECORDINGS:
        recording, found = _inspect_recording(file, *found, size)
        recordings.append(recording)
    if found is not None:
        fault = f"of more than {_MAX_RECORDINGS} recordings of various formats"
        return Inspection(recordings[0].kind, "ffmpeg", demuxer="mp3", fault=fault)
    for recording in recordings:
        if recording.decoder == "ffmpeg":
            return recording
    # A tag alone is no recording.
    with_sound = [each for each in recordings if each.decoder is not None]
    if not with_sound:
        return recordings[0]
    return join_recordings(with_sound)


def _inspect_recording(file, start, lengths, size):
    """Return the Inspection of frames of one format, and where others follow."""
    format = lengths.format
    tag = _read_tag(file, start, lengths) if format.layer == 3 else None
    walk = _walk(file, start if tag is None else tag.stop, size, lengths)
    ranges, n_frames = walk.ranges, walk.n_frames
    kind = f"an MP{format.layer} file"
    if n_frames == 0:
        fault = "without a whole frame of sound"
        return Inspection(kind, None, fault=fault), walk.following
    incomplete = None
    seconds = n_frames * format.n_frame_samples / format.sample_rate
    if walk.gap is not None:
        incomplete = f"{walk.gap}: what was there is missing"
    elif tag is not None and tag.n_frames > n_frames + 1:
        promised = tag.n_frames * format.n_frame_samples / format.sample_rate
        incomplete = describe_end(n_frames, tag.n_frames, seconds=promised)
    elif walk.is_cut:
        incomplete = f"ends within a frame, after {seconds:.2f} s"

    # Does libsndfile read all of it as it is?
    tail = read_at(file, ranges[-1][1], 129)
    has_clean_end = not tail or (len(tail) == 128 and tail.startswith(b"TAG"))
    first_length = lengths.find(read_at(file, ranges[0][0], 4))
    is_right = tag is not None and not tag.is_vbri
    is_right = is_right and tag.n_frames in (n_frames, n_frames + 1)
    if tag is None:
        is_whole = has_clean_end and size - start - len(tail) >= n_frames * first_length
    else:
        is_whole = is_right and (has_clean_end or tag.n_frames == n_frames)
        if tag.n_bytes is not None:
            # libmpg123 warns, to stderr, from one percent on.
            is_whole &= abs(size - start - tag.n_bytes) < 0.009 * (size - start)
    if is_whole and len(ranges) == 1 and walk.following is None:
        # Without the tags before: libmpg123 writes to stderr what is wrong with them.
        parts = ((start, size),) if start else None
    elif len(ranges) > _MAX_GAPS:
        fault = f"with more than {_MAX_GAPS} gaps between its frames"
        return Inspection(kind, "ffmpeg", demuxer="mp3", fault=fault), walk.following
    elif format.layer == 3:
        parts = (_make_tag(file, tag, n_frames, is_right, ranges, lengths), *ranges)
    elif sum(stop - start for start, stop in ranges) >= n_frames * first_length:
        parts = ranges
    else:
        fault = "with frames of various lengths and no header that tells how many"
        return Inspection(kind, "ffmpeg", demuxer="mp3", fault=fault), walk.following
    return Inspection(kind, parts=parts, incomplete=incomplete), walk.following


@functools.lru_cache(maxsize=4096)
def _parse_header(header):
    """Return the format and the length of a frame (None: free format), or None."""
    if len(header) < 4 or not _HEADER.match(header):
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    divisor = _RATE_DIVISORS[version]
    sample_rate = (44100, 48000, 32000)[header[2] >> 2 & 3] // divisor
    format = _Format(
        layer=layer,
        sample_rate=sample_rate,
        n_channels=1 if header[3] >> 6 == 3 else 2,
        is_mpeg1=divisor == 1,
    )
    bit_rate = 1000 * _BIT_RATES[divisor == 1, layer][header[2] >> 4]
    if bit_rate == 0:
        return format, None
    padding = header[2] >> 1 & 1
    if layer == 1:
        return format, (12 * bit_rate // sample_rate + padding) * 4
    return format, format.n_frame_samples // 8 * bit_rate // sample_rate + padding


def _find_frames(file, start, limit, size, format=None):
    """Return where frames (at best of a known format) begin, and their lengths."""
    n_free = 0
    for block_start in range(start, limit, _SEARCH_BYTES):
        block = read_at(file, block_start, _SEARCH_BYTES + _MAX_FREE_FRAME_BYTES)
        for match in _HEADER.finditer(block, 0, _SEARCH_BYTES + 2):
            # Most of what looks like a header is not followed by another one.
            offset = match.start()
            found = _parse_header(block[offset : offset + 4])
            if found is None:
                continue
            if found[1] is None:
                n_free += 1
                if n_free > _MAX_FREE_TRIALS:
                    continue
            else:
                code = block[offset + found[1] : offset + found[1] + 2]
                if len(code) == 2 and (
                    code[0] < 255 or (code[1] ^ block[offset + 1]) > 1
                ):
                    continue
            lengths = _follow_frames(file, block_start + offset, size, format)
            if lengths is not None:
                return block_start + offset, lengths
    return None


def _follow_frames(file, start, size, known_format):
    """Return the lengths of the frames from start on, or None if they are none."""
    lengths, position = None, start
    for n_frames in range(_N_CHAIN_FRAMES):
        header = read_at(file, position, 4)
        found = _parse_header(header)
        if found is None or (n_frames and found[0] != lengths.format):
            # A short stream ends before it can be told from an accident.
            ends = position >= size or skip_tags(file, position, size) > position
            is_known = lengths is not None and lengths.format == known_format
            return lengths if n_frames > 1 and (ends or is_known) else None
        if lengths is None:
            lengths = _find_lengths(found[0])
        if found[1] is None and lengths.free_length is None:
            free_length = _measure_free_frame(file, position)
            if free_length is None:
                return None
            lengths = _FrameLengths(found[0], free_length)
        position += lengths.find(header)
    return lengths


def _measure_free_frame(file, start):
    """Return the bytes of an unpadded frame of free format: up to the next header."""
    data = read_at(file, start, _MAX_FREE_FRAME_BYTES)
    for match in _HEADER.finditer(data, 40):  # no frame has less than that
        header = data[match.start() : match.start() + 3]
        if header[1] == data[1] and header[2] & 0xFC == data[2] & 0xFC:
            padding = data[2] >> 1 & 1
            return match.start() - padding * (4 if data[1] >> 1 & 3 == 3 else 1)
    return None


def _walk(file, start, size, lengths):
    """Count all frames of a format, over the tags and the damage in between."""
    format, ranges, n_frames, position = lengths.format, [], 0, start
    gap = following = None
    while True:
        stop, n_more, is_cut = _count_frames(file, position, size, lengths)
        n_frames += n_more
        if n_more:
            ranges.append((position, stop))
        behind = skip_tags(file, stop, size)
        # Fewer bytes than a header are no sound.
        found = _find_frames(file, behind, size - 3, size, format)
        if found is None:
            break
        position, lengths = found
        if position > behind and gap is None:
            seconds = n_frames * format.n_frame_samples / format.sample_rate
            gap = (
                f"bytes {behind} to {position} (at {seconds:.2f} s) are not MPEG frames"
            )
        if lengths.format != format:
            following = found
            break
    return _Walk(tuple(ranges), n_frames, is_cut, gap, following)


def _count_frames(file, start, size, lengths):
    """Return where whole frames end, their number, and whether one more is cut."""
    position, n_frames, known = start, 0, lengths.known
    while position + 4 <= size:
        data = read_at(file, position, _WALK_BYTES)
        offset, n_before = 0, n_frames
        while True:
            # The loop that counts: half of its time is the slice, so it has no more.
            try:
                while True:
                    offset += known[data[offset : offset + 4]]
                    n_frames += 1
            except KeyError:
                if lengths.find(data[offset : offset + 4]) is None:
                    break  # another header, or the end of the data
        position += offset
        if n_frames == n_before:
            break
    if position > size:
        return size, n_frames - 1, True
    return position, n_frames, False


def skip_tags(file, start, size):
    """Return where the tags (ID3, APE, Lyrics3) that begin at start end."""
    position = start
    while position < size:
        head = read_at(file, position, 32)
        if head.startswith(b"ID3") and len(head) > 9 and max(head[6:10]) < 128:
            # Seven bits per byte; some have a footer as long as their header.
            length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
            length += 20 if head[5] & 0x10 else 10
        elif head.startswith(b"APETAGEX"):
            length = 32
            if len(head) == 32 and head[23] & 0x20:  # a header, not a footer
                length += int.from_bytes(head[12:16], "little")
        elif head.startswith(b"LYRICSBEGIN"):
            content = read_at(file, position, 2**20)
            end = re.search(rb"LYRICS(?:200|END)", content)
            if end is None:
                break
            length = end.end()
        elif head.startswith(b"TAG"):
            length = 227 if head[3:4] == b"+" else 128
        else:
            break
        position += length
    return min(position, size)


def _read_tag(file, start, lengths):
    """Return the `_Tag` of an MP3's first frame, or None if it is sound."""
    length = lengths.find(read_at(file, start, 4))
    frame = read_at(file, start, length)
    at = lengths.format.tag_offset
    if frame[36:40] == b"VBRI":
        n_frames = int.from_bytes(frame[50:54])
        return _Tag(n_frames, None, None, 0, is_vbri=True, stop=start + length)
    # As in libmpg123: the side information, but for a checksum, is zero.
    if frame[at : at + 4] not in (b"Xing", b"Info") or any(frame[6:at]):
        return None
    # Each part of a tag is there if its flag is: frames, bytes, contents, quality.
    flags = int.from_bytes(frame[at + 4 : at + 8])
    at, n_frames, n_bytes = at + 8, 0, None
    if flags & 1:
        n_frames, at = int.from_bytes(frame[at : at + 4]), at + 4
    if flags & 2:
        n_bytes, at = int.from_bytes(frame[at : at + 4]), at + 4
    at += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    encoder = frame[at : at + 24]
    delay, padding = None, 0
    if len(encoder) == 24 and encoder[0]:
        delay = encoder[21] << 4 | encoder[22] >> 4
        padding = (encoder[22] & 15) << 8 | encoder[23]
    stop = start + length
    return _Tag(n_frames, n_bytes, delay, padding, is_vbri=False, stop=stop)


def _needs_earlier_frames(file, start, format):
    """Whether an MP3's frame has some of its sound in those before: its reservoir."""
    frame = read_at(file, start, 8)
    at = 4 if frame[1] & 1 else 6  # behind a checksum
    begin = int.from_bytes(frame[at : at + 2])
    return bool(begin >> (7 if format.is_mpeg1 else 8))


def _make_tag(file, tag, n_frames, is_right, ranges, lengths):
    """Return the bytes of a tag that tells how much there is in the ranges."""
    format = lengths.format
    header = read_at(file, ranges[0][0], 4)
    # 128 (MPEG-1) or 80 kilobits per second, no checksum: there is room for a tag.
    header = bytes([255, header[1] | 1, 0x90 | header[2] & 0x0C, header[3] & 0xC0])
    frame = header + bytes(_parse_header(header)[1] - 4)
    padding, before = 0, b""
    if is_right:
        n_frames = tag.n_frames
    if tag is not None and tag.delay is not None:
        delay = tag.delay
        # The encoder's padding is behind its last frame, which is not the last here if
        # files were joined, and may not be here.
        if is_right or tag.n_frames == 0:
            padding = tag.padding
    elif is_right or _needs_earlier_frames(file, ranges[0][0], format):
        # libmpg123 mutes frames whose beginning is missing, unless there are silent
        # frames before: it would take their zeros for that beginning.
        delay = 0
    else:
        # Nothing tells the delay, so all samples are kept, as ffmpeg does. libmpg123
        # drops those of its filters: from silent frames before. So many of them leave
        # its buffers as they are at the beginning, for the same bits.
        n_silent = _SILENT_SAMPLES // format.n_frame_samples
        delay, before = _SILENT_SAMPLES - _DECODER_DELAY, n_silent * frame
        n_frames += n_silent
    n_bytes = sum(stop - start for start, stop in ranges) + len(frame) + len(before)
    content = b"Info"
    for number in (3, n_frames, n_bytes):
        content += min(number, 2**32 - 1).to_bytes(4)
    content += b"skgenre".ljust(21, b"\0") + (delay << 12 | padding).to_bytes(3)
    at = format.tag_offset
    return frame[:at] + content + frame[at + len(content) :] + before

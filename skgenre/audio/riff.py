"""WAV and its relatives (RIFX, RF64, BW64, Wave64): codec, and whether all is there."""

import struct
from typing import NamedTuple

from skgenre.audio.codec_names import WAV_CODECS
from skgenre.audio.inspection import (
    Inspection,
    View,
    describe_end,
    read_at,
    shift_parts,
)
from skgenre.audio.mpeg import inspect_mpeg

# Ends of the 16 bytes that name a codec in a WAVE_FORMAT_EXTENSIBLE header, of
# Microsoft's and of Ambisonics.
_GUID_TAILS = (
    bytes.fromhex("000000001000800000aa00389b71"),
    bytes.fromhex("00002107d3118644c8c1ca000000"),
)
# Sound of this kind is stored as if it were 16-bit samples, on CDs and in WAV files.
DTS_MAGICS = (
    bytes.fromhex("ff1f00e8"),
    bytes.fromhex("1fffe800"),
    bytes.fromhex("fe7f0180"),
    bytes.fromhex("7ffe8001"),
)
# Enough for any file; a hostile one has a chunk in every eight bytes.
MAX_CHUNKS = 10_000
_MAX_INFO_BYTES = 65536


class _Chunks(NamedTuple):
    """What the chunks of a WAV file tell."""

    form: bytes  # the content of 'fmt '
    ranges: list  # pairs (start, stop) of offsets between which samples are
    n_promised: int  # bytes of samples, by the header
    is_wrong: bool  # where libsndfile would not read all of the samples
    stop: int
    rest: bytes  # the beginning of what is behind
    info: bytes  # the list of texts


def inspect_wav(file, size):
    """Return the Inspection of a RIFF, RIFX, RF64 or BW64 file, and where it ends."""
    magic = read_at(file, 0, 4)
    order = "big" if magic == b"RIFX" else "little"
    form, ranges, n_promised, is_wrong, stop, rest, _ = _walk_chunks(file, size, order)
    codec, by_libsndfile = _find_codec(form, order)
    if codec == "PCM" and ranges and read_at(file, ranges[0][0], 4) in DTS_MAGICS:
        codec, by_libsndfile = "DTS", False
    found = Inspection(f"{_NAMES[magic]} file ({codec})", demuxer="wav")
    if not form or not ranges:
        missing = "samples" if form else "description of its samples ('fmt ')"
        return found._replace(decoder=None, fault=f"without any {missing}"), size
    n_bytes = sum(stop - start for start, stop in ranges)
    # A byte of padding is not sound.
    n_promised -= n_promised % max(1, int.from_bytes(form[12:14], order))
    seconds = _find_seconds(form, n_promised, order)
    found = found._replace(incomplete=describe_end(n_bytes, n_promised, seconds))
    if codec == "MP3" and len(ranges) == 1:
        # The samples are such a file, whose frames tell all.
        mpeg = inspect_mpeg(View(file, ranges))
        if mpeg is not None and mpeg.decoder == "libsndfile":
            parts = shift_parts(mpeg.parts or ((0, n_bytes),), ranges[0][0])
            missing = mpeg.incomplete or found.incomplete
            return found._replace(parts=parts, incomplete=missing), size
    if by_libsndfile is False:
        return found._replace(decoder="ffmpeg"), size
    is_joined = rest[:4] in _NAMES
    if not is_joined and stop < size and found.incomplete is None:
        incomplete = _describe_rest(form, n_bytes, size - stop, rest, order)
        found = found._replace(incomplete=incomplete)
    if is_wrong:
        found = found._replace(parts=_write_header(form, ranges, n_bytes, order))
    elif is_joined:
        found = found._replace(parts=((0, stop),))
    elif magic == b"BW64":  # the same as RF64, which libsndfile knows
        found = found._replace(parts=(b"RF64", (4, size)))
    return found, stop if is_joined else size


def read_info(file, size):
    """Return the texts in a WAV file's INFO list: bytes, by names such as IGNR."""
    magic = read_at(file, 0, 12)
    if magic[:4] not in _NAMES or magic[8:] != b"WAVE":
        return {}
    order = "big" if magic.startswith(b"RIFX") else "little"
    info, texts = _walk_chunks(file, size, order).info, {}
    while len(info) > 8:
        length = int.from_bytes(info[4:8], order)
        texts[info[:4]] = info[8 : 8 + length]
        # Some writers pad a text by a byte, some by none.
        info = info[8 + length :].lstrip(b"\0")
    return texts


def _walk_chunks(file, size, order):
    form, long_length, ranges, is_wrong, n_promised = b"", None, [], False, 0
    info = b""
    position, chunk = 12, b""
    for _ in range(MAX_CHUNKS):
        chunk = read_at(file, position, 128)
        name, length = chunk[:4], int.from_bytes(chunk[4:8], order)
        start = position + 8
        if not is_chunk(chunk, size - start, order, is_last=name == b"data"):
            break
        if name == b"fmt " and not form:
            form = read_at(file, start, min(length, 65536))
        elif name == b"LIST" and chunk[8:12] == b"INFO":
            n_bytes = min(length - 4, _MAX_INFO_BYTES - len(info))
            info += read_at(file, start + 4, max(0, n_bytes))
        elif name == b"ds64":
            long_length = int.from_bytes(chunk[16:24], "little")
        elif name == b"data":
            if long_length is not None and not ranges:
                length = long_length
            stop, promised = _find_end(file, start, length, size, order)
            # Of a length that is too large libsndfile reads what is there.
            is_wrong |= stop > start + length or length >= 2**62
            is_wrong |= bool(ranges) or not form
            ranges.append((start, stop))
            n_promised += promised
            length = stop - start
            if stop == size:
                position, chunk = size, b""
                break
        position = start + length + (length & 1)
        # Some writers forget the byte that makes the length of a chunk even.
        if length & 1 and not is_chunk(read_at(file, position, 8), size, order):
            is_unpadded = is_chunk(read_at(file, position - 1, 8), size, order)
            position -= is_unpadded
            # libsndfile would not find the samples.
            is_wrong |= is_unpadded and not ranges
    return _Chunks(form, ranges, n_promised, is_wrong, position, chunk, info)


def inspect_w64(file, size):
    """Return the Inspection of a Sony Wave64 file, and where it ends."""
    head = read_at(file, 0, 65536)
    form, position, incomplete = b"", 40, None
    while (chunk := head[position : position + 24])[16:]:
        length = int.from_bytes(chunk[16:24], "little")
        if chunk[:4] == b"fmt ":
            form = head[position + 24 : position + length]
        if chunk[:4] == b"data" or length < 24:
            # libsndfile reads to the end where the length is wrong.
            promised = length - 24
            if 0 < promised < 2**62:
                seconds = _find_seconds(form, promised, "little")
                incomplete = describe_end(size - position - 24, promised, seconds)
            break
        position += (length + 7) & ~7
    codec, by_libsndfile = _find_codec(form, "little")
    decoder = "ffmpeg" if by_libsndfile is False else "libsndfile"
    kind = f"a Wave64 file ({codec})"
    return Inspection(kind, decoder, "w64", incomplete=incomplete), size


_NAMES = {b"RIFF": "a WAV", b"RIFX": "a RIFX", b"RF64": "an RF64", b"BW64": "a BW64"}


def is_chunk(head, n_left, order, is_last=False):
    """Whether eight bytes are the head of a chunk that ends within n_left bytes."""
    name, length = head[:4], int.from_bytes(head[4:8], order)
    is_name = len(head) >= 8 and all(32 <= byte < 127 for byte in name)
    return is_name and name not in _NAMES and (is_last or length <= n_left)


def is_unknown(length, n_there):
    """Whether a length of 32 bits is what writers to a pipe put there."""
    # 0x7ffff000 by sox (0x7f000000 in AIFF), 0x80000000 by arecord, 0xffffffff less a
    # header by others.
    is_placeholder = 0x7FFF0000 <= length <= 0x80001000 or length >= 0xFFFF0000
    is_placeholder |= 0x7F000000 <= length <= 0x7F001000
    return is_placeholder and length > n_there


def _find_end(file, start, length, size, order):
    """Return where samples end and how many bytes of them are promised."""
    n_there = size - start
    if is_unknown(length, n_there):
        return size, 0
    if length > n_there:
        return size, length
    stop = start + length
    if length == n_there or is_chunk(
        read_at(file, stop + (length & 1), 8), size - stop, order
    ):
        return stop, length
    if length == 0 and read_at(file, stop, 4) not in _NAMES:
        return size, 0
    # 32 bits hold only what is left over of 4 GiB.
    return stop + ((n_there - length) >> 32 << 32), length


def _find_codec(form, order):
    """Return the name of a codec, and whether libsndfile decodes it (None: perhaps)."""
    tag = int.from_bytes(form[:2], order)
    if tag == 0xFFFE and form[26:40] in _GUID_TAILS:
        tag = int.from_bytes(form[24:26], order)
    return WAV_CODECS.get(tag, (f"codec {tag:#06x}", None))


def _find_seconds(form, n_bytes, order):
    """Return how long bytes of sound last, or None where the header does not tell."""
    sample_rate = int.from_bytes(form[4:8], order)
    n_block_bytes = int.from_bytes(form[12:14], order)
    n_block_frames = 1
    if form[:2] in (b"\x02\0", b"\x11\0", b"\x31\0"):  # ADPCM, GSM 6.10
        # Their bytes per second are often wrong.
        n_block_frames = int.from_bytes(form[18:20], order)
    elif not _find_codec(form, order)[1]:
        sample_rate, n_block_bytes = int.from_bytes(form[8:12], order), 1
    if not (sample_rate and n_block_bytes and n_block_frames):
        return None
    return n_bytes / n_block_bytes * n_block_frames / sample_rate


def _describe_rest(form, n_bytes, n_rest, rest, order):
    """Say that there is something behind the samples that is not a chunk."""
    seconds = _find_seconds(form, n_rest, order) or 0
    is_tag = rest.startswith((b"ID3", b"TAG", b"APETAGEX", b"LYRICS"))
    # Less is a tag or padding.
    if seconds < 0.1 or is_tag or not any(rest):
        return None
    found = _find_seconds(form, n_bytes, order)
    return (
        f"holds {n_rest} bytes, or {seconds:.2f} s, behind the {found:.2f} s of sound "
        "that its header promises"
    )


def _write_header(form, ranges, n_bytes, order):
    """Return parts for libsndfile: a right header, and the samples of all chunks."""
    sign = ">" if order == "big" else "<"
    chunk = b"fmt " + struct.pack(f"{sign}I", len(form)) + form + bytes(len(form) & 1)
    n_all = 4 + len(chunk) + 8 + n_bytes
    if n_all < 2**32 or order == "big":
        n_all, n_data = min(n_all, 2**32 - 1), min(n_bytes, 2**32 - 1)
        magic = b"RIFX" if order == "big" else b"RIFF"
        header = magic + struct.pack(f"{sign}I", n_all) + b"WAVE" + chunk
    else:
        n_data = 2**32 - 1
        lengths = struct.pack("<IQQQI", 28, n_all + 36, n_bytes, 0, 0)
        header = b"RF64\xff\xff\xff\xffWAVEds64" + lengths + chunk
    return (header + b"data" + struct.pack(f"{sign}I", n_data), *ranges)

"""AIFF, 8SVX and Core Audio files: codec, and whether all is there."""

import math
import struct

from skgenre.audio.codec_names import APPLE_BY_FFMPEG, APPLE_CODECS, APPLE_PLAIN
from skgenre.audio.inspection import Inspection, describe_end, read_at
from skgenre.audio.riff import MAX_CHUNKS, is_chunk, is_unknown


def inspect_aiff(file, size):
    """Return the Inspection of an AIFF or AIFF-C file, and where it ends."""
    is_aifc = read_at(file, 8, 4) == b"AIFC"
    codec, common, ranges, promised, is_wrong = b"NONE", b"", [], 0, False
    for name, start, length in _walk_chunks(file, size, last=b"SSND"):
        if name == b"COMM":
            common = read_at(file, start, 22)
            if is_aifc:
                codec = common[18:]
        elif name == b"SSND":
            # The length counts eight bytes in front of the samples.
            n_there = size - start
            stop = start + length
            follows = read_at(file, stop + (length & 1), 8)
            if is_unknown(length, n_there) or (
                length <= 8 and n_there > 8 and not is_chunk(follows, size, "big")
            ):
                stop = size
            elif length > n_there:
                stop, promised = size, length
            is_wrong |= stop - start != length or bool(ranges)
            ranges.append((start if not ranges else start + 8, stop))
            if stop == size:
                break
    kind, decoder = _choose(codec, "an AIFF-C" if is_aifc else "an AIFF")
    found = Inspection(kind, decoder, "aiff")
    if not ranges:
        return found._replace(decoder=None, fault="without any samples"), size
    n_bytes = sum(stop - start for start, stop in ranges)
    if promised:
        seconds = _find_seconds(common, codec, promised - 8)
        incomplete = describe_end(n_bytes - 8, promised - 8, seconds)
        found = found._replace(incomplete=incomplete)
    if is_wrong and decoder == "libsndfile":
        length = struct.pack(">I", min(n_bytes, 2**32 - 1))
        found = found._replace(parts=((0, ranges[0][0] - 4), length, *ranges))
    return found, size


def inspect_svx(file, size):
    """Return the Inspection of an Amiga 8SVX or 16SV file, and where it ends."""
    found = Inspection("an Amiga IFF file", demuxer="iff")
    width = 2 if read_at(file, 8, 4) == b"16SV" else 1
    sample_rate = 0
    for name, start, length in _walk_chunks(file, size, last=b"BODY"):
        if name == b"VHDR":
            header = read_at(file, start, 16)
            sample_rate = int.from_bytes(header[12:14], "big")
            if header[15:] != b"\0":
                found = found._replace(decoder="ffmpeg", fault="which is compressed")
        elif name == b"CHAN" and read_at(file, start, 4) == b"\0\0\0\6":
            # libsndfile would join the two channels one behind the other.
            found = found._replace(decoder="ffmpeg", fault="of two channels")
        elif name == b"BODY":
            seconds = length / width / sample_rate if sample_rate else None
            incomplete = describe_end(size - start, length, seconds)
            return found._replace(incomplete=incomplete), size
    return found, size


def _walk_chunks(file, size, *, last):
    """Yield name, start and length of chunks; those named `last` may be cut off."""
    position = 12
    for _ in range(MAX_CHUNKS):
        head = read_at(file, position, 8)
        name, length = head[:4], int.from_bytes(head[4:], "big")
        start = position + 8
        if not is_chunk(head, size - start, "big", is_last=name == last):
            break
        yield name, start, length
        position = start + length + (length & 1)


def inspect_caf(file, size):
    """Return the Inspection of a Core Audio file, and where it ends."""
    codec, seconds, found_length, stop = b"", None, None, size
    rate = n_packet_bytes = n_packet_frames = 0
    position, start = 8, size
    for _ in range(MAX_CHUNKS):
        chunk = read_at(file, position, 64)
        name = chunk[:4]
        if len(chunk) < 12 or not all(32 <= byte < 127 for byte in name):
            break
        length = int.from_bytes(chunk[4:12], "big", signed=True)
        if name == b"desc":
            codec = chunk[20:24]
            rate, _, _, n_packet_bytes, n_packet_frames = struct.unpack(
                ">d4sIII", chunk[12:36].ljust(24, b"\0")
            )
        elif name == b"pakt":
            n_frames = int.from_bytes(chunk[20:28], "big", signed=True)
            seconds = n_frames / rate if codec and rate > 0 else None
        elif name == b"data":
            start, found_length = position + 12, length
            follows = read_at(file, start + max(0, length), 12)
            is_empty = length <= 4 and start + 4 < size
            if is_empty and not is_chunk(follows[:4] + bytes(4), 0, "big"):
                break
            if length > size - start:
                break
            stop = start + length
        if length < 0:
            break
        position += 12 + length
    kind, decoder = _choose(codec, "a Core Audio")
    found = Inspection(kind, decoder, "caf")
    if found_length is None:
        return found._replace(decoder=None, fault="without any samples"), size
    if found_length == stop - start:
        return found, size
    if size - start < found_length < 2**62:
        if seconds is None and n_packet_bytes and rate > 0:
            n_packets = (found_length - 4) // n_packet_bytes
            seconds = n_packets * n_packet_frames / rate
        incomplete = describe_end(size - start, found_length, seconds)
        found = found._replace(incomplete=incomplete)
    length = struct.pack(">q", size - start)
    return found._replace(parts=((0, start - 8), length, (start, size))), size


def _choose(codec, container):
    """Return the kind of a file, and the decoder of its codec."""
    name = APPLE_CODECS.get(codec, f"codec {codec.decode('ascii', 'replace')!r}")
    by_ffmpeg = codec in APPLE_BY_FFMPEG
    # Core Audio's has another form, which libsndfile does not know.
    by_ffmpeg |= codec == b"ima4" and container == "a Core Audio"
    return f"{container} file ({name})", "ffmpeg" if by_ffmpeg else "libsndfile"


def _find_seconds(common, codec, n_bytes):
    """Return how long bytes of sound last, in seconds, by a COMM chunk, or None."""
    n_channels = int.from_bytes(common[:2], "big")
    n_frames = int.from_bytes(common[2:6], "big")
    n_bits = int.from_bytes(common[6:8], "big")
    exponent = int.from_bytes(common[8:10], "big") - 16383 - 63
    mantissa = int.from_bytes(common[10:18], "big")
    if not (mantissa and -64 < exponent < 0):
        return None
    if codec in APPLE_PLAIN and n_channels * n_bits:
        n_frames = n_bytes // (n_channels * -(-n_bits // 8))
    elif codec == b"ima4":  # counted in packets
        n_frames *= 64
    return n_frames / math.ldexp(mantissa, exponent)

"""MP4, M4A, 3GP and QuickTime files: their codec, their length, what tables claim."""

import re
from itertools import islice

from skgenre.audio.codec_names import APPLE_CODECS
from skgenre.audio.inspection import Inspection, read_at

# Bought with a lock: no free decoder can read them.
LOCKED = (b"drms", b"enca", b"aavd")
BRANDS = {
    b"M4A ": "an M4A file",
    b"M4B ": "an M4B file",
    b"M4P ": "an M4P file",
    b"qt  ": "a QuickTime file",
    b"3gp": "a 3GP file",
    b"3g2": "a 3GP file",
    b"aax": "an Audible file",
}
PICTURES = (b"heic", b"heix", b"hevc", b"mif1", b"avif")
# Boxes of a file among which its index is looked for.
MAX_BOXES = 1000
# Bytes of a box in which tables are looked for: they could claim a billion packets
# anywhere in it.
MAX_HEADER_BYTES = 2**28


def inspect_mp4(file, size):
    """Return the Inspection of an MP4 file, and where it ends."""
    brand = read_at(file, 8, 4)
    if brand in PICTURES:
        return Inspection("a picture (HEIF)", decoder=None), size
    names = (name for start, name in BRANDS.items() if brand.startswith(start))
    found = Inspection(next(names, "an MP4 file"), "ffmpeg", "mov")
    for box, start, stop in islice(_walk_boxes(file, size), MAX_BOXES):
        if box == b"moov":
            codecs = _find_codecs(read_at(file, start, min(stop - start, 2**20)))
            break
    else:
        # Recorders and browsers write it last: without it nothing can be found.
        fault = "without its index ('moov'), as a download that was never finished"
        return found._replace(decoder=None, fault=fault), size
    if any(codec in LOCKED for codec in codecs):
        return found._replace(decoder=None, fault="locked by its shop (DRM)"), size
    codec = next((APPLE_CODECS[code] for code in codecs if code in APPLE_CODECS), None)
    return found.with_codec(codec), size


def _walk_boxes(file, size):
    """Yield name, beginning and end of each box; the last may end beyond the file."""
    start = 0
    while start < size:
        head = read_at(file, start, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        elif length == 0:
            length = size - start
        if len(head) < 8 or length < 8:
            break
        yield head[4:8], start, start + length
        start += length


def _find_codecs(index):
    """Return the codes of the sample descriptions in an index."""
    codecs, position = [], 0
    while (position := index.find(b"stsd", position)) >= 0:
        codecs.append(index[position + 16 : position + 20])
        position += 4
    return codecs


def measure_boxes(file, size):
    """Return two numbers: bytes that the boxes of a file promise, and packets.

    The index of a file in one piece says better than bytes what is missing, so they are
    promised by files of fragments only. Packets are those of tables that say nothing on
    each of them, such as its size. True ones have a byte at least.
    """
    n_promised, n_packets, has_fragments = 0, 0, False
    for box, start, stop in _walk_boxes(file, size):
        # Junk may follow. To ffmpeg it is a box, so its tables are counted.
        n_promised = stop if box.isalnum() else n_promised
        has_fragments |= box == b"moof"
        if box not in (b"mdat", b"free", b"skip", b"wide"):
            content = read_at(file, start, min(stop - start, MAX_HEADER_BYTES))
            n_packets += _count_packets(content)
    return (n_promised if has_fragments else size), n_packets


def _count_packets(header):
    # ffmpeg finds tables wherever they stand, so they are not looked for box by box.
    n_packets = 0
    for track in header.split(b"trak"):
        # One entry, of duration 1: samples of sound, which ffmpeg reads by chunks.
        if re.search(rb"stts.{4}\x00{3}\x01.{4}\x00{3}\x01", track, re.DOTALL):
            continue
        for match in re.finditer(rb"stsz.{4}(.{4})(.{4})", track, re.DOTALL):
            size, number = (int.from_bytes(match[i], "big") for i in (1, 2))
            n_packets += number if size else 0
    for match in re.finditer(rb"trun.(.{3})(.{4})", header, re.DOTALL):
        flags, number = (int.from_bytes(match[i], "big") for i in (1, 2))
        n_packets += 0 if flags & 0xF00 else number
    return n_packets

"""How long an MP4 or QuickTime file should be, and what its tables claim."""

import re
import struct

# Of a box, looked at: a billion packets could be claimed anywhere in it.
MAX_HEADER_BYTES = 2**28


def measure_boxes(file, n_file_bytes):
    """Return two numbers: bytes that the boxes of a file promise, and packets.

    The index of a file in one piece says better than bytes what is missing, so they are
    promised by files of fragments only. Packets are those of tables that say nothing on
    each of them, such as its size. True ones have a byte at least.
    """
    start, n_promised, n_packets, has_fragments = 0, 0, 0, False
    while start < n_file_bytes:
        file.seek(start)
        head = file.read(16).ljust(16, b"\0")
        size, kind = struct.unpack_from(">I4s", head)
        if size == 1:
            (size,) = struct.unpack_from(">Q", head, 8)
        elif size == 0:  # up to the end
            size = n_file_bytes - start
        if size < 8:
            break
        # Junk may follow. To ffmpeg it is a box, so its tables are counted.
        n_promised = start + size if kind.isalnum() else n_promised
        if kind not in (b"mdat", b"free", b"skip", b"wide"):
            has_fragments |= kind == b"moof"
            file.seek(start)
            n_packets += _count_packets(file.read(min(size, MAX_HEADER_BYTES)))
        start += size
    return (n_promised if has_fragments else n_file_bytes), n_packets


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

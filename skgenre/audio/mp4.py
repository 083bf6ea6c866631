"""What the boxes of an MP4 or QuickTime file say about it, before ffmpeg reads it."""

import re
import struct
from typing import NamedTuple

# Boxes that ffmpeg reads into memory as they are, however large they claim to be.
MAX_HEADER_BYTES = 2**28

# Sample entries of encrypted sound: FairPlay, Common Encryption, Audible.
ENCRYPTED_ENTRIES = {b"drms": "FairPlay", b"enca": "MPEG-4", b"aavd": "Audible"}


class Boxes(NamedTuple):
    """What an MP4 file holds.

    Attributes
    ----------
    n_bytes : int
        Length of the file that its boxes promise; a file that ends earlier is cut off.
    has_index : bool
        Whether there is a ``moov`` box, without which nothing can be found.
    encryption : str or None
        By which scheme its sound is encrypted.
    n_samples : int
        How many samples (packets, in ffmpeg's words) its tables claim, where they say
        nothing on each of them; true ones have at least a byte.
    """

    n_bytes: int
    has_index: bool
    encryption: str | None
    n_samples: int


def read_boxes(file, n_file_bytes):
    """Return the `Boxes` of a binary file."""
    n_bytes, has_index, encryption, n_samples = 0, False, None, 0
    while n_bytes < n_file_bytes:
        start = n_bytes
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            break
        size, kind = struct.unpack_from(">I4s", head)
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
        elif size == 0:  # up to the end
            size = n_file_bytes - start
        if size < 8:
            break
        n_bytes = start + size
        if kind in (b"mdat", b"free", b"skip", b"wide"):
            continue
        has_index |= kind == b"moov"
        file.seek(start)
        header = file.read(min(size, MAX_HEADER_BYTES))
        n_samples += _count_samples(header)
        for entry, scheme in ENCRYPTED_ENTRIES.items():
            if re.search(rb"stsd.{12}" + entry, header, re.DOTALL):
                encryption = scheme
    return Boxes(n_bytes, has_index, encryption, n_samples)


def _count_samples(header):
    """Return how many samples are claimed by tables that hold no word on each."""
    # ffmpeg finds tables wherever they stand, so these are not walked to.
    n_samples = 0
    for track in header.split(b"trak"):
        # One entry, of duration 1: samples of sound, which ffmpeg reads by chunks.
        if re.search(rb"stts.{4}\x00{3}\x01.{4}\x00{3}\x01", track, re.DOTALL):
            continue
        for match in re.finditer(rb"stsz.{4}(.{4})(.{4})", track, re.DOTALL):
            size, number = (int.from_bytes(match[i], "big") for i in (1, 2))
            n_samples += number if size else 0
    for match in re.finditer(rb"trun.(.{3})(.{4})", header, re.DOTALL):
        flags, number = (int.from_bytes(match[i], "big") for i in (1, 2))
        n_samples += 0 if flags & 0xF00 else number
    return n_samples

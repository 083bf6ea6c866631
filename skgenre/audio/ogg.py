"""Ogg: the recordings of a file, their codecs, and pages that are missing."""

import zlib
from dataclasses import dataclass, field

from skgenre.audio.inspection import Inspection, join_recordings, read_at

# How the first packet of a stream begins.
SOUND = {
    b"\x01vorbis": "Vorbis",
    b"OpusHead": "Opus",
    b"\x7fFLAC": "FLAC",
    b"fLaC": "FLAC",
    b"Speex   ": "Speex",
    b"CELT    ": "CELT",
}
BY_LIBSNDFILE = ("Vorbis", "Opus")
BLOCK_BYTES = 2**20
# Beyond this number a file is hostile, and is not searched any further.
MAX_DAMAGED_PAGES = 10_000
# The checksum of a page is that of zlib with the bits of each byte turned around.
_TURNED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass
class _Recording:
    """Streams that begin together, and the ranges of the first one with sound."""

    codec: str | None = None
    serial: int | None = None
    sample_rate: int = 0
    first_granule: int = 0
    granule: int = 0
    next_sequence: int = 0
    n_lost: int = 0
    lost_at: float = 0.0
    has_begun: bool = False
    has_ended: bool = False
    ranges: list = field(default_factory=list)

    def add_stream(self, serial, packet):
        for magic, codec in SOUND.items():
            if self.codec is None and packet.startswith(magic):
                self.codec, self.serial = codec, serial
                offset = {"Vorbis": 12, "Speex": 36}.get(codec)
                if offset is not None:
                    rate = packet[offset : offset + 4]
                    self.sample_rate = int.from_bytes(rate, "little")
                elif codec == "FLAC" and (start := packet.find(b"fLaC")) >= 0:
                    rate = packet[start + 18 : start + 21]
                    self.sample_rate = int.from_bytes(rate, "big") >> 4
                else:
                    self.sample_rate = 48000

    def add_page(self, page, start, stop):
        """Note a page of the sound: where it is, and whether pages are missing."""
        sequence = int.from_bytes(page[18:22], "little")
        if self.ranges and self.ranges[-1][1] == start:
            self.ranges[-1] = (self.ranges[-1][0], stop)
        else:
            self.ranges.append((start, stop))
        if sequence > self.next_sequence:
            if not self.n_lost:
                self.lost_at = self.find_seconds()
            self.n_lost += sequence - self.next_sequence
        self.next_sequence = sequence + 1
        granule = int.from_bytes(page[6:14], "little", signed=True)
        if granule > 0:
            self.granule = granule
            self.first_granule = self.first_granule or granule
        self.has_ended |= bool(page[5] & 4)

    def find_seconds(self):
        # Recordings of a radio begin in the middle, and so does their time.
        begin = self.first_granule
        begin = begin if begin > 10 * self.sample_rate else 0
        return (self.granule - begin) / self.sample_rate if self.sample_rate else 0.0

    def find_incomplete(self):
        if self.n_lost:
            pages = "page" if self.n_lost == 1 else "pages"
            return f"lacks {self.n_lost} {pages} of sound from {self.lost_at:.2f} s on"
        if not self.has_ended:
            return f"ends without its last page, after {self.find_seconds():.2f} s"
        return None


def inspect_ogg(file, size):
    """Return the Inspection of an Ogg file, and where it ends.

    All pages are walked over, with their checksums: 1 to 2 % of the time that decoding
    takes. libsndfile reads only the first of several recordings, and leaves out damaged
    pages without a word.
    """
    recordings = []
    for page, start, stop in _walk(file, size):
        serial = int.from_bytes(page[14:18], "little")
        if page[5] & 2:
            if not recordings or recordings[-1].has_begun:
                recordings.append(_Recording())
            n_segments = page[26]
            recordings[-1].add_stream(serial, page[27 + n_segments :])
        elif recordings:
            recordings[-1].has_begun = True
        if recordings and serial == recordings[-1].serial:
            recordings[-1].add_page(page, start, stop)
    found = [_describe(recording, size) for recording in recordings if recording.codec]
    if not found:
        reason = "without any sound that is known"
        return Inspection("an Ogg file", None, "ogg", fault=reason), size
    if all(each.decoder == "libsndfile" for each in found):
        return join_recordings(found), size
    kinds = sorted({each.kind for each in found})
    if len(kinds) > 1:
        # Neither decoder goes on when the codec changes.
        kind, fault = " followed by ".join(kinds), "which no decoder reads whole"
        return Inspection(kind, None, "ogg", fault=f"{fault}: split it"), size
    parts = found[0].parts if len(found) == 1 else None
    return join_recordings(found)._replace(parts=parts, following=()), size


def _describe(recording, size):
    parts = tuple(recording.ranges)
    return Inspection(
        f"an Ogg file ({recording.codec})",
        "libsndfile" if recording.codec in BY_LIBSNDFILE else "ffmpeg",
        "ogg",
        parts=None if parts == ((0, size),) else parts,
        incomplete=recording.find_incomplete(),
    )


def _walk(file, size):
    """Yield the intact pages of a file with their offsets."""
    position, block, block_start, n_damaged = 0, b"", 0, 0
    while position < size and n_damaged < MAX_DAMAGED_PAGES:
        # The longest page has 65,307 bytes.
        if position + 65307 > block_start + len(block) < size:
            block_start = position
            block = read_at(file, position, min(BLOCK_BYTES, size - position))
        offset = position - block_start
        n_segments = block[offset + 26] if offset + 26 < len(block) else 0
        body = offset + 27 + n_segments
        end = body + sum(block[offset + 27 : body])
        if block[offset : offset + 4] == b"OggS" and end <= len(block):
            page = block[offset:end]
            if _compute_checksum(page) == page[22:26]:
                yield page, position, block_start + end
                position = block_start + end
                continue
        n_damaged += 1
        following = block.find(b"OggS", offset + 1)
        # Three bytes more may be the beginning of the next one.
        end = following if following >= 0 else max(len(block) - 3, offset + 1)
        position = block_start + end


def _compute_checksum(page):
    code = (page[:22] + bytes(4) + page[26:]).translate(_TURNED)
    checksum = zlib.crc32(code, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return checksum.to_bytes(4, "big").translate(_TURNED)

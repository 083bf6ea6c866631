"""What happens to audio files: bytes in, damaged bytes or wrong headers out."""

import struct


def replace_after(content, mark, offset, replacement):
    """Write bytes at an offset from the first place of a mark."""
    start = content.index(mark) + offset
    return content[:start] + replacement + content[start + len(replacement) :]


def scale_xing(content, *, factor):
    """Change the number of frames in the Xing or Info tag of an MP3."""
    mark = b"Xing" if b"Xing" in content[:400] else b"Info"
    start = content.index(mark) + 8
    (n_frames,) = struct.unpack(">I", content[start : start + 4])
    return replace_after(content, mark, 8, struct.pack(">I", round(n_frames * factor)))


def set_flac_length(content, *, factor):
    """Change the number of samples in the header of a FLAC; 0 means unknown."""
    start = content.index(b"fLaC") + 8 + 13
    (told,) = struct.unpack(">Q", b"\0\0\0" + content[start : start + 5])
    n_frames = round((told & (2**36 - 1)) * factor)
    packed = struct.pack(">Q", told >> 36 << 36 | n_frames)[3:]
    return content[:start] + packed + content[start + 5 :]


def cut(content, *, fraction):
    """The first part of a file."""
    return content[: int(len(content) * fraction)]


def punch_hole(content):
    """Zeros from 40 to 45 per cent of a file, as interrupted downloads leave them."""
    start, stop = len(content) * 2 // 5, len(content) * 9 // 20
    return content[:start] + bytes(stop - start) + content[stop:]


def drop_middle(content):
    """A file without the bytes from 40 to 45 per cent."""
    return content[: len(content) * 2 // 5] + content[len(content) * 9 // 20 :]


def add_junk(content):
    """Something else first: 3,000 bytes without a word that a decoder looks for."""
    return bytes(range(1, 200)) * 15 + content


def start_in_a_frame(content):
    """A file that begins somewhere in a frame, as recorded streams do."""
    return content[len(content) // 8 + 3 :]


def add_id3v1(content):
    """A tag of 128 bytes at the end."""
    return content + b"TAG" + b"a song".ljust(125, b"\0")


def add_ape_tag(content):
    """An APEv2 tag with one item, header and footer."""
    item = struct.pack("<II", 6, 0) + b"Title\0" + b"a song"
    count = struct.pack("<III", 2000, 32 + len(item), 1)
    head = b"APETAGEX" + count + struct.pack("<I", 0xA0000000) + bytes(8)
    foot = b"APETAGEX" + count + struct.pack("<I", 0x80000000) + bytes(8)
    return content + head + item + foot


def add_both_tags(content):
    return add_id3v1(add_ape_tag(content))


def add_id3v2(content):
    """A tag of 70,000 bytes first, as with a picture of the sleeve, and another one."""
    size = 70_000 - 10
    packed = bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    frame = b"APIC" + struct.pack(">I", size - 10) + bytes(2) + bytes(size - 10)
    return (
        b"ID3\x03\0\0" + packed + frame + b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + content
    )


def split_data_chunk(content):
    """A WAV whose samples are in two data chunks."""
    start = content.index(b"data")
    samples = content[start + 8 :]
    half = len(samples) // 8 * 4
    chunks = b"".join(
        b"data" + struct.pack("<I", len(part)) + part
        for part in (samples[:half], samples[half:])
    )
    whole = content[:start] + chunks
    return replace_after(whole, b"RIFF", 4, struct.pack("<I", len(whole) - 8))


def set_wav_sizes(content, *, n_bytes):
    """A WAV whose header tells a wrong size of file and data."""
    packed = struct.pack("<I", n_bytes)
    return replace_after(replace_after(content, b"RIFF", 4, packed), b"data", 4, packed)

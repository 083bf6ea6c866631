"""Names of files that are no audio and lie among recordings, by their bytes."""

import re

from skgenre.audio.inspection import read_at

_KINDS = (
    (rb"%PDF", "a PDF"),
    (rb"PK\x03\x04|PK\x05\x06", "a ZIP archive: unpack it first"),
    (rb"\x1f\x8b", "compressed by gzip: unpack it first"),
    (rb"BZh[1-9]", "compressed by bzip2: unpack it first"),
    (rb"\xfd7zXZ", "compressed by xz: unpack it first"),
    (rb"\x28\xb5\x2f\xfd", "compressed by Zstandard: unpack it first"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (rb"Rar!\x1a\x07", "a RAR archive: unpack it first"),
    (rb".{257}ustar", "a tar archive: unpack it first"),
    (rb"\x89PNG", "a picture (PNG)"),
    (rb"\xff\xd8\xff", "a picture (JPEG)"),
    (rb"GIF8", "a picture (GIF)"),
    (rb"RIFF....WEBP", "a picture (WebP)"),
    (rb"II\*\0|MM\0\*", "a picture (TIFF)"),
    (rb"BM.{4}\0\0\0\0", "a picture (BMP)"),
    (rb"MThd|RIFF....RMID", "a MIDI file (notes, no sound)"),
    (rb"RIFF....sfbk", "a SoundFont"),
    (rb"RIFF....CDDA", "a shortcut to a track of a CD"),
    (rb"Extended Module: ", "a tracker module (XM)"),
    (rb"IMPM", "a tracker module (IT)"),
    (rb".{44}SCRM", "a tracker module (S3M)"),
    (rb".{1080}(?:M\.K\.|M!K!|FLT[48]|[468]CHN)", "a tracker module (MOD)"),
    (rb"SOUND SAMPLE DATA ", "a SampleVision file"),
    (rb"OFR ", "an OptimFROG file"),
    (rb"LA0[234]", "a Lossless Audio file"),
    (rb"\x00\x05\x16[\x00\x07]", "attributes that macOS keeps beside a file"),
    (rb"bplist", "a property list of macOS: if iCloud keeps the file, download it"),
    (rb"\x7fELF|MZ", "a program"),
    (rb"SQLite format 3", "a database"),
    (rb"\x89HDF", "an HDF5 file"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"L\0\0\0\x01\x14\x02\0", "a shortcut of Windows"),
    (rb"\xd0\xcf\x11\xe0", "an Office document"),
    (rb"d8:announce", "a torrent, not what it describes"),
)
_KINDS = tuple((re.compile(code, re.DOTALL), kind) for code, kind in _KINDS)
_TEXTS = (
    (r"<!doctype html|<html|<head|<body", "an HTML page"),
    (r"<\?xml|<svg|<rss", "an XML file"),
    (
        r"version https://git-lfs",
        "a pointer of Git LFS: fetch the file by 'git lfs pull'",
    ),
    (r"#extm3u|\[playlist\]", "a playlist"),
    (r"\[internetshortcut\]", "a link to an internet page"),
    (r'(?s).*\bfile ".*"\s.*\btrack \d+ audio', "a cue sheet"),
    (r"[\[{]", "JSON"),
)
_CONTROLS = set(range(32)) - set(b"\t\n\r\f\x1b")


def find_other_file(file, head, size):
    """Return what a file is that is no audio, or None; `head` are its first bytes."""
    for code, kind in _KINDS:
        if code.match(head):
            return kind
    if not any(head) and _holds_only_zeros(file, size):
        return f"nothing but {size} zero bytes, as a download that was never finished"
    text = _decode(head)
    if text is None:
        return None
    text = text.lstrip("\ufeff \t\r\n").lower()
    names = (kind for code, kind in _TEXTS if re.match(code, text))
    return next(names, "a text")


def _holds_only_zeros(file, size):
    blocks = (read_at(file, start, 2**20) for start in range(0, size, 2**20))
    return not any(block.strip(b"\0") for block in blocks)


def _decode(head):
    """Return the text of the first bytes of a file, or None where it is no text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "ignore") if b"\0" in head else None
    if len(head) < 5 or _CONTROLS & set(head):
        return None
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last letter may be cut, and old texts have one byte for each.
        n_high = sum(byte >= 128 for byte in head)
        if error.start >= len(head) - 3 or n_high < len(head) // 8:
            return head.decode("latin-1")
        return None

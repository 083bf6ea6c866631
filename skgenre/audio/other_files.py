"""Names of files that lie among recordings but are not audio, by their bytes."""

from skgenre.audio.inspection import read_at

_KINDS = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive: unpack it first",
    b"\x1f\x8b": "compressed by gzip: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it first",
    b"Rar!\x1a\x07": "a RAR archive: unpack it first",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"RIFFWEBP": "a picture (WebP)",
    b"MThd": "a MIDI file (notes, no sound)",
    b"RIFFRMID": "a MIDI file (notes, no sound)",
    b"RIFFCDDA": "a shortcut to a track of a CD",
    b"Extended Module: ": "a tracker module (XM)",
    b"IMPM": "a tracker module (IT)",
    b"OFR ": "an OptimFROG file",
    b"\x00\x05\x16\x07": "attributes that macOS keeps beside a file",
    b"bplist": "a property list of macOS: if iCloud keeps the file, download it",
    b"L\0\0\0\x01\x14\x02\0": "a shortcut of Windows",
    b"d8:announce": "a torrent, not what it describes",
}
_TEXTS = {
    "<!doctype html": "an HTML page",
    "<html": "an HTML page",
    "<?xml": "an XML file",
    "version https://git-lfs": "a pointer of Git LFS: fetch the file by 'git lfs pull'",
    "#extm3u": "a playlist",
    "[playlist]": "a playlist",
    "[internetshortcut]": "a link to an internet page",
    "{": "JSON",
    "[": "JSON",
}
_CONTROLS = set(range(32)) - set(b"\t\n\r\f\x1b")


def find_other_file(file, head, size):
    """Return what a file is that is not audio, or None; `head` are its first bytes."""
    form = head[:4] + head[8:12]  # of RIFF
    for magic, kind in _KINDS.items():
        if head.startswith(magic) or form == magic:
            return kind
    if not any(head) and _holds_only_zeros(file, size):
        return f"nothing but {size} zero bytes, as a download that was never finished"
    text = _decode(head)
    if text is None:
        return None
    text = text.lstrip("\ufeff \t\r\n").lower()
    for start, kind in _TEXTS.items():
        if text.startswith(start):
            return kind
    is_cue_sheet = 'file "' in text and "track 01 audio" in text
    return "a cue sheet" if is_cue_sheet else "a text file"


def _holds_only_zeros(file, size):
    blocks = (read_at(file, start, 2**20) for start in range(0, size, 2**20))
    return not any(block.strip(b"\0") for block in blocks)


def _decode(head):
    """Return the text of the first bytes of a file, or None where it is not text."""
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

"""MP4, M4A, 3GP and QuickTime files: the codec of their sound, for messages."""

from skgenre.audio.inspection import Inspection, read_at

CODECS = {
    b"mp4a": "AAC",
    b"alac": "ALAC",
    b"ac-3": "AC-3",
    b"ec-3": "E-AC-3",
    b"Opus": "Opus",
    b"fLaC": "FLAC",
    b"samr": "AMR",
    b"sawb": "AMR-WB",
    b".mp3": "MP3",
    b"sowt": "PCM",
    b"twos": "PCM",
    b"lpcm": "PCM",
    b"in24": "PCM",
    b"fl32": "float",
    b"ulaw": "µ-law",
    b"alaw": "A-law",
    b"ima4": "IMA ADPCM",
    b"QDM2": "QDesign 2",
}
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
PICTURES = (b"heic", b"heix", b"hevc", b"mif1", b"avif", b"crx ")
MAX_BOXES = 1000


def inspect_mp4(file, size):
    """Return the Inspection of an MP4 file, and where it ends."""
    brand = read_at(file, 8, 4)
    if brand in PICTURES:
        return Inspection("a picture (HEIF)", decoder=None), size
    names = (name for start, name in BRANDS.items() if brand.startswith(start))
    kind = next(names, "an MP4 file")
    index = _find_index(file, size)
    if index is None:
        # Recorders and browsers write it last: without it nothing can be found.
        reason = "without its index ('moov'), as a download that was never finished"
        return Inspection(kind, None, "mov", fault=reason), size
    codecs = _find_codecs(index)
    if any(codec in LOCKED for codec in codecs):
        reason = "locked by its shop (DRM)"
        return Inspection(kind, None, "mov", fault=reason), size
    codec = next((CODECS[code] for code in codecs if code in CODECS), None)
    kind = kind if codec is None else f"{kind} ({codec})"
    return Inspection(kind, "ffmpeg", "mov"), size


def _find_index(file, size):
    """Return up to 1 MB of the 'moov' box, or None where there is none."""
    position = 0
    for _ in range(MAX_BOXES):
        head = read_at(file, position, 16)
        if len(head) < 8:
            return None
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - position
        if head[4:8] == b"moov":
            return read_at(file, position, min(length, 2**20))
        if length < 8:
            return None
        position += length
    return None


def _find_codecs(index):
    """Return the codes of the sample descriptions in an index."""
    codecs, position = [], 0
    while (position := index.find(b"stsd", position)) >= 0:
        codecs.append(index[position + 16 : position + 20])
        position += 4
    return codecs

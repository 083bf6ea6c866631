"""Names of codecs by the codes of containers, and which of them libsndfile decodes."""

# Of WAV, Wave64 and Windows Media: names, and whether libsndfile decodes them in WAV.
# What is missing here is tried by libsndfile, then by ffmpeg.
WAV_CODECS = {
    0x0001: ("PCM", True),
    0x0002: ("MS ADPCM", True),
    0x0003: ("float", True),
    0x0006: ("A-law", True),
    0x0007: ("µ-law", True),
    0x0011: ("IMA ADPCM", True),
    0x0031: ("GSM 6.10", True),
    0x0069: ("IMA ADPCM", True),
    0x000A: ("WMA Voice", False),
    0x0020: ("Yamaha ADPCM", False),
    0x0050: ("MP2", False),
    0x0055: ("MP3", False),
    0x00FF: ("AAC", False),
    0x0160: ("WMA 1", False),
    0x0161: ("WMA 2", False),
    0x0162: ("WMA Pro", False),
    0x0163: ("WMA Lossless", False),
    0x028F: ("G.722", False),
    0x1610: ("AAC", False),
    0x2000: ("AC-3", False),
    0x2001: ("DTS", False),
}

# Samples that are stored as they are, in AIFF, Core Audio and QuickTime.
APPLE_PLAIN = {b"NONE": "PCM", b"lpcm": "PCM", b"sowt": "PCM", b"twos": "PCM"}
APPLE_PLAIN |= {b"raw ": "PCM", b"in24": "PCM", b"in32": "PCM", b"fl32": "float"}
APPLE_PLAIN |= {b"FL32": "float", b"fl64": "float", b"FL64": "float"}
# Codecs that libsndfile decodes in AIFF and Core Audio, and those that it does not.
APPLE_BY_LIBSNDFILE = APPLE_PLAIN | {b"alac": "ALAC", b"ima4": "IMA ADPCM"}
APPLE_BY_LIBSNDFILE |= {b"ulaw": "µ-law", b"ULAW": "µ-law", b"alaw": "A-law"}
APPLE_BY_LIBSNDFILE |= {b"ALAW": "A-law", b"GSM ": "GSM 6.10"}
APPLE_BY_FFMPEG = {b"mp4a": "AAC", b"aac ": "AAC", b"aach": "HE-AAC", b"ac-3": "AC-3"}
APPLE_BY_FFMPEG |= {b"ec-3": "E-AC-3", b".mp3": "MP3", b"fLaC": "FLAC", b"flac": "FLAC"}
APPLE_BY_FFMPEG |= {b"Opus": "Opus", b"opus": "Opus", b"samr": "AMR", b"sawb": "AMR-WB"}
APPLE_BY_FFMPEG |= {b"QDM2": "QDesign 2"}
APPLE_CODECS = APPLE_BY_LIBSNDFILE | APPLE_BY_FFMPEG

MATROSKA_CODECS = {
    b"A_OPUS": "Opus",
    b"A_VORBIS": "Vorbis",
    b"A_AAC": "AAC",
    b"A_FLAC": "FLAC",
    b"A_EAC3": "E-AC-3",
    b"A_AC3": "AC-3",
    b"A_DTS": "DTS",
    b"A_TRUEHD": "TrueHD",
    b"A_MPEG/L3": "MP3",
    b"A_MPEG/L2": "MP2",
    b"A_ALAC": "ALAC",
    b"A_PCM": "PCM",
}

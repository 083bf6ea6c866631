"""What any file is, by its first bytes, and which decoder reads all of its sound."""

import os
import re

from skgenre.audio.aiff import inspect_aiff, inspect_caf, inspect_svx
from skgenre.audio.au import inspect_au
from skgenre.audio.flac import inspect_flac
from skgenre.audio.inspection import (
    Inspection,
    View,
    join_recordings,
    read_at,
    shift_parts,
)
from skgenre.audio.mp4_codec import inspect_mp4
from skgenre.audio.mpeg import inspect_mpeg
from skgenre.audio.ogg import inspect_ogg
from skgenre.audio.other_files import find_other_file
from skgenre.audio.riff import inspect_w64, inspect_wav
from skgenre.audio.voc import inspect_voc

MAX_JUNK_BYTES = 2**16
MAX_TAGS = 4  # behind the sound
# Files joined into one ("cat a b"); beyond this number they are hostile.
MAX_JOINED = 1000

# Containers whose headers are compared with what is there: first bytes, inspector.
_INSPECTORS = (
    (rb"(?:RIFF|RIFX|RF64|BW64)....WAVE", inspect_wav),
    (rb"riff\x2e\x91\xcf\x11", inspect_w64),
    (rb"\.snd|dns\.", inspect_au),
    (rb"FORM....AIF[FC]", inspect_aiff),
    (rb"FORM....(?:8SVX|16SV)", inspect_svx),
    (rb"caff", inspect_caf),
    (rb"fLaC", inspect_flac),
    (rb"OggS", inspect_ogg),
    (rb"Creative Voice File\x1a", inspect_voc),
    (rb"....(?:ftyp|moov|mdat|wide|skip|pnot)", inspect_mp4),
)
_INSPECTORS = tuple((re.compile(code, re.DOTALL), read) for code, read in _INSPECTORS)

# What ffmpeg reads: first bytes, kind, demuxer. Never found by trying, for safety.
_FFMPEG_FORMATS = (
    (rb"\x1a\x45\xdf\xa3.{0,60}webm", "a WebM file", "matroska"),
    (rb"\x1a\x45\xdf\xa3", "a Matroska file", "matroska"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file", "asf"),
    (rb"MAC ", "a Monkey's Audio file", "ape"),
    (rb"wvpk", "a WavPack file", "wv"),
    (rb"TTA[12]", "a True Audio file", "tta"),
    (rb"tBaK", "a TAK file", "tak"),
    (rb"MP\+", "a Musepack file", "mpc"),
    (rb"MPCK", "a Musepack file", "mpc8"),
    (rb"DSD ", "a DSD file (DSF)", "dsf"),
    (rb"FRM8.{8}DSD ", "a DSD file (DFF)", "iff"),
    (rb"FORM....MAUD", "an Amiga IFF file", "iff"),
    (rb"\x0b\x77..[\x00-\xbf][\x00-\x57]", "an AC-3 file", "ac3"),
    (rb"\x0b\x77...[\x58-\x87]", "an E-AC-3 file", "eac3"),
    (rb"DTSHDHDR", "a DTS-HD file", "dtshd"),
    (
        rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\x00|\xff\x1f\x00\xe8",
        "a DTS file",
        "dts",
    ),
    (rb"....\xf8\x72\x6f\xba", "a TrueHD file", "truehd"),
    (rb"....\xf8\x72\x6f\xbb", "an MLP file", "mlp"),
    (rb".{65}FSSD.{59}HCOM", "a Macintosh HCOM file", "hcom"),
    (rb"#!AMR", "an AMR file", "amr"),
    (rb"\x00\x00\x01\xba", "an MPEG program stream", "mpeg"),
    (rb"G.{187}G.{187}G", "an MPEG transport stream", "mpegts"),
    (rb".{4}G.{191}G.{191}G", "an MPEG transport stream", "mpegts"),
    (rb"FLV\x01", "a Flash video", "flv"),
    (rb"RIFF....AVI ", "an AVI video", "avi"),
    (rb"RIFF....QLCM", "a QCP file", "qcp"),
    (rb"RIFF....XWMA", "an xWMA file", "xwma"),
    (rb"\.RMF|\.ra\xfd", "a RealMedia file", "rm"),
    (rb"ajkg", "a Shorten file", "shn"),
    (rb"ea3\x03|EA3", "an ATRAC file", "oma"),
    (rb"TWIN", "a TwinVQ file", "vqf"),
    (rb"RKA7", "an RK Audio file", "rka"),
    (rb"OSQ ", "an OSQ file", "osq"),
    (rb"qoaf", "a QOA file", "qoa"),
    (rb"\x80\x00.{0,60}\(c\)CRI", "a CRI ADX file", "adx"),
    (rb"nut/multimedia container\0", "a NUT file", "nut"),
    (rb"\x06\x0e\x2b\x34", "an MXF file", "mxf"),
    (rb"#!BROADCAST_GXF|\x00\x00\x00\x00\x01\xbc", "a GXF file", "gxf"),
    (rb"\.SoX|XoS\.", "a SoX file", "sox"),
    (rb"BONK|\0BONK", "a Bonk file", "bonk"),
    (rb"\xb7\xd8\x00\x20", "a WTV video", "wtv"),
)
_FFMPEG_FORMATS = tuple(
    (re.compile(code, re.DOTALL), Inspection(kind, "ffmpeg", demuxer))
    for code, kind, demuxer in _FFMPEG_FORMATS
)
# What libsndfile knows, and ffmpeg does not or reads no better.
_LIBSNDFILE_FORMATS = (
    (rb"NIST_1A", "a NIST SPHERE file"),
    (rb"\x64\xa3.\x00|\x00.\xa3\x64", "an IRCAM file"),
    (rb"PVF1", "a Portable Voice file"),
    (rb" paf|fap ", "a PARIS file"),
    (rb"2BIT", "an AVR file"),
    (rb"MATLAB 5\.0 MAT-file", "a MAT file"),
    (rb"Extended Instrument: ", "a FastTracker instrument"),
    (rb"ALawSoundFile\*\*", "a Psion WVE file"),
)
_LIBSNDFILE_FORMATS = tuple(
    (re.compile(code, re.DOTALL), Inspection(kind))
    for code, kind in _LIBSNDFILE_FORMATS
)
# Of ffmpeg's demuxers, those that take the tags behind the sound for more of it.
_STREAMS = frozenset({"aac", "ac3", "amr", "dts", "eac3", "loas", "truehd"})
# What is looked for behind junk: FLAC, Ogg, MPEG transport streams, ID3, AAC (ADTS).
_BEGINNING = re.compile(
    rb"fLaC\0\0\0\x22|OggS\0[\x02\x06]|G.{187}G.{187}G.{187}G|ID3[\2-\4]\0"
    rb"|\xff[\xf0\xf1\xf8\xf9]",
    re.DOTALL,
)
UNKNOWN = Inspection("of no known audio format")
_CODEC_NAMES = (  # of Matroska tracks
    (b"A_OPUS", "Opus"),
    (b"A_VORBIS", "Vorbis"),
    (b"A_AAC", "AAC"),
    (b"A_FLAC", "FLAC"),
    (b"A_EAC3", "E-AC-3"),
    (b"A_AC3", "AC-3"),
    (b"A_DTS", "DTS"),
    (b"A_TRUEHD", "TrueHD"),
    (b"A_MPEG/L3", "MP3"),
    (b"A_MPEG/L2", "MP2"),
    (b"A_ALAC", "ALAC"),
    (b"A_PCM", "PCM"),
    (b"A_WAVPACK", "WavPack"),
    (b"A_TTA", "True Audio"),
    (b"A_REAL", "RealAudio"),
)
_WMA_NAMES = {0x0A: "WMA Voice", 0x160: "WMA 1", 0x161: "WMA 2", 0x162: "WMA Pro"}
_WMA_NAMES |= {0x163: "WMA Lossless", 0x55: "MP3", 0x1610: "AAC", 0xFF: "AAC"}
_ASF_SOUND = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")


def inspect_audio(file):
    """Return the `Inspection` of a binary file that can be seeked."""
    found = _inspect_bytes(file)
    if found is UNKNOWN:
        start = _find_beginning(read_at(file, 0, MAX_JUNK_BYTES))
        if start is not None:
            found = _inspect_from(file, file.seek(0, os.SEEK_END), start)
    if found.demuxer in _STREAMS and found.decoder == "ffmpeg":
        parts = found.parts or ((0, file.seek(0, os.SEEK_END)),)
        start, end = parts[-1]
        stop = _find_tags_behind(file, end)
        if start < stop < end:
            found = found._replace(parts=(*parts[:-1], (start, stop)))
    return found


def _inspect_bytes(file):
    size = file.seek(0, os.SEEK_END)
    head = read_at(file, 0, 64)
    for code, inspect in _INSPECTORS:
        if code.match(head):
            return _inspect_joined(file, size, inspect)
    is_tag = head.startswith(b"ID3")
    if is_tag and (found := _inspect_behind_tag(file, size)) is not None:
        return found
    if is_tag and (found := inspect_mpeg(file)) is not None:
        return found
    if is_tag and (n_tag := _measure_tags(file)) >= size:
        fault = f"of {n_tag} bytes without sound behind it, in a file of {size} bytes"
        return Inspection("an ID3 tag", decoder=None, fault=fault)
    head = read_at(file, 0, 4096)
    # Before MPEG, which may be joined behind it.
    if _is_chain(head, 3):
        return Inspection("an AAC file (ADTS)", "ffmpeg", "aac")
    if head[:1] == b"\xff" and (found := _find_mpeg(file, size)) is not None:
        return found
    for code, found in _LIBSNDFILE_FORMATS:
        if code.match(head):
            return found
    for code, found in _FFMPEG_FORMATS:
        if code.match(head):
            return _name_codec(file, found)
    if _is_chain(head, 3, _find_loas_length):
        return Inspection("an AAC file (LOAS)", "ffmpeg", "loas")
    other = find_other_file(file, head, size)
    if other is not None:
        return Inspection(other, decoder=None)
    # Sound may follow behind junk.
    if (found := _find_mpeg(file, size)) is not None:
        return found
    return UNKNOWN


def _inspect_joined(file, size, inspect):
    """Return the Inspection of a file and of those that are joined behind it."""
    first, stop = inspect(file, size)
    recordings = [first]
    while 0 < stop < size and first.decoder == "libsndfile":
        found, length = inspect(View(file, ((stop, size),)), size - stop)
        if found.decoder != "libsndfile" or len(recordings) == MAX_JOINED:
            fault = "followed by another one that libsndfile does not read: split it"
            return first._replace(decoder=None, fault=fault)
        parts = found.parts or ((0, length),)
        recordings.append(found._replace(parts=shift_parts(parts, stop)))
        stop += length
    return join_recordings(recordings) if len(recordings) > 1 else first


def _measure_tags(file):
    """Return where the ID3v2 tags that a file begins with say that they end."""
    start, head = 0, read_at(file, 0, 10)
    while head.startswith(b"ID3") and len(head) > 9:
        # Seven bits in each of four bytes; some tags have a footer of ten.
        start += sum((head[6 + n] & 0x7F) << (21 - 7 * n) for n in range(4)) + 10
        start += 10 if head[5] & 0x10 else 0
        head = read_at(file, start, 10)
    return start


def _inspect_behind_tag(file, size):
    """Return the Inspection of what follows ID3v2 tags, or None for MPEG audio."""
    start = _measure_tags(file)
    head = read_at(file, start, 16)
    if head.startswith(b"fLaC"):  # libsndfile knows tags in front of it
        return inspect_flac(file, size, offset=start)[0]
    is_padding = head[:1] in (b"", b"\0") and head[4:8] != b"ftyp"
    if is_padding or (head[0] == 0xFF and _find_adts_length(head) is None):
        return None
    found = _inspect_from(file, size, start)
    return None if found.decoder is None or found.demuxer is None else found


def _inspect_from(file, size, start):
    """Return the Inspection of what begins at an offset of a file."""
    found = _inspect_bytes(View(file, ((start, size),)))

    def shift(each):
        parts = each.parts or ((0, size - start),)
        return each._replace(parts=shift_parts(parts, start))

    return shift(found)._replace(following=tuple(map(shift, found.following)))


def _find_beginning(block):
    """Return where sound begins behind junk, such as the rest of a frame, or None.

    Recordings of a radio begin anywhere.
    """
    for match in _BEGINNING.finditer(block):
        start = match.start()
        if start and (block[start] != 0xFF or _is_chain(block[start:], 8)):
            return start
    return None


def _find_tags_behind(file, stop):
    """Return where the tags (APE, ID3v1) begin that end at stop, or stop."""
    for _ in range(MAX_TAGS):
        tail = read_at(file, stop - 128, 128)
        if tail.startswith(b"TAG"):
            stop -= 128
        elif tail[96:].startswith(b"APETAGEX"):
            # The length is that of all but a header of 32 bytes, if there is one.
            has_header = tail[119] & 0x80
            stop -= int.from_bytes(tail[108:112], "little") + (32 if has_header else 0)
    return stop


def _find_mpeg(file, size):
    """Return the Inspection of MPEG audio without a tag in front, or None."""
    found = inspect_mpeg(file)
    if found is None or found.parts is None:
        return found
    # Raw samples of quiet sound are full of what looks like headers of frames, but no
    # more than a fiftieth of them holds together.
    parts = [part for each in (found, *found.following) for part in each.parts or ()]
    ranges = [part for part in parts if not isinstance(part, bytes)]
    n_bytes = sum(stop - start for start, stop in ranges)
    has_tag = any(name in read_at(file, 0, 64) for name in (b"Xing", b"Info", b"VBRI"))
    return found if has_tag or ranges[0][0] == 0 or n_bytes >= size / 2 else None


def _name_codec(file, found):
    """Return an Inspection with the codec in its kind, as far as the bytes tell."""
    codec = None
    if found.demuxer == "matroska":
        head = read_at(file, 0, 2**16)
        codec = next((name for code, name in _CODEC_NAMES if code in head), None)
    elif found.demuxer == "asf":
        head = read_at(file, 0, 2**16)
        start = head.find(_ASF_SOUND) + 54
        if start >= 54:
            codec = _WMA_NAMES.get(int.from_bytes(head[start : start + 2], "little"))
    return found if codec is None else found._replace(kind=f"{found.kind} ({codec})")


def _find_adts_length(code):
    if len(code) < 6 or code[0] != 0xFF or code[1] & 0xF6 != 0xF0:
        return None
    length = (code[3] & 3) << 11 | code[4] << 3 | code[5] >> 5
    return length if length >= 7 else None


def _find_loas_length(code):
    if len(code) < 3 or code[0] != 0x56 or code[1] & 0xE0 != 0xE0:
        return None
    return ((code[1] & 0x1F) << 8 | code[2]) + 3


def _is_chain(head, n_frames, find_length=_find_adts_length):
    """Whether so many frames follow each other, or half of them and the end."""
    position = 0
    for number in range(1, n_frames + 1):
        length = find_length(head[position : position + 6])
        if length is None:
            return False
        position += length
        if position >= len(head):
            return number > n_frames // 2
    return True

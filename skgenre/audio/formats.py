"""What any file is, by its first bytes, and which decoder reads all of its sound."""

import os
import re

from skgenre.audio.aiff import inspect_aiff, inspect_caf, inspect_svx
from skgenre.audio.au import inspect_au
from skgenre.audio.codec_names import MATROSKA_CODECS, WAV_CODECS
from skgenre.audio.flac import inspect_flac
from skgenre.audio.inspection import (
    Inspection,
    View,
    join_recordings,
    read_at,
    shift_parts,
)
from skgenre.audio.mp4 import inspect_mp4
from skgenre.audio.mpeg import inspect_mpeg, skip_tags
from skgenre.audio.ogg import inspect_ogg
from skgenre.audio.other_files import find_other_file
from skgenre.audio.riff import DTS_MAGICS, inspect_w64, inspect_wav
from skgenre.audio.voc import inspect_voc
from skgenre.audio.wavpack import inspect_wavpack

# Files joined into one ("cat a b"); beyond this number they are hostile.
MAX_JOINED = 1000

# Containers whose headers are compared with what is there, by their first bytes. Those
# of RIFF and IFF have a length after the first four.
INSPECTORS = {
    b"RIFFWAVE": inspect_wav,
    b"RIFXWAVE": inspect_wav,
    b"RF64WAVE": inspect_wav,
    b"BW64WAVE": inspect_wav,
    b"FORMAIFF": inspect_aiff,
    b"FORMAIFC": inspect_aiff,
    b"FORM8SVX": inspect_svx,
    b"FORM16SV": inspect_svx,
    b"riff\x2e\x91\xcf\x11": inspect_w64,
    b".snd": inspect_au,
    b"dns.": inspect_au,
    b"caff": inspect_caf,
    b"fLaC": inspect_flac,
    b"OggS": inspect_ogg,
    b"Creative Voice File\x1a": inspect_voc,
    b"wvpk": inspect_wavpack,
}
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"pnot")

# What ffmpeg reads: kind and demuxer. Never found by trying, for safety.
FFMPEG_FORMATS = {
    b"\x1a\x45\xdf\xa3": ("a Matroska file", "matroska"),
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": ("a Windows Media file", "asf"),
    b"RIFFAVI ": ("an AVI video", "avi"),
    b"FLV\x01": ("a Flash video", "flv"),
    b"\x00\x00\x01\xba": ("an MPEG program stream", "mpeg"),
    b"MAC ": ("a Monkey's Audio file", "ape"),
    b"TTA1": ("a True Audio file", "tta"),
    b"tBaK": ("a TAK file", "tak"),
    b"ajkg": ("a Shorten file", "shn"),
    b"MP+": ("a Musepack file", "mpc"),
    b"MPCK": ("a Musepack file", "mpc8"),
    b"DSD ": ("a DSD file (DSF)", "dsf"),
    b"FRM8": ("a DSD file (DFF)", "iff"),
    b"#!AMR": ("an AMR file", "amr"),
    b".RMF": ("a RealMedia file", "rm"),
    b".ra\xfd": ("a RealMedia file", "rm"),
    **{magic: ("a DTS file", "dts") for magic in DTS_MAGICS},
}
# What libsndfile knows, and ffmpeg does not or reads no better.
LIBSNDFILE_FORMATS = {
    b"NIST_1A": "a NIST SPHERE file",
    b" paf": "a PARIS file",
    b"fap ": "a PARIS file",
    b"2BIT": "an AVR file",
}
# Of ffmpeg's demuxers, those that take the tags behind the sound for more of it.
STREAMS = ("aac", "ac3", "amr", "dts", "eac3", "truehd")
MAX_TAGS = 4
# What is looked for behind junk: FLAC, Ogg, MPEG transport streams, ID3, AAC (ADTS).
BEGINNINGS = re.compile(
    rb"fLaC\0\0\0\x22|OggS\0[\x02\x06]|G.{187}G.{187}G.{187}G|ID3[\2-\4]\0"
    rb"|\xff[\xf0\xf1\xf8\xf9]",
    re.DOTALL,
)
# No decoder tries them. libsndfile knows some more, of samplers, telephones and MATLAB,
# and the reader of MATLAB 4 has a known fault (CVE-2026-88372).
UNKNOWN = Inspection("of no known audio format", decoder=None)
ASF_SOUND = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")


def inspect_audio(file):
    """Return the `Inspection` of a binary file that can be seeked."""
    found = _inspect_bytes(file)
    if found is UNKNOWN:
        start = _find_beginning(read_at(file, 0, 2**16))
        if start is not None:
            size = file.seek(0, os.SEEK_END)
            found = _inspect_bytes(View(file, ((start, size),)))
            found = _shift(found, start, size)
    if found.demuxer in STREAMS and found.decoder == "ffmpeg":
        parts = found.parts or ((0, file.seek(0, os.SEEK_END)),)
        start, end = parts[-1]
        stop = _find_tags_behind(file, end)
        if start < stop < end:
            found = found._replace(parts=(*parts[:-1], (start, stop)))
    return found


def _inspect_bytes(file):
    size = file.seek(0, os.SEEK_END)
    head = read_at(file, 0, 4096)
    found = _find_container(file, head, size)
    if found is None and head.startswith(b"ID3"):
        found = _inspect_behind_tag(file, size) or inspect_mpeg(file)
        if found is None and skip_tags(file, 0, size) == size:
            fault = f"that fills all {size} bytes, without sound behind it"
            return Inspection("an ID3 tag", decoder=None, fault=fault)
    if found is None and head.startswith(b"\xff"):
        found = _find_mpeg(file, size)
    if found is not None:
        return found
    other = find_other_file(file, head, size)
    if other is not None:
        return Inspection(other, decoder=None)
    # Sound may follow behind junk.
    if (found := _find_mpeg(file, size)) is not None:
        return found
    return UNKNOWN


def _find_container(file, head, size):
    """Return the Inspection of a file that its first bytes name, or None."""
    form = head[:4] + head[8:12]
    for magic, inspect in INSPECTORS.items():
        if head.startswith(magic) or form == magic:
            return _inspect_joined(file, size, inspect)
    if head[4:8] in MP4_BOXES:
        return inspect_mp4(file, size)[0]
    for magic, (kind, demuxer) in FFMPEG_FORMATS.items():
        if head.startswith(magic) or form == magic:
            return _name_codec(file, Inspection(kind, "ffmpeg", demuxer))
    for magic, kind in LIBSNDFILE_FORMATS.items():
        if head.startswith(magic):
            return Inspection(kind)
    if head[:2] + head[3:4] == b"\x64\xa3\0" or head[:1] + head[2:4] == b"\0\xa3\x64":
        return Inspection("an IRCAM file")
    if head[4:8] == b"\xf8\x72\x6f\xba":
        return Inspection("a TrueHD file", "ffmpeg", "truehd")
    if head.startswith(b"\x0b\x77") and len(head) > 5:
        if head[5] >> 3 <= 10 and head[4] < 0xC0:
            return Inspection("an AC-3 file", "ffmpeg", "ac3")
        if 10 < head[5] >> 3 <= 16:
            return Inspection("an E-AC-3 file", "ffmpeg", "eac3")
    # Packets of 188 bytes; cameras and Blu-rays put four more in front of each.
    if head[0:377:188] == b"GGG" or head[4:389:192] == b"GGG":
        return Inspection("an MPEG transport stream", "ffmpeg", "mpegts")
    if _is_adts(head):
        return Inspection("an AAC file (ADTS)", "ffmpeg", "aac")
    return None


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


def _inspect_behind_tag(file, size):
    """Return the Inspection of what follows ID3v2 tags, or None for MPEG audio."""
    start = skip_tags(file, 0, size)
    behind = View(file, ((start, size),))
    found = _find_container(behind, read_at(behind, 0, 4096), size - start)
    return None if found is None else _shift(found, start, size)


def _shift(found, start, size):
    """Return the Inspection of a file by that of what begins at an offset of it."""

    def shift(each):
        parts = each.parts or ((0, size - start),)
        return each._replace(parts=shift_parts(parts, start))

    return shift(found)._replace(following=tuple(map(shift, found.following)))


def _find_beginning(block):
    """Return where sound begins behind junk, such as the rest of a frame, or None.

    Recordings of a radio begin anywhere.
    """
    for match in BEGINNINGS.finditer(block):
        start = match.start()
        if start and (block[start] != 0xFF or _is_adts(block[start:], n_frames=8)):
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
    if found.demuxer == "matroska":
        head = read_at(file, 0, 2**16)
        if b"webm" in head[:64]:
            found = found._replace(kind="a WebM file")
        names = (name for code, name in MATROSKA_CODECS.items() if code in head)
        return found.with_codec(next(names, None))
    if found.demuxer == "asf":
        _, _, format = read_at(file, 0, 2**16).partition(ASF_SOUND)
        code = int.from_bytes(format[38:40], "little")
        return found.with_codec(WAV_CODECS.get(code, (None,))[0])
    return found


def _is_adts(head, n_frames=3):
    """Whether so many AAC frames follow each other, or half of them and the end."""
    position = 0
    for number in range(1, n_frames + 1):
        code = head[position : position + 6]
        if len(code) < 6 or code[0] != 0xFF or code[1] & 0xF6 != 0xF0:
            return False
        length = (code[3] & 3) << 11 | code[4] << 3 | code[5] >> 5
        if length < 7:
            return False
        position += length
        if position >= len(head):
            return number > n_frames // 2
    return True

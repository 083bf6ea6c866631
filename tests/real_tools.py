"""Files as ffmpeg, lame, sox, flac and wavpack write them, whole and damaged.

Each `Kind` has the commands that make it from a few seconds of sound, and what must
become of it. Run as a script, this makes them all in a folder.
"""

import functools
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

TOOLS = ("ffmpeg", "lame", "sox", "flac", "wavpack")


# Largest differences of samples to what another decoder gives.
EXACT, LOSSY = 1e-4, 1e-3
# ffmpeg rounds IMA ADPCM in another way than libsndfile, sox and the specification.
ROUNDED = 1e-2

BY_FFMPEG = "ffmpeg -v error -i {file} -map 0:a:0 -c:a pcm_f32le {wav}"
# libsndfile reads Opus by libopus, ffmpeg by a decoder of its own: up to 0.014 apart.
BY_LIBOPUS = (
    f"ffmpeg -v error -c:a libopus {BY_FFMPEG.removeprefix('ffmpeg -v error ')}"
)
BY_SOX = "sox {file} -e float -b 32 {wav}"
SONG = "sox song.wav -e float -b 32 {wav}"
SONG_AND_OTHER = "sox song.wav other.wav -e float -b 32 {wav}"


class Kind(NamedTuple):
    """A kind of file.

    Attributes
    ----------
    name : str
        File name; what stands before the first dot is said in words by `description`.
    commands : str
        Shell commands that write the file `{out}`, from `song.wav` and the others that
        `write_sources` writes.
    decoder : {"libsndfile", "ffmpeg", "named"}
        What reads all of its sound; "named" where an error says what it is.
    tolerance : float
        How far samples may be from another decoder's.
    edit : callable or None
        What is done to the bytes afterwards.
    slack : int
        Frames by which two right decoders may differ in length: the padding of a codec.
    reference : str
        Shell command of another decoder, which writes `{wav}` from `{file}`, or from
        the sources where ffmpeg does not read all that is in the file.
    compared : float
        How much of the samples must be the same: up to the damage.
    """

    name: str
    commands: str
    decoder: str = "libsndfile"
    tolerance: float = LOSSY
    edit: object = None
    slack: int = 0
    reference: str = BY_FFMPEG
    compared: float = 1.0


def make_music(sample_rate, duration, *, seed=0):
    """Two different melodies with echoes, noise first: (n_frames, 2), within ±0.9.

    Encoders of variable bit rate give the noise most of their bits, so that a length
    which is estimated from the first frames is too short.
    """
    random = np.random.default_rng(seed)
    time = np.arange(round(duration * sample_rate)) / sample_rate
    channels = []
    for root in (220.0, 330.0):
        channel = np.zeros(len(time))
        for start in np.arange(0, duration, 0.25):
            frequency = root * 2 ** (random.integers(0, 12) / 12)
            after = np.clip(time - start, 0, None)
            for harmonic in (1, 2, 3):
                wave = np.sin(2 * np.pi * harmonic * frequency * after)
                channel += 0.2 / harmonic * wave * np.exp(-4 * after)
        channel += random.normal(0, 0.15, len(time)) * (time < duration / 4)
        channels.append(channel)
    music = np.stack(channels, axis=1)
    return 0.9 * music / np.abs(music).max()


def write_sources(folder):
    """Write what the commands start from."""
    for name, sample_rate, duration, n_channels, subtype in [
        ("song.wav", 44100, 4.0, 2, "PCM_16"),
        ("other.wav", 44100, 2.0, 2, "PCM_16"),
        ("other22.wav", 22050, 2.0, 2, "PCM_16"),
        ("other_mono.wav", 44100, 2.0, 1, "PCM_16"),
        ("mono.wav", 44100, 4.0, 1, "PCM_16"),
        ("deep.wav", 44100, 4.0, 2, "PCM_24"),
        ("float.wav", 44100, 4.0, 2, "FLOAT"),
        ("low.wav", 8000, 4.0, 1, "PCM_16"),
        ("six.wav", 48000, 4.0, 6, "PCM_16"),
        ("song48.wav", 48000, 4.0, 2, "PCM_16"),
        ("other48.wav", 48000, 2.0, 2, "PCM_16"),
        ("half_rate.wav", 22050, 4.0, 2, "PCM_16"),
    ]:
        music = make_music(sample_rate, duration, seed=int("other" in name))
        music = music[:, np.arange(n_channels) % 2]
        soundfile.write(folder / name, music, sample_rate, subtype)


def make_file(kind, folder):
    """Write the file of a kind into the folder of the sources; return its path."""
    path = folder / kind.name
    commands = kind.commands.format(out=path.name)
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    if kind.edit is not None:
        path.write_bytes(kind.edit(path.read_bytes()))
    return path


def list_missing_tools(kind):
    """The programs that make a kind, or measure it, and are not installed."""
    words = re.findall(r"\w+", f"{kind.commands} {kind.reference}")
    return [tool for tool in TOOLS if tool in words and not shutil.which(tool)]


def decode_with_tools(kind, folder):
    """The samples another decoder gives: (n_frames, n_channels) float32, their rate.

    None and None where it reads nothing.
    """
    target = folder / f"{kind.name}.reference.wav"
    target.unlink(missing_ok=True)
    subprocess.run(
        kind.reference.format(file=kind.name, wav=target.name),
        shell=True,
        cwd=folder,
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    if not target.exists() or soundfile.info(target).frames == 0:
        return None, None
    samples, sample_rate = soundfile.read(target, dtype="float32", always_2d=True)
    target.unlink()
    return samples, sample_rate


# Edits of bytes: what damages a file, or writes its header wrong.


def replace_after(content, mark, offset, replacement):
    """Write bytes at an offset from the first place of a mark."""
    start = content.index(mark) + offset
    return content[:start] + replacement + content[start + len(replacement) :]


def scale_xing(content, factor):
    """Change the number of frames in the Xing or Info tag of an MP3."""
    mark = b"Xing" if b"Xing" in content[:400] else b"Info"
    start = content.index(mark) + 8
    (n_frames,) = struct.unpack(">I", content[start : start + 4])
    return replace_after(content, mark, 8, struct.pack(">I", round(n_frames * factor)))


def set_flac_length(content, factor):
    """Change the number of samples in the header of a FLAC; 0 means unknown."""
    start = content.index(b"fLaC") + 8 + 13
    (told,) = struct.unpack(">Q", b"\0\0\0" + content[start : start + 5])
    n_frames = round((told & (2**36 - 1)) * factor)
    packed = struct.pack(">Q", told >> 36 << 36 | n_frames)[3:]
    return content[:start] + packed + content[start + 5 :]


def cut(content, fraction):
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


def add_id3v1(content):
    return content + b"TAG" + b"a song".ljust(125, b"\0")


def add_ape_tag(content):
    """An APEv2 tag with one item, header and footer."""
    item = struct.pack("<II", 6, 0) + b"Title\0" + b"a song"
    count = struct.pack("<III", 2000, 32 + len(item), 1)
    head = b"APETAGEX" + count + struct.pack("<I", 0xA0000000) + bytes(8)
    foot = b"APETAGEX" + count + struct.pack("<I", 0x80000000) + bytes(8)
    return content + head + item + foot


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


def set_wav_sizes(content, value):
    """A WAV whose header tells a wrong size of file and data."""
    packed = struct.pack("<I", value)
    return replace_after(replace_after(content, b"RIFF", 4, packed), b"data", 4, packed)


def edit(function, value):
    return functools.partial(_swap, function, value)


def _swap(function, value, content):
    return function(content, value)


_FF = "ffmpeg -v error -y -bitexact"
_MP3, _AAC, _OPUS, _VORBIS = 2 * 1152, 2 * 1024 + 64, 960 + 312, 2048
_AC3, _WMA, _SPEEX = 2 * 1536, 2 * 2048, 640


def _by_ffmpeg(name, options, decoder="libsndfile", *, source="song.wav", **more):
    return Kind(name, f"{_FF} -i {source} {options} {{out}}", decoder, **more)


def _piped(name, command, decoder="libsndfile", **more):
    return Kind(name, f"{command} | cat > {{out}}", decoder, **more)


ORDINARY = [
    _by_ffmpeg("wav_u8.wav", "-c:a pcm_u8", tolerance=EXACT),
    _by_ffmpeg("wav_s16.wav", "-c:a pcm_s16le", tolerance=EXACT),
    _by_ffmpeg("wav_s24.wav", "-c:a pcm_s24le", source="deep.wav", tolerance=EXACT),
    _by_ffmpeg("wav_s32.wav", "-c:a pcm_s32le", source="deep.wav", tolerance=EXACT),
    _by_ffmpeg("wav_f32.wav", "-c:a pcm_f32le", source="float.wav", tolerance=EXACT),
    _by_ffmpeg("wav_f64.wav", "-c:a pcm_f64le", source="float.wav", tolerance=EXACT),
    _by_ffmpeg("wav_alaw.wav", "-c:a pcm_alaw", tolerance=EXACT),
    _by_ffmpeg("wav_mulaw.wav", "-c:a pcm_mulaw", tolerance=EXACT),
    _by_ffmpeg("wav_ms_adpcm.wav", "-c:a adpcm_ms", tolerance=EXACT, slack=2048),
    _by_ffmpeg(
        "wav_ima_adpcm.wav", "-c:a adpcm_ima_wav", tolerance=ROUNDED, slack=2048
    ),
    _by_ffmpeg(
        "wav_yamaha_adpcm.wav",
        "-c:a adpcm_yamaha",
        "ffmpeg",
        slack=2048,
        tolerance=EXACT,
    ),
    _by_ffmpeg("wav_g722.wav", "-c:a g722 -ar 16000 -ac 1", "ffmpeg"),
    _by_ffmpeg("wav_six_channels.wav", "", source="six.wav", tolerance=EXACT),
    _by_ffmpeg("wav_mp2.wav", "-c:a mp2", "ffmpeg", slack=_MP3),
    _by_ffmpeg("wav_mp3.wav", "-c:a libmp3lame", slack=_MP3),
    _by_ffmpeg("wav_ac3.wav", "-c:a ac3", "ffmpeg", slack=_AC3),
    Kind(
        "sox_gsm.wav", "sox low.wav -e gsm-full-rate {out}", tolerance=EXACT, slack=320
    ),
    Kind(
        "sox_ms_adpcm.wav",
        "sox song.wav -e ms-adpcm {out}",
        slack=2048,
        reference=BY_SOX,
    ),
    Kind(
        "sox_ima_adpcm.wav",
        "sox song.wav -e ima-adpcm {out}",
        slack=2048,
        reference=BY_SOX,
    ),
    _by_ffmpeg("rf64.wav", "-rf64 always", tolerance=EXACT),
    _by_ffmpeg("wave64.w64", "", tolerance=EXACT),
    _by_ffmpeg("aiff_s16.aiff", "", tolerance=EXACT),
    _by_ffmpeg("aiff_s24.aif", "-c:a pcm_s24be", source="deep.wav", tolerance=EXACT),
    _by_ffmpeg("aiff_sowt.aifc", "-f aiff -c:a pcm_s16le", tolerance=EXACT),
    Kind("sox.aifc", "sox song.wav {out}", tolerance=EXACT),
    _by_ffmpeg("au_s16.au", "", tolerance=EXACT),
    Kind("sox_mulaw.au", "sox low.wav -e mu-law {out}", tolerance=EXACT),
    _by_ffmpeg("caf_s16.caf", "", tolerance=EXACT),
    _by_ffmpeg("caf_alac.caf", "-c:a alac", "ffmpeg", tolerance=EXACT),
    _by_ffmpeg("caf_ima4.caf", "-c:a adpcm_ima_qt", "ffmpeg", slack=64),
    _by_ffmpeg(
        "aiff_ima4.aifc", "-f aiff -c:a adpcm_ima_qt", slack=64, tolerance=ROUNDED
    ),
    Kind("flac.flac", "flac -s -8 song.wav -o {out}", tolerance=EXACT),
    Kind("flac_s24.flac", "flac -s deep.wav -o {out}", tolerance=EXACT),
    _by_ffmpeg("flac_by_ffmpeg.flac", "", tolerance=EXACT),
    Kind("flac_ogg.oga", "flac -s --ogg song.wav -o {out}", "ffmpeg", tolerance=EXACT),
    _by_ffmpeg("flac_ogg_by_ffmpeg.ogg", "-c:a flac", "ffmpeg", tolerance=EXACT),
    _by_ffmpeg("vorbis.ogg", "-c:a libvorbis", slack=_VORBIS),
    _by_ffmpeg(
        "opus.opus",
        "-c:a libopus",
        source="song48.wav",
        slack=_OPUS,
        reference=BY_LIBOPUS,
    ),
    _by_ffmpeg("speex.ogg", "-c:a libspeex -ar 16000 -ac 1", "ffmpeg", slack=_SPEEX),
    Kind("mp3_cbr.mp3", "lame --quiet -b 128 song.wav {out}", slack=_MP3),
    Kind("mp3_vbr.mp3", "lame --quiet -V 4 song.wav {out}", slack=_MP3),
    Kind("mp3_abr.mp3", "lame --quiet --abr 150 song.wav {out}", slack=_MP3),
    Kind("mp3_joint_mono.mp3", "lame --quiet -m m song.wav {out}", slack=_MP3),
    Kind("mp3_22_khz.mp3", "lame --quiet -V 2 half_rate.wav {out}", slack=_MP3),
    Kind("mp3_8_khz.mp3", "lame --quiet -b 16 low.wav {out}", slack=_MP3),
    _by_ffmpeg("mp3_by_ffmpeg.mp3", "-q:a 3 -metadata title=song", slack=_MP3),
    _by_ffmpeg("mp2.mp2", "", slack=_MP3),
    _by_ffmpeg("aac.m4a", "-c:a aac", "ffmpeg", slack=_AAC),
    _by_ffmpeg(
        "aac_fragmented.m4a",
        "-c:a aac -movflags frag_keyframe+empty_moov -frag_duration 500000",
        "ffmpeg",
        slack=_AAC,
    ),
    _by_ffmpeg(
        "aac_faststart.m4a", "-c:a aac -movflags faststart", "ffmpeg", slack=_AAC
    ),
    _by_ffmpeg("alac.m4a", "-c:a alac", "ffmpeg", tolerance=EXACT),
    _by_ffmpeg("aac_adts.aac", "-c:a aac", "ffmpeg", slack=_AAC),
    _by_ffmpeg("aac_in_ts.ts", "-c:a aac -f mpegts", "ffmpeg", slack=_AAC),
    _by_ffmpeg(
        "video.mp4",
        "-f lavfi -i testsrc=size=64x64:rate=5:duration=4 -c:v mpeg4 -c:a aac",
        "ffmpeg",
        slack=_AAC,
    ),
    _by_ffmpeg(
        "video.avi",
        "-f lavfi -i testsrc=size=64x64:rate=5:duration=4 -c:v mpeg4 -c:a libmp3lame",
        "ffmpeg",
        slack=_MP3,
    ),
    _by_ffmpeg("pcm.mov", "-c:a pcm_s16be", "ffmpeg", tolerance=EXACT),
    _by_ffmpeg("aac.3gp", "-c:a aac", "ffmpeg", slack=_AAC),
    _by_ffmpeg("mp3.flv", "-c:a libmp3lame", "ffmpeg", slack=_MP3),
    _by_ffmpeg("vorbis.mka", "-c:a libvorbis", "ffmpeg", slack=_VORBIS),
    _by_ffmpeg("flac.mka", "-c:a flac", "ffmpeg", tolerance=EXACT),
    _by_ffmpeg(
        "video.mkv",
        "-f lavfi -i testsrc=size=64x64:rate=5:duration=4 -c:v mpeg4 -c:a aac",
        "ffmpeg",
        slack=_AAC,
    ),
    _by_ffmpeg("opus.webm", "-c:a libopus", "ffmpeg", source="song48.wav", slack=_OPUS),
    _by_ffmpeg("vorbis.webm", "-c:a libvorbis", "ffmpeg", slack=_VORBIS),
    _by_ffmpeg("wma1.wma", "-c:a wmav1", "ffmpeg", slack=_WMA),
    _by_ffmpeg("wma2.wma", "-c:a wmav2", "ffmpeg", slack=_WMA),
    _by_ffmpeg("ac3.ac3", "-c:a ac3", "ffmpeg", slack=_AC3),
    _by_ffmpeg("eac3.eac3", "-c:a eac3", "ffmpeg", slack=_AC3),
    _by_ffmpeg("dts.dts", "-c:a dca -strict -2", "ffmpeg", slack=1024),
    Kind("wavpack.wv", "wavpack -q song.wav -o {out}", "ffmpeg", tolerance=EXACT),
    Kind(
        "wavpack_float.wv", "wavpack -q float.wav -o {out}", "ffmpeg", tolerance=EXACT
    ),
    _by_ffmpeg("wavpack_by_ffmpeg.wv", "-c:a wavpack", "ffmpeg", tolerance=EXACT),
    _by_ffmpeg("tta.tta", "", "ffmpeg", tolerance=EXACT),
    _by_ffmpeg("truehd.thd", "-c:a truehd -strict -2", "ffmpeg", tolerance=EXACT),
    Kind("sox.8svx", "sox low.wav -b 8 {out}", tolerance=EXACT),
    Kind("sox_stereo.8svx", "sox half_rate.wav -b 8 {out}", "ffmpeg", tolerance=EXACT),
    Kind("sox.amr", "sox low.wav -t amr-nb {out}", "ffmpeg", slack=160),
    Kind("sox.voc", "sox song.wav {out}", reference=SONG, tolerance=EXACT),
    Kind("sox.sph", "sox song.wav {out}", tolerance=EXACT),
    Kind("sox_ircam.sf", "sox song.wav {out}", tolerance=EXACT),
    Kind("sox.avr", "sox song.wav {out}", "libsndfile", tolerance=EXACT),
    Kind("sox.paf", "sox song.wav {out}", "libsndfile", tolerance=EXACT),
    Kind("sox_raw.gsm", "sox low.wav {out}", "named"),
    Kind("samples.raw", "sox song.wav {out}", "named"),
]

_VBR = "lame --quiet -V 4 song.wav"
_WAV = f"{_FF} -i song.wav {{out}}"
_JOIN = "lame --quiet -V 4 song.wav a.mp3; lame --quiet -V 4 {second} b.mp3; "


def _joined_mp3(name, second, **more):
    commands = _JOIN.format(second=second) + "cat a.mp3 b.mp3 > {out}"
    return Kind(name, commands, slack=2 * _MP3, **more)


def _chained(name, codec, second="other.wav", first="song.wav", **more):
    commands = (
        f"{_FF} -i {first} -c:a {codec} a.ogg; "
        f"{_FF} -i {second} -c:a {codec} -serial_offset 7 b.ogg; "
        "cat a.ogg b.ogg > {out}"
    )
    return Kind(name, commands, **more)


TREACHEROUS = [
    # MP3
    _piped("mp3_vbr_pipe_lame.mp3", f"{_VBR} -", slack=_MP3),
    _piped("mp3_vbr_pipe_ffmpeg.mp3", f"{_FF} -i song.wav -q:a 4 -f mp3 -", slack=_MP3),
    Kind("mp3_vbr_without_tag.mp3", "lame --quiet -t -V 4 song.wav {out}", slack=_MP3),
    _by_ffmpeg("mp3_cbr_without_tag.mp3", "-b:a 128k -write_xing 0", slack=_MP3),
    Kind(
        "mp3_xing_half.mp3", f"{_VBR} {{out}}", edit=edit(scale_xing, 0.5), slack=_MP3
    ),
    Kind(
        "mp3_xing_double.mp3", f"{_VBR} {{out}}", edit=edit(scale_xing, 2), slack=_MP3
    ),
    Kind("mp3_xing_zero.mp3", f"{_VBR} {{out}}", edit=edit(scale_xing, 0), slack=_MP3),
    Kind(
        "mp3_info_half.mp3",
        "lame --quiet -b 128 song.wav {out}",
        edit=edit(scale_xing, 0.5),
        slack=_MP3,
    ),
    _joined_mp3("mp3_joined.mp3", "other.wav"),
    _joined_mp3("mp3_joined_other_rate.mp3", "other22.wav"),
    _joined_mp3("mp3_joined_other_channels.mp3", "other_mono.wav"),
    Kind("mp3_junk_first.mp3", f"{_VBR} {{out}}", "ffmpeg", edit=add_junk, slack=_MP3),
    Kind(
        "mp3_mid_frame.mp3",
        f"{_VBR} {{out}}",
        "ffmpeg",
        edit=lambda content: content[len(content) // 8 + 3 :],
        slack=_MP3,
    ),
    Kind("mp3_id3v1.mp3", f"{_VBR} {{out}}", edit=add_id3v1, slack=_MP3),
    Kind("mp3_ape_tag.mp3", f"{_VBR} {{out}}", edit=add_ape_tag, slack=_MP3),
    Kind(
        "mp3_ape_tag_and_id3v1.mp3",
        f"{_VBR} {{out}}",
        edit=lambda content: add_id3v1(add_ape_tag(content)),
        slack=_MP3,
    ),
    Kind(
        "mp3_hole.mp3",
        f"{_VBR} {{out}}",
        "ffmpeg",
        compared=0.1,
        edit=punch_hole,
        slack=_MP3,
    ),
    Kind(
        "mp3_middle_lost.mp3",
        f"{_VBR} {{out}}",
        "ffmpeg",
        compared=0.1,
        edit=drop_middle,
        slack=_MP3,
    ),
    # Ogg
    _chained("vorbis_chained.ogg", "libvorbis", slack=2 * _VORBIS),
    _chained(
        "vorbis_chained_other_rate.ogg", "libvorbis", "other22.wav", slack=2 * _VORBIS
    ),
    _chained(
        "vorbis_chained_other_channels.ogg",
        "libvorbis",
        "other_mono.wav",
        slack=2 * _VORBIS,
    ),
    _chained(
        "opus_chained.opus",
        "libopus",
        "other48.wav",
        "song48.wav",
        slack=2 * _OPUS,
        reference=BY_LIBOPUS,
    ),
    _chained("flac_ogg_chained.oga", "flac", decoder="ffmpeg", tolerance=EXACT),
    _by_ffmpeg(
        "vorbis_hole.ogg",
        "-c:a libvorbis",
        compared=0.1,
        edit=punch_hole,
        slack=_VORBIS,
    ),
    _piped("vorbis_pipe.ogg", f"{_FF} -i song.wav -c:a libvorbis -f ogg -", slack=2048),
    # FLAC
    Kind(
        "flac_half_length.flac",
        "flac -s song.wav -o {out}",
        edit=edit(set_flac_length, 0.5),
        tolerance=EXACT,
    ),
    Kind(
        "flac_no_length.flac",
        "flac -s song.wav -o {out}",
        edit=edit(set_flac_length, 0),
        tolerance=EXACT,
    ),
    Kind(
        "flac_double_length.flac",
        "flac -s song.wav -o {out}",
        edit=edit(set_flac_length, 2),
        tolerance=EXACT,
    ),
    _piped("flac_pipe_ffmpeg.flac", f"{_FF} -i song.wav -f flac -", tolerance=EXACT),
    _piped("flac_pipe_flac.flac", "flac -s -c - < song.wav", tolerance=EXACT),
    Kind(
        "flac_joined.flac",
        "flac -s song.wav -o a.flac; flac -s other.wav -o b.flac; "
        "cat a.flac b.flac > {out}; rm a.flac b.flac",
        reference=SONG_AND_OTHER,
        tolerance=EXACT,
    ),
    Kind(
        "flac_hole.flac",
        "flac -s song.wav -o {out}",
        decoder="ffmpeg",
        compared=0.3,
        edit=punch_hole,
    ),
    # Containers of plain samples, through pipes
    _piped("wav_pipe_ffmpeg.wav", f"{_FF} -i song.wav -f wav -", tolerance=EXACT),
    _piped("wav_pipe_sox.wav", "sox song.wav -t wav -", tolerance=EXACT),
    _piped("au_pipe_ffmpeg.au", f"{_FF} -i song.wav -f au -", tolerance=EXACT),
    _piped("au_pipe_sox.au", "sox song.wav -t au -", tolerance=EXACT),
    _piped(
        "aiff_pipe_ffmpeg.aiff",
        f"{_FF} -i song.wav -f aiff -",
        reference=SONG,
        tolerance=EXACT,
    ),
    _piped("aiff_pipe_sox.aiff", "sox song.wav -t aiff -", tolerance=EXACT),
    _piped(
        "w64_pipe_ffmpeg.w64",
        f"{_FF} -i song.wav -f w64 -",
        reference=SONG,
        tolerance=EXACT,
    ),
    _piped(
        "w64_pipe_sox.w64", "sox song.wav -t w64 -", reference=SONG, tolerance=EXACT
    ),
    _piped("caf_pipe_ffmpeg.caf", f"{_FF} -i song.wav -f caf -", tolerance=EXACT),
    _piped(
        "caf_pipe_sox.caf", "sox song.wav -t caf -", reference=SONG, tolerance=EXACT
    ),
    _piped(
        "rf64_pipe_ffmpeg.wav",
        f"{_FF} -i song.wav -rf64 always -f wav -",
        reference=SONG,
        tolerance=EXACT,
    ),
    _piped("sph_pipe_sox.sph", "sox song.wav -t sph -", tolerance=EXACT),
    Kind("wav_size_zero.wav", _WAV, edit=edit(set_wav_sizes, 0), tolerance=EXACT),
    Kind(
        "wav_size_ffffffff.wav",
        _WAV,
        edit=edit(set_wav_sizes, 2**32 - 1),
        tolerance=EXACT,
    ),
    Kind("wav_size_half.wav", _WAV, edit=edit(set_wav_sizes, 352_800), tolerance=EXACT),
    Kind(
        "wav_two_data_chunks.wav",
        _WAV,
        edit=split_data_chunk,
        reference=SONG,
        tolerance=EXACT,
    ),
    Kind("wav_hole.wav", _WAV, edit=punch_hole, tolerance=EXACT),
    Kind(
        "wav_joined.wav",
        f"{_FF} -i song.wav a.wav; {_FF} -i other.wav b.wav; cat a.wav b.wav > {{out}}",
        reference=SONG_AND_OTHER,
        tolerance=EXACT,
    ),
    # Others
    _piped(
        "aac_pipe.m4a",
        f"{_FF} -i song.wav -c:a aac -movflags frag_keyframe+empty_moov -f mp4 -",
        "ffmpeg",
        slack=_AAC,
    ),
    _piped(
        "opus_pipe.webm",
        f"{_FF} -i song48.wav -c:a libopus -f webm -",
        "ffmpeg",
        slack=_OPUS,
    ),
    Kind(
        "aac_joined.aac",
        f"{_FF} -i song.wav -c:a aac a.aac; {_FF} -i other.wav -c:a aac b.aac; "
        "cat a.aac b.aac > {out}",
        "ffmpeg",
        slack=2 * _AAC,
    ),
    _by_ffmpeg(
        "aac_hole.m4a", "-c:a aac", "ffmpeg", compared=0.3, edit=punch_hole, slack=_AAC
    ),
    _by_ffmpeg(
        "no_sound.mp4",
        "-map 1 -f lavfi -i testsrc=size=64x64:rate=5:duration=4 -c:v mpeg4".replace(
            "-map 1 ", ""
        )
        + " -map 1:v",
        "named",
    ),
    Kind(
        "picture.mp3", f"{_FF} -f lavfi -i testsrc -frames:v 1 -f apng {{out}}", "named"
    ),
]

# Broken downloads: the beginning of each is there.
_TO_CUT = [
    "wav_s16.wav",
    "wav_ms_adpcm.wav",
    "rf64.wav",
    "wave64.w64",
    "aiff_s16.aiff",
    "au_s16.au",
    "caf_s16.caf",
    "caf_alac.caf",
    "flac.flac",
    "flac_ogg.oga",
    "vorbis.ogg",
    "opus.opus",
    "mp3_cbr.mp3",
    "mp3_vbr.mp3",
    "mp2.mp2",
    "aac.m4a",
    "aac_fragmented.m4a",
    "aac_faststart.m4a",
    "alac.m4a",
    "aac_adts.aac",
    "flac.mka",
    "opus.webm",
    "wma2.wma",
    "ac3.ac3",
    "wavpack.wv",
    "tta.tta",
    "sox.8svx",
    "sox.voc",
]


def _cut_kind(kind):
    stem, _, extension = kind.name.partition(".")
    # Of an MP4 file the index is at the end, without which nothing can be read.
    is_lost = kind.name in ("aac.m4a", "alac.m4a", "caf_alac.caf")
    return kind._replace(
        name=f"{stem}_cut.{extension}",
        edit=edit(cut, 0.6),
        decoder="named" if is_lost else kind.decoder,
        slack=2 * kind.slack or 4608,
    )


TRUNCATED = [_cut_kind(kind) for kind in ORDINARY if kind.name in _TO_CUT]
KINDS = [*ORDINARY, *TREACHEROUS, *TRUNCATED]

if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    write_sources(target)
    for each in KINDS:
        if missing := list_missing_tools(each):
            print(f"{each.name}: {', '.join(missing)} not installed")
            continue
        try:
            print(make_file(each, target))
        except subprocess.CalledProcessError as error:
            print(f"{each.name}: {error.stderr.decode()[-300:]}")

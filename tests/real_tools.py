"""Files as ffmpeg, lame, sox, flac and wavpack write them, whole and damaged.

Each `Kind` has the commands that make it from a few seconds of sound, and what must
become of it. Run as a script, this makes them all in a folder.
"""

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from damaged_audio import (
    add_ape_tag,
    add_both_tags,
    add_id3v1,
    add_id3v2,
    add_junk,
    cut,
    drop_middle,
    punch_hole,
    scale_xing,
    set_flac_length,
    set_wav_sizes,
    split_data_chunk,
    start_in_a_frame,
)

SONG_DURATION = 4.0

TOOLS = ("bash", "ffmpeg", "lame", "sox", "flac", "wavpack")
_TOOLS_OF_WORDS = {"ff": "ffmpeg", "join_ogg": "ffmpeg", "join_mp3": "lame"}
# Words of the commands: the tools without their chatter, and two songs in one file.
SHELL = """
ff() { ffmpeg -v error -y -bitexact "$@"; }
lame() { command lame --quiet "$@"; }
flac() { command flac --silent --force "$@"; }
wavpack() { command wavpack -q -y "$@"; }
join_mp3() {
  lame -V 4 $1.wav $out.1; lame -V 4 $2.wav $out.2
  cat $out.1 $out.2 > $out
}
join_ogg() {
  ff -i $2.wav -c:a $1 -f ogg $out.1
  ff -i $3.wav -c:a $1 -f ogg -serial_offset 7 $out.2
  cat $out.1 $out.2 > $out
}"""

BY_FFMPEG = "ff -i $file -map 0:a:0 -c:a pcm_f32le $wav"
# libsndfile reads Opus by libopus, ffmpeg by a decoder of its own: up to 0.014 apart.
BY_LIBOPUS = "ff -c:a libopus -i $file -c:a pcm_f32le $wav"
# Of joined files, ffmpeg keeps what the encoder has put before and behind each part.
BY_PARTS = """
for n in 1 2; do ff -i $file.$n -ar 44100 -ac 2 -c:a pcm_f32le $file.$n.wav; done
sox $file.1.wav $file.2.wav $wav"""
BY_PARTS_LIBOPUS = BY_PARTS.replace("44100", "48000").replace("ff", "ff -c:a libopus")
# The file before its damage. ffmpeg cuts the padding off where a wrong tag says that
# the end is, and takes the tag behind junk for sound.
WHOLE_MP3 = "lame -V 4 song.wav $wav.mp3; ff -i $wav.mp3 -c:a pcm_f32le $wav"
WHOLE_CBR = WHOLE_MP3.replace("-V 4", "-b 128")
BY_SOX = "sox $file -e float -b 32 $wav"
# The sources themselves, where ffmpeg does not read all that is in the file.
SONG = "sox song.wav -e float -b 32 $wav"
SONG_AND_OTHER = "sox song.wav other.wav -e float -b 32 $wav"

EXACT, LOSSY = 1e-4, 1e-3
# How far right decoders may be apart: frames in length (one of the codec, and what its
# encoder puts before and behind the sound), and samples. Other codecs: 0 and EXACT.
CODECS = {
    "AAC": (2 * 1024 + 64, LOSSY),
    "AC-3": (2 * 1536, LOSSY),
    "AMR-NB": (160, LOSSY),
    "DTS": (1024, LOSSY),
    "E-AC-3": (2 * 1536, LOSSY),
    "G.722": (0, LOSSY),
    "GSM 6.10": (320, EXACT),
    # ffmpeg rounds it in another way than libsndfile, sox and the specification.
    "IMA ADPCM": (2048, 1e-2),
    "MP2": (2 * 1152, LOSSY),
    "MP3": (2 * 1152, LOSSY),
    "Microsoft ADPCM": (2048, EXACT),
    "Opus": (960 + 312, LOSSY),
    "Speex": (640, LOSSY),
    "Vorbis": (2048, LOSSY),
    "WMA 1": (2 * 2048, LOSSY),
    "WMA 2": (2 * 2048, LOSSY),
    "Yamaha ADPCM": (2048, EXACT),
}


class Kind(NamedTuple):
    """A kind of file.

    Attributes
    ----------
    name : str
        File name.
    form : str
        Container and codec, for the table of the user guide.
    commands : str
        Shell commands that write `$out` from what `write_sources` writes.
    decoder : {"libsndfile", "ffmpeg", "named"}
        What reads all of its sound; "named" where an error says what it is.
    edit : callable or None
        What is done to the bytes afterwards.
    reference : str
        Shell command of another decoder, which writes `$wav` from `$file`.
    compared : float
        How much of the samples must be the same: up to the damage.
    skipped : int
        Frames at the beginning that decoders mend in different ways.
    extra_slack : int
        Frames by which lengths may differ, above the padding of the codec.
    """

    name: str
    form: str
    commands: str
    decoder: str = "libsndfile"
    edit: object = None
    reference: str = BY_FFMPEG
    compared: float = 1.0
    skipped: int = 0
    extra_slack: int = 0

    @property
    def slack(self):
        """Frames by which lengths may differ."""
        return self._codec[0] + self.extra_slack

    @property
    def tolerance(self):
        """How far samples may be apart."""
        return self._codec[1]

    @property
    def _codec(self):
        return CODECS.get(self.form.split(": ")[1], (0, EXACT))


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
    for name, sample_rate, n_channels, subtype in [
        ("song.wav", 44100, 2, "PCM_16"),
        ("song48.wav", 48000, 2, "PCM_16"),
        ("deep.wav", 44100, 2, "PCM_24"),
        ("float.wav", 44100, 2, "FLOAT"),
        ("six.wav", 48000, 6, "PCM_16"),
        ("half_rate.wav", 22050, 2, "PCM_16"),
        ("low.wav", 8000, 1, "PCM_16"),
        ("other.wav", 44100, 2, "PCM_16"),
        ("other48.wav", 48000, 2, "PCM_16"),
        ("other22.wav", 22050, 2, "PCM_16"),
        ("other_mono.wav", 44100, 1, "PCM_16"),
    ]:
        is_other = name.startswith("other")
        duration = SONG_DURATION / (1 + is_other)
        music = make_music(sample_rate, duration, seed=int(is_other))
        music = music[:, np.arange(n_channels) % 2]
        soundfile.write(folder / name, music, sample_rate, subtype)


def make_file(kind, folder):
    """Write the file of a kind into the folder of the sources; return its path."""
    path = folder / kind.name
    subprocess.run(
        ["bash", "-c", f"set -euo pipefail{SHELL}; {kind.commands}"],
        cwd=folder,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "out": path.name},
    )
    if kind.edit is not None:
        path.write_bytes(kind.edit(path.read_bytes()))
    return path


def list_missing_tools(kind):
    """The programs that make a kind, or measure it, and are not installed."""
    words = {"bash", *re.findall(r"\w+", f"{kind.commands} {kind.reference}")}
    # What the words of the commands run.
    needed = words | {_TOOLS_OF_WORDS.get(word) for word in words}
    return [tool for tool in TOOLS if tool in needed and not shutil.which(tool)]


def decode_with_tools(kind, folder):
    """The samples another decoder gives: (n_frames, n_channels) float32, their rate.

    None and None where it reads nothing.
    """
    target = folder / f"{kind.name}.reference.wav"
    target.unlink(missing_ok=True)
    subprocess.run(
        ["bash", "-c", f"{SHELL}; {kind.reference}"],
        cwd=folder,
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "file": kind.name, "wav": target.name},
    )
    if not target.exists() or soundfile.info(target).frames == 0:
        return None, None
    samples, sample_rate = soundfile.read(target, dtype="float32", always_2d=True)
    target.unlink()
    return samples, sample_rate


VBR = "lame -V 4 song.wav $out"
FRAGMENTS = "-movflags frag_keyframe+empty_moov -frag_duration 500000"
FILM = "-f lavfi -i testsrc=size=64x64:rate=5:duration=4 -c:v mpeg4"
ORDINARY = [
    Kind("wav_u8.wav", "WAV: 8-bit", "ff -i song.wav -c:a pcm_u8 $out"),
    Kind("wav_s16.wav", "WAV: 16-bit", "ff -i song.wav -c:a pcm_s16le $out"),
    Kind("wav_s24.wav", "WAV: 24-bit", "ff -i deep.wav -c:a pcm_s24le $out"),
    Kind("wav_s32.wav", "WAV: 32-bit", "ff -i deep.wav -c:a pcm_s32le $out"),
    Kind("wav_f32.wav", "WAV: 32-bit float", "ff -i float.wav -c:a pcm_f32le $out"),
    Kind("wav_f64.wav", "WAV: 64-bit float", "ff -i float.wav -c:a pcm_f64le $out"),
    Kind("wav_alaw.wav", "WAV: A-law", "ff -i song.wav -c:a pcm_alaw $out"),
    Kind("wav_mulaw.wav", "WAV: µ-law", "ff -i song.wav -c:a pcm_mulaw $out"),
    Kind(
        "wav_ms_adpcm.wav", "WAV: Microsoft ADPCM", "ff -i song.wav -c:a adpcm_ms $out"
    ),
    Kind(
        "wav_ima_adpcm.wav",
        "WAV: IMA ADPCM",
        "ff -i song.wav -c:a adpcm_ima_wav $out",
    ),
    Kind(
        "wav_yamaha_adpcm.wav",
        "WAV: Yamaha ADPCM",
        "ff -i song.wav -c:a adpcm_yamaha $out",
        "ffmpeg",
    ),
    Kind(
        "wav_g722.wav",
        "WAV: G.722",
        "ff -i song.wav -c:a g722 -ar 16000 -ac 1 $out",
        "ffmpeg",
    ),
    Kind("wav_six_channels.wav", "WAV: 16-bit", "ff -i six.wav $out"),
    Kind("wav_mp2.wav", "WAV: MP2", "ff -i song.wav -c:a mp2 $out", "ffmpeg"),
    Kind("wav_mp3.wav", "WAV: MP3", "ff -i song.wav -c:a libmp3lame $out"),
    Kind("wav_ac3.wav", "WAV: AC-3", "ff -i song.wav -c:a ac3 $out", "ffmpeg"),
    Kind("sox_gsm.wav", "WAV: GSM 6.10", "sox low.wav -e gsm-full-rate $out"),
    Kind(
        "sox_ms_adpcm.wav",
        "WAV: Microsoft ADPCM",
        "sox song.wav -e ms-adpcm $out",
        reference=BY_SOX,
    ),
    Kind(
        "sox_ima_adpcm.wav",
        "WAV: IMA ADPCM",
        "sox song.wav -e ima-adpcm $out",
        reference=BY_SOX,
    ),
    Kind("rf64.wav", "RF64: 16-bit", "ff -i song.wav -rf64 always $out"),
    Kind("wave64.w64", "Wave64: 16-bit", "ff -i song.wav $out"),
    Kind("aiff_s16.aiff", "AIFF: 16-bit", "ff -i song.wav $out"),
    Kind(
        "aiff_s24.aif",
        "AIFF: 24-bit",
        "ff -i deep.wav -c:a pcm_s24be $out",
    ),
    Kind(
        "aiff_sowt.aifc",
        "AIFF: 16-bit",
        "ff -i song.wav -f aiff -c:a pcm_s16le $out",
    ),
    Kind("sox.aifc", "AIFF: 16-bit", "sox song.wav $out"),
    Kind("au_s16.au", "Sun/NeXT: 16-bit", "ff -i song.wav $out"),
    Kind("sox_mulaw.au", "Sun/NeXT: µ-law", "sox low.wav -e mu-law $out"),
    Kind("caf_s16.caf", "CAF: 16-bit", "ff -i song.wav $out"),
    Kind(
        "caf_alac.caf", "CAF: ALAC by ffmpeg", "ff -i song.wav -c:a alac $out", "ffmpeg"
    ),
    Kind(
        "caf_ima4.caf",
        "CAF: IMA ADPCM",
        "ff -i song.wav -c:a adpcm_ima_qt $out",
        "ffmpeg",
    ),
    Kind(
        "aiff_ima4.aifc",
        "AIFF: IMA ADPCM",
        "ff -i song.wav -f aiff -c:a adpcm_ima_qt $out",
    ),
    Kind("flac.flac", "FLAC: 16-bit", "flac -8 song.wav -o $out"),
    Kind("flac_s24.flac", "FLAC: 24-bit", "flac deep.wav -o $out"),
    Kind("flac_by_ffmpeg.flac", "FLAC: 16-bit", "ff -i song.wav $out"),
    Kind("flac_ogg.oga", "Ogg: FLAC", "flac --ogg song.wav -o $out", "ffmpeg"),
    Kind(
        "flac_ogg_by_ffmpeg.ogg", "Ogg: FLAC", "ff -i song.wav -c:a flac $out", "ffmpeg"
    ),
    Kind("vorbis.ogg", "Ogg: Vorbis", "ff -i song.wav -c:a libvorbis $out"),
    Kind(
        "opus.opus",
        "Ogg: Opus",
        "ff -i song48.wav -c:a libopus $out",
        reference=BY_LIBOPUS,
    ),
    Kind(
        "speex.ogg",
        "Ogg: Speex",
        "ff -i song.wav -c:a libspeex -ar 16000 -ac 1 $out",
        "ffmpeg",
    ),
    Kind("mp3_cbr.mp3", "MPEG audio: MP3", "lame -b 128 song.wav $out"),
    Kind("mp3_vbr.mp3", "MPEG audio: MP3", VBR),
    Kind("mp3_abr.mp3", "MPEG audio: MP3", "lame --abr 150 song.wav $out"),
    Kind("mp3_joint_mono.mp3", "MPEG audio: MP3", "lame -m m song.wav $out"),
    Kind("mp3_22_khz.mp3", "MPEG audio: MP3", "lame -V 2 half_rate.wav $out"),
    Kind("mp3_8_khz.mp3", "MPEG audio: MP3", "lame -b 16 low.wav $out"),
    Kind(
        "mp3_by_ffmpeg.mp3",
        "MPEG audio: MP3",
        "ff -i song.wav -q:a 3 -metadata title=song $out",
    ),
    Kind("mp2.mp2", "MPEG audio: MP2", "ff -i song.wav $out"),
    Kind("aac.m4a", "MP4: AAC", "ff -i song.wav -c:a aac $out", "ffmpeg"),
    Kind(
        "aac_fragmented.m4a",
        "MP4: AAC",
        f"ff -i song.wav -c:a aac {FRAGMENTS} $out",
        "ffmpeg",
    ),
    Kind(
        "aac_faststart.m4b",
        "MP4: AAC",
        "ff -i song.wav -c:a aac -movflags faststart -f mp4 $out",
        "ffmpeg",
    ),
    Kind("alac.m4a", "MP4: ALAC", "ff -i song.wav -c:a alac $out", "ffmpeg"),
    Kind("aac_adts.aac", "ADTS: AAC", "ff -i song.wav -c:a aac $out", "ffmpeg"),
    Kind(
        "aac_in_ts.ts",
        "MPEG transport stream: AAC",
        "ff -i song.wav -c:a aac -f mpegts $out",
        "ffmpeg",
    ),
    Kind("video.mp4", "MP4: AAC", f"ff -i song.wav {FILM} -c:a aac $out", "ffmpeg"),
    Kind(
        "video.avi", "AVI: MP3", f"ff -i song.wav {FILM} -c:a libmp3lame $out", "ffmpeg"
    ),
    Kind(
        "pcm.mov",
        "QuickTime: 16-bit",
        "ff -i song.wav -c:a pcm_s16be $out",
        "ffmpeg",
    ),
    Kind("aac.3gp", "3GP: AAC", "ff -i song.wav -c:a aac $out", "ffmpeg"),
    Kind("mp3.flv", "FLV: MP3", "ff -i song.wav -c:a libmp3lame $out", "ffmpeg"),
    Kind(
        "vorbis.mka",
        "Matroska and WebM: Vorbis",
        "ff -i song.wav -c:a libvorbis $out",
        "ffmpeg",
    ),
    Kind(
        "flac.mka", "Matroska and WebM: FLAC", "ff -i song.wav -c:a flac $out", "ffmpeg"
    ),
    Kind(
        "video.mkv",
        "Matroska and WebM: AAC",
        f"ff -i song.wav {FILM} -c:a aac $out",
        "ffmpeg",
    ),
    Kind(
        "opus.webm",
        "Matroska and WebM: Opus",
        "ff -i song48.wav -c:a libopus $out",
        "ffmpeg",
    ),
    Kind(
        "vorbis.webm",
        "Matroska and WebM: Vorbis",
        "ff -i song.wav -c:a libvorbis $out",
        "ffmpeg",
    ),
    Kind(
        "wma1.wma",
        "Windows Media (ASF): WMA 1",
        "ff -i song.wav -c:a wmav1 $out",
        "ffmpeg",
    ),
    Kind(
        "wma2.wma",
        "Windows Media (ASF): WMA 2",
        "ff -i song.wav -c:a wmav2 $out",
        "ffmpeg",
    ),
    Kind("ac3.ac3", "AC-3: AC-3", "ff -i song.wav -c:a ac3 $out", "ffmpeg"),
    Kind("eac3.eac3", "E-AC-3: E-AC-3", "ff -i song.wav -c:a eac3 $out", "ffmpeg"),
    Kind("dts.dts", "DTS: DTS", "ff -i song.wav -c:a dca -strict -2 $out", "ffmpeg"),
    Kind("wavpack.wv", "WavPack: 16-bit", "wavpack song.wav -o $out", "ffmpeg"),
    Kind(
        "wavpack_float.wv",
        "WavPack: 32-bit float",
        "wavpack float.wav -o $out",
        "ffmpeg",
    ),
    Kind(
        "wavpack_by_ffmpeg.wv",
        "WavPack: 16-bit",
        "ff -i song.wav -c:a wavpack $out",
        "ffmpeg",
    ),
    Kind("tta.tta", "True Audio: 16-bit", "ff -i song.wav $out", "ffmpeg"),
    Kind(
        "truehd.thd",
        "TrueHD: 24-bit",
        "ff -i song.wav -c:a truehd -strict -2 $out",
        "ffmpeg",
    ),
    Kind("sox.8svx", "8SVX: 8-bit mono", "sox low.wav -b 8 $out"),
    Kind(
        "sox_stereo.8svx",
        "8SVX: 8-bit stereo",
        "sox half_rate.wav -b 8 $out",
        "ffmpeg",
    ),
    Kind("sox.amr", "AMR: AMR-NB", "sox low.wav -t amr-nb $out", "ffmpeg"),
    Kind("sox.voc", "Creative VOC: 16-bit", "sox song.wav $out", reference=SONG),
    Kind("sox.sph", "NIST SPHERE: 16-bit", "sox song.wav $out"),
    Kind("sox_ircam.sf", "IRCAM: 16-bit", "sox song.wav $out"),
    Kind("sox.avr", "Audio Visual Research: 16-bit", "sox song.wav $out"),
    Kind("sox.paf", "Ensoniq PARIS: 16-bit", "sox song.wav $out"),
    Kind("sox_raw.gsm", "no container: GSM 6.10", "sox low.wav $out", "named"),
    Kind("samples.raw", "no container: 16-bit", "sox song.wav $out", "named"),
]

# Whole, but written through pipes, joined, or with headers that are wrong.
TREACHEROUS = [
    Kind(
        "mp3_vbr_pipe_lame.mp3", "MPEG audio: MP3", "lame -V 4 song.wav - | cat > $out"
    ),
    Kind(
        "mp3_vbr_pipe_ffmpeg.mp3",
        "MPEG audio: MP3",
        "ff -i song.wav -q:a 4 -f mp3 - | cat > $out",
    ),
    Kind("mp3_vbr_without_tag.mp3", "MPEG audio: MP3", "lame -t -V 4 song.wav $out"),
    Kind(
        "mp3_cbr_without_tag.mp3",
        "MPEG audio: MP3",
        "ff -i song.wav -b:a 128k -write_xing 0 $out",
    ),
    Kind(
        "mp3_xing_half.mp3",
        "MPEG audio: MP3",
        VBR,
        reference=WHOLE_MP3,
        edit=partial(scale_xing, factor=0.5),
    ),
    Kind(
        "mp3_xing_double.mp3",
        "MPEG audio: MP3",
        VBR,
        reference=WHOLE_MP3,
        edit=partial(scale_xing, factor=2),
    ),
    Kind(
        "mp3_xing_zero.mp3",
        "MPEG audio: MP3",
        VBR,
        reference=WHOLE_MP3,
        edit=partial(scale_xing, factor=0),
    ),
    Kind(
        "mp3_info_half.mp3",
        "MPEG audio: MP3",
        "lame -b 128 song.wav $out",
        reference=WHOLE_CBR,
        edit=partial(scale_xing, factor=0.5),
    ),
    Kind("mp3_joined.mp3", "MPEG audio: MP3", "join_mp3 song other"),
    Kind(
        "mp3_joined_other_rate.mp3",
        "MPEG audio: MP3",
        "join_mp3 song other22",
        reference=BY_PARTS,
        compared=0.6,
    ),
    Kind(
        "mp3_joined_other_channels.mp3",
        "MPEG audio: MP3",
        "join_mp3 song other_mono",
        reference=BY_PARTS,
        compared=0.6,
    ),
    Kind(
        "mp3_junk_first.mp3", "MPEG audio: MP3", VBR, edit=add_junk, reference=WHOLE_MP3
    ),
    Kind(
        "mp3_mid_frame.mp3",
        "MPEG audio: MP3",
        VBR,
        edit=start_in_a_frame,
        skipped=4 * 1152,
    ),
    Kind("mp3_id3v1.mp3", "MPEG audio: MP3", VBR, edit=add_id3v1),
    Kind("mp3_ape_tag.mp3", "MPEG audio: MP3", VBR, edit=add_ape_tag),
    Kind("mp3_ape_tag_and_id3v1.mp3", "MPEG audio: MP3", VBR, edit=add_both_tags),
    Kind("mp3_id3v2.mp3", "MPEG audio: MP3", VBR, edit=add_id3v2),
    Kind("mp3_hole.mp3", "MPEG audio: MP3", VBR, edit=punch_hole, compared=0.1),
    Kind(
        "mp3_middle_lost.mp3",
        "MPEG audio: MP3",
        VBR,
        edit=drop_middle,
        compared=0.1,
    ),
    Kind(
        "vorbis_chained.ogg",
        "Ogg: Vorbis",
        "join_ogg libvorbis song other",
        reference=BY_PARTS,
    ),
    Kind(
        "vorbis_chained_other_rate.ogg",
        "Ogg: Vorbis",
        "join_ogg libvorbis song other22",
        reference=BY_PARTS,
        compared=0.6,
    ),
    Kind(
        "vorbis_chained_other_channels.ogg",
        "Ogg: Vorbis",
        "join_ogg libvorbis song other_mono",
        reference=BY_PARTS,
        compared=0.6,
    ),
    Kind(
        "opus_chained.opus",
        "Ogg: Opus",
        "join_ogg libopus song48 other48",
        reference=BY_PARTS_LIBOPUS,
    ),
    Kind("flac_ogg_chained.oga", "Ogg: FLAC", "join_ogg flac song other", "ffmpeg"),
    Kind(
        "vorbis_hole.ogg",
        "Ogg: Vorbis",
        "ff -i song.wav -c:a libvorbis $out",
        edit=punch_hole,
        compared=0.1,
    ),
    Kind(
        "vorbis_pipe.ogg",
        "Ogg: Vorbis",
        "ff -i song.wav -c:a libvorbis -f ogg - | cat > $out",
    ),
    Kind(
        "flac_half_length.flac",
        "FLAC: 16-bit",
        "flac song.wav -o $out",
        edit=partial(set_flac_length, factor=0.5),
    ),
    Kind(
        "flac_no_length.flac",
        "FLAC: 16-bit",
        "flac song.wav -o $out",
        edit=partial(set_flac_length, factor=0),
    ),
    Kind(
        "flac_double_length.flac",
        "FLAC: 16-bit",
        "flac song.wav -o $out",
        edit=partial(set_flac_length, factor=2),
    ),
    Kind(
        "flac_pipe_ffmpeg.flac", "FLAC: 16-bit", "ff -i song.wav -f flac - | cat > $out"
    ),
    Kind("flac_pipe_flac.flac", "FLAC: 16-bit", "flac -c - < song.wav | cat > $out"),
    Kind(
        "flac_joined.flac",
        "FLAC: 16-bit",
        "flac song.wav -o $out; flac -c other.wav >> $out",
        reference=SONG_AND_OTHER,
    ),
    Kind("flac_id3v2.flac", "FLAC: 16-bit", "flac song.wav -o $out", edit=add_id3v2),
    Kind(
        "flac_hole.flac",
        "FLAC: 16-bit",
        "flac song.wav -o $out",
        "named",
        edit=punch_hole,
    ),
    Kind(
        "wav_pipe_ffmpeg.wav",
        "WAV: 16-bit",
        "ff -i song.wav -f wav - | cat > $out",
    ),
    Kind("wav_pipe_sox.wav", "WAV: 16-bit", "sox song.wav -t wav - | cat > $out"),
    Kind(
        "au_pipe_ffmpeg.au",
        "Sun/NeXT: 16-bit",
        "ff -i song.wav -f au - | cat > $out",
    ),
    Kind(
        "au_pipe_sox.au",
        "Sun/NeXT: 16-bit",
        "sox song.wav -t au - | cat > $out",
    ),
    Kind(
        "aiff_pipe_ffmpeg.aiff",
        "AIFF: 16-bit",
        "ff -i song.wav -f aiff - | cat > $out",
        reference=SONG,
    ),
    Kind(
        "aiff_pipe_sox.aiff",
        "AIFF: 16-bit",
        "sox song.wav -t aiff - | cat > $out",
    ),
    Kind(
        "w64_pipe_ffmpeg.w64",
        "Wave64: 16-bit",
        "ff -i song.wav -f w64 - | cat > $out",
        reference=SONG,
    ),
    # sox writes the header twice, and nothing skips the second.
    Kind(
        "w64_pipe_sox.w64",
        "Wave64: 16-bit",
        "sox song.wav -t w64 - | cat > $out",
        reference=SONG,
        extra_slack=64,
    ),
    Kind(
        "caf_pipe_ffmpeg.caf",
        "CAF: 16-bit",
        "ff -i song.wav -f caf - | cat > $out",
    ),
    # sox writes the header three times, the first for no samples.
    Kind(
        "caf_pipe_sox.caf",
        "CAF: 16-bit",
        "sox song.wav -t caf - | cat > $out",
        "named",
    ),
    Kind(
        "rf64_pipe_ffmpeg.wav",
        "RF64: 16-bit",
        "ff -i song.wav -rf64 always -f wav - | cat > $out",
        reference=SONG,
    ),
    Kind(
        "sph_pipe_sox.sph",
        "NIST SPHERE: 16-bit",
        "sox song.wav -t sph - | cat > $out",
    ),
    Kind(
        "wav_size_zero.wav",
        "WAV: 16-bit",
        "ff -i song.wav $out",
        edit=partial(set_wav_sizes, n_bytes=0),
    ),
    Kind(
        "wav_size_ffffffff.wav",
        "WAV: 16-bit",
        "ff -i song.wav $out",
        edit=partial(set_wav_sizes, n_bytes=2**32 - 1),
    ),
    Kind(
        "wav_size_half.wav",
        "WAV: 16-bit",
        "ff -i song.wav $out",
        edit=partial(set_wav_sizes, n_bytes=352_800),
    ),
    Kind(
        "wav_two_data_chunks.wav",
        "WAV: 16-bit",
        "ff -i song.wav $out",
        edit=split_data_chunk,
        reference=SONG,
    ),
    Kind("wav_hole.wav", "WAV: 16-bit", "ff -i song.wav $out", edit=punch_hole),
    Kind(
        "wav_joined.wav",
        "WAV: 16-bit",
        "ff -i song.wav $out; ff -i other.wav a.wav; cat a.wav >> $out",
        reference=SONG_AND_OTHER,
    ),
    Kind(
        "aac_pipe.m4a",
        "MP4: AAC",
        f"ff -i song.wav -c:a aac {FRAGMENTS} -f mp4 - | cat > $out",
        "ffmpeg",
    ),
    Kind(
        "opus_pipe.webm",
        "Matroska and WebM: Opus",
        "ff -i song48.wav -c:a libopus -f webm - | cat > $out",
        "ffmpeg",
    ),
    Kind(
        "aac_joined.aac",
        "ADTS: AAC",
        "ff -i song.wav $out; ff -i other.wav a.aac; cat a.aac >> $out",
        "ffmpeg",
    ),
    Kind("aac_id3v2.aac", "ADTS: AAC", "ff -i song.wav $out", "ffmpeg", edit=add_id3v2),
    Kind(
        "aac_hole.m4a",
        "MP4: AAC",
        "ff -i song.wav -c:a aac $out",
        "ffmpeg",
        edit=punch_hole,
        compared=0.3,
    ),
    Kind("no_sound.mp4", "MP4: none", f"ff {FILM} $out", "named"),
    Kind(
        "picture.mp3",
        "PNG: none",
        "ff -f lavfi -i testsrc -frames:v 1 -f apng $out",
        "named",
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
    "aac_faststart.m4b",
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
        edit=partial(cut, fraction=0.6),
        decoder="named" if is_lost else kind.decoder,
        reference=kind.reference.replace(SONG, BY_FFMPEG),
        extra_slack=4608,
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

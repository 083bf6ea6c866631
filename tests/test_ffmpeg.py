"""Promises of the second decoder: the samples of the program ffmpeg, or an error."""

import io
import os
import shutil
import struct
import subprocess
import sys
import warnings
from contextlib import closing, suppress

import numpy as np
import pytest
import soxr
from hostile_audio import FFMPEG_FORMATS, pack_wav, write_ffmpeg_format
from numpy.testing import assert_allclose, assert_array_equal

from skgenre.audio import AudioDecodeError, IncompleteAudioWarning, load_audio
from skgenre.audio.errors import DecoderError

pytest.importorskip("av")

from skgenre.audio.ffmpeg import DECODERS, DEMUXERS, FfmpegReader

needs_program = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="needs the program ffmpeg"
)

# Options of ffmpeg that make a file; its extension and demuxer; how far numbers may be.
MADE = {
    "AAC": ("-ar 44100 -ac 2 -c:a aac", "m4a", "mov", 1e-3),
    "AAC, 7.1": ("-ar 48000 -ac 8 -c:a aac", "m4a", "mov", 1e-3),
    "AAC, 8 kHz": ("-ar 8000 -ac 1 -c:a aac", "m4a", "mov", 1e-3),
    "AAC, ADTS": ("-ar 44100 -ac 2 -c:a aac", "aac", "aac", 1e-3),
    "AAC, fragments": (
        "-c:a aac -movflags frag_keyframe+empty_moov",
        "mp4",
        "mov",
        1e-3,
    ),
    "ALAC, 16 bit": ("-ar 44100 -ac 2 -c:a alac", "m4a", "mov", 1e-4),
    "ALAC, 24 bit": ("-ac 2 -sample_fmt s32p -c:a alac", "m4a", "mov", 1e-4),
    "ALAC, 192 kHz": ("-ar 192000 -ac 2 -c:a alac", "m4a", "mov", 1e-4),
    "ALAC in CAF": ("-ar 44100 -ac 2 -c:a alac", "caf", "caf", 1e-4),
    "PCM in QuickTime": ("-ac 2 -c:a pcm_s24be", "mov", "mov", 1e-4),
    "8-bit QuickTime": ("-ac 2 -c:a pcm_u8", "mov", "mov", 1e-4),
    "double QuickTime": ("-ac 2 -c:a pcm_f64le", "mov", "mov", 1e-4),
    "WMA 1": ("-ar 44100 -ac 2 -c:a wmav1", "wma", "asf", 1e-3),
    "WMA 2": ("-ar 44100 -ac 2 -c:a wmav2", "wma", "asf", 1e-3),
    "Opus in WebM": ("-ar 48000 -ac 2 -c:a libopus", "webm", "matroska", 1e-3),
    "Vorbis in MKV": ("-ar 44100 -ac 2 -c:a libvorbis", "mkv", "matroska", 1e-3),
    "FLAC in MKA": ("-ar 44100 -ac 2 -c:a flac", "mka", "matroska", 1e-4),
    "Ogg FLAC": ("-ar 44100 -ac 2 -c:a flac", "oga", "ogg", 1e-4),
    "AC-3": ("-ar 48000 -ac 6 -c:a ac3", "ac3", "ac3", 1e-3),
    "E-AC-3": ("-ar 48000 -ac 2 -c:a eac3", "eac3", "eac3", 1e-3),
    "DTS": ("-ar 48000 -ac 2 -c:a dca -strict -2", "dts", "dts", 1e-3),
    "TrueHD": ("-ar 48000 -ac 2 -c:a truehd -strict -2", "thd", "truehd", 1e-4),
    "WavPack": ("-ar 44100 -ac 2 -c:a wavpack", "wv", "wv", 1e-4),
    "WavPack, 24 bit": ("-ac 2 -sample_fmt s32p -c:a wavpack", "wv", "wv", 1e-4),
    "WavPack, float": ("-ac 2 -sample_fmt fltp -c:a wavpack", "wv", "wv", 1e-4),
    "WavPack, 7.1": ("-ac 8 -c:a wavpack", "wv", "wv", 1e-4),
    "TTA": ("-ar 44100 -ac 2 -c:a tta", "tta", "tta", 1e-4),
    "TTA, 24 bit": ("-ac 2 -sample_fmt s32 -c:a tta", "tta", "tta", 1e-4),
    "MP2": ("-ar 44100 -ac 2 -c:a mp2", "mp2", "mp3", 1e-3),
    "MP3": ("-ar 44100 -ac 2 -c:a libmp3lame", "mp3", "mp3", 1e-3),
    "MP3 in AVI": ("-ar 44100 -ac 2 -c:a libmp3lame", "avi", "avi", 1e-3),
    "MP3 in FLV": ("-ar 44100 -ac 2 -c:a libmp3lame", "flv", "flv", 1e-3),
    "MP2 in MPEG-TS": ("-ar 44100 -ac 2 -c:a mp2", "ts", "mpegts", 1e-3),
    "film": (
        "-f lavfi -i testsrc=d=4:s=64x64 -map 0:a -map 1:v -c:v mpeg4 -c:a aac",
        "mp4",
        "mov",
        1e-3,
    ),
}


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Have ffmpeg write three seconds of noise and tones; return the path."""
    folder = tmp_path_factory.mktemp("made")
    sound = "anoisesrc=d=3:a=0.2:r=44100:seed=1,tremolo,aecho=0.8:0.9:9:0.5"

    def make(options, name):
        path = folder / name
        if not path.exists():
            command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", sound]
            done = subprocess.run([*command, *options.split(), path], check=False)
            if done.returncode:
                pytest.skip(f"this ffmpeg cannot make {name}")
        return path

    return make


def read(path, demuxer, n_frames=None):
    """The samples as floats (n_frames, n_channels), their rate, and what is missing."""
    with (
        open(path, "rb", buffering=0) as file,
        closing(FfmpegReader(file, demuxer=demuxer)) as reader,
    ):
        blocks = list(reader.read_blocks(n_frames, n_block_frames=2**20))
        scales = {"int16": 2.0**-15, "float32": 1.0}
        blocks = [block * np.float32(scales[block.dtype.name]) for block in blocks]
        blocks = [block.reshape(len(block), -1) for block in blocks]
        return np.concatenate(blocks), reader.sample_rate, reader.incomplete


def run_program(path, n_channels):
    """What ``ffmpeg -i path -f f32le -`` gives."""
    command = ["ffmpeg", "-v", "quiet", "-i", path, "-f", "f32le", "-"]
    samples = subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout
    return np.frombuffer(samples, np.float32).reshape(-1, n_channels)


def damage(content, start, n_bytes):
    noise = np.random.default_rng(0).bytes(n_bytes)
    return content[:start] + noise + content[start + n_bytes :]


def replace_box(content, path, box, offset=0):
    """Replace a box of an MP4 file whose index comes last; lengths follow."""
    start, stop, parents = 0, len(content), []
    for name in path:
        start = content.index(name, start, stop) - 4
        stop = start + int.from_bytes(content[start : start + 4], "big")
        parents.append(start)
    changed = bytearray(content[:start] + box + content[stop:])
    for parent in parents[:-1]:
        (n_bytes,) = struct.unpack_from(">I", changed, parent)
        struct.pack_into(">I", changed, parent, n_bytes + len(box) - (stop - start))
    return bytes(changed)


@needs_program
@pytest.mark.parametrize("name", MADE)
def test_samples_are_those_of_the_program(make, name):
    options, extension, demuxer, tolerance = MADE[name]
    path = make(options, f"{name}.{extension}")
    samples, _, incomplete = read(path, demuxer)
    expected = run_program(path, samples.shape[1])
    assert len(expected) > 2.9 * 8000
    # From version 9 ffmpeg leaves out what an encoder appended to fill a packet.
    assert 0 <= len(expected) - len(samples) < 1024
    assert_allclose(samples, expected[: len(samples)], rtol=0, atol=tolerance)
    assert incomplete is None


@needs_program
def test_an_amiga_file_is_read(make, tmp_path):
    if shutil.which("sox") is None:
        pytest.skip("needs the program sox")
    wav, path = make("-ar 22050 -ac 1", "a.wav"), tmp_path / "a.8svx"
    subprocess.run(["sox", wav, path], check=True, stderr=subprocess.DEVNULL)
    samples, _, _ = read(path, "iff")
    assert_array_equal(samples, run_program(path, 1))


@needs_program
def test_more_channels_than_pyav_counts_are_read(make):
    merge = "[0:a]asplit=12" + "".join(f"[{n}]" for n in range(12))
    merge += ";" + "".join(f"[{n}]" for n in range(12)) + "amerge=inputs=12"
    path = make(f"-t 1 -filter_complex {merge} -c:a wavpack", "twelve.wv")
    samples, _, _ = read(path, "wv")
    assert_array_equal(samples, run_program(path, 12))


@needs_program
@pytest.mark.parametrize(
    ("extension", "demuxer"), [("m4a", "mov"), ("webm", "matroska")]
)
def test_a_signal_is_resampled_by_soxr(make, extension, demuxer):
    path = make("-ar 48000 -ac 2 -strict -2", f"stereo.{extension}")
    n_frames = len(read(path, demuxer)[0])
    mono = run_program(path, 2)[:n_frames].mean(axis=1)
    resampled = soxr.resample(mono, 48000, 22050, quality="HQ")
    # A length that is no integer is rounded up, as librosa does.
    expected = np.pad(resampled, (0, -(-len(mono) * 22050 // 48000) - len(resampled)))
    assert_allclose(load_audio(path), expected, rtol=0, atol=1e-3)
    one_second = load_audio(path, duration=1.0)
    assert_allclose(one_second, expected[:22050], rtol=0, atol=1e-3)


@needs_program
@pytest.mark.parametrize("kind", ["junk", "middle", "footer"])
def test_mp3_with_junk_or_from_its_middle_is_what_the_program_reads(
    make, tmp_path, kind
):
    content = make("-ar 44100 -ac 2 -c:a libmp3lame", "whole.mp3").read_bytes()
    path = tmp_path / "damaged.mp3"
    path.write_bytes(
        {
            "junk": np.random.default_rng(0).bytes(5000) + content,
            "middle": content[3333:],
            "footer": content + b"APETAGEX" + bytes(3000),
        }[kind]
    )
    samples, _, _ = read(path, "mp3")
    assert_allclose(samples, run_program(path, 2), rtol=0, atol=1e-3)


@needs_program
@pytest.mark.parametrize(
    ("extension", "codec"), [("mp3", "libmp3lame"), ("aac", "aac")]
)
def test_joined_files_of_other_rates_and_channels_are_whole(
    make, tmp_path, extension, codec
):
    first = make(f"-ar 44100 -ac 2 -c:a {codec}", f"first.{extension}")
    second = make(f"-ar 22050 -ac 1 -c:a {codec}", f"second.{extension}")
    path = tmp_path / f"joined.{extension}"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    with (
        open(path, "rb") as file,
        closing(FfmpegReader(file, demuxer=extension)) as reader,
    ):
        blocks = list(reader.read_blocks(None, n_block_frames=10_000))
    assert reader.sample_rate == 44100
    assert {block.ndim for block in blocks} == {1, 2}
    assert sum(map(len, blocks)) == len(run_program(path, 2))
    # The joined part begins with padding, of which its own header told.
    mono = np.concatenate([block for block in blocks if block.ndim == 1])
    alone = read(second, extension)[0][:, 0]
    expected = soxr.resample(alone, 22050, 44100, quality="HQ")[50_000:90_000]
    shifts = np.correlate(mono, expected[:1000])
    start = np.argmax(shifts)
    assert_allclose(mono[start : start + 40_000], expected, atol=1e-3)


@needs_program
@pytest.mark.parametrize(
    "name", ["AAC", "ALAC, 16 bit", "Opus in WebM", "TTA", "WMA 2"]
)
def test_frames_asked_for_are_the_first_and_little_more_is_read(make, name):
    options, extension, demuxer, _ = MADE[name]
    path = make(options, f"{name}.{extension}")
    whole, _, _ = read(path, demuxer)
    for n_frames in (1, 1000, 50_000):
        assert_array_equal(read(path, demuxer, n_frames)[0], whole[:n_frames])


def test_little_of_a_long_file_is_read(tmp_path):
    path = write_ffmpeg_format(tmp_path, "wv", "wavpack")
    many = tmp_path / "many.wv"
    many.write_bytes(path.read_bytes() * 100)
    with open(many, "rb", buffering=0) as file:
        with closing(FfmpegReader(file, demuxer="wv")) as reader:
            list(reader.read_blocks(1000, n_block_frames=2**20))
        assert file.tell() < many.stat().st_size / 4


@needs_program
@pytest.mark.parametrize("name", ["AAC", "WMA 2", "Opus in WebM", "WavPack", "TTA"])
def test_a_file_that_is_cut_off_says_how_much_its_header_promises(make, tmp_path, name):
    options, extension, demuxer, _ = MADE[name]
    if demuxer == "mov":
        options += " -movflags faststart"
    content = make(options, f"{name} to cut.{extension}").read_bytes()
    path = tmp_path / f"cut.{extension}"
    path.write_bytes(content[: len(content) * 6 // 10])
    samples, sample_rate, incomplete = read(path, demuxer)
    _, _, end, _, _, promised, *_ = incomplete.split(" ")
    assert float(end) == pytest.approx(len(samples) / sample_rate, abs=0.06)
    assert float(promised) == pytest.approx(3.0, abs=0.06)
    assert incomplete.startswith("ends after")


@needs_program
@pytest.mark.parametrize("duration", [None, 0.5])
def test_a_download_that_broke_off_is_warned_of_however_much_is_read(
    make, tmp_path, duration
):
    content = make("-c:a aac -movflags faststart", "fast.m4a").read_bytes()
    path = tmp_path / "cut.m4a"
    path.write_bytes(content[: len(content) // 2])
    with pytest.warns(IncompleteAudioWarning, match=r"ends after 1\.\d\d of the 3\.0"):
        load_audio(path, duration=duration)


@needs_program
def test_damaged_packets_are_counted(make, tmp_path):
    content = make("-ar 44100 -ac 2 -c:a aac", "intact.m4a").read_bytes()
    path = tmp_path / "hole.m4a"
    path.write_bytes(damage(content, 20_000, 3_000))
    samples, _, incomplete = read(path, "mov")
    assert 0 <= len(run_program(path, 2)) - len(samples) < 1024
    n_lost = (len(read(make("", "intact.m4a"), "mov")[0]) - len(samples)) / 1024
    assert incomplete.startswith(f"lacks {n_lost:.0f} damaged packets, which ffmpeg")


@needs_program
def test_pictures_are_not_decoded(make):
    path = make(MADE["film"][0], "film.mp4")
    with (
        open(path, "rb") as file,
        closing(FfmpegReader(file, demuxer="mov")) as reader,
    ):
        list(reader.read_blocks(None, n_block_frames=10_000))
        # What a decoder would have found.
        assert reader._container.streams.video[0].codec_context.format is None


@needs_program
def test_a_film_without_sound_is_named(make):
    path = make("-f lavfi -i testsrc=d=1:s=64x64 -map 1:v -c:v mpeg4", "mute.mp4")
    with pytest.raises(AudioDecodeError, match=r"holds no sound \(streams: video\)"):
        load_audio(path)


def test_a_codec_that_cannot_be_decoded_is_named(tmp_path):
    path = write_ffmpeg_format(tmp_path, "wma", "wmav2")
    content = path.read_bytes()
    start = content.index(bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")) + 54
    path.write_bytes(content[:start] + b"\x99\x99" + content[start + 2 :])
    with pytest.raises(DecoderError, match="is not supported"):
        read(path, "asf")


def test_decoders_of_games_and_telephones_are_not_run(tmp_path):
    import av

    # What ffmpeg knows by its tag in a WAV file, and would decode.
    assert av.Codec("g726", "r").type == "audio"
    path = tmp_path / "call.wav"
    path.write_bytes(pack_wav(bytes(4000), tag=0x45, n_bits=4))
    with pytest.raises(DecoderError, match=r"\(g726\), expected a codec of music"):
        read(path, "wav")


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_every_decoder_that_is_run_is_one_of_sound(name):
    import av

    if name.startswith("lib") and name not in av.codecs_available:
        pytest.skip("not in this build of ffmpeg")
    assert av.Codec(name, "r").type == "audio"


@pytest.mark.parametrize("demuxer", ["concat", "hls", "dash", "image2", "unknown"])
def test_no_demuxer_opens_other_files(tmp_path, demuxer):
    (tmp_path / "list").write_text("ffconcat version 1.0\nfile sound.wav\n")
    with pytest.raises(DecoderError, match="might open other files"):
        read(tmp_path / "list", demuxer)


def test_all_demuxers_are_known_and_none_follows_a_list(tmp_path):
    import av

    write_ffmpeg_format(tmp_path, "wv", "wavpack").rename(tmp_path / "sound.wv")
    os.chdir(tmp_path)
    lists = [
        b"ffconcat version 1.0\nfile sound.wv\n",
        b"#EXTM3U\n#EXTINF:1,\nsound.wv\n",
    ]
    for demuxer in DEMUXERS:
        assert av.ContainerFormat(demuxer, "r").is_input
        for content in lists:
            (tmp_path / "list").write_bytes(content)
            with pytest.raises(DecoderError):
                read(tmp_path / "list", demuxer)


@needs_program
def test_a_reference_to_another_file_is_not_followed(make, tmp_path):
    content = make("-ac 1 -c:a pcm_s16le", "plain.mov").read_bytes()
    other = tmp_path / "other.mov"
    other.write_bytes(damage(content, 100, 50_000))
    name = os.fsencode(other)
    # An alias: 150 bytes of a Macintosh, the absolute path, and the end.
    alias = bytes(10) + bytes(140) + struct.pack(">HH", 18, len(name)) + name
    alias += b"\0" * (len(name) % 2) + struct.pack(">HH", 0xFFFF, 0)
    box = b"dref" + bytes(4) + struct.pack(">III", 1, 12 + len(alias), 0)
    box = box[:-4] + b"alis" + bytes(4) + alias
    box = struct.pack(">I", len(box) + 4) + box
    path = tmp_path / "refers.mov"
    path.write_bytes(
        replace_box(
            content, [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"], box
        )
    )
    assert name in path.read_bytes()
    try:
        samples, _, _ = read(path, "mov")
    except DecoderError:
        return
    assert_array_equal(samples, read(make("", "plain.mov"), "mov")[0])


@needs_program
@pytest.mark.parametrize("labels", [(2, 1), (1, 4), (100, 200)])
def test_a_list_of_channels_does_not_end_the_process(make, tmp_path, labels):
    # PyAV 18.1 frees the list twice.
    content = make("-t 1 -ac 2 -c:a pcm_s16le", "listed.mov").read_bytes()
    box = b"chan" + bytes(4) + struct.pack(">III", 0, 0, len(labels))
    box += b"".join(struct.pack(">II12x", label, 0) for label in labels)
    box = struct.pack(">I", len(box) + 4) + box
    names = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"sowt", b"chan"]
    path = tmp_path / "listed.mov"
    path.write_bytes(replace_box(content, names, box))
    code = (
        "import sys; from skgenre.audio import load_audio; "
        "print([len(load_audio(sys.argv[1])) for _ in range(9)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{9 * [22050]}\n"


def test_xhe_aac_with_a_list_of_channels_is_refused(tmp_path):
    path = write_ffmpeg_format(tmp_path, "m4a", "aac")
    content = path.read_bytes()
    # Object type 42, rate, channels; rate, frame length, and 0 for a list of channels.
    bits = "1111100101001000010001000010000000000000"
    config = int(bits, 2).to_bytes(5, "big")
    # The tag of a decoder's configuration, and its length in four bytes.
    start = content.index(b"\x05\x80\x80\x80\x05", content.index(b"esds")) + 5
    path.write_bytes(content[:start] + config + content[start + 5 :])
    with pytest.raises(AudioDecodeError, match="list of channels"):
        load_audio(path)


def test_tables_that_claim_more_packets_than_bytes_are_refused(tmp_path):
    path = write_ffmpeg_format(tmp_path, "m4a", "aac")
    content = bytearray(path.read_bytes())
    start = content.index(b"stsz") + 8
    struct.pack_into(">II", content, start, 3, 60_000_000)
    path.write_bytes(content)
    with pytest.raises(AudioDecodeError, match="claims 60000000 packets in"):
        load_audio(path)


def test_a_header_of_gigabytes_of_silence_is_refused(tmp_path):
    path = tmp_path / "silence.ape"
    head = b"MAC " + struct.pack("<HHI", 3990, 0, 52) + bytes(40)
    head += struct.pack("<HHIIIHHI", 2000, 0, 2**28, 2**28, 1, 16, 2, 44100)
    path.write_bytes(head + bytes(1000))
    with pytest.raises(DecoderError, match="268435456 frames in a packet"):
        read(path, "ape")


@pytest.mark.parametrize(("extension", "codec", "demuxer"), FFMPEG_FORMATS)
def test_a_file_cut_anywhere_is_an_error_or_its_beginning(
    tmp_path, extension, codec, demuxer
):
    path = write_ffmpeg_format(tmp_path, extension, codec)
    content, (whole, _, _) = path.read_bytes(), read(path, demuxer)
    for sixteenths in range(16):
        path.write_bytes(content[: len(content) * sixteenths // 16])
        try:
            samples, _, _ = read(path, demuxer)
        except DecoderError as error:
            assert "expected" in str(error)  # noqa: PT017
            continue
        n_kept = min(len(samples), len(whole)) - 2048
        assert_array_equal(samples[: max(0, n_kept)], whole[: max(0, n_kept)])


@pytest.mark.parametrize(("extension", "codec", "demuxer"), FFMPEG_FORMATS)
def test_one_sample_is_an_error_or_a_few_frames(tmp_path, extension, codec, demuxer):
    if codec == "tta":
        pytest.skip("the encoder fills all memory with one sample")
    path = write_ffmpeg_format(tmp_path, extension, codec, n_frames=1)
    try:
        samples, _, _ = read(path, demuxer)
    except DecoderError as error:
        assert "expected" in str(error)  # noqa: PT017
        return
    assert len(samples) <= 5000


@needs_program
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_values_that_are_not_finite_are_an_error(make, tmp_path, value):
    content = make("-ac 1 -c:a pcm_f32le", "floats.mov").read_bytes()
    (tmp_path / "bad.mov").write_bytes(
        content[:40_000] + 4 * np.float32(value).tobytes() + content[40_016:]
    )
    with pytest.raises(AudioDecodeError, match="expected finite values"):
        load_audio(tmp_path / "bad.mov")


@needs_program
@pytest.mark.parametrize("duration", [None, 0.5])
def test_a_box_that_claims_gigabytes_gives_what_is_there(make, tmp_path, duration):
    content = make("-c:a aac -movflags faststart", "fast.m4a").read_bytes()
    start = content.index(b"mdat") - 4
    path = tmp_path / "large.m4a"
    path.write_bytes(content[:start] + b"\xff" * 4 + content[start + 4 :])
    expected = load_audio(make("", "fast.m4a"), duration=duration)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(load_audio(path, duration=duration), expected)


@pytest.mark.parametrize("extension", ["wav", "mp3", "flac", "txt"])
def test_the_content_decides_not_the_extension(tmp_path, extension):
    path = write_ffmpeg_format(tmp_path, "m4a", "aac")
    expected = load_audio(path)
    assert_array_equal(load_audio(path.rename(tmp_path / f"t.{extension}")), expected)


@pytest.mark.parametrize(("extension", "codec", "demuxer"), FFMPEG_FORMATS)
def test_nothing_is_printed_about_damage(tmp_path, capfd, extension, codec, demuxer):
    path = write_ffmpeg_format(tmp_path, extension, codec)
    content = path.read_bytes()
    path.write_bytes(damage(content, len(content) // 3, len(content) // 3))
    with suppress(DecoderError):
        read(path, demuxer)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_cannot_be_read_on_raises_its_own_error(tmp_path, capfd):
    class Broken(io.BytesIO):
        def read(self, n_bytes=-1):
            if self.tell() > 3000:
                raise OSError(5, "Input/output error")
            return super().read(min(n_bytes, 1000))

    content = write_ffmpeg_format(tmp_path, "wv", "wavpack").read_bytes()

    def read_broken():
        reader = FfmpegReader(Broken(content), demuxer="wv")
        list(reader.read_blocks(None, n_block_frames=1000))

    with pytest.raises(OSError, match="Input/output error"):
        read_broken()
    assert capfd.readouterr() == ("", "")


def test_tags_that_are_no_text_are_ignored(tmp_path):
    path = write_ffmpeg_format(tmp_path, "m4a", "aac")
    content = path.read_bytes().replace(b"Lavf", b"\xff\xfe\xc3\x28")
    path.write_bytes(content)
    assert len(read(path, "mov")[0]) > 8000


@pytest.mark.parametrize("n_block_frames", [1, 1000, 2**20])
def test_blocks_are_no_longer_than_asked_for(tmp_path, n_block_frames):
    path = write_ffmpeg_format(tmp_path, "m4a", "aac")
    with (
        open(path, "rb") as file,
        closing(FfmpegReader(file, demuxer="mov")) as reader,
    ):
        n_frames = 3000 if n_block_frames == 1 else None
        blocks = list(reader.read_blocks(n_frames, n_block_frames=n_block_frames))
    assert max(map(len, blocks)) <= n_block_frames
    expected = read(path, "mov", n_frames)[0]
    assert_array_equal(np.concatenate(blocks), expected)


def test_a_signal_can_be_written_to(tmp_path):
    path = write_ffmpeg_format(tmp_path, "m4a", "aac")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_audio(path, sample_rate=44100)[:] = 0


def test_pyav_is_not_imported_for_other_files():
    code = (
        "import sys, skgenre.audio.decoder as d; from skgenre import MFCCExtractor; "
        "print('av' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n"

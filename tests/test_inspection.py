"""Promises on files whose headers are wrong: all of their sound, or what is missing."""

import io
import shutil
import struct
import subprocess

import numpy as np
import pytest
import soundfile
import soxr
from hostile_audio import CONTAINERS, FORMATS, make_noise
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skgenre.audio import (
    AudioDecodeError,
    AudioStream,
    decoder,
    load_audio,
    stream_audio,
)
from skgenre.audio.ffmpeg import DEMUXERS, is_installed
from skgenre.audio.formats import FFMPEG_FORMATS, inspect_audio
from skgenre.audio.inspection import Inspection, View

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="ffmpeg is not installed"
)
needs_pyav = pytest.mark.skipif(not is_installed(), reason="PyAV is not installed")


def make_file(container, subtype="PCM_16", *, sample_rate=22050, seconds=1.0, seed=0):
    """The bytes of a file of noise, of two channels."""
    file = io.BytesIO()
    noise = make_noise(int(sample_rate * seconds), 2, seed=seed)
    soundfile.write(file, noise, sample_rate, format=container, subtype=subtype)
    return file.getvalue()


def load_bytes(folder, content):
    """The signal of a file at its own 22,050 Hz, and what is missing of it."""
    path = folder / "track"
    path.write_bytes(content)
    stream = stream_audio(path)
    return np.concatenate(list(stream)), stream.incomplete


def refuse_bytes(folder, content, reason):
    (folder / "track").write_bytes(content)
    with pytest.raises(AudioDecodeError, match=reason) as caught:
        load_audio(folder / "track")
    assert "expected" in caught.value.reasons[0]


def replace_once(content, old, new):
    assert content.count(old) == 1
    return content.replace(old, new)


N_BYTES = 4 * 22050
HALF = N_BYTES // 2


def pack_wav_chunks(*data, between=b""):
    """A WAV file of the same format with these lengths and samples as its chunks."""
    head = make_file("WAV")[12:36]
    chunks = between.join(
        b"data" + struct.pack("<I", length) + samples for length, samples in data
    )
    return b"RIFF" + struct.pack("<I", 28 + len(chunks)) + b"WAVE" + head + chunks


@pytest.mark.parametrize(
    "told", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 2**32 - 37, 2**32 - 1]
)
def test_a_wav_from_a_pipe_gives_all_of_its_sound(tmp_path, told):
    content = make_file("WAV")
    expected, _ = load_bytes(tmp_path, content)
    signal, incomplete = load_bytes(tmp_path, pack_wav_chunks((told, content[44:])))
    assert_array_equal(signal, expected)
    assert incomplete is None


# By their containers: how the length is stored in front of the samples.
LENGTHS = {
    "AU": (struct.pack(">I", N_BYTES), ">I", 0),
    "AIFF": (b"SSND" + struct.pack(">I", N_BYTES + 8), ">I", 8),
    "CAF": (b"data" + struct.pack(">q", N_BYTES + 4), ">q", 4),
    "RF64": (struct.pack("<q", N_BYTES), "<q", 0),
    "W64": (struct.pack("<q", N_BYTES + 24) + bytes(0), "<q", 24),
}


def change_length(container, told):
    """A file that says another number of bytes of sound than it has."""
    old, form, _ = LENGTHS[container]
    return replace_once(
        make_file(container),
        old,
        old[: -struct.calcsize(form)] + struct.pack(form, told),
    )


@pytest.mark.parametrize("told", ["nothing", "the most", "unsigned"])
@pytest.mark.parametrize("container", LENGTHS)
def test_other_files_from_pipes_give_all_of_their_sound(tmp_path, container, told):
    _, form, n_head = LENGTHS[container]
    if form == ">I":
        values = {"nothing": n_head, "the most": 2**31 - 1, "unsigned": 2**32 - 1}
    else:
        values = {"nothing": n_head, "the most": 2**63 - 1, "unsigned": -1}
    expected, _ = load_bytes(tmp_path, make_file(container))
    content = change_length(container, values[told])
    signal, incomplete = load_bytes(tmp_path, content)
    assert_array_equal(signal, expected)
    assert incomplete is None


def test_what_sox_writes_as_aiff_to_a_pipe_is_whole(tmp_path):
    content = change_length("AIFF", 0x7F000008)
    signal, incomplete = load_bytes(tmp_path, content)
    assert_array_equal(signal, load_bytes(tmp_path, make_file("AIFF"))[0])
    assert incomplete is None


@pytest.mark.parametrize("container", LENGTHS)
def test_a_header_that_promises_more_is_said_to(tmp_path, container):
    content = change_length(container, 2 * N_BYTES + LENGTHS[container][2])
    expected, _ = load_bytes(tmp_path, make_file(container))
    signal, incomplete = load_bytes(tmp_path, content)
    assert_array_equal(signal, expected)
    assert incomplete == "ends after 1.00 of the 2.00 s that its header promises"


def test_all_data_chunks_of_a_wav_are_read(tmp_path):
    content = make_file("WAV")
    expected, _ = load_bytes(tmp_path, content)
    first, second = content[44 : 44 + HALF], content[44 + HALF :]
    tag = b"LIST" + struct.pack("<I", 4) + b"INFO"
    for between in (b"", tag):
        chunks = (0, b""), (HALF, first), (HALF, second)
        signal, incomplete = load_bytes(
            tmp_path, pack_wav_chunks(*chunks, between=between)
        )
        assert_array_equal(signal, expected)
        assert incomplete is None


def test_a_chunk_behind_samples_of_odd_length_is_found(tmp_path):
    samples = np.arange(1001, dtype="u1").tobytes()
    head = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 22050, 22050, 1, 8)
    data = b"data" + struct.pack("<I", 1001) + samples
    for pad in (b"\0", b""):  # some writers forget it
        chunks = head + data + pad + data
        content = b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks
        signal, _ = load_bytes(tmp_path, content)
        expected = (np.arange(1001) % 256 - 128) / 128
        assert_array_equal(signal, np.tile(expected, 2).astype(np.float32))


def test_the_samples_behind_a_chunk_without_its_padding_are_found(tmp_path):
    content = make_file("WAV")
    expected, _ = load_bytes(tmp_path, content)
    tag = b"LIST" + struct.pack("<I", 5) + b"INFOx"
    signal, incomplete = load_bytes(tmp_path, content[:36] + tag + content[36:])
    assert_array_equal(signal, expected)
    assert incomplete is None


def test_sound_behind_a_length_that_is_too_small_is_named(tmp_path):
    content = make_file("WAV")
    expected, _ = load_bytes(tmp_path, content)
    signal, incomplete = load_bytes(tmp_path, pack_wav_chunks((HALF, content[44:])))
    assert_array_equal(signal, expected[:11025])  # as ffmpeg
    assert incomplete == (
        "holds 44100 bytes, or 0.50 s, behind the 0.50 s of sound that its header "
        "promises"
    )


def test_a_wav_beyond_4_gib_is_read_beyond_what_its_header_can_count(tmp_path):
    path = tmp_path / "long.wav"
    with open(path, "wb") as file:
        file.write(pack_wav_chunks((N_BYTES, make_file("WAV")[44:])))
        file.truncate(44 + 2**32 + N_BYTES)  # takes no room on the disk
    with open(path, "rb", buffering=0) as file:
        found = inspect_audio(file)
    assert found.parts[1] == (44, 44 + 2**32 + N_BYTES)
    assert found.incomplete is None
    with decoder.open_audio(str(path)) as (reader, _):
        assert reader._reader.frames == 2**30 + 22050


JOINED = [
    ("WAV", "PCM_16", 22050),
    ("AU", "PCM_16", 22050),
    ("FLAC", "PCM_16", 22050),
    ("OGG", "VORBIS", 22050),
    ("OGG", "OPUS", 24000),
]


@pytest.mark.parametrize(("container", "subtype", "rate"), JOINED)
def test_joined_files_give_the_sound_of_each(tmp_path, container, subtype, rate):
    parts = [
        make_file(container, subtype, sample_rate=rate, seconds=seconds, seed=seed)
        for seed, seconds in enumerate([1.0, 0.5, 1.0])
    ]
    path, expected = tmp_path / "part", []
    for part in parts:
        path.write_bytes(part)
        expected.append(load_audio(path, sample_rate=rate))
    path.write_bytes(b"".join(parts))
    signal = load_audio(path, sample_rate=rate)
    assert_array_equal(signal, np.concatenate(expected))
    beginning = load_audio(path, sample_rate=rate, duration=1.2)
    assert_array_equal(beginning, signal[: len(beginning)])
    assert len(beginning) == round(1.2 * rate)


@pytest.mark.parametrize("container", ["WAV", "FLAC", "AU"])
def test_a_joined_file_of_another_rate_is_resampled(tmp_path, container):
    first = make_file(container)
    second = make_file(container, sample_rate=44100, seed=1)
    signal, _ = load_bytes(tmp_path, first + second)
    stereo, _ = soundfile.read(io.BytesIO(second), dtype="float32")
    expected = soxr.resample(stereo, 44100, 22050, quality="HQ").mean(axis=1)
    np.testing.assert_allclose(signal[22050:], expected, atol=1e-6)


@pytest.mark.parametrize("rate", [1, 999, 22_050_000])
def test_a_joined_file_of_a_rate_that_no_sound_has_is_refused(tmp_path, rate):
    # At 1 Hz, a second of samples would make six hours.
    other = make_file("WAV")
    other = other[:24] + struct.pack("<I", rate) + other[28:]
    reason = f"changes from 22050 to {rate} Hz after 1.00 s, expected 1000 to 2205000"
    refuse_bytes(tmp_path, make_file("WAV") + other, reason)


def test_a_joined_recording_without_the_channel_is_named(tmp_path):
    path = tmp_path / "track.wav"
    soundfile.write(path, make_noise(22050, 6), 22050)
    path.write_bytes(path.read_bytes() + make_file("WAV"))
    reason = "has 2 channels after 1.00 s, expected at least 5 for channel=4"
    with pytest.raises(AudioDecodeError, match=reason):
        load_audio(path, channel=4)


def test_what_is_missing_of_a_joined_recording_is_said(tmp_path):
    content = make_file("FLAC") + make_file("FLAC")[:-9000]
    signal, incomplete = load_bytes(tmp_path, content)
    assert 22050 < len(signal) < 44100
    assert incomplete.endswith("that its header promises (recording 2 of 2)")


def set_flac_length(content, n_frames):
    packed = int.from_bytes(content[18:26], "big") >> 36 << 36 | n_frames
    return content[:18] + packed.to_bytes(8, "big") + content[26:]


# More than 127 and 2047 frames of FLAC: their numbers take one, two and three bytes.
@pytest.mark.parametrize("seconds", [1, 30, 400])
def test_the_frames_of_a_flac_decide_not_its_header(tmp_path, seconds):
    content = make_file("FLAC", seconds=seconds)
    expected, incomplete = load_bytes(tmp_path, content)
    assert len(expected) == seconds * 22050
    assert incomplete is None
    for told in (0, len(expected) // 2, len(expected) - 1):
        for tail in (b"", b"TAG" + bytes(125)):
            changed = set_flac_length(content, told) + tail
            signal, incomplete = load_bytes(tmp_path, changed)
            assert_array_equal(signal, expected)
            assert incomplete is None


@pytest.mark.parametrize("tail", [b"", bytes(200_000), b"TAG" + bytes(125)])
def test_the_whole_frames_of_a_cut_flac_are_read(tmp_path, tail):
    content = make_file("FLAC", seconds=3)
    expected, _ = load_bytes(tmp_path, content)
    signal, incomplete = load_bytes(tmp_path, content[: len(content) // 2] + tail)
    assert len(signal) % 4096 == 0
    assert 0.45 < len(signal) / len(expected) < 0.51
    assert_array_equal(signal, expected[: len(signal)])
    seconds = len(signal) / 22050
    assert incomplete == (
        f"ends after {seconds:.2f} of the 3.00 s that its header promises"
    )


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
def test_a_cut_file_of_any_format_gives_what_is_there_and_says_what_is_not(
    tmp_path, container, subtype
):
    sample_rate = 48000 if subtype == "OPUS" else 22050
    path = tmp_path / f"track{CONTAINERS[container][0]}"
    noise = make_noise(3 * sample_rate)
    soundfile.write(path, noise, sample_rate, format=container, subtype=subtype)
    content = path.read_bytes()
    whole = stream_audio(path, sample_rate=sample_rate)
    expected = np.concatenate(list(whole))
    path.write_bytes(content[: len(content) * 6 // 10])
    cut = stream_audio(path, sample_rate=sample_rate)
    signal = np.concatenate(list(cut))
    part = stream_audio(path, sample_rate=sample_rate, duration=0.1)
    list(part)
    assert whole.incomplete is None
    assert cut.incomplete.startswith("ends ")
    assert part.incomplete == cut.incomplete
    assert 0.3 < len(signal) / len(expected) < 0.7
    n_same = len(signal) - 1200  # lossy codecs end otherwise
    assert_array_equal(signal[:n_same], expected[:n_same])


def list_pages(content):
    starts, start = [], 0
    while (start := content.find(b"OggS", start)) >= 0:
        starts.append(start)
        start += 4
    return [content[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]


def test_a_hole_in_an_ogg_file_is_said(tmp_path):
    pages = list_pages(make_file("OGG", "VORBIS", seconds=10))
    whole, incomplete = load_bytes(tmp_path, b"".join(pages))
    assert incomplete is None
    damaged = pages[6][:-20] + bytes(20)
    for page in (b"", damaged):
        content = b"".join([*pages[:6], page, *pages[7:]])
        signal, incomplete = load_bytes(tmp_path, content)
        assert len(whole) // 2 < len(signal) < len(whole)
        seconds = int.from_bytes(pages[5][6:14], "little") / 22050
        assert incomplete == f"lacks 1 page of sound from {seconds:.2f} s on"


def test_junk_around_an_ogg_file_is_left_out(tmp_path):
    content = make_file("OGG", "VORBIS")
    expected, _ = load_bytes(tmp_path, content)
    for junk in (bytes(100), b"\x80junk" * 1000):
        signal, incomplete = load_bytes(tmp_path, junk + content + junk)
        assert_array_equal(signal, expected)
        assert incomplete is None


@needs_ffmpeg
def test_the_sound_of_a_video_in_ogg_is_read(tmp_path):
    soundfile.write(tmp_path / "sound.wav", make_noise(44100, 2), 22050)
    picture = ["-f", "lavfi", "-i", "testsrc=duration=2"]
    codecs = ["-c:v", "libtheora", "-c:a", "libvorbis"]
    run_ffmpeg(tmp_path, *picture, "-i", "sound.wav", *codecs, "video.ogv")
    assert len(load_audio(tmp_path / "video.ogv")) == 44100


def run_ffmpeg(folder, *arguments):
    subprocess.run(["ffmpeg", "-v", "error", *arguments], cwd=folder, check=True)


@needs_ffmpeg
@pytest.mark.parametrize("form", ["wav", "aiff", "au", "caf", "flac", "w64", "ogg"])
def test_what_ffmpeg_writes_to_a_pipe_is_whole(tmp_path, form):
    soundfile.write(tmp_path / "sound.wav", make_noise(44100, 2), 22050)
    command = ["ffmpeg", "-v", "error", "-i", "sound.wav", "-f", form, "-"]
    piped = subprocess.run(
        command, cwd=tmp_path, check=True, stdout=subprocess.PIPE
    ).stdout
    signal, incomplete = load_bytes(tmp_path, piped)
    assert len(signal) == 44100
    assert incomplete is None


@needs_ffmpeg
@needs_pyav
@pytest.mark.parametrize("codec", ["mp2", "ac3", "wmav2"])
def test_other_codecs_in_wav_are_read_by_ffmpeg(tmp_path, codec):
    soundfile.write(tmp_path / "sound.wav", make_noise(44100), 44100)
    run_ffmpeg(tmp_path, "-i", "sound.wav", "-c:a", codec, "coded.wav")
    with decoder.open_audio(str(tmp_path / "coded.wav")) as (reader, _):
        assert reader.decoder.startswith("ffmpeg")
    assert len(load_audio(tmp_path / "coded.wav")) > 0.95 * 22050


def pack_wav_of_codec(tag):
    content = make_file("WAV")
    return content[:20] + struct.pack("<H", tag) + content[22:]


def test_without_pyav_the_error_says_what_the_file_is_and_what_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(decoder.ffmpeg, "is_installed", lambda: False)
    index = pack_box(b"moov", bytes(8) + b"stsd" + bytes(12) + b"mp4a" + bytes(32))
    files = {
        r"an M4A file \(AAC\)": pack_box(b"ftyp", b"M4A ") + index,
        r"a WAV file \(MP2\)": pack_wav_of_codec(0x50),
        r"a Windows Media file": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
        r"an Ogg file \(FLAC\)": replace_ogg_codec(b"\x7fFLAC\x01\x00"),
    }
    for kind, content in files.items():
        reason = f"is {kind}, which libsndfile does not read, expected PyAV .*: "
        refuse_bytes(tmp_path, content, reason + r"pip install 'skgenre\[ffmpeg\]'")


def pack_box(name, content):
    return struct.pack(">I", 8 + len(content)) + name + content


def replace_ogg_codec(magic):
    """An Ogg file of Vorbis whose first packet begins as that of another codec."""
    page, *others = list_pages(make_file("OGG", "VORBIS"))
    page = page[:28] + magic + page[28 + len(magic) :]
    page = page[:22] + compute_ogg_checksum(page) + page[26:]
    return b"".join([page, *others])


def compute_ogg_checksum(page):
    # Bit by bit, as RFC 3533 defines it.
    crc = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        crc ^= byte << 24
        for _ in range(8):
            crc = crc << 1 ^ (0x104C11DB7 if crc >> 31 else 0)
    return struct.pack("<I", crc)


def test_bought_music_with_a_lock_is_named(tmp_path):
    index = pack_box(b"moov", bytes(8) + b"stsd" + bytes(12) + b"drms" + bytes(32))
    content = pack_box(b"ftyp", b"M4P ") + index
    refuse_bytes(tmp_path, content, r"is an M4P file locked by its shop \(DRM\)")


def test_an_mp4_that_is_no_longer_whole_is_named(tmp_path):
    content = pack_box(b"ftyp", b"M4A ") + pack_box(b"mdat", bytes(99))
    refuse_bytes(tmp_path, content, r"is an M4A file without its index \('moov'\)")


OTHERS = {
    "an HTML page": b"\n<!DOCTYPE html><html><body>Not found</body></html>",
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "a ZIP archive: unpack it first": b"PK\x03\x04" + bytes(60),
    "compressed by gzip: unpack it first": b"\x1f\x8b\x08\x00" + bytes(60),
    r"a picture \(PNG\)": b"\x89PNG\r\n\x1a\n" + bytes(60),
    r"a picture \(JPEG\)": b"\xff\xd8\xff\xe0" + bytes(60),
    r"a picture \(GIF\)": b"GIF89a" + bytes(60),
    r"a MIDI file \(notes, no sound\)": b"MThd\0\0\0\6" + bytes(60),
    "JSON": b'{"error": "not found"}',
    "an XML file": b"<?xml version='1.0'?><error/>",
    "a playlist": b"#EXTM3U\n#EXTINF:1,x\nx.mp3\n",
    "a cue sheet": b'PERFORMER "x"\nFILE "x.wav" WAVE\n  TRACK 01 AUDIO\n',
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:",
    "a property list of macOS": b"bplist00\xd4" + bytes(60),
    "attributes that macOS keeps beside a file": b"\0\5\x16\7\0\2\0\0Mac OS X"
    + bytes(60),
    "a text file": "Ein Stück Text,\nfür Menschen.\n".encode(),
    "nothing but 5000 zero bytes, as a download that was never finished": bytes(5000),
    "of no known audio format": bytes(range(128, 256)) * 30,
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_audio_is_named(tmp_path, kind):
    refuse_bytes(tmp_path, OTHERS[kind], f"is {kind}")


MAGICS = {
    "matroska": b"\x1a\x45\xdf\xa3",
    "asf": bytes.fromhex("3026b2758e66cf11"),
    "ape": b"MAC ",
    "wv": b"wvpk",
    "tta": b"TTA1",
    "tak": b"tBaK",
    "mpc": b"MP+\7",
    "mpc8": b"MPCK",
    "dsf": b"DSD ",
    "iff": b"FRM8" + bytes(8) + b"DSD ",
    "ac3": b"\x0b\x77\x12\x34\x1e\x40",
    "eac3": b"\x0b\x77\x02\xff\x3f\x86",
    "dts": b"\x7f\xfe\x80\x01",
    "amr": b"#!AMR\n",
    "mpeg": b"\0\0\1\xba",
    "mpegts": b"G" + bytes(187) + b"G" + bytes(187) + b"G",
    "flv": b"FLV\1",
    "avi": b"RIFF\0\0\1\0AVI ",
    "rm": b".RMF",
    "shn": b"ajkg",
    "aac": b"\xff\xf1\x50\x80\x01\x1f\xfc\x00" * 4,
    "mov": b"\0\0\0\x14ftypM4A " + bytes(8) + b"\0\0\0\x08moov",
}


@pytest.mark.parametrize("demuxer", MAGICS)
def test_formats_of_ffmpeg_are_known_by_their_first_bytes(demuxer):
    found = inspect_audio(io.BytesIO(MAGICS[demuxer] + bytes(2000)))
    assert (found.decoder, found.demuxer) == ("ffmpeg", demuxer)


def test_the_second_decoder_opens_all_formats_that_are_sent_to_it():
    demuxers = {demuxer for _, demuxer in FFMPEG_FORMATS.values()} | {*MAGICS}
    assert demuxers <= DEMUXERS


def test_quiet_raw_samples_are_not_taken_for_mpeg():
    # Their high bytes are 0x00 and 0xff, with which headers of frames begin.
    for loudness in (30, 100, 300, 1000):
        for seed in range(3):
            noise = loudness * np.random.default_rng(seed).standard_normal(100_000)
            found = inspect_audio(io.BytesIO(noise.astype("<i2").tobytes()))
            assert found.kind == "of no known audio format"


class CountedFile(io.BytesIO):
    n_read = 0

    def read(self, *args):
        content = super().read(*args)
        self.n_read += len(content)
        return content


@pytest.mark.parametrize("container", ["WAV", "RF64", "W64", "AU", "AIFF", "CAF"])
def test_a_right_header_costs_little_reading_and_no_detour(container):
    file = CountedFile(make_file(container, seconds=10))
    found = inspect_audio(file)
    assert (found.decoder, found.parts, found.fault) == ("libsndfile", None, None)
    assert file.n_read < 70_000


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF\xff\xff\xff\xffWAVE" + b"JUNK\0\0\0\0" * 200_000,
        b"FORM\xff\xff\xff\xffAIFF" + b"JUNK\0\0\0\0" * 200_000,
        b"caff\0\1\0\0" + b"free" + bytes(8) * 200_000,
        b"OggS\0" + b"OggS\0\2" * 200_000,
        make_file("FLAC")[:42] + b"\xff\xf8\x79\x18" * 200_000,
        make_file("WAV", seconds=0.001) * 2000,
        pack_box(b"free", b"") * 100_000,
        b"\xff\xf1" * 200_000,
        b"\0" + b"ID3\3\0\0\0\0\0\0" * 20_000,
    ],
    ids=[
        *("WAV", "AIFF", "CAF", "OGG", "FLAC", "joined", "MP4"),
        *("AAC", "ID3"),
    ],
)
def test_hostile_files_are_inspected_in_little_time(content):
    # Reading each chunk or page one by one would take millions of calls.
    file = CountedFile(content)
    found = inspect_audio(file)
    assert file.n_read < 50 * len(content)
    assert found.decoder in (None, "libsndfile")


@pytest.mark.parametrize(
    "tags", [b"APETAGEX".ljust(32, b"\0"), b"TAG".ljust(128) * 20_000]
)
def test_the_search_for_tags_behind_the_sound_ends(tags):
    file = CountedFile(b"#!AMR\n" + bytes(100) + tags)
    assert inspect_audio(file).kind == "an AMR file"
    assert file.n_read < 50_000


SEEDS = [make_file(container) for container in (*LENGTHS, "WAV", "FLAC")]


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_no_header_whatever_it_says_breaks_the_inspection(content, data):
    content = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        offset = data.draw(st.integers(0, 100))
        value = data.draw(
            st.one_of(
                st.binary(min_size=1, max_size=8),
                st.sampled_from(
                    [bytes(4), bytes(8), b"\xff" * 4, b"\x7f" + b"\xff" * 7]
                ),
            )
        )
        content[offset : offset + len(value)] = value
    found = inspect_audio(io.BytesIO(content))
    assert found.decoder in ("libsndfile", "ffmpeg", None)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.data())
def test_a_view_reads_as_the_pieces_joined(content, data):
    offsets = st.integers(0, len(content))
    ranges = st.tuples(offsets, offsets).map(lambda pair: tuple(sorted(pair)))
    parts = data.draw(st.lists(st.one_of(st.binary(max_size=9), ranges), max_size=5))
    whole = b"".join(p if isinstance(p, bytes) else content[p[0] : p[1]] for p in parts)
    view, joined = View(io.BytesIO(content), parts), io.BytesIO(whole)
    for _ in range(5):
        offset = data.draw(st.integers(0, len(whole) + 3))
        n_bytes = data.draw(st.integers(0, 40))
        found, expected = bytearray(n_bytes), bytearray(n_bytes)
        view.seek(offset)
        joined.seek(offset)
        assert view.readinto(found) == joined.readinto(expected)
        assert found == expected


def test_an_error_of_a_file_object_is_raised_and_not_printed(tmp_path, capfd):
    class Failing(io.BytesIO):
        def read(self, *args):
            if self.tell() > 50_000:
                raise RuntimeError("the disk is gone")
            return super().read(*args)

    from skgenre.audio.libsndfile import LibsndfileReader

    file = Failing(make_file("WAV", seconds=5))
    reader = LibsndfileReader(file, Inspection("a WAV file"))
    with pytest.raises(OSError, match="RuntimeError: the disk is gone"):
        list(reader.read_blocks(None, n_block_frames=10_000))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("container", ["WAV", "FLAC", "AIFF", "OGG"])
def test_tags_in_front_of_any_format_are_skipped(tmp_path, container):
    subtype = "VORBIS" if container == "OGG" else "PCM_16"
    content = make_file(container, subtype)
    expected, _ = load_bytes(tmp_path, content)
    tag = b"ID3\3\0\0\0\0\0\x7f" + bytes(127)
    signal, incomplete = load_bytes(tmp_path, tag + tag + content)
    assert_array_equal(signal, expected)
    assert incomplete is None
    assert inspect_audio(io.BytesIO(tag + tag + MAGICS["aac"])).demuxer == "aac"


def test_a_voice_file_of_two_blocks_is_not_read_as_one(tmp_path):
    content = make_file("VOC", "PCM_U8")
    found = inspect_audio(io.BytesIO(content))
    assert (found.decoder, found.incomplete) == ("libsndfile", None)
    samples = bytes([100, 156]) * 500
    block = struct.pack("<I", len(samples) << 8 | 2)
    two = inspect_audio(io.BytesIO(content[:-1] + (block + samples) * 2 + b"\0"))
    assert (two.decoder, two.demuxer) == ("ffmpeg", "voc")


@needs_ffmpeg
def test_mp3_in_wav_is_read_whole_by_libsndfile(tmp_path):
    soundfile.write(tmp_path / "sound.wav", make_noise(4 * 44100), 44100)
    run_ffmpeg(tmp_path, "-i", "sound.wav", "-c:a", "libmp3lame", "coded.wav")
    with decoder.open_audio(str(tmp_path / "coded.wav")) as (reader, found):
        assert reader.decoder.startswith("libsndfile")
        assert found.kind == "a WAV file (MP3)"
    assert abs(len(load_audio(tmp_path / "coded.wav")) - 4 * 22050) < 2 * 1152


def test_a_short_mp3_in_front_of_a_long_one_of_another_rate_hides_nothing(tmp_path):
    short = make_file("MP3", "MPEG_LAYER_III")
    long = make_file("MP3", "MPEG_LAYER_III", sample_rate=44100, seconds=3.0)
    assert short[:1] == b"\xff"
    assert len(short) < len(long)
    signal, incomplete = load_bytes(tmp_path, short + long)
    assert abs(len(signal) - 4 * 22050) < 4 * 1152
    assert incomplete is None


def test_an_mp3_of_which_most_was_never_written_says_so(tmp_path):
    content = make_file("MP3", "MPEG_LAYER_III", seconds=4.0)
    there = len(content) * 2 // 5
    zeros = bytes(len(content) - there)
    _, incomplete = load_bytes(tmp_path, content[:there] + zeros)
    assert incomplete.endswith("s that its header promises")


AAC_FRAME = b"\xff\xf1\x50\x80\x03\x1f\xfc" + bytes(17)  # 24 bytes


def test_aac_is_known_from_the_middle_and_in_front_of_mp3():
    mp3 = make_file("MP3", "MPEG_LAYER_III")
    found = inspect_audio(io.BytesIO(100 * AAC_FRAME + mp3))
    assert (found.decoder, found.demuxer) == ("ffmpeg", "aac")
    middle = (10 * AAC_FRAME)[5:]
    found = inspect_audio(io.BytesIO(middle))
    assert (found.demuxer, found.parts) == ("aac", ((19, len(middle)),))


@pytest.mark.parametrize("container", ["FLAC", "OGG", "MP3"])
def test_what_stands_behind_junk_is_read(tmp_path, container):
    subtypes = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}
    content = make_file(container, subtypes.get(container, "PCM_16"))
    if container == "MP3":
        content = b"ID3\3\0\0\0\0\0\x7f" + bytes(127) + content
    expected, _ = load_bytes(tmp_path, content)
    for junk in (bytes(1000), bytes(range(128, 228))):
        signal, incomplete = load_bytes(tmp_path, junk + content)
        assert_array_equal(signal, expected)
        assert incomplete is None


def test_many_false_beginnings_are_not_followed():
    content = b"\xd0\xd1" + 6000 * b"ID3\3\0\0\0\0\0\0" + bytes(range(128, 256)) * 9
    assert inspect_audio(io.BytesIO(content)).kind == "of no known audio format"


def test_a_tag_without_sound_behind_it_is_named(tmp_path):
    content = b"ID3\3\0\0\0\x7f\0\0" + bytes(range(128, 256)) * 40
    refuse_bytes(tmp_path, content, "an ID3 tag that fills all 5130 bytes, without")


@pytest.mark.parametrize("magic", ["wv", "ac3", "mov", "asf"])
def test_ffmpeg_is_given_what_stands_behind_a_tag(magic):
    content = {**MAGICS, "asf": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"}[magic]
    tag = b"ID3\3\0\0\0\0\0\x7f" + bytes(127)
    file = io.BytesIO(tag + content + bytes(2000))
    found = inspect_audio(file)
    assert (found.decoder, found.demuxer) == ("ffmpeg", magic)
    assert found.parts == ((137, len(file.getvalue())),)


def make_ape_tag(content):
    """An APE tag of one item, with a header in front."""
    item = struct.pack("<II", len(content), 0) + b"Title\0" + content
    ends = [
        b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, flags) + bytes(8)
        for flags in (0xA0000000, 0x80000000)
    ]
    return ends[0] + item + ends[1]


@needs_ffmpeg
@needs_pyav
@pytest.mark.parametrize("form", ["aac", "ac3", "eac3", "wv", "tta", "oga"])
def test_tags_around_a_stream_are_no_damage(tmp_path, form):
    soundfile.write(tmp_path / "sound.wav", make_noise(2 * 44100), 44100)
    codec = ["-c:a", "flac"] if form == "oga" else []
    run_ffmpeg(tmp_path, "-i", "sound.wav", *codec, f"track.{form}")
    content = (tmp_path / f"track.{form}").read_bytes()
    expected, _ = load_bytes(tmp_path, content)
    front = b"ID3\3\0\0\0\0\0\x7f" + bytes(127)
    back = make_ape_tag(bytes(range(256)) * 40) + b"TAG" + b"song".ljust(125)
    signal, incomplete = load_bytes(tmp_path, front + content + back)
    assert_array_equal(signal, expected)
    assert incomplete is None


@needs_ffmpeg
@needs_pyav
def test_junk_behind_fragments_is_no_box_that_is_missing(tmp_path):
    soundfile.write(tmp_path / "sound.wav", make_noise(3 * 44100), 44100)
    flags = ["-movflags", "frag_keyframe+empty_moov", "-frag_duration", "1000000"]
    run_ffmpeg(tmp_path, "-i", "sound.wav", "-c:a", "aac", *flags, "track.mp4")
    junk = make_noise(500).tobytes()
    file = io.BytesIO((tmp_path / "track.mp4").read_bytes() + junk)
    for n_samples in (22050, None):
        stream = AudioStream(file, n_samples=n_samples)
        stream.read()
        assert stream.incomplete is None


def test_what_is_missing_behind_a_tag_is_said_once(tmp_path):
    ogg = make_file("OGG", "VORBIS")
    _, incomplete = load_bytes(
        tmp_path, b"ID3\3\0\0\0\0\0\x7f" + bytes(127) + ogg + ogg[:-2000]
    )
    assert incomplete.count("(recording ") == 1

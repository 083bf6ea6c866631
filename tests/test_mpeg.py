"""Promises of skgenre.audio.mpeg: an MP3 is read whole, whatever its header says."""

import io
import shutil
import subprocess
import tracemalloc
import warnings

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skgenre.audio import IncompleteAudioWarning, load_audio
from skgenre.audio.libsndfile import LibsndfileReader, View
from skgenre.audio.mpeg import inspect_mpeg

RATE = 44100
KILOBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
ID3V1 = b"TAG" + bytes(125)
ID3V2 = b"ID3\4\0\0\0\0\2\0" + bytes(256)
ID3V2_WITH_FOOTER = b"ID3\4\0\x10\0\0\2\0" + bytes(256) + b"3DI\4\0\x10\0\0\2\0"
APE_ENDS = [
    b"APETAGEX" + np.array([2000, 9032, 1, flags, 0, 0], "<u4").tobytes()
    for flags in (0xA0000000, 0x80000000)
]
APE = APE_ENDS[0] + bytes(9000) + APE_ENDS[1]
LYRICS = b"LYRICSBEGIN" + 900 * b"la " + b"002711LYRICS200"


@pytest.fixture(scope="module")
def mp3():
    """Return the bytes of an MP3 whose tag is right: loud, then 8 s of nearly nothing.

    So its first frames are long, and a length guessed from them is too short.
    """
    noise = np.random.default_rng(0).standard_normal((9 * RATE, 2))
    noise *= np.where(np.arange(9 * RATE) < RATE, 0.2, 1e-4)[:, np.newaxis]
    file = io.BytesIO()
    soundfile.write(file, noise, RATE, format="MP3", subtype="MPEG_LAYER_III")
    return file.getvalue()


def find_offsets(content):
    """Return where the frames of an MPEG-1 stream of layer III begin, and its end."""
    offsets = [0]
    while offsets[-1] < len(content):
        index, padding = (
            content[offsets[-1] + 2] >> 4,
            content[offsets[-1] + 2] >> 1 & 1,
        )
        offsets.append(offsets[-1] + 144_000 * KILOBITS[index] // RATE + padding)
    return offsets


def drop_tag(content):
    return content[find_offsets(content)[1] :]


def set_count(content, n_frames):
    """Write another number of frames into the tag, behind its flags."""
    at = content.index(b"Info" if b"Info" in content[:200] else b"Xing") + 8
    return content[:at] + n_frames.to_bytes(4, "big") + content[at + 4 :]


def load(path, content):
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_audio(path, sample_rate=RATE)


def load_with_libsndfile(content):
    """Read without the seek of soundfile.read, which changes last bits; as librosa."""
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        return file.read(dtype="float32", always_2d=True).mean(axis=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "track.mp3"


@pytest.mark.parametrize("before", [b"", ID3V2, ID3V2_WITH_FOOTER, ID3V2 + ID3V2])
@pytest.mark.parametrize(
    "behind", [b"", ID3V1, APE, APE + ID3V1, LYRICS + ID3V1, ID3V2]
)
def test_an_mp3_with_a_right_tag_keeps_the_bits_of_libsndfile(
    path, mp3, before, behind
):
    signal = load(path, before + mp3 + behind)
    assert_array_equal(signal, load_with_libsndfile(mp3))


def test_an_mp3_without_a_tag_gives_every_frame(path, mp3):
    signal = load(path, drop_tag(mp3))
    n_frames = len(find_offsets(mp3)) - 2
    assert len(signal) == 1152 * n_frames
    # What libsndfile takes for the whole is a part of it, bit for bit.
    part = load_with_libsndfile(drop_tag(mp3))
    assert len(part) < len(signal) / 2
    assert_array_equal(signal[: len(part)], part)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 48000])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_bits_are_those_of_libsndfile_at_all_rates(path, rate, n_channels):
    file = io.BytesIO()
    noise = np.random.default_rng(0).standard_normal((3 * rate, n_channels))
    noise[rate:] *= 1e-3
    soundfile.write(file, 0.1 * noise, rate, "MPEG_LAYER_III", format="MP3")
    content = file.getvalue()
    # Without a tag: libsndfile takes its frame for one of sound, as ffmpeg does.
    content = content.replace(b"Xing", b"Zing", 1).replace(b"Info", b"Znfo", 1)
    path.write_bytes(content)
    part, whole = load_with_libsndfile(content), load_audio(path, sample_rate=rate)
    assert 0 < len(part) <= len(whole)
    assert_array_equal(whole[: len(part)], part)
    assert len(whole) >= 3 * rate


def test_a_stream_of_two_frames_is_read(path, mp3):
    offsets = find_offsets(drop_tag(mp3))
    assert len(load(path, drop_tag(mp3)[: offsets[2]])) == 2 * 1152


@pytest.mark.parametrize("behind", [LYRICS, APE, b"\xff\xfb\x90\x64" * 9])
def test_constant_frames_without_a_tag_end_before_what_is_behind(behind):
    frames = 50 * b"\xff\xfb\x94\xc0".ljust(384, b"\0")
    assert inspect_mpeg(io.BytesIO(frames + ID3V1)).parts is None
    inspection = inspect_mpeg(io.BytesIO(frames + behind))
    assert inspection.parts[1:] == ((0, len(frames)),)


def test_a_tag_that_libmpg123_would_warn_about_is_replaced(mp3):
    """It names the bytes of the file, and programs add tags without changing that."""
    start = find_offsets(mp3)[1]
    assert inspect_mpeg(io.BytesIO(mp3 + ID3V1)).parts is None
    inspection = inspect_mpeg(io.BytesIO(mp3 + APE))
    assert inspection.parts[1:] == ((start, len(mp3)),)


@pytest.mark.parametrize("count", [0, 1, 100])
def test_a_tag_that_counts_too_few_frames_is_not_believed(path, mp3, count):
    whole = load_with_libsndfile(mp3)
    signal = load(path, set_count(mp3, count))
    assert_array_equal(signal[: len(whole)], whole)
    assert len(signal) - len(whole) < 1152 + 528  # the padding of the encoder


@pytest.mark.parametrize("between", [b"", ID3V1, ID3V1 + ID3V2, APE + ID3V1 + ID3V2])
def test_joined_mp3s_give_the_sound_of_both(path, mp3, between):
    first, both = load_with_libsndfile(mp3), load(path, mp3 + between + mp3)
    assert_array_equal(both[: len(first) - 1152], first[:-1152])
    n_frames = 2 * (len(find_offsets(mp3)) - 1) - 1
    assert 0 <= 1152 * n_frames - len(both) < 2 * 1152
    # The last sound of the second is there, too, though the bits may differ.
    assert np.abs(both[-30_000:-20_000]).max() > 0


def test_a_vbri_tag_is_not_taken_for_sound(path, mp3):
    offsets = find_offsets(mp3)
    tag = (
        mp3[:4]
        + bytes(32)
        + b"VBRI"
        + bytes(10)
        + (len(offsets) - 2).to_bytes(4, "big")
    )
    tag = tag.ljust(offsets[1], b"\0")
    assert_array_equal(load(path, tag + drop_tag(mp3)), load(path, drop_tag(mp3)))


@pytest.mark.parametrize("junk", [bytes(3000), b"<html>", b"\xff\xfb\x90\x64" * 50])
def test_junk_before_the_first_frame_is_skipped(path, mp3, junk):
    assert_array_equal(load(path, junk + mp3), load_with_libsndfile(mp3))
    signal = load(path, junk + drop_tag(mp3))
    assert_array_equal(signal, load(path, drop_tag(mp3)))


def test_junk_behind_the_last_frame_is_skipped(path, mp3):
    junk = np.random.default_rng(1).bytes(20_000)
    assert_array_equal(load(path, mp3 + junk), load_with_libsndfile(mp3))
    assert_array_equal(load(path, drop_tag(mp3) + junk), load(path, drop_tag(mp3)))


def test_a_truncated_mp3_is_read_to_its_end_with_a_warning(path, mp3):
    path.write_bytes(mp3[: find_offsets(mp3)[101]])
    promised = (len(find_offsets(mp3)) - 2) * 1152 / RATE
    reason = (
        f"track.mp3: ends after 2.61 of the {promised:.2f} s that its header promises"
    )
    with pytest.warns(IncompleteAudioWarning, match=reason):
        signal = load_audio(path, sample_rate=RATE)
    assert_array_equal(signal, load_with_libsndfile(mp3)[: len(signal)])
    assert 0 <= 100 * 1152 - len(signal) <= 1105  # the delay of encoder and decoder


def test_a_cut_last_frame_is_told_without_a_tag_too(path, mp3):
    path.write_bytes(drop_tag(mp3)[:-20])
    with pytest.warns(IncompleteAudioWarning, match="ends within a frame, after 9.0"):
        load_audio(path, sample_rate=RATE)


def test_a_hole_is_told_and_what_follows_is_read(path, mp3):
    offsets = find_offsets(mp3)
    start, stop = offsets[40] + 100, offsets[60] + 30
    path.write_bytes(mp3[:start] + mp3[stop:])
    reason = (
        r"bytes \d+ to \d+ \(at 1.04 s\) are not MPEG frames: what was there is missing"
    )
    with pytest.warns(IncompleteAudioWarning, match=reason):
        signal = load_audio(path, sample_rate=RATE)
    n_frames = len(offsets) - 2 - 20
    assert abs(len(signal) - n_frames * 1152) <= 2 * 1152
    assert_array_equal(signal[: 30 * 1152], load_with_libsndfile(mp3)[: 30 * 1152])


def test_a_damaged_header_costs_one_frame(path, mp3):
    offsets, content = find_offsets(mp3), bytearray(mp3)
    content[offsets[50]] = 0
    path.write_bytes(content)
    with pytest.warns(IncompleteAudioWarning, match="are not MPEG frames"):
        signal = load_audio(path, sample_rate=RATE)
    assert 0 <= len(load_with_libsndfile(mp3)) - len(signal) <= 1152


@pytest.mark.parametrize(
    ("sample_rate", "n_channels"), [(22050, 2), (48000, 1), (44100, 1)]
)
@pytest.mark.parametrize("between", [b"", ID3V1 + ID3V2])
def test_a_joined_mp3_of_another_format_follows(mp3, sample_rate, n_channels, between):
    other = io.BytesIO()
    noise = np.random.default_rng(0).standard_normal((sample_rate, n_channels))
    soundfile.write(other, 0.1 * noise, sample_rate, "MPEG_LAYER_III", format="MP3")
    other = other.getvalue()
    file = io.BytesIO(mp3 + between + other)
    first = inspect_mpeg(file)
    (second,) = first.following
    first = first._replace(following=())
    for found, content in ((first, mp3), (second, other)):
        reader = LibsndfileReader(file, found)
        signal = np.concatenate(list(reader.read_blocks(None, n_block_frames=10_000)))
        signal = signal.reshape(len(signal), -1).mean(axis=1)
        assert_array_equal(signal, load_with_libsndfile(content))
    assert (reader.sample_rate, reader.n_channels) == (sample_rate, n_channels)


def test_joined_mp3s_of_other_formats_are_loaded_whole(path, mp3):
    other = io.BytesIO()
    noise = 0.1 * np.random.default_rng(0).standard_normal(22050)
    soundfile.write(other, noise, 22050, "MPEG_LAYER_III", format="MP3")
    signal = load(path, mp3 + other.getvalue())
    assert len(signal) == len(load_with_libsndfile(mp3)) + RATE
    assert_array_equal(signal[:-RATE], load_with_libsndfile(mp3))
    assert np.abs(signal[-RATE:]).max() > 0.1


def test_the_first_second_is_judged_as_the_whole_is(path, mp3):
    path.write_bytes(mp3[: find_offsets(mp3)[101]])
    with pytest.warns(IncompleteAudioWarning, match="ends after 2.61 of the"):
        second = load_audio(path, sample_rate=RATE, duration=1)
    assert_array_equal(second, load_with_libsndfile(mp3)[:RATE])


@pytest.mark.parametrize("layer", [1, 2])
def test_layers_one_and_two_are_counted(layer):
    # 32 kHz, 192 kilobits per second, mono: nothing allocated, so silence.
    header = bytes(
        [255, 0xFF if layer == 1 else 0xFD, (6, 10)[layer - 1] << 4 | 8, 0xC0]
    )
    frame = header.ljust({1: 4 * 12 * 192 // 32, 2: 144 * 192 // 32}[layer], b"\0")
    file = io.BytesIO(50 * frame)
    inspection = inspect_mpeg(file)
    assert (inspection.kind, inspection.decoder) == (f"an MP{layer} file", "libsndfile")
    reader = LibsndfileReader(file, inspection)
    blocks = list(reader.read_blocks(None, n_block_frames=10_000))
    assert sum(map(len, blocks)) == 50 * {1: 384, 2: 1152}[layer]


def test_layer_two_of_variable_length_goes_to_the_second_decoder():
    long, short = (
        bytes([255, 0xFD, index << 4 | 8, 0xC0]).ljust(144 * rate // 32, b"\0")
        for index, rate in ((10, 192), (4, 64))
    )
    inspection = inspect_mpeg(io.BytesIO(5 * long + 50 * short))
    assert (inspection.kind, inspection.decoder) == ("an MP2 file", "ffmpeg")
    assert "frames of various lengths" in inspection.fault


@pytest.mark.parametrize(
    "content",
    [b"", b"ID3", ID3V2, b"\xff\xfb\x90\x64", 50 * b"\xff\xf1\x50\x80", bytes(9000)],
)
def test_what_has_no_frames_is_no_mpeg_audio(content):
    assert inspect_mpeg(io.BytesIO(content)) is None


def test_random_bytes_are_no_mpeg_audio():
    content = np.random.default_rng(0).bytes(2_000_000)
    assert inspect_mpeg(io.BytesIO(content)) is None


@pytest.mark.skipif(shutil.which("lame") is None, reason="needs lame")
def test_free_format_is_read_whole(tmp_path, path):
    noise = np.random.default_rng(0).standard_normal((2 * RATE, 2))
    soundfile.write(tmp_path / "noise.wav", 0.1 * noise, RATE)
    command = [
        "lame",
        "--quiet",
        "--freeformat",
        "-b",
        "200",
        tmp_path / "noise.wav",
        path,
    ]
    subprocess.run(command, check=True)
    assert len(load(path, path.read_bytes())) == 2 * RATE


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize(
    "change",
    [
        lambda mp3: mp3,
        drop_tag,
        lambda mp3: set_count(mp3, 50),
        lambda mp3: ID3V2 + mp3 + APE + ID3V1,
        lambda mp3: mp3 + mp3,
        lambda mp3: drop_tag(mp3) + ID3V1 + ID3V2 + mp3,
        lambda mp3: mp3[:50_000],
        lambda mp3: mp3[20_000:],
        lambda mp3: mp3[:30_000] + mp3[35_000:],
        lambda mp3: bytes(999) + mp3,
    ],
)
@pytest.mark.filterwarnings("ignore::skgenre.audio.IncompleteAudioWarning")
def test_lengths_are_those_of_ffmpeg(path, mp3, change):
    path.write_bytes(change(mp3))
    command = ["ffmpeg", "-v", "quiet", "-i", path, "-f", "f32le", "-"]
    n_samples = len(subprocess.run(command, capture_output=True).stdout) // 8
    delay_and_padding = 1105 + 1152
    difference = abs(len(load_audio(path, sample_rate=RATE)) - n_samples)
    assert difference <= 1152 + delay_and_padding


def test_hours_are_inspected_in_flat_memory(mp3):
    file = io.BytesIO(drop_tag(mp3) * 200)  # 30 minutes
    tracemalloc.start()
    assert inspect_mpeg(file).decoder == "libsndfile"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


@given(
    n_before=st.integers(0, 40),
    moves=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 90_000)), max_size=8),
)
def test_a_view_reads_its_pieces_as_one_file(n_before, moves):
    content = np.random.default_rng(0).bytes(100_000)
    parts = (content[:n_before], (n_before, 70_000), b"", (70_000, 100_000))
    view, expected = View(io.BytesIO(content), parts), io.BytesIO(content)
    for offset, n_wanted in moves:
        assert view.seek(offset * 250) == expected.seek(offset * 250)
        buffer = bytearray(n_wanted)
        n_read = view.readinto(buffer)
        assert buffer[:n_read] == expected.read(n_wanted)
        assert view.tell() == expected.tell()
    assert view.seek(0, 2) == len(content)

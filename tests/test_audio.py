"""Promises of skgenre.audio: librosa's numbers, or the name of the file and why not."""

import copy
import os
import pickle
import warnings
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skgenre.audio import (
    AUDIO_EXTENSIONS,
    AudioDecodeError,
    IncompleteAudioWarning,
    load_audio,
    stream_audio,
)
from skgenre.audio import signal as signal_module
from skgenre.audio.libsndfile import LibsndfileReader

DATA = Path(__file__).parents[2] / "shared" / "data"

LOSSLESS = [
    ("wav", "PCM_U8"),
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "PCM_32"),
    ("wav", "FLOAT"),
    ("wav", "DOUBLE"),
    ("au", "PCM_16"),
    ("au", "ULAW"),
    ("flac", "PCM_16"),
    ("flac", "PCM_24"),
]
LOSSY = [("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III")]
RATES = [8000, 11025, 16000, 22050, 32000, 44100, 48000]
NOT_UTF8 = os.fsdecode(b"caf\xe9.wav")


def make_noise(n_frames, n_channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return 0.1 * rng.standard_normal((n_frames, n_channels))


def write_noise(path, sample_rate, *, seconds=0.3, n_channels=1, subtype=None):
    noise = make_noise(int(seconds * sample_rate), n_channels)
    file_format = Path(path).suffix[1:].upper()
    soundfile.write(path, noise, sample_rate, format=file_format, subtype=subtype)
    return path


def load_with_librosa(path, sample_rate=22050):
    return librosa.load(path, sr=sample_rate, mono=True)[0]


def patch_bytes(path, offset, replacement):
    content = bytearray(path.read_bytes())
    content[offset : offset + len(replacement)] = replacement
    path.write_bytes(content)
    return path


def set_flac_length(path, n_frames):
    """Write another number of frames into the last 36 of 64 bits of the header."""
    packed = int.from_bytes(path.read_bytes()[18:26], "big") >> 36 << 36 | n_frames
    return patch_bytes(path, 18, packed.to_bytes(8, "big"))


@pytest.fixture
def wav(tmp_path):
    return write_noise(tmp_path / "track.wav", 22050)


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize(("extension", "subtype"), LOSSLESS + LOSSY)
def test_any_format_rate_and_channels_equal_librosa(
    tmp_path, extension, subtype, sample_rate, n_channels
):
    path = tmp_path / f"track.{extension}"
    write_noise(path, sample_rate, n_channels=n_channels, subtype=subtype)
    signal = load_audio(path)
    assert signal.dtype == np.float32
    assert_array_equal(signal, load_with_librosa(path))


@pytest.mark.parametrize("n_channels", [3, 6, 9, 16])
@pytest.mark.parametrize("extension", ["wav", "ogg"])
def test_many_channels_are_averaged_as_librosa_does(tmp_path, extension, n_channels):
    path = write_noise(tmp_path / f"t.{extension}", 48000, n_channels=n_channels)
    assert_array_equal(load_audio(path), load_with_librosa(path))


def test_two_channels_are_averaged(tmp_path):
    stereo = np.array([[0.5, 0.25], [-0.5, 0.5], [0.125, -0.25]])
    soundfile.write(tmp_path / "track.wav", stereo, 22050)
    assert_array_equal(load_audio(tmp_path / "track.wav"), [0.375, 0.0, -0.0625])


@pytest.mark.parametrize("file_rate", [*RATES, 37800, 96000, 192000])
@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 44100])
def test_any_target_rate_equals_librosa(tmp_path, file_rate, sample_rate):
    path = write_noise(tmp_path / "track.wav", file_rate)
    signal = load_audio(path, sample_rate=sample_rate)
    assert_array_equal(signal, load_with_librosa(path, sample_rate))


@pytest.mark.parametrize("n_frames", [1, 2, 3, 100])
@pytest.mark.parametrize("file_rate", [8000, 44100, 192000])
def test_tiny_files_have_the_length_librosa_gives(tmp_path, file_rate, n_frames):
    soundfile.write(tmp_path / "track.wav", np.full(n_frames, 0.5), file_rate)
    signal = load_audio(tmp_path / "track.wav")
    assert_array_equal(signal, load_with_librosa(tmp_path / "track.wav"))


@pytest.fixture(scope="module")
def long_tracks(tmp_path_factory):
    """Tracks of three seconds, which is more than a margin, and librosa's memory."""
    folder = tmp_path_factory.mktemp("long")
    names = [("wav", rate) for rate in [*RATES, 96000, 192000]]
    names += [("mp3", 44100), ("mp3", 22050), ("ogg", 32000), ("flac", 48000)]
    paths = [
        write_noise(folder / f"{rate}.{extension}", rate, seconds=3, n_channels=2)
        for extension, rate in names
    ]
    return paths, {}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_duration_gives_the_first_samples_of_the_whole(long_tracks, data):
    paths, whole = long_tracks
    path = data.draw(st.sampled_from(paths))
    sample_rate = data.draw(st.sampled_from([8000, 16000, 22050, 44100, 48000]))
    duration = data.draw(st.floats(0.0002, 3.2))
    if (path, sample_rate) not in whole:
        whole[path, sample_rate] = load_with_librosa(path, sample_rate)
    signal = load_audio(path, sample_rate=sample_rate, duration=duration)
    n_samples = round(duration * sample_rate)
    assert_array_equal(signal, whole[path, sample_rate][:n_samples])


@pytest.mark.parametrize("n_more", [0, 1, 2, 500, 1300, 4095, 4096, 4097, 9000])
def test_a_file_that_ends_near_the_margin_is_cut_as_the_whole(tmp_path, n_more):
    soundfile.write(tmp_path / "track.wav", make_noise(44100 + n_more), 44100)
    signal = load_audio(tmp_path / "track.wav", duration=1)
    assert_array_equal(signal, load_with_librosa(tmp_path / "track.wav")[:22050])


def test_a_duration_beyond_the_end_gives_the_whole_file(wav):
    assert_array_equal(load_audio(wav, duration=1000), load_audio(wav))


@pytest.mark.parametrize("sample_rate", [22050, 44100])
def test_a_duration_reads_little_more_than_itself(tmp_path, sample_rate):
    noise = make_noise(sample_rate * 3)
    noise[-1] = np.nan
    soundfile.write(tmp_path / "t.wav", noise, sample_rate, subtype="FLOAT")
    assert len(load_audio(tmp_path / "t.wav", duration=2)) == 44100
    with pytest.raises(AudioDecodeError, match="nan"):
        load_audio(tmp_path / "t.wav")


def test_blocks_of_a_long_file_join_without_a_seam(tmp_path, monkeypatch):
    path = write_noise(tmp_path / "track.flac", 44100, n_channels=2)
    monkeypatch.setattr(signal_module, "MAX_BLOCK_SAMPLES", 2 * 1000)
    assert_array_equal(load_audio(path), load_with_librosa(path))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_stream_has_the_samples_of_the_whole_however_it_is_cut(long_tracks, data):
    paths, _ = long_tracks
    path = data.draw(st.sampled_from(paths))
    sample_rate = data.draw(st.sampled_from([8000, 22050, 44100, 48000]))
    with pytest.MonkeyPatch.context() as patch:
        n_samples = data.draw(st.integers(2000, 2**20))
        patch.setattr(signal_module, "MAX_BLOCK_SAMPLES", n_samples)
        blocks = list(stream_audio(path, sample_rate=sample_rate))
    assert all(len(block) > 0 for block in blocks)
    assert_array_equal(np.concatenate(blocks), load_with_librosa(path, sample_rate))


def test_a_stream_gives_sound_before_a_later_fault(tmp_path, monkeypatch):
    noise = make_noise(5000)
    noise[3456] = np.nan
    soundfile.write(tmp_path / "t.wav", noise, 22050, subtype="FLOAT")
    monkeypatch.setattr(signal_module, "MAX_BLOCK_SAMPLES", 1000)
    blocks = stream_audio(tmp_path / "t.wav")
    assert [len(next(blocks)) for _ in range(3)] == [1000, 1000, 1000]
    with pytest.raises(AudioDecodeError, match="frame 3456 of 5000 is nan"):
        next(blocks)


def test_silence_is_judged_over_all_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(signal_module, "MAX_BLOCK_SAMPLES", 1000)
    signal = np.zeros(5000)
    soundfile.write(tmp_path / "t.wav", signal, 22050)
    refused(tmp_path / "t.wav", "silence .* in 5000 frames")
    signal[4321] = 0.5
    soundfile.write(tmp_path / "t.wav", signal, 22050)
    assert load_audio(tmp_path / "t.wav")[4321] == 0.5


def test_a_low_rate_in_the_header_makes_no_large_block(tmp_path):
    soundfile.write(tmp_path / "t.wav", make_noise(200000), 1000)
    sizes = [len(block) for block in stream_audio(tmp_path / "t.wav")]
    assert sum(sizes) == 200000 * 22050 // 1000
    assert max(sizes) < 2 * signal_module.MAX_BLOCK_SAMPLES


@pytest.mark.parametrize("promised", [0, 10**9, 2**36 - 1])
def test_a_flac_header_that_lies_about_the_length_gives_what_is_there(
    tmp_path, promised
):
    path = write_noise(tmp_path / "track.flac", 22050)
    expected = load_audio(path)
    assert_array_equal(load_audio(set_flac_length(path, promised)), expected)


def test_a_wav_header_of_a_stream_gives_what_is_there(wav):
    expected = load_audio(wav)
    assert_array_equal(load_audio(patch_bytes(wav, 40, b"\xff" * 4)), expected)


@pytest.mark.parametrize("name", [NOT_UTF8, "no extension", "track.raw", "a\nb.wav"])
def test_any_name_of_a_file_can_be_read(tmp_path, wav, name):
    expected = load_audio(wav)
    path = os.path.join(str(tmp_path), name)
    wav.rename(path)
    assert_array_equal(load_audio(path), expected)


def test_a_link_to_a_file_is_followed(tmp_path, wav):
    (tmp_path / "link.wav").symlink_to(wav)
    assert_array_equal(load_audio(tmp_path / "link.wav"), load_audio(wav))


def refused(path, reason, **options):
    """Check that the one failure names the file and gives the reason."""
    with pytest.raises(AudioDecodeError, match=reason) as caught:
        load_audio(path, **options)
    assert caught.value.paths == [os.fspath(path)]
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    refused(tmp_path / "none.wav", "No such file or directory, expected an audio file")


def test_a_folder_is_refused(tmp_path):
    refused(tmp_path, "is a directory, expected an audio file")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "track.wav").touch()
    refused(tmp_path / "track.wav", r"is empty \(0 bytes\), expected an audio file")


def test_a_null_character_in_a_path_is_refused():
    with pytest.raises(AudioDecodeError, match="null"):
        load_audio("a\0b.wav")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_refused_and_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    refused(tmp_path / "pipe.wav", "is a named pipe, expected an audio file")


@pytest.mark.skipif(os.name != "posix", reason="no such devices here")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/random"])
def test_a_device_is_refused_and_never_opened(device, monkeypatch):
    opened = []
    monkeypatch.setattr(os, "open", lambda path, *_: opened.append(path))
    refused(device, "is a device, expected an audio file")
    assert not opened


@pytest.mark.parametrize("container", ["MAT4", "MAT5", "PVF", "HTK", "SDS"])
def test_a_format_that_no_table_lists_is_given_to_no_decoder(tmp_path, container):
    path = tmp_path / "track.wav"
    soundfile.write(path, np.sin(np.arange(1000)), 22050, format=container)
    assert soundfile.info(path).frames >= 1000
    refused(path, "is of no known audio format, expected intact audio")


def test_a_file_without_permission_is_refused(wav, monkeypatch):
    def deny(path, flags):
        raise PermissionError(13, "Permission denied", path)

    # Root may read anything, so a file mode would not do.
    monkeypatch.setattr(os, "open", deny)
    refused(wav, "Permission denied, expected a readable file")


@pytest.mark.parametrize("extension", ["au", "flac", "mp3", "ogg", "wav"])
@pytest.mark.parametrize("n_bytes", [1, 4, 20])
def test_a_truncated_header_is_refused(tmp_path, extension, n_bytes):
    path = write_noise(tmp_path / f"track.{extension}", 22050)
    path.write_bytes(path.read_bytes()[:n_bytes])
    refused(path, "^[^:]*: is .*, expected intact ")


def test_a_damaged_flac_is_refused_unless_the_part_is_whole(tmp_path):
    path = write_noise(tmp_path / "track.flac", 22050, seconds=3)
    expected = load_audio(path, duration=1)
    patch_bytes(path, path.stat().st_size // 2, bytes(60))
    refused(path, r"is a FLAC file that is damaged after 1\.\d\d s \(lost sync\)")
    assert_array_equal(load_audio(path, duration=1), expected)


@pytest.mark.parametrize("extension", AUDIO_EXTENSIONS)
def test_text_named_like_audio_is_refused(tmp_path, extension):
    path = tmp_path / f"track{extension}"
    path.write_text("This is no music.\n" * 100)
    refused(path, "is a text file, expected intact audio")


def test_a_sample_rate_of_zero_is_refused(wav):
    refused(patch_bytes(wav, 24, bytes(4)), "no sample rate above zero, .* the header")


@pytest.mark.parametrize("sample_rate", [1, 999, 10_000_001])
def test_a_sample_rate_that_no_sound_has_is_refused(wav, sample_rate):
    patch_bytes(wav, 24, sample_rate.to_bytes(4, "little"))
    refused(wav, f"a sample rate of {sample_rate} Hz, expected 1000 to 10000000")


@pytest.mark.parametrize("extension", ["wav", "au", "ogg"])
def test_a_file_without_samples_is_refused(tmp_path, extension):
    soundfile.write(tmp_path / f"t.{extension}", np.zeros(0), 22050)
    refused(tmp_path / f"t.{extension}", r"holds no samples \(0 at 22050 Hz\)")


@pytest.mark.parametrize("n_channels", [1, 2, 3])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("file_rate", [22050, 44100])
def test_values_that_are_no_sound_are_refused(tmp_path, value, n_channels, file_rate):
    noise = make_noise(1000, n_channels)
    noise[123, 0] = value
    soundfile.write(tmp_path / "t.wav", noise, file_rate, subtype="FLOAT")
    refused(tmp_path / "t.wav", "frame 123 of 1000 is .*, expected finite values")


def test_opposite_infinities_are_refused_without_a_warning(tmp_path):
    stereo = np.array([[0.1, 0.1], [np.inf, -np.inf]])
    soundfile.write(tmp_path / "t.wav", stereo, 22050, subtype="FLOAT")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(tmp_path / "t.wav", "frame 1 of 2 is nan")


@pytest.mark.parametrize("file_rate", [22050, 44100])
def test_digital_silence_is_refused(tmp_path, file_rate):
    soundfile.write(tmp_path / "t.wav", np.zeros(5000), file_rate)
    refused(tmp_path / "t.wav", r"only silence \(peak 0.0\) in 5000 frames")


def test_channels_that_cancel_are_refused_with_the_way_out(tmp_path):
    noise = make_noise(1000)
    soundfile.write(tmp_path / "t.wav", np.hstack([noise, -noise]), 22050, "FLOAT")
    refused(tmp_path / "t.wav", "channels that cancel out .* with channel='left'")
    left = load_audio(tmp_path / "t.wav", channel="left")
    assert_array_equal(left, noise[:, 0].astype(np.float32))


def test_sound_of_opposite_channels_beyond_the_duration_is_silence(tmp_path):
    noise = make_noise(3000)
    noise[:2000] = 0
    soundfile.write(tmp_path / "t.wav", np.hstack([noise, -noise]), 1000, "FLOAT")
    refused(tmp_path / "t.wav", "holds only silence", sample_rate=1000, duration=2)


@pytest.mark.parametrize("n_channels", [2, 3])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("file_rate", [22050, 44100])
def test_each_channel_is_that_of_librosa(tmp_path, file_rate, subtype, n_channels):
    path = tmp_path / "track.wav"
    write_noise(path, file_rate, n_channels=n_channels, subtype=subtype)
    expected = librosa.load(path, sr=22050, mono=False)[0]
    for number in range(n_channels):
        signal = load_audio(path, channel=np.int64(number))
        assert_array_equal(signal, expected[number])
        assert signal.flags.c_contiguous  # no other channel stays in memory
    assert_array_equal(load_audio(path, channel="left"), expected[0])
    assert_array_equal(load_audio(path, channel="right"), expected[1])


@pytest.mark.parametrize("channel", ["left", "right", 0])
def test_one_channel_is_left_and_right(wav, channel):
    assert_array_equal(load_audio(wav, channel=channel), load_audio(wav))


def test_channel_that_a_file_lacks_is_named(tmp_path, wav):
    refused(wav, "has 1 channel, expected at least 2 for channel=1", channel=1)
    write_noise(tmp_path / "stereo.wav", 22050, n_channels=2)
    found = "has 2 channels, expected at least 3 for channel=2"
    refused(tmp_path / "stereo.wav", found, channel=2)


def test_channel_without_sound_is_told_from_silence(tmp_path):
    noise = make_noise(1000, 2)
    noise[:, 1] = 0
    soundfile.write(tmp_path / "t.wav", noise, 22050)
    refused(tmp_path / "t.wav", "channel='right' has none, but", channel="right")


@pytest.mark.parametrize("channel", ["middle", "", -1, np.int8(-1), "0"])
def test_a_channel_out_of_range_is_refused(wav, channel):
    with pytest.raises(ValueError, match=r"channel must be 'mean', .* got"):
        load_audio(wav, channel=channel)


@pytest.mark.parametrize("channel", [True, np.True_, 1.0, None, ["left"], b"left"])
def test_a_channel_of_another_type_is_refused(wav, channel):
    with pytest.raises(TypeError, match=r"channel must be 'mean', .* got"):
        load_audio(wav, channel=channel)


@pytest.mark.usefixtures("incomplete_audio")
def test_load_audio_warns_of_an_incomplete_file(wav):
    with pytest.warns(IncompleteAudioWarning, match="track.wav: ends early") as caught:
        load_audio(wav)
    assert caught[0].filename == __file__
    assert caught[0].message.paths == [str(wav)]


def test_warnings_survive_pickle_and_deepcopy():
    warning = IncompleteAudioWarning([("a.mp3", "ends early"), ("b\n.mp3", "too")])
    for copied in (pickle.loads(pickle.dumps(warning)), copy.deepcopy(warning)):
        assert (copied.paths, copied.reasons) == (warning.paths, warning.reasons)
    expected = "2 files are incomplete:\na.mp3: ends early\nb\\n.mp3: too"
    assert str(warning) == expected


@pytest.mark.parametrize("file_rate", [22050, 44100])
def test_silence_is_judged_over_the_duration_alone(tmp_path, file_rate):
    signal = np.zeros(2 * file_rate)
    signal[file_rate] = 0.5
    soundfile.write(tmp_path / "t.wav", signal, file_rate)
    refused(tmp_path / "t.wav", f"in {file_rate} frames, expected sound", duration=1)
    assert load_audio(tmp_path / "t.wav", duration=1.01).any()


def test_silence_is_judged_up_to_the_last_frame_that_counts(tmp_path):
    # One sample at 22,050 Hz lasts 2.2 frames at 48 kHz.
    for n_silent in (2, 3):
        signal = np.repeat([0.0, 0.5], [n_silent, 1000])
        soundfile.write(tmp_path / f"{n_silent}.wav", signal, 48000)
    assert load_audio(tmp_path / "2.wav", duration=1 / 22050).any()
    refused(tmp_path / "3.wav", "silence .* in 3 frames", duration=1 / 22050)


def test_one_quiet_sample_is_sound(tmp_path):
    soundfile.write(tmp_path / "t.wav", np.int16([0] * 999 + [1]), 22050)
    assert load_audio(tmp_path / "t.wav")[-1] == 2**-15


@pytest.mark.parametrize("change", ["append", "replace", "delete"])
def test_a_file_that_changes_while_it_is_read_is_refused(wav, monkeypatch, change):
    read_blocks = LibsndfileReader.read_blocks

    def read_and_change(*args, **options):
        yield from read_blocks(*args, **options)
        content = wav.read_bytes()
        wav.unlink()
        if change != "delete":
            wav.write_bytes(content + b"more" * (change == "append"))
            os.utime(wav, ns=(0, 0))

    monkeypatch.setattr(LibsndfileReader, "read_blocks", read_and_change)
    refused(wav, "No such file" if change == "delete" else "changed while it was read")


@pytest.mark.parametrize("audio", [3, None, np.nan, ["track.wav"], np.zeros(9)])
def test_audio_of_another_type_is_refused(audio):
    with pytest.raises(TypeError, match=r"audio must be the path of an audio file, .*"):
        load_audio(audio)


@pytest.mark.parametrize("value", [0, -22050])
def test_a_sample_rate_out_of_range_is_refused(wav, value):
    with pytest.raises(ValueError, match=f"sample_rate must be .*, got {value}"):
        load_audio(wav, sample_rate=value)


@pytest.mark.parametrize("value", [0, -1, 1e-5, 1e300, np.nan, np.inf])
def test_a_duration_out_of_range_is_refused(wav, value):
    with pytest.raises(ValueError, match=r"duration must be a finite number above"):
        load_audio(wav, duration=value)


@pytest.mark.parametrize("options", [{"sample_rate": None}, {"duration": "30"}])
def test_a_number_of_another_type_is_refused(wav, options):
    with pytest.raises(TypeError, match=f"{next(iter(options))} must be"):
        load_audio(wav, **options)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.int64])
def test_numpy_numbers_are_numbers(wav, kind):
    # 16 * 8000 overflows float16.
    signal = load_audio(wav, sample_rate=kind(8000), duration=np.float16(16))
    assert_array_equal(signal, load_audio(wav, sample_rate=8000))


def test_an_error_over_one_file_is_one_line():
    error = AudioDecodeError([("a.wav", "is empty")])
    assert str(error) == "a.wav: is empty"
    assert isinstance(error, OSError)
    assert isinstance(error, ValueError)


def test_an_error_over_several_files_lists_them():
    error = AudioDecodeError([("a.wav", "is empty"), (Path("b.wav"), "is text")])
    assert str(error) == (
        "2 files cannot be analysed:\na.wav: is empty\nb.wav: is text"
    )
    assert error.paths == ["a.wav", "b.wav"]
    assert error.reasons == ["is empty", "is text"]


def test_an_error_over_many_files_lists_twenty_and_keeps_all():
    error = AudioDecodeError((f"{i}.wav", "is empty") for i in range(57))
    lines = str(error).splitlines()
    assert len(lines) == 22
    assert lines[0] == "57 files cannot be analysed:"
    assert lines[-2:] == ["19.wav: is empty", "... and 37 more (see .paths)"]
    assert len(error.paths) == len(error.reasons) == 57


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy])
@pytest.mark.parametrize("n_files", [1, 2, 30])
def test_an_error_survives_copies(duplicate, n_files):
    error = AudioDecodeError([(NOT_UTF8, "is empty")] * n_files)
    for twin in (duplicate(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is AudioDecodeError
        assert str(twin) == str(error)
        assert twin.paths == error.paths


def test_a_strange_name_breaks_no_message(tmp_path):
    error = AudioDecodeError([(NOT_UTF8, "is empty"), ("a\nb.wav", "is\nempty")])
    assert str(error).encode().decode().splitlines() == [
        "2 files cannot be analysed:",
        r"caf\udce9.wav: is empty",
        r"a\nb.wav: is\nempty",
    ]
    with pytest.raises(AudioDecodeError, match="No such file") as caught:
        load_audio(os.path.join(tmp_path, NOT_UTF8))
    assert caught.value.paths == [os.path.join(tmp_path, NOT_UTF8)]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_no_file_stays_open(tmp_path, wav):
    text = tmp_path / "text.wav"
    text.write_text("no music")
    load_audio(wav)  # opens two for what decoders print, once in a process
    n_open = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        load_audio(wav)
        with pytest.raises(AudioDecodeError):
            load_audio(text)
    assert len(os.listdir("/proc/self/fd")) == n_open


REAL_TRACKS = sorted(
    [
        *DATA.glob("gtzan_mini/genres/*/*0.wav"),
        *DATA.glob("gtzan_extra/genres/jazz/*.flac"),
        *DATA.glob("gtzan_au/*.au"),
    ]
)


@pytest.mark.skipif(not REAL_TRACKS, reason="the GTZAN tracks are not here")
def test_real_tracks_equal_librosa():
    for path in REAL_TRACKS:
        expected = load_with_librosa(path)
        assert_array_equal(load_audio(path), expected, err_msg=path.name)
        part = load_audio(path, duration=30)
        assert_array_equal(part, expected[: 30 * 22050], err_msg=path.name)

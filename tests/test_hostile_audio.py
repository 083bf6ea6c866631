"""Promises on hostile files: librosa's numbers, or one error that names the file."""

import os
import struct
import warnings
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hostile_audio import (
    CONTAINERS,
    FORMATS,
    N_CHANNELS,
    SAMPLE_RATES,
    WAVE_TAGS,
    can_hold,
    make_noise,
    pack_wav,
    write_format,
)
from numpy.testing import assert_allclose, assert_array_equal

from skgenre import MFCCExtractor, load_genre_folder
from skgenre.audio import AUDIO_EXTENSIONS, AudioDecodeError, load_audio

# librosa seeks in them, which libsndfile cannot.
UNKNOWN_TO_LIBROSA = {"GSM610"}

COMMON = {
    "WAV": "PCM_16",
    "FLAC": "PCM_16",
    "OGG": "VORBIS",
    "MP3": "MPEG_LAYER_III",
}

NAMES = {
    "spaces": b"a track  of mine .wav",
    "line feed": b"one\ntwo\r.wav",
    "emoji": "\N{GUITAR}\N{FIRE}.wav".encode(),
    "not UTF-8": b"caf\xe9 \xff\xfe.wav",
    "shell": b"$(touch x); `touch y` | & 'z' \"q\".wav",
    "option": b"--help.wav",
    "longest": b"x" * 251 + b".wav",
    "markup": b"<script>alert(1)<\xe2\x88\x95script>.wav",
}


def judge(path):
    """The signal of a file, or None where the one error names it and says why."""
    error = None
    try:
        signal = load_audio(path)
    except AudioDecodeError as raised:
        error = raised
    if error is not None:
        assert error.paths == [os.fspath(path)]
        assert "expected" in error.reasons[0]
        assert str(error).encode()
        return None
    assert signal.dtype == np.float32
    assert np.isfinite(signal).all()
    return signal


def features_of(path):
    extractor = MFCCExtractor(segment_duration=0.1, n_segments=1)
    return extractor.transform([path])[0, 0]


def list_tracks(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one track, and what is no audio
        return load_genre_folder(folder).paths.tolist()


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
def test_every_format_rate_and_number_of_channels_equals_librosa(
    tmp_path, container, subtype
):
    n_read = 0
    for sample_rate in SAMPLE_RATES:
        for n_channels in N_CHANNELS:
            is_asked = n_channels <= 2 or sample_rate in (22050, 48000)
            if not (is_asked and can_hold(subtype, sample_rate, n_channels)):
                continue
            form = {"sample_rate": sample_rate, "n_channels": n_channels}
            path = write_format(tmp_path, container, subtype, **form)
            signal, n_read = judge(path), n_read + 1
            if subtype not in UNKNOWN_TO_LIBROSA:
                expected = librosa.load(path, sr=22050, mono=True)[0]
                assert_array_equal(signal, expected, err_msg=path.name)
            assert len(signal) >= 22050 // 5 - 1
            path.unlink()
    assert n_read >= 5


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
def test_features_of_every_format_equal_librosas(tmp_path, container, subtype):
    sample_rate = 48000 if subtype == "OPUS" else 22050
    path = write_format(tmp_path, container, subtype, sample_rate=sample_rate)
    segment = load_audio(path)[:2205]
    expected = librosa.feature.mfcc(y=segment, sr=22050, n_mfcc=13).T
    assert_allclose(features_of(path), expected, atol=1e-3)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_folder_finds_what_the_decoder_reads(tmp_path, container):
    (tmp_path / "rock").mkdir()
    subtype = dict(reversed(FORMATS))[container]
    sample_rate = 48000 if subtype == "OPUS" else 22050
    path = write_format(tmp_path / "rock", container, subtype, sample_rate=sample_rate)
    for extension in CONTAINERS[container]:
        path = path.rename(path.with_suffix(extension.upper()))
        assert list_tracks(tmp_path) == [str(path)]
        assert judge(path) is not None


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_headers_written_by_hand_mean_what_they_say(tmp_path, extensible, n_channels):
    noise = make_noise(2000, n_channels)
    mean = noise.mean(axis=1)
    stored = {
        ("PCM", 16): (noise * 2**15).astype("<i2"),
        ("PCM", 32): (noise * 2**31).astype("<i4"),
        ("PCM", 8): (noise * 2**7 + 128).astype("u1"),
        ("FLOAT", 32): noise.astype("<f4"),
        ("FLOAT", 64): noise.astype("<f8"),
    }
    for (kind, n_bits), samples in stored.items():
        path = tmp_path / f"{kind}{n_bits}.wav"
        header = {"n_bits": n_bits, "n_channels": n_channels, "extensible": extensible}
        path.write_bytes(pack_wav(samples.tobytes(), tag=WAVE_TAGS[kind], **header))
        assert_allclose(load_audio(path), mean, atol=2.0 ** (2 - n_bits) + 1e-6)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("kind", "loudest"), [("ALAW", 0x2A), ("ULAW", 0x00)])
def test_companded_samples_are_expanded(tmp_path, kind, loudest, extensible):
    # G.711: the code of the lowest value, and with its top bit set of the highest.
    samples = bytes([loudest, loudest ^ 0x80] * 500)
    header = {"tag": WAVE_TAGS[kind], "n_bits": 8, "extensible": extensible}
    (tmp_path / "t.wav").write_bytes(pack_wav(samples, **header))
    signal = load_audio(tmp_path / "t.wav")
    assert_allclose(signal[:4], [-0.98, 0.98, -0.98, 0.98], atol=0.01)


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
@pytest.mark.parametrize("n_frames", [0, 1])
def test_no_sample_or_one_is_an_error_or_a_signal(
    tmp_path, container, subtype, n_frames
):
    sample_rate = 48000 if subtype == "OPUS" else 22050
    path = tmp_path / f"t{CONTAINERS[container][0]}"
    form = {"format": container, "subtype": subtype}
    soundfile.write(path, np.full(n_frames, 0.5), sample_rate, **form)
    signal = judge(path)
    if n_frames == 0 and signal is not None:
        # Codecs of blocks cannot say that a block is empty.
        assert subtype in ("IMA_ADPCM", "MS_ADPCM", "GSM610", "MPEG_LAYER_III")


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
def test_a_file_cut_at_every_sixteenth_is_an_error_or_its_beginning(
    tmp_path, container, subtype
):
    sample_rate = 48000 if subtype == "OPUS" else 22050
    path = write_format(tmp_path, container, subtype, sample_rate=sample_rate)
    whole, content = load_audio(path), path.read_bytes()
    for sixteenths in range(16):
        path.write_bytes(content[: len(content) * sixteenths // 16])
        signal = judge(path)
        if signal is not None and sample_rate == 22050:
            n_kept = max(0, min(len(signal), len(whole)) - 1200)
            assert_array_equal(signal[:n_kept], whole[:n_kept])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "container", ["WAV", "WAVEX", "RF64", "W64", "AU", "AIFF", "CAF"]
)
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_values_that_are_not_finite_are_an_error(tmp_path, container, subtype, value):
    noise = make_noise(1000)
    noise[500] = value
    path = tmp_path / f"t{CONTAINERS[container][0]}"
    soundfile.write(path, noise, 22050, format=container, subtype=subtype)
    assert judge(path) is None


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("n_channels", [1, 2, 8])
def test_a_constant_and_a_square_at_full_scale_are_sound(tmp_path, subtype, n_channels):
    square = np.where(np.arange(8820) // 50 % 2, 1.0, -1.0)
    for name, wave in [("constant", np.full(8820, 0.25)), ("square", square)]:
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, np.stack([wave] * n_channels, 1), 22050, subtype)
        segment = load_audio(path)[:2205]
        expected = librosa.feature.mfcc(y=segment, sr=22050, n_mfcc=13).T
        assert_allclose(features_of(path), expected, atol=1e-3)


@pytest.mark.parametrize("promised", [2**31 - 1, 2**31, 2**32 - 1, 4_000_000_000])
def test_a_header_that_claims_gigabytes_gives_what_is_there(tmp_path, promised):
    samples = (make_noise(4410) * 2**15).astype("<i2")
    path = tmp_path / "t.wav"
    path.write_bytes(pack_wav(samples.tobytes(), tag=1, n_bits=16, n_bytes=promised))
    assert_array_equal(load_audio(path), samples[:, 0] / np.float32(2**15))


@pytest.mark.parametrize("container", ["RF64", "W64", "AU", "AIFF", "CAF"])
def test_other_headers_that_claim_gigabytes_end_well(tmp_path, container):
    path = write_format(tmp_path, container, "PCM_16")
    content, n_bytes = path.read_bytes(), 2 * 4410
    for form in (">I", "<I", ">Q", "<Q"):
        for offset in (0, 4, 8, 24):
            # Chunks count their heads in some containers.
            told = struct.pack(form, n_bytes + offset)
            path.write_bytes(content.replace(told, struct.pack(form, 4_000_000_000)))
            judge(path)


@pytest.mark.parametrize("extension", AUDIO_EXTENSIONS)
@pytest.mark.parametrize("container", COMMON)
def test_the_content_decides_not_the_extension(tmp_path, container, extension):
    path = write_format(tmp_path, container, COMMON[container])
    expected = load_audio(path)
    assert_array_equal(load_audio(path.rename(path.with_suffix(extension))), expected)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name_is_read_from_a_folder_and_named_in_errors(tmp_path, name):
    folder = tmp_path / "rock"
    folder.mkdir()
    path = os.path.join(os.fspath(folder), os.fsdecode(name))
    soundfile.write(str(tmp_path / "t.wav"), make_noise(4410), 22050)
    os.rename(tmp_path / "t.wav", path)
    paths = list_tracks(tmp_path)
    assert paths == [path]
    extractor = MFCCExtractor(
        segment_duration=0.1, n_segments=1, cache_dir=tmp_path / "s"
    )
    assert_array_equal(extractor.transform(paths), extractor.transform(paths))
    Path(path).write_bytes(b"no sound")
    assert judge(path) is None


def test_a_path_longer_than_the_system_takes_is_an_error(tmp_path):
    assert judge(tmp_path / ("x" * 300 + ".wav")) is None
    assert judge("/".join([str(tmp_path), *["deep" * 20] * 80, "t.wav"])) is None


def test_a_deep_path_is_read(tmp_path):
    folder = tmp_path / "rock" / Path(*["deep" * 20] * 30)
    folder.mkdir(parents=True)
    # libsndfile's own functions take names of up to 1023 bytes.
    path = write_format(tmp_path, "WAV", "PCM_16").rename(folder / "track.wav")
    assert list_tracks(tmp_path) == [str(path)]
    assert len(judge(path)) == 4410


def test_links_in_a_circle_are_an_error_and_end_no_search(tmp_path):
    rock = tmp_path / "rock"
    rock.mkdir()
    (rock / "loop.wav").symlink_to(rock / "pool.wav")
    (rock / "pool.wav").symlink_to(rock / "loop.wav")
    (rock / "again").symlink_to(tmp_path)
    (rock / "self").symlink_to(rock / "self")
    write_format(rock, "WAV", "PCM_16")
    paths = list_tracks(tmp_path)
    assert [Path(path).name for path in paths if judge(path) is not None]
    assert judge(rock / "loop.wav") is None
    assert judge(rock / "self") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_and_a_folder_named_like_audio_are_errors_and_do_not_hang(tmp_path):
    rock = tmp_path / "rock"
    (rock / "folder.wav").mkdir(parents=True)
    os.mkfifo(rock / "pipe.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    write_format(rock, "WAV", "PCM_16")
    paths = list_tracks(tmp_path)
    with pytest.raises(AudioDecodeError, match="is a named pipe") as caught:
        MFCCExtractor(segment_duration=0.1, n_segments=1).transform(paths)
    assert caught.value.paths == [str(rock / "pipe.wav")]
    assert judge(rock / "folder.wav") is None

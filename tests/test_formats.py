"""Files made by real tools: all of their sound, or an error that says what they are."""

import functools
import re
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from formats_page import PAGE, list_formats, make_page
from m4a import write_m4a
from real_tools import (
    KINDS,
    ORDINARY,
    SONG_DURATION,
    TRUNCATED,
    decode_with_tools,
    list_missing_tools,
    make_file,
    write_sources,
)

from skgenre import MFCCExtractor, load_genre_folder
from skgenre.audio import (
    AUDIO_EXTENSIONS,
    AudioDecodeError,
    IncompleteAudioWarning,
    ffmpeg,
    load_audio,
    stream_audio,
)

HOW = r"pip install 'skgenre\[ffmpeg\]'"
# Formats whose files do not say how long they are.
WITHOUT_PROMISE = {"ADTS: AAC", "AC-3: AC-3"}
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Function: path of a kind's file; what other tools decode of it, and its rate."""
    folder = tmp_path_factory.mktemp("kinds")
    write_sources(folder)

    @functools.cache
    def make(kind):
        if missing := list_missing_tools(kind):
            pytest.skip(f"not installed: {', '.join(missing)}")
        try:
            path = make_file(kind, folder)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"cannot be made here: {error.stderr.decode()[-200:]}")
        return path, *decode_with_tools(kind, folder)

    return make


def read(path, sample_rate):
    """The mean of the channels, and the stream that gave it."""
    stream = stream_audio(path, sample_rate=sample_rate or 44100)
    signal = np.concatenate(list(stream))
    return signal, stream


def check_same_sound(signal, expected, kind):
    """Fail unless a signal has the samples of another decoder, but for padding."""
    assert abs(len(signal) - len(expected)) <= kind.slack
    n_compared = int(kind.compared * min(len(signal), len(expected)))
    signal = signal[kind.skipped : n_compared]
    expected = expected[kind.skipped : n_compared]
    # One decoder may leave out what the encoder has put first, another not.
    most = min(kind.slack, len(expected) // 4)
    extract = expected[most : most + 4096]
    lag = np.argmax(np.correlate(signal[: most + 4096 + most], extract)) - most
    differences = [measure_difference(signal, expected, each) for each in (0, lag)]
    assert min(differences) <= kind.tolerance


def measure_difference(signal, expected, lag):
    signal, expected = signal[max(lag, 0) :], expected[max(-lag, 0) :]
    n_compared = min(len(signal), len(expected))
    return np.abs(signal[:n_compared] - expected[:n_compared]).max()


@every_kind
def test_a_file_gives_all_of_its_sound_or_an_error_that_names_it(made, kind):
    if kind.decoder == "ffmpeg" and not ffmpeg.is_installed():
        pytest.skip("PyAV is not installed")
    path, samples, sample_rate = made(kind)
    if kind.decoder == "named":
        with pytest.raises(AudioDecodeError, match="expected") as caught:
            read(path, sample_rate)
        assert caught.value.paths == [str(path)]
        return
    signal, stream = read(path, sample_rate)
    assert stream.decoder.split()[0] == kind.decoder
    assert np.abs(signal).max() <= 1
    if kind in ORDINARY:
        assert stream.incomplete is None
    check_same_sound(signal, samples.mean(axis=1), kind)


@every_kind
def test_without_the_second_decoder_the_first_is_the_same_and_the_error_tells_how(
    made, kind, monkeypatch
):
    path, _, sample_rate = made(kind)
    expected = read(path, sample_rate) if kind.decoder == "libsndfile" else None
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    if expected is not None:
        signal, stream = read(path, sample_rate)
        assert stream.decoder.split()[0] == "libsndfile"
        np.testing.assert_array_equal(signal, expected[0])
        return
    how = HOW if kind.decoder == "ffmpeg" else "expected"
    with pytest.raises(AudioDecodeError, match=how):
        read(path, sample_rate)


@pytest.mark.parametrize("kind", TRUNCATED, ids=lambda kind: kind.name)
@pytest.mark.parametrize("duration", [None, 0.25])
def test_a_warning_says_what_is_missing_of_a_broken_download(made, kind, duration):
    if kind.decoder == "named":
        pytest.skip("without its end nothing can be read")
    if kind.decoder == "ffmpeg" and not ffmpeg.is_installed():
        pytest.skip("PyAV is not installed")
    if kind.form in WITHOUT_PROMISE:
        pytest.skip("such files do not say how long they are")
    path, samples, sample_rate = made(kind)
    with pytest.warns(IncompleteAudioWarning, match=path.name) as caught:
        load_audio(path, duration=duration)
    found = re.search(r"after ([\d.]+) of the ([\d.]+) s", str(caught[0].message))
    if found and "fragmented" not in kind.name:
        seconds = len(samples) / sample_rate, SONG_DURATION
        assert [float(text) for text in found.groups()] == pytest.approx(
            seconds, abs=0.15
        )


def test_there_are_more_than_a_hundred_and_fifty_kinds_each_with_a_name_of_its_own():
    names = [kind.name for kind in KINDS]
    assert len({*names}) == len(names) > 150


def test_the_user_guides_tables_list_what_is_tested():
    page = PAGE.read_text(encoding="utf-8")
    assert page == make_page(page)
    assert page.count(".. list-table::") == 2


def test_loaders_look_for_what_is_tested_but_for_films_and_rarities():
    tested = {
        extension
        for decoder in ("libsndfile", "ffmpeg")
        for _, extension, _ in list_formats(decoder)
    }
    films = {".3gp", ".avi", ".flv", ".mkv", ".mov", ".thd", ".ts"}
    rarities = {".avr", ".paf", ".sf", ".sph", ".voc"}
    # Monkey's Audio has a test of its own: no free program writes it.
    assert {*AUDIO_EXTENSIONS} == tested - films - rarities | {".ape"}


def pack_silent_ape(n_frames):
    """Stereo Monkey's Audio: of silence, all it stores is that there is some."""
    n_most = 73728
    n_blocks = -(-n_frames // n_most)
    block = struct.pack("<III", 2**31, 0b111, 0)  # both channels are silent
    start = 52 + 24 + 4 * n_blocks
    offsets = range(start, start + len(block) * n_blocks, len(block))
    seek_table = struct.pack(f"<{n_blocks}I", *offsets)
    sizes = (52, 24, len(seek_table), 0, len(block) * n_blocks, 0, 0)
    form = (2000, 0, n_most, n_frames - n_most * (n_blocks - 1), n_blocks, 16, 2, 44100)
    head = b"MAC " + struct.pack("<HH7I16xHHIIIHHI", 3990, 0, *sizes, *form)
    return head + seek_table + block * n_blocks + bytes(8)


def test_monkeys_audio_is_decoded_by_ffmpeg(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "t.ape").write_bytes(pack_silent_ape(162_496))
    with pytest.raises(AudioDecodeError, match=r"only silence .* in 162496 frames"):
        load_audio(tmp_path / "t.ape")


def test_a_folder_lists_m4a_without_its_decoder_and_the_error_tells_how(
    tmp_path, write_tone, monkeypatch
):
    pytest.importorskip("av")
    write_tone("rock/a.wav")
    write_m4a(tmp_path / "rock/b.m4a", np.full(22050, 0.5, np.float32), 22050)
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    paths = load_genre_folder(tmp_path).paths
    assert [Path(path).name for path in paths] == ["a.wav", "b.m4a"]
    with pytest.raises(AudioDecodeError, match=HOW) as caught:
        MFCCExtractor(segment_duration=0.1).transform(paths)
    assert caught.value.paths == [paths[1]]

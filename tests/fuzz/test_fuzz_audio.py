"""Mutants of audio files are decoded in a process of their own, which must survive."""

import pytest
from fuzz.decoder_process import MAX_BYTES, MAX_SECONDS, DecoderProcess
from fuzz.mutations import fuzzing, mutants
from hostile_audio import FFMPEG_DEMUXERS, write_ffmpeg_seeds, write_seeds
from hypothesis import given

pytestmark = pytest.mark.skipif(
    not DecoderProcess.is_possible(), reason="needs Linux's account of memory"
)


@pytest.fixture(scope="module")
def decoder():
    with DecoderProcess() as process:
        yield process


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    return write_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def ffmpeg_seeds(tmp_path_factory):
    pytest.importorskip("av")
    return write_ffmpeg_seeds(tmp_path_factory.mktemp("ffmpeg_seeds"))


def check(decoder, path, content, *, demuxer=None):
    """Hand a mutant to the decoder; hold what became of it to the limits."""
    path.write_bytes(content)
    answer = decoder.decode(path, demuxer)
    assert answer["outcome"] in ("sound", "refused"), answer
    assert answer["cpu_seconds"] <= MAX_SECONDS
    assert answer["n_bytes"] <= MAX_BYTES


@fuzzing(500)
@given(mutant=mutants())
def test_a_mutant_is_sound_or_one_error_within_time_and_memory(
    decoder, seeds, tmp_path_factory, mutant
):
    name, content = mutant(seeds)
    check(decoder, tmp_path_factory.getbasetemp() / f"mutant-{name}", content)


@fuzzing(300)
@given(mutant=mutants())
def test_ffmpeg_reads_or_refuses_a_mutant_within_time_and_memory(
    decoder, ffmpeg_seeds, tmp_path_factory, mutant
):
    name, content = mutant(ffmpeg_seeds)
    path = tmp_path_factory.getbasetemp() / f"mutant-{name}"
    check(decoder, path, content, demuxer=FFMPEG_DEMUXERS[path.suffix])

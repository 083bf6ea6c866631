"""Open audio with the decoder that reads all of it, or raise the reason why not."""

from contextlib import ExitStack, closing, contextmanager, suppress

import soundfile

import skgenre.audio.ffmpeg as ffmpeg
from skgenre._io import EXHAUSTED, describe_os_error
from skgenre.audio.errors import AudioDecodeError, DecoderError
from skgenre.audio.formats import inspect_audio
from skgenre.audio.inspection import Inspection, View
from skgenre.audio.libsndfile import LibsndfileReader, describe_error
from skgenre.audio.resampling import HIGHEST_FILE_RATE, LOWEST_FILE_RATE
from skgenre.audio.samples import SamplesReader
from skgenre.audio.source import AudioSamples, find_version, name_source, open_source

INSTALL = "pip install 'skgenre[ffmpeg]'"


@contextmanager
def open_audio(audio):
    """Yield a reader of a source and its Inspection; errors inside the block name it.

    A reader has `decoder` (name and version), `sample_rate`, `n_channels` and
    `read_blocks(n_frames, n_block_frames=)`, which yields arrays (n_frames,) or
    (n_frames, n_channels) of float32 or int16.
    """
    name = name_source(audio)
    try:
        with ExitStack() as opened:
            if isinstance(audio, AudioSamples):
                reader, inspection = SamplesReader(audio), Inspection("samples")
            else:
                file = opened.enter_context(closing(open_source(audio)))
                inspection = inspect_audio(file)
                reader = _make_reader(file, inspection)
                opened.enter_context(closing(reader))
            if not LOWEST_FILE_RATE <= reader.sample_rate <= HIGHEST_FILE_RATE:
                raise DecoderError(
                    f"has a sample rate of {reader.sample_rate} Hz, expected "
                    f"{LOWEST_FILE_RATE} to {HIGHEST_FILE_RATE}"
                )
            yield reader, inspection
    except AudioDecodeError:
        raise
    except DecoderError as error:
        raise AudioDecodeError([(name, str(error))]) from error
    except OSError as error:
        if error.errno in EXHAUSTED:
            # Of the next file, too: else each would be named as if it were at fault.
            reason = describe_os_error(error)
            reason += ": close some, or raise the limit (ulimit -n)"
            raise OSError(error.errno, reason, name) from error
        reason = f"{describe_os_error(error)}, expected a readable file"
        raise AudioDecodeError([(name, reason)]) from error


def _make_reader(file, inspection):
    """Return the reader of the decoder that reads all of a file."""
    found, fault = f"is {inspection.kind}", inspection.fault
    demuxer = inspection.demuxer
    if inspection.decoder is None:
        fault = f" {fault}" if fault else ""
        raise DecoderError(f"{found}{fault}, expected intact audio")
    if inspection.decoder == "ffmpeg":
        if ffmpeg.is_installed():
            return _make_ffmpeg_reader(file, inspection)
        fault = fault or "which libsndfile does not read"
        raise DecoderError(
            f"{found}, {fault}, expected PyAV to be installed: {INSTALL}"
        )
    try:
        return LibsndfileReader(file, inspection)
    except soundfile.LibsndfileError as error:
        # ffmpeg knows more codecs in some containers.
        hint = ""
        if demuxer is not None and ffmpeg.is_installed():
            with suppress(DecoderError):
                return _make_ffmpeg_reader(file, inspection)
        elif demuxer is not None:
            hint = f" (ffmpeg may read it: {INSTALL})"
        found += f" that libsndfile cannot open ({describe_error(error)})"
        raise DecoderError(f"{found}, expected intact audio{hint}") from error


def _make_ffmpeg_reader(file, inspection):
    if inspection.parts is not None:
        file = View(file, inspection.parts)
    return ffmpeg.FfmpegReader(file, demuxer=inspection.demuxer)


def find_decoders(audio):
    """Yield the name and version of the usual decoder, then of another that is needed.

    AudioDecodeError where no decoder reads the audio, after the first.
    """
    if isinstance(audio, AudioSamples):
        yield SamplesReader.decoder
        return
    yield LibsndfileReader.decoder
    # Not before: to open a file takes longer than to find its features in the store.
    find_version(audio)
    if ffmpeg.is_installed():
        with open_audio(audio) as (reader, _):
            needed = reader.decoder
        if needed != LibsndfileReader.decoder:
            yield needed

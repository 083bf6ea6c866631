"""The decoder: one recording in, one mono signal out, or an error that names it."""

from skgenre.audio.decoder import HIGHEST_FILE_RATE, find_decoders
from skgenre.audio.errors import (
    MAX_LISTED_FAILURES,
    AudioDecodeError,
    IncompleteAudioWarning,
)
from skgenre.audio.signal import (
    CANCELLING,
    CHANNEL_NAMES,
    MAX_DURATION_SECONDS,
    SILENT,
    AudioStream,
    check_channel,
    load_audio,
    stream_audio,
)
from skgenre.audio.source import NoAudio, list_sources, make_source, name_source

# Extensions that loaders of folders look for. How a file is read depends on its
# content, not on its name, and libsndfile reads more formats than these.
AUDIO_EXTENSIONS = (
    ".aif",
    ".aifc",
    ".aiff",
    ".au",
    ".caf",
    ".flac",
    ".mp3",
    ".oga",
    ".ogg",
    ".opus",
    ".rf64",
    ".snd",
    ".w64",
    ".wav",
)

__all__ = [
    "AUDIO_EXTENSIONS",
    "CANCELLING",
    "CHANNEL_NAMES",
    "HIGHEST_FILE_RATE",
    "MAX_DURATION_SECONDS",
    "MAX_LISTED_FAILURES",
    "SILENT",
    "AudioDecodeError",
    "AudioStream",
    "IncompleteAudioWarning",
    "NoAudio",
    "check_channel",
    "find_decoders",
    "list_sources",
    "load_audio",
    "make_source",
    "name_source",
    "stream_audio",
]

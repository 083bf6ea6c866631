"""The decoder: one recording in, one mono signal out, or an error that names it."""

from skgenre.audio.decoder import find_decoders
from skgenre.audio.errors import (
    MAX_LISTED_FAILURES,
    AudioDecodeError,
    IncompleteAudioWarning,
)
from skgenre.audio.resampling import HIGHEST_FILE_RATE
from skgenre.audio.signal import (
    CANCELLING,
    CHANGED,
    CHANNEL_NAMES,
    MAX_DURATION_SECONDS,
    SILENT,
    AudioStream,
    check_channel,
    load_audio,
    stream_audio,
)
from skgenre.audio.source import (
    NoAudio,
    digest_source,
    hold_source,
    list_sources,
    make_source,
    name_source,
)

# Extensions that loaders of folders look for, with and without the second decoder: a
# track that cannot be read is named, not left out. How a file is read depends on its
# content, not on its name, and the decoders read more formats than these. Downloads of
# songs are often .mp4 and .webm; other files of video (.mkv, .mov, .avi) are films.
# fmt: off
AUDIO_EXTENSIONS = (
    ".8svx", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".caf",
    ".dts", ".eac3", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".mp4", ".oga",
    ".ogg", ".opus", ".rf64", ".snd", ".tta", ".w64", ".wav", ".webm", ".wma", ".wv",
)
# fmt: on

__all__ = [
    "AUDIO_EXTENSIONS",
    "CANCELLING",
    "CHANGED",
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
    "digest_source",
    "find_decoders",
    "hold_source",
    "list_sources",
    "load_audio",
    "make_source",
    "name_source",
    "stream_audio",
]

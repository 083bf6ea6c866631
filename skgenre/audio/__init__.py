"""The only decoder of files: one audio file in, one mono signal out, or a reason."""

from skgenre.audio.decoder import HIGHEST_FILE_RATE, read_header
from skgenre.audio.error import AudioDecodeError
from skgenre.audio.signal import MAX_DURATION_SECONDS, load_audio, stream_audio

# What folders are searched for. The content of a file decides how it is read, not its
# name, and libsndfile reads more than these.
AUDIO_EXTENSIONS = (
    *(".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg"),
    *(".opus", ".rf64", ".snd", ".w64", ".wav"),
)

__all__ = [
    "AUDIO_EXTENSIONS",
    "HIGHEST_FILE_RATE",
    "MAX_DURATION_SECONDS",
    "AudioDecodeError",
    "load_audio",
    "read_header",
    "stream_audio",
]

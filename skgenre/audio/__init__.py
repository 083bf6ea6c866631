"""The only decoder of files: one audio file in, one mono signal out, or a reason."""

from skgenre.audio.error import AudioDecodeError
from skgenre.audio.signal import MAX_DURATION_SECONDS, load_audio, stream_audio

AUDIO_EXTENSIONS = (".au", ".flac", ".mp3", ".ogg", ".wav")

__all__ = [
    "AUDIO_EXTENSIONS",
    "MAX_DURATION_SECONDS",
    "AudioDecodeError",
    "load_audio",
    "stream_audio",
]

"""What a file is, by its bytes: format, decoder, and what its header promises."""

from typing import NamedTuple


class Inspection(NamedTuple):
    """What the bytes of a file tell before it is decoded.

    Attributes
    ----------
    kind : str
        What the file is, for messages: "MP3", "WAV with MP2 inside", "an HTML page".
    decoder : {"libsndfile", "ffmpeg"} or None
        Which decoder reads all of its sound; None where none does.
    demuxer : str or None
        ffmpeg's name of the container, where that may be needed.
    parts : tuple or None
        What libsndfile is given instead of the file, where its header is wrong: pieces
        that follow each other, bytes or pairs (start, stop) of offsets in the file.
    n_frames : int or None
        Frames to read, at most, where more would meet damage; None reads all.
    incomplete : str or None
        What is missing of the sound that the header promises, for a warning, as in
        "ends after 41.20 of 240.00 s". What is there can be read.
    fault : str or None
        Why libsndfile cannot read all that is there, for messages.
    following : tuple of Inspection
        Recordings joined behind this one in the same file, each with its own header.
    """

    kind: str
    decoder: str | None = "libsndfile"
    demuxer: str | None = None
    parts: tuple | None = None
    n_frames: int | None = None
    incomplete: str | None = None
    fault: str | None = None
    following: tuple = ()


def inspect_audio(file):
    """Return the `Inspection` of a binary file."""
    file.seek(0)
    head = file.read(64)
    for magic, found in _MAGIC.items():
        if head.startswith(magic) or head[4:].startswith(magic):
            return found
    # Imported here: inspectors of formats import this module.
    from skgenre.audio.mpeg import inspect_mpeg

    others = (b"RIFF", b"RIFX", b"RF64", b"FORM", b".snd", b"caff", b"fLaC", b"OggS")
    found = None if head.startswith((*others, b"riff")) else inspect_mpeg(file)
    return found or Inspection("audio of unknown kind")


_MAGIC = {
    b"ftyp": Inspection("MP4", "ffmpeg", "mov"),
    b"\x1a\x45\xdf\xa3": Inspection("Matroska", "ffmpeg", "matroska"),
}

"""Sun and NeXT audio (AU): codec, and whether all is there."""

from skgenre.audio.inspection import Inspection, describe_end, read_at
from skgenre.audio.riff import is_unknown

# Names, bytes per sample, and whether libsndfile decodes them.
CODECS = {
    1: ("µ-law", 1, True),
    2: ("PCM", 1, True),
    3: ("PCM", 2, True),
    4: ("PCM", 3, True),
    5: ("PCM", 4, True),
    6: ("float", 4, True),
    7: ("double", 8, True),
    23: ("G.721 ADPCM", 0.5, True),
    25: ("G.723 ADPCM", 0.375, True),
    26: ("G.723 ADPCM", 0.625, True),
    27: ("A-law", 1, True),
    24: ("G.722", 0.5, False),
}


def inspect_au(file, size):
    """Return the Inspection of an AU file, and where it ends."""
    head = read_at(file, 0, 24)
    order = "big" if head[:4] == b".snd" else "little"
    offset, length, code, sample_rate, n_channels = (
        int.from_bytes(head[start : start + 4], order) for start in range(4, 24, 4)
    )
    codec, width, by_libsndfile = CODECS.get(code, (f"codec {code}", 0, True))
    found = Inspection(f"an AU file ({codec})", demuxer="au")
    if not by_libsndfile:
        return found._replace(decoder="ffmpeg"), size
    n_there = size - offset
    if length == n_there or n_there <= 0:
        return found, size
    stop = offset + length
    if length and stop < size and read_at(file, stop, 4) == head[:4]:
        return found._replace(parts=((0, stop),)), stop
    incomplete = None
    if not is_unknown(length, n_there):
        n_bytes_per_second = width * n_channels * sample_rate
        seconds = length / n_bytes_per_second if n_bytes_per_second else None
        incomplete = describe_end(n_there, length, seconds)
    # Nothing but samples can follow: all are read, as by ffmpeg.
    parts = (head[:8] + b"\xff" * 4, (12, size))
    return found._replace(parts=parts, incomplete=incomplete), size

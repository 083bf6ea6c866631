"""WavPack: whether all samples that its header counts are there."""

from skgenre.audio.inspection import Inspection, describe_end, read_at

SAMPLE_RATES = (6000, 8000, 9600, 11025, 12000, 16000, 22050, 24000, 32000, 44100)
SAMPLE_RATES += (48000, 64000, 88200, 96000, 192000)
UNKNOWN = 2**32 - 1


def inspect_wavpack(file, size):
    """Return the Inspection of a WavPack file, and where it ends.

    The heads of all blocks, of half a second each, are read: ffmpeg notices at the end
    of the last one only that more should follow.
    """
    found = Inspection("a WavPack file", "ffmpeg", "wv")
    position = n_frames = n_promised = rate = 0
    while (head := read_at(file, position, 32)).startswith(b"wvpk") and head[31:]:
        stop = position + 8 + int.from_bytes(head[4:8], "little")
        if position == 0:
            n_promised = int.from_bytes(head[12:16], "little")
            rate = int.from_bytes(head[24:28], "little") >> 23 & 15
        if stop > size or stop < position + 32:
            break
        first, n_more = (int.from_bytes(head[at : at + 4], "little") for at in (16, 20))
        n_frames, position = max(n_frames, first + n_more), stop
    if n_promised == UNKNOWN or rate >= len(SAMPLE_RATES):
        return found, size
    seconds = n_promised / SAMPLE_RATES[rate]
    return found._replace(incomplete=describe_end(n_frames, n_promised, seconds)), size

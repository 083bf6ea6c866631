"""Creative Voice files (VOC): whether libsndfile reads all of their blocks."""

from skgenre.audio.inspection import Inspection, read_at

SOUND_BLOCKS = (1, 2, 9)  # new sound, more of it, new sound with a longer header


def inspect_voc(file, size):
    """Return the Inspection of a Creative Voice file, and where it ends."""
    position, n_blocks = int.from_bytes(read_at(file, 20, 2), "little"), 0
    while n_blocks < 2 and position < size:
        head = read_at(file, position, 4)
        if len(head) < 4 or head[0] == 0:
            break
        n_blocks += head[0] in SOUND_BLOCKS
        position += 4 + int.from_bytes(head[1:4], "little")
    kind = "a Creative Voice file"
    if n_blocks < 2:
        return Inspection(kind, "libsndfile", "voc"), size
    # libsndfile takes the heads of further blocks for samples.
    return Inspection(kind, "ffmpeg", "voc", fault="of several blocks of sound"), size

"""Creative Voice files (VOC): whether libsndfile reads all of their blocks."""

from skgenre.audio.inspection import Inspection, describe_end, read_at

SOUND_BLOCKS = (1, 2, 9)  # new sound, more of it, new sound with a longer header


def inspect_voc(file, size):
    """Return the Inspection of a Creative Voice file, and where it ends."""
    found = Inspection("a Creative Voice file", demuxer="voc")
    position, n_blocks = int.from_bytes(read_at(file, 20, 2), "little"), 0
    while n_blocks < 2 and position < size:
        head = read_at(file, position, 16)
        if len(head) < 16 or head[0] == 0:
            break
        length = int.from_bytes(head[1:4], "little")
        n_blocks += head[0] in SOUND_BLOCKS
        if position + 4 + length > size:
            n_head = 12 if head[0] == 9 else 2
            n_bytes_per_second = 1e6 / (256 - head[4])
            if head[0] == 9:
                sample_rate = int.from_bytes(head[4:8], "little")
                n_bytes_per_second = sample_rate * head[8] // 8 * head[9]
            promised, there = length - n_head, size - position - 4 - n_head
            seconds = promised / n_bytes_per_second if n_bytes_per_second else None
            incomplete = describe_end(there, promised, seconds)
            found = found._replace(incomplete=incomplete)
        position += 4 + length
    if n_blocks < 2:
        return found, size
    # libsndfile takes the heads of further blocks for samples.
    return found._replace(decoder="ffmpeg", fault="of several blocks of sound"), size

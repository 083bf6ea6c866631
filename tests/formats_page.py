"""The tables of docs/user_guide/audio_formats.rst, from the formats that are tested.

``python tests/formats_page.py`` writes them into the page.
"""

import textwrap
from pathlib import Path

from hostile_audio import CONTAINERS, FORMATS
from real_tools import ORDINARY

from skgenre.audio import AUDIO_EXTENSIONS

PAGE = Path(__file__).parents[1] / "docs/user_guide/audio_formats.rst"

# What libsndfile's names mean.
_CONTAINERS = {
    "WAVEX": "WAV",
    "W64": "Wave64",
    "AU": "Sun/NeXT",
    "OGG": "Ogg",
    "MP3": "MPEG audio",
}
_CODECS = {
    "PCM_U8": "8-bit",
    "PCM_S8": "8-bit",
    "PCM_16": "16-bit",
    "PCM_24": "24-bit",
    "PCM_32": "32-bit",
    "FLOAT": "32-bit float",
    "DOUBLE": "64-bit float",
    "ALAW": "A-law",
    "ULAW": "µ-law",
    "IMA_ADPCM": "IMA ADPCM",
    "MS_ADPCM": "Microsoft ADPCM",
    "GSM610": "GSM 6.10",
    "ALAC_16": "ALAC",
    "ALAC_20": "ALAC",
    "ALAC_24": "ALAC",
    "ALAC_32": "ALAC",
    "VORBIS": "Vorbis",
    "OPUS": "Opus",
    "MPEG_LAYER_III": "MP3",
}


def list_formats(decoder):
    """Yield the container, extension and codec of each tested format of a decoder."""
    if decoder == "libsndfile":
        for name, subtype in FORMATS:
            for extension in CONTAINERS[name]:
                yield _CONTAINERS.get(name, name), extension, _CODECS[subtype]
    for kind in ORDINARY:
        if kind.decoder == decoder:
            container, codec = kind.form.split(": ")
            yield container, Path(kind.name).suffix, codec


def make_table(decoder):
    """Return the table of a decoder as reStructuredText: a row per container."""
    usual = {container for container, _, _ in list_formats("libsndfile")}
    rows = {}
    for container, extension, codec in list_formats(decoder):
        extensions, codecs = rows.setdefault(container, (set(), set()))
        extensions.add(extension)
        codecs.add(codec)
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 25 25 50", ""]
    lines += ["   * - format", "     - extensions", "     - sound inside"]
    # First what only ffmpeg reads.
    for container in sorted(
        rows, key=lambda name: decoder == "ffmpeg" and name in usual
    ):
        extensions, codecs = rows[container]
        lines += [f"   * - {container}", f"     - {_list_extensions(extensions)}"]
        codecs = ", ".join(sorted(codecs, key=_rank_codec))
        lines += textwrap.wrap(f"     - {codecs}", 100, subsequent_indent=" " * 7)
    return "\n".join(lines) + "\n"


def _list_extensions(extensions):
    found = [f"``{each}``" for each in sorted(extensions & {*AUDIO_EXTENSIONS})]
    others = [f"(``{each}``)" for each in sorted(extensions - {*AUDIO_EXTENSIONS})]
    return " ".join(found + others)


def _rank_codec(codec):
    ranks = [*dict.fromkeys(_CODECS.values())]
    return ranks.index(codec) if codec in ranks else len(ranks), codec


def make_page(page):
    """Return the text of the page with the tables that it should have."""
    for decoder in ("libsndfile", "ffmpeg"):
        before, _, rest = page.partition(f".. {decoder} begin\n")
        _, _, after = rest.partition(f".. {decoder} end\n")
        table = make_table(decoder)
        page = f"{before}.. {decoder} begin\n\n{table}\n.. {decoder} end\n{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(make_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

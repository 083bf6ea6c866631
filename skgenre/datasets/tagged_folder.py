"""Load tracks whose genres and artists are in the tags of the files."""

from __future__ import annotations

import io
import os
import re
import struct
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from sklearn.utils import Bunch

from skgenre._io import counted, describe_os_error, open_regular
from skgenre._typing import StrPath
from skgenre.audio import AUDIO_EXTENSIONS
from skgenre.audio.riff import read_info
from skgenre.datasets._tracks import (
    MAX_GENRE_CHARACTERS,
    find_audio_files,
    make_track_bunch,
    warn_of_files,
)

# What they are called: in ID3 tags (MP3, AIFF, WAV), MP4, ASF (WMA), the INFO list of
# WAV files, and in Vorbis comments (FLAC, Ogg) and APE tags, where programs do not
# agree on the album artist.
_GENRE = ("genre", "TCON", "\xa9gen", "WM/Genre", "IGNR")
_ARTIST = ("artist", "TPE1", "\xa9ART", "Author", "IART")
_ALBUM_ARTIST = ("albumartist", "album artist", "TPE2", "aART", "WM/AlbumArtist")

# In lower case: what programs write where they know of no genre or artist (mutagen, for
# one, for a number that stands for no genre), and where an album has many artists.
_UNKNOWN = {"unknown", "<unknown>", "[unknown]", "unknown genre", "unknown artist"}
_VARIOUS = {"various artists", "various", "va", "v.a."}

# What mutagen raises for damage, besides errors of its own.
_DAMAGE = (ValueError, LookupError, struct.error, ArithmeticError, MemoryError)


def load_tagged_folder(directory: StrPath) -> Bunch:
    """List the tracks of a folder by the genres and artists in the files' own tags.

    Needs mutagen: ``pip install 'skgenre[tags]'``. Audio files are found at any depth,
    in an order that is the same on every file system. Other files, hidden ones, and
    those of operating systems are ignored. A file that links lead to counts once.

    Parameters
    ----------
    directory : str or Path
        Folder of audio files, in any sub-folders. The extensions that are looked for,
        such as .flac, .mp3 and .m4a, are listed in the user guide.

    Returns
    -------
    data : sklearn.utils.Bunch
        - ``paths`` : ndarray of str, of shape (n_tracks,);
        - ``target`` : ndarray of str, of shape (n_tracks,), the genres;
        - ``target_names`` : ndarray of str, of shape (n_genres,);
        - ``groups`` : ndarray of str, of shape (n_tracks,), the artists;
        - ``DESCR`` : str.

    Raises
    ------
    ImportError
        mutagen is not installed.
    OSError
        `directory`, or a folder in it, does not exist or cannot be read.
    ValueError
        No audio file in `directory` has a genre.

    Warns
    -----
    UserWarning
        Files without a genre, or whose tags cannot be read, which are left out; files
        with several genres; genres and artists whose names differ in case, spaces or
        punctuation only; genres with a single track. Each is named.

    Notes
    -----
    Tags are ID3 (also in AIFF and WAV files), Vorbis comments (FLAC, Ogg), APE, MP4,
    ASF (WMA) and the INFO list of WAV files. Numbers of genres in ID3 tags, such as 17
    or (17), become their names. Of several genres, also in one text with semicolons,
    the first is taken; ``Rock/Pop`` is one genre.

    The group is the album's artist, who stays the same where guests are named, or else
    the track's: also where the album's is "Various Artists". A track whose artist is
    missing or "Unknown Artist" becomes a group of its own.

    Names stay as they are written, except for spaces, which are trimmed and joined, and
    composed characters (Unicode's NFC): "Hip-Hop" and "hip hop" are two genres.

    Examples
    --------
    >>> import tempfile
    >>> from mutagen import File
    >>> from mutagen.id3 import TCON, TPE1
    >>> from skgenre import load_tagged_folder, make_genre_tracks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=1.0, random_state=0
    ...     )
    ...     for path, genre, artist in zip(made.paths, made.target, made.groups):
    ...         file = File(path)
    ...         file.add_tags()
    ...         file.tags.add(TCON(text=genre.title()))
    ...         file.tags.add(TPE1(text=artist))
    ...         file.save()
    ...     data = load_tagged_folder(folder)
    >>> data.target_names.tolist(), data.groups[0]
    (['Ballad', 'Blues'], 'ballad-artist-00')
    """
    try:
        import mutagen
    except ImportError as error:
        raise ImportError(
            "load_tagged_folder reads tags with mutagen, which is not installed: "
            "pip install 'skgenre[tags]'"
        ) from error
    directory = Path(os.path.expanduser(directory))
    files: dict[str, Path] = {}
    for path in find_audio_files(directory)[0]:
        files.setdefault(os.path.realpath(path), path)
    tracks, untagged, several, damaged = [], [], [], []
    for path in files.values():
        try:
            genres, artist = _read_tags(path)
        except (mutagen.MutagenError, OSError, ValueError) as error:
            damaged.append(f"{path} ({describe_os_error(error)})")
            continue
        if not genres:
            untagged.append(path)
            continue
        tracks.append((path, genres[0], artist))
        if len(genres) > 1:
            several.append(f"{path} ({', '.join(genres)})")
    if not tracks:
        got = counted(len(files), "audio file")
        if files:
            got += (
                f", {len(untagged)} without a genre and {len(damaged)} whose tags "
                "cannot be read"
            )
        raise ValueError(
            f"{directory} must have audio files ({', '.join(AUDIO_EXTENSIONS)}) with a "
            f"genre in their tags, got {got}."
        )
    paths, genres, artists = zip(*tracks, strict=True)
    n_tracks = Counter(genres)
    lonely = sorted(genre for genre, count in n_tracks.items() if count == 1)
    for what, names in [
        ("left out, as their tags cannot be read", damaged),
        ("left out, as they have no genre in tags that are read", untagged),
        ("files with several genres, of which the first is taken", several),
        ("genres that may be one, written in several ways", _find_alike(genres)),
        ("artists that may be one, written in several ways", _find_alike(artists)),
        ("genres with one track, too few to train and test on", lonely),
    ]:
        if names:
            warn_of_files(what, names, stacklevel=2)
    description = (
        f"{counted(len(paths), 'track')} of {counted(len(n_tracks), 'genre')} in "
        f"{directory}, by their tags"
    )
    return make_track_bunch(paths, genres, artists, description)


class _BoundedFile(io.BufferedReader):
    """A file whose reads allocate no more than is left, whatever damaged sizes ask."""

    def __init__(self, raw):
        super().__init__(raw)
        self._n_bytes = os.fstat(raw.fileno()).st_size

    def read(self, size=-1, /):
        return super().read(min(size, max(self._n_bytes - self.tell(), 0)))


def _read_tags(path):
    """Return the genres of a file, and its artist or None."""
    from mutagen import File, MutagenError
    from mutagen.apev2 import APEv2
    from mutagen.id3 import ID3

    fault, genres, artist = None, [], None
    with _BoundedFile(open(path, "rb", buffering=0, opener=open_regular)) as file:
        # ID3 and APE once more: an MP3 file may have both, of which mutagen takes ID3,
        # and tags may be intact where it finds no sound that it knows. mutagen does not
        # read the INFO list of WAV files.
        for kind in (File, ID3, APEv2, _read_info):
            file.seek(0)
            try:
                tags = kind(file)
            except (MutagenError, *_DAMAGE) as error:
                fault = error if kind is File else fault
                continue
            tags = getattr(tags, "tags", tags) or {}
            genres = genres or _list_names(tags, _GENRE, separator=";")
            artist = artist or _find_artist(tags)
            if genres and artist:
                break
    if fault is not None and not genres:
        # Of an IndexError, say, the text alone would tell nothing.
        is_told = isinstance(fault, (MutagenError, ValueError))
        raise fault if is_told else ValueError(f"damaged: {fault!r}") from fault
    if len("".join(genres[:1])) > MAX_GENRE_CHARACTERS:
        raise ValueError(f"a genre of {len(genres[0])} characters")
    return genres, artist


def _read_info(file):
    texts = read_info(file, os.fstat(file.fileno()).st_size)
    # No encoding is named: ffmpeg writes UTF-8, older programs that of Windows.
    decoded = {}
    for name, text in texts.items():
        try:
            decoded[name.decode("latin-1")] = [text.decode()]
        except UnicodeDecodeError:
            decoded[name.decode("latin-1")] = [text.decode("cp1252", "replace")]
    return decoded


def _find_artist(tags):
    for keys in (_ALBUM_ARTIST, _ARTIST):
        for name in _list_names(tags, keys):
            if name.casefold() not in _VARIOUS:
                return name
    return None


def _list_names(tags, keys, separator=None):
    """Return the texts of the first key that has any, each of them once.

    Programs that know one genre per file write several as "Rock; Pop". "/" separates
    none: AC/DC is an artist, and "Hip-Hop/Rap" a genre of iTunes.
    """
    for key in keys:
        try:
            value = tags[key]
        except (KeyError, ValueError):  # Vorbis comments have no key "\xa9gen"
            continue
        # Of ID3, a frame, in which mutagen has made names of the numbers of genres.
        value = getattr(value, "text", value)
        texts = map(str, value if isinstance(value, Iterable) else ())
        if separator is not None:
            texts = separator.join(texts).split(separator)
        texts = [
            unicodedata.normalize("NFC", text.replace("\0", " ")) for text in texts
        ]
        names = dict.fromkeys(" ".join(text.split()) for text in texts)
        names = [name for name in names if name and name.casefold() not in _UNKNOWN]
        if names:
            return names
    return []


def _find_alike(names):
    """Return names that differ in case, spaces or punctuation only, each set a text."""
    spellings = defaultdict(set)
    for name in filter(None, names):
        spellings[re.sub(r"[\W_]+", "", name.casefold())].add(name)
    return [
        " = ".join(sorted(found))
        for letters, found in sorted(spellings.items())
        if letters and len(found) > 1
    ]

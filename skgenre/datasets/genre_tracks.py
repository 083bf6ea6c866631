"""Make music-like tracks of invented genres and artists."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skgenre._io import atomic_write, counted
from skgenre._typing import RandomState, StrPath
from skgenre._validation import check_number, check_positive_integer
from skgenre.datasets._synthesis import (
    N_EQUALISER_BANDS,
    Part,
    Recipe,
    draw_colour,
    synthesise,
)
from skgenre.datasets._tracks import make_track_bunch

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_BLUES = (0, 3, 5, 6, 7, 10)

_LOWEST_SAMPLE_RATE = 4000

_RECIPES = {
    "ballad": Recipe(tempo=(62, 80), chords="C Am F G", scale=_MAJOR),
    "blues": Recipe(
        tempo=(70, 100), chords="C7 C7 F7 F7 C7 G7", scale=_BLUES, swing=0.66
    ),
    "disco": Recipe(tempo=(112, 128), chords="Am7 Dm7 G7 Cmaj7", scale=_MAJOR),
    "funk": Recipe(tempo=(94, 112), chords="C7 C7 F7 C7", scale=_BLUES, swing=0.1),
    "reggae": Recipe(tempo=(68, 84), chords="Cm Bb Cm Bb", scale=_MINOR, swing=0.2),
    "rock": Recipe(tempo=(110, 140), chords="C5 Bb5 F5 C5", scale=_BLUES),
    "techno": Recipe(tempo=(124, 138), chords="Cm Cm Cm Ab", scale=_MINOR),
    "waltz": Recipe(tempo=(110, 150), chords="C C G7 C", scale=_MAJOR),
}
_PARTS = {
    "ballad": (
        Part("drum", "X.......X.......", "kick"),
        Part("drum", "....X.......X...", "snare"),
        Part("drum", "x.x.x.x.x.x.x.x.", "hat"),
        Part("bass", "X.......x.......", "bass"),
        Part("chord", "X...x...X...x...", "piano, strings"),
        Part("lead", "X.....x.X...x...", "strings, reed", -4),
    ),
    "blues": (
        Part("drum", "X.......X.......", "kick"),
        Part("drum", "....X.......X...", "snare"),
        Part("drum", "X.x.X.x.X.x.X.x.", "hat"),
        Part("bass", "X...X...X...X...", "bass"),
        Part("chord", "..X...X...X...X.", "guitar, organ"),
        Part("lead", "X.x...x.X.x.x...", "guitar, reed", -2),
    ),
    "disco": (
        Part("drum", "X...X...X...X...", "kick"),
        Part("drum", "....X.......X...", "snare"),
        Part("drum", "..X...X...X...X.", "open hat"),
        Part("bass", "X.x.X.x.X.x.X.x.", "synth bass, bass"),
        Part("chord", "..X..X....X..X..", "strings, guitar"),
        Part("lead", "X..x..x.....X...", "strings, brass", -4),
    ),
    "funk": (
        Part("drum", "X..x..x...X..x..", "kick"),
        Part("drum", "....X..x.x..X..x", "snare"),
        Part("drum", "XxXxXxXxXxXxXxXx", "hat"),
        Part("bass", "X..x..X...x.X.x.", "bass, synth bass"),
        Part("chord", "x.xX.xx.x.xX.xx.", "guitar, organ"),
        Part("lead", "X..x......X.x...", "brass, guitar", -3),
    ),
    "reggae": (
        Part("drum", "........X.......", "kick"),
        Part("drum", "........X.......", "snare"),
        Part("drum", "x.x.x.x.x.x.x.x.", "hat"),
        Part("bass", "..X.x.x...X.x...", "bass, synth bass", 3),
        Part("chord", "....X.......X...", "organ, guitar"),
        Part("lead", "X.....x.....x...", "organ, reed", -5),
    ),
    "rock": (
        Part("drum", "X.....X.X.......", "kick"),
        Part("drum", "....X.......X...", "snare"),
        Part("drum", "X.X.X.X.X.X.X.X.", "hat"),
        Part("bass", "X.X.X.X.X.X.X.X.", "bass"),
        Part("chord", "X.x.x.X.x.x.X.x.", "fuzz guitar, guitar"),
        Part("lead", "X...x.x.X.......", "fuzz guitar, guitar", -4),
    ),
    "techno": (
        Part("drum", "X...X...X...X...", "kick"),
        Part("drum", "....X.......X...", "clap"),
        Part("drum", "x.X.x.X.x.X.x.X.", "hat"),
        Part("bass", "..x...x...x...x.", "synth bass"),
        Part("chord", "X..x..x.....x...", "synth, organ"),
        Part("lead", "x.xx.xx.x.xx.xx.", "synth", -6),
    ),
    "waltz": (
        Part("drum", "x...........", "kick"),
        Part("drum", "....x...x...", "shaker"),
        Part("bass", "X...........", "bass"),
        Part("chord", "....X...X...", "strings, piano"),
        Part("lead", "X.......x...", "strings, reed", -2),
    ),
}

_PURPOSES = ("equaliser", "artist", "mix", "track")


def make_genre_tracks(
    directory: StrPath,
    *,
    n_genres: int = 4,
    n_tracks_per_genre: int = 12,
    n_artists_per_genre: int = 3,
    duration: float = 30.0,
    sample_rate: int = 22050,
    random_state: RandomState = None,
) -> Bunch:
    """Make music-like tracks of invented artists, as WAV files.

    Each genre has its own tempo, rhythm, harmony and timbre; each artist an equaliser,
    reverb, gain, tuning and favourite instruments; each track a song and a mix. As with
    real music, a classifier scores best where it knows other segments of a track, worse
    where it knows other tracks of the artist, and worst where it has never heard the
    artist.

    Parameters
    ----------
    directory : str or Path
        Folder to write to, made where it does not exist. A track is the file
        ``<genre>/<artist>/<genre>.<number>.wav`` in it, mono, of 16 bits. Files of the
        same name are replaced, others are left alone.
    n_genres : int, default=4
        Number of genres: the first ones of ballad, blues, disco, funk, reggae, rock,
        techno and waltz.
    n_tracks_per_genre : int, default=12
        Tracks of each genre, shared out among its artists as evenly as can be.
    n_artists_per_genre : int, default=3
        Artists of each genre; no artist plays two genres.
    duration : float, default=30.0
        Length of a track, in seconds.
    sample_rate : int, default=22050
        Samples per second, at least 4000.
    random_state : int, RandomState instance or None, default=None
        An int gives the same files each time. Counts and duration do not change who the
        artists are.

    Returns
    -------
    data : sklearn.utils.Bunch
        Tracks in the order of their genre, artist and file name:

        - ``paths`` : ndarray of str, of shape (n_tracks,);
        - ``target`` : ndarray of str, of shape (n_tracks,), the genres;
        - ``target_names`` : ndarray of str, of shape (n_genres,);
        - ``groups`` : ndarray of str, of shape (n_tracks,), the artists;
        - ``DESCR`` : str.

    Raises
    ------
    ValueError, TypeError
        A count, the duration or the sample rate is out of range; more genres than there
        are recipes, or more artists than tracks, are asked for.
    OSError
        `directory` cannot be written to. A track is either whole or absent.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import make_genre_tracks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=1.0, random_state=0
    ...     )
    >>> data.target_names.tolist(), data.paths.shape
    (['ballad', 'blues'], (6,))
    >>> data.groups[0]
    'ballad-artist-00'
    """
    check_positive_integer(n_genres, name="n_genres")
    check_positive_integer(n_tracks_per_genre, name="n_tracks_per_genre")
    check_positive_integer(n_artists_per_genre, name="n_artists_per_genre")
    if n_genres > len(_RECIPES):
        raise ValueError(
            f"n_genres must be at most {len(_RECIPES)}, as there are recipes "
            f"({', '.join(sorted(_RECIPES))}), got {n_genres!r}."
        )
    if n_artists_per_genre > n_tracks_per_genre:
        raise ValueError(
            "n_artists_per_genre must be at most n_tracks_per_genre = "
            f"{n_tracks_per_genre!r}, got {n_artists_per_genre!r}."
        )
    check_number(duration, name="duration", low=0, low_open=True)
    check_positive_integer(sample_rate, name="sample_rate")
    check_number(sample_rate, name="sample_rate", low=_LOWEST_SAMPLE_RATE)
    seed = check_random_state(random_state).randint(2**31 - 1)
    # Shorter than a sample is still a track: one that holds a sample.
    sample_rate = int(sample_rate)
    n_samples = max(1, round(float(duration) * sample_rate))
    names = sorted(_RECIPES)[:n_genres]
    tracks = []
    # As many tracks for each artist as can be, ranked among those of the artist.
    shares = [
        (artist, rank)
        for artist in range(n_artists_per_genre)
        for rank in range(len(range(artist, n_tracks_per_genre, n_artists_per_genre)))
    ]
    for genre, name in enumerate(names):
        for number, (artist, rank) in enumerate(shares):
            group = f"{name}-artist-{artist:02d}"
            path = Path(directory) / name / group / f"{name}.{number:05d}.wav"
            colour = _draw_artist(seed, genre, artist)
            signal = synthesise(
                _RECIPES[name],
                _PARTS[name],
                colour,
                *_draw_track(seed, genre, artist, rank),
                n_samples=n_samples,
                sample_rate=sample_rate,
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file, wave.open(file, "wb") as sound:
                sound.setnchannels(1)
                sound.setsampwidth(2)
                sound.setframerate(sample_rate)
                sound.writeframes(np.rint(signal * 32_767).astype("<i2").tobytes())
            tracks.append((name, group, path))
    target, groups, paths = zip(*sorted(tracks), strict=True)
    description = (
        f"{counted(len(paths), 'invented track')} of {counted(n_genres, 'genre')} in "
        f"{directory}"
    )
    return make_track_bunch(paths, target, groups, description)


def _draw_artist(seed, genre, artist):
    # Three artists each of four genres at right angles: drawn freely, a dozen artists
    # may happen to sound alike, and what a protocol shows would be a matter of luck.
    genres, column = divmod(genre, N_EQUALISER_BANDS // 3)
    artists, row = divmod(artist, 3)
    directions = _draw_directions(seed, "equaliser", genres, artists)
    direction = directions[3 * column + row]
    return draw_colour(direction, _open_stream(seed, "artist", genre, artist))


def _draw_track(seed, genre, artist, rank):
    """Return the direction of the mix and the random generator of a track."""
    # Opposite pairs: mixes that lean one way by chance would be a second colour.
    pairs, pair = divmod(rank // 2, N_EQUALISER_BANDS)
    mix = _draw_directions(seed, "mix", genre, artist, pairs)[pair]
    stream = _open_stream(seed, "track", genre, artist, rank)
    return (mix if rank % 2 else -mix), stream


def _draw_directions(seed, purpose, *numbers):
    """Return orthogonal unit vectors, one per equaliser band."""
    stream = _open_stream(seed, purpose, *numbers)
    rows, _ = np.linalg.qr(stream.standard_normal((N_EQUALISER_BANDS,) * 2))
    return rows


def _open_stream(seed, purpose, *numbers):
    """Return a generator that depends on its purpose, not on what was drawn before."""
    key = (seed, _PURPOSES.index(purpose), *numbers)
    # The legacy generator: its numbers stay the same in each release of numpy.
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(key)))

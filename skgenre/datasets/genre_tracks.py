"""Invented tracks: genres that one can hear, by artists who colour them."""

import wave
from pathlib import Path

import numpy as np
from sklearn.utils import check_random_state

from skgenre._files import atomic_write
from skgenre._validation import check_number, check_positive_integer
from skgenre.datasets._bunch import make_track_bunch
from skgenre.datasets._synthesis import (
    N_EQUALISER_BANDS,
    Part,
    Recipe,
    draw_colour,
    synthesise,
)

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_BLUES = (0, 3, 5, 6, 7, 10)

_RECIPES = {
    "ballad": Recipe(
        tempo=(62, 80),
        chords="C Am F G",
        scale=_MAJOR,
        parts=(
            Part("drum", "X.......X.......", "kick"),
            Part("drum", "....X.......X...", "snare"),
            Part("drum", "x.x.x.x.x.x.x.x.", "hat"),
            Part("bass", "X.......x.......", "bass"),
            Part("chord", "X...x...X...x...", "piano, strings"),
            Part("lead", "X.....x.X...x...", "strings, reed", -4),
        ),
    ),
    "blues": Recipe(
        tempo=(70, 100),
        swing=0.66,
        chords="C7 C7 F7 F7 C7 G7",
        scale=_BLUES,
        parts=(
            Part("drum", "X.......X.......", "kick"),
            Part("drum", "....X.......X...", "snare"),
            Part("drum", "X.x.X.x.X.x.X.x.", "hat"),
            Part("bass", "X...X...X...X...", "bass"),
            Part("chord", "..X...X...X...X.", "guitar, organ"),
            Part("lead", "X.x...x.X.x.x...", "guitar, reed", -2),
        ),
    ),
    "disco": Recipe(
        tempo=(112, 128),
        chords="Am7 Dm7 G7 Cmaj7",
        scale=_MAJOR,
        parts=(
            Part("drum", "X...X...X...X...", "kick"),
            Part("drum", "....X.......X...", "snare"),
            Part("drum", "..X...X...X...X.", "open hat"),
            Part("bass", "X.x.X.x.X.x.X.x.", "synth bass, bass"),
            Part("chord", "..X..X....X..X..", "strings, guitar"),
            Part("lead", "X..x..x.....X...", "strings, brass", -4),
        ),
    ),
    "funk": Recipe(
        tempo=(94, 112),
        swing=0.1,
        chords="C7 C7 F7 C7",
        scale=_BLUES,
        parts=(
            Part("drum", "X..x..x...X..x..", "kick"),
            Part("drum", "....X..x.x..X..x", "snare"),
            Part("drum", "XxXxXxXxXxXxXxXx", "hat"),
            Part("bass", "X..x..X...x.X.x.", "bass, synth bass"),
            Part("chord", "x.xX.xx.x.xX.xx.", "guitar, organ"),
            Part("lead", "X..x......X.x...", "brass, guitar", -3),
        ),
    ),
    "march": Recipe(
        tempo=(108, 124),
        chords="C C G7 C F C G7 C",
        scale=_MAJOR,
        parts=(
            Part("drum", "X.......X.......", "kick"),
            Part("drum", "X..xX.xxX..xX.xx", "snare"),
            Part("drum", "....x.......x...", "tom"),
            Part("bass", "X.......X.......", "brass, bass"),
            Part("chord", "....X.......X...", "brass, reed"),
            Part("lead", "X..xX...X.x.X...", "brass, reed", -2),
        ),
    ),
    "reggae": Recipe(
        tempo=(68, 84),
        swing=0.2,
        chords="Cm Bb Cm Bb",
        scale=_MINOR,
        parts=(
            Part("drum", "........X.......", "kick"),
            Part("drum", "........X.......", "snare"),
            Part("drum", "x.x.x.x.x.x.x.x.", "hat"),
            Part("bass", "..X.x.x...X.x...", "bass, synth bass", 3),
            Part("chord", "....X.......X...", "organ, guitar"),
            Part("lead", "X.....x.....x...", "organ, reed", -5),
        ),
    ),
    "rock": Recipe(
        tempo=(110, 140),
        chords="C5 Bb5 F5 C5",
        scale=_BLUES,
        parts=(
            Part("drum", "X.....X.X.......", "kick"),
            Part("drum", "....X.......X...", "snare"),
            Part("drum", "X.X.X.X.X.X.X.X.", "hat"),
            Part("bass", "X.X.X.X.X.X.X.X.", "bass"),
            Part("chord", "X.x.x.X.x.x.X.x.", "fuzz guitar, guitar"),
            Part("lead", "X...x.x.X.......", "fuzz guitar, guitar", -4),
        ),
    ),
    "swing": Recipe(
        tempo=(120, 170),
        swing=0.66,
        chords="Dm7 G7 Cmaj7 A7",
        scale=_MAJOR,
        parts=(
            Part("drum", "x.......x.......", "kick"),
            Part("drum", "....X.......X...", "hat"),
            Part("drum", "X...X.x.X...X.x.", "shaker"),
            Part("bass", "X...X...X...X...", "bass"),
            Part("chord", "X.....x.....X...", "piano, guitar"),
            Part("lead", "X.x.X.x.X.x...x.", "reed, brass", -2),
        ),
    ),
    "techno": Recipe(
        tempo=(124, 138),
        chords="Cm Cm Cm Ab",
        scale=_MINOR,
        parts=(
            Part("drum", "X...X...X...X...", "kick"),
            Part("drum", "....X.......X...", "clap"),
            Part("drum", "x.X.x.X.x.X.x.X.", "hat"),
            Part("bass", "..x...x...x...x.", "synth bass"),
            Part("chord", "X..x..x.....x...", "synth, organ"),
            Part("lead", "x.xx.xx.x.xx.xx.", "synth", -6),
        ),
    ),
    "waltz": Recipe(
        tempo=(110, 150),
        chords="C C G7 C",
        scale=_MAJOR,
        parts=(
            Part("drum", "x...........", "kick"),
            Part("drum", "....x...x...", "shaker"),
            Part("bass", "X...........", "bass"),
            Part("chord", "....X...X...", "strings, piano"),
            Part("lead", "X.......x...", "strings, reed", -2),
        ),
    ),
}

# What a stream of random numbers decides.
_DIRECTIONS, _COLOUR, _SONG = range(3)


def make_genre_tracks(
    directory,
    *,
    n_genres=4,
    n_tracks_per_genre=12,
    n_artists_per_genre=3,
    duration=30.0,
    sample_rate=22050,
    random_state=None,
):
    """Invent music-like tracks and write them as WAV files.
    """
    _check_counts(n_genres, n_tracks_per_genre, n_artists_per_genre)
    check_number(duration, name="duration", low=0, low_open=True)
    check_positive_integer(sample_rate, name="sample_rate")
    check_number(sample_rate, name="sample_rate", low=4000)
    seed = check_random_state(random_state).randint(2**31 - 1)
    shape = {
        "n_samples": max(1, round(duration * sample_rate)),
        "sample_rate": sample_rate,
    }
    tracks = []
    for genre in list(_RECIPES)[:n_genres]:
        counts = np.full(n_artists_per_genre, n_tracks_per_genre // n_artists_per_genre)
        counts[: n_tracks_per_genre % n_artists_per_genre] += 1
        for artist, n_tracks in enumerate(counts):
            name = f"{genre}-artist-{artist:02d}"
            folder = Path(directory) / genre / name
            folder.mkdir(parents=True, exist_ok=True)
            first = counts[:artist].sum()
            colour = _draw_artist(seed, genre, artist)
            for track in range(n_tracks):
                path = folder / f"{genre}.{first + track:05d}.wav"
                generator = _open_stream(seed, _SONG, genre, artist, track)
                signal = synthesise(_RECIPES[genre], colour, generator, **shape)
                _write_wav(path, signal, sample_rate)
                tracks.append((genre, name, path))
    target, groups, paths = zip(*sorted(tracks), strict=True)
    return make_track_bunch(paths, target, groups, "")


def _check_counts(n_genres, n_tracks_per_genre, n_artists_per_genre):
    check_positive_integer(n_genres, name="n_genres")
    check_positive_integer(n_tracks_per_genre, name="n_tracks_per_genre")
    check_positive_integer(n_artists_per_genre, name="n_artists_per_genre")


def _draw_artist(seed, genre, artist):
    """Colour of an artist, as unlike the colours of the genre's others as can be.

    Artists drawn each for himself may by chance sound alike, and three are few: the
    protocols would then differ by much in one data set and by nothing in the next.
    """
    band, artist_in_band = divmod(artist, N_EQUALISER_BANDS)
    stream = _open_stream(seed, _DIRECTIONS, genre, band)
    directions, _ = np.linalg.qr(stream.standard_normal((N_EQUALISER_BANDS,) * 2))
    return draw_colour(
        _open_stream(seed, _COLOUR, genre, artist), directions[artist_in_band]
    )


def _open_stream(seed, purpose, genre, *indices):
    """Random numbers that no other choice of counts or duration would change."""
    # Of numpy's generators only the legacy one promises the same numbers in each release.
    key = (seed, purpose, list(_RECIPES).index(genre), *indices)
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(key)))


def _write_wav(path, signal, sample_rate):
    with atomic_write(path) as file, wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        sound.writeframes(np.rint(signal * 32767).astype("<i2").tobytes())

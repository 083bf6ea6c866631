"""What is wrong with the labels: genres against replicas, artists and each other."""

from collections import Counter

from skgenre._validation import is_known_group

# From this share on a classifier can learn the artist and call it the genre.
MAX_ARTIST_SHARE = 0.9
# The artist of a single known track is trivially the only one.
MIN_KNOWN_TRACKS = 2

# Largest genre to smallest, in tracks: from here on, accuracy mostly tells the size.
MAX_IMBALANCE = 3.0


def find_two_labels(recordings, target):
    """Recordings whose tracks differ in genre.

    Parameters
    ----------
    recordings : list of list of int
        Tracks of each recording that is there more than once.
    target : list
        Genre of each track.

    Returns
    -------
    findings : list of (tracks, detail)
        The recordings concerned.

    Examples
    --------
    >>> find_two_labels([[0, 2], [1, 3]], ["rock", "jazz", "metal", "jazz"])
    [((0, 2), 'one recording as metal, rock')]
    """
    findings = []
    for tracks in recordings:
        genres = sorted({str(target[track]) for track in tracks})
        if len(genres) > 1:
            findings.append((tuple(tracks), f"one recording as {', '.join(genres)}"))
    return findings


def find_confounded_artists(target, groups):
    """Genres whose known tracks come from one artist, or nearly so.

    Parameters
    ----------
    target : list
        Genre of each track.
    groups : list
        Artist of each track; a missing one, or one that begins with ``track:``, is
        unknown.

    Returns
    -------
    details : list of str
        One for each genre concerned.

    Examples
    --------
    >>> find_confounded_artists(["blues"] * 3, ["Hooker", "Hooker", "track:a.wav"])
    ["genre blues: 2 of 2 tracks of a known artist are by 'Hooker' (too many from 90%)"]
    """
    artists = {}
    for genre, group in zip(target, groups, strict=True):
        if is_known_group(group):
            artists.setdefault(str(genre), Counter())[str(group)] += 1
    details = []
    for genre, counts in sorted(artists.items()):
        artist, n_tracks = counts.most_common(1)[0]
        n_known = counts.total()
        if n_known >= MIN_KNOWN_TRACKS and n_tracks >= MAX_ARTIST_SHARE * n_known:
            details.append(
                f"genre {genre}: {n_tracks} of {n_known} tracks of a known artist are "
                f"by {artist!r} (too many from {MAX_ARTIST_SHARE:.0%})"
            )
    return details


def find_imbalance(target):
    """Genres of very different size.

    Parameters
    ----------
    target : list
        Genre of each track.

    Returns
    -------
    details : list of str
        One, or none where the genres are balanced.

    Examples
    --------
    >>> find_imbalance(["rock"] * 8 + ["jazz"] * 2)
    ['genre rock has 8 tracks, genre jazz 2: 4.0 times as many (at most 3)']
    """
    sizes = Counter(map(str, target)).most_common()
    (largest, n_most), (smallest, n_least) = sizes[0], sizes[-1]
    if n_most <= MAX_IMBALANCE * n_least:
        return []
    return [
        f"genre {largest} has {n_most} tracks, genre {smallest} {n_least}: "
        f"{n_most / n_least:.1f} times as many (at most {MAX_IMBALANCE:g})"
    ]

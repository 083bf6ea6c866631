"""Protocols: how tracks are split into training and test."""

from collections import Counter

from sklearn.model_selection import StratifiedKFold

from skgenre._validation import check_choice, check_positive_integer

PROTOCOLS = ("track",)


def make_splitter(protocol, target, *, n_splits=5, random_state=None):
    """Give the scikit-learn splitter of a protocol.

    Parameters
    ----------
    protocol : {"track"}
        ``"track"``: whole tracks are shuffled, each genre in equal shares.
    target : array-like of shape (n_tracks,)
        Genres of the tracks that will be split.
    n_splits : int, default=5
        Number of folds, at least two.
    random_state : int, RandomState instance or None, default=None
        Decides the order of tracks.

    Returns
    -------
    splitter : cross-validation splitter
        For the `cv` parameter of scikit-learn's functions.

    Raises
    ------
    ValueError
        The protocol is unknown, there are fewer than two genres, or a genre has fewer
        tracks than there are folds.
    """
    check_choice(protocol, PROTOCOLS, name="protocol")
    check_positive_integer(n_splits, name="n_splits")
    if n_splits < 2:
        raise ValueError(f"n_splits must be at least 2, got {n_splits!r}.")
    genres = sorted(map(str, set(target)))
    if len(genres) < 2:
        raise ValueError(
            f"target must hold at least two genres, got {genres} in "
            f"{len(target)} tracks."
        )
    genre, n_tracks = min(Counter(target).items(), key=lambda item: item[1])
    if n_tracks < n_splits:
        raise ValueError(
            f"n_splits must be at most the number of tracks of each genre, got "
            f"n_splits={n_splits} and {n_tracks} of {str(genre)!r}."
        )
    return StratifiedKFold(n_splits, shuffle=True, random_state=random_state)

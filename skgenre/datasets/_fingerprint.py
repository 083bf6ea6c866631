"""Which tracks they were, for results and models that outlive the folder."""

import contextlib
import hashlib
import os

from skgenre._validation import UNKNOWN_GROUP_PREFIX, name_missing_groups


def fingerprint_tracks(tracks, *, sizes=True):
    """Digest of the data: names (and `sizes`) of the files, genres, artists, parts.

    The folder does not count, so that results may move with their data.
    """
    digest = hashlib.sha256()
    groups = getattr(tracks, "groups", None)
    if groups is not None:
        groups = name_missing_groups(groups, tracks.paths)
    columns = [groups, getattr(tracks, "filtered_split", None)]
    columns = [values for values in columns if values is not None]
    for path, *values in zip(tracks.paths, tracks.target, *columns, strict=True):
        size = None
        if sizes:
            with contextlib.suppress(OSError):
                size = os.path.getsize(path)
        values = [v for v in map(str, values) if not v.startswith(UNKNOWN_GROUP_PREFIX)]
        digest.update(repr((os.path.basename(path), size, values)).encode())
    return digest.hexdigest()

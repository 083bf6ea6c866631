"""Which tracks they were, for results and models that outlive the folder."""

import contextlib
import hashlib
import os


def fingerprint_tracks(tracks, *, sizes=True):
    """Digest of the data: names (and `sizes`) of the files, genres, artists, parts.

    The folder does not count, so that results may move with their data.
    """
    digest = hashlib.sha256()
    columns = [getattr(tracks, name, None) for name in ("groups", "filtered_split")]
    columns = [values for values in columns if values is not None]
    for path, *values in zip(tracks.paths, tracks.target, *columns, strict=True):
        size = None
        if sizes:
            with contextlib.suppress(OSError):
                size = os.path.getsize(path)
        values = [v for v in map(str, values) if not v.startswith("track:")]
        digest.update(repr((os.path.basename(path), size, values)).encode())
    return digest.hexdigest()

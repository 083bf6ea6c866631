"""What is said when a worker process dies."""

from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager


@contextmanager
def explaining_dead_workers(work, kept_in):
    """Say what was done when a worker died, and whether what was finished is kept.

    joblib's own error speaks of pools and exit codes. This one is a BrokenProcessPool,
    and so a RuntimeError, too.
    """
    try:
        yield
    except BrokenProcessPool as error:
        kept = "nothing is kept of what was finished"
        if kept_in is not None:
            kept = f"what was finished is in {str(kept_in)!r} and is not done again"
        raise BrokenProcessPool(
            f"a worker process died while {work}: it was killed, perhaps for want of "
            f"memory (fewer n_jobs need less), or crashed. Run it again: {kept}. "
            f"joblib says: {error}"
        ) from error

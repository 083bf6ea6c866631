"""What workers hand over, and what is said when one of them dies."""

from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from joblib.parallel import get_active_backend


def choose_return(prefer=None):
    """How joblib hands over results: as they come, unless the backend cannot."""
    backend, _ = get_active_backend(prefer=prefer)
    return "generator" if backend.supports_return_generator else "list"


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

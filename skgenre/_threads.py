"""How many threads TensorFlow starts in a worker process of joblib, dask or ray."""

import multiprocessing
import os
import re
import sys

# The module that is run as `dask worker`.
_DASK_WORKER = "distributed.cli.dask_worker"


def limit_tensorflow():
    """In a worker process, limit TensorFlow to the threads that are its share.

    Left alone, TensorFlow starts a thread per core in each worker. It imports
    TensorFlow, and comes too late once anything has been computed with it.
    """
    n_threads = count_worker_threads()
    if n_threads is None:
        return
    from tensorflow.config import threading

    for what, variable in (
        ("intra_op", "TF_NUM_INTRAOP_THREADS"),
        ("inter_op", "TF_NUM_INTEROP_THREADS"),
    ):
        n_chosen = getattr(threading, f"get_{what}_parallelism_threads")()
        if n_chosen or os.environ.get(variable):
            continue  # of the user's choice, for these workers
        try:
            getattr(threading, f"set_{what}_parallelism_threads")(n_threads)
        except RuntimeError:
            return  # TensorFlow has started its threads.


def count_worker_threads():
    """Return the share of a worker process in the cores; None in the user's own.

    joblib (from `inner_max_num_threads`), dask and ray tell the workers by the variable
    of OpenMP, which BLAS obeys, and TensorFlow does not.
    """
    n_threads = None
    process = type(multiprocessing.current_process())
    if not process.__module__.endswith("loky.backend.process"):
        n_threads = _count_dask_threads() or _count_ray_threads()
        if n_threads is None:
            return None
    # OpenMP takes a list, one number for each level of nesting.
    first = re.match(
        r"\s*([1-9]\d{0,3})\s*(,|$)", os.environ.get("OMP_NUM_THREADS", "")
    )
    return n_threads if first is None else int(first[1])


def find_dask_worker():
    """Return the worker of dask whose task this thread is running, or None."""
    distributed = sys.modules.get("distributed")
    try:
        return None if distributed is None else distributed.get_worker()
    except ValueError:
        return None


def _count_dask_threads():
    worker = find_dask_worker()
    if worker is None:
        return None
    # `LocalCluster(processes=False)` has its workers in the user's process.
    main = getattr(sys.modules["__main__"], "__spec__", None)
    is_command = _DASK_WORKER in (*sys.modules, getattr(main, "name", None))
    return worker.state.nthreads if worker.nanny or is_command else None


def _count_ray_threads():
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return None
    # In a worker, ray has set the variable: to the cores of the task, or 1.
    return 1 if ray.get_runtime_context().worker.mode == ray.WORKER_MODE else None

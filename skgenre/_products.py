"""Matrix products on the calling thread alone, without the threads of BLAS."""

import threading
from contextlib import contextmanager
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

# Largest number of multiplications of one product. Above 2**18 (version 0.3.23) or
# 2**19 (0.3.31) OpenBLAS starts threads, which spin while they wait: three times the
# CPU time of a whole extraction. Smaller products need no limit on threads, which would
# hold for the whole process, threads of the user included.
MAX_PRODUCT = 2**18

_limiting = threading.Lock()


def multiply(a, b, *, out=None):
    """Return `a` @ `b`, of at most MAX_PRODUCT multiplications."""
    # Products with a vector get threads from 2**13 on in OpenBLAS 0.3.23; einsum,
    # unless told to optimise, does not ask BLAS.
    if len(a) == 1 or b.shape[1] == 1:
        return np.einsum("ij,jk->ik", a, b, out=out)
    return np.matmul(a, b, out=out)


def multiply_by_transpose(rows):
    """Return `rows.T` @ `rows`, of any number of rows: (n_rows, n) -> (n, n)."""
    n_block = max(1, MAX_PRODUCT // rows.shape[1] ** 2)
    blocks = (rows[start : start + n_block] for start in range(0, len(rows), n_block))
    return sum(multiply(block.T, block) for block in blocks)


@contextmanager
def one_blas_thread():
    """Limit products of other libraries, as in scikit-learn's fits, to one thread.

    On two threads, those of a logistic regression on some thousand rows take ten times
    the CPU time. Not for generators, which may be left before they end.
    """
    # The limit holds for the whole process. Of overlapping ones only the first is set:
    # otherwise one could restore, at its end, the limit that another had set.
    if not _limiting.acquire(blocking=False):
        yield
        return
    try:
        with _find_libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        _limiting.release()


@cache
def _find_libraries():
    # 1.5 ms; numpy's and scipy's are there from the start.
    return ThreadpoolController()

"""Matrix products that are done by the thread that asks for them, and by no other."""

import threading
from contextlib import contextmanager
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

# Multiplications of one product, at most. Above 2**18 in its version 0.3.23, 2**19 in
# 0.3.31, OpenBLAS starts threads, which spin while they wait: three times the CPU time
# of a whole extraction. Products this small need no limit on threads, which would be
# one for the whole process, other threads of the user included.
MAX_PRODUCT = 2**18

_limiting = threading.Lock()


def multiply(a, b, *, out=None):
    """`a` @ `b`, of at most MAX_PRODUCT multiplications."""
    # Products with a vector get threads from 2**13 on in OpenBLAS 0.3.23; einsum,
    # unless told to optimise, does not ask BLAS.
    if len(a) == 1 or b.shape[1] == 1:
        return np.einsum("ij,jk->ik", a, b, out=out)
    return np.matmul(a, b, out=out)


def multiply_by_transpose(rows):
    """`rows.T` @ `rows`, however many rows: (n_rows, n) -> (n, n)."""
    n_block = max(1, MAX_PRODUCT // rows.shape[1] ** 2)
    blocks = (rows[start : start + n_block] for start in range(0, len(rows), n_block))
    return sum(multiply(block.T, block) for block in blocks)


@contextmanager
def one_blas_thread():
    """Keep products that others make, as in scikit-learn's fits, on one thread.

    Those of a logistic regression on some thousand rows take ten times the CPU time on
    two. Not for generators, which may be left before they end.
    """
    # The limit is the process's. Of overlapping ones only the first counts: else one
    # could end with what another has set, and leave that behind.
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

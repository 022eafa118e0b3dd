"""Work over millions of examples: a stretch for each core, block by block within it."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_MAX_THREADS = 8  # memory is the limit long before


def in_stretches(work: Callable[[slice], T], n_total: int, block: int) -> list[T]:
    """Return what `work` returns of each core's stretch of the examples, in their order.

    Parameters
    ----------
    work
        Takes a slice of the examples; whatever it raises is raised here. NumPy lets other threads
        run meanwhile.
    n_total
        N, at least 1.
    block
        Examples that are worth a thread.
    """
    n_threads = min(os.cpu_count() or 1, _MAX_THREADS, -(-n_total // block))
    ends = np.linspace(0, n_total, n_threads + 1).astype(int).tolist()
    stretches = [slice(*pair) for pair in pairwise(ends)]
    if n_threads == 1:
        return [work(stretches[0])]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, stretches))


def blocks_of(stretch: slice, size: int) -> Iterator[slice]:
    """Yield the blocks of a stretch, of `size` examples each but the last.

    Examples
    --------
    >>> list(blocks_of(slice(2, 7), 3))
    [slice(2, 5, None), slice(5, 7, None)]
    """
    for start in range(stretch.start, stretch.stop, size):
        yield slice(start, min(start + size, stretch.stop))

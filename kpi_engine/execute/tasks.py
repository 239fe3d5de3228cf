"""Work on several threads, handed back in order. Kernels release the interpreter's lock, so that threads help."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

THREADS = "KPI_THREADS"
"""The environment variable that says how many threads read and count; 1 for none beside the main one."""

_MOST_THREADS = 4
_AHEAD = 2

Item = TypeVar("Item")
Result = TypeVar("Result")


def thread_count() -> int:
    """How many threads to use: as the environment says, else one for each processor, but not many."""
    asked = os.environ.get(THREADS, "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_THREADS)


def in_order(work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> Iterator[Result]:
    """The result of each item, in the order of the items, whatever thread it came from; so is the first error.

    Only a few results wait to be taken, so that memory does not follow the number of items.

    >>> list(in_order(abs, [-3, 1, -2], 2))
    [3, 1, 2]
    """
    if threads < 2 or len(items) < 2:
        yield from map(work, items)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    pool = ThreadPoolExecutor(min(threads, len(items)))
    try:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= threads + _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def bundles(items: Sequence[Item], threads: int) -> list[Sequence[Item]]:
    """Neighbouring items together, few enough that all threads have enough to do, many enough to be worth a task.

    >>> [len(bundle) for bundle in bundles(range(100), 2)]
    [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2]
    """
    size = -(-len(items) // (8 * threads)) if len(items) > 16 * threads else 1
    return [items[start : start + size] for start in range(0, len(items), size)]

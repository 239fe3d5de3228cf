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
_FEWEST_ROWS = 1 << 16
"""Rows that are worth a task: with fewer, threads wait for each other while the interpreter prepares kernels."""

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


def bundles(
    items: Sequence[Item], threads: int, rows_of: Callable[[Item], int | None] | None = None
) -> list[Sequence[Item]]:
    """Neighbouring items together, few enough that all threads have enough to do, many enough to be worth a task.

    With `rows_of`, the number of rows of an item or None where it is not known, small items come together.

    >>> [len(bundle) for bundle in bundles(range(100), 2)]
    [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2]
    >>> [len(bundle) for bundle in bundles(range(10), 2, lambda item: 20_000)]
    [4, 4, 2]
    """
    size = -(-len(items) // (8 * threads)) if len(items) > 16 * threads else 1
    rows = None if rows_of is None else [rows_of(item) for item in items]
    found: list[Sequence[Item]] = []
    start = held = 0
    for stop in range(1, len(items) + 1):
        known = None if rows is None else rows[stop - 1]
        held += _FEWEST_ROWS if known is None else known
        if stop == len(items) or (stop - start >= size and held >= _FEWEST_ROWS):
            found.append(items[start:stop])
            start, held = stop, 0
    return found

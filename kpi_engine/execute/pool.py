"""The memory that Arrow takes while a question is answered."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def steady_memory() -> Iterator[None]:
    """Arrow takes memory from jemalloc inside, unless ARROW_DEFAULT_MEMORY_POOL says what to take it from.

    Batches are of one size, so that one takes the place of another. Arrow's default, mimalloc, gives pages back to the
    system and has them cleared again, batch after batch; the C library cannot use a place again for an aligned array of
    the same size, so that what stays between batches makes it grow. Only Linux, where that was measured.
    """
    if not sys.platform.startswith("linux") or os.environ.get("ARROW_DEFAULT_MEMORY_POOL"):
        yield
        return
    before = pa.default_memory_pool()
    pa.set_memory_pool(_steady())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def _steady() -> pa.MemoryPool:
    try:
        return pa.jemalloc_memory_pool()
    except NotImplementedError:  # this Arrow was built without it
        return pa.system_memory_pool()

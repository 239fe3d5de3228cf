"""The memory that Arrow takes while a question is answered."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def plain_memory() -> Iterator[None]:
    """Arrow takes memory from the C library inside, unless ARROW_DEFAULT_MEMORY_POOL says what to take it from.

    Batches are of one size, so that one takes the place of another. Arrow's own pool gives pages back to the system and
    has them cleared again, batch after batch. Only Linux, where that was measured.
    """
    if not sys.platform.startswith("linux") or os.environ.get("ARROW_DEFAULT_MEMORY_POOL"):
        yield
        return
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)

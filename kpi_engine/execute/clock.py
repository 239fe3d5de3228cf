"""How long steps take, and how much memory the process has held."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Timed(Protocol):
    """Something that counts seconds by step."""

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by step."""


@contextmanager
def timed(where: Timed, step: str) -> Iterator[None]:
    """Counts the time of a block.

    >>> from kpi_engine.ir.result import SourceStats
    >>> stats = SourceStats()
    >>> with timed(stats, "read"):
    ...     pass
    >>> list(stats.seconds)
    ['read']
    """
    started = time.perf_counter()
    try:
        yield
    finally:
        where.seconds[step] = where.seconds.get(step, 0.0) + time.perf_counter() - started


def peak_memory() -> int:
    """The most memory that this process has held so far, in bytes; 0 where the system does not say.

    >>> peak_memory() >= 0
    True
    """
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024

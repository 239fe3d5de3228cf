"""Memory that is freed stays with the process, for processes that evaluate and do little else.

glibc hands every large array back to the system when it is freed, jemalloc a second later, and the system clears its
pages for the next one: a third of the time of questions whose states are large. Kept, they are used again as they are.
"""

from __future__ import annotations

import ctypes
import os
import sys

_MMAP_MAX, _TRIM_THRESHOLD, _ARENA_MAX = -4, -1, -8
"""Parameters of glibc's `mallopt`."""

_NEVER = 2**31 - 1

_JEMALLOC, _KEPT = "JE_ARROW_MALLOC_CONF", "narenas:1,dirty_decay_ms:-1,muzzy_decay_ms:-1"
"""The variable that Arrow's jemalloc looks at when Arrow is imported."""


def keep_freed_memory() -> bool:
    """Tell the C library and Arrow to keep freed memory in this process; whether there is a C library that can be told.

    It holds for the whole process and cannot be taken back: call it at the start of a script or job whose work is to
    evaluate, not in a server that should grow small again. The command line does so. Arrays of several threads come
    from one place, so that what one has freed serves the others; the most that is in use at once does not grow.

    >>> keep_freed_memory() in (True, False)
    True
    """
    _keep_in_arrow()
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or none that can be looked into
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_ARENA_MAX, 1))
    told = [mallopt(parameter, value) for parameter, value in settings]  # all of them, whatever the first says
    return all(each == 1 for each in told)


def _keep_in_arrow() -> None:
    """The same for Arrow's jemalloc. Told before Arrow is imported, it has one place for all threads, and the main one
    keeps memory as well."""
    arrow = sys.modules.get("pyarrow")
    if arrow is None:
        os.environ.setdefault(_JEMALLOC, _KEPT)
        return
    try:
        arrow.jemalloc_set_decay_ms(-1)
    except NotImplementedError:  # this Arrow was built without it
        return

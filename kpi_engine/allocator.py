"""Memory that is freed stays with the process, for processes that evaluate and do little else.

glibc hands every large array back to the system when it is freed, and the system clears its pages for the next one:
a third of the time of questions whose states are large. Kept, they are used again as they are.
"""

from __future__ import annotations

import ctypes

_MMAP_MAX, _TRIM_THRESHOLD, _ARENA_MAX = -4, -1, -8
"""Parameters of glibc's `mallopt`."""

_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell the C library to keep freed memory in this process; whether there is one that can be told.

    It holds for the whole process and cannot be taken back: call it at the start of a script or job whose work is to
    evaluate, not in a server that should grow small again. The command line does so. Arrays of several threads come
    from one place, so that what one has freed serves the others; the most that is in use at once does not grow.

    >>> keep_freed_memory() in (True, False)
    True
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or none that can be looked into
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_ARENA_MAX, 1))
    told = [mallopt(parameter, value) for parameter, value in settings]  # all of them, whatever the first says
    return all(each == 1 for each in told)

"""No search for garbage while much is made that stays: modules, definitions, plans."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept() -> Iterator[None]:
    """Everything made inside stays in use, so that Python need not look through it again and again for garbage.

    >>> with kept():
    ...     gc.isenabled()
    False
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()

"""One writer at a time: a lock on a file that is never removed, with the number of the process that has it inside."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from kpi_engine.store.disk import Disk
from kpi_engine.store.files import Refused, write_all

LOCK = "lock"
_PAUSE = 0.02


@contextlib.contextmanager
def writing(disk: Disk, folder: Path, patience: float) -> Iterator[None]:
    """The right to write for as long as the block lasts; `Refused` if another has it for `patience` seconds.

    The system gives the lock back when a process ends, in whatever way.
    """
    descriptor = disk.open_lock(folder / LOCK)
    try:
        until = time.monotonic() + patience
        while not disk.try_lock(descriptor):
            if time.monotonic() >= until:
                raise Refused(f"{_holder(disk, descriptor)} is writing to it")
            time.sleep(_PAUSE)
        # Who has the lock is good to know and no part of it: a full disk must not matter here.
        with contextlib.suppress(OSError):
            disk.truncate(descriptor)
            disk.seek(descriptor, 0)
            write_all(disk, descriptor, f"{os.getpid()}\n".encode("ascii"))
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                disk.truncate(descriptor)
    finally:
        with contextlib.suppress(OSError):
            disk.close(descriptor)


def _holder(disk: Disk, descriptor: int) -> str:
    try:
        disk.seek(descriptor, 0)
        text = disk.read(descriptor, 20).decode("ascii", "replace").strip()
    except OSError:
        text = ""
    return f"process {text}" if text.isdigit() else "another process"

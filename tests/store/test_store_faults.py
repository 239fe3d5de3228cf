"""A disk that fails at any one of its operations, or from one on: no exception, and all is as before or as asked."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpi_engine.store.disk import Disk
from kpi_engine.store.upkeep import verify

from .stores import QuickDisk, content, expected, quick, record

OLD = [record("orders", "old", sums=b"1" * 50, ids=b"2" * 70), record("visits", "stays", sums=b"3")]
NEW = [record("orders", "new", sums=b"4" * 60), record("orders", "newer", ids=b"5" * 10)]
ERRORS = (errno.ENOSPC, errno.EIO, errno.EINTR)


class FaultyDisk(QuickDisk):
    """A disk whose operation number `fatal` fails, and with `sticky` all that follow. -1 as the error: less is done."""

    def __init__(self, fatal: int, error: int, *, sticky: bool = False) -> None:
        super().__init__()
        self.fatal, self.error, self.sticky = fatal, error, sticky
        self.calls: list[str] = []
        self.armed = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or name not in vars(Disk) or name == "now":
            return found
        return lambda *arguments: self._call(name, found, arguments)

    def _call(self, name: str, operation: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if not self.armed:
            return operation(*arguments)
        self.calls.append(name)
        number = len(self.calls) - 1
        if number != self.fatal and not (self.sticky and number > self.fatal):
            return operation(*arguments)
        if self.error < 0:
            return self._less(name, operation, arguments)
        if name == "close":
            operation(*arguments)  # a descriptor is free again, whatever closing says
        if name == "write":
            os.write(arguments[0], bytes(arguments[1])[:3])
        raise OSError(self.error, os.strerror(self.error))

    def _less(self, name: str, operation: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Reading and writing may always do less than is asked of them."""
        if name == "write":
            return operation(arguments[0], bytes(arguments[1])[: max(1, len(arguments[1]) // 2)])
        if name == "read":
            return operation(arguments[0], max(1, arguments[1] // 2))
        return operation(*arguments)


def attempt(folder: Path, disk: FaultyDisk, *, made: bool = True) -> bool:
    """Save on a disk that fails; whether the store says that it was done. The store that is left is checked."""
    if made:
        assert quick(folder).save(OLD)
    before = OLD if made else []
    store = quick(folder, disk=disk)
    replaced = [each.name for each in store.records("orders")]
    disk.armed = True
    done = store.save(NEW, replaced)
    disk.armed = False
    after = quick(folder)
    orders, visits = content(after, "orders"), content(after, "visits")
    as_asked = orders == expected(NEW)
    assert as_asked or orders == expected(before[:1]), (disk.calls[disk.fatal], disk.error, orders)
    assert visits == expected(before[1:])
    assert len(store.notes) == (not done), f"whoever is refused is told why, in one sentence: {store.notes}"
    if done:
        assert as_asked
    elif not disk.sticky:
        assert not as_asked, disk.calls[disk.fatal]
    assert not after.notes and not verify(folder, Disk()).damage
    return done


def operations(tmp_path: Path, *, made: bool = True) -> int:
    """How many operations a save takes when none fails."""
    disk = FaultyDisk(-1, 0)
    assert attempt(tmp_path / "counted", disk, made=made)
    return len(disk.calls)


@pytest.mark.parametrize(("error", "sticky"), [*((each, False) for each in ERRORS), (errno.EIO, True), (-1, True)])
def test_a_save_with_a_failing_operation_is_done_or_is_not(tmp_path: Path, error: int, sticky: bool) -> None:
    results = set()
    for fatal in range(operations(tmp_path)):
        folder = tmp_path / str(fatal)
        results.add(attempt(folder, FaultyDisk(fatal, error, sticky=sticky)))
        assert quick(folder).save(NEW), "the next save on a healthy disk goes well"
    # Short reads and writes are ordinary. Some failures (of locks given back, of old files removed) do not matter.
    assert results == ({True} if error < 0 else {True, False})


def test_a_failure_while_the_folder_is_made(tmp_path: Path) -> None:
    for fatal in range(operations(tmp_path, made=False)):
        folder = tmp_path / str(fatal) / ".kpi" / "state"
        attempt(folder, FaultyDisk(fatal, errno.ENOSPC), made=False)
        assert quick(folder).save(NEW)


def test_a_failed_sync_is_not_repeated(tmp_path: Path) -> None:
    """After a sync that failed the system may have dropped what was to be written, and the next one would succeed."""
    calls = FaultyDisk(-1, 0)
    attempt(tmp_path / "counted", calls)
    for fatal, name in enumerate(calls.calls):
        if name in ("sync", "sync_folder"):
            disk = FaultyDisk(fatal, errno.EIO)
            assert not attempt(tmp_path / str(fatal), disk)
            assert not {"sync", "sync_folder"} & set(disk.calls[fatal + 1 :])


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    for fatal in range(operations(tmp_path)):
        disk = FaultyDisk(fatal, errno.ENOSPC)
        folder = tmp_path / str(fatal)
        assert quick(folder).save(OLD)
        before = {path.name for path in folder.iterdir()}
        store = quick(folder, disk=disk)
        disk.armed = True
        if not store.save(NEW) and disk.calls[fatal] != "unlink":
            assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize("error", [*ERRORS, -1])
def test_a_disk_that_fails_while_it_is_read_gives_less_and_never_something_else(tmp_path: Path, error: int) -> None:
    assert quick(tmp_path / "state").save(OLD)
    fatal, calls = 0, 1
    while fatal < calls:
        disk = FaultyDisk(fatal, error)
        store = quick(tmp_path / "state", disk=disk)
        disk.armed = True
        found = content(store, "orders")
        store.used(store.records("orders"))
        disk.armed, calls = False, len(disk.calls)
        wanted = expected(OLD[:1])[0]
        for header, blobs in found:
            assert header == wanted[0] and all(
                dict(wanted[1])[name] == blob for name, blob in blobs if blob is not None
            )
        complete = found == [wanted]
        assert complete or store.notes
        assert complete or error > 0
        assert content(quick(tmp_path / "state"), "orders") == [wanted], "trouble with reading is no damage"
        fatal += 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    assert quick(tmp_path / "state").save(OLD)
    (tmp_path / "state").chmod(0o500)
    try:
        store = quick(tmp_path / "state")
        assert not store.save(NEW) and "permission denied" in store.notes[0]
        assert content(store, "orders") == expected(OLD[:1])
        store.used(store.records("orders"))
    finally:
        (tmp_path / "state").chmod(0o700)


def test_a_disk_that_keeps_something_else_than_it_was_given(tmp_path: Path) -> None:
    """Every write in turn is taken, and wrong: that is seen before anything rests on it."""

    class Lying(QuickDisk):
        left = 0

        def write(self, descriptor: int, content: bytes | memoryview) -> int:
            self.left -= 1
            given = bytes(content)
            return super().write(descriptor, given if self.left else bytes([given[0] ^ 1]) + given[1:])

    assert quick(tmp_path / "state").save(OLD)
    done = 0
    for number in range(1, 100):
        disk = Lying()
        disk.left = number
        store = quick(tmp_path / "state", disk=disk)
        if store.save(NEW):
            done += 1
            assert content(quick(tmp_path / "state"), "orders")[-2:] == expected(NEW)
        else:
            assert "reads as something else" in store.notes[0]
        if disk.left > 0:
            break
    assert done == 2, "the number of the process in the lock does not matter; the last time nothing was wrong"


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    class Full(QuickDisk):
        """What `/dev/full` does with every write."""

        def write(self, descriptor: int, content: bytes | memoryview) -> int:
            with Path("/dev/full").open("wb", buffering=0) as full:
                return full.write(content)

    store = quick(tmp_path / "state", disk=Full())
    assert not store.save(NEW)
    assert store.notes == (f"the state store {tmp_path / 'state'} was not written: no space left on device",)

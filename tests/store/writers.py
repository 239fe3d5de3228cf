"""Writers for the kill harness, each a process that writes pairs for ever and says so on standard output.

A pair is one number in two places; whoever looks must find the same number in both, and none older than the last one
that the writer has acknowledged. `StoreWriter` is the store. The others do what programs do that nobody ever killed;
the harness has to catch them.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from kpi_engine.ir.stored import NewRecord
from kpi_engine.store import FolderStore

LARGE = 300_000
TRAIL = 6
"""Records that are kept beside the pair, one for each of the last writes."""


class Writer(Protocol):
    """Writes a pair, and reads what there is: the verified numbers found at each place; -1 is damage."""

    def write(self, number: int) -> None:
        """Write; on return it is acknowledged."""

    def read(self) -> tuple[list[int], list[int]]:
        """The numbers at the first and at the second place."""


class StoreWriter:
    """The state store: both places are records, and so are the last few numbers."""

    def __init__(self, folder: Path) -> None:
        self.store = FolderStore(folder / "state", limit=1 << 30, grace=0.0)

    def write(self, number: int) -> None:
        """Write both records and one more, in place of the earlier ones, in one step."""
        old = [each.name for label in ("first", "second") for each in self.store.records(label)]
        trail = [each.name for each in self.store.records("trail")][: 1 - TRAIL]
        new = [
            NewRecord("first", str(number), {"bytes": sealed(number, 100)}),
            NewRecord("second", str(number), {"bytes": sealed(number, LARGE)}),
            NewRecord("trail", str(number), {"bytes": sealed(number, 10)}),
        ]
        if not self.store.save(new, [*old, *trail]):
            raise SystemExit(f"not saved: {self.store.notes}")

    def read(self) -> tuple[list[int], list[int]]:
        """Both places; a hole in the trail, or any damage that the store reports, counts as damage."""
        first, second, trail = map(self._numbers, ("first", "second", "trail"))
        whole = trail == list(range(max(0, trail[-1] - TRAIL + 1), trail[-1] + 1)) if trail else not first
        if self.store.notes or not whole or trail[-1:] != first:
            return [-1], [-1]
        return first, second

    def _numbers(self, label: str) -> list[int]:
        found = []
        for each in self.store.records(label):
            blob = self.store.read(each, "bytes")
            found.append(-1 if blob is None or unsealed(blob) != int(each.header) else int(each.header))
        return found


class InPlaceWriter:
    """Writes over a file in place."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "both"

    def write(self, number: int) -> None:
        """Write over what is there."""
        with self.path.open("r+b" if self.path.exists() else "wb", buffering=0) as file:
            content = sealed(number, 4 * LARGE)
            for start in range(0, len(content), 4096):
                file.write(content[start : start + 4096])
            os.fsync(file.fileno())

    def read(self) -> tuple[list[int], list[int]]:
        """Both places are one file."""
        found = _number(self.path)
        return found, found


class TwoRenamesWriter:
    """Replaces two files, each of them atomically; but nothing says which two belong together."""

    def __init__(self, folder: Path) -> None:
        self.paths = folder / "first", folder / "second"

    def write(self, number: int) -> None:
        """Replace the first file and then the second one."""
        for path, size in zip(self.paths, (100, 4 * LARGE), strict=True):
            draft = path.with_suffix(".tmp")
            with draft.open("wb") as file:
                file.write(sealed(number, size))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)

    def read(self) -> tuple[list[int], list[int]]:
        """The number in each file."""
        return _number(self.paths[0]), _number(self.paths[1])


class HastyWriter(StoreWriter):
    """The store, but acknowledged before it is written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.waiting: int | None = None

    def write(self, number: int) -> None:
        """Write the number before this one."""
        if self.waiting is not None:
            super().write(self.waiting)
        self.waiting = number


WRITERS: dict[str, Callable[[Path], Writer]] = {
    "store": StoreWriter,
    "in place": InPlaceWriter,
    "two renames": TwoRenamesWriter,
    "hasty": HastyWriter,
}


def sealed(number: int, size: int) -> bytes:
    """A number, as many bytes that follow from it, and the hash of all that."""
    body = number.to_bytes(8, "little") + random.Random(number).randbytes(size)
    return body + hashlib.sha256(body).digest()


def unsealed(content: bytes) -> int:
    """The number, or -1 where the hash does not fit."""
    body, seal = content[:-32], content[-32:]
    return int.from_bytes(body[:8], "little") if hashlib.sha256(body).digest() == seal else -1


def _number(path: Path) -> list[int]:
    return [unsealed(path.read_bytes())] if path.exists() else []


def main() -> None:
    """Write pairs from a number on, and acknowledge each, until somebody ends the process."""
    kind, folder, first = sys.argv[1:]
    writer = WRITERS[kind](Path(folder))
    number = int(first)
    while True:
        writer.write(number)
        os.write(1, b"%d\n" % number)
        number += 1


if __name__ == "__main__":
    main()

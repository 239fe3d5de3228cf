"""What the tests of the store share: disks that are quick or have a clock of their own, and ways to look at a store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kpi_engine.ir.stored import NewRecord, StoredRecord
from kpi_engine.store import FolderStore
from kpi_engine.store.disk import Disk

PLENTY = 1 << 40

Content = tuple[str, tuple[tuple[str, bytes | None], ...]]
"""A record as tests compare it: its header and its blobs."""


class QuickDisk(Disk):
    """A disk that does not wait for the metal. Time passes with every look at the clock, a second at a time."""

    def __init__(self) -> None:
        self.time = 1_700_000_000

    def sync(self, descriptor: int) -> None:
        pass

    def sync_folder(self, path: Path) -> None:
        pass

    def now(self) -> int:
        self.time += 1
        return self.time * 1_000_000_000


def quick(folder: Path, limit: int = PLENTY, disk: Disk | None = None, grace: float = 900.0) -> FolderStore:
    """A store that does not wait."""
    return FolderStore(folder, limit=limit, disk=disk or QuickDisk(), grace=grace)


def record(label: str, header: str, **blobs: bytes) -> NewRecord:
    """A new record."""
    return NewRecord(label, header, blobs)


def content(store: FolderStore, label: str) -> list[Content]:
    """The records under a label with all of their bytes."""
    return [one(store, each) for each in store.records(label)]


def one(store: FolderStore, each: StoredRecord) -> Content:
    """A record with all of its bytes."""
    return each.header, tuple((name, store.read(each, name)) for name in each.sizes)


def expected(records: Iterable[NewRecord]) -> list[Content]:
    """What `content` gives for new records."""
    return [(each.header, tuple(each.blobs.items())) for each in records]


def segments(folder: Path) -> list[Path]:
    """The files of records, in the order of their names."""
    return sorted(folder.glob("seg-*"))


def manifests(folder: Path) -> list[Path]:
    """The manifests, oldest first."""
    return sorted(folder.glob("manifest-*"), key=lambda path: int(path.name.partition("-")[2]))


def flip(path: Path, place: int, bit: int = 0) -> None:
    """Change one bit of a file in place."""
    found = bytearray(path.read_bytes())
    found[place] ^= 1 << bit
    path.write_bytes(found)

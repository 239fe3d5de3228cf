"""One file of a table, on a disk or in an object store: what formats need of it."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass

COMPRESSIONS: Mapping[str, str] = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
"""Endings that may follow that of a text file, and the compressions that they stand for."""

_SETTLED_NS = 2_000_000_000
"""A file that changed within this time may change again without a trace: clocks of file systems tick."""

_SETTLED_REMOTELY_NS = 60_000_000_000
"""The same for an object of a store, whose clock may differ from ours by seconds."""

Partition = tuple[str, str | None]
"""A column that a folder's name gives (`year=2026`) and its value; None where the name says that there is none."""

Stamp = tuple[int, int, int]
"""Size, time of change in nanoseconds, identity: a file of the same stamp holds the same bytes."""


class StoredFile(Protocol):
    """A file: how messages show it, the last part of its path, and the values that its folders give."""

    @property
    def shown(self) -> str:
        """The path as messages show it, relative to the connection's folder."""

    @property
    def name(self) -> str:
        """The last part of the path."""

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Columns that folders on its path give."""

    def stamp(self) -> Stamp:
        """What changes when the file does; OSError if it cannot be looked at."""

    def identity(self) -> str | None:
        """A text that changes whenever the bytes may have; None while that is not settled."""

    def open(self) -> Any:
        """The bytes, for reading anywhere; OSError if they cannot be had."""

    def read_at(self, start: int, count: int) -> bytes:
        """Some of the bytes, fewer where the file ends; OSError if they cannot be had."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on a disk.

    >>> LocalFile(Path("/data/orders.csv.gz"), "orders.csv.gz").name
    'orders.csv.gz'
    """

    path: Path
    shown: str
    partitions: tuple[Partition, ...] = field(default=())

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    def stamp(self) -> Stamp:
        """Size, time of change and inode."""
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns, status.st_ino

    def identity(self) -> str | None:
        """Path, size, times and inode; None of a file that changed a moment ago, or that cannot be looked at.

        The time of a change of status is among them: it is no one's to set.
        """
        try:
            status = self.path.stat()
        except OSError:
            return None
        if abs(time.time_ns() - status.st_mtime_ns) < _SETTLED_NS:
            return None
        marks = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        return f"{self.path.absolute()}:{':'.join(map(str, marks))}"

    def open(self) -> Any:
        """The bytes."""
        return pa.OSFile(str(self.path))

    def read_at(self, start: int, count: int) -> bytes:
        """Some of the bytes."""
        with io.FileIO(self.path) as opened:
            opened.seek(start)
            return opened.read(count)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """An object of a pyarrow file system; `size` and `changed` (nanoseconds) are as the store listed them."""

    filesystem: Any
    path: str
    shown: str
    size: int
    changed: int
    partitions: tuple[Partition, ...] = field(default=())

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def stamp(self) -> Stamp:
        """Size and time of change as listed."""
        return self.size, self.changed, 0

    def identity(self) -> str | None:
        """Path, size and time of change as listed; None of an object that changed a short while ago.

        Stores list whole seconds by a clock of their own.
        """
        if time.time_ns() - self.changed < _SETTLED_REMOTELY_NS:
            return None
        return f"{self.path}:{self.size}:{self.changed}"

    def open(self) -> Any:
        """The object's bytes."""
        return self.filesystem.open_input_file(self.path)

    def read_at(self, start: int, count: int) -> bytes:
        """Some of the bytes."""
        with self.open() as opened:
            opened.seek(start)
            found: bytes = opened.read(count)
        return found


def is_compressed(name: str) -> bool:
    """Whether a file's ending says that its bytes are to be decompressed."""
    return any(name.lower().endswith(ending) for ending in COMPRESSIONS)


def decompressed(file: StoredFile) -> Any:
    """The bytes of a file from its start, decompressed if its ending says so."""
    ending = next((each for each in COMPRESSIONS if file.name.lower().endswith(each)), None)
    opened = file.open()
    return opened if ending is None else pa.CompressedInputStream(opened, COMPRESSIONS[ending])

"""Which segments there are: a small file with a number, of which the highest valid one holds.

A save makes its segments first and then the next manifest. What no manifest names does not exist, so a save is seen
as a whole or not at all. A manifest is never changed; the last two are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.digest import sha256_of
from kpi_engine.store.disk import Disk
from kpi_engine.store.files import Damaged, Refused, discard, name_once, read_all, write_draft
from kpi_engine.store.segments import name_of

FORMAT = 1
_PREFIX = "manifest-"
_NAME = re.compile(r"manifest-([1-9][0-9]*)", re.ASCII)
_LARGEST = 1 << 28
_LOOKS = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One segment: its file, its record's label, its bytes, the hash of its head, and when it was made (seconds)."""

    name: str
    label: str
    size: int
    sha256: str
    made: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """All segments that there are after save `number`, oldest first."""

    number: int = 0
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Latest:
    """The highest valid manifest, those above it that are damaged, and the highest number there is."""

    manifest: Manifest
    damaged: tuple[str, ...]
    highest: int


def numbers(names: Iterable[str]) -> list[int]:
    """The numbers of all manifests among names, highest first.

    >>> numbers(["manifest-9", "manifest-10", "manifest-x", "seg-1"])
    [10, 9]
    """
    return sorted((int(found[1]) for name in names if (found := _NAME.fullmatch(name))), reverse=True)


def file_name(number: int) -> str:
    """The file of the manifest with a number."""
    return f"{_PREFIX}{number}"


def encode(manifest: Manifest) -> bytes:
    """The content of a manifest's file: a line of JSON and a line with its checksum.

    >>> decode(encode(Manifest(7)), 7)
    Manifest(number=7, entries=())
    """
    content = {"format": FORMAT, "number": manifest.number, "segments": [asdict(each) for each in manifest.entries]}
    line = json.dumps(content, separators=(",", ":")).encode("ascii")
    return b"%s\n%s\n" % (line, sha256_of(line).hexdigest().encode("ascii"))


def decode(content: bytes, number: int) -> Manifest:
    """The manifest in the content of its file; `Damaged` if it is not whole, `Refused` if it is of a newer form."""
    line, _, checksum = content.partition(b"\n")
    if checksum != sha256_of(line).hexdigest().encode("ascii") + b"\n":
        raise Damaged("its checksum does not fit")
    try:
        found = json.loads(line)
        if found["format"] != FORMAT:
            raise Refused("it was made by another version of kpi_engine; `kpi cache clear` empties it")
        entries = tuple(_entry(**each) for each in found["segments"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Damaged("it has another form") from None
    if found["number"] != number:
        raise Damaged("it has another number")
    return Manifest(number, entries)


def _entry(name: str, label: str, size: int, sha256: str, made: int) -> Entry:
    # The name becomes a path: it may be nothing but what its hash makes of it.
    if name != name_of(sha256) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(name)
    return Entry(name, str(label), int(size), sha256, int(made))


def latest(disk: Disk, folder: Path) -> Latest:
    """The manifest that holds; an empty one if there is none.

    `Refused` if a newer version made it, OSError if the folder or a manifest cannot be read: nobody knows then what
    holds, and an older one must not take its place.
    """
    for _ in range(_LOOKS):
        try:
            return _latest(disk, folder)
        except FileNotFoundError:
            # A writer has removed the one that was looked at, after it made a higher one; or there is no folder.
            if not _exists(disk, folder):
                return Latest(Manifest(), (), 0)
    raise Refused("its manifests do not stay for as long as it takes to read one")


def _exists(disk: Disk, folder: Path) -> bool:
    try:
        disk.names(folder)
    except FileNotFoundError:
        return False
    return True


def _latest(disk: Disk, folder: Path) -> Latest:
    found = numbers(disk.names(folder))
    damaged: list[str] = []
    for number in found:
        try:
            content = read_all(disk, folder / file_name(number), _LARGEST)
            return Latest(decode(content, number), tuple(damaged), found[0])
        except Damaged:
            damaged.append(file_name(number))
    return Latest(Manifest(), tuple(damaged), found[0] if found else 0)


def stamp(disk: Disk, folder: Path, names: Iterable[str]) -> tuple[int, ...] | None:
    """What changes when another manifest holds than the highest among names; None if there is none."""
    highest = next(iter(numbers(names)), None)
    if highest is None:
        return None
    status = disk.status(folder / file_name(highest))
    return highest, status.size, status.touched


def publish(disk: Disk, folder: Path, manifest: Manifest) -> None:
    """Make a manifest hold from now on; FileExistsError if another writer was first.

    OSError if it cannot be written, and then it does not hold: a name of which nobody knows whether it is on the disk
    is taken back, so that nothing is built on it.
    """
    draft = write_draft(disk, folder, [encode(manifest)])
    name = folder / file_name(manifest.number)
    try:
        name_once(disk, draft, name)
    except BaseException:
        discard(disk, draft)
        raise
    try:
        disk.sync_folder(folder)
    except OSError:
        discard(disk, name)
        raise

"""One record, one file: a head that says what there is, the hash of the head, and the blobs one after another.

    magic "KPISTATE" | format, 4 bytes | length of the header, 4 bytes | header, JSON | sha256 of all that | blobs

Numbers are little-endian. The header holds the record's label and text, and of each blob the place, length and sha256,
so that each is verified without the others. The file is named after the hash of the head, in which a random id makes
every file another one: a name is never used twice, and what has been moved away cannot be confused with something new.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.digest import sha256_of
from kpi_engine.ir.stored import NewRecord
from kpi_engine.store.disk import Disk
from kpi_engine.store.files import Damaged, read_exactly

MAGIC = b"KPISTATE"
FORMAT = 1
PREFIX = "seg-"

_START = struct.Struct("<8sII")
_HASH = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a blob lies, counted from the start of the file."""

    offset: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A head that was read and verified."""

    name: str
    label: str
    text: str
    blobs: Mapping[str, Place]
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Packed:
    """A record ready to be written: its head, its blobs, and what it is known by."""

    head: bytes
    blobs: tuple[bytes, ...]
    name: str
    label: str
    sha256: str
    size: int

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The content of the file."""
        return (self.head, *self.blobs)


def pack(record: NewRecord) -> Packed:
    """The form in which a record is written.

    >>> packed = pack(NewRecord("orders", "about it", {"sums": b"abc", "none": b""}))
    >>> packed.size == sum(map(len, packed.parts)), packed.name == "seg-" + packed.sha256[:32]
    (True, True)
    """
    offset, places = 0, {}
    for name, blob in record.blobs.items():
        places[name] = [offset, len(blob), sha256_of(blob).hexdigest()]
        offset += len(blob)
    header = {"id": os.urandom(8).hex(), "label": record.label, "text": record.header, "blobs": places}
    encoded = json.dumps(header, separators=(",", ":")).encode("ascii")
    start = _START.pack(MAGIC, FORMAT, len(encoded)) + encoded
    digest = sha256_of(start)
    head, sha256 = start + digest.digest(), digest.hexdigest()
    return Packed(head, tuple(record.blobs.values()), name_of(sha256), record.label, sha256, len(head) + offset)


def name_of(sha256: str) -> str:
    """The name of the file with a head of this hash."""
    return f"{PREFIX}{sha256[:32]}"


def read_segment(disk: Disk, path: Path) -> Segment:
    """The verified head of a file; `Damaged` if it is not whole, OSError if it cannot be read."""
    descriptor = disk.open(path)
    try:
        size = disk.length(descriptor)
        start = read_exactly(disk, descriptor, _START.size)
        magic, format, length = _START.unpack(start)
        if magic != MAGIC or format != FORMAT or _START.size + length + _HASH > size:
            raise Damaged("it does not begin as it should")
        encoded = read_exactly(disk, descriptor, length)
        expected = read_exactly(disk, descriptor, _HASH)
    finally:
        disk.close(descriptor)
    sha256 = sha256_of(start + encoded).digest()
    if sha256 != expected or name_of(sha256.hex()) != path.name:
        raise Damaged("its head is not what was written")
    return _parsed(encoded, path.name, sha256.hex(), size)


def _parsed(encoded: bytes, name: str, sha256: str, size: int) -> Segment:
    begin = _START.size + len(encoded) + _HASH
    try:
        header = json.loads(encoded)
        blobs = {
            blob: Place(begin + int(offset), int(length), str(hashed))
            for blob, (offset, length, hashed) in header["blobs"].items()
        }
        segment = Segment(name, str(header["label"]), str(header["text"]), blobs, sha256, size)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Damaged("its header has another form") from None
    if begin + sum(place.size for place in blobs.values()) != size:
        raise Damaged(f"it has {size} bytes, which is not its length")
    return segment


def read_blob(disk: Disk, path: Path, place: Place) -> bytes:
    """A verified blob; `Damaged` if it is not what was written, OSError if it cannot be read."""
    descriptor = disk.open(path)
    try:
        if place.offset + place.size > disk.length(descriptor):
            raise Damaged("it ends early")
        disk.seek(descriptor, place.offset)
        content = read_exactly(disk, descriptor, place.size)
    finally:
        disk.close(descriptor)
    if sha256_of(content).hexdigest() != place.sha256:
        raise Damaged("its content is not what was written")
    return content


def check_segment(disk: Disk, path: Path) -> None:
    """Read a whole file: `Damaged` if a byte is not what was written, OSError if it cannot be read."""
    segment = read_segment(disk, path)
    for place in segment.blobs.values():
        read_blob(disk, path, place)

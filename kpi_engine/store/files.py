"""Files that are either whole or not there: written under another name, synced, read again, and only then named."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from kpi_engine.store.disk import Disk

TEMPORARY = "tmp-"
_CHUNK = 1 << 20
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Damaged(Exception):
    """Bytes that are not those that were written; the message says in which way."""


class Refused(Exception):
    """Something that the store will not do; the message is a sentence for the reader."""


def write_draft(disk: Disk, folder: Path, parts: Sequence[bytes]) -> Path:
    """A new file of these parts under a temporary name; it is on the disk, and has been read again.

    OSError if it cannot be written, or reads as something else than was written; then nothing is left of it.
    """
    draft = folder / f"{TEMPORARY}{os.getpid()}-{os.urandom(8).hex()}"
    try:
        descriptor = disk.create(draft)
        try:
            for part in parts:
                write_all(disk, descriptor, part)
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
        if not _reads_as(disk, draft, parts):
            raise OSError(errno.EIO, "what was written reads as something else")
    except BaseException:
        discard(disk, draft)
        raise
    return draft


def write_all(disk: Disk, descriptor: int, content: bytes) -> None:
    """Write everything: the system may take less than it is given."""
    rest = memoryview(content)
    while rest:
        taken = disk.write(descriptor, rest[: 1 << 30])
        if taken <= 0:
            raise OSError(errno.EIO, "the disk takes no more")
        rest = rest[taken:]


def read_all(disk: Disk, path: Path, most: int) -> bytes:
    """The content of a small file; `Damaged` if it is larger than `most` bytes."""
    descriptor = disk.open(path)
    try:
        size = disk.length(descriptor)
        if size > most:
            raise Damaged(f"it has {size} bytes")
        return read_exactly(disk, descriptor, size)
    finally:
        disk.close(descriptor)


def read_exactly(disk: Disk, descriptor: int, size: int) -> bytes:
    """The next `size` bytes; `Damaged` if the file ends before."""
    content = disk.read(descriptor, size) if size else b""
    if len(content) == size:
        return content
    parts, missing = [content], size - len(content)
    while missing:
        part = disk.read(descriptor, missing)
        if not part:
            raise Damaged(f"it ends {missing} bytes early")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _reads_as(disk: Disk, path: Path, parts: Sequence[bytes]) -> bool:
    descriptor = disk.open(path)
    try:
        for part in parts:
            place = 0
            while place < len(part):
                found = disk.read(descriptor, min(_CHUNK, len(part) - place))
                if not found or found != part[place : place + len(found)]:
                    return False
                place += len(found)
        return not disk.read(descriptor, 1)
    finally:
        disk.close(descriptor)


def name_once(disk: Disk, draft: Path, name: Path) -> None:
    """Give a draft its name, unless the name is taken: FileExistsError, and whoever has it keeps it.

    Where the file system has no second names, the content is written again, to a file that must be new. A crash may
    then leave a part of it, which its checksum betrays.
    """
    try:
        disk.link(draft, name)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy_once(disk, draft, name)
    discard(disk, draft)


def _copy_once(disk: Disk, draft: Path, name: Path) -> None:
    content = read_all(disk, draft, 1 << 30)
    descriptor = disk.create(name)
    try:
        try:
            write_all(disk, descriptor, content)
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
    except BaseException:
        discard(disk, name)
        raise


def discard(disk: Disk, path: Path) -> None:
    """Remove a file if that is possible: what stays behind is known to nobody, and is collected later."""
    with contextlib.suppress(OSError):
        disk.unlink(path)


def reason(error: OSError) -> str:
    """What the system says about a failure.

    >>> reason(OSError(28, "No space left on device"))
    'no space left on device'
    """
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]

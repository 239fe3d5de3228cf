"""The store's folder: how it is made, what in it is the store's own, and where damaged files go."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from kpi_engine.store.disk import Disk
from kpi_engine.store.files import TEMPORARY, Refused, discard, name_once, reason, write_draft
from kpi_engine.store.locking import LOCK
from kpi_engine.store.manifests import numbers

TAG = "CACHEDIR.TAG"
IGNORE = ".gitignore"
QUARANTINE = "quarantine"
OWN_TEXTS = {
    # See bford.info/cachedir: programs that make backups leave such folders out.
    TAG: b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# The state store of kpi_engine: what answers were made of. It may be removed at any time.\n",
    IGNORE: b"*\n",
}
"""Files that say to other programs what the folder is."""

_SEGMENT = re.compile(r"seg-[0-9a-f]{32}")
_DRAFT = re.compile(rf"{TEMPORARY}[0-9]+-[0-9a-f]{{16}}")
_MOST_FILES = 16
_MOST_BYTES = 64_000_000


def is_segment(name: str) -> bool:
    """Whether a file has the name of a segment."""
    return _SEGMENT.fullmatch(name) is not None


def is_draft(name: str) -> bool:
    """Whether a file has the name of one that is being written, or was left behind by a crash."""
    return _DRAFT.fullmatch(name) is not None


def is_own(name: str) -> bool:
    """Whether the store may have made a file or folder of this name.

    >>> [is_own(name) for name in ("manifest-12", "lock", "orders.csv", "seg-1")]
    [True, True, False, False]
    """
    return name in (LOCK, QUARANTINE, *OWN_TEXTS) or is_segment(name) or is_draft(name) or bool(numbers([name]))


def names_in(disk: Disk, folder: Path) -> list[str] | None:
    """The names in the store's folder, None if it is not there.

    `Refused` if it must not be used: it is no folder, another user's, or holds something else.
    """
    try:
        # The folder itself may be a link to a larger disk.
        status = disk.status(Path(os.path.realpath(folder)))
    except FileNotFoundError:
        return None
    if not status.folder:
        raise Refused("it is no folder")
    if hasattr(os, "geteuid") and status.owner != os.geteuid():
        raise Refused("it belongs to another user")
    names = disk.names(folder)
    if TAG not in names and not all(map(is_own, names)):
        raise Refused("it is a folder with other files in it")
    return names


def make_folder(disk: Disk, folder: Path) -> None:
    """Make the folder and the files that say what it is, as far as they are missing."""
    if names_in(disk, folder) is None:
        for each in reversed((folder, *folder.parents)):
            if not each.exists():
                with contextlib.suppress(FileExistsError):
                    disk.make_folder(each)
                disk.sync_folder(each.parent)
    present = disk.names(folder)
    for name, content in OWN_TEXTS.items():
        if name not in present:
            draft = write_draft(disk, folder, [content])
            try:
                name_once(disk, draft, folder / name)
            except FileExistsError:
                discard(disk, draft)


def quarantine(disk: Disk, folder: Path, name: str) -> str:
    """Move a damaged file out of the way, and say what became of it. Of earlier ones the oldest go when they are many.

    Its name is not used again, so what is moved is what was found damaged.
    """
    aside = folder / QUARANTINE
    try:
        with contextlib.suppress(FileExistsError):
            disk.make_folder(aside)
        if not disk.status(aside).folder:
            return "cannot be moved away"
        disk.rename(folder / name, aside / name)
        _keep_small(disk, aside)
    except FileNotFoundError:
        return "had to be removed"
    except OSError as error:
        return f"could not be moved away ({reason(error)})"
    return f"went to {QUARANTINE}/"


def _keep_small(disk: Disk, aside: Path) -> None:
    found = []
    for name in disk.names(aside):
        status = disk.status(aside / name)
        if status.regular and is_own(name):
            found.append((status.touched, status.size, name))
    found.sort(reverse=True)
    size = 0
    for count, (_, bytes_, name) in enumerate(found, start=1):
        size += bytes_
        if count > _MOST_FILES or size > _MOST_BYTES:
            discard(disk, aside / name)

"""A disk that remembers every operation, and what may be left of them when the power fails.

What was written and not synced may be there, or not, or in part; names that were made, moved or removed since their
folder was synced may be as before or as after, each on its own. That is what file systems promise, and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .stores import QuickDisk

FolderState = dict[str, int]
"""The names in a folder, each with the number of its file."""


@dataclass
class StoredFile:
    """A file by what is certainly on the disk and what was written since."""

    synced: bytes = b""
    pending: list[bytes] = field(default_factory=list)


@dataclass
class Names:
    """The names in the folder: those certainly on the disk, and the changes since (name, file; None: it is gone)."""

    synced: FolderState = field(default_factory=dict)
    pending: list[list[tuple[str, int | None]]] = field(default_factory=list)


Event = tuple[str, tuple[Any, ...]]
"""What happened, and to what."""


class RecordingDisk(QuickDisk):
    """A disk that remembers what happens in one folder. `forgets` are operations of which it takes no notice."""

    def __init__(self, folder: Path, forgets: Sequence[str] = ()) -> None:
        super().__init__()
        self.folder, self.forgets = folder, forgets
        self.events: list[Event] = []
        self.open_files: dict[int, int] = {}
        self.files: dict[str, int] = {}
        self.count = 0

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        if path.parent == self.folder:
            self.count += 1
            self.open_files[descriptor] = self.files[path.name] = self.count
            self.events.append(("names", ((path.name, self.count),)))
        return descriptor

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        taken = super().write(descriptor, content)
        if descriptor in self.open_files:
            self.events.append(("write", (self.open_files[descriptor], bytes(content[:taken]))))
        return taken

    def sync(self, descriptor: int) -> None:
        if "sync" not in self.forgets:
            self.events.append(("sync", (self.open_files[descriptor],)))

    def sync_folder(self, path: Path) -> None:
        if path == self.folder and "sync_folder" not in self.forgets:
            self.events.append(("sync_folder", ()))

    def close(self, descriptor: int) -> None:
        self.open_files.pop(descriptor, None)
        super().close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        number = self.files.pop(old.name)
        self.files[new.name] = number
        self.events.append(("names", ((old.name, None), (new.name, number))))

    def link(self, old: Path, new: Path) -> None:
        super().link(old, new)
        self.files[new.name] = self.files[old.name]
        self.events.append(("names", ((new.name, self.files[new.name]),)))

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        del self.files[path.name]
        self.events.append(("names", ((path.name, None),)))

    def acknowledge(self, what: int) -> None:
        """Mark that the caller was told of a save."""
        self.events.append(("acknowledged", (what,)))


Left = dict[str, bytes]
"""The files of a folder after the power failed, by name."""


def after_power_loss(events: Sequence[Event]) -> Iterator[Left]:
    """What may be in the folder when the power fails after these events."""
    files: dict[int, StoredFile] = {}
    names = Names()
    for kind, what in events:
        if kind == "names":
            names.pending.append(list(what))
            for _, number in what:
                if number is not None:
                    files.setdefault(number, StoredFile())
        elif kind == "write":
            files[what[0]].pending.append(what[1])
        elif kind == "sync":
            file = files[what[0]]
            file.synced += b"".join(file.pending)
            file.pending.clear()
        elif kind == "sync_folder":
            for change in names.pending:
                _apply(names.synced, change)
            names.pending.clear()
    for folder in _folders(names):
        for survives in SURVIVALS:
            yield {name: survives(files[number]) for name, number in folder.items()}


def _apply(folder: FolderState, change: list[tuple[str, int | None]]) -> None:
    for name, number in change:
        if number is None:
            folder.pop(name, None)
        else:
            folder[name] = number


def _folders(names: Names) -> Iterator[FolderState]:
    """None of the changes, all of them, all but one, one alone: each name reaches the disk when it likes."""
    pending = names.pending
    chosen = [[], pending]
    chosen += [[each] for each in pending] + [pending[:at] + pending[at + 1 :] for at in range(len(pending))]
    for changes in chosen:
        folder = dict(names.synced)
        for change in changes:
            _apply(folder, change)
        yield folder


def _all(file: StoredFile) -> bytes:
    return file.synced + b"".join(file.pending)


def _none(file: StoredFile) -> bytes:
    return file.synced


def _halves(file: StoredFile) -> bytes:
    return file.synced + b"".join(each[: len(each) // 2] for each in file.pending)


def _last_only(file: StoredFile) -> bytes:
    """The last write reached the disk before the others: where these should be there are zeros."""
    if not file.pending:
        return file.synced
    return file.synced + b"\0" * sum(map(len, file.pending[:-1])) + file.pending[-1]


def _zeros(file: StoredFile) -> bytes:
    """The file has its length, and none of its content."""
    return file.synced + b"\0" * sum(map(len, file.pending))


SURVIVALS: Sequence[Callable[[StoredFile], bytes]] = (_all, _none, _halves, _last_only, _zeros)

"""Looking after a store: what is in it, whether all of it is whole, and emptying it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.store.disk import Disk, FileStatus
from kpi_engine.store.files import Damaged, reason
from kpi_engine.store.folders import OWN_TEXTS, QUARANTINE, is_draft, is_own, is_segment, names_in, quarantine
from kpi_engine.store.locking import LOCK, writing
from kpi_engine.store.manifests import Entry, file_name, latest, numbers
from kpi_engine.store.segments import check_segment
from kpi_engine.store.space import default_limit


@dataclass(frozen=True, slots=True)
class KeptUnder:
    """The records of one label: how many, their bytes, when the first was made and one last used (seconds)."""

    label: str
    records: int
    size: int
    made: int
    used: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store holds: bytes of records, bytes that it may hold, records by label, and files moved to quarantine.

    `waiting` are bytes of files that no record needs and that go with one of the next saves.
    """

    folder: Path
    size: int
    limit: int
    labels: tuple[KeptUnder, ...]
    quarantined: int
    quarantined_size: int
    waiting: int

    @property
    def records(self) -> int:
        """How many records there are."""
        return sum(each.records for each in self.labels)


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged file: what is wrong with it, what became of it, and the label of the record that it held."""

    file: str
    label: str
    problem: str
    became: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at every byte found: whole records, those whose file is gone, and damage."""

    records: int
    size: int
    gone: int
    damage: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was removed, and the names in the folder that are not the store's own and stayed."""

    files: int
    size: int
    foreign: tuple[str, ...]


def contents(folder: Path, limit: int | None, disk: Disk) -> Contents:
    """What a store holds. `Refused` or OSError if it cannot be looked at; one that is not there holds nothing."""
    if names_in(disk, folder) is None:
        return Contents(folder, 0, limit if limit is not None else _limit_of(disk, folder, 0), (), 0, 0, 0)
    entries = latest(disk, folder).manifest.entries
    files = _statuses(disk, folder)
    kept = [each for each in entries if each.name in files]
    size = sum(each.size for each in kept)
    needed = {each.name for each in kept}
    waiting = [status.size for name, status in files.items() if _is_waiting(name) and name not in needed]
    aside = _statuses(disk, folder / QUARANTINE) if QUARANTINE in disk.names(folder) else {}
    held = [status.size for name, status in aside.items() if is_own(name)]
    most = limit if limit is not None else _limit_of(disk, folder, size)
    return Contents(folder, size, most, _by_label(kept, files), len(held), sum(held), sum(waiting))


def _is_waiting(name: str) -> bool:
    return is_segment(name) or is_draft(name)


def _limit_of(disk: Disk, folder: Path, held: int) -> int:
    present = next(each for each in (folder, *folder.parents) if each.exists())
    return default_limit(disk.free(present), held)


def _statuses(disk: Disk, folder: Path) -> dict[str, FileStatus]:
    """All files in a folder, without links and folders."""
    found = {}
    for name in disk.names(folder):
        with contextlib.suppress(FileNotFoundError):
            status = disk.status(folder / name)
            if status.regular:
                found[name] = status
    return found


def _by_label(entries: Iterable[Entry], files: dict[str, FileStatus]) -> tuple[KeptUnder, ...]:
    grouped: dict[str, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.label, []).append(entry)
    return tuple(
        KeptUnder(
            label,
            len(group),
            sum(each.size for each in group),
            min(each.made for each in group),
            max(files[each.name].touched for each in group) // 1_000_000_000,
        )
        for label, group in sorted(grouped.items())
    )


def verify(folder: Path, disk: Disk) -> Verified:
    """Read every byte of a store again. Damaged files go to quarantine; whole ones are left as they are.

    `Refused` or OSError if the store cannot be looked at.
    """
    if names_in(disk, folder) is None:
        return Verified(0, 0, 0, ())
    found = latest(disk, folder)
    damage = [
        Damage(name, "", "its checksum does not fit", "is replaced by the next answer that is kept")
        for name in found.damaged
    ]
    whole, size, gone = 0, 0, 0
    for entry in found.manifest.entries:
        try:
            check_segment(disk, folder / entry.name)
        except FileNotFoundError:
            gone += 1
        except Damaged as problem:
            damage.append(Damage(entry.name, entry.label, str(problem), quarantine(disk, folder, entry.name)))
        except OSError as error:
            damage.append(Damage(entry.name, entry.label, f"it cannot be read: {reason(error)}", "stays where it is"))
        else:
            whole += 1
            size += entry.size
    return Verified(whole, size, gone, tuple(damage))


def clear(folder: Path, disk: Disk, patience: float) -> Cleared:
    """Remove all that a store made but the folder and the file that writers lock. Links are not followed, and stay.

    Manifests go first, so that a crash leaves no record without its file. `Refused` if somebody is writing, or if the
    folder is no store; OSError if something cannot be removed.
    """
    if names_in(disk, folder) is None:
        return Cleared(0, 0, ())
    with writing(disk, folder, patience):
        files = _statuses(disk, folder)
        made = [file_name(number) for number in reversed(numbers(files))]
        size = _remove(disk, folder, {name: files[name] for name in made})
        disk.sync_folder(folder)
        rest = {name: status for name, status in files.items() if _is_waiting(name)}
        size += _remove(disk, folder, rest)
        aside, removed = folder / QUARANTINE, len(made) + len(rest)
        if QUARANTINE in disk.names(folder) and disk.status(aside).folder:
            moved = {name: status for name, status in _statuses(disk, aside).items() if is_own(name)}
            size += _remove(disk, aside, moved)
            removed += len(moved)
            if not disk.names(aside):
                disk.remove_folder(aside)
        disk.sync_folder(folder)
        foreign = sorted(set(disk.names(folder)) - {LOCK, *OWN_TEXTS})
    return Cleared(removed, size, tuple(foreign))


def _remove(disk: Disk, folder: Path, files: dict[str, FileStatus]) -> int:
    for name in files:
        with contextlib.suppress(FileNotFoundError):
            disk.unlink(folder / name)
    return sum(status.size for status in files.values())

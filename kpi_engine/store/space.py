"""How much the store holds: what goes when more is needed, and what nobody needs any longer."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from kpi_engine.store.disk import Disk
from kpi_engine.store.files import discard
from kpi_engine.store.folders import is_draft, is_segment
from kpi_engine.store.manifests import Entry, Manifest, file_name, numbers

MOST = 5 * 1024**3
_SHARE = 10


def default_limit(free: int, held: int) -> int:
    """The bytes that a store may hold if nobody says so: 5 GiB, or a tenth of the disk's room if that is less.

    `free` bytes can still be written, `held` are the store's own.

    >>> default_limit(200 * 1024**3, 0) == MOST, default_limit(900, 100)
    (True, 100)
    """
    return min(MOST, (free + held) // _SHARE)


def to_keep(entries: Sequence[Entry], touched: Mapping[str, int], room: int) -> tuple[Entry, ...]:
    """The entries that fit into so many bytes: those used last, in the order given.

    Of those touched at one time the later ones stay.
    """
    kept: set[str] = set()
    places = range(len(entries))
    for place in sorted(places, key=lambda each: (touched.get(entries[each].name, 0), each), reverse=True):
        room -= entries[place].size
        if room < 0:
            break
        kept.add(entries[place].name)
    return tuple(each for each in entries if each.name in kept)


def collect(disk: Disk, folder: Path, current: Manifest, before: Manifest, limit: int, grace: int) -> None:
    """Remove what no manifest needs; the caller has the lock. What cannot be removed stays until the next time.

    A file that is in neither of the last two manifests stays for `grace` nanoseconds after it was touched, as somebody
    may be reading or writing it; segments go earlier if the folder would else hold more than `limit`.
    """
    with contextlib.suppress(OSError):
        names = disk.names(folder)
        for number in numbers(names):
            if number < current.number and number != before.number:
                discard(disk, folder / file_name(number))
        now = disk.now()
        for name in names:
            if is_draft(name) and _is_older(disk, folder / name, now - grace):
                discard(disk, folder / name)
        _collect_segments(
            disk, folder, [each for each in names if is_segment(each)], current, before, limit, now - grace
        )


def _collect_segments(
    disk: Disk, folder: Path, names: Collection[str], current: Manifest, before: Manifest, limit: int, oldest: int
) -> None:
    needed = {each.name for each in current.entries}
    fallback = {each.name for each in before.entries}
    left = []
    for name in names:
        if name not in needed:
            with contextlib.suppress(FileNotFoundError):
                left.append((disk.status(folder / name), name))
    left.sort(key=lambda each: each[0].touched)
    total = sum(each.size for each in current.entries) + sum(status.size for status, _ in left)
    for status, name in left:
        if total > limit or (name not in fallback and status.touched < oldest):
            discard(disk, folder / name)
            total -= status.size


def _is_older(disk: Disk, path: Path, oldest: int) -> bool:
    try:
        return disk.status(path).touched < oldest
    except FileNotFoundError:
        return False

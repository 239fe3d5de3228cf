"""The power fails after every single operation: what was acknowledged is there, and all that is there is whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kpi_engine.ir.stored import NewRecord

from .power import Left, RecordingDisk, after_power_loss
from .stores import Content, content, expected, flip, quick, record, segments

LABELS = ("orders", "visits")
State = list[list[Content]]

STEPS: list[tuple[list[NewRecord], Sequence[str]]] = [
    ([record("orders", "a", sums=b"1" * 90, ids=b"2" * 30), record("visits", "b", sums=b"3")], ()),
    ([record("orders", "c", sums=b"4" * 50)], ("orders",)),
    ([], ("visits",)),
    ([record("visits", "d", ids=b"5" * 600), record("visits", "e")], ()),
    ([record("visits", "f", ids=b"6" * 600)], ("orders",)),
]
"""New records, and the labels of those that are replaced."""

LIMIT = 3000
"""So small that the last steps need space."""


def played(folder: Path, forgets: Sequence[str] = ()) -> tuple[RecordingDisk, list[State]]:
    """All steps on a disk that remembers them, and the state after each, the empty one first."""
    disk = RecordingDisk(folder, forgets)
    states: list[State] = [[[], []]]
    for number, (new, labels) in enumerate(STEPS, start=1):
        store = quick(folder, LIMIT, disk, grace=0)
        replaced = [each.name for label in labels for each in store.records(label)]
        assert store.save(new, replaced), store.notes
        disk.acknowledge(number)
        states.append([content(store, label) for label in LABELS])
    return disk, states


def wrong_states(disk: RecordingDisk, states: list[State], scratch: Path) -> Iterator[str]:
    """What is wrong after a power failure behind each operation; a folder that was seen is not looked at again."""
    seen: dict[tuple[tuple[str, bytes], ...], State | None] = {}
    done = 0
    for count in range(len(disk.events) + 1):
        if count and disk.events[count - 1][0] == "acknowledged":
            done += 1
        for left in after_power_loss(disk.events[:count]):
            key = tuple(sorted(left.items()))
            if key not in seen:
                seen[key] = looked_at(_written(left, scratch / str(len(seen))))
            if seen[key] not in (states[done], states[min(done + 1, len(states) - 1)]):
                yield f"after {count} operations: {sorted(left)}"
    assert len(seen) > 100, "the power failed in many ways"


def _written(left: Left, folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, found in left.items():
        (folder / name).write_bytes(found)
    return folder


def looked_at(folder: Path) -> State | None:
    """The state of a store, which must be ready for more; None if it is damaged or is not."""
    store = quick(folder, 1 << 30)
    found = [content(store, label) for label in LABELS]
    more = record("tickets", "after the failure", sums=b"7")
    sound = not store.notes and store.save([more]) and content(quick(folder), "tickets") == expected([more])
    return found if sound and [content(store, label) for label in LABELS] == found else None


def test_no_power_failure_damages_or_loses_what_was_acknowledged(tmp_path: Path) -> None:
    disk, states = played(tmp_path / "state")
    assert states[1:3] == [
        [expected(STEPS[0][0][:1]), expected(STEPS[0][0][1:])],
        [expected(STEPS[1][0]), states[1][1]],
    ]
    assert list(wrong_states(disk, states, tmp_path / "scratch")) == []


@pytest.mark.parametrize("forgotten", ["sync", "sync_folder"])
def test_the_harness_catches_a_store_that_does_not_sync(tmp_path: Path, forgotten: str) -> None:
    disk, states = played(tmp_path / "state", [forgotten])
    assert next(wrong_states(disk, states, tmp_path / "scratch"))


def test_a_look_finds_damage(tmp_path: Path) -> None:
    assert quick(tmp_path / "state").save(STEPS[0][0])
    flip(segments(tmp_path / "state")[0], 30)
    assert looked_at(tmp_path / "state") is None

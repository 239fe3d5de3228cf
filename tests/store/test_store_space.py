"""What the store holds stays within its limit: what was used least recently goes first, and nothing that is in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from kpi_engine.store import FolderStore
from kpi_engine.store.folders import quarantine

from .stores import PLENTY, QuickDisk, content, expected, flip, quick, record, segments

BLOB = bytes(1000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store of a test is."""
    return tmp_path / "state"


def headers(store: FolderStore) -> list[str]:
    return [each.header for each in store.records("orders")]


def test_what_is_used_least_recently_goes_first(folder: Path) -> None:
    size = _size_of_one(folder)
    store = quick(folder, limit=3 * size)
    for name in "abc":
        assert store.save([record("orders", name, sums=BLOB)])
    store.used([each for each in store.records("orders") if each.header == "a"])
    assert store.save([record("orders", "d", sums=BLOB)])
    assert headers(store) == ["a", "c", "d"]
    assert store.save([record("orders", "e", sums=BLOB), record("orders", "f", sums=BLOB)])
    assert headers(store) == ["d", "e", "f"]
    assert sum(path.stat().st_size for path in segments(folder)) <= 3 * size, "they are gone from the disk as well"


def test_a_smaller_limit_holds_from_the_next_save_on(folder: Path) -> None:
    size = _size_of_one(folder)
    assert quick(folder).save([record("orders", name, sums=BLOB) for name in "abcd"])
    store = quick(folder, limit=2 * size)
    assert headers(store) == list("abcd")
    assert store.save([record("orders", "e", sums=BLOB)]) and headers(store) == ["d", "e"]


def test_what_can_never_fit_is_not_written_and_moves_nothing(folder: Path) -> None:
    store = quick(folder, limit=2000)
    assert store.save([record("orders", "a", sums=BLOB)])
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert not store.save([record("orders", "b", sums=bytes(2000))])
    assert "more than the 2000 that it may hold (`size` of [store] in kpi.toml)" in store.notes[0]
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_without_a_limit_it_takes_a_tenth_of_the_room(folder: Path) -> None:
    class Small(QuickDisk):
        room = 30_000

        def free(self, folder: Path) -> int:
            return self.room - sum(path.stat().st_size for path in segments(folder))

    store = FolderStore(folder, disk=Small())
    for name in "abcd":
        assert store.save([record("orders", name, sums=BLOB)])
    assert headers(store) == ["c", "d"]
    assert not store.save([record("orders", "e", sums=bytes(9000))])
    assert "(a tenth of the disk's room)" in store.notes[0]


def test_files_that_nobody_needs_go_after_their_grace(folder: Path) -> None:
    disk = QuickDisk()
    store = quick(folder, disk=disk, grace=1000)
    assert store.save([record("orders", "a", sums=BLOB)])
    (first,) = store.records("orders")
    leftover, foreign = folder / f"tmp-1-{'a' * 16}", folder / "notes.txt"
    leftover.write_bytes(b"half a file of somebody who is gone")
    foreign.write_text("of somebody else")
    disk.time += 5000  # it is not its age that counts, but since when nobody needs it
    for path in (leftover, foreign):
        disk.touch(path, disk.now())
    assert store.save([record("orders", "b")], [first.name]) and store.save([record("visits", "c")])
    assert (folder / first.name).exists(), "somebody may still be reading it"
    assert store.read(first, "sums") == BLOB
    assert leftover.exists()
    disk.time += 1100
    assert store.save([record("visits", "d")])
    assert not (folder / first.name).exists() and not leftover.exists()
    assert store.read(first, "sums") is None and not store.notes
    assert foreign.exists()


def test_the_segments_of_the_manifest_before_stay(folder: Path) -> None:
    store = quick(folder, grace=0)
    kept = record("orders", "a", sums=BLOB)
    assert store.save([kept])
    assert store.save([], [each.name for each in store.records("orders")])
    (folder / "manifest-2").write_bytes(b"")
    assert content(quick(folder), "orders") == expected([kept])


def test_quarantine_stays_small(folder: Path) -> None:
    disk = QuickDisk()
    store = quick(folder, disk=disk)
    assert store.save([record("orders", str(number)) for number in range(25)])
    for path in segments(folder):
        flip(path, 20)
    assert store.records("orders") == ()
    assert store.notes == (
        f"25 damaged files of the state store {folder} went to quarantine/; what they held is computed again",
    )
    assert len(list((folder / "quarantine").iterdir())) == 16


def test_quarantine_leaves_what_is_not_the_stores(folder: Path, tmp_path: Path) -> None:
    disk = QuickDisk()
    assert quick(folder).save([record("orders", "a")])
    (path,) = segments(folder)
    (tmp_path / "elsewhere").mkdir()
    (folder / "quarantine").symlink_to(tmp_path / "elsewhere")
    assert quarantine(disk, folder, path.name) == "cannot be moved away"
    assert path.exists() and not list((tmp_path / "elsewhere").iterdir())


def _size_of_one(folder: Path) -> int:
    """The bytes of a file of the tests' records: the same for all."""
    beside = folder.parent / "measured"
    assert quick(beside, PLENTY).save([record("orders", "x", sums=BLOB)])
    (path,) = segments(beside)
    return path.stat().st_size

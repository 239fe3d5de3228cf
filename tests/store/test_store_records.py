"""What is saved is read again; what is not whole is not there; neighbours stay."""

from __future__ import annotations

import hashlib
import json
import os
import random
import stat
import threading
from pathlib import Path

import pytest

from kpi_engine.ir.stored import StateStore
from kpi_engine.store import FolderStore, folders, mounts
from kpi_engine.store.disk import Disk
from kpi_engine.store.files import Damaged
from kpi_engine.store.locking import writing
from kpi_engine.store.manifests import Entry, Manifest, decode, encode
from kpi_engine.store.upkeep import clear

from .stores import QuickDisk, content, expected, flip, manifests, one, quick, record, segments

ORDERS = record("orders", "march", sums=b"123", ids=b"", raw=bytes(range(256)))
VISITS = record("visits", "a\ud800 text \x00 of any kind 渠道", sums=b"9")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store of a test is."""
    return tmp_path / ".kpi" / "state"


def test_records_are_kept_with_every_byte_across_openings(folder: Path) -> None:
    store: StateStore = FolderStore(folder, limit=10_000)  # with real syncs
    assert store.save([ORDERS, VISITS])
    april = record("orders", "april", sums=b"4")
    assert store.save([april])
    for seen in (store, quick(folder)):
        assert isinstance(seen, FolderStore)
        assert content(seen, "orders") == expected([ORDERS, april])
        assert content(seen, "visits") == expected([VISITS])
        assert content(seen, "tickets") == []
        assert not seen.notes
    (found, _) = store.records("orders")
    assert (found.label, found.sizes) == ("orders", {"sums": 3, "ids": 0, "raw": 256})
    assert store.read(found, "nothing of this name") is None


def test_records_are_replaced_in_one_step(folder: Path) -> None:
    store = quick(folder)
    assert store.save([ORDERS, VISITS])
    (old,) = store.records("orders")
    new = record("orders", "april")
    assert store.save([new], [old.name, "seg-of-nobody"])
    assert content(store, "orders") == expected([new])
    assert store.save([], [each.name for each in store.records("orders")])
    assert content(store, "orders") == []
    assert content(store, "visits") == expected([VISITS])


def test_nothing_is_made_before_something_is_saved(folder: Path) -> None:
    store = quick(folder)
    assert store.records("orders") == ()
    assert store.save([])
    assert not folder.parent.exists() and not store.notes


def test_the_folder_is_for_its_owner_and_says_what_it_is(folder: Path) -> None:
    assert quick(folder).save([ORDERS])
    assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, folder.parent)} == {0o700}
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}
    assert (folder / ".gitignore").read_text() == "*\n"
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_a_damaged_record_is_put_aside_and_its_neighbours_stay(folder: Path) -> None:
    store = quick(folder)
    assert store.save([ORDERS, VISITS])
    (damaged,) = store.records("orders")
    flip(folder / damaged.name, -1)
    assert store.read(damaged, "raw") is None
    assert store.notes == (
        f"a damaged file of the state store {folder} went to quarantine/; what it held is computed again",
    )
    assert [path.name for path in (folder / "quarantine").iterdir()] == [damaged.name]
    assert content(store, "orders") == [] and content(store, "visits") == expected([VISITS])
    assert store.save([ORDERS]) and content(store, "orders") == expected([ORDERS])


def test_a_blob_is_read_though_another_one_of_its_record_is_damaged(folder: Path) -> None:
    store = quick(folder)
    assert store.save([ORDERS])
    (found,) = store.records("orders")
    flip(folder / found.name, -1)
    assert store.read(found, "sums") == b"123"


def test_no_change_of_a_byte_is_ever_believed(folder: Path) -> None:
    """Flipped bits, cut ends, additions, swapped and missing files: what is read is what was written, or nothing."""
    chance = random.Random(7)
    kept = [record("orders", f"r{n}", sums=chance.randbytes(40), ids=chance.randbytes(9)) for n in range(4)]
    assert quick(folder).save(kept)
    whole = {path: path.read_bytes() for path in segments(folder)}
    wanted = expected(kept)
    for round in range(600):
        path = chance.choice(list(whole))
        match chance.randrange(6):
            case 0:
                path.write_bytes(whole[path][: chance.randrange(len(whole[path]))])
            case 1:
                path.write_bytes(whole[path] + chance.randbytes(chance.randrange(1, 9)))
            case 2:
                path.unlink()
            case 3:
                path.write_bytes(whole[chance.choice([other for other in whole if other != path])])
            case _:
                flip(path, chance.randrange(len(whole[path])), chance.randrange(8))
        store = quick(folder)
        found = content(store, "orders")
        assert sum(each not in wanted for each in found if None not in dict(each[1]).values()) == 0
        intact = [each for each in found if each in wanted]
        assert len(intact) == 3, f"round {round}: neighbours stay"
        for name in folder.joinpath("quarantine").glob("*"):
            name.unlink()
        path.write_bytes(whole[path])


def test_a_damaged_manifest_leaves_the_one_before(folder: Path) -> None:
    store = quick(folder)
    assert store.save([ORDERS]) and store.save([VISITS])
    chance = random.Random(3)
    latest = manifests(folder)[-1]
    whole = latest.read_bytes()
    for _ in range(200):
        flip(latest, chance.randrange(len(whole)), chance.randrange(8))
        seen = quick(folder)
        assert content(seen, "orders") == expected([ORDERS]) and content(seen, "visits") == []
        latest.write_bytes(whole)
    latest.write_bytes(whole[:-10])
    seen = quick(folder)
    assert seen.save([record("tickets", "new")])
    assert "damaged file" in seen.notes[0]
    assert content(seen, "orders") == expected([ORDERS]) and len(content(seen, "tickets")) == 1
    assert [path.name for path in (folder / "quarantine").iterdir()] == [latest.name]
    assert latest not in manifests(folder), "its number is not used again"


def test_a_copy_of_an_old_manifest_is_not_a_newer_one(folder: Path) -> None:
    store = quick(folder)
    assert store.save([ORDERS]) and store.save([VISITS])
    (folder / "manifest-9").write_bytes((folder / "manifest-1").read_bytes())
    assert content(quick(folder), "visits") == expected([VISITS])


def test_without_a_valid_manifest_the_store_begins_anew(folder: Path) -> None:
    store = quick(folder)
    assert store.save([ORDERS]) and store.save([VISITS])
    for path in manifests(folder):
        path.write_bytes(b"")
    seen = quick(folder)
    assert content(seen, "orders") == []
    assert seen.save([VISITS]) and content(seen, "visits") == expected([VISITS])


def test_a_store_that_was_emptied_and_filled_again_is_seen_by_who_knew_it_before(folder: Path) -> None:
    store = quick(folder)
    assert store.save([ORDERS]) and content(store, "orders") == expected([ORDERS])
    clear(folder, QuickDisk(), 1)
    assert quick(folder).save([VISITS]), "its first manifest again"
    assert content(store, "orders") == [] and content(store, "visits") == expected([VISITS])


def test_the_last_two_manifests_are_kept(folder: Path) -> None:
    store = quick(folder)
    for number in range(5):
        assert store.save([record("orders", str(number))])
    assert [path.name for path in manifests(folder)] == ["manifest-4", "manifest-5"]


def test_a_store_of_a_newer_version_is_left_alone(folder: Path) -> None:
    store = quick(folder)
    assert store.save([ORDERS])
    line = json.dumps({"format": 2, "number": 2, "anything": []}).encode()
    (folder / "manifest-2").write_bytes(line + b"\n" + hashlib.sha256(line).hexdigest().encode() + b"\n")
    before = sorted(folder.iterdir())
    assert store.records("orders") == () and not store.save([VISITS])
    assert len(store.notes) == 1 and "is not used: it was made by another version" in store.notes[0]
    assert sorted(folder.iterdir()) == before
    assert clear(folder, QuickDisk(), 1).files == 3 and store.save([VISITS])


def test_a_manifest_names_no_file_outside_the_store(folder: Path) -> None:
    for name in ("../../secret", "seg-" + "0" * 32):
        with pytest.raises(Damaged):
            decode(encode(Manifest(1, (Entry(name, "orders", 1, "f" * 64, 0),))), 1)


def test_links_in_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    store = quick(folder)
    assert store.save([ORDERS])
    (path,) = segments(folder)
    copy = tmp_path / "copy"
    path.rename(copy)
    path.symlink_to(copy)
    seen = quick(folder)
    assert content(seen, "orders") == [] and "could not be read" in seen.notes[0]
    assert copy.exists() and path.is_symlink()


def test_the_folder_may_be_a_link_to_a_larger_disk(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "large")
    store = quick(folder)
    assert store.save([ORDERS]) and content(store, "orders") == expected([ORDERS])


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("day\n")
    store = quick(tmp_path)
    assert not store.save([ORDERS]) and store.records("orders") == ()
    assert "a folder with other files in it" in store.notes[0]
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_what_a_crash_left_in_a_new_folder_is_no_reason_to_refuse_it(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f"tmp-12-{'0' * 16}").write_bytes(b"half")
    assert quick(folder).save([ORDERS])


def test_the_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = quick(folder)
    assert store.save([ORDERS])
    monkeypatch.setattr(folders.os, "geteuid", lambda: os.getuid() + 1)
    assert store.records("orders") == () and not store.save([VISITS])
    assert all("belongs to another user" in note for note in store.notes)


def test_a_network_file_system_is_read_and_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert quick(folder).save([ORDERS])
    table = folder.parents[1] / "mounts"
    table.write_text(f"/dev/a / ext4 rw 0 0\nfiles:/x {folder.parent} nfs4 rw 0 0\n")
    monkeypatch.setattr(mounts, "_TABLE", table)
    store = quick(folder)
    assert content(store, "orders") == expected([ORDERS])
    assert not store.save([VISITS])
    assert "network file system (nfs4)" in store.notes[0] and "KPI_STORE_FORCE" in store.notes[0]
    assert FolderStore(folder, limit=10_000, network=True, disk=store._disk).save([VISITS])


def test_the_file_system_of_a_path_is_that_of_its_nearest_mount() -> None:
    table = (
        "a / ext4 rw 0 0\nb /home nfs rw 0 0\nc /home/a\\040b xfs rw 0 0\nd /mnt nfs rw 0 0\ne /mnt ext4 rw 0 0\nodd\n"
    )
    paths = ("/home", "/home/x", "/home/a b/c", "/homeless", "/mnt/x", "/")
    assert [mounts.type_at(path, table) for path in paths] == ["nfs", "nfs", "xfs", "ext4", "ext4", "ext4"]


def test_who_writes_for_long_is_named_and_not_waited_for(folder: Path) -> None:
    disk = Disk()
    store = FolderStore(folder, limit=10_000, patience=0.05)
    assert store.save([ORDERS])
    (folder / "lock").write_text("1234567890123\n")  # of one who was killed
    with writing(disk, folder, 1):
        assert (folder / "lock").read_text() == f"{os.getpid()}\n"
        assert not store.save([VISITS])
        assert content(store, "orders") == expected([ORDERS]), "readers need no lock"
    assert store.notes == (f"the state store {folder} was not written: process {os.getpid()} is writing to it",)
    assert not list(folder.glob("tmp-*"))
    assert store.save([VISITS]) and (folder / "lock").read_text() == ""
    assert not store.notes, "that is over"


def test_a_rival_without_a_lock_is_not_overwritten(folder: Path) -> None:
    """Where locks do nothing, the manifest that is there first holds, and the other save is made on top of it."""
    rival = quick(folder)
    assert rival.save([ORDERS])

    class Lockless(QuickDisk):
        raced = False

        def try_lock(self, descriptor: int) -> bool:
            return True

        def link(self, old: Path, new: Path) -> None:
            if new.name.startswith("manifest-") and not self.raced:
                self.raced = True
                assert quick(folder, disk=Rival()).save([VISITS])
            super().link(old, new)

    class Rival(QuickDisk):
        def try_lock(self, descriptor: int) -> bool:
            return True

    store = quick(folder, disk=Lockless())
    new = record("tickets", "t")
    assert store.save([new])
    assert [content(store, label) for label in ("orders", "visits", "tickets")] == [
        expected([each]) for each in (ORDERS, VISITS, new)
    ]


def test_without_second_names_a_manifest_is_written_once(folder: Path) -> None:
    class NoLinks(QuickDisk):
        def link(self, old: Path, new: Path) -> None:
            raise PermissionError(1, "Operation not permitted")

    store = quick(folder, disk=NoLinks())
    assert store.save([ORDERS]) and store.save([VISITS]) and not store.notes
    assert content(quick(folder), "orders") == expected([ORDERS]) and not list(folder.glob("tmp-*"))


def test_threads_may_read_and_save_at_once(folder: Path) -> None:
    store = quick(folder)
    kept = [record("orders", str(number), sums=bytes([number]) * 1000) for number in range(8)]
    assert store.save(kept)
    wrong: list[object] = []

    def work(number: int) -> None:
        for each in store.records("orders"):
            if one(store, each) not in expected(kept):
                wrong.append(each)
        if not store.save([record("others", str(number))]):
            wrong.append(store.notes)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sorted(header for header, _ in content(store, "others")) == list("012345")

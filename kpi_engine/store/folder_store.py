"""The state store: records in a folder, which survive crashes, full disks and neighbours."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kpi_engine.ir.stored import NewRecord, StoredRecord
from kpi_engine.store.disk import Disk
from kpi_engine.store.files import Damaged, Refused, discard, reason, write_draft
from kpi_engine.store.folders import make_folder, names_in, quarantine
from kpi_engine.store.locking import writing
from kpi_engine.store.manifests import Entry, Latest, Manifest, latest, publish, stamp
from kpi_engine.store.mounts import network_file_system
from kpi_engine.store.segments import Packed, Segment, pack, read_blob, read_segment
from kpi_engine.store.space import collect, default_limit, to_keep

SECOND = 1_000_000_000
_RIVALS = 20


class FolderStore:
    """A `StateStore` in a folder, which is made when something is first saved.

    `limit` are the bytes that it may hold (None: 5 GiB, or a tenth of the disk's room if that is less). `network` lets
    it write to a file system of several machines. A writer waits `patience` seconds for another one; files that are no
    longer needed stay for `grace` seconds, because somebody may be reading them.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = FolderStore(Path(folder) / "state", limit=1_000_000)
    ...     saved = store.save([NewRecord("orders", "march", {"sums": b"1 2 3"})])
    ...     (record,) = store.records("orders")
    ...     saved, record.header, record.sizes["sums"], store.read(record, "sums")
    (True, 'march', 5, b'1 2 3')
    """

    def __init__(
        self,
        folder: Path,
        *,
        limit: int | None = None,
        network: bool = False,
        disk: Disk | None = None,
        patience: float = 2.0,
        grace: float = 900.0,
    ) -> None:
        self.folder = folder
        self.limit = limit
        self._network = network
        self._disk = Disk() if disk is None else disk
        self._patience = patience
        self._grace = int(grace * SECOND)
        self._segments: dict[str, Segment] = {}
        self._stamp: tuple[int, ...] | None = None
        self._listed: Sequence[Entry] = ()
        self._notes: dict[str, str] = {}
        self._damaged: dict[str, list[str]] = {}
        self._guard = threading.Lock()

    @property
    def notes(self) -> Sequence[str]:
        """What readers should know of trouble with the store: the last of each kind; of saving until one succeeds."""
        with self._guard:
            # One cause is said once: what cannot be listed can mostly not be written either.
            said = {cause: f"{what}: {cause}" for what, cause in reversed(self._notes.items())}
            return (*reversed(said.values()), *(self._about(*each) for each in self._damaged.items()))

    def news(self) -> Sequence[str]:
        """The notes; those of damage, which is over, are given once."""
        found = self.notes
        with self._guard:
            self._damaged.clear()
        return found

    def records(self, label: str) -> Sequence[StoredRecord]:
        """The records under a label whose heads are whole, oldest first."""
        found = []
        for entry in self._entries():
            segment = self._segment(entry.name) if entry.label == label else None
            if segment is not None:
                sizes = {name: place.size for name, place in segment.blobs.items()}
                found.append(StoredRecord(entry.name, segment.label, segment.text, sizes))
        return tuple(found)

    def read(self, record: StoredRecord, blob: str) -> bytes | None:
        """A blob, verified; None if it is damaged or gone."""
        segment = self._segment(record.name)
        if segment is None or blob not in segment.blobs:
            return None
        with self._reading(record.name):
            return read_blob(self._disk, self.folder / record.name, segment.blobs[blob])
        return None

    def used(self, records: Iterable[StoredRecord]) -> None:
        """Say that records were of use: what is used least recently goes first when space is needed.

        The time is that of the file's last change. Where it cannot be set, nothing is written either.
        """
        for record in records:
            with contextlib.suppress(OSError):
                self._disk.touch(self.folder / record.name, self._disk.now())

    def save(self, new: Sequence[NewRecord], replaced: Iterable[str] = ()) -> bool:
        """Keep new records and, in the same step, forget others by name. Whether it was done.

        True means that it is on the disk. With False all is as before, and `notes` say why.
        """
        forgotten = frozenset(replaced)
        if not new and not forgotten:
            return True
        try:
            self._save(tuple(map(pack, new)), forgotten)
        except Refused as refusal:
            self._note(f"the state store {self.folder} was not written", str(refusal))
        except OSError as error:
            self._note(f"the state store {self.folder} was not written", reason(error))
        else:
            self._note(f"the state store {self.folder} was not written", "")
            return True
        return False

    def _save(self, new: Sequence[Packed], forgotten: frozenset[str]) -> None:
        self._refuse_network()
        make_folder(self._disk, self.folder)
        limit = self._limit()
        size = sum(each.size for each in new)
        if size > limit:
            because = "a tenth of the disk's room" if self.limit is None else "`size` of [store] in kpi.toml"
            raise Refused(f"{size} bytes are more than the {limit} that it may hold ({because})")
        drafts: dict[Path, Packed] = {}
        try:
            for packed in new:
                drafts[write_draft(self._disk, self.folder, packed.parts)] = packed
            with writing(self._disk, self.folder, self._patience):
                self._commit(drafts, forgotten, limit)
        except BaseException:
            for draft in drafts:
                discard(self._disk, draft)
            raise

    def _commit(self, drafts: dict[Path, Packed], forgotten: frozenset[str], limit: int) -> None:
        """Name the drafts and make the next manifest, with the lock."""
        made = self._disk.now()
        found = latest(self._disk, self.folder)
        entries = [Entry(each.name, each.label, each.size, each.sha256, made // SECOND) for each in drafts.values()]
        try:
            for draft, packed in drafts.items():
                # Without a time of its own a file has that of its writing, which is as good.
                with contextlib.suppress(OSError):
                    self._disk.touch(draft, made)
                self._disk.rename(draft, self.folder / packed.name)
            self._disk.sync_folder(self.folder)
            found, current = self._publish(found, entries, forgotten, limit)
        except (OSError, Refused):
            for packed in drafts.values():
                discard(self._disk, self.folder / packed.name)
            raise
        self._tidy(found, current, limit)

    def _publish(
        self, found: Latest, entries: Sequence[Entry], forgotten: frozenset[str], limit: int
    ) -> tuple[Latest, Manifest]:
        """Make the manifest after the latest one hold, and give both."""
        for _ in range(_RIVALS):
            kept = self._kept(found.manifest, forgotten, limit - sum(each.size for each in entries))
            current = Manifest(found.highest + 1, (*kept, *entries))
            try:
                publish(self._disk, self.folder, current)
            except FileExistsError:
                # The lock should not let this happen; on some disks of several machines it does.
                found = latest(self._disk, self.folder)
            else:
                return found, current
        raise Refused("other writers were always first")

    def _kept(self, manifest: Manifest, forgotten: frozenset[str], room: int) -> tuple[Entry, ...]:
        """The entries of the last manifest that stay: not forgotten, still there, and within the limit."""
        touched = {}
        for entry in manifest.entries:
            if entry.name not in forgotten:
                with contextlib.suppress(FileNotFoundError):
                    touched[entry.name] = self._disk.status(self.folder / entry.name).touched
        return to_keep([each for each in manifest.entries if each.name in touched], touched, room)

    def _tidy(self, found: Latest, current: Manifest, limit: int) -> None:
        """After a save: damaged manifests are moved away, what is no longer needed goes. Nothing of it can fail it."""
        for name in found.damaged:
            self._quarantine(name)
        needed = {each.name for each in current.entries}
        now = self._disk.now()
        for entry in found.manifest.entries:
            if entry.name not in needed:
                # From now on it is counted how long nobody needs it.
                with contextlib.suppress(OSError):
                    self._disk.touch(self.folder / entry.name, now)
        collect(self._disk, self.folder, current, found.manifest, limit, self._grace)

    def _limit(self) -> int:
        if self.limit is not None:
            return self.limit
        held = sum(each.size for each in latest(self._disk, self.folder).manifest.entries)
        return default_limit(self._disk.free(self.folder), held)

    def _refuse_network(self) -> None:
        found = None if self._network else network_file_system(self.folder)
        if found is not None:
            raise Refused(f"it lies on a network file system ({found}); KPI_STORE_FORCE=1 allows that")

    def _entries(self) -> Sequence[Entry]:
        """What the latest manifest lists; nothing if it cannot be read, with a note."""
        try:
            return self._latest_entries()
        except Refused as refusal:
            self._note(f"the state store {self.folder} is not used", str(refusal))
        except OSError as error:
            self._note(f"the state store {self.folder} is not used", reason(error))
        return ()

    def _latest_entries(self) -> Sequence[Entry]:
        """A manifest never changes, so one is read again only when there is a higher one."""
        names = names_in(self._disk, self.folder) or ()
        try:
            found = stamp(self._disk, self.folder, names)
        except FileNotFoundError:
            found = None
        if found is None or found != self._stamp:
            self._listed = latest(self._disk, self.folder).manifest.entries
            self._stamp = found
            listed = {each.name for each in self._listed}
            self._segments = {name: each for name, each in self._segments.items() if name in listed}
        return self._listed

    def _segment(self, name: str) -> Segment | None:
        """The head of a segment; it never changes, so it is read once."""
        known = self._segments.get(name)
        if known is not None:
            return known
        with self._reading(name):
            self._segments[name] = read_segment(self._disk, self.folder / name)
        return self._segments.get(name)

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """What cannot be read is not there: damaged files are moved away, and trouble is noted."""
        try:
            yield
        except FileNotFoundError:
            self._segments.pop(name, None)
        except Damaged:
            self._segments.pop(name, None)
            self._quarantine(name)
        except OSError as error:
            self._note(f"a file of the state store {self.folder} could not be read", reason(error))

    def _quarantine(self, name: str) -> None:
        became = quarantine(self._disk, self.folder, name)
        with self._guard:
            self._damaged.setdefault(became, []).append(name)

    def _about(self, became: str, names: Sequence[str]) -> str:
        many = len(names) > 1
        files = f"{len(names)} damaged files" if many else "a damaged file"
        held = "they held" if many else "it held"
        return f"{files} of the state store {self.folder} {became}; what {held} is computed again"

    def _note(self, what: str, cause: str) -> None:
        """Say what does not go and why, in place of why it did not go before; without a cause it goes again."""
        with self._guard:
            self._notes.pop(what, None)
            if cause:
                self._notes[what] = cause

"""What a run knows of kept states: the store, what states are called in it, and the records to be saved in the end."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Literal, TypeVar

import pyarrow as pa

from kpi_engine.execute.reader import SourceReader
from kpi_engine.execute.records import Header
from kpi_engine.execute.remembered import Remembered
from kpi_engine.extend.rows import Fragment, fingerprint_of
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Catalog, Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.digest import sha256_of
from kpi_engine.ir.fingerprint import Connections, Meaning, fingerprint
from kpi_engine.ir.plan import ExtentRequest, MeasureQuery
from kpi_engine.ir.result import RunStats
from kpi_engine.ir.state_meaning import Part, query_meaning
from kpi_engine.ir.stored import NewRecord, StateStore, StoredRecord
from kpi_engine.kernels.state_bytes import Frames, frames_of_bytes

if TYPE_CHECKING:
    from kpi_engine.execute.reach import RowsOfQuery

_LOG = logging.getLogger(__name__)

_NOT_KEPT = frozenset({"kll"})
"""Sketches that depend on how rows came in batches: kept ones would not give the answer that rows give."""

FindTime = Callable[[Sequence[Fragment] | None, Bound | None], Bound | None]
"""The first or last time in some fragments of a source (None: in all of them) and a time that is known to be in it."""


BlobName = tuple[str, str]
"""A record and a blob of it."""

Answer = TypeVar("Answer")


class LostStates(Exception):
    """A blob that was taken for granted cannot be used."""

    def __init__(self, blob: BlobName) -> None:
        super().__init__("/".join(blob))
        self.blob = blob


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record of the store, with its header."""

    stored: StoredRecord
    header: Header


@dataclass(frozen=True, slots=True)
class QueryKey:
    """What the states of a query are called: the label of its records, its cells, and each of its states."""

    label: str
    cells: str
    states: tuple[str, ...]
    passing: bool
    """Whether they rest on the as-of."""


@dataclass(slots=True)
class Keeper:
    """Kept states of one run. `engine` names everything besides definitions and rows that states rest on."""

    store: StateStore
    connections: Connections
    engine: str
    memory: Remembered = field(default_factory=Remembered)
    """What was read from the store by this process."""
    _records: dict[str, list[KeptRecord]] = field(default_factory=dict)
    _tables: dict[str, str | None] = field(default_factory=dict)
    _new: list[NewRecord] = field(default_factory=list)
    _old: list[str] = field(default_factory=list)
    damaged: set[BlobName] = field(default_factory=set)
    """Blobs that cannot be used, by record and name."""
    _used: dict[str, StoredRecord] = field(default_factory=dict)
    _rows: dict[int, tuple[MeasureQuery, RowsOfQuery]] = field(default_factory=dict)

    def records(self, label: str) -> list[KeptRecord]:
        """The records under a label, newest first."""
        found = self._records.get(label)
        if found is None:
            found = []
            for stored in reversed(self.store.records(label)):
                header = self.memory.header(stored)
                if header is not None:
                    found.append(KeptRecord(stored, header))
            self._records[label] = found
        return found

    def key(
        self, query: MeasureQuery, catalog: Catalog, reader: SourceReader, watermarks: Mapping[str, Bound]
    ) -> QueryKey | None:
        """What the states of a query are called; None if they cannot be kept."""
        if catalog.sources[query.source].derived is not None or any(each.kind in _NOT_KEPT for each in query.states):
            return None
        meaning = query_meaning(catalog, self.connections, query)
        found = []
        for part in (meaning.cells, *meaning.states):
            looked = self._looked_at(part, catalog, reader, watermarks)
            if looked is None:
                return None
            found.append(fingerprint((part.meaning, *looked)))
        return QueryKey(
            f"{query.source} {fingerprint((self.engine, meaning.source))}",
            found[0],
            tuple(found[1:]),
            meaning.cells.dated or any(part.dated for part in meaning.states),
        )

    def _looked_at(
        self, part: Part, catalog: Catalog, reader: SourceReader, watermarks: Mapping[str, Bound]
    ) -> list[Meaning] | None:
        """What the rows of other sources are that a part rests on; None where that is not known."""
        looked: list[Meaning] = []
        for name in sorted(part.looks_at):
            # The rows of derived sources are those of their bases, which are looked at as well.
            table = "" if catalog.sources[name].derived is not None else self._table(name, catalog, reader)
            if table is None:
                return None
            mark = watermarks.get(name) if part.dated else None
            looked.append((name, table, None if mark is None else (mark.us, mark.day)))
        return looked

    def _table(self, name: str, catalog: Catalog, reader: SourceReader) -> str | None:
        """What changes when rows of a table do."""
        if name not in self._tables:
            self._tables[name] = self._mark(name, catalog, reader)
        return self._tables[name]

    def _mark(self, name: str, catalog: Catalog, reader: SourceReader) -> str | None:
        """What changes when rows of a table do, as it is at this moment."""
        marks = fragment_marks(reader.open(_plain(catalog.sources[name]), ()).fragments())
        whole = [each for each in marks if each is not None]
        return _hashed("\n".join(whole)) if len(whole) == len(marks) else None

    def time(
        self,
        kind: Literal["first", "last"],
        request: ExtentRequest,
        catalog: Catalog,
        reader: SourceReader,
        find: FindTime,
    ) -> Bound | None:
        """The first or last time of a source: as it was found for the same rows, or as `find` finds it in fragments
        that are not known, beginning with the time that the others have."""
        query, source = MeasureQuery(request.source, (), request.time, (), ()), catalog.sources[request.source]
        key = None if request.grains else self.key(query, catalog, reader, {})
        if key is None or key.passing:
            return find(None, None)
        fragments = reader.open(_plain(source), request.columns).fragments()
        marks = fragment_marks(fragments)
        label = f"{key.label} {kind} {fingerprint((key.cells,))}"
        kept = self.store.records(label)
        known, found, there = frozenset[str](), None, set(marks)
        for record in kept:
            seen, time = _parsed_time(record.header)
            # A row that takes the place of another may be later: then all of them are looked at again.
            fits = seen is not None and (seen == there or (seen < there and source.on_duplicate is None))
            if seen is not None and fits and seen >= known:
                known, found = seen, time
                self.used(record)
        left = [number for number, mark in enumerate(marks) if mark is None or mark not in known]
        if not left and kept:
            return found
        chosen = [fragments[number] for number in left]
        found = find(chosen, found) if source.on_duplicate is None else find(None, None)
        if None not in marks and fragment_marks(chosen) == [marks[number] for number in left]:
            text = json.dumps([sorted(map(str, marks)), None if found is None else [found.us, found.day]])
            self.keep(NewRecord(label, text, {}), [record.name for record in kept])
        return found

    def know_rows(self, query: MeasureQuery, rows: RowsOfQuery) -> None:
        """Take in which rows the states of a query of this run were made of."""
        self._rows[id(query)] = (query, rows)  # a query is large to compare; it stays, so that its number is its own

    def rows_of(self, query: MeasureQuery) -> RowsOfQuery | None:
        """Which rows the states of a query of this run were made of; None if that is not known."""
        found = self._rows.get(id(query))
        return None if found is None else found[1]

    def frames(self, record: StoredRecord, blob: str) -> Frames | None:
        """The frames in a blob; None if it cannot be used."""
        known = self.memory.find(record.name, blob)
        if known is not None:
            self.used(record)
            return known
        data = self.store.read(record, blob)
        try:
            if data is None:
                raise ValueError("it is damaged or gone")
            found = frames_of_bytes(data)
        except (ValueError, KeyError, pa.ArrowException) as error:
            _LOG.info("kept states cannot be used (%s): %s", record.name, error)
            return None
        self.used(record)
        self.memory.keep(record.name, blob, found)
        return found

    def used(self, record: StoredRecord) -> None:
        """Say that a record was of use."""
        self._used[record.name] = record

    def keep(self, record: NewRecord, replaced: Sequence[str]) -> None:
        """Keep a record when the run is over, in place of others."""
        self._new.append(record)
        self._old.extend(replaced)

    def until_whole(self, do: Callable[[], Answer]) -> Answer:
        """What `do` gives; where kept states turn out to be lost, it is done once more without them, and what it wanted
        to be kept is forgotten."""
        begun = len(self._new), len(self._old)
        while True:
            try:
                return do()
            except LostStates as lost:
                self.damaged.add(lost.blob)
                del self._new[begun[0] :], self._old[begun[1] :]

    def save(self, stats: RunStats) -> None:
        """Write what is new. What the reader should know of it goes to the notes of the run."""
        old = set(self._old)
        self.store.used(record for name, record in self._used.items() if name not in old)
        if self._new:
            self.store.save(self._new, sorted(old))
        stats.notes.extend(note for note in self.store.news() if note not in stats.notes)


def _plain(source: Source) -> Source:
    """A source with all rows of its table."""
    return replace(source, distinct=False, on_duplicate=None)


def _parsed_time(header: str) -> tuple[frozenset[str] | None, Bound | None]:
    """The marks of fragments and a time found in them; None instead of the marks for what is no such thing."""
    try:
        marks, found = json.loads(header)
        return frozenset(map(str, marks)), None if found is None else Bound(*found)
    except (ValueError, TypeError):
        return None, None


def fragment_marks(fragments: Sequence[Fragment]) -> list[str | None]:
    """A short text for each fragment that changes when its rows do; None where that is not known."""
    return [None if mark is None else _hashed(mark) for mark in map(fingerprint_of, fragments)]


def _hashed(text: str) -> str:
    return sha256_of(text.encode()).hexdigest()[:24]

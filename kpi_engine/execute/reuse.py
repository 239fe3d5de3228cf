"""Which fragments of a scan need not be read, because states of their rows are kept, and those states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from kpi_engine.execute.keeper import BlobName, Keeper, KeptRecord, LostStates, QueryKey, fragment_marks
from kpi_engine.execute.records import Entry, Form, Header
from kpi_engine.extend.rows import Fragment
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import MeasureQuery
from kpi_engine.ir.result import SourceStats
from kpi_engine.kernels.frames import StateFrame
from kpi_engine.kernels.pieces import Unread
from kpi_engine.kernels.recut import Edges, Span, apart, recut, recut_together, windowed
from kpi_engine.kernels.state_bytes import Frames
from kpi_engine.kernels.unassigned import Unassigned, united

if TYPE_CHECKING:
    from kpi_engine.kernels.counted import CountedPart


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query of a scan: its position among them, what its states are called, and for each of its frames (the plain one
    first, then one for each set) the positions of the states in it."""

    position: int
    query: MeasureQuery
    key: QueryKey
    frames: tuple[tuple[int, ...], ...]
    counted: frozenset[int]
    """The frames of sets of which only the cells are wanted."""
    edges: Edges

    @classmethod
    def of(cls, position: int, query: MeasureQuery, key: QueryKey, counted: Iterable[int]) -> Wanted:
        """The frames are those that a batch of rows gives."""
        plain = tuple(number for number, state in enumerate(query.states) if not state.is_set)
        sets = tuple((number,) for number, state in enumerate(query.states) if state.is_set)
        return cls(position, query, key, (plain, *sets), frozenset(counted), Edges(query.edges))

    @property
    def is_read_at_once(self) -> bool:
        """Whether all kept states are looked at, whatever is asked."""
        return self.query.time is None or self.query.until is not None

    def names(self, frame: int) -> tuple[str, ...]:
        """What the states of a frame are called."""
        return tuple(self.key.states[number] for number in self.frames[frame])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame of a unit is kept: its number in a blob, and its span."""

    record: KeptRecord
    entry: Entry
    span: Span
    blob: str
    number: int

    unit: int

    @property
    def name(self) -> BlobName:
        """The blob's name in the store."""
        return self.record.stored.name, self.blob

    @property
    def without(self) -> Mapping[int, Unassigned]:
        """By key the rows of the frame that have a null there."""
        return self.entry.without[self.unit]


@dataclass(frozen=True, slots=True)
class KeptUnit:
    """A unit all of whose fragments are there.

    `places` are by query that can do without its rows those of its frames, `cells` by query and frame of a set that is
    only counted those of its cells; `stats` is what reading the unit would say.
    """

    fragments: tuple[str, ...]
    places: Mapping[int, tuple[Place, ...]]
    cells: Mapping[tuple[int, int], Place]
    stats: SourceStats


@dataclass(slots=True)
class Reuse:
    """What is taken from the store in one scan.

    `marks` are the fragments' (None: not kept). `missing` are for each fragment the positions of the queries that need
    its rows.
    """

    keeper: Keeper
    wanted: Sequence[Wanted]
    marks: Sequence[str | None]
    missing: list[frozenset[int]]
    stats: SourceStats
    chosen: list[KeptUnit] = field(default_factory=list)
    _blobs: dict[BlobName, Frames] = field(default_factory=dict)

    def frames(self) -> Iterator[tuple[int, int, StateFrame | Unread]]:
        """Kept states in the buckets of their queries: the query's position, the number of the frame, and the frame, or
        some frames that are read when they are looked at. Then `LostStates` may say that they cannot be had."""
        for wanted in self.wanted:
            units = [unit.places[wanted.position] for unit in self.chosen if wanted.position in unit.places]
            for number in range(len(wanted.frames)):
                if number in wanted.counted:
                    continue
                blobs: dict[BlobName, list[Place]] = {}
                for places in units:
                    blobs.setdefault(places[number].name, []).append(places[number])
                for of_blob in blobs.values():
                    if wanted.is_read_at_once:
                        yield from (
                            (wanted.position, number, frame) for frame in self._together(wanted, number, of_blob)
                        )
                    else:
                        yield wanted.position, number, self._unread(wanted, number, of_blob)

    def _unread(self, wanted: Wanted, number: int, places: Sequence[Place]) -> Unread:
        """A frame of some units that are in one blob."""
        query, states = wanted.query, [places[0].entry.states.index(name) for name in wanted.names(number)]
        buckets: set[int] = set()
        without: dict[int, list[Unassigned]] = {}
        for place in places:
            table = place.span.buckets(wanted.edges, place.span.begins)[:-1].tolist()
            buckets.update(table)
            for key, found in place.without.items():
                moved = found.among(states).moved(table, len(query.edges), drops_first=query.complete_from is not None)
                without.setdefault(key, []).append(moved)
        read = partial(self._in_pieces, wanted, number, places)
        return Unread(min(buckets), max(buckets) + 1, read, {key: united(found) for key, found in without.items()})

    def _in_pieces(self, wanted: Wanted, number: int, places: Sequence[Place]) -> list[StateFrame]:
        return list(self._together(wanted, number, places))

    def _together(self, wanted: Wanted, number: int, places: Sequence[Place]) -> Iterator[StateFrame]:
        """A frame of some units of a blob, in few pieces: those that have no bucket in common are taken as one."""
        first = places[0]
        self._need(first)
        spans = [place.span for place in places]
        chosen = [] if wanted.query.until is not None else apart(spans, wanted.edges)
        if len(chosen) > 1:
            of_numbers = {places[which].number: spans[which] for which in chosen}
            moved = recut_together(self._blobs[first.name], of_numbers, wanted.edges)
            yield in_windows(wanted.query, self._with_states(wanted, number, first, moved))
            places = [place for which, place in enumerate(places) if which not in set(chosen)]
        yield from (self._frame(wanted, number, place) for place in places)

    def counted(self) -> Iterator[tuple[int, int, CountedPart]]:
        """Kept cells of sets that are only counted, in the same way. Their sets are read when they are asked for; then
        `LostStates` may say that they cannot be had."""
        for unit in self.chosen:
            for (position, number), place in unit.cells.items():
                from kpi_engine.kernels.counted import CountedPart

                wanted, whole = self._wanted(position), unit.places[position][number]
                # Counts of buckets that become one cannot be added: the set is needed.
                if place.span.fits_exactly(wanted.edges):
                    cells = self._frame(wanted, number, place)
                    yield position, number, CountedPart(cells, partial(self._set, wanted, number, whole))
                else:
                    yield position, number, CountedPart.of(self._set(wanted, number, whole))

    def _wanted(self, position: int) -> Wanted:
        return next(each for each in self.wanted if each.position == position)

    def _set(self, wanted: Wanted, number: int, place: Place) -> StateFrame:
        self._need(place)
        return self._frame(wanted, number, place)

    def _frame(self, wanted: Wanted, number: int, place: Place) -> StateFrame:
        """The frame of a unit, in the buckets of its query."""
        frame = self._with_states(wanted, number, place, self._blobs[place.name][place.number])
        moved = recut(frame, place.span, wanted.edges, has_ends=wanted.query.until is not None)
        return in_windows(wanted.query, moved)

    def _with_states(self, wanted: Wanted, number: int, place: Place, frame: StateFrame) -> StateFrame:
        """A frame that is kept in the same blob as a place, with those of its states that are wanted."""
        if place.entry.form != "plain":
            return frame
        chosen = [place.entry.states.index(name) for name in wanted.names(number)]
        return replace(frame, states=tuple(frame.states[each] for each in chosen))

    def at_once(self, unit: KeptUnit) -> Iterator[Place]:
        """The places of a unit whose blobs are read whatever the others hold."""
        yield from unit.cells.values()
        for position, places in unit.places.items():
            wanted = self._wanted(position)
            if wanted.is_read_at_once:
                yield from (place for number, place in enumerate(places) if number not in wanted.counted)

    def _need(self, place: Place) -> None:
        if not self.load(place):
            raise LostStates(place.name)

    def load(self, place: Place) -> bool:
        """Read a blob if that was not done; whether it can be used."""
        if place.name in self._blobs:
            return True
        found = self.keeper.frames(place.record.stored, place.blob)
        if found is None or place.number >= len(found):
            return False
        self._blobs[place.name] = found
        return True


def in_windows(query: MeasureQuery, frame: StateFrame) -> StateFrame:
    """The states that windows of a query read."""
    if query.time is None:
        return frame
    return windowed(frame, len(query.edges), drops_first=query.complete_from is not None)


def find_kept(
    keeper: Keeper,
    wanted: Sequence[Wanted],
    fragments: Sequence[Fragment],
    columns: Sequence[str],
    mark: Bound | None,
    every: frozenset[int],
    *,
    counts_times: bool,
) -> Reuse:
    """What of a scan is kept. `mark` is the source's watermark, `every` the positions of all queries, kept or not;
    `counts_times`: rows that lie in no window are counted."""
    marks = fragment_marks(fragments)
    stats = SourceStats()
    reuse = Reuse(keeper, wanted, marks, [every] * len(fragments), stats)
    while True:
        chosen = _choose(reuse, _Read(tuple(columns), counts_times), mark)
        broken = {place.name for unit in chosen for place in reuse.at_once(unit) if not reuse.load(place)}
        if not broken:
            break
        keeper.damaged |= broken
    reuse.chosen = chosen
    place_of = {name: number for number, name in enumerate(marks)}
    for kept in chosen:
        left = every - kept.places.keys()
        for name in kept.fragments:
            reuse.missing[place_of[name]] = left
        if not left:
            stats.add(kept.stats)
    return reuse


@dataclass(frozen=True, slots=True)
class _Read:
    """What a record must have read, and counted, to stand for rows."""

    columns: tuple[str, ...]
    counts_times: bool

    def usable(self, places: Sequence[tuple[KeptRecord, int]]) -> list[tuple[KeptRecord, int]]:
        """Records that may be used together for a unit; none if together they do not know all that is to be said."""
        # What became null is counted by column: the same columns must have been read, or none had such values.
        found = [
            (record, number)
            for record, number in places
            if record.header.units[number].is_clean or self._is_same(record)
        ]
        read = {column for record, _ in found for column in record.header.columns}
        counted = any(record.header.counts_times for record, _ in found) or not self.counts_times
        return found if counted and read.issuperset(self.columns) else []

    def stats(self, usable: Sequence[tuple[KeptRecord, int]], mark: Bound | None) -> SourceStats:
        """What reading a unit's rows would say."""
        timed = [record.header.units[number] for record, number in usable if record.header.counts_times]
        same = [record.header.units[number] for record, number in usable if self._is_same(record)]
        unit = timed[0] if self.counts_times else usable[0][0].header.units[usable[0][1]]
        found = SourceStats(fragments_kept=len(unit.fragments), lifeless_rows=unit.count("lifeless_rows"))
        found.excluded_rows = found.lifeless_rows
        if self.counts_times:
            found.excluded_rows, found.early_rows = unit.count("excluded_rows"), unit.count("early_rows")
            found.late_rows = unit.late_rows(mark) or 0
        for each in same[:1]:  # without one no value became null
            found.failed_casts, found.nan_values = each.count("failed_casts"), each.count("nan_values")
            found.failed_in = list(each.failed_in)
        return found

    def _is_same(self, record: KeptRecord) -> bool:
        return set(record.header.columns) == set(self.columns)


def _choose(reuse: Reuse, read: _Read, mark: Bound | None) -> list[KeptUnit]:
    """Units without a fragment in common: those first that do most."""
    there = {name for name in reuse.marks if name is not None}
    candidates: dict[tuple[str, ...], list[tuple[KeptRecord, int]]] = {}
    for label in dict.fromkeys(each.key.label for each in reuse.wanted):
        for record in reuse.keeper.records(label):
            for number, unit in enumerate(record.header.units):
                if there.issuperset(unit.fragments) and unit.late_rows(mark) is not None:
                    candidates.setdefault(unit.fragments, []).append((record, number))
    units: list[KeptUnit] = []
    for fragments, places in candidates.items():
        usable = read.usable(places)
        found, cells = _kept_places(reuse, usable)
        if found:
            units.append(KeptUnit(fragments, found, cells, read.stats(usable, mark)))
    units.sort(key=lambda each: (len(each.places), len(each.fragments)), reverse=True)
    chosen: list[KeptUnit] = []
    taken: set[str] = set()
    for kept in units:
        if taken.isdisjoint(kept.fragments):
            taken.update(kept.fragments)
            chosen.append(kept)
    return chosen


def _kept_places(
    reuse: Reuse, records: Sequence[tuple[KeptRecord, int]]
) -> tuple[dict[int, tuple[Place, ...]], dict[tuple[int, int], Place]]:
    """The queries that some records have all frames of for a unit, and where; and where cells are."""
    found: dict[int, tuple[Place, ...]] = {}
    cells: dict[tuple[int, int], Place] = {}
    for each in reuse.wanted:
        frames = [
            _place(reuse, each, number, "set" if number else "plain", records) for number in range(len(each.frames))
        ]
        counted = {number: _place(reuse, each, number, "cells", records) for number in each.counted}
        if None in frames or None in counted.values():
            continue
        found[each.position] = tuple(place for place in frames if place is not None)
        cells |= {(each.position, number): place for number, place in counted.items() if place is not None}
    return found, cells


def _place(
    reuse: Reuse, wanted: Wanted, frame: int, form: Form, records: Sequence[tuple[KeptRecord, int]]
) -> Place | None:
    """Where a frame is kept whose buckets can be made those of the query."""
    names = wanted.names(frame)
    for record, unit in records:
        for entry in record.header.entries:
            if entry.cells != wanted.key.cells or entry.form != form or not set(entry.states).issuperset(names):
                continue
            span, place = entry.spans[unit], entry.place(unit)
            if span is None or place is None or not span.fits(wanted.edges):
                continue
            if (record.stored.name, place[0]) not in reuse.keeper.damaged:
                return Place(record, entry, span, *place, unit)
    return None


def superseded(records: Sequence[KeptRecord], new: Header, marks: Sequence[str | None]) -> list[str]:
    """Records that nothing more can be taken from, now that there is a new one: for each of their units a fragment is
    gone, or the new record has the unit with all of their states. `marks` are all fragments of the table."""
    there = {name for name in marks if name is not None}
    units = {unit.fragments for unit in new.units}
    states = {(entry.cells, name, entry.form) for entry in new.entries for name in entry.states}
    gone = []
    for record in records:
        lasting = (entry for entry in record.header.entries if not entry.passing)
        its = {(entry.cells, name, entry.form) for entry in lasting for name in entry.states}
        alive = [each for each in record.header.units if there.issuperset(each.fragments)]
        if all(unit.fragments in units for unit in alive) and (not alive or states.issuperset(its)):
            gone.append(record.stored.name)
    return gone

"""States of rows that were just read, made ready to be kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from kpi_engine.execute.compact import compacted
from kpi_engine.execute.keeper import fragment_marks
from kpi_engine.execute.records import Entry, Form, Header, Unit, header_text
from kpi_engine.execute.reuse import Reuse, Wanted, superseded
from kpi_engine.execute.rows import Rows
from kpi_engine.extend.rows import Fragment
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import MeasureQuery
from kpi_engine.ir.stored import NewRecord
from kpi_engine.kernels.frames import StateFrame, merge_frames
from kpi_engine.kernels.recut import Edges, Extent, Span, extent_of, recut
from kpi_engine.kernels.state_bytes import frames_to_bytes
from kpi_engine.kernels.unassigned import Unassigned, unassigned

STATES_PER_BLOB = 1 << 16

ToKeep = tuple[NewRecord, Sequence[str]]
"""A record, and the names of those that it takes the place of."""


@dataclass(slots=True)
class Gathered:
    """States of one unit while it is read: by query position and frame the partial frames, by column its extent."""

    parts: dict[int, list[list[StateFrame]]] = field(default_factory=dict)
    times: dict[str, Extent | None] = field(default_factory=dict)

    def see(self, rows: Rows, columns: Sequence[str]) -> None:
        """Take in when rows are."""
        for name in columns:
            found, known = extent_of(rows.column(name)), self.times.get(name)
            self.times[name] = known if found is None else found if known is None else known.with_times(found)

    def add(self, position: int, frames: Sequence[StateFrame]) -> None:
        """Take in the frames of a batch of rows for a query."""
        for kept, frame in zip(self.parts.setdefault(position, [[] for _ in frames]), frames, strict=True):
            kept.append(frame)

    def merged(self, position: int, empty: Sequence[StateFrame]) -> list[StateFrame]:
        """The frames of the whole unit for a query; `empty` are those of no rows."""
        found = self.parts.get(position) or [[each] for each in empty]
        return [parts[0] if len(parts) == 1 else merge_frames(parts) for parts in found]


@dataclass(frozen=True, slots=True)
class MadeStates:
    """States of a query over a unit in buckets of its own span: the plain frame, and by set its bytes and its cells;
    and for each of these frames, by key, its rows that have a null there."""

    span: Span
    plain: StateFrame
    sets: tuple[tuple[bytes, StateFrame], ...]
    without: tuple[Mapping[int, Unassigned], ...]


@dataclass(frozen=True, slots=True)
class MadeUnit:
    """A unit with its states by query position."""

    unit: Unit
    states: Mapping[int, MadeStates]


def time_columns(query: MeasureQuery) -> tuple[str, ...]:
    """The columns whose times say in which bucket a row of a query lies, or ends."""
    return tuple(name for name in (query.time, query.until) if name is not None)


def made_states(
    query: MeasureQuery, gathered: Gathered, frames: Sequence[StateFrame], empty: Sequence[StateFrame]
) -> MadeStates:
    """The states of a query over a whole unit; `empty` are those of no rows, which have all types."""
    begins = None if query.time is None else gathered.times[query.time]
    ends = None if query.until is None else gathered.times[query.until]
    span = Span.within(Edges(query.edges), begins, ends)
    whole, own = Span(query.edges, begins, ends), Edges(span.edges)
    plain, *sets = [recut(frame, whole, own, has_ends=query.until is not None) for frame in frames]
    return MadeStates(
        span,
        plain,
        tuple(_made_set(found, types) for found, types in zip(sets, empty[1:], strict=True)),
        tuple(_without(query, frame) for frame in (plain, *sets)),
    )


def _without(query: MeasureQuery, frame: StateFrame) -> dict[int, Unassigned]:
    found = {key: unassigned(frame, key) for key in range(len(query.keys))}
    return {key: each for key, each in found.items() if each.buckets}


def _made_set(set: StateFrame, types: StateFrame) -> tuple[bytes, StateFrame]:
    from kpi_engine.kernels.counted import counted

    return frames_to_bytes([set], types), counted(set)


def keep_units(
    reuse: Reuse,
    made: Sequence[MadeUnit],
    columns: Sequence[str],
    counts_times: bool,
    empty: Mapping[int, Sequence[StateFrame]],
    *,
    whole_table: bool,
) -> Iterator[ToKeep]:
    """The states of some units, all made for the same queries, as records to be kept: one for each label."""
    for label in dict.fromkeys(each.key.label for each in reuse.wanted):
        mine = [each for each in reuse.wanted if each.key.label == label and each.position in made[0].states]
        if not mine:
            continue
        blobs: dict[str, bytes] = {}
        entries = [entry for wanted in mine for entry in _entries(wanted, made, empty[wanted.position][0], blobs)]
        header = Header(tuple(columns), counts_times, tuple(each.unit for each in made), tuple(entries))
        known = reuse.keeper.records(label)
        old = superseded(known, header, reuse.marks) if whole_table else []
        left = [record for record in known if record.stored.name not in old]
        record, taken = compacted(reuse.keeper, NewRecord(label, header_text(header), blobs), header, left)
        yield record, [*old, *taken]


def _entries(wanted: Wanted, made: Sequence[MadeUnit], empty: StateFrame, blobs: dict[str, bytes]) -> Iterator[Entry]:
    position = wanted.position
    states = [each.states[position] for each in made]
    spans = tuple(each.span for each in states)
    every = tuple(range(len(made)))

    def entry(frame: int, form: Form, names: Sequence[tuple[str, tuple[int, ...]]]) -> Entry:
        without = tuple(each.without[frame] for each in states)
        return Entry(wanted.key.cells, wanted.names(frame), form, spans, tuple(names), without, wanted.key.passing)

    plain = []
    for chosen in _together([len(each.plain) for each in states]):
        plain.append((f"{position}.0.{chosen[0]}", chosen))
        blobs[plain[-1][0]] = frames_to_bytes([states[number].plain for number in chosen], empty)
    yield entry(0, "plain", plain)
    for frame in range(1, len(wanted.frames)):
        names = []
        for number, each in enumerate(states):
            names.append((f"{position}.{frame}.{number}", (number,)))
            blobs[f"{position}.{frame}.{number}"] = each.sets[frame - 1][0]
        yield entry(frame, "set", names)
        if wanted.query.until is None:
            blobs[f"{position}.{frame}"] = frames_to_bytes([each.sets[frame - 1][1] for each in states])
            yield entry(frame, "cells", [(f"{position}.{frame}", every)])


def _together(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Neighbouring units whose frames go into one blob: so few that a blob is little to read for one of them.

    >>> list(_together([70_000, 20_000, 10_000, 50_000]))
    [(0,), (1, 2), (3,)]
    """
    chosen: list[int] = []
    for number, size in enumerate(sizes):
        if chosen and sum(sizes[each] for each in chosen) + size > STATES_PER_BLOB:
            yield tuple(chosen)
            chosen = []
        chosen.append(number)
    yield tuple(chosen)


def settled(before: Sequence[str | None], fragments: Sequence[Fragment]) -> bool:
    """Whether fragments are known, and are what they were before they were read."""
    return None not in before and fragment_marks(fragments) == list(before)

"""States of rows that were just read, made ready to be kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kpi_engine.execute.keeper import fragment_marks
from kpi_engine.execute.records import Entry, Form, Header, Unit, header_text
from kpi_engine.execute.reuse import Reuse, Wanted, superseded
from kpi_engine.execute.rows import Rows
from kpi_engine.extend.rows import Fragment
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.plan import MeasureQuery
from kpi_engine.ir.result import SourceStats
from kpi_engine.ir.stored import NewRecord
from kpi_engine.kernels.counted import counted
from kpi_engine.kernels.frames import StateFrame, merge_frames
from kpi_engine.kernels.recut import Extent, extent_of
from kpi_engine.kernels.state_bytes import frames_to_bytes

_TYPES = -1
"""The number of a unit without rows that is in each blob: its columns have the types that no rows have."""


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
class KeptSet:
    """The frame of a set as bytes, and its cells."""

    data: bytes
    cells: StateFrame


@dataclass(frozen=True, slots=True)
class MadeUnit:
    """A unit with its frames by query position: plain ones as they are, sets as bytes."""

    unit: Unit
    times: Mapping[str, Extent | None]
    plain: Mapping[int, StateFrame]
    sets: Mapping[int, tuple[KeptSet, ...]]


def time_columns(query: MeasureQuery) -> tuple[str, ...]:
    """The columns whose times say in which bucket a row of a query lies, or ends."""
    return tuple(name for name in (query.time, query.until) if name is not None)


def made_unit(
    fragments: Sequence[str],
    read: SourceStats,
    own: tuple[str | None, Bound | None],
    gathered: Gathered,
    frames: Mapping[int, Sequence[StateFrame]],
    empty: Mapping[int, Sequence[StateFrame]],
) -> MadeUnit:
    """The unit of some fragments that were read; `frames` are its frames by position, whatever windows read of them.

    `own` are the source's time and its watermark.
    """
    times = gathered.times.get(own[0]) if own[0] is not None else None
    sets = {
        position: tuple(
            KeptSet(frames_to_bytes({_TYPES: nothing, 0: frame}), counted(frame))
            for nothing, frame in zip(empty[position][1:], found[1:], strict=True)
        )
        for position, found in frames.items()
    }
    plain = {position: found[0] for position, found in frames.items()}
    return MadeUnit(Unit.of(fragments, read, times, own[1]), gathered.times, plain, sets)


def keep_units(
    reuse: Reuse,
    made: Sequence[MadeUnit],
    columns: Sequence[str],
    counts_times: bool,
    empty: Mapping[int, Sequence[StateFrame]],
    *,
    whole_table: bool,
) -> None:
    """Hand the states of some units, all made for the same queries, to the keeper: a record for each label."""
    for label in dict.fromkeys(each.key.label for each in reuse.wanted):
        mine = [each for each in reuse.wanted if each.key.label == label and each.position in made[0].plain]
        if not mine:
            continue
        blobs: dict[str, bytes] = {}
        entries = [entry for wanted in mine for entry in _entries(wanted, made, empty[wanted.position][0], blobs)]
        header = Header(tuple(columns), counts_times, tuple(each.unit for each in made), tuple(entries))
        known = reuse.keeper.records(label)
        old = superseded(known, header, reuse.marks) if whole_table else []
        reuse.keeper.keep(NewRecord(label, header_text(header), blobs), old)


def _entries(wanted: Wanted, made: Sequence[MadeUnit], empty: StateFrame, blobs: dict[str, bytes]) -> Iterator[Entry]:
    query, position = wanted.query, wanted.position
    begins = tuple(None if query.time is None else each.times[query.time] for each in made)
    ends = None if query.until is None else tuple(each.times[query.until] for each in made)

    def entry(frame: int, form: Form, names: Sequence[tuple[str, tuple[int, ...]]]) -> Entry:
        return Entry(wanted.key.cells, wanted.names(frame), form, query.edges, begins, ends, tuple(names))

    every = tuple(range(len(made)))
    plain = {_TYPES: empty, **{number: each.plain[position] for number, each in enumerate(made)}}
    blobs[f"{position}"] = frames_to_bytes(plain)
    yield entry(0, "plain", [(f"{position}", every)])
    for frame in range(1, len(wanted.frames)):
        names = []
        for number, each in enumerate(made):
            name = f"{position}.{frame}.{number}"
            blobs[name] = each.sets[position][frame - 1].data
            names.append((name, (number,)))
        yield entry(frame, "set", names)
        if query.until is None:
            cells = {number: each.sets[position][frame - 1].cells for number, each in enumerate(made)}
            blobs[f"{position}.{frame}"] = frames_to_bytes(cells)
            yield entry(frame, "cells", [(f"{position}.{frame}", every)])


def settled(before: Sequence[str | None], fragments: Sequence[Fragment]) -> bool:
    """Whether fragments are known, and are what they were before they were read."""
    return None not in before and fragment_marks(fragments) == list(before)

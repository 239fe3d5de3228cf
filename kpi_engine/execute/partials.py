"""What a scan makes of some rows: partial states for the queries that are asked, and what is said beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from kpi_engine.execute.clock import timed
from kpi_engine.execute.keep import Gathered, MadeUnit, made_states, settled, time_columns
from kpi_engine.execute.records import Unit
from kpi_engine.execute.reuse import in_windows
from kpi_engine.execute.rows import Rows, World
from kpi_engine.execute.source_rows import batches_of
from kpi_engine.extend.rows import Fragment
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import MeasureQuery, Plan, Scan, StateRequest
from kpi_engine.ir.result import SourceStats
from kpi_engine.kernels.extent import earliest
from kpi_engine.kernels.frames import StateFrame, StateInput, frames_of
from kpi_engine.kernels.ids import shortened
from kpi_engine.kernels.placed import Placed
from kpi_engine.kernels.selection import count_excluded, lifetime_ends, select

if TYPE_CHECKING:
    from kpi_engine.kernels.counted import Partial

_FEW_STATES = 3


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of a source: the scan, those of its queries that are made of rows, in order, and for each query the
    frames of sets of which only the number of values in each cell is wanted."""

    plan: Plan
    scan: Scan
    queries: Sequence[MeasureQuery]
    world: World
    counted: Sequence[Sequence[int]]

    @property
    def source(self) -> Source:
        """The source that is read."""
        return self.world.catalog.sources[self.scan.source]

    @property
    def watermark(self) -> Bound | None:
        """Where the source's rows end."""
        return dict(self.plan.watermarks).get(self.scan.source)

    @property
    def counts_times(self) -> bool:
        """Whether rows that lie in no window are counted: some query goes by the source's time."""
        time = self.source.time
        return time is not None and any(query.time == time for query in self.queries)

    def placing(self) -> dict[str, set[Bound]]:
        """The columns of times of which only the place among some bounds is looked at, and those bounds."""
        if self.world.keeper is not None:  # what is kept says when its rows are
            return {}
        found: dict[str, set[Bound]] = {}
        for name in self.scan.placing:
            bounds = found[name] = {edge for query in self.queries if query.time == name for edge in query.edges}
            if name == self.source.time and self.counts_times and self.watermark is not None:
                bounds |= {earliest(self.world.calendar), self.watermark}
        return found


@dataclass(frozen=True, slots=True)
class Task:
    """Some neighbouring fragments, with their numbers, of which some queries need the rows. `marks` are what changes
    when these do; None where their states are not to be kept."""

    fragments: Sequence[tuple[int, Fragment]]
    positions: tuple[int, ...]
    marks: tuple[str, ...] | None = None
    keeps: frozenset[int] = frozenset()
    """The positions of queries whose states are to be kept."""


@dataclass(frozen=True, slots=True)
class Made:
    """The partial frames of a task by the position of their query, what was counted, and what is to be kept."""

    frames: Sequence[tuple[int, Sequence[Partial]]]
    read: SourceStats
    unit: MadeUnit | None = None


def make(whole: Pass, task: Task) -> Made:
    """The states of a task's rows that windows read."""
    read = SourceStats()
    frames: list[tuple[int, Sequence[Partial]]] = []
    for rows in batches_of(whole.scan, task.fragments, whole.world, read):
        with timed(read, "states"):
            frames += [(position, counted_partials(whole, position, rows)) for position in task.positions]
            _report_times(whole, rows, read)
    return Made(frames, read)


def make_unit(whole: Pass, task: Task, empty: Mapping[int, Sequence[StateFrame]]) -> Made:
    """The states of all rows of a task, to be kept, and of them those that windows read."""
    read, gathered = SourceStats(), Gathered()
    own = whole.source.time
    chosen = {position: whole.queries[position] for position in task.positions}
    times = dict.fromkeys(name for query in chosen.values() for name in time_columns(query))
    if own is not None and whole.counts_times:
        times[own] = None
    for name in times:
        gathered.times[name] = None
    shown: list[tuple[int, Sequence[Partial]]] = []
    for rows in batches_of(whole.scan, task.fragments, whole.world, read):
        with timed(read, "states"):
            gathered.see(rows, tuple(times))
            for position, query in chosen.items():
                if position in task.keeps:
                    gathered.add(position, partials(query, rows, whole=True))
                else:
                    shown.append((position, counted_partials(whole, position, rows)))
            _report_times(whole, rows, read)
    frames = {position: gathered.merged(position, empty[position]) for position in task.keeps}
    for position, found in frames.items():
        shown.append((position, [in_windows(chosen[position], each) for each in found]))
    # What changed while it was read is looked at again next time.
    if task.marks is None or not settled(task.marks, [each for _, each in task.fragments]):
        return Made(shown, read)
    unit = Unit.of(task.marks, read, None if own is None else gathered.times.get(own), whole.watermark)
    with timed(read, "kept"):
        made = {each: made_states(chosen[each], gathered, found, empty[each]) for each, found in frames.items()}
    return Made(shown, read, MadeUnit(unit, made))


def partials(query: MeasureQuery, rows: Rows, *, whole: bool = False) -> list[StateFrame]:
    """The states of a batch: of the rows that windows read, or of the `whole` of it."""
    return frames_of(*_placed(query, rows, whole=whole))


def counted_partials(whole: Pass, position: int, rows: Rows) -> Sequence[Partial]:
    """The states of the rows that windows read of a batch; sets of which that is all that is wanted are counted."""
    placed, inputs = _placed(whole.queries[position], rows, whole=False)
    if not whole.counted[position]:
        return frames_of(placed, inputs)
    from kpi_engine.kernels.counted import partial_states

    return partial_states(placed, inputs, whole.counted[position])


def _placed(query: MeasureQuery, rows: Rows, *, whole: bool) -> tuple[Placed, list[StateInput]]:
    """The cells of a batch's rows, and what its states are made of."""
    times = None if query.time is None else rows.column(query.time)
    condition = None if query.filter is None else rows.array(query.filter)
    chosen = select(
        times,
        query.edges,
        query.complete_from is None,
        condition,
        rows.length,
        always=_reads_little(query),
        whole=whole,
    )
    if chosen.mask is not None:
        rows = rows.filtered(chosen.mask, chosen.rows)
    keys = [rows.keys(key.expression) for key in query.keys]
    if query.until is not None:
        keys.append(lifetime_ends(rows.column(query.until), query.edges))
    inputs = [
        StateInput(
            state.kind,
            None if state.argument is None else _argument(state, rows),
            None if state.filter is None else rows.array(state.filter),
        )
        for state in query.states
    ]
    return Placed([shortened(key) for key in keys], chosen.bucket), inputs


def _reads_little(query: MeasureQuery) -> bool:
    """Whether the rows that count are taken out however few do not: they lie in the order of their buckets mostly, so
    that nothing else takes a step for each of them."""
    return not query.keys and query.until is None and len(query.states) <= _FEW_STATES


def _argument(state: StateRequest, rows: Rows) -> pa.Array:
    assert state.argument is not None
    return rows.keys(state.argument) if state.kind == "distinct" else rows.array(state.argument)


def _report_times(whole: Pass, rows: Rows, stats: SourceStats) -> None:
    """Count rows that have no time, rows before all periods, and rows past the watermark."""
    source, mark = whole.source, whole.watermark
    if source.time is None or mark is None or rows.length == 0 or not whole.counts_times:
        return
    untimed, early, late = count_excluded(rows.column(source.time), earliest(whole.world.calendar), mark)
    stats.excluded_rows += untimed
    if source.lifetime is None:
        stats.early_rows += early
    stats.late_rows += late

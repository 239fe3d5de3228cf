"""One pass over a source for all measure queries asked of it: fragments -> batches -> partial states, merged."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa

from kpi_engine.execute.clock import timed
from kpi_engine.execute.counting import counted_states
from kpi_engine.execute.evaluate import arrow_type
from kpi_engine.execute.keep import Gathered, MadeUnit, keep_units, made_states, settled, time_columns
from kpi_engine.execute.offered import conditions
from kpi_engine.execute.prune import outside, time_range
from kpi_engine.execute.pushed import pushed_states
from kpi_engine.execute.query_states import QueryStates
from kpi_engine.execute.ready import frame_of
from kpi_engine.execute.records import Unit
from kpi_engine.execute.reuse import LostStates, Reuse, Wanted, find_kept, in_windows
from kpi_engine.execute.rows import Rows, World
from kpi_engine.execute.spill import state_budget
from kpi_engine.execute.tasks import bundles, in_order
from kpi_engine.extend.rows import Fragment, ReadReport
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.parents import parent_field
from kpi_engine.ir.plan import MeasureQuery, Plan, Scan, StateRequest
from kpi_engine.ir.result import SourceStats
from kpi_engine.kernels.batches import together
from kpi_engine.kernels.extent import earliest
from kpi_engine.kernels.frames import StateFrame, StateInput, merge_frames, partial_frames
from kpi_engine.kernels.selection import count_excluded, has_lifetime, lifetime_ends, select

_LOG = logging.getLogger(__name__)


def run_scan(plan: Plan, scan: Scan, world: World, stats: SourceStats, threads: int = 1) -> list[list[StateFrame]]:
    """The states of every measure query of a scan, in the order of `scan.queries`; the same for all `threads`."""
    while True:
        read = SourceStats()
        try:
            frames = _scanned(plan, scan, world, read, threads)
        except LostStates as lost:
            assert world.keeper is not None
            world.keeper.damaged.add(lost.blob)
            continue
        stats.add(read)
        return frames


def _scanned(plan: Plan, scan: Scan, world: World, stats: SourceStats, threads: int) -> list[list[StateFrame]]:
    pushed = pushed_states(plan, scan, world, stats)
    left = [number for number in scan.queries if number not in pushed.states]
    counted = _states_of_rows(plan, scan, left, world, stats, threads) if left else {}
    if pushed.left_out is not None:  # rows outside of the windows were not read, and not counted
        stats.excluded_rows, stats.late_rows = pushed.left_out
    with timed(stats, "merge"):
        made = {number: [merge_frames([frame]) for frame in frames] for number, frames in pushed.states.items()}
        return [made[number] if number in made else counted[number].merged() for number in scan.queries]


@dataclass(frozen=True, slots=True)
class _Task:
    """Some neighbouring fragments, with their numbers, of which some queries need the rows. `marks` are what changes
    when these do; None where their states are not to be kept."""

    fragments: Sequence[tuple[int, Fragment]]
    positions: tuple[int, ...]
    marks: tuple[str, ...] | None = None
    keeps: frozenset[int] = frozenset()
    """The positions of queries whose states are to be kept."""


@dataclass(frozen=True, slots=True)
class _Made:
    """The partial frames of a task by the position of their query, what was counted, and what is to be kept."""

    frames: Sequence[tuple[int, Sequence[StateFrame]]]
    read: SourceStats
    unit: MadeUnit | None = None


def _states_of_rows(
    plan: Plan, scan: Scan, numbers: Sequence[int], world: World, stats: SourceStats, threads: int
) -> dict[int, QueryStates]:
    """By number the states of some queries of a scan, made of the source's rows, or kept since rows were read."""
    queries = [plan.queries[number] for number in numbers]
    of_sets = counted_states(plan)
    counted = [[frame_of(plan.queries[n].states, s) for q, s in of_sets if q == n] for n in numbers]
    budget = state_budget(plan)
    states = [
        QueryStates.of(query, mine, budget, number)
        for query, mine, number in zip(queries, counted, numbers, strict=True)
    ]
    fragments = _fragments(scan, world, stats)
    with timed(stats, "kept"):
        reuse = _kept(plan, scan, queries, counted, fragments, world)
        if reuse is not None:
            _take_kept(reuse, states)
            stats.add(reuse.stats)
    tasks = _tasks(fragments, len(queries), reuse, threads)
    stats.fragments_read += sum(len(task.fragments) for task in tasks)
    if not tasks and reuse is not None and fragments:
        return dict(zip(numbers, states, strict=True))
    # Rows that are none come first: states always have their types, and inputs are prepared before threads begin.
    nothing = _no_rows(scan, world)
    empty: dict[int, Sequence[StateFrame]] = {
        position: _partials(query, nothing) for position, query in enumerate(queries)
    }
    for found, partials in zip(states, empty.values(), strict=True):
        found.add(partials)

    def make(task: _Task) -> _Made:
        if task.marks is None:
            return _make(plan, scan, queries, task, world)
        return _make_unit(plan, scan, queries, task, world, empty)

    _LOG.debug("reading %s: %d of %d fragments", scan.source, stats.fragments_read, len(fragments))
    units: dict[tuple[int, ...], list[MadeUnit]] = {}
    for task, result in zip(tasks, in_order(make, tasks, threads), strict=True):
        stats.add(result.read)
        for position, made in result.frames:
            states[position].add(made)
        if result.unit is not None:
            units.setdefault(task.positions, []).append(result.unit)
    if reuse is not None:
        with timed(stats, "kept"):
            counts_times = _counts_times(queries, world.catalog.sources[scan.source])
            for of_queries in units.values():
                whole = stats.fragments_pruned == 0
                keep_units(reuse, of_queries, scan.columns, counts_times, empty, whole_table=whole)
    return dict(zip(numbers, states, strict=True))


def _take_kept(reuse: Reuse, states: Sequence[QueryStates]) -> None:
    for position, number, frame in reuse.frames():
        states[position].take(number, frame)
    for position, number, part in reuse.counted():
        states[position].take_counted(number, part)


def _kept(
    plan: Plan,
    scan: Scan,
    queries: Sequence[MeasureQuery],
    counted: Sequence[Sequence[int]],
    fragments: Sequence[tuple[int, Fragment]],
    world: World,
) -> Reuse | None:
    """What is kept of a scan; None if nothing of it is ever kept."""
    keeper = world.keeper
    if keeper is None or not fragments:
        return None
    marks = dict(plan.watermarks)
    wanted = []
    for position, query in enumerate(queries):
        key = keeper.key(query, world.catalog, world.reader, marks)
        if key is not None:
            wanted.append(Wanted.of(position, query, key, counted[position]))
    if not wanted:
        return None
    return find_kept(
        keeper,
        wanted,
        [fragment for _, fragment in fragments],
        scan.columns,
        marks.get(scan.source),
        frozenset(range(len(queries))),
        counts_times=_counts_times(queries, world.catalog.sources[scan.source]),
    )


def _tasks(fragments: Sequence[tuple[int, Fragment]], queries: int, reuse: Reuse | None, threads: int) -> list[_Task]:
    """The rest of the work: fragments with the queries that need their rows."""
    if reuse is None:
        return [_Task(bundle, tuple(range(queries))) for bundle in bundles(fragments, threads)]
    keepable = frozenset(wanted.position for wanted in reuse.wanted)
    tasks = []
    left = zip(fragments, reuse.missing, reuse.marks, strict=True)
    for (positions, kept), group in groupby(left, lambda each: (each[1], each[2] is not None)):
        chosen = list(group)
        if not positions:
            continue
        # The last fragment may still grow: it is no reason to read its neighbours again.
        for bundle in (*bundles(chosen[:-1], threads), chosen[-1:]):
            found, keeps = [fragment for fragment, _, _ in bundle], keepable & positions
            marks = tuple(mark for _, _, mark in bundle if mark is not None)
            tasks.append(_Task(found, tuple(sorted(positions)), marks if kept and keeps else None, keeps))
    return tasks


def _make(plan: Plan, scan: Scan, queries: Sequence[MeasureQuery], task: _Task, world: World) -> _Made:
    """The states of a task's rows that windows read."""
    read = SourceStats()
    frames = []
    for rows in _batches(scan, task.fragments, world, read):
        with timed(read, "states"):
            frames += [(position, _partials(queries[position], rows)) for position in task.positions]
            _report_times(queries, rows, world, plan, read)
    return _Made(frames, read)


def _make_unit(
    plan: Plan,
    scan: Scan,
    queries: Sequence[MeasureQuery],
    task: _Task,
    world: World,
    empty: Mapping[int, Sequence[StateFrame]],
) -> _Made:
    """The states of all rows of a task, to be kept, and of them those that windows read."""
    read, gathered = SourceStats(), Gathered()
    own = world.catalog.sources[scan.source].time
    chosen = {position: queries[position] for position in task.positions}
    times = dict.fromkeys(name for query in chosen.values() for name in time_columns(query))
    if own is not None and _counts_times(queries, world.catalog.sources[scan.source]):
        times[own] = None
    for name in times:
        gathered.times[name] = None
    shown: list[tuple[int, Sequence[StateFrame]]] = []
    for rows in _batches(scan, task.fragments, world, read):
        with timed(read, "states"):
            gathered.see(rows, tuple(times))
            for position, query in chosen.items():
                if position in task.keeps:
                    gathered.add(position, _partials(query, rows, whole=True))
                else:
                    shown.append((position, _partials(query, rows)))
            _report_times(queries, rows, world, plan, read)
    frames = {position: gathered.merged(position, empty[position]) for position in task.keeps}
    for position, found in frames.items():
        shown.append((position, [in_windows(chosen[position], each) for each in found]))
    # What changed while it was read is looked at again next time.
    if task.marks is None or not settled(task.marks, [each for _, each in task.fragments]):
        return _Made(shown, read)
    mark = dict(plan.watermarks).get(scan.source)
    unit = Unit.of(task.marks, read, None if own is None else gathered.times.get(own), mark)
    with timed(read, "kept"):
        made = {each: made_states(chosen[each], gathered, found, empty[each]) for each, found in frames.items()}
    return _Made(shown, read, MadeUnit(unit, made))


def _no_rows(scan: Scan, world: World) -> Rows:
    source = world.catalog.sources[scan.source]
    return Rows(scan.source, {name: _empty(source, name, world) for name in scan.columns}, 0, world)


def _fragments(scan: Scan, world: World, stats: SourceStats) -> list[tuple[int, Fragment]]:
    """The fragments that some window may read, with their numbers from 1."""
    source = world.catalog.sources[scan.source]
    opened = world.reader.open(source, scan.columns, conditions(scan, source))
    every = list(enumerate(opened.fragments(), 1))
    kept = [each for each in every if not _outside_windows(scan, each[1], world)]
    stats.fragments_pruned += opened.pruned + len(every) - len(kept)
    stats.notes.extend(opened.notes)
    return kept


def _batches(scan: Scan, fragments: Sequence[tuple[int, Fragment]], world: World, stats: SourceStats) -> Iterator[Rows]:
    """The batches of some fragments as rows, small ones together."""
    report = ReadReport()
    batches = together(_read(scan, fragments, report))
    while True:
        with timed(stats, "read"):
            batch = next(batches, None)
        if batch is None:
            break
        stats.rows += batch.num_rows
        rows = Rows(scan.source, dict(zip(scan.columns, batch.columns, strict=True)), batch.num_rows, world)
        yield own_rows(rows, world, stats)
    stats.bytes += report.bytes
    stats.failed_casts += report.failed_casts
    stats.failed_in += (each for each in report.failed_in if each not in stats.failed_in)
    stats.nan_values += report.nan_values


def _read(scan: Scan, fragments: Sequence[tuple[int, Fragment]], report: ReadReport) -> Iterator[pa.RecordBatch]:
    for number, fragment in fragments:
        _LOG.debug("reading %s, fragment %d: %s", scan.source, number, fragment.name)
        yield from fragment.batches(report)


def _empty(source: Source, name: str, world: World) -> pa.Array:
    column = source.columns.get(name) or parent_field(world.catalog, source.name, name)
    return pa.array([], pa.null() if column is None else arrow_type(column.type))


def own_rows(rows: Rows, world: World, stats: SourceStats | None = None) -> Rows:
    """The rows that belong to the source: they pass its own `where`, and have a life if it has lifetimes."""
    source = world.catalog.sources[rows.source]
    if rows.length == 0:
        return rows
    if source.where is not None:
        rows = selected(rows, rows.array(source.where))
    if source.lifetime is not None:
        living = selected(rows, has_lifetime(*(rows.column(name) for name in source.lifetime)))
        if stats is not None:
            stats.excluded_rows += rows.length - living.length
            stats.lifeless_rows += rows.length - living.length
        rows = living
    return rows


def selected(rows: Rows, condition: pa.Array) -> Rows:
    """The rows for which a condition is true."""
    chosen = select(None, (), False, condition, rows.length, always=True)
    return rows if chosen.mask is None else rows.filtered(chosen.mask, chosen.rows)


def _outside_windows(scan: Scan, fragment: Fragment, world: World) -> bool:
    timed = scan.start or scan.end
    if timed is None:
        return False
    times = time_range(fragment, world.catalog.sources[scan.source], timed[0], world.calendar)
    return outside(times, scan.start and scan.start[1], scan.end and scan.end[1])


def _partials(query: MeasureQuery, rows: Rows, *, whole: bool = False) -> list[StateFrame]:
    """The states of a batch: of the rows that windows read, or of the `whole` of it."""
    times = None if query.time is None else rows.column(query.time)
    condition = None if query.filter is None else rows.array(query.filter)
    chosen = select(times, query.edges, query.complete_from is None, condition, rows.length, whole=whole)
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
    return partial_frames(keys, chosen.bucket, inputs)


def _argument(state: StateRequest, rows: Rows) -> pa.Array:
    assert state.argument is not None
    return rows.keys(state.argument) if state.kind == "distinct" else rows.array(state.argument)


def _counts_times(queries: Sequence[MeasureQuery], source: Source) -> bool:
    """Whether rows that lie in no window are counted: some query goes by the source's time."""
    return source.time is not None and any(query.time == source.time for query in queries)


def _report_times(queries: Sequence[MeasureQuery], rows: Rows, world: World, plan: Plan, stats: SourceStats) -> None:
    """Count rows that have no time, rows before all periods, and rows past the watermark."""
    source = world.catalog.sources[rows.source]
    if source.time is None or rows.length == 0 or not _counts_times(queries, source):
        return
    mark: Bound = dict(plan.watermarks)[rows.source]
    untimed, early, late = count_excluded(rows.column(source.time), earliest(world.calendar), mark)
    stats.excluded_rows += untimed
    if source.lifetime is None:
        stats.early_rows += early
    stats.late_rows += late

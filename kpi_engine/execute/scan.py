"""One pass over a source for all measure queries asked of it: fragments -> batches -> partial states, merged."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from kpi_engine.execute.evaluate import arrow_type
from kpi_engine.execute.prune import outside, time_range
from kpi_engine.execute.pushed import pushed_states
from kpi_engine.execute.rows import Rows, World
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

_MERGE_AT = 1 << 22
"""Merge partial frames when they hold this many states together, so that memory follows states and not rows."""


@dataclass(slots=True)
class QueryStates:
    """Partial frames of one measure query, by frame: the plain one first, then one for each set."""

    frames: list[list[StateFrame]]

    def add(self, partials: Sequence[StateFrame]) -> None:
        """Take in the frames of a batch."""
        if not self.frames:
            self.frames.extend([] for _ in partials)
        for kept, partial in zip(self.frames, partials, strict=True):
            kept.append(partial)
            if len(kept) > 1 and sum(map(len, kept)) > max(_MERGE_AT, 3 * len(kept[0])):
                kept[:] = [merge_frames(kept)]

    def merged(self) -> list[StateFrame]:
        """The frames of the whole source. The parts are given up one after the other, to make room for the whole."""
        whole = []
        while self.frames:
            whole.append(merge_frames(self.frames.pop(0)))
        return whole


def run_scan(plan: Plan, scan: Scan, world: World, stats: SourceStats, threads: int = 1) -> list[list[StateFrame]]:
    """The states of every measure query of a scan, in the order of `scan.queries`; the same for all `threads`."""
    pushed = pushed_states(plan, scan, world, stats)
    left = [number for number in scan.queries if number not in pushed]
    counted = _states_of_rows(plan, scan, left, world, stats, threads) if left else {}
    return [
        [merge_frames([frame]) for frame in pushed[number]] if number in pushed else counted[number].merged()
        for number in scan.queries
    ]


def _states_of_rows(
    plan: Plan, scan: Scan, numbers: Sequence[int], world: World, stats: SourceStats, threads: int
) -> dict[int, QueryStates]:
    """By number the states of some queries of a scan, made of the source's rows."""
    queries = [plan.queries[number] for number in numbers]
    states = [QueryStates([]) for _ in queries]
    # A batch without rows comes first: states always have their types, and inputs are prepared before threads begin.
    for query, found in zip(queries, states, strict=True):
        found.add(_partials(query, _no_rows(scan, world)))

    def partials_of(bundle: Sequence[tuple[int, Fragment]]) -> tuple[list[list[list[StateFrame]]], SourceStats]:
        read = SourceStats()
        made = []
        for rows in _batches(scan, bundle, world, read):
            made.append([_partials(query, rows) for query in queries])
            _report_times(queries, rows, world, plan, read)
        return made, read

    fragments = _fragments(scan, world, stats)
    _LOG.debug("reading %s: %d fragments", scan.source, len(fragments))
    for made, read in in_order(partials_of, bundles(fragments, threads), threads):
        stats.add(read)
        for batch in made:
            for found, partials in zip(states, batch, strict=True):
                found.add(partials)
    return dict(zip(numbers, states, strict=True))


def _no_rows(scan: Scan, world: World) -> Rows:
    source = world.catalog.sources[scan.source]
    return Rows(scan.source, {name: _empty(source, name, world) for name in scan.columns}, 0, world)


def _fragments(scan: Scan, world: World, stats: SourceStats) -> list[tuple[int, Fragment]]:
    """The fragments that some window may read, with their numbers from 1."""
    opened = world.reader.open(world.catalog.sources[scan.source], scan.columns, scan.predicates)
    every = list(enumerate(opened.fragments(), 1))
    kept = [each for each in every if not _outside_windows(scan, each[1], world)]
    stats.fragments_pruned += opened.pruned + len(every) - len(kept)
    stats.fragments_read += len(kept)
    stats.notes.extend(opened.notes)
    return kept


def _batches(scan: Scan, fragments: Sequence[tuple[int, Fragment]], world: World, stats: SourceStats) -> Iterator[Rows]:
    """The batches of some fragments as rows, small ones together."""
    report = ReadReport()
    for batch in together(_read(scan, fragments, report)):
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


def _partials(query: MeasureQuery, rows: Rows) -> list[StateFrame]:
    times = None if query.time is None else rows.column(query.time)
    condition = None if query.filter is None else rows.array(query.filter)
    chosen = select(times, query.edges, query.complete_from is None, condition, rows.length)
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


def _report_times(queries: Sequence[MeasureQuery], rows: Rows, world: World, plan: Plan, stats: SourceStats) -> None:
    """Count rows that have no time, rows before all periods, and rows past the watermark."""
    source = world.catalog.sources[rows.source]
    if source.time is None or rows.length == 0 or all(query.time != source.time for query in queries):
        return
    mark: Bound = dict(plan.watermarks)[rows.source]
    untimed, early, late = count_excluded(rows.column(source.time), earliest(world.calendar), mark)
    stats.excluded_rows += untimed
    if source.lifetime is None:
        stats.early_rows += early
    stats.late_rows += late

"""A plan executed: scans to states, states to leaves, leaves to the answer's table."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.execute.answer import align_leaves, check_size, period_values
from kpi_engine.execute.clock import peak_memory
from kpi_engine.execute.inputs import PreparedInputs
from kpi_engine.execute.keeper import Keeper
from kpi_engine.execute.output import output_array
from kpi_engine.execute.pool import steady_memory
from kpi_engine.execute.reader import SourceReader
from kpi_engine.execute.results import Results
from kpi_engine.execute.rows import World
from kpi_engine.execute.scan import run_scan
from kpi_engine.execute.tasks import thread_count
from kpi_engine.execute.unassigned import unassigned_rows
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.plan import KeyedTable, Output, Plan, Preparation
from kpi_engine.ir.result import RunStats, SourceStats
from kpi_engine.kernels.align import answer_order, repeat_keys, tile_periods
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.kernels.pieces import Pieces

_LOG = logging.getLogger(__name__)


def make_world(
    catalog: Catalog,
    functions: FunctionRegistry,
    calendar: Calendar,
    reader: SourceReader,
    prepared: Sequence[Preparation],
    keyed: Sequence[KeyedTable] = (),
    watermarks: Mapping[str, Bound] | None = None,
    keeper: Keeper | None = None,
) -> World:
    """What the rows of one run share; inputs are read when rows first look at them."""
    world = PreparedInputs(catalog, functions, calendar, reader, prepared, keyed, dict(watermarks or {})).world
    world.keeper = keeper
    return world


@steady_memory()
def execute(plan: Plan, world: World, stats: RunStats) -> pa.Table:
    """The answer: `grain` (if several were asked), `period` (if any was), the dimensions, the metrics.

    There is a row for each period and group.

    Raises `KpiError` with E6xx for data that does not fit and E8xx for limits. `stats` is filled in.
    """
    keeper = world.keeper
    attempt = partial(_executed, plan, world)
    table, found = attempt() if keeper is None else keeper.until_whole(attempt)
    stats.sources.update(found.sources)
    stats.zero_divisions.update(found.zero_divisions)
    stats.seconds.update(found.seconds)
    if keeper is not None:
        finished = time.perf_counter()
        keeper.save(stats)
        stats.seconds["store"] = time.perf_counter() - finished
    stats.peak_memory = peak_memory()
    _LOG.info("computed; rows: %d", table.num_rows)
    return table


def _executed(plan: Plan, world: World) -> tuple[pa.Table, RunStats]:
    """The answer, and what is to be said of its sources, of zero divisions and of seconds."""
    started = time.perf_counter()
    stats = RunStats()
    states: dict[int, Sequence[Pieces]] = {}
    threads = thread_count()
    for scan in plan.scans:
        source = stats.sources.setdefault(scan.source, SourceStats())
        for number, frames in zip(scan.queries, run_scan(plan, scan, world, source, threads), strict=True):
            states[number] = frames
        _LOG.info("read %s; rows: %d, pieces: %d", scan.source, source.rows, source.fragments_read)
    _add_inputs(stats, world.inputs.counted())
    for name, keys in unassigned_rows(plan, states).items():
        stats.sources[name].unassigned_rows.update(keys)
    stats.seconds["scan"] = time.perf_counter() - started
    table = _limited(_ordered(_all_grains(plan, states, world, stats), plan), plan)
    stats.seconds["finish"] = time.perf_counter() - started - stats.seconds["scan"]
    return table, stats


def _add_inputs(stats: RunStats, counted: Mapping[str, SourceStats]) -> None:
    """Say what became null, or is missing, in sources that rows only look at.

    A source that is scanned as well may have been read twice: the greater count stands.
    """
    for name, read in counted.items():
        if read.failed_casts or read.nan_values or read.notes:
            source = stats.sources.setdefault(name, SourceStats())
            source.failed_casts = max(source.failed_casts, read.failed_casts)
            source.failed_in += (each for each in read.failed_in if each not in source.failed_in)
            source.nan_values = max(source.nan_values, read.nan_values)
            source.notes.extend(note for note in read.notes if note not in source.notes)


def _all_grains(plan: Plan, states: dict[int, Sequence[Pieces]], world: World, stats: RunStats) -> pa.Table:
    """The rows of each grain below each other, led by its name where there are several."""
    if not plan.further:
        return _answer(plan, states, world, stats, by_hour=plan.by_hour)
    tables = []
    rows = 0
    for part in (plan, *plan.further):
        table = _answer(replace(part, queries=plan.queries), states, world, stats, by_hour=plan.by_hour)
        rows += table.num_rows
        check_size(rows)
        tables.append(table.add_column(0, "grain", pa.repeat(pa.scalar(part.grain), table.num_rows)))
    return pa.concat_tables(tables)


def _answer(
    plan: Plan, states: dict[int, Sequence[Pieces]], world: World, stats: RunStats, *, by_hour: bool
) -> pa.Table:
    aligned = align_leaves(plan, states, world)
    groups, periods = aligned.alignment.size, len(plan.periods)
    columns: dict[str, pa.Array] = {}
    if plan.grain is not None:
        values = period_values(plan.periods, world.calendar.timezone, by_hour=by_hour)
        columns["period"] = tile_periods(values, groups)
    for (name, _), key in zip(plan.dimensions, aligned.alignment.keys, strict=True):
        columns[name] = repeat_keys(key, periods)
    fields = [pa.field(name, column.type) for name, column in columns.items()]
    for output in plan.outputs:
        results = Results(aligned.values, groups * periods, world.functions, world.calendar)
        columns[output.name] = output_array(results.array(output.expression), output.type)
        if results.zero_divisions:
            before = stats.zero_divisions.get(output.name, 0)
            stats.zero_divisions[output.name] = before + results.zero_divisions
        fields.append(pa.field(output.name, columns[output.name].type, metadata=_metadata(output)))
        if output.detail:
            from kpi_engine.execute.detail import detail_columns

            for part, values in zip(output.detail, detail_columns(output, aligned, results), strict=True):
                columns[part.name] = values
                fields.append(pa.field(part.name, values.type, metadata={"unit": str(part.display)}))
    table = pa.table(list(columns.values()), schema=pa.schema(fields)).take(answer_order(groups, periods))
    if plan.skip_empty:
        table = table.filter(aligned.has_rows.take(answer_order(groups, periods)))
    return table


def _metadata(output: Output) -> dict[str, str]:
    """What a metric's column says of itself: its unit, and how far estimates in it may be off."""
    unit = {"unit": str(output.display)}
    if not output.estimates:
        return unit
    return {**unit, "approximate": "; ".join(str(estimate) for estimate in output.estimates)}


def _ordered(table: pa.Table, plan: Plan) -> pa.Table:
    """Rows in the asked order, nulls last; ties by period, then dimensions, which is the order they come in."""
    if not plan.order_by:
        return table
    # Sort by the last key first: each sort is stable, so that earlier ones break the ties of later ones.
    for order in reversed(plan.order_by):
        direction = "descending" if order.descending else "ascending"
        numbered = table.append_column("", pa.array(range(table.num_rows)))
        table = table.take(
            pc.sort_indices(numbered, sort_keys=[(order.column, direction, "at_end"), ("", "ascending", "at_end")])
        )
    return table


def _limited(table: pa.Table, plan: Plan) -> pa.Table:
    return (table if plan.limit is None else table.slice(0, plan.limit)).combine_chunks()

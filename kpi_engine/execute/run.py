"""A plan executed: scans to states, states to leaves, leaves to the answer's table."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.execute.answer import align_leaves, period_values
from kpi_engine.execute.inputs import PreparedInputs
from kpi_engine.execute.output import output_array
from kpi_engine.execute.reader import SourceReader
from kpi_engine.execute.results import Results
from kpi_engine.execute.rows import World
from kpi_engine.execute.scan import run_scan
from kpi_engine.extend.functions import FunctionRegistry
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.plan import KeyedTable, Plan, Preparation
from kpi_engine.ir.result import RunStats, SourceStats
from kpi_engine.kernels.align import answer_order, repeat_keys, tile_periods
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.kernels.frames import StateFrame


def make_world(
    catalog: Catalog,
    functions: FunctionRegistry,
    calendar: Calendar,
    reader: SourceReader,
    prepared: Sequence[Preparation],
    keyed: Sequence[KeyedTable] = (),
    watermarks: Mapping[str, Bound] | None = None,
) -> World:
    """What the rows of one run share; inputs are read when rows first look at them."""
    return PreparedInputs(catalog, functions, calendar, reader, prepared, keyed, dict(watermarks or {})).world


def execute(plan: Plan, world: World, stats: RunStats) -> pa.Table:
    """The answer: `period` (if a grain was asked), the dimensions, the metrics; a row for each period and group.

    Raises `KpiError` with E6xx for data that does not fit and E8xx for limits. `stats` is filled in.
    """
    started = time.perf_counter()
    states: dict[int, Sequence[StateFrame]] = {}
    for scan in plan.scans:
        source = stats.sources.setdefault(scan.source, SourceStats())
        for number, frames in zip(scan.queries, run_scan(plan, scan, world, source), strict=True):
            states[number] = frames
    scanned = time.perf_counter()
    stats.seconds["scan"] = scanned - started
    table = _answer(plan, states, world, stats)
    stats.seconds["finish"] = time.perf_counter() - scanned
    return table


def _answer(plan: Plan, states: dict[int, Sequence[StateFrame]], world: World, stats: RunStats) -> pa.Table:
    aligned = align_leaves(plan, states, world)
    groups, periods = aligned.alignment.size, len(plan.periods)
    columns: dict[str, pa.Array] = {}
    if plan.grain is not None:
        values = period_values(plan.periods, plan.grain, world.calendar.timezone)
        columns["period"] = tile_periods(values, groups)
    for (name, _), key in zip(plan.dimensions, aligned.alignment.keys, strict=True):
        columns[name] = repeat_keys(key, periods)
    fields = [pa.field(name, column.type) for name, column in columns.items()]
    for output in plan.outputs:
        results = Results(aligned.values, groups * periods, world.functions, world.calendar)
        columns[output.name] = output_array(results.array(output.expression), output.type)
        if results.zero_divisions:
            stats.zero_divisions[output.name] = results.zero_divisions
        fields.append(pa.field(output.name, columns[output.name].type, metadata={"unit": str(output.display)}))
    table = pa.table(list(columns.values()), schema=pa.schema(fields)).take(answer_order(groups, periods))
    if plan.skip_empty:
        table = table.filter(aligned.has_rows.take(answer_order(groups, periods)))
    return _limited(_ordered(table, plan), plan)


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

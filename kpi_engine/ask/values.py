"""`Project.values`: the values of dimensions and columns, with the number of rows that have them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kpi_engine import pipeline
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, did_you_mean
from kpi_engine.ir.result import ResultColumn, RunStats
from kpi_engine.ir.types import Display
from kpi_engine.resolve.packs_missing import with_data
from kpi_engine.resolve.values import bind_values

if TYPE_CHECKING:
    import pyarrow as pa


@pipeline.deep
def values(
    loaded: pipeline.Loaded, names: Sequence[str], source: str | None, where: str | None, limit: int | None
) -> tuple[pa.Table, tuple[ResultColumn, ...], RunStats]:
    """A row a combination of values that some row has, the most frequent first; a column of counts a source.

    Counted are all rows of a source, whatever their time, that are not left out by its own `where:`.
    """
    from kpi_engine.connect.reader import CatalogReader
    from kpi_engine.execute import execute, make_world
    from kpi_engine.optimize import optimize
    from kpi_engine.plan import grains_of_question
    from kpi_engine.plan.values import values_plan

    if not names:
        help = "name a dimension, or a column of a source"
        raise KpiError(Diagnostic("E511", "no dimension is asked for", help=help, exit_code=ExitCode.USAGE))
    if source is not None and source not in loaded.catalog.sources:
        help = did_you_mean(source, loaded.catalog.sources) or f"there are {', '.join(loaded.catalog.sources)}"
        raise KpiError(Diagnostic("E727", f"there is no source `{source}`", help=help, exit_code=ExitCode.USAGE))
    # A column is named with its source, a dimension of a pack perhaps with the pack.
    known = [
        name if name.partition(".")[0] in loaded.catalog.sources else loaded.linked.metric_name(name) for name in names
    ]
    parsed = None
    if where is not None:
        parsed = loaded.linked.expression(pipeline.parsed_where(where), loaded.functions)
    try:
        question = bind_values(loaded.catalog, known, source, parsed, loaded.functions)
    except KpiError as failure:
        pipeline.refuse_unread(loaded, _named(loaded, known, source), failure)
        raise
    question = with_data(loaded.catalog, question) if loaded.linked.packs else question
    calendar = pipeline.calendar_of(loaded.catalog.calendar)
    reader = CatalogReader(loaded.connectors, loaded.bound, calendar.timezone)
    calendar = pipeline.with_periods(calendar, grains_of_question(loaded.catalog, question), loaded, reader)
    now = calendar.bound(time.time_ns() // 1000)
    plan, _ = optimize(values_plan(loaded.catalog, question, calendar, now, limit))
    world = make_world(
        loaded.catalog, loaded.functions, calendar, reader, plan.prepared, plan.keyed, dict(plan.watermarks)
    )
    stats = RunStats()
    table = execute(plan, world, stats)
    columns = [ResultColumn(dimension.name, "dimension") for dimension in question.dimensions]
    columns += [ResultColumn(name, "metric", Display("count")) for name in question.sources]
    return table, tuple(columns), stats


def _named(loaded: pipeline.Loaded, names: Sequence[str], source: str | None) -> list[str]:
    """The sources that are asked by name; all of them if there are none."""
    heads = [source, *(name.rpartition(".")[0] for name in names)]
    asked = [head for head in heads if head is not None and head in loaded.catalog.sources]
    return asked or list(loaded.catalog.sources)

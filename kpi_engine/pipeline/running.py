"""From a question to its answer: bind, plan, optimise, execute."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from kpi_engine.ir import tree
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import CalendarSettings
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import ExitCode, KpiError
from kpi_engine.ir.question import BoundQuestion, Question
from kpi_engine.ir.result import RunStats
from kpi_engine.ir.span import SourceText
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.parse import parse_expression
from kpi_engine.pipeline.depth import deep
from kpi_engine.pipeline.keeping import keeper_of
from kpi_engine.pipeline.loading import Loaded
from kpi_engine.resolve import bind_question
from kpi_engine.resolve.packs_missing import (
    refuse_missing,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from kpi_engine.connect.reader import CatalogReader
    from kpi_engine.execute.keeper import Keeper
    from kpi_engine.execute.rows import World
    from kpi_engine.ir.plan import Plan

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Run:
    """One question on its way: what each stage made of it, for `explain` and for the answer."""

    loaded: Loaded
    question: BoundQuestion
    calendar: Calendar
    plan: Plan
    optimized: Plan
    fired: tuple[str, ...]
    world: World
    stats: RunStats = field(default_factory=RunStats)


def calendar_of(settings: CalendarSettings) -> Calendar:
    """The calendar's arithmetic for its settings."""
    return Calendar(settings.timezone, settings.week_starts, settings.fiscal_year_starts, settings.fiscal_year_named)


@deep
def prepare(loaded: Loaded, question: Question, default_as_of: str, *, detail: bool = False) -> Run:
    """Bind and plan a question; with `detail` columns follow each metric that say what it is made of.

    KpiError E5xx for what the question gets wrong, E6xx for data out of reach.
    """
    from kpi_engine.connect.reader import CatalogReader
    from kpi_engine.execute import first_time, make_world
    from kpi_engine.optimize import optimize
    from kpi_engine.plan import (
        extent_requests,
        grains_of_question,
        make_plan,
        merged_preparations,
        shown,
        watermarks,
    )

    started = time.perf_counter()
    question = _with_known_names(loaded, question)
    where = None if question.where is None else loaded.linked.expression(parsed_where(question.where), loaded.functions)
    refuse_lacking(loaded, question.metrics)
    try:
        bound_question = bind_question(loaded.catalog, question, where, loaded.functions)
    except KpiError as failure:
        refuse_unread(loaded, _read_by(loaded, question.metrics), failure)
        raise
    calendar = calendar_of(loaded.catalog.calendar)
    reader = CatalogReader(loaded.connectors, loaded.bound, calendar.timezone)
    calendar = with_periods(calendar, grains_of_question(loaded.catalog, bound_question), loaded, reader)
    stats = RunStats(notes=[*map(str, loaded.host.failures), *loaded.host.warnings, *loaded.host.meddling])
    requests = extent_requests(loaded.catalog, bound_question.sources)
    inputs = merged_preparations(requests)
    _LOG.debug("looking where the data begins and ends")
    keeper = keeper_of(loaded, calendar)
    as_of = _as_of(question.as_of or default_as_of, loaded, calendar, reader, stats, keeper)
    known = watermarks(loaded.catalog, calendar, tuple(loaded.catalog.sources), as_of)
    world = make_world(loaded.catalog, loaded.functions, calendar, reader, inputs, watermarks=known, keeper=keeper)
    first = {request.source: first_time(request, world) for request in requests}
    stats.seconds["extent"] = time.perf_counter() - started
    _LOG.info("found the extents of %s; as of %s", ", ".join(first) or "no source", shown(calendar, as_of))
    plan = make_plan(loaded.catalog, bound_question, calendar, first, as_of)
    optimized, fired = optimize(plan)
    refuse_lacking(loaded, (), _columns_read(optimized))
    if detail:
        from kpi_engine.plan.detail import with_detail

        optimized = with_detail(optimized)
    inputs, marks = optimized.prepared, dict(optimized.watermarks)
    run_world = make_world(loaded.catalog, loaded.functions, calendar, reader, inputs, optimized.keyed, marks, keeper)
    stats.seconds["plan"] = time.perf_counter() - started - stats.seconds["extent"]
    _LOG.info("planned; scans: %d, measures: %d", len(optimized.scans), len(optimized.leaves))
    return Run(loaded, bound_question, calendar, plan, optimized, fired, run_world, stats)


def _with_known_names(loaded: Loaded, question: Question) -> Question:
    """A question in which `sales.revenue` has the name under which it is known."""
    known = loaded.linked.metric_name
    ordered = (text.partition(":") for text in question.order_by)
    return replace(
        question,
        metrics=tuple(map(known, question.metrics)),
        by=tuple(map(known, question.by)),
        order_by=tuple(known(name) + colon + direction for name, colon, direction in ordered),
    )


def refuse_unread(loaded: Loaded, sources: Iterable[str], failure: KpiError) -> None:
    """KpiError E6xx where the table of one of these sources is out of reach: which columns it has is not known, so that
    no question fails (`failure`) for the want of one."""
    found = [each for name in sources for each in loaded.unreachable.get(name, ())]
    if found:
        raise KpiError(dict.fromkeys(found)) from failure


def _read_by(loaded: Loaded, metrics: Sequence[str]) -> list[str]:
    """The sources that metrics read, of those that exist."""
    known = (loaded.catalog.metrics.get(name) for name in metrics)
    return [source for metric in known if metric is not None for source in metric.sources]


def refuse_lacking(loaded: Loaded, metrics: Sequence[str], read: Sequence[tuple[str, str]] = ()) -> None:
    """KpiError E795 for metrics, or (source, column) pairs, that nothing is mapped to."""
    problems = refuse_missing(loaded.catalog, metrics, read) if loaded.linked.packs else []
    if problems:
        raise KpiError(problems)


def _columns_read(plan: Plan) -> list[tuple[str, str]]:
    """The stored columns that a plan reads, with their sources."""
    scanned = [(each.source, column) for each in plan.scans for column in each.columns]
    return scanned + [(each.source, column) for each in plan.prepared for column in each.columns]


def with_periods(calendar: Calendar, grains: Sequence[str], loaded: Loaded, reader: CatalogReader) -> Calendar:
    """The calendar with the periods of these declared grains; KpiError E6xx for a table that lists none."""
    known = {each.grain for each in calendar.declared}
    wanted = [loaded.catalog.grains[name] for name in grains if name not in known]
    if not wanted:
        return calendar
    from kpi_engine.execute.grain_table import read_periods

    return replace(calendar, declared=(*calendar.declared, *(read_periods(each, reader) for each in wanted)))


def parsed_where(text: str) -> tree.Expr:
    """The `--where` of a question; what is wrong with it is wrong with the question."""
    try:
        return parse_expression(SourceText("--where", text))
    except KpiError as error:
        raise KpiError(replace(each, exit_code=ExitCode.USAGE) for each in error.diagnostics) from error


def _as_of(
    text: str, loaded: Loaded, calendar: Calendar, reader: CatalogReader, stats: RunStats, keeper: Keeper | None
) -> Bound:
    """The as-of of a question: an instant as written, the current local hour, or where the data ends."""
    from kpi_engine.plan import parse_as_of

    now = calendar.bound(time.time_ns() // 1000)
    if text == "now":
        return calendar.period_at("hour", now).start
    if text != "data":
        return parse_as_of(calendar, text)
    latest = _latest_row(loaded, calendar, reader, now, stats, keeper)
    return calendar.period_at("hour", now).start if latest is None else calendar.period_at("day", latest).end


def _because(loaded: Loaded, source: str) -> str:
    """Why a table cannot be read, after a colon."""
    problems = loaded.unreachable.get(source, ())
    return f": {problems[0].code}: {problems[0].message}" if problems else ", its table being out of reach"


def _latest_row(
    loaded: Loaded, calendar: Calendar, reader: CatalogReader, now: Bound, stats: RunStats, keeper: Keeper | None
) -> Bound | None:
    """The latest time, not in the future, in any source whose table is within reach."""
    from kpi_engine.execute import last_time, make_world
    from kpi_engine.plan import extent_requests

    latest: Bound | None = None
    # Rows of derived sources are those of their bases.
    sources = [name for name, source in loaded.catalog.sources.items() if source.derived is None]
    for request in extent_requests(loaded.catalog, sources):
        source = loaded.catalog.sources[request.source]
        if source.unmapped or source.missing.intersection(request.columns):
            continue
        if loaded.schemas.get(request.source) is None:
            because = _because(loaded, request.source)
            stats.notes.append(f"source {request.source} does not count for the as-of{because}")
            continue
        calendar = with_periods(calendar, request.grains, loaded, reader)
        world = make_world(loaded.catalog, loaded.functions, calendar, reader, request.prepared, keeper=keeper)
        last = last_time(request, world, now)
        if last is not None and (latest is None or last > latest):
            latest = last
    return latest


@deep
def run(prepared: Run) -> pa.Table:
    """Execute a prepared question; its `stats` are filled in."""
    from kpi_engine.execute import execute
    from kpi_engine.plan import partial_periods, shown

    plan, stats = prepared.optimized, prepared.stats
    table = execute(plan, prepared.world, stats)
    if plan.as_of is not None:
        stats.as_of = shown(prepared.calendar, plan.as_of)
    asked = prepared.question.sources
    cut = {name: mark for name, mark in plan.watermarks if mark != plan.as_of and name in asked}
    stats.watermarks = {name: shown(prepared.calendar, mark) for name, mark in cut.items()}
    stats.notes.extend(plan.notes)
    for source in stats.sources.values():
        stats.notes.extend(source.notes)
    stats.partial_periods = partial_periods(plan, prepared.calendar)
    return table

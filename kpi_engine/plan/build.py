"""The planner: periods, watermarks and frames first, then every metric lowered into one book of leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Catalog, Metric
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import ChildAggregate, Expression, Field
from kpi_engine.ir.plan import KeyedTable, MeasureQuery, Output, Plan, Scan
from kpi_engine.ir.question import BoundDimension, BoundQuestion
from kpi_engine.ir.types import Display
from kpi_engine.kernels.calendar import Calendar, CalendarError, parse_instant
from kpi_engine.plan.completeness import completeness
from kpi_engine.plan.context import Context, Coverage
from kpi_engine.plan.frames import Frame, frame_of
from kpi_engine.plan.leaves import LeafBook
from kpi_engine.plan.lowering import Lowering
from kpi_engine.plan.needs import Needs, gather_query
from kpi_engine.plan.notes import dated_sources, plan_notes
from kpi_engine.plan.span import AnswerSpan, answer_span, watermarks

ALWAYS = Bound(-(2**62), -(2**31))
"""Before all rows: the start of coverage where only the end of time matters."""


def make_plan(
    catalog: Catalog,
    question: BoundQuestion,
    calendar: Calendar,
    first: Mapping[str, Bound | None],
    as_of: Bound,
) -> Plan:
    """Plan a question.

    `first` holds, for each source asked, the instant of its first row (None: no rows); `starts:` replaces it as the
    beginning of the source's coverage. Raises `KpiError` (E5xx) when the question's times cannot be read.
    """
    marks = watermarks(catalog, calendar, tuple(catalog.sources), as_of)
    coverage = Coverage(
        {name: _coverage_start(catalog, calendar, name, first.get(name)) for name in question.sources}, marks
    )
    span = answer_span(question, calendar, first, as_of)
    book = LeafBook()
    lowering = Lowering(catalog, calendar, coverage, book, question.grain)
    expressions = [
        _lowered(lowering, metric, _context(question, span, _cut(metric, coverage, as_of)))
        for metric in question.metrics
    ]
    plan = _with_inputs(
        Plan(
            grain=question.grain,
            periods=span.periods,
            dimensions=tuple((dimension.name, dimension.type) for dimension in question.dimensions),
            leaves=book.leaves(),
            nested=book.nested(),
            queries=book.queries(),
            outputs=(),
            as_of=as_of,
            opens=span.opens,
            closes=span.closes,
            watermarks=tuple(sorted(marks.items())),
            skip_empty=question.skip_empty,
            order_by=question.order_by,
            limit=question.limit,
            notes=plan_notes(question, calendar, span, marks, as_of),
        ),
        catalog,
        calendar,
        marks,
    )
    outputs = tuple(
        Output(
            metric.name,
            expression,
            metric.type,
            metric.display,
            metric.description,
            completeness(expression, plan, span, coverage.first, _cut(metric, coverage, as_of)),
        )
        for metric, expression in zip(question.metrics, expressions, strict=True)
    )
    return replace(plan, outputs=outputs)


def _lowered(lowering: Lowering, metric: Metric, context: Context) -> Expression:
    """The metric over leaves; E525 where a window reaches out of the years that there are."""
    try:
        return lowering.metric(metric, context)
    except CalendarError as error:
        message = f"a window of `{metric.name}` cannot be placed: {error.message}"
        help = "shorten the window or the span"
        raise KpiError(Diagnostic("E525", message, metric.span, help, exit_code=ExitCode.USAGE)) from error


def _coverage_start(catalog: Catalog, calendar: Calendar, name: str, first: Bound | None) -> Bound | None:
    starts = catalog.sources[name].starts
    return parse_instant(calendar, starts) if starts is not None else first


def _cut(metric: Metric, coverage: Coverage, as_of: Bound) -> Bound:
    """A metric's windows are cut at the earliest watermark of all its sources, those of later events included."""
    return min((coverage.watermark[name] for name in dated_sources(metric)), default=as_of)


def _context(question: BoundQuestion, span: AnswerSpan, cut: Bound) -> Context:
    closes = min(span.closes, cut)
    frames = tuple(frame_of(period, span.opens, closes) for period in span.periods)
    return Context(frames, question.where, question.dimensions, question.where, question.dimensions)


def _with_inputs(plan: Plan, catalog: Catalog, calendar: Calendar, marks: Mapping[str, Bound]) -> Plan:
    """The plan with a scan for each query, and everything that their rows look at."""
    needs = Needs()
    scans = tuple(_scan(catalog, query, number, needs) for number, query in enumerate(plan.queries))
    keyed: dict[tuple[str, Expression], KeyedTable] = {}
    while pending := [each for each in needs.keyed if each not in keyed]:
        for owner, body in pending:
            table = _keyed_table(owner, body, catalog, calendar, marks)
            keyed[owner, body] = table
            for number, query in enumerate(table.plan.queries):
                _scan(catalog, query, number, needs)
    return replace(plan, scans=scans, prepared=needs.preparations(), keyed=tuple(keyed.values()))


def _scan(catalog: Catalog, query: MeasureQuery, number: int, needs: Needs) -> Scan:
    own = Needs()
    gather_query(catalog, query, own)
    gather_query(catalog, query, needs)
    return Scan(query.source, (number,), tuple(sorted(own.columns[query.source])))


def _keyed_table(
    owner: str, body: Expression, catalog: Catalog, calendar: Calendar, marks: Mapping[str, Bound]
) -> KeyedTable:
    """The plan of a value for each id: the aggregate over all time up to the watermark, keyed by the id."""
    if isinstance(body, ChildAggregate):
        measure: Expression = body.measure
        child = body.link.source
        ids: tuple[tuple[str, Expression], ...] = ((child, _field(catalog, child, body.link.column)),)
    else:
        measure = body
        ids = tuple(_links(catalog, owner))
    end = max(marks.values())
    window = calendar.window(end, end)
    frame = Frame(window, window, end, end, unbounded=True)
    key = BoundDimension("id", ids[0][1].type, ids)
    book = LeafBook()
    lowering = Lowering(catalog, calendar, Coverage(dict.fromkeys(marks, ALWAYS), marks), book, None)
    expression = lowering.lower(measure, Context((frame,), (), (key,), (), (key,), before=True))
    plan = Plan(
        grain=None,
        periods=(window,),
        dimensions=(("id", key.type),),
        leaves=book.leaves(),
        nested=book.nested(),
        queries=book.queries(),
        outputs=(Output("value", expression, body.type, _PLAIN),),
        watermarks=tuple(sorted(marks.items())),
    )
    needs = Needs()
    scans = tuple(_scan(catalog, query, number, needs) for number, query in enumerate(plan.queries))
    return KeyedTable(owner, body, replace(plan, scans=scans))


def _field(catalog: Catalog, source: str, column: str) -> Field:
    return Field(column, catalog.sources[source].columns[column].type)


def _links(catalog: Catalog, entity: str) -> Iterator[tuple[str, Expression]]:
    """For each source that refers to an entity the column that does."""
    for name, source in catalog.sources.items():
        for column in source.columns.values():
            if column.reference is not None and column.reference.target == entity:
                yield name, Field(column.name, column.type)
                break


_PLAIN = Display()

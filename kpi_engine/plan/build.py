"""The planner: periods, watermarks and frames first, then every metric lowered into one book of leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Catalog, Metric
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import ChildAggregate, Expression, Field, Measure, walk
from kpi_engine.ir.plan import KeyedTable, MeasureQuery, Output, Plan, Scan
from kpi_engine.ir.question import BoundDimension, BoundQuestion
from kpi_engine.ir.types import Display
from kpi_engine.kernels.calendar import Calendar, CalendarError, CalendarGap, parse_instant
from kpi_engine.plan.completeness import completeness
from kpi_engine.plan.context import Context, Coverage
from kpi_engine.plan.estimates import estimates
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
    beginning of the source's coverage. `calendar` has the periods of all declared grains that the question needs.
    Raises `KpiError` (E5xx) when the question's times cannot be read.
    """
    marks = watermarks(catalog, calendar, tuple(catalog.sources), as_of)
    coverage = Coverage(
        {name: _coverage_start(catalog, calendar, name, first.get(name)) for name in question.sources}, marks
    )
    planner = _Planner(catalog, calendar, first, coverage, as_of, LeafBook())
    grains: tuple[str | None, ...] = question.grains or (None,)
    asked, *others = (replace(question, grain=grain, further_grains=()) for grain in grains)
    plan = planner.plan(asked)
    further = tuple(replace(planner.plan(other), queries=(), order_by=(), limit=None) for other in others)
    notes = dict.fromkeys(note for each in (plan, *further) for note in each.notes)
    whole = replace(
        plan,
        queries=planner.book.queries(),
        further=tuple(replace(each, notes=()) for each in further),
        notes=tuple(notes),
    )
    return with_inputs(whole, catalog, calendar, marks)


@dataclass(frozen=True, slots=True)
class _Planner:
    """Plans a question once for each of its grains; measure queries of all of them come together in one book."""

    catalog: Catalog
    calendar: Calendar
    first: Mapping[str, Bound | None]
    coverage: Coverage
    as_of: Bound
    book: LeafBook

    def plan(self, question: BoundQuestion) -> Plan:
        """The plan of a question with one grain or none, without what its rows look at."""
        span = answer_span(question, self.calendar, self.first, self.as_of)
        book = self.book.inner()
        lowering = Lowering(self.catalog, self.calendar, self.coverage, book, question.grain)
        expressions = [_lowered(lowering, metric, self._context(question, span, metric)) for metric in question.metrics]
        notes = plan_notes(question, self.calendar, span, self.coverage.watermark, self.as_of)
        plan = Plan(
            grain=question.grain,
            periods=span.periods,
            dimensions=tuple((dimension.name, dimension.type) for dimension in question.dimensions),
            leaves=book.leaves(),
            nested=book.nested(),
            queries=self.book.queries(),
            outputs=(),
            as_of=self.as_of,
            opens=span.opens,
            closes=span.closes,
            watermarks=tuple(sorted(self.coverage.watermark.items())),
            skip_empty=question.skip_empty,
            order_by=question.order_by,
            limit=question.limit,
            notes=(*notes, *book.notes()),
        )
        outputs = tuple(
            Output(
                metric.name,
                expression,
                metric.type,
                metric.display,
                metric.description,
                completeness(expression, plan, span, self.coverage.first, _cut(metric, self.coverage, self.as_of)),
                estimates(expression, plan),
            )
            for metric, expression in zip(question.metrics, expressions, strict=True)
        )
        return replace(plan, outputs=outputs)

    def _context(self, question: BoundQuestion, span: AnswerSpan, metric: Metric) -> Context:
        cut = _cut(metric, self.coverage, self.as_of)
        frames = tuple(frame_of(period, span.opens, min(span.closes, cut)) for period in span.periods)
        coarse = any(self.catalog.sources[name].grain is not None for name in metric.sources)
        return Context(
            frames,
            question.where,
            question.dimensions,
            question.where,
            question.dimensions,
            uncut=tuple(_uncut(span, cut)) if coarse else (),
            running=span.closes if question.grain is None and question.end is None else None,
        )


def _uncut(span: AnswerSpan, cut: Bound) -> Iterator[Frame | None]:
    """Frames of periods that have begun, for coarse rows, which may hold the whole of a running one."""
    return (frame_of(each, span.opens, span.closes) if each.start < cut else None for each in span.periods)


def _lowered(lowering: Lowering, metric: Metric, context: Context) -> Expression:
    """The metric over leaves; E525, E526 where a window reaches out of the years, or the table, that there are."""
    try:
        return lowering.metric(metric, context)
    except CalendarGap as gap:
        message = f"a window of `{metric.name}` cannot be placed: {gap.message}"
        raise KpiError(Diagnostic("E526", message, metric.span, gap.help, exit_code=ExitCode.USAGE)) from gap
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


def with_inputs(plan: Plan, catalog: Catalog, calendar: Calendar, marks: Mapping[str, Bound]) -> Plan:
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
    return Scan(query.source, (number,), tuple(sorted(own.columns[query.source])), placing=_placing(catalog, query))


def _placing(catalog: Catalog, query: MeasureQuery) -> tuple[str, ...]:
    """The stored column of times of a query, if nothing but the buckets of rows is taken from it."""
    source = catalog.sources[query.source]
    if query.time is None or query.until is not None or source.derived is not None:
        return ()
    rest = Needs()
    gather_query(catalog, replace(query, time=None), rest)
    is_free = source.columns[query.time].computed is None and query.time not in rest.columns[query.source]
    return (query.time,) if is_free else ()


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
    end = min(marks[node.source] for node in walk(measure) if isinstance(node, Measure))
    window = calendar.window(end, end)
    frame = Frame(window, window, end, end, unbounded=True)
    key = BoundDimension("id", ids[0][1].type, ids)
    book = LeafBook()
    # Values of rows are exact: whoever reads a column cannot see that it was estimated.
    lowering = Lowering(catalog, calendar, Coverage(dict.fromkeys(marks, ALWAYS), marks), book, None, sketches=False)
    expression = lowering.lower(measure, Context((frame,), (), (key,), (), (key,), before=True, running=end))
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

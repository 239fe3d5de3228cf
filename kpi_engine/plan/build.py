"""The planner: periods, watermarks and frames first, then every metric lowered into one book of leaves."""

from __future__ import annotations

from collections.abc import Mapping

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Catalog, Metric
from kpi_engine.ir.plan import MeasureQuery, Output, Plan, Scan
from kpi_engine.ir.question import BoundQuestion
from kpi_engine.kernels.calendar import Calendar, parse_instant
from kpi_engine.plan.completeness import completeness
from kpi_engine.plan.frames import frame_of
from kpi_engine.plan.leaves import LeafBook
from kpi_engine.plan.lowering import Context, Coverage, Lowering
from kpi_engine.plan.needs import Needs, gather_query
from kpi_engine.plan.notes import plan_notes
from kpi_engine.plan.span import AnswerSpan, answer_span, watermarks


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
    coverage = Coverage(
        {name: _coverage_start(catalog, calendar, name, first.get(name)) for name in question.sources},
        watermarks(catalog, calendar, question.sources, as_of),
    )
    span = answer_span(question, calendar, first, as_of)
    book = LeafBook()
    lowering = Lowering(catalog, calendar, coverage, book, question.grain)
    expressions = [
        lowering.metric(metric, _context(question, span, _cut(metric, coverage, as_of)))
        for metric in question.metrics
    ]
    leaves, nested, queries = book.leaves(), book.nested(), book.queries()
    needs = Needs()
    scans = tuple(_scan(catalog, query, number, needs) for number, query in enumerate(queries))
    return Plan(
        grain=question.grain,
        periods=span.periods,
        dimensions=tuple((dimension.name, dimension.type) for dimension in question.dimensions),
        queries=queries,
        leaves=leaves,
        nested=nested,
        outputs=tuple(
            Output(
                metric.name,
                expression,
                metric.type,
                metric.display,
                metric.description,
                completeness(expression, queries, leaves, span, coverage.first, _cut(metric, coverage, as_of)),
            )
            for metric, expression in zip(question.metrics, expressions, strict=True)
        ),
        scans=scans,
        lookups=needs.lookup_list(),
        as_of=as_of,
        watermarks=tuple(sorted(coverage.watermark.items())),
        skip_empty=question.skip_empty,
        order_by=question.order_by,
        limit=question.limit,
        notes=plan_notes(question, calendar, span, coverage.watermark, as_of),
    )


def _coverage_start(catalog: Catalog, calendar: Calendar, name: str, first: Bound | None) -> Bound | None:
    starts = catalog.sources[name].starts
    return parse_instant(calendar, starts) if starts is not None else first


def _cut(metric: Metric, coverage: Coverage, as_of: Bound) -> Bound:
    """A metric's windows are cut at the earliest watermark of all its sources."""
    return min((coverage.watermark[name] for name in metric.sources), default=as_of)


def _context(question: BoundQuestion, span: AnswerSpan, cut: Bound) -> Context:
    closes = min(span.closes, cut)
    frames = tuple(frame_of(period, span.opens, closes) for period in span.periods)
    return Context(frames, question.where, question.dimensions, question.where, question.dimensions)


def _scan(catalog: Catalog, query: MeasureQuery, number: int, needs: Needs) -> Scan:
    own = Needs()
    gather_query(catalog, query, own)
    gather_query(catalog, query, needs)
    return Scan(query.source, (number,), tuple(sorted(own.columns[query.source])))

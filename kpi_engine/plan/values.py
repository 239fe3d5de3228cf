"""The plan of a question for the values of dimensions: rows of each source by value, whatever their time."""

from __future__ import annotations

from collections.abc import Mapping

from kpi_engine.ir.bounds import Bound, Interval
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.plan import Output, Plan, StateRequest
from kpi_engine.ir.question import BoundQuestion, Order
from kpi_engine.ir.types import COUNT, Display
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.plan.build import with_inputs
from kpi_engine.plan.context import conjunction, keys_on
from kpi_engine.plan.leaves import LeafBook, LeafRequest
from kpi_engine.plan.span import watermarks


def values_plan(catalog: Catalog, question: BoundQuestion, calendar: Calendar, now: Bound, limit: int | None) -> Plan:
    """A row a combination of values, a count a source (named by it), the most frequent first."""
    book = LeafBook()
    fields = {name: book.add(_request(question, name, now)) for name in question.sources}
    marks: Mapping[str, Bound] = watermarks(catalog, calendar, tuple(catalog.sources), now)
    plan = Plan(
        grain=None,
        periods=(calendar.window(now, now),),
        dimensions=tuple((dimension.name, dimension.type) for dimension in question.dimensions),
        leaves=book.leaves(),
        queries=book.queries(),
        outputs=tuple(Output(name, field, COUNT, Display("count")) for name, field in fields.items()),
        watermarks=tuple(sorted(marks.items())),
        order_by=tuple(Order(name, descending=True) for name in fields),
        limit=limit,
    )
    return with_inputs(plan, catalog, calendar, marks)


def _request(question: BoundQuestion, source: str, now: Bound) -> LeafRequest:
    filter = conjunction([conjunct.on(source) for conjunct in question.where])
    return LeafRequest(
        source=source,
        time=None,
        keys=keys_on(question.dimensions, source),
        state=StateRequest("count", None, filter),
        finish="rows",
        windows=(Interval(None, now),),
        type=COUNT,
        text=f"count({source})",
    )

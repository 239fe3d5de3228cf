"""What windows look at as conditions on a stored column, so that whoever gives the rows may leave the others out."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.expression import Apply, Constant, Expression, Field
from kpi_engine.ir.plan import Scan
from kpi_engine.ir.types import BOOLEAN, Kind, Type

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def conditions(scan: Scan, source: Source) -> tuple[Expression, ...]:
    """The predicates of a scan, and the range of times outside of which no window looks at a row."""
    return (*scan.predicates, *_range(scan, source))


def edges_of(columns: Mapping[str, Iterable[Bound]], source: Source) -> dict[str, tuple[datetime.date, ...]]:
    """Bounds between which rows are placed, ascending, as values of their columns; without columns whose bounds Python
    cannot hold."""
    found = {}
    for name, bounds in columns.items():
        values = {_value(bound, source.columns[name].type) for bound in bounds}
        known = sorted(value for value in values if value is not None)
        if len(known) == len(values):
            found[name] = tuple(known)
    return found


def _range(scan: Scan, source: Source) -> Iterator[Expression]:
    for side, operation in ((scan.start, "greater_equal"), (scan.end, "less")):
        if side is None:
            continue
        name, bound = side
        column = source.columns[name]
        value = None if column.computed is not None else _value(bound, column.type)
        if value is not None:
            yield Apply(operation, (Field(name, column.type), Constant(value, column.type)), BOOLEAN)


def _value(bound: Bound, type: Type) -> datetime.datetime | datetime.date | None:
    """A bound as a value of a column of times; None if Python has none such."""
    try:
        if type.kind is Kind.TIMESTAMP:
            return _EPOCH + datetime.timedelta(microseconds=bound.us)
        if type.kind is Kind.DATE:
            return (_EPOCH + datetime.timedelta(days=bound.day)).date()
    except OverflowError:
        return None
    return None

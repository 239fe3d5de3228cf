"""By how much the values of changed metrics differ, and in which periods."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from decimal import Decimal

from kpi_engine import pipeline
from kpi_engine.inspect.compare import Change, Side
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.question import Question
from kpi_engine.ir.result import ResultColumn

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One period of a metric: its value then and now (None: no value)."""

    period: object
    old: object
    new: object

    @property
    def difference(self) -> float | None:
        """New less old; None where one of them is no number."""
        numbers = [_number(each) for each in (self.old, self.new)]
        return None if numbers[0] is None or numbers[1] is None else numbers[1] - numbers[0]

    @property
    def exact_difference(self) -> int | float | Decimal | datetime.timedelta | None:
        """New less old in their own type, without rounding; None where one of them is no number."""
        old, new = self.old, self.new
        if isinstance(old, int) and isinstance(new, int):
            return new - old
        if isinstance(old, Decimal) and isinstance(new, Decimal):
            return new - old
        if isinstance(old, datetime.timedelta) and isinstance(new, datetime.timedelta):
            return new - old
        return self.difference

    @property
    def relative(self) -> float | None:
        """The difference as a part of the old value."""
        before, difference = _number(self.old), self.difference
        return None if difference is None or not before else difference / abs(before)


@dataclass(frozen=True, slots=True)
class MetricValues:
    """How the values of a metric changed: the periods in which they differ, largest differences first.

    `periods` counts all that either side has; `column` says how values are shown; `problem` why there are none.
    """

    name: str
    column: ResultColumn | None
    changes: tuple[ValueChange, ...]
    periods: int
    problem: str = ""
    period_column: ResultColumn | None = None


def value_changes(changes: Sequence[Change], old: Side, new: Side, grain: str) -> Iterator[MetricValues]:
    """The values of metrics that mean something else, on both sides, over all periods of a grain, as of one instant."""
    for change in changes:
        if change.kind == "metric" and change.status == "meaning":
            yield _of_metric(change, old, new, grain)


def _of_metric(change: Change, old: Side, new: Side, grain: str) -> MetricValues:
    try:
        after, columns, as_of = _values(new, change.name, grain, None)
        before, _, _ = _values(old, change.was or change.name, grain, as_of)
    except KpiError as error:
        first = error.diagnostics[0]
        return MetricValues(change.name, None, (), 0, f"{first.message} [{first.code}]")
    periods = sorted({*before, *after}, key=str)
    different = [ValueChange(period, before.get(period), after.get(period)) for period in periods]
    different = [each for each in different if each.old != each.new]
    different.sort(key=_size)
    return MetricValues(change.name, columns[-1], tuple(different), len(periods), "", columns[0])


def _size(change: ValueChange) -> tuple[bool, float]:
    """Values that came or went first, then the largest differences."""
    difference = change.difference
    return (difference is not None, -abs(difference or 0.0))


def _values(
    side: Side, metric: str, grain: str, as_of: str | None
) -> tuple[dict[object, object], tuple[ResultColumn, ...], str | None]:
    """Values by period, what the columns mean, and the instant that they hold for."""
    prepared = pipeline.prepare(side.loaded, Question((metric,), grain=grain, as_of=as_of), side.config.as_of)
    table = pipeline.run(prepared)
    periods, values = (table.column(number).to_pylist() for number in (0, 1))
    bound = prepared.optimized.as_of
    instant = None if bound is None else (_EPOCH + datetime.timedelta(microseconds=bound.us)).isoformat()
    return dict(zip(periods, values, strict=True)), pipeline.result_columns(prepared), instant


def _number(value: object) -> float | None:
    match value:
        case bool() | None | str():
            return None
        case int() | float() | Decimal():
            return float(value)
    seconds = getattr(value, "total_seconds", None)
    return float(seconds()) if callable(seconds) else None

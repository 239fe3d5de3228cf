"""Values that look wrong for their unit: percents above 1, amounts and durations below 0, lifetimes turned round."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from kpi_engine.execute import Rows
from kpi_engine.inspect.condition_checks import ConditionWatch, Met
from kpi_engine.inspect.reading import column_field
from kpi_engine.inspect.wording import of_column, of_source, share, written
from kpi_engine.ir.catalog import Catalog, Metric, Source
from kpi_engine.ir.expression import Expression, Measure
from kpi_engine.ir.span import NOWHERE
from kpi_engine.kernels.compare import compare
from kpi_engine.kernels.logic import and_, is_null, not_
from kpi_engine.kernels.selection import has_lifetime

_FEW = 0.01
_KEEP_THE_UNIT = ("avg", "min", "max", "percentile", "weighted_avg", "first", "last")
_PARTS = ((86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "min"), (1_000_000, "s"))


def unit_watches(catalog: Catalog, source: Source) -> Iterator[ConditionWatch]:
    """What to look at in one source."""
    for name, column in source.columns.items():
        if column.type.unit.is_duration:
            yield _durations(source, name)
        elif column.type.unit.currency_code is not None and column.computed is None:
            yield _amounts(source, name)  # a difference, such as a margin, may well be below 0
    if source.lifetime is not None:
        yield _lifetimes(source, *source.lifetime)
    for metric in catalog.metrics.values():
        body = metric.body
        if (
            metric.display.form == "percent"
            and isinstance(body, Measure)
            and body.source == source.name
            and body.function in _KEEP_THE_UNIT
            and body.arguments
        ):
            yield _percents(metric, body, body.arguments[0])


def _compared(expression: Expression, symbol: str, bound: int) -> Callable[[Rows], pa.Array]:
    """A comparison of an expression with a number, on rows."""
    return lambda rows: compare(symbol, rows.array(expression), pa.scalar(bound))


def _amounts(source: Source, name: str) -> ConditionWatch:
    field = column_field(source, name)

    def say(met: Met) -> tuple[str, str] | None:
        if met.count > max(1, _FEW * met.present):
            return None  # where many are below 0, that has a meaning: refunds, corrections
        message = f"`{name}` is below 0 in {share(met.count, met.present)} of {source.name}"
        return message, "if these are refunds or corrections, all is well; else correct them or leave them out"

    return ConditionWatch("W671", of_column(source, name), [field], _compared(field, "<", 0), say, field)


def _durations(source: Source, name: str) -> ConditionWatch:
    field = column_field(source, name)

    def say(met: Met) -> tuple[str, str]:
        message = f"`{name}` is below 0 in {share(met.count, met.present)} of {source.name}: it ends before it begins"
        return message, "correct the times, or leave such rows out of metrics that use it"

    return ConditionWatch("W672", of_column(source, name), [field], _compared(field, "<", 0), say, field, _duration)


def _duration(shown: object) -> str:
    if not isinstance(shown, int):
        return str(shown)
    size = abs(shown)
    part, unit = next(((each, unit) for each, unit in _PARTS if size >= each), (1, "µs"))
    return f"{'-' if shown < 0 else ''}{size / part:.3g} {unit}"


def _percents(metric: Metric, measure: Measure, argument: Expression) -> ConditionWatch:
    shown = written(argument)
    place = measure.span if measure.span is not NOWHERE else metric.span

    def say(met: Met) -> tuple[str, str]:
        message = (
            f"{metric.name} is shown as percent, and `{shown}` is above 1 in "
            f"{share(met.count, met.present)} of {measure.source}: 1 is shown as 100%"
        )
        return message, f"if the column counts percents, divide: `{metric.name} = {measure.function}({shown} / 100)`"

    return ConditionWatch("W670", place, [argument], _compared(argument, ">", 1), say, argument)


def _lifetimes(source: Source, begin: str, end: str) -> ConditionWatch:
    def lifeless(rows: Rows) -> pa.Array:
        begins = rows.column(begin)
        return and_(not_(is_null(begins)), not_(has_lifetime(begins, rows.column(end))))

    def say(met: Met) -> tuple[str, str]:
        message = (
            f"`{end}` lies before `{begin}` in {share(met.count, met.present)} of {source.name}: they are left out"
        )
        return message, "correct the times"

    fields = [column_field(source, begin), column_field(source, end)]
    return ConditionWatch("W676", of_source(source), fields, lifeless, say)

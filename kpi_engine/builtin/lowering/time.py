"""Functions on dates and timestamps."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from kpi_engine.builtin.lowering.values import Arguments, Operand, is_null, literal, nulls_like
from kpi_engine.extend.functions import EvaluationContext
from kpi_engine.kernels import temporal
from kpi_engine.kernels.elapsed import add_elapsed
from kpi_engine.kernels.operands import apply
from kpi_engine.kernels.spans import Duration

_Lowering = Callable[[Arguments, EvaluationContext], Operand]


def _part_named(name: str) -> _Lowering:
    def lowering(arguments: Arguments, context: EvaluationContext) -> Operand:
        return _part(arguments[0], name, context)

    lowering.__doc__ = f"The {name} of a date or timestamp."
    return lowering


year = _part_named("year")
quarter = _part_named("quarter")
month = _part_named("month")
week = _part_named("week")
day = _part_named("day")
hour = _part_named("hour")
minute = _part_named("minute")
second = _part_named("second")
weekday = _part_named("weekday")


def part(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The part that the second argument names."""
    return _part(arguments[0], str(literal(arguments[1])), context)


def bucket(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The start of the period that holds the value."""
    grain = str(literal(arguments[1]))
    if is_null(arguments[0]):
        return nulls_like(arguments[0], pa.timestamp("us", "UTC") if grain == "hour" else pa.date32())
    return apply(lambda rows: temporal.bucket(rows[0], grain, context.calendar), arguments[:1])


def date_add(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The value moved by a duration as written, or by elapsed microseconds."""
    moment, length = arguments
    if is_null(moment):
        return moment
    if not pa.types.is_string(length.type):
        return add_elapsed(moment, length)
    duration = Duration.parse(str(literal(length)))
    return apply(lambda rows: temporal.date_add(rows[0], duration, context.calendar), [moment])


def _part(moment: Operand, name: str, context: EvaluationContext) -> Operand:
    if is_null(moment):
        return nulls_like(moment, pa.int64())
    return apply(lambda rows: temporal.part(rows[0], name, context.calendar), [moment])

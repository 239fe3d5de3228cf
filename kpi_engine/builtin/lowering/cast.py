"""Functions that turn a value into another type."""

from __future__ import annotations

import pyarrow as pa

from kpi_engine.builtin.lowering.values import Arguments, Operand, is_null, literal, nulls_like
from kpi_engine.extend.functions import EvaluationContext, FunctionFailure
from kpi_engine.ir.types import DATE, DECIMAL, INTEGER, TEXT, TIMESTAMP, Type
from kpi_engine.kernels import temporal
from kpi_engine.kernels.cast_forms import Style
from kpi_engine.kernels.casts import physical_type, try_cast
from kpi_engine.kernels.operands import apply

_LONGEST_VALUE = 60
_NULL_HELP = 'where such values mean nothing, take them out first: `nullif(x, "n/a")`'


def integer(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The whole number; FunctionFailure for a text or number that is none."""
    return _cast(arguments, INTEGER, "a whole number", context, f"round it first, or {_NULL_HELP}")


def decimal(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The exact decimal; FunctionFailure for a text that is none."""
    return _cast(arguments, DECIMAL, "a decimal", context, _NULL_HELP)


def text(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The value as a text."""
    return _cast(arguments, TEXT, "a text", context, "")


def date(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The date that a text writes, or the local day of a timestamp; FunctionFailure for a text that is none."""
    help = 'if all are written so, say how: `date(x, "%d.%m.%Y")`'
    return _cast(arguments, DATE, "a date", context, help)


def timestamp(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The instant that a text writes; FunctionFailure for a text that is none."""
    help = 'if all are written so, say how: `timestamp(x, "%d.%m.%Y %H:%M")`'
    return _cast(arguments, TIMESTAMP, "a timestamp", context, help)


def from_epoch(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The instant so many seconds, or fractions of them, after the start of 1970."""
    if is_null(arguments[0]):
        return nulls_like(arguments[0], physical_type(TIMESTAMP))
    unit = str(literal(arguments[1]))
    return apply(lambda rows: temporal.from_epoch(rows[0], unit), arguments[:1])


def _cast(arguments: Arguments, wanted: Type, noun: str, context: EvaluationContext, help: str) -> Operand:
    format = None if len(arguments) == 1 else str(literal(arguments[1]))
    style = Style(context.calendar.timezone, format)

    def kernel(rows: list[pa.Array]) -> pa.Array:
        read = try_cast(rows[0], wanted, style)
        if read.failing.size:
            row = int(read.failing[0])
            value = str(rows[0][row].as_py())
            shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}..."
            written = f" written as {format}" if format else ""
            raise FunctionFailure(f"`{shown}` is not {noun}{written}", help, row)
        return read.values

    return apply(kernel, arguments[:1])

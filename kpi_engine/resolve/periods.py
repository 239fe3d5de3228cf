"""Periods in comparisons: `ordered_at >= 2027-03` becomes comparisons with the bounds of March 2027."""

from __future__ import annotations

import datetime

from kpi_engine.ir.expression import Apply, Constant, Expression
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import BOOLEAN, DATE, TIMESTAMP, Kind
from kpi_engine.kernels.calendar import Bound, Calendar, CalendarError, Period, date_of, parse_period
from kpi_engine.resolve.problems import problem

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The operator that says the same with its sides exchanged."""


def period(calendar: Calendar, text: str, span: Span) -> Period:
    """The period that a literal names, or E335."""
    try:
        return parse_period(calendar, text)
    except CalendarError as error:
        raise problem("E335", error.message, span, error.help) from error


def compare_with_period(calendar: Calendar, operator: str, moment: Expression, text: str, span: Span) -> Expression:
    """`moment operator period` as comparisons with the period's bounds, null where the moment is null.

    `= P` is inside, `< P` before its start, `>= P` not before its start, `> P` and `<= P` after, or not after, its end.
    """
    found = period(calendar, text, span)
    if moment.type.kind is Kind.DATE and found.grain == "hour":
        raise problem("E335", "a date has no hours", span, f"write the day, {text[:10]}")

    def compared(operation: str, bound: Bound) -> Expression:
        return Apply(operation, (moment, _constant(bound, moment.type.kind, span)), BOOLEAN, span)

    match operator:
        case "=":
            inside = (compared("greater_equal", found.start), compared("less", found.end))
            return Apply("and", inside, BOOLEAN, span)
        case "!=":
            outside = (compared("less", found.start), compared("greater_equal", found.end))
            return Apply("or", outside, BOOLEAN, span)
        case "<":
            return compared("less", found.start)
        case ">=":
            return compared("greater_equal", found.start)
        case ">":
            return compared("greater_equal", found.end)
        case _:
            return compared("less", found.end)


def _constant(bound: Bound, kind: Kind, span: Span) -> Constant:
    if kind is Kind.DATE:
        return Constant(date_of(bound.day), DATE, span)
    return Constant(_EPOCH + datetime.timedelta(microseconds=bound.us), TIMESTAMP, span)

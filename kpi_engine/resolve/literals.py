"""Literals: their values and types, and how a bare number takes on the unit of what it meets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import MICROSECONDS
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import CalendarDuration, Constant, Expression
from kpi_engine.ir.types import BOOLEAN, DECIMAL, DURATION, INTEGER, NULL, TEXT, TIME, Kind, Type
from kpi_engine.kernels.calendar import UNITS
from kpi_engine.resolve.problems import problem

_FISCAL_YEAR = r"FY\d{4}"


def core(node: tree.Expr) -> tree.Expr:
    """What stands inside brackets and signs."""
    while True:
        match node:
            case tree.Group(body=body, clauses=()):
                node = body
            case tree.Unary(operator="-" | "+", operand=operand):
                node = operand
            case _:
                return node


def is_negative(node: tree.Expr) -> bool:
    """Whether an odd number of minus signs stands before the core."""
    sign = False
    while True:
        match node:
            case tree.Group(body=body, clauses=()):
                node = body
            case tree.Unary(operator="-" | "+" as operator, operand=operand):
                sign ^= operator == "-"
                node = operand
            case _:
                return sign


def constant(node: tree.Expr) -> Constant | None:
    """The constant that a simple literal writes; None if the node is something else."""
    match node:
        case tree.Number(value=value):
            whole = value == value.to_integral_value() and "." not in node.text
            return Constant(int(value) if whole else value, INTEGER if whole else DECIMAL, node.span)
        case tree.Percent(value=value):
            return Constant(value, DECIMAL, node.span)
        case tree.Text(value=text):
            return Constant(text, TEXT, node.span)
        case tree.Boolean(value=truth):
            return Constant(truth, BOOLEAN, node.span)
        case tree.Null():
            return Constant(None, NULL, node.span)
    return None


def duration_constant(node: tree.DurationLiteral) -> Constant:
    """A duration as a value: elapsed microseconds."""
    check_unit(node)
    length = MICROSECONDS.get(node.unit)
    if length is None:
        raise problem(
            "E336",
            f"{node.unit}s differ in length, so this is not a value",
            node.span,
            "write days or weeks; calendar lengths belong in `previous(...)`, `rolling(...)` and `date_add(...)`",
        )
    return Constant(round(Fraction(node.amount) * length), DURATION, node.span)


def calendar_duration(node: tree.DurationLiteral, grain: str | None = None) -> CalendarDuration:
    """A duration as a length on the calendar, or so many periods of a grain; months and longer must be whole."""
    if grain is None:
        check_unit(node)
    unit = grain or node.unit
    amount = Fraction(node.amount)
    if unit not in MICROSECONDS and amount.denominator != 1:
        raise problem("E336", f"there are no parts of {unit}s", node.span, "write a whole number")
    if amount <= 0:
        raise problem("E336", "this length must be more than zero", node.span, "write for example `7 days`")
    return CalendarDuration(amount, unit)


def check_unit(node: tree.DurationLiteral, words: Iterable[str] = ()) -> None:
    """E126 unless the unit is one of every calendar; `words` are others that may be meant."""
    if node.unit not in UNITS:
        help = did_you_mean(node.unit, [f"{unit}s" for unit in (*UNITS, *words)]) or "write for example `7 days`"
        raise problem("E126", f"`{node.unit}` is not a unit of time", node.span, help)


def duration_text(node: tree.DurationLiteral, negative: bool) -> Constant:
    """A duration as the text that functions on calendars take: `-7 days`."""
    check_unit(node)
    sign = "-" if negative else ""
    plural = "" if node.amount == 1 else "s"
    return Constant(f"{sign}{node.amount.normalize():f} {node.unit}{plural}", TEXT, node.span)


def negated(value: Constant, node: tree.Expr) -> Constant:
    """A number with its sign turned."""
    assert isinstance(value.value, int | Decimal | Fraction)
    return Constant(-value.value, value.type, node.span)


def adapted(value: Expression, node: tree.Expr, other: Type) -> Expression:
    """A literal number beside an amount is an amount; 0 fits every unit."""
    if not isinstance(value, Constant) or not isinstance(core(node), tree.Number) or not other.numeric:
        return value
    if other.unit.is_none or not value.type.unit.is_none:
        return value
    is_money = any(base != TIME for base, _ in other.unit.powers)
    if is_money or value.value == 0:
        return replace(value, type=replace(value.type, unit=other.unit))
    return value


def period_text(node: tree.Expr, beside: Type | None = None) -> str | None:
    """The text of a period literal; a bare year counts as one beside a date or a timestamp."""
    match node:
        case tree.PeriodLiteral(text=text):
            return text
        case tree.Path(parts=(name,)) if re.fullmatch(_FISCAL_YEAR, name.text):
            return name.text
        case tree.Number(value=value) if beside is not None and beside.kind in (Kind.DATE, Kind.TIMESTAMP):
            text = str(value)
            return text if re.fullmatch(r"(19|20|21)\d\d", text) else None
    return None

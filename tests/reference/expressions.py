"""Expressions, from the values of their parts: operators, literals, row functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from kpi_engine.ir import tree

from . import functions
from .local_time import LocalCalendar, length
from .model import word
from .period_text import read_period
from .problems import MeaninglessError
from .values import (
    Value,
    arithmetic,
    compare,
    conjunction,
    disjunction,
    membership,
    negation,
    negative,
    quotient,
)


def evaluate(node: tree.Expr, calendar: LocalCalendar, inside: Callable[[tree.Expr], Any], *, on_rows: bool) -> Any:
    """The value of an expression that is neither a name nor a call; `inside` gives the values of its parts."""
    match node:
        case tree.Number(value=value, text=text):
            return int(value) if value == int(value) and "." not in text else Fraction(value)
        case tree.Percent(value=value):
            return Fraction(value)
        case tree.DurationLiteral(amount=amount, unit=unit):
            return length(Fraction(amount), unit) // length(Fraction(1, 1_000_000), "second")
        case tree.PeriodLiteral(text=text):
            return read_period(calendar, text)
        case tree.Text(value=value) | tree.Boolean(value=value):
            return value
        case tree.Null():
            return None
        case tree.Group(body=body, clauses=()):
            return inside(body)
        case tree.Unary(operator="not", operand=operand):
            return negation(inside(operand))
        case tree.Unary(operator=sign, operand=operand):
            return negative(inside(operand)) if sign == "-" else inside(operand)
        case tree.Binary(operator="/", left=left, right=right):
            return _divided(inside(left), inside(right), right, on_rows)
        case tree.Binary(operator=sign, left=left, right=right):
            return arithmetic(sign, inside(left), inside(right))
        case tree.Compare(operator=sign, left=left, right=right):
            values = [inside(left), inside(right)]
            return compare(sign, *_years_read((left, right), values, calendar))
        case tree.Logical(operator=word, operands=operands):
            return (conjunction if word == "and" else disjunction)([inside(each) for each in operands])
        case tree.In(operand=operand, items=items, negated=negated):
            return membership(inside(operand), [inside(item) for item in items.items], negated)
        case tree.IsNull(operand=operand, negated=negated):
            return (inside(operand) is not None) == negated
        case tree.Case(arms=arms, default=default):
            values = [(inside(arm.condition), inside(arm.value)) for arm in arms]
            otherwise = None if default is None else inside(default)
            return next((value for condition, value in values if condition is True), otherwise)
    raise MeaninglessError(f"the reference does not know {type(node).__name__} here")


def _years_read(nodes: Sequence[tree.Expr], values: Sequence[Any], calendar: LocalCalendar) -> list[Any]:
    """The values compared; beside a date or an instant a bare number is a year."""
    if not any(isinstance(value, date) for value in values):
        return list(values)
    pairs = zip(nodes, values, strict=True)
    return [read_period(calendar, node.text) if isinstance(node, tree.Number) else value for node, value in pairs]


def _divided(left: Any, right: Any, divisor: tree.Expr, on_rows: bool) -> Value:
    """In rows exact / a literal power of ten stays exact; every other quotient is a float64."""
    literal = isinstance(divisor, tree.Number) and str(divisor.value.normalize().as_tuple().digits) == "(1,)"
    if on_rows and literal and isinstance(left, int | Fraction):
        return Fraction(left) / Fraction(right)
    return quotient(left, right)


def call_function(node: tree.Call, calendar: LocalCalendar, value: Callable[[tree.Expr], Any]) -> Any:
    """A call of a row function whose arguments are evaluated by `value`."""
    name = node.function.text
    if not functions.knows(name):
        raise MeaninglessError(f"the reference does not know {name}()")
    nodes = [argument.value for argument in node.arguments]
    if name in ("bucket", "part", "from_epoch"):
        return functions.call(name, [value(nodes[0]), word(nodes[1])], calendar)
    if name == "date_add":
        return functions.call(name, [value(nodes[0]), _signed_duration(nodes[1])], calendar)
    return functions.call(name, [value(each) for each in nodes], calendar)


def _signed_duration(node: tree.Expr) -> tuple[Fraction, str]:
    match node:
        case tree.Unary(operator="-", operand=tree.DurationLiteral(amount=amount, unit=unit)):
            return -Fraction(amount), unit
        case tree.DurationLiteral(amount=amount, unit=unit):
            return Fraction(amount), unit
    raise MeaninglessError("date_add takes a duration as written")

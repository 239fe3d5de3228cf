"""What a formula gives for a group without a single row: counts and sums 0, everything else null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

from kpi_engine.ir.expression import (
    Apply,
    Constant,
    Expression,
    KeyedAggregate,
    Measure,
    MetricReference,
    Restrict,
    Total,
    Value,
    Window,
)
from kpi_engine.resolve.forms import nodes

_ZERO = frozenset({"count", "sum"})


def value_without_rows(root: Expression) -> Value:
    """The value for a group without rows; null also where it is not known before running.

    >>> from kpi_engine.ir.types import COUNT
    >>> value_without_rows(Measure("count", "orders", (), COUNT))
    0
    """
    values: dict[int, Value] = {}
    for node in nodes(root):
        values[id(node)] = _value(node, values)
    return values[id(root)]


def _value(node: Expression, values: dict[int, Value]) -> Value:
    match node:
        case Constant(value=value):
            return value
        case Measure(function=function) | KeyedAggregate(function=function):
            return 0 if function in _ZERO else None
        case Window(body=body) | Restrict(body=body) | Total(body=body) | MetricReference(body=body):
            return values[id(body)]
        case Apply():
            return _applied(node.operation, [values[id(argument)] for argument in node.arguments])
    return None


def _applied(operation: str, given: Sequence[Value]) -> Value:
    match operation:
        case "and" | "or":
            deciding = operation == "or"
            if deciding in [value for value in given if isinstance(value, bool)]:
                return deciding
            return None if None in given else not deciding
        case "is_null":
            return given[0] is None
        case "is_not_null":
            return given[0] is not None
        case "coalesce":
            return next((value for value in given if value is not None), None)
        case "case":
            for condition, value in zip(given[:-1:2], given[1::2], strict=True):
                if condition is True:
                    return value
            return given[-1]
        case "if":
            return given[1] if given[0] is True else given[2]
    if any(value is None for value in given):
        return None
    compute = _STRICT.get(operation)
    return None if compute is None else compute(*given)


def _number(value: Value) -> Fraction:
    return Fraction(value) if isinstance(value, int | Decimal | Fraction) else Fraction(0)


def _order(test: Callable[[Fraction, Fraction], bool]) -> Callable[..., Value]:
    def compare(left: Value, right: Value) -> Value:
        numbers = isinstance(left, int | Decimal | Fraction) and isinstance(right, int | Decimal | Fraction)
        return test(_number(left), _number(right)) if numbers else None

    return compare


def _divide(left: Value, right: Value) -> Value:
    return None if _number(right) == 0 else _number(left) / _number(right)


_STRICT: dict[str, Callable[..., Value]] = {
    "add": lambda left, right: _number(left) + _number(right),
    "subtract": lambda left, right: _number(left) - _number(right),
    "multiply": lambda left, right: _number(left) * _number(right),
    "divide": _divide,
    "negate": lambda value: -_number(value),
    "abs": lambda value: abs(_number(value)),
    "not": lambda value: not value,
    "equal": lambda left, right: left == right,
    "not_equal": lambda left, right: left != right,
    "less": _order(lambda left, right: left < right),
    "less_equal": _order(lambda left, right: left <= right),
    "greater": _order(lambda left, right: left > right),
    "greater_equal": _order(lambda left, right: left >= right),
    "in": lambda value, *items: value in items,
    "not_in": lambda value, *items: value not in items,
    "nonempty": lambda value: None,
}

"""The operations of expressions as kernels on arrays; a question without any does not load them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from kpi_engine.kernels import arith, compare, logic, temporal

Operand = Any
"""A `pa.Array`, or a `pa.Scalar` for a constant."""

_TIMES = (pa.types.is_timestamp, pa.types.is_date)


def _subtract(left: Operand, right: Operand) -> Operand:
    if any(is_time(left.type) for is_time in _TIMES):
        return temporal.subtract(left, right)
    return arith.subtract(left, right)


def _negated(function: Callable[..., Operand]) -> Callable[..., Operand]:
    return lambda *operands: logic.not_(function(*operands))


def _compare(symbol: str) -> Callable[[Operand, Operand], Operand]:
    return lambda left, right: compare.compare(symbol, left, right)


def _fold(function: Callable[[Operand, Operand], Operand]) -> Callable[..., Operand]:
    def folded(*operands: Operand) -> Operand:
        result = operands[0]
        for operand in operands[1:]:
            result = function(result, operand)
        return result

    return folded


def _is_in(operand: Operand, *items: Operand) -> Operand:
    return compare.is_in(operand, items)


def _case(*operands: Operand) -> Operand:
    *arms, default = operands
    return logic.case_when(arms[0::2], arms[1::2], default)


OPERATIONS: Mapping[str, Callable[..., Operand]] = {
    "add": arith.add,
    "subtract": _subtract,
    "multiply": arith.multiply,
    "negate": arith.negate,
    "equal": _compare("="),
    "not_equal": _compare("!="),
    "less": _compare("<"),
    "less_equal": _compare("<="),
    "greater": _compare(">"),
    "greater_equal": _compare(">="),
    "and": _fold(logic.and_),
    "or": _fold(logic.or_),
    "not": logic.not_,
    "is_null": logic.is_null,
    "is_not_null": _negated(logic.is_null),
    "in": _is_in,
    "not_in": _negated(_is_in),
    "case": _case,
}

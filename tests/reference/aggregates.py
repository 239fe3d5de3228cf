"""Aggregates of the values of some rows. Nulls are skipped; no rows are 0 for counts and sums, else null."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .values import Value, quotient, settled


def aggregate(function: str, rows: Sequence[tuple[Any, ...]], parameter: Fraction | None = None) -> Any:
    """The aggregate of rows, each a tuple of the values of the function's arguments."""
    if function == "rows":
        return len(rows)
    if function == "weighted_avg":
        return _weighted(rows)
    values = [row[0] for row in rows if row[0] is not None]
    match function:
        case "count":
            return len(values)
        case "count distinct":
            return len(set(values))
        case "sum":
            return (0 if not rows else None) if not values else total(values)
    if not values:
        return None
    match function:
        case "avg":
            return quotient(_exact_total(values), len(values))
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "variance":
            return _variance(values)
        case "stddev":
            variance = _variance(values)
            return None if variance is None else math.sqrt(variance)
        case "percentile":
            assert parameter is not None
            return _percentile(values, parameter)
    raise AssertionError(f"no aggregate {function}")


def total(values: Sequence[Any]) -> Value:
    """The exact sum; of floats rounded once."""
    exact = _exact_total(values)
    if any(isinstance(value, float) for value in values):
        return _as_float(exact)
    return int(exact) if all(isinstance(value, int) for value in values) else exact


def _exact_total(values: Sequence[Any]) -> Fraction:
    return sum((Fraction(value) for value in values), Fraction(0))


def _as_float(exact: Fraction) -> float | None:
    try:
        return settled(float(exact))
    except OverflowError:
        return None


def _weighted(rows: Sequence[tuple[Any, ...]]) -> float | None:
    used = [(Fraction(x), Fraction(weight)) for x, weight in rows if x is not None and weight is not None]
    return quotient(sum(x * weight for x, weight in used), sum(weight for _, weight in used))


def _variance(values: Sequence[Any]) -> float | None:
    if len(values) < 2:
        return None
    mean = _exact_total(values) / len(values)
    return _as_float(sum(((Fraction(value) - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1))


def _percentile(values: Sequence[Any], percent: Fraction) -> float | None:
    """Linear between the two neighbours of the position percent/100 * (n - 1)."""
    ordered = sorted(Fraction(value) for value in values)
    position = percent / 100 * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return _as_float(ordered[below] + (ordered[above] - ordered[below]) * (position - below))

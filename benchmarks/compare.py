"""Whether two answers to a question are equal: rows by their keys, value by value."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from questions import Question

Rows = Sequence[Sequence[Any]]


def differences(question: Question, expected: Rows, found: Rows) -> list[str]:
    """What differs, one line a value: nothing, if counts and decimals are equal and floats are to 12 digits."""
    left, right = by_key(question, expected), by_key(question, found)
    lines = [f"only one answer has the row {key}" for key in sorted(left.keys() ^ right.keys(), key=str)]
    for key in sorted(left.keys() & right.keys(), key=str):
        for metric, one, other in zip(question.metrics, left[key], right[key], strict=True):
            if not same(one, other):
                lines.append(f"{metric} of {key}: {one}, {other}")
    return lines


def by_key(question: Question, rows: Rows) -> dict[tuple[object, ...], tuple[Any, ...]]:
    """Rows by period and dimensions.

    Raises:
        ValueError: a key occurs twice.
    """
    width = len(question.keys)
    found = {(_date(row[0]), *row[1:width]): tuple(row[width:]) for row in rows}
    if len(found) != len(rows):
        raise ValueError(f"an answer to {question.name} repeats rows")
    return found


def same(one: object, other: object) -> bool:
    """Whether two values are equal; durations may be microseconds, money may be a float where one side has no other.

    >>> same(Decimal("1.10"), Decimal("1.1")), same(0.1 + 0.2, 0.3), same(3, 4), same(dt.timedelta(seconds=1), 1e6)
    (True, True, False, True)
    """
    if isinstance(one, dt.timedelta) or isinstance(other, dt.timedelta):
        return None not in (one, other) and abs(_microseconds(one) - _microseconds(other)) <= 1
    if isinstance(one, float) or isinstance(other, float):
        return None not in (one, other) and math.isclose(float(_number(one)), float(_number(other)), rel_tol=1e-12)
    return one == other


def _number(value: object) -> float | int | Decimal:
    if not isinstance(value, float | int | Decimal):
        raise TypeError(f"not a number: {value!r}")
    return value


def _microseconds(value: object) -> float:
    return value / dt.timedelta(microseconds=1) if isinstance(value, dt.timedelta) else float(_number(value))


def _date(value: object) -> object:
    return value.date() if isinstance(value, dt.datetime) else value

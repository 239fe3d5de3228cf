"""Values and what operators make of them: `int`, `Fraction`, `float`, `str`, `bool`, `date`, `datetime`, None for null.

A decimal is a `Fraction`, a duration an `int` of microseconds, an instant a `datetime` in UTC.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .local_time import LocalCalendar, Span

Value = int | Fraction | float | str | bool | date | datetime | None
Truth = bool | None


def stored(value: object, zone: LocalCalendar) -> Any:
    """A Python value of the data as a value of the language; naive times are read in a zone. Lists and structs stay."""
    match value:
        case float():
            return settled(value)
        case Decimal():
            return Fraction(value)
        case timedelta():
            return value // timedelta(microseconds=1)
        case datetime():
            return value.astimezone(UTC) if value.tzinfo is not None else zone.to_instant(value)
        case None | bool() | int() | str() | date():
            return value
        case dict():
            return {name: stored(each, zone) for name, each in value.items()}
        case list():
            return [stored(each, zone) for each in value]
    raise TypeError(f"no value of the language: {value!r}")


def settled(value: float) -> float | None:
    """NaN and infinities are null, and there is one zero."""
    return value + 0.0 if math.isfinite(value) else None


# ------------------------------------------------------------------------------------------------------- arithmetic


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    """`+ - *`: exact on exact numbers, float64 beside a float; a difference of times is elapsed microseconds."""
    if left is None or right is None:
        return None
    if isinstance(left, date) and isinstance(right, date) and sign == "-":
        return (left - right) // timedelta(microseconds=1)
    work: Callable[[Any, Any], Any] = {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign]
    if isinstance(left, float) or isinstance(right, float):
        return settled(work(float(left), float(right)))
    return work(left, right)


def quotient(left: Any, right: Any) -> float | None:
    """`/`: float64, rounded once from the exact operands; null by zero."""
    if left is None or right is None or right == 0:
        return None
    try:
        return settled(float(Fraction(left) / Fraction(right)))
    except OverflowError:
        return None


def negative(value: Value) -> Any:
    """`-x`."""
    return arithmetic("-", 0, value)


# ------------------------------------------------------------------------------------------ comparisons and truth

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compare(sign: str, left: Any, right: Any) -> Truth:
    """A comparison; unknown beside null. A period is compared as a whole."""
    if isinstance(left, Span):
        return compare(_MIRRORED[sign], right, left)
    if left is None or right is None:
        return None
    if isinstance(right, Span):
        return _against_period(sign, left, right)
    if isinstance(left, float) or isinstance(right, float):
        left, right = float(left), float(right)
    return _ORDER[sign](left, right)


def _against_period(sign: str, value: object, period: Span) -> bool:
    assert isinstance(value, date)
    begun, ended = not period.start.after(value), not period.end.after(value)
    return {
        "=": begun and not ended,
        "!=": not (begun and not ended),
        "<": not begun,
        ">=": begun,
        ">": ended,
        "<=": not ended,
    }[sign]


def conjunction(parts: Sequence[Truth]) -> Truth:
    """`and`, three-valued."""
    if any(part is False for part in parts):
        return False
    return None if any(part is None for part in parts) else True


def disjunction(parts: Sequence[Truth]) -> Truth:
    """`or`, three-valued."""
    if any(part is True for part in parts):
        return True
    return None if any(part is None for part in parts) else False


def negation(part: Truth) -> Truth:
    """`not`, three-valued."""
    return None if part is None else not part


def membership(value: Value, items: Sequence[Value | Span], negated: bool) -> Truth:
    """`in` and `not in`: unknown for a null value."""
    found = disjunction([compare("=", value, item) for item in items])
    return negation(found) if negated else found


# -------------------------------------------------------------------------------------------------------- rounding


def rounded(value: Any, digits: int = 0) -> Value:
    """The nearest multiple of 10 ** -digits of the exact value; a half goes away from zero."""
    if value is None:
        return None
    unit = Fraction(10) ** -digits
    steps = abs(Fraction(value)) / unit
    whole = math.floor(steps + Fraction(1, 2)) * unit
    return _as_kind(whole if value >= 0 else -whole, value)


def floored(value: Any) -> Value:
    """The greatest whole number that is not above."""
    return None if value is None else _as_kind(Fraction(math.floor(value)), value)


def ceiled(value: Any) -> Value:
    """The least whole number that is not below."""
    return None if value is None else _as_kind(Fraction(math.ceil(value)), value)


def _as_kind(result: Fraction, like: Value) -> Value:
    if isinstance(like, float):
        return settled(float(result))
    return int(result) if isinstance(like, int) else result

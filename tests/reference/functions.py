"""The functions of rows and results, each in a line or two."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from .local_time import LocalCalendar, add_months, length
from .values import Value, ceiled, compare, floored, rounded, settled

# Null in, null out: these see no null.
_STRICT: dict[str, Callable[..., Value]] = {
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "length": len,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": lambda text, part: part in text,
    "replace": str.replace,
    "concat": lambda *texts: "".join(texts),
    "substring": lambda text, start, size=None: _substring(text, start, size),
    "split_part": lambda text, separator, number: _part_of(text.split(separator), number),
    "abs": abs,
    "round": rounded,
    "floor": floored,
    "ceil": ceiled,
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else None,
    "ln": lambda x: settled(math.log(x)) if x > 0 else None,
    "exp": lambda x: _exp(x),
    "least": lambda *values: _extreme("<", values),
    "greatest": lambda *values: _extreme(">", values),
    "integer": lambda x: _whole(x),
    "text": lambda x: _written(x),
    "decimal": lambda x: (
        Fraction(repr(x)) if isinstance(x, float) else Fraction(x.strip() if isinstance(x, str) else x)
    ),
}

_PARTS: dict[str, Callable[[Any], int]] = {
    "year": lambda moment: moment.year,
    "quarter": lambda moment: (moment.month - 1) // 3 + 1,
    "month": lambda moment: moment.month,
    "week": lambda moment: moment.isocalendar().week,
    "day": lambda moment: moment.day,
    "weekday": lambda moment: moment.isoweekday(),
    "hour": lambda moment: moment.hour,
    "minute": lambda moment: moment.minute,
    "second": lambda moment: moment.second,
}


def call(name: str, arguments: list[Any], calendar: LocalCalendar) -> Any:
    """The value of a function. Words such as `month` come as texts, durations as (amount, unit)."""
    match name:
        case "coalesce":
            return next((each for each in arguments if each is not None), None)
        case "nullif":
            return None if compare("=", *arguments) is True else arguments[0]
        case "if":
            return arguments[1] if arguments[0] is True else arguments[2]
    if any(each is None for each in arguments):
        return None
    if name in _STRICT:
        return _STRICT[name](*arguments)
    moment = arguments[0]
    match name:
        case "date":
            return calendar.to_wall(moment).date() if isinstance(moment, datetime) else moment
        case "from_epoch":
            return datetime.fromtimestamp(0, UTC) + length(arguments[0], arguments[1])
        case "bucket":
            return bucket(moment, arguments[1], calendar)
        case "date_add":
            amount, unit = arguments[1]
            return _date_add(moment, amount, unit, calendar)
    part = arguments[1] if name == "part" else name
    return _PARTS[part](calendar.to_wall(moment) if isinstance(moment, datetime) else moment)


def knows(name: str) -> bool:
    """Whether there is such a function."""
    return (
        name in _STRICT
        or name in _PARTS
        or name
        in (
            "coalesce",
            "nullif",
            "if",
            "date",
            "bucket",
            "date_add",
            "part",
            "from_epoch",
        )
    )


def bucket(moment: datetime | date, grain: str, calendar: LocalCalendar) -> datetime | date:
    """The first day of the period that holds a moment; for hours the instant at which the hour begins."""
    if grain == "hour":
        assert isinstance(moment, datetime)
        return calendar.hour_start(moment)
    return calendar.first_day(grain, calendar.date_of(calendar.at_moment(moment)))


def _date_add(moment: datetime | date, amount: int | Fraction, unit: str, calendar: LocalCalendar) -> datetime | date:
    if isinstance(moment, datetime):
        if unit in ("second", "minute", "hour"):
            return calendar.moved(calendar.at(moment), amount, unit).instant
        wall = calendar.to_wall(moment)
        shifted = _date_add(wall.date(), amount, unit, calendar)
        return moment if amount == 0 else calendar.to_instant(datetime.combine(shifted, wall.time()))
    months = {"month": 1, "quarter": 3, "year": 12}.get(unit)
    if months is not None:
        return add_months(moment, int(amount) * months)
    return date.fromordinal(moment.toordinal() + int(amount) * {"day": 1, "week": 7}[unit])


def _substring(text: str, start: int, size: int | None) -> str | None:
    if start < 1 or (size is not None and size < 0):
        return None
    return text[start - 1 :] if size is None else text[start - 1 : start - 1 + size]


def _part_of(parts: list[str], number: int) -> str | None:
    return parts[number - 1] if number <= len(parts) else None


def _extreme(sign: str, values: tuple[Any, ...]) -> Value:
    found = values[0]
    for each in values[1:]:
        if compare(sign, each, found) is True:
            found = each
    return float(found) if any(isinstance(each, float) for each in values) else found


def _exp(value: Any) -> float | None:
    try:
        return settled(math.exp(value))
    except OverflowError:
        return None


def _exact(value: Any) -> Fraction:
    """The shortest decimal that stands for a float; what a text writes."""
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction | float | datetime):
        raise NotImplementedError("how many digits such a value is written with")
    return str(value)


def _whole(value: Any) -> int:
    exact = Fraction(value)
    if exact.denominator != 1:
        raise ValueError(f"{value} is not whole")
    return int(exact)

"""One value as people read it. Values come as Python objects; nothing here rounds what is stored."""

from __future__ import annotations

import datetime
import math
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Literal

from kpi_engine.ir.types import Display

NULL = "\N{EN DASH}"
GROUP = "\N{NARROW NO-BREAK SPACE}"
"""Between groups of three digits: a space that no terminal breaks at."""

SPACE = "\N{NO-BREAK SPACE}"

Detail = Literal["full", "short"]
"""`short` shows fewer decimals, for narrow terminals: whole amounts, percents and points, three significant digits."""

_SIGNIFICANT = {"full": 4, "short": 3}
_EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
_MICROSECONDS = {"d": 86_400_000_000, "h": 3_600_000_000, "min": 60_000_000, "s": 1_000_000}
_PARTS = {"second": "s", "minute": "min", "hour": "h", "day": "d"}
_PAIRS = (("min", "s", 60, 60), ("h", "min", 60, 24), ("d", "h", 24, math.inf))
"""Two parts shown together; how many of the small make a large one, and how many large ones make the next."""


def metric_text(value: object, display: Display, detail: Detail = "full") -> str:
    """A metric's value for people; null is an en dash.

    Percents are fractions and durations microseconds, as stored.

    >>> metric_text(0.0237, Display("percent"))
    '2.4%'
    >>> metric_text(Decimal("-0.5"), Display("currency", "USD"))
    '-$0.50'
    """
    if value is None:
        return NULL
    if isinstance(value, datetime.timedelta):
        value = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return plain_text(value)
    # The shortest text that gives the float back is what its reader would write, so rounding starts from there.
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        return NULL
    match display.form:
        case "percent":
            return _percent(number, detail)
        case "points":
            return _points(number, detail)
        case "currency":
            return _amount(number, display.part, detail)
        case "duration":
            return _duration(number, display.part, detail)
        case _ if isinstance(value, float) and display.form != "count":
            return _significant(number, _SIGNIFICANT[detail])
        case _:
            return _number(number, isinstance(value, Decimal), detail)


def plain_text(value: object) -> str:
    """A dimension's value, or any other: text as it is, dates in ISO form, true and false; null is an en dash.

    >>> plain_text(datetime.date(2027, 3, 1)), plain_text(True), plain_text(1200)
    ('2027-03-01', 'true', '1200')
    """
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="minutes" if value.second == 0 else "auto")
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def unit_text(display: Display) -> str:
    """The unit as a column's header says it, where the cells do not."""
    match display.form:
        case "currency":
            return display.part
        case "points":
            return "points"
        case _:
            return ""


def _number(number: Decimal, exact: bool, detail: Detail) -> str:
    """Whole numbers and exact decimals in full, others with some significant digits."""
    if number and number.adjusted() > 20:
        return f"{number:.{_SIGNIFICANT[detail] - 1}e}"
    if number == number.to_integral_value():
        return _fixed(number, 0)
    if exact and detail == "full":
        return _fixed(number, _decimals(number))
    return _significant(number, _SIGNIFICANT[detail])


def _percent(fraction: Decimal, detail: Detail) -> str:
    percent = _EXACT.multiply(fraction, Decimal(100))
    size = abs(percent)
    if size and size < 1:
        return f"{_significant(percent, 2)}%"
    return f"{_fixed(percent, 0 if detail == 'short' and size >= 10 else 1)}%"


def _points(number: Decimal, detail: Detail) -> str:
    text = _fixed(number, 1 if detail == "full" else 0)
    return text if text.startswith("-") or not number else f"+{text}"


def _amount(number: Decimal, code: str, detail: Detail) -> str:
    from kpi_engine.present.money import minor_digits, prefix

    text = _fixed(abs(number), minor_digits(code) if detail == "full" else 0)
    sign = "-" if number < 0 and any(digit in text for digit in "123456789") else ""
    return f"{sign}{prefix(code)}{text}"


def _duration(microseconds: Decimal, part: str, detail: Detail) -> str:
    """In the part that the author asked for, with one decimal; else in the two largest parts."""
    if part in _PARTS:
        unit = _PARTS[part]
        amount = _EXACT.divide(microseconds, Decimal(_MICROSECONDS[unit]))
        return f"{_fixed(amount, 1 if detail == 'full' else 0)}{SPACE}{unit}"
    size = abs(microseconds)
    sign = "-" if microseconds < 0 else ""
    if size < 60_000_000:
        return f"{sign}{_below_a_minute(size)}"
    return f"{sign}{_two_parts(size)}"


def _two_parts(microseconds: Decimal) -> str:
    """Rounded to the smaller part before it is split, so that 59 min 59.7 s is 1 h, never 59 min 60 s."""
    for large, small, ratio, next_ratio in _PAIRS:
        count = int((microseconds / _MICROSECONDS[small]).to_integral_value(ROUND_HALF_UP))
        whole, rest = divmod(count, ratio)
        if whole < next_ratio:
            text = f"{_fixed(Decimal(whole), 0)}{SPACE}{large}"
            return f"{text}{SPACE}{rest}{SPACE}{small}" if rest else text
    raise AssertionError("the last pair of parts holds every duration")


def _below_a_minute(microseconds: Decimal) -> str:
    if not microseconds:
        return f"0{SPACE}s"
    if microseconds >= 1_000_000:
        seconds = _fixed(microseconds / 1_000_000, 1).removesuffix(".0")
        return f"{seconds}{SPACE}s" if seconds != "60" else f"1{SPACE}min"
    if microseconds >= 1_000:
        return f"{_significant(microseconds / 1_000, 3)}{SPACE}ms"
    return f"{_significant(microseconds, 3)}{SPACE}µs"


def _significant(number: Decimal, digits: int) -> str:
    """At least `digits` significant digits; digits before the point are never dropped."""
    if number and not -9 <= number.adjusted() <= 20:
        return f"{number:.{digits - 1}e}"
    return _fixed(number, max(0, digits - 1 - number.adjusted())) if number else "0"


def _fixed(number: Decimal, decimals: int) -> str:
    """Rounded half away from zero, grouped by three; never `-0`. Beyond all measure in powers of ten."""
    if number.adjusted() > 60:
        return f"{number:.3e}"
    rounded = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)
    text = f"{abs(rounded):,f}".replace(",", GROUP)
    return f"-{text}" if rounded < 0 else text


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0

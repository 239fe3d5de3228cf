"""The first and last time of rows. Times outside the years that have periods count as the first or last of these."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.bounds import Bound
from kpi_engine.kernels.calendar import Calendar, date_of, day_number

_FIRST, _LAST = date(1900, 1, 1), date(2199, 12, 31)


def earliest(calendar: Calendar) -> Bound:
    """The start of the first day that lies in periods: rows before it are not looked at.

    >>> earliest(Calendar("UTC")).day
    -25567
    """
    return calendar.day_start(_FIRST)


def latest(calendar: Calendar) -> Bound:
    """The end of the last day that lies in periods.

    >>> latest(Calendar("UTC")).day
    84006
    """
    return calendar.day_start(_LAST + timedelta(days=1))


_DAY_US = 86_400_000_000

_SURELY_LATER = (day_number(_FIRST) + 2) * _DAY_US
"""Later than the start of the first day in any zone."""


def time_bounds(
    times: pa.Array, limit: Bound | None, calendar: Calendar, start: Bound | None = None
) -> tuple[Bound, Bound] | None:
    """The first and last of some times (timestamp[us, UTC] or date32), without those at or after `limit` and those
    before `start`.

    None where no time is left.
    """
    is_date = pa.types.is_date32(times.type)
    numbers = times.cast(pa.int32() if is_date else pa.int64())
    if start is not None:
        numbers = numbers.filter(pc.greater_equal(numbers, pa.scalar(start.day if is_date else start.us, numbers.type)))
    if limit is not None:
        numbers = numbers.filter(pc.less(numbers, pa.scalar(limit.day if is_date else limit.us, numbers.type)))
    found = pc.min_max(numbers)
    low, high = found["min"].as_py(), found["max"].as_py()
    if low is None:
        return None
    if is_date:
        first, last = (calendar.day_start(date_of(_day_in_range(day))) for day in (low, high))
        return first, last
    return bound_of(low, calendar), bound_of(high, calendar)


def in_range(day: date) -> date:
    """A date within the years that have periods.

    >>> in_range(date(9999, 12, 31))
    datetime.date(2199, 12, 31)
    """
    return min(max(day, _FIRST), _LAST)


def bound_of(us: int, calendar: Calendar) -> Bound:
    """The bound at an instant, in microseconds, within the years that have periods."""
    least = us if us >= _SURELY_LATER else max(us, earliest(calendar).us)
    return calendar.bound(min(least, day_number(_LAST) * _DAY_US))


def _day_in_range(day: int) -> int:
    return min(max(day, day_number(_FIRST)), day_number(_LAST))

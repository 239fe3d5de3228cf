"""Ruling fragments out by the times that their statistics state."""

from __future__ import annotations

import datetime

from kpi_engine.extend.rows import Fragment
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Source
from kpi_engine.kernels.calendar import Calendar, day_number
from kpi_engine.kernels.extent import bound_of, in_range

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def time_range(fragment: Fragment, source: Source, column: str, calendar: Calendar) -> tuple[Bound, Bound] | None:
    """The least and the greatest time that rows of a fragment can have, if its statistics say so."""
    stored = source.columns[column]
    found = None if stored.computed is not None else fragment.bounds(column)
    if found is None:
        return None
    zone = Calendar(source.timezone) if source.timezone is not None else calendar
    low, high = (_bound(value, zone) for value in found)
    return None if low is None or high is None else (low, high)


def _bound(value: object, calendar: Calendar) -> Bound | None:
    """The position of a value; a time without a zone is one of the calendar's."""
    match value:
        case datetime.datetime() if value.tzinfo is not None:
            return bound_of((value - _EPOCH) // _MICROSECOND, calendar)
        case datetime.datetime():
            time = value - datetime.datetime.combine(value.date(), datetime.time())
            return calendar.place_local(day_number(in_range(value.date())), time // _MICROSECOND)
        case datetime.date():
            return calendar.day_start(in_range(value))
    return None


def outside(times: tuple[Bound, Bound] | None, start: Bound | None, end: Bound | None) -> bool:
    """Whether no row of a fragment can lie in [start, end)."""
    if times is None:
        return False
    first, last = times
    return (start is not None and last < start and last.day < start.day) or (
        end is not None and first >= end and first.day >= end.day
    )

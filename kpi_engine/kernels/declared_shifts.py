"""Windows moved by periods of a declared grain, by places in its table: `previous(E, retail_year)`."""

from __future__ import annotations

from datetime import date

from kpi_engine.ir.declared_periods import DeclaredPeriods
from kpi_engine.kernels.local_calendar import Calendar
from kpi_engine.kernels.shifting import after_days
from kpi_engine.kernels.spans import Bound, CalendarGap, Period, date_of

_FINER_THAN_MONTH = ("hour", "day", "week")


def move_bound(calendar: Calendar, periods: DeclaredPeriods, bound: Bound, count: int) -> Bound:
    """A bound so many periods later (a negative count: earlier).

    The start of a period moves to the start of another one. Inside a period the days since its start and the time of
    day are kept, but for a shorter period, which stops the bound at its last day. `CalendarGap` outside the table.

    >>> months = DeclaredPeriods("retail_month", "months.csv", (0, 35, 63), ("P1", "P2"))
    >>> calendar = Calendar(declared=(months,))
    >>> calendar.local_date(move_bound(calendar, months, calendar.day_start(date_of(33)), 1)) == date_of(62)
    True
    """
    day, time_us = calendar.nominal_local(bound)
    edge = periods.edge(day) if time_us == 0 else None
    if edge is not None:
        if not 0 <= edge + count < len(periods.days):
            raise CalendarGap(periods, _beyond(periods, count))
        return calendar.day_start(date_of(periods.days[edge + count]))
    place = periods.index(day)
    if place is None:
        raise CalendarGap(periods, date_of(day))
    if not 0 <= place + count < len(periods.labels):
        raise CalendarGap(periods, _beyond(periods, count))
    start, end = periods.days[place + count : place + count + 2]
    return calendar.place_local(min(start + day - periods.days[place], end - 1), time_us)


def move_window(calendar: Calendar, periods: DeclaredPeriods, window: Period, count: int) -> Period:
    """A window so many periods of a declared grain later (a negative count: earlier).

    A window of a finer grain keeps its length in its own grain. If the declared periods are made of whole ones of that
    grain, the fifth week of a year becomes the fifth week of another one, the 53rd the last one of a year that has
    none; otherwise its start moves as `move_bound` says. Of all other windows both ends move.

    >>> weeks = DeclaredPeriods("retail_week", "weeks.csv", (0, 7, 14, 21, 28), ("W1", "W2", "W3", "W4"))
    >>> months = DeclaredPeriods("retail_month", "months.csv", (0, 14, 28), ("P1", "P2"))
    >>> calendar = Calendar(declared=(weeks, months))
    >>> move_window(calendar, months, calendar.period_at("retail_week", date_of(21)), -1).label
    'W2'
    """
    if not _is_finer(calendar, window.grain, periods):
        start = move_bound(calendar, periods, window.start, count)
        return calendar.window(start, move_bound(calendar, periods, window.end, count), window.grain)
    if window.grain not in ("hour", "day"):
        counted = _same_place(calendar, periods, window, count)
        if counted is not None:
            return counted
    start = move_bound(calendar, periods, window.start, count)
    if window.grain == "hour":
        return calendar.window(start, calendar.bound(start.us + window.end.us - window.start.us), "hour")
    return calendar.window(start, after_days(calendar, start, window.start, window.end), window.grain)


def is_finer(calendar: Calendar, grain: str, other: str) -> bool:
    """Whether periods of a grain are plainly shorter than those of another one.

    Grains of one kind (a retail month, a month) are not finer than each other.
    """
    return mean_days(calendar, grain) < 0.9 * mean_days(calendar, other)


def mean_days(calendar: Calendar, grain: str) -> float:
    """The mean length of a grain's periods in days; exact for declared grains."""
    declared = calendar.declared_grain(grain)
    return _MEAN_DAYS[grain] if declared is None else declared.mean_days


_MEAN_DAYS = {
    "hour": 1 / 24,
    "day": 1.0,
    "week": 7.0,
    "month": 30.436875,
    "quarter": 91.310625,
    "year": 365.2425,
    "fiscal_quarter": 91.310625,
    "fiscal_year": 365.2425,
}


def _is_finer(calendar: Calendar, grain: str, periods: DeclaredPeriods) -> bool:
    if not grain:
        return False
    can_be = grain in _FINER_THAN_MONTH or calendar.declared_grain(grain) is not None
    return can_be and is_finer(calendar, grain, periods.grain)


def _same_place(calendar: Calendar, periods: DeclaredPeriods, window: Period, count: int) -> Period | None:
    """The period at the same place of another declared period; None where these are not made of whole ones."""
    if calendar.period_at(window.grain, window.start) != window:
        return None
    here = calendar.period_at(periods.grain, window.start)
    there = calendar.period_at(periods.grain, move_bound(calendar, periods, here.start, count))
    for each in (here, there):
        if calendar.period_at(window.grain, each.start).start != each.start:
            return None
    place = len(calendar.periods(window.grain, here.start, window.start))
    inside = calendar.periods(window.grain, there.start, there.end)
    return inside[min(place, len(inside) - 1)]


def _beyond(periods: DeclaredPeriods, count: int) -> date:
    """The nearest day outside the table in the direction of a move."""
    return date_of(periods.days[0] - 1 if count < 0 else periods.days[-1])

"""Moving windows: what `previous` looks at, and what it looks at while the present period is still open."""

from __future__ import annotations

from kpi_engine.kernels.local_calendar import Calendar
from kpi_engine.kernels.spans import Bound, Duration, Period, date_of
from kpi_engine.kernels.zone_rules import DAY_US

_FINER_THAN_MONTH = ("hour", "day", "week")


def shift_window(calendar: Calendar, window: Period, duration: Duration) -> Period:
    """The window moved by a signed duration: `previous` by one month passes `-Duration(1, "month")`.

    If the duration is a whole number of months or longer and the window's grain is finer (hour, day, week),
    the start moves, clamped to the last day of the target month, and the window keeps its length in its own
    grain; but weeks move by 52 weeks for each year. Otherwise both ends move: by local days with the time of
    day kept, or by elapsed time for hours and shorter.

    >>> calendar = Calendar()
    >>> march = calendar.period_at("month", calendar.bound(0))
    >>> shift_window(calendar, march, Duration(-1, "year")).label
    '1969-01'
    """
    months = duration.months
    if months is None or window.grain not in _FINER_THAN_MONTH:
        return _both_ends(calendar, window, duration)
    if window.grain == "week" and months % 12 == 0:
        return _both_ends(calendar, window, Duration(52 * (months // 12), "week"))
    start = calendar.add(window.start, duration)
    if window.grain == "hour":
        return _shift_hours(calendar, window, start)
    return calendar.window(start, after_days(calendar, start, window.start, window.end), window.grain)


def cut_previous(calendar: Calendar, period: Period, cut: Bound, shifted: Period) -> Period:
    """What a period that is cut at `cut` is compared with: `shifted`, the uncut period moved, cut as far in.

    Its end is min(shifted.end, shifted.start + elapsed), elapsed in local days and time of day (hours: in
    elapsed time), so that 31 March at noon is compared with the whole of February.

    >>> from datetime import date
    >>> calendar = Calendar()
    >>> march, february = (calendar.period_at("month", date(2027, month, 1)) for month in (3, 2))
    >>> cut_previous(calendar, march, calendar.day_start(date(2027, 3, 8)), february).label
    '2027-02-01..2027-02-07'
    """
    if cut >= period.end:
        return shifted
    if cut <= period.start:
        return calendar.window(shifted.start, shifted.start, shifted.grain)
    if period.grain == "hour":
        end = calendar.bound(shifted.start.us + cut.us - period.start.us)
    else:
        end = after_days(calendar, shifted.start, period.start, cut)
    return calendar.window(shifted.start, min(end, shifted.end), shifted.grain)


def equal_before(calendar: Calendar, window: Period) -> Period:
    """The equal window just before: the same number of whole months if it has one, else of local days and
    hours.

    >>> from datetime import date
    >>> calendar = Calendar()
    >>> quarter = calendar.period_at("quarter", date(2027, 2, 1))
    >>> equal_before(calendar, quarter).label
    '2026-Q4'
    """
    if window.grain:
        before = calendar.previous(window)
        if before.end == window.start and calendar.next(before) == window:
            return before
    (first_day, first_time), (last_day, last_time) = (
        calendar.nominal_local(each) for each in (window.start, window.end)
    )
    first, last = date_of(first_day), date_of(last_day)
    months = (last.year - first.year) * 12 + last.month - first.month
    if first.day == last.day == 1 and first_time == last_time == 0 and months:
        return shift_window(calendar, _ungrained(calendar, window), Duration(-months, "month"))
    length = (last_day - first_day) * DAY_US + last_time - first_time
    start = calendar.place_local(first_day, first_time - length)
    return calendar.window(start, window.start, window.grain)


def _ungrained(calendar: Calendar, window: Period) -> Period:
    return calendar.window(window.start, window.end)


def _both_ends(calendar: Calendar, window: Period, duration: Duration) -> Period:
    start = calendar.add(window.start, duration)
    return calendar.window(start, calendar.add(window.end, duration), window.grain)


def _shift_hours(calendar: Calendar, window: Period, start: Bound) -> Period:
    hour = calendar.period_at("hour", start)
    if calendar.period_at("hour", window.start) == window:
        return hour
    return calendar.window(start, calendar.bound(start.us + window.end.us - window.start.us), "hour")


def after_days(calendar: Calendar, start: Bound, first: Bound, last: Bound) -> Bound:
    """`start` plus the local days and the time of day from `first` to `last`."""
    (start_day, start_time), (first_day, first_time), (last_day, last_time) = (
        calendar.nominal_local(each) for each in (start, first, last)
    )
    return calendar.place_local(start_day + last_day - first_day, start_time + last_time - first_time)

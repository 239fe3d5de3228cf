"""Reading periods and instants as they are written in definitions and on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from kpi_engine.kernels.local_calendar import Calendar
from kpi_engine.kernels.spans import Bound, Period, PeriodError, day_number
from kpi_engine.kernels.zone_rules import DAY_US, EPOCH, FIRST_YEAR, HOUR_US, LAST_YEAR, SECOND_US

_FORMS = "2027, 2027-Q1, 2027-03, 2027-W07, 2027-03-15, 2027-03-15T13, FY2027, FY2027-Q1"

_YEAR = "([0-9]{4})"
_QUARTER = "([0-9]{4})-Q([0-9]{1,2})"
_MONTH = "([0-9]{4})-([0-9]{2})"
_WEEK = "([0-9]{4})-W([0-9]{1,2})"
_DAY = "([0-9]{4})-([0-9]{2})-([0-9]{2})"
_OFFSET = "(Z|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
_HOUR = rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})T([0-9]{{2}})(?::([0-9]{{2}}){_OFFSET})?"
_FISCAL_YEAR = "FY([0-9]{4})"
_FISCAL_QUARTER = "FY([0-9]{4})-Q([0-9]{1,2})"
_INSTANT = (
    "([0-9]{4}-[0-9]{2}-[0-9]{2})"
    rf"(?:[T ]([0-9]{{2}})(?::([0-9]{{2}})(?::([0-9]{{2}})(?:\.([0-9]{{1,6}}))?)?)?{_OFFSET}?)?"
)
"""Forms as texts, which `re` compiles once and only if any is looked for."""


def parse_period(calendar: Calendar, text: str) -> Period:
    """The period that a text names, in a calendar; `PeriodError` says what is wrong and what to write.

    An hour that the zone repeats means its first occurrence, unless its offset is written
    (`2027-10-31T02:00+01:00`, the label of an hour).

    >>> parse_period(Calendar(fiscal_year_starts=4), "FY2027-Q1").date
    datetime.date(2026, 4, 1)
    >>> try:
    ...     parse_period(Calendar(), "2027-W60")
    ... except PeriodError as error:
    ...     error.message, error.help
    ('2027 has 52 weeks, so there is no 2027-W60', 'write 2027-W01 to 2027-W52')
    """
    for pattern, read in _READERS:
        match = re.fullmatch(pattern, text, re.ASCII)
        if match is not None:
            year = int(text.removeprefix("FY")[:4])
            if not FIRST_YEAR <= year <= LAST_YEAR:
                raise PeriodError(f"{text} lies outside the years {FIRST_YEAR} to {LAST_YEAR}", "check the year")
            return read(calendar, match)
    upper = text.strip().upper()
    if upper != text and any(re.fullmatch(pattern, upper, re.ASCII) for pattern, _ in _READERS):
        raise PeriodError(f"`{text}` is not a period", f"write {upper}")
    if re.fullmatch(_INSTANT, text, re.ASCII):
        raise PeriodError(f"`{text}` is an instant, not a period", f"write the hour, {text[:10]}T{text[11:13]}")
    raise PeriodError(f"`{text}` is not a period", f"write one of the forms {_FORMS}")


def parse_instant(calendar: Calendar, text: str) -> Bound:
    """The instant that a text names: a date (the start of that local day), an hour, or a time with or without
    offset.

    Without an offset it is local: the first occurrence of a repeated time, and a time in a gap moves forward.

    >>> parse_instant(Calendar("Asia/Shanghai"), "1970-01-01T08:00").us
    0
    """
    match = re.fullmatch(_INSTANT, text, re.ASCII)
    if match is None:
        raise PeriodError(f"`{text}` is not an instant", "write a date, 2027-03-15, or a time, 2027-03-15T13:05")
    day_text, hour, minute, second, fraction, offset = match.groups()
    day = _date(text, day_text)
    if hour is None:
        return calendar.day_start(day)
    hours, minutes, seconds = int(hour), int(minute or 0), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise PeriodError(f"`{text}` has no such time of day", "times run from 00:00 to 23:59:59")
    time_us = ((hours * 60 + minutes) * 60 + seconds) * SECOND_US + int((fraction or "0").ljust(6, "0"))
    if offset is None:
        return calendar.place_local(day_number(day), time_us)
    return calendar.bound(day_number(day) * DAY_US + time_us - _offset_us(text, offset))


def _read_year(calendar: Calendar, match: re.Match[str]) -> Period:
    return calendar.period_at("year", date(int(match[1]), 1, 1))


def _read_quarter(calendar: Calendar, match: re.Match[str]) -> Period:
    quarter = _numbered(match[0], match[2], "quarter", 4, f"{match[1]}-Q")
    return calendar.period_at("quarter", date(int(match[1]), quarter * 3 - 2, 1))


def _read_month(calendar: Calendar, match: re.Match[str]) -> Period:
    month = _numbered(match[0], match[2], "month", 12, f"{match[1]}-", width=2)
    return calendar.period_at("month", date(int(match[1]), month, 1))


def _read_week(calendar: Calendar, match: re.Match[str]) -> Period:
    if calendar.week_starts != "monday":
        raise PeriodError(
            f"{match[0]} is an ISO week, which starts on monday; weeks here start on {calendar.week_starts}",
            "write the date on which the week starts and ask by week",
        )
    year = int(match[1])
    # 28 December always lies in the last ISO week of its year.
    weeks = date(year, 12, 28).isocalendar().week
    week = _numbered(match[0], match[2], "week", weeks, f"{match[1]}-W", width=2)
    return calendar.period_at("week", date.fromisocalendar(year, week, 1))


def _read_day(calendar: Calendar, match: re.Match[str]) -> Period:
    return calendar.period_at("day", _date(match[0], match[0]))


def _read_hour(calendar: Calendar, match: re.Match[str]) -> Period:
    text, (day_text, hour, minute, offset) = match[0], match.groups()
    day = _date(text, day_text)
    if int(hour) > 23:
        raise PeriodError(f"there is no hour {hour} in {text}", f"write {day_text}T00 to {day_text}T23")
    local = day_number(day) * DAY_US + int(hour) * HOUR_US
    if offset is None:
        period = calendar.period_at("hour", calendar.place_local(day_number(day), int(hour) * HOUR_US))
        if _local_hour(calendar, period) != local:
            raise PeriodError(f"{calendar.timezone} skipped the hour {text}", f"the next one is {period.label}")
        return period
    instant = local + int(minute) * 60 * SECOND_US - _offset_us(text, offset)
    period = calendar.period_at("hour", calendar.bound(instant))
    if period.start.us != instant:
        raise PeriodError(f"no hour of {calendar.timezone} starts at {text}", f"the hour around it is {period.label}")
    return period


def _local_hour(calendar: Calendar, period: Period) -> int:
    local = calendar.to_local_datetime(period.start).replace(tzinfo=None) - EPOCH
    return local // timedelta(microseconds=1) // HOUR_US * HOUR_US


def _read_fiscal_year(calendar: Calendar, match: re.Match[str]) -> Period:
    return calendar.period_at("fiscal_year", _fiscal_start(calendar, int(match[1])))


def _read_fiscal_quarter(calendar: Calendar, match: re.Match[str]) -> Period:
    quarter = _numbered(match[0], match[2], "quarter", 4, f"FY{match[1]}-Q")
    period = calendar.period_at("fiscal_quarter", _fiscal_start(calendar, int(match[1])))
    for _ in range(quarter - 1):
        period = calendar.next(period)
    return period


_READERS: tuple[tuple[str, Callable[[Calendar, re.Match[str]], Period]], ...] = (
    (_YEAR, _read_year),
    (_QUARTER, _read_quarter),
    (_MONTH, _read_month),
    (_WEEK, _read_week),
    (_DAY, _read_day),
    (_HOUR, _read_hour),
    (_FISCAL_YEAR, _read_fiscal_year),
    (_FISCAL_QUARTER, _read_fiscal_quarter),
)


def _fiscal_start(calendar: Calendar, year: int) -> date:
    start = date(year, calendar.fiscal_year_starts, 1)
    return start.replace(year=year - (calendar.fiscal_year_of(start) - year))


def _numbered(text: str, digits: str, unit: str, last: int, stem: str, width: int = 1) -> int:
    """The number of a quarter, month or week, checked against how many its year has and how it is written."""
    number = int(digits)
    if not 1 <= number <= last:
        year = stem.rstrip("-QW")
        raise PeriodError(
            f"{year} has {last} {unit}s, so there is no {text}",
            f"write {stem}{1:0{width}} to {stem}{last:0{width}}",
        )
    if len(digits) != width:
        raise PeriodError(f"`{text}` is not a period", f"write {stem}{number:0{width}}")
    return number


def _date(text: str, day_text: str) -> date:
    year, month, day = (int(part) for part in day_text.split("-"))
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise PeriodError(f"{text} lies outside the years {FIRST_YEAR} to {LAST_YEAR}", "check the year")
    _numbered(text, day_text[5:7], "month", 12, f"{year}-", width=2)
    try:
        return date(year, month, day)
    except ValueError as error:
        length = (date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days
        stem = day_text[:7]
        raise PeriodError(
            f"{stem} has {length} days, so there is no {day_text}", f"write {stem}-01 to {stem}-{length}"
        ) from error


def _offset_us(text: str, offset: str) -> int:
    if offset == "Z":
        return 0
    length = datetime.strptime(offset[1:], "%H:%M:%S" if len(offset) > 6 else "%H:%M") - datetime(1900, 1, 1)
    if offset[1:3] > "18":
        raise PeriodError(f"`{text}` has no such offset", "offsets run from -18:00 to +18:00")
    return (1 if offset[0] == "+" else -1) * (length // timedelta(microseconds=1))

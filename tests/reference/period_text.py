"""Periods and instants as they are written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from .local_time import LocalCalendar, Mark, Span, add_months
from .problems import MeaninglessError

_OFFSET = re.compile(r"(.*)(Z|[+-]\d\d:\d\d)$")


def read_period(calendar: LocalCalendar, text: str) -> Span:
    """The period that a text names."""
    if "T" in text:
        return calendar.period("hour", read_instant(calendar, text))
    grain, day = _first_day(calendar, text)
    return calendar.period(grain, calendar.at_day(day))


def _first_day(calendar: LocalCalendar, text: str) -> tuple[str, date]:
    if text.startswith("FY"):
        year, _, quarter = text[2:].partition("-Q")
        starts = calendar.fiscal_year_starts
        later = calendar.fiscal_year_named == "end" and starts > 1
        first = date(int(year) - later, starts, 1)
        if quarter:
            return "fiscal_quarter", add_months(first, 3 * (int(quarter) - 1))
        return "fiscal_year", first
    if "-Q" in text:
        year, _, quarter = text.partition("-Q")
        return "quarter", date(int(year), 3 * int(quarter) - 2, 1)
    if "-W" in text:
        year, _, week = text.partition("-W")
        if calendar.week_starts != "monday":
            raise MeaninglessError("ISO weeks start on Monday")
        return "week", date.fromisocalendar(int(year), int(week), 1)
    parts = [int(part) for part in text.split("-")]
    return ("year", "month", "day")[len(parts) - 1], date(*parts, *[1] * (3 - len(parts)))


def read_instant(calendar: LocalCalendar, text: str) -> Mark:
    """The instant that a text names: a date (the start of that local day) or a time, with an offset or local."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return calendar.at_day(date.fromisoformat(text))
    match = _OFFSET.match(text)
    clock = match[1] if match else text
    wall = datetime.fromisoformat(clock if ":" in clock else clock + ":00")
    if match is None:
        return calendar.at_wall(wall)
    offset = "+00:00" if match[2] == "Z" else match[2]
    return calendar.at((wall - _offset(offset)).replace(tzinfo=UTC))


def _offset(text: str) -> timedelta:
    hours, minutes = text[1:].split(":")
    size = timedelta(hours=int(hours), minutes=int(minutes))
    return -size if text[0] == "-" else size

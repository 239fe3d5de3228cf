"""The windows of every period, in plain `datetime`: which local days each part of a metric looks at.

The as-of of these tests is a local midnight, so every window is a span of whole local days `[lo, hi)`.
One as-of is the end of the data; the other one cuts a week, a month, a quarter and a year.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

FIRST_DAY = dt.date(2024, 11, 1)  # the shop opened
EARLIEST_DAY = dt.date(2024, 1, 1)  # no table has an earlier row
AS_OF = dt.date(2026, 11, 1)
EARLIER = dt.date(2026, 3, 12)  # the stock report of the day before is one of those that were loaded in part
EVER = dt.date(1900, 1, 1)
GRAINS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class Window:
    """The days `[lo, hi)` that `kind` means in the period that starts on `period`."""

    grain: str
    period: dt.date
    kind: str
    lo: dt.date
    hi: dt.date


def start_of(grain: str, day: dt.date) -> dt.date:
    """The first day of the period that holds `day`."""
    match grain:
        case "day":
            return day
        case "week":
            return day - dt.timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return dt.date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        case _:
            return dt.date(day.year, 1, 1)


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day `months` later, or the last day of that month if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return dt.date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def step(grain: str, start: dt.date, count: int) -> dt.date:
    """The start of the period `count` periods after the one that begins on `start`."""
    match grain:
        case "day":
            return start + dt.timedelta(days=count)
        case "week":
            return start + dt.timedelta(weeks=count)
        case "month":
            return add_months(start, count)
        case "quarter":
            return add_months(start, 3 * count)
        case _:
            return add_months(start, 12 * count)


def a_year_before(grain: str, start: dt.date) -> dt.date:
    """Where the same period of the year before begins; weeks go back 52 weeks to stay weeks."""
    return start - dt.timedelta(weeks=52) if grain == "week" else add_months(start, -12)


def windows(grain: str, as_of: dt.date = AS_OF) -> Iterator[Window]:
    """Every window of every period from the earliest row's to the one that the as-of cuts or ends."""
    start = start_of(grain, EARLIEST_DAY)
    while start < as_of:
        following = step(grain, start, 1)
        for kind, (lo, hi) in _of_period(grain, start, following, as_of).items():
            yield Window(grain, start, kind, lo, hi)
        start = following


def _of_period(grain: str, start: dt.date, following: dt.date, as_of: dt.date) -> dict[str, tuple[dt.date, dt.date]]:
    """The windows of one period, cut at the as-of."""
    end = min(following, as_of)
    elapsed = end - start
    is_cut = end < following

    def shifted(to: dt.date) -> tuple[dt.date, dt.date]:
        # The uncut period is shifted; a cut one is compared with as many days of the other.
        whole = to + dt.timedelta(days=1) if grain == "day" else step(grain, to, 1)
        return to, min(whole, to + elapsed) if is_cut else whole

    previous = shifted(step(grain, start, -1))
    previous_year = shifted(a_year_before(grain, start))
    return {
        "this": (start, end),
        "previous": previous,
        "previous year": previous_year,
        "rolling 28 days": (end - dt.timedelta(days=28), end),
        "rolling 90 days": (end - dt.timedelta(days=90), end),
        "rolling 90 days, previous": (previous[1] - dt.timedelta(days=90), previous[1]),
        "rolling year": (add_months(end, -12), end),
        "rolling year, previous year": (add_months(end, -24), add_months(end, -12)),
        "whole year": (start_of("year", start), step("year", start_of("year", start), 1)),
        "year to date": _year_to_date(end),
        "year to date, previous year": _year_to_date(previous_year[1]),
        "ever": (EVER, end),
        "before": (EVER, start),
    }


def _year_to_date(end: dt.date) -> tuple[dt.date, dt.date]:
    """From the start of the year of the last day before `end`."""
    return start_of("year", end - dt.timedelta(days=1)), end

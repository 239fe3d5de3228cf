"""Periods of tables: found, cut and moved by counting rows of the table, in zones with odd midnights."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.ir.declared_periods import DeclaredPeriods
from kpi_engine.kernels.calendar import (
    Calendar,
    CalendarGap,
    PeriodError,
    date_of,
    day_number,
    is_finer,
    move_bound,
    move_window,
)
from kpi_engine.kernels.temporal import bucket

FIRST = date(2011, 10, 2)
ZONES = st.sampled_from(["UTC", "America/Sao_Paulo", "Pacific/Apia", "America/Havana"])
LENGTHS = st.lists(st.integers(1, 40), min_size=3, max_size=12)


def periods(lengths: list[int], name: str = "shift") -> DeclaredPeriods:
    days = [day_number(FIRST)]
    for length in lengths:
        days.append(days[-1] + length)
    return DeclaredPeriods(name, f"{name}s.csv", tuple(days), tuple(f"p{number}" for number in range(len(lengths))))


def place(found: DeclaredPeriods, day: int) -> int:
    """The row of the table that holds a day."""
    return bisect_right(found.days, day) - 1


@given(lengths=LENGTHS, zone=ZONES, minutes=st.lists(st.integers(-60 * 24 * 40, 60 * 24 * 300), max_size=20))
@settings(max_examples=60, deadline=None)
def test_rows_and_periods_agree(lengths: list[int], zone: str, minutes: list[int]) -> None:
    table = periods(lengths)
    calendar = Calendar(zone, declared=(table,))
    midnight = datetime.combine(FIRST, datetime.min.time(), UTC)
    instants = [midnight + timedelta(minutes=each) for each in minutes]
    found = bucket(pa.array(instants, pa.timestamp("us", "UTC")), "shift", calendar).to_pylist()
    for instant, start in zip(instants, found, strict=True):
        bound = calendar.bound((instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
        row = place(table, day_number(calendar.local_date(bound)))
        if 0 <= row < len(lengths):
            period = calendar.period_at("shift", bound)
            assert period.start <= bound < period.end
            assert (period.date, period.label) == (date_of(table.days[row]), f"p{row}")
            assert start == period.date
        else:
            assert start is None
            with pytest.raises(CalendarGap):
                calendar.period_at("shift", bound)


@given(lengths=LENGTHS, zone=ZONES, data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_bound_keeps_its_days_since_the_start(lengths: list[int], zone: str, data: st.DataObject) -> None:
    table = periods(lengths)
    calendar = Calendar(zone, declared=(table,))
    row = data.draw(st.integers(0, len(lengths) - 1))
    offset = data.draw(st.integers(0, lengths[row] - 1))
    count = data.draw(st.integers(-len(lengths), len(lengths)))
    bound = calendar.day_start(date_of(table.days[row] + offset))
    target = row + count
    if 0 <= target < len(lengths):
        expected = table.days[target] + min(offset, lengths[target] - 1)
        assert move_bound(calendar, table, bound, count) == calendar.day_start(date_of(expected))
    elif target == len(lengths) and offset == 0:
        assert move_bound(calendar, table, bound, count) == calendar.day_start(date_of(table.days[-1]))
    else:
        with pytest.raises(CalendarGap):
            move_bound(calendar, table, bound, count)


@given(groups=st.lists(st.integers(1, 6), min_size=2, max_size=6), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_period_keeps_its_place_in_a_longer_one(groups: list[int], data: st.DataObject) -> None:
    week = periods([7] * sum(groups), "week_of_shop")
    month = periods([7 * weeks for weeks in groups], "month_of_shop")
    calendar = Calendar(declared=(week, month))
    if not is_finer(calendar, "week_of_shop", "month_of_shop"):
        return
    row = data.draw(st.integers(1, len(groups) - 1))
    at = data.draw(st.integers(0, groups[row] - 1))
    window = calendar.period_at("week_of_shop", date_of(month.days[row] + 7 * at))
    moved = move_window(calendar, month, window, -1)
    expected = date_of(month.days[row - 1] + 7 * min(at, groups[row - 1] - 1))
    assert moved == calendar.period_at("week_of_shop", expected)


def test_windows_without_a_grain_move_both_ends() -> None:
    table = periods([28, 35, 28])
    calendar = Calendar(declared=(table,))
    start, middle, end = (calendar.day_start(date_of(table.days[0] + days)) for days in (28, 40, 63))
    assert move_window(calendar, table, calendar.window(start, end), -1).end == start
    part = move_window(calendar, table, calendar.window(start, middle), -1)
    assert (part.start.day, part.end.day) == (table.days[0], table.days[0] + 12)


def test_a_quarter_of_a_table_is_walked_to_its_last_day() -> None:
    table = periods([28, 35, 28])
    calendar = Calendar(declared=(table,))
    first, last = (calendar.day_start(date_of(day)) for day in (table.days[0], table.days[-1]))
    assert [each.label for each in calendar.periods("shift", first, last)] == ["p0", "p1", "p2"]
    with pytest.raises(CalendarGap, match="its row of 2012-01-01 only ends the period before it"):
        calendar.periods("shift", first, calendar.day_start(date_of(table.days[-1] + 1)))


def test_names_that_are_no_grains_stay_errors() -> None:
    with pytest.raises(PeriodError, match="is not a grain"):
        Calendar(declared=(periods([7, 7, 7]),)).period_at("fortnight", FIRST)

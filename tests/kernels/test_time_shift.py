"""Moving windows: the language's own examples, and properties against plain dates."""

from __future__ import annotations

import calendar as month_lengths
from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.calendar import (
    Bound,
    Calendar,
    Duration,
    DurationError,
    Period,
    PeriodError,
    cut_previous,
    equal_before,
    parse_instant,
    parse_period,
    shift_window,
)

PARIS = Calendar("Europe/Paris", fiscal_year_starts=4)
HOUR = 3_600_000_000


def shifted(text: str, duration: str, calendar: Calendar = PARIS) -> str:
    return shift_window(calendar, parse_period(calendar, text), Duration.parse(duration)).label


def span(calendar: Calendar, first: date, after: date, grain: str = "") -> Period:
    return calendar.window(calendar.day_start(first), calendar.day_start(after), grain)


@pytest.mark.parametrize(
    ("period", "duration", "expected"),
    [
        # Whole months and w no finer: both ends move.
        ("2027-03", "-1 month", "2027-02"),
        ("2027-01", "-1 year", "2026-01"),
        ("2027-Q1", "-1 quarter", "2026-Q4"),
        ("2027-Q1", "-1 year", "2026-Q1"),
        ("2027", "-1 year", "2026"),
        ("FY2027-Q1", "-1 fiscal_quarter", "FY2026-Q4"),
        ("FY2027", "-1 fiscal_year", "FY2026"),
        ("2027-Q1", "-1 month", "2026-12-01..2027-02-28"),
        # Whole months and w finer: the start moves, clamped, and w keeps its length.
        ("2028-02-29", "-1 year", "2027-02-28"),
        ("2027-03-31", "-1 month", "2027-02-28"),
        ("2027-03-15", "-1 quarter", "2026-12-15"),
        ("2027-05-31", "-1 fiscal_quarter", "2027-02-28"),
        ("2027-07-15T13", "-1 month", "2027-06-15T13:00+02:00"),
        ("2027-07-15T13", "-6 months", "2027-01-15T13:00+01:00"),
        ("2027-03-31T13", "-1 month", "2027-02-28T13:00+01:00"),
        ("2026-W10", "-2 months", "2026-01-02..2026-01-08"),
        ("2027-W11", "-1 month", "2027-W07"),
        # A week moves by 52 weeks for each year.
        ("2027-W07", "-1 year", "2026-W08"),
        ("2026-W53", "-1 year", "2026-W01"),
        ("2026-W53", "-12 months", "2026-W01"),
        ("2027-W07", "-2 years", "2025-W08"),
        # Days and weeks move local days; hours move elapsed time.
        ("2027-03-15", "-7 days", "2027-03-08"),
        ("2027-03-15", "-1 week", "2027-03-08"),
        ("2027-W07", "-1 week", "2027-W06"),
        ("2027-W01", "-1 week", "2026-W53"),
        ("2027-03-28T12", "-1 day", "2027-03-27T12:00+01:00"),
        ("2027-03-28T12", "-24 hours", "2027-03-27T11:00+01:00"),
        ("2027-03-28T12", "-1 hour", "2027-03-28T11:00+02:00"),
        ("2027-03", "-7 days", "2027-02-22..2027-03-24"),
        ("2027-03-15", "1 month", "2027-04-15"),
    ],
)
def test_the_rules_of_shifting(period: str, duration: str, expected: str) -> None:
    assert shifted(period, duration) == expected


def test_a_week_moved_by_a_month_starts_on_the_moved_day() -> None:
    calendar = Calendar()
    for week in calendar.periods("week", *(calendar.day_start(date(year, 1, 4)) for year in (2026, 2029))):
        moved = shift_window(calendar, week, Duration(-1, "month"))
        year, month = (week.date.year, week.date.month - 1) if week.date.month > 1 else (week.date.year - 1, 12)
        first = date(year, month, min(week.date.day, month_lengths.monthrange(year, month)[1]))
        assert (moved.start, moved.end) == (
            calendar.day_start(first),
            calendar.day_start(first + timedelta(days=7)),
        )


def test_a_window_of_days_keeps_its_days_when_months_move_it() -> None:
    window = span(PARIS, date(2027, 3, 29), date(2027, 4, 2), "day")
    assert shift_window(PARIS, window, Duration(-1, "month")).label == "2027-02-28..2027-03-03"
    ungrained = span(PARIS, date(2027, 3, 29), date(2027, 4, 2))
    assert shift_window(PARIS, ungrained, Duration(-1, "month")).label == "2027-02-28..2027-03-01"


def test_a_period_cut_by_its_start_moves_with_both_ends() -> None:
    window = span(PARIS, date(2027, 3, 15), date(2027, 4, 1), "month")
    assert shift_window(PARIS, window, Duration(-1, "month")).label == "2027-02-15..2027-02-28"


def test_a_day_keeps_its_time_of_day_across_a_change_of_clocks() -> None:
    # Clocks went on by an hour on 28 March; noon to noon is 23 hours, then 24.
    noon = [parse_instant(PARIS, f"2027-03-{day}T12:00") for day in (27, 28, 29)]
    moved = shift_window(PARIS, PARIS.window(noon[1], noon[2], "day"), Duration(-1, "day"))
    assert (moved.start, moved.end) == (noon[0], noon[1])
    assert moved.end.us - moved.start.us == 23 * HOUR


def test_a_day_without_midnight_moves_to_whole_days() -> None:
    calendar = Calendar("America/Sao_Paulo")
    for period, expected in (("2017-10-15", "2017-10-14"), ("2017-10-16", "2017-10-15")):
        assert shifted(period, "-1 day", calendar) == expected
    assert shifted("2017-11-15", "-1 month", calendar) == "2017-10-15"


def test_an_hour_that_the_target_day_lacks_is_empty_and_one_that_it_repeats_is_two_hours() -> None:
    for text, hours in (("2027-03-29T02", 0), ("2027-11-01T02", 2)):
        moved = shift_window(PARIS, parse_period(PARIS, text), Duration(-1, "day"))
        assert moved.end.us - moved.start.us == hours * HOUR


@pytest.mark.parametrize("duration", [Duration(Fraction(3, 2), "day"), Duration(Fraction(1, 2), "week")])
def test_parts_of_days_cannot_move_a_window(duration: Duration) -> None:
    with pytest.raises(DurationError):
        shift_window(PARIS, parse_period(PARIS, "2027-03"), duration)


def test_moving_beyond_all_calendars_is_a_typed_error() -> None:
    for duration in (Duration(-9_000, "year"), Duration(-(10**9), "day"), Duration(10**9, "hour")):
        with pytest.raises(PeriodError):
            shift_window(PARIS, parse_period(PARIS, "2027-03"), duration)


@settings(max_examples=300, deadline=None)
@given(
    st.dates(date(1905, 1, 1), date(2195, 12, 31)),
    st.integers(1, 40),
    st.sampled_from(("day", "week")),
    st.sampled_from(("UTC", "America/Havana", "Pacific/Apia", "America/Sao_Paulo")),
)
def test_days_and_weeks_move_as_plain_dates_do(day: date, amount: int, unit: str, zone: str) -> None:
    calendar = Calendar(zone)
    days = amount * (7 if unit == "week" else 1)
    for grain in ("day", "week", "month"):
        period = calendar.period_at(grain, day)
        moved = shift_window(calendar, period, Duration(-amount, unit))
        assert moved.start == calendar.day_start(period.date - timedelta(days=days))
        assert moved.end.day == period.end.day - days


@settings(max_examples=300, deadline=None)
@given(st.dates(date(1905, 1, 1), date(2195, 12, 31)), st.integers(-60, 60))
def test_a_day_moves_by_months_to_the_clamped_date(day: date, months: int) -> None:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    expected = date(year, month + 1, min(day.day, month_lengths.monthrange(year, month + 1)[1]))
    period = PARIS.period_at("day", day)
    assert shift_window(PARIS, period, Duration(months, "month")) == PARIS.period_at("day", expected)


# Partial periods ------------------------------------------------------------------------------------------


def cut(period: str, at: str, duration: str, calendar: Calendar = PARIS) -> tuple[datetime, datetime]:
    """The window that a cut period is compared with, as naive local times."""
    whole = parse_period(calendar, period)
    moved = shift_window(calendar, whole, Duration.parse(duration))
    window = cut_previous(calendar, whole, parse_instant(calendar, at), moved)
    start, end = (calendar.to_local_datetime(each).replace(tzinfo=None) for each in (window.start, window.end))
    return start, end


@pytest.mark.parametrize(
    ("period", "at", "duration", "start", "end"),
    [
        # 31 March at noon against the whole of February.
        ("2027-03", "2027-03-31T12:00", "-1 month", "2027-02-01", "2027-03-01"),
        ("2027-03", "2027-03-08", "-1 month", "2027-02-01", "2027-02-08"),
        ("2027-03", "2027-03-08T15:30", "-1 month", "2027-02-01", "2027-02-08 15:30"),
        # Local days and time of day, though the clocks changed on 28 March.
        ("2027-04", "2027-04-29T09:00", "-1 month", "2027-03-01", "2027-03-29 09:00"),
        ("2027-W13", "2027-03-30T09:00", "-1 week", "2027-03-22", "2027-03-23 09:00"),
        ("2027-03-29", "2027-03-29T09:00", "-1 day", "2027-03-28", "2027-03-28 09:00"),
        ("2027-03-28", "2027-03-28T09:00", "-1 day", "2027-03-27", "2027-03-27 09:00"),
        ("2028", "2028-03-01", "-1 year", "2027-01-01", "2027-03-02"),
        ("2027-W07", "2027-02-17", "-1 year", "2026-02-16", "2026-02-18"),
        # Not cut, and cut to nothing.
        ("2027-03", "2027-04-01", "-1 month", "2027-02-01", "2027-03-01"),
        ("2027-03", "2027-05-01", "-1 month", "2027-02-01", "2027-03-01"),
        ("2027-03", "2027-03-01", "-1 month", "2027-02-01", "2027-02-01"),
        ("2027-03", "2027-01-01", "-1 month", "2027-02-01", "2027-02-01"),
        # Hours are cut by elapsed time.
        ("2027-03-28T03", "2027-03-28T03:20", "-1 hour", "2027-03-28 01:00", "2027-03-28 01:20"),
    ],
)
def test_a_cut_period_is_compared_with_as_much(period: str, at: str, duration: str, start: str, end: str) -> None:
    assert cut(period, at, duration) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_an_hour_after_a_repeated_one_is_compared_with_its_second_pass() -> None:
    hour = parse_period(PARIS, "2027-10-31T03")
    before = shift_window(PARIS, hour, Duration(-1, "hour"))
    window = cut_previous(PARIS, hour, PARIS.bound(hour.start.us + HOUR // 3), before)
    assert (window.start.us, window.end.us) == (hour.start.us - HOUR, hour.start.us - HOUR + HOUR // 3)


def test_a_cut_period_that_lacks_its_midnight() -> None:
    calendar = Calendar("America/Sao_Paulo")
    start, end = cut("2017-10-15", "2017-10-15T09:00", "-1 day", calendar)
    assert (start, end) == (datetime(2017, 10, 14), datetime(2017, 10, 14, 9))
    start, end = cut("2017-10-16", "2017-10-16T09:00", "-1 day", calendar)
    assert (start, end) == (datetime(2017, 10, 15, 1), datetime(2017, 10, 15, 9))


@settings(max_examples=200, deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.sampled_from(("week", "month", "quarter", "year")))
def test_a_cut_never_reaches_beyond_the_period_it_is_compared_with(moment: datetime, grain: str) -> None:
    at = PARIS.bound((moment - datetime(1970, 1, 1)) // timedelta(microseconds=1))
    period = PARIS.period_at(grain, at)
    before = PARIS.previous(period)
    window = cut_previous(PARIS, period, at, before)
    assert before.start == window.start <= window.end <= before.end


# The equal window just before -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "after", "expected"),
    [
        (date(2027, 1, 1), date(2027, 4, 1), "2026-10-01..2026-12-31"),
        (date(2027, 3, 1), date(2027, 4, 1), "2027-02-01..2027-02-28"),
        (date(2027, 3, 10), date(2027, 3, 15), "2027-03-05..2027-03-09"),
        (date(2027, 3, 29), date(2027, 3, 30), "2027-03-28"),
    ],
)
def test_the_equal_window_before_any_window(first: date, after: date, expected: str) -> None:
    window = span(PARIS, first, after)
    before = equal_before(PARIS, window)
    assert before.label == expected
    assert before.end == window.start


@pytest.mark.parametrize("period", ["2027", "2027-Q1", "2027-03", "2027-W07", "FY2027-Q1", "2027-03-29T03"])
def test_the_equal_window_before_a_period_is_the_previous_period(period: str) -> None:
    whole = parse_period(PARIS, period)
    assert equal_before(PARIS, whole) == PARIS.previous(whole)


def test_bounds_order_by_instant_and_then_by_day() -> None:
    assert sorted([Bound(2, 0), Bound(1, 9), Bound(1, 3)]) == [Bound(1, 3), Bound(1, 9), Bound(2, 0)]

"""Periods: they tile time, they hold what a clock on the wall says they hold, and their labels read back."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.calendar import (
    GRAINS,
    WEEKDAYS,
    Bound,
    Calendar,
    CalendarError,
    Duration,
    DurationError,
    Period,
    PeriodError,
    UnknownZone,
    parse_instant,
    parse_period,
    start_of,
    todate_start,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
MINUTE = 60_000_000

# Each zone with a date near which its clock does something strange.
AWKWARD = [
    ("America/Sao_Paulo", date(2017, 10, 15)),  # No midnight: 00:00 becomes 01:00.
    ("America/Sao_Paulo", date(2018, 2, 18)),  # 00:00 goes back to 23:00.
    ("America/Los_Angeles", date(2025, 11, 2)),
    ("Africa/Cairo", date(2024, 4, 26)),
    ("Africa/Cairo", date(2024, 11, 1)),
    ("Asia/Kathmandu", date(1986, 1, 1)),  # +05:30 becomes +05:45.
    ("Australia/Lord_Howe", date(2025, 4, 6)),  # Half an hour back.
    ("Australia/Lord_Howe", date(2025, 10, 5)),  # Half an hour on.
    ("Pacific/Apia", date(2011, 12, 30)),  # No such day.
    ("Pacific/Kwajalein", date(1993, 8, 21)),  # No such day.
    ("America/Havana", date(2025, 3, 9)),
    ("America/Havana", date(2025, 11, 2)),
    ("America/St_Johns", date(2005, 10, 30)),  # 00:01 goes back to 23:01.
    ("America/Toronto", date(1919, 3, 31)),  # 23:30 becomes 00:30.
    ("America/Caracas", date(2016, 5, 1)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("UTC", date(2028, 2, 29)),
]


def local_at(zone: str, us: int) -> datetime:
    return (EPOCH + timedelta(microseconds=us)).astimezone(ZoneInfo(zone))


def first_instant_by_scan(zone: str, day: date) -> int | None:
    """The first minute that shows a date, found by looking at every minute around it; None for a skipped day."""
    middle = (datetime(day.year, day.month, day.day, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    for us in range(middle - DAY, middle + DAY, MINUTE):
        if local_at(zone, us).date() == day:
            return us
    return None


def around(calendar: Calendar, day: date, days: int = 3) -> tuple[Bound, Bound]:
    return calendar.day_start(day - timedelta(days=days)), calendar.day_start(day + timedelta(days=days))


@pytest.mark.parametrize(("zone", "day"), AWKWARD)
def test_a_day_starts_at_its_first_instant(zone: str, day: date) -> None:
    calendar = Calendar(zone)
    for offset in range(-2, 3):
        each = day + timedelta(days=offset)
        found = first_instant_by_scan(zone, each)
        if found is None:
            found = first_instant_by_scan(zone, each + timedelta(days=1))
        assert calendar.day_start(each) == Bound(found, (each - date(1970, 1, 1)).days)


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize(("zone", "day"), AWKWARD)
def test_periods_tile_time(zone: str, day: date, grain: str) -> None:
    calendar = Calendar(zone, week_starts="sunday", fiscal_year_starts=4)
    start, end = around(calendar, day)
    periods = calendar.periods(grain, start, end)
    assert periods[0].start <= start < periods[0].end
    assert periods[-1].start < end <= periods[-1].end
    for earlier, later in pairwise(periods):
        assert earlier.start < earlier.end == later.start
        assert calendar.next(earlier) == later
        assert calendar.previous(later) == earlier
    labels = [period.label for period in periods]
    assert len(set(labels)) == len(labels)
    for us in range(start.us, end.us, 7 * MINUTE + 1):
        holding = [period for period in periods if period.start.us <= us < period.end.us]
        assert [calendar.period_at(grain, calendar.bound(us))] == holding


@pytest.mark.parametrize(("zone", "day"), AWKWARD)
def test_an_hour_is_a_run_of_one_local_hour_and_offset(zone: str, day: date) -> None:
    calendar = Calendar(zone)
    start, end = around(calendar, day, 2)

    def hour_shown(us: int) -> tuple[date, int, timedelta | None]:
        moment = local_at(zone, us)
        return moment.date(), moment.hour, moment.utcoffset()

    for period in calendar.periods("hour", start, end):
        shown = {hour_shown(us) for us in range(period.start.us, period.end.us, MINUTE)}
        assert len(shown) == 1
        assert hour_shown(period.start.us - MINUTE) not in shown
        assert hour_shown(period.end.us) not in shown
        assert period.label == local_at(zone, period.start.us).isoformat(timespec="minutes")
        assert parse_period(calendar, period.label) == period


def test_a_repeated_hour_is_two_periods() -> None:
    calendar = Calendar("America/Los_Angeles")
    day = calendar.period_at("day", date(2025, 11, 2))
    labels = [period.label for period in calendar.periods("hour", day.start, day.end)]
    assert len(labels) == 25
    assert labels[1:3] == ["2025-11-02T01:00-07:00", "2025-11-02T01:00-08:00"]


def test_a_skipped_day_is_empty_for_instants_and_not_for_dates() -> None:
    calendar = Calendar("Pacific/Apia")
    skipped = calendar.period_at("day", date(2011, 12, 30))
    assert skipped.start.us == skipped.end.us
    assert (skipped.start.day, skipped.end.day) == (15338, 15339)
    assert calendar.bound(skipped.start.us) == skipped.start
    assert calendar.period_at("day", calendar.bound(skipped.start.us - 1)).label == "2011-12-29"
    assert calendar.next(skipped).label == "2011-12-31"
    assert calendar.previous(skipped).label == "2011-12-29"


@pytest.mark.parametrize(("zone", "day"), AWKWARD)
def test_the_day_of_a_bound_is_the_first_that_starts_at_or_after_it(zone: str, day: date) -> None:
    calendar = Calendar(zone)
    days = [day + timedelta(days=offset) for offset in range(-4, 5)]
    starts = [calendar.day_start(each) for each in days]
    for us in range(starts[1].us, starts[-1].us, 13 * MINUTE):
        expected = next(bound.day for bound in starts if bound.us >= us)
        assert calendar.bound(us) == Bound(us, expected)
    for each, bound in zip(days, starts, strict=True):
        assert calendar.local_date(bound) == each


def test_iso_week_labels_of_all_dates_from_1970_to_2037() -> None:
    calendar, day = Calendar(), date(1970, 1, 1)
    while day < date(2038, 1, 1):
        year, week, weekday = day.isocalendar()
        period = calendar.period_at("week", day)
        assert (period.label, period.date) == (f"{year}-W{week:02}", day - timedelta(days=weekday - 1))
        day += timedelta(days=1)


@settings(max_examples=200, deadline=None)
@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)), st.sampled_from(WEEKDAYS))
def test_weeks_start_on_the_day_that_is_asked_for(day: date, week_starts: str) -> None:
    period = Calendar(week_starts=week_starts).period_at("week", day)
    assert period.date.strftime("%A").lower() == week_starts
    assert timedelta() <= day - period.date < timedelta(days=7)
    if week_starts != "monday":
        assert period.label == period.date.isoformat()


@settings(max_examples=300, deadline=None)
@given(st.dates(date(1902, 1, 1), date(2197, 12, 31)), st.integers(1, 12), st.sampled_from(("end", "start")))
def test_fiscal_years_and_quarters(day: date, first_month: int, named: str) -> None:
    calendar = Calendar(fiscal_year_starts=first_month, fiscal_year_named=named)
    starts = [date(year, first_month, 1) for year in (day.year - 1, day.year, day.year + 1)]
    start = max(each for each in starts if each <= day)
    end = min(each for each in starts if each > start) if start != starts[-1] else None
    last = (end or start.replace(year=start.year + 1)) - timedelta(days=1)
    name = last.year if named == "end" else start.year
    months_in = (day.year - start.year) * 12 + day.month - start.month
    year, quarter = (calendar.period_at(grain, day) for grain in ("fiscal_year", "fiscal_quarter"))
    assert (year.date, year.label, year.end.day) == (start, f"FY{name}", (last - date(1970, 1, 1)).days + 1)
    assert quarter.label == f"FY{name}-Q{months_in // 3 + 1}"
    assert quarter.start <= calendar.day_start(day) < quarter.end


@settings(max_examples=400, deadline=None)
@given(
    st.dates(date(1902, 1, 1), date(2197, 12, 31)),
    st.sampled_from(GRAINS),
    st.sampled_from(("UTC", "Asia/Shanghai", "America/Havana", "Australia/Lord_Howe")),
    st.integers(1, 12),
    st.sampled_from(("end", "start")),
)
def test_every_label_reads_back_as_its_period(day: date, grain: str, zone: str, first: int, named: str) -> None:
    calendar = Calendar(zone, fiscal_year_starts=first, fiscal_year_named=named)
    period = calendar.period_at(grain, day)
    assert parse_period(calendar, period.label) == period


@pytest.mark.parametrize(
    ("text", "grain", "first", "after"),
    [
        ("2027", "year", date(2027, 1, 1), date(2028, 1, 1)),
        ("2027-Q1", "quarter", date(2027, 1, 1), date(2027, 4, 1)),
        ("2027-Q4", "quarter", date(2027, 10, 1), date(2028, 1, 1)),
        ("2027-03", "month", date(2027, 3, 1), date(2027, 4, 1)),
        ("2027-W07", "week", date(2027, 2, 15), date(2027, 2, 22)),
        ("2026-W53", "week", date(2026, 12, 28), date(2027, 1, 4)),
        ("2027-03-15", "day", date(2027, 3, 15), date(2027, 3, 16)),
        ("2028-02-29", "day", date(2028, 2, 29), date(2028, 3, 1)),
        ("FY2027", "fiscal_year", date(2026, 4, 1), date(2027, 4, 1)),
        ("FY2027-Q4", "fiscal_quarter", date(2027, 1, 1), date(2027, 4, 1)),
        ("1900", "year", date(1900, 1, 1), date(1901, 1, 1)),
        ("2199-12-31", "day", date(2199, 12, 31), date(2200, 1, 1)),
    ],
)
def test_periods_as_they_are_written(text: str, grain: str, first: date, after: date) -> None:
    calendar = Calendar("Asia/Shanghai", fiscal_year_starts=4)
    period = parse_period(calendar, text)
    expected = Period(grain, calendar.day_start(first), calendar.day_start(after), first, text)
    assert period == expected


def test_hours_as_they_are_written() -> None:
    calendar = Calendar("Europe/Paris")
    assert parse_period(calendar, "2027-03-15T13").label == "2027-03-15T13:00+01:00"
    assert parse_period(calendar, "2027-10-31T02").label == "2027-10-31T02:00+02:00"
    assert parse_period(calendar, "2027-10-31T02:00+01:00").label == "2027-10-31T02:00+01:00"
    # The offset names the instant, the zone the hour.
    assert parse_period(calendar, "2027-03-15T12:00Z").label == "2027-03-15T13:00+01:00"
    assert parse_period(Calendar("Australia/Lord_Howe"), "2025-10-05T02").label == "2025-10-05T02:30+11:00"


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        ("2027-W60", "2027 has 52 weeks", "2027-W01 to 2027-W52"),
        ("2026-W54", "2026 has 53 weeks", "2026-W01 to 2026-W53"),
        ("2027-W53", "2027 has 52 weeks", "2027-W52"),
        ("2027-W00", "2027 has 52 weeks", "2027-W01"),
        ("2027-W7", "not a period", "2027-W07"),
        ("2027-02-30", "2027-02 has 28 days", "2027-02-01 to 2027-02-28"),
        ("2028-02-30", "2028-02 has 29 days", "2028-02-29"),
        ("2027-12-32", "2027-12 has 31 days", "2027-12-31"),
        ("2027-02-00", "2027-02 has 28 days", "2027-02-01"),
        ("2027-13", "2027 has 12 months", "2027-01 to 2027-12"),
        ("2027-13-01", "2027 has 12 months", "2027-01 to 2027-12"),
        ("2027-Q5", "2027 has 4 quarters", "2027-Q1 to 2027-Q4"),
        ("2027-Q0", "2027 has 4 quarters", "2027-Q1"),
        ("FY2027-Q5", "FY2027 has 4 quarters", "FY2027-Q1 to FY2027-Q4"),
        ("1899", "outside the years 1900 to 2199", "check the year"),
        ("2200-01-01", "outside the years 1900 to 2199", "check the year"),
        ("FY2200", "outside the years 1900 to 2199", "check the year"),
        ("2027-q1", "not a period", "write 2027-Q1"),
        ("fy2027", "not a period", "write FY2027"),
        ("2027-03-15T24", "no hour 24", "2027-03-15T23"),
        ("2027-03-28T02", "skipped the hour", "2027-03-28T03:00+02:00"),
        ("2027-03-15T13:30+01:00", "no hour of Europe/Paris starts at", "2027-03-15T13:00+01:00"),
        ("2027-03-15T13:05", "an instant, not a period", "2027-03-15T13"),
        ("last year", "not a period", "2027-W07"),
        ("", "not a period", "2027-W07"),
        ("2027-03-15 ", "not a period", ""),
        ("٢٠٢٧", "not a period", "2027-W07"),
    ],
)
def test_texts_that_are_no_period_say_why(text: str, message: str, help: str) -> None:
    with pytest.raises(PeriodError) as caught:
        parse_period(Calendar("Europe/Paris"), text)
    assert message in caught.value.message
    assert help in caught.value.help


def test_an_iso_week_needs_weeks_that_start_on_monday() -> None:
    with pytest.raises(PeriodError, match="weeks here start on sunday"):
        parse_period(Calendar(week_starts="sunday"), "2027-W07")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-07-01", "2027-06-30T22:00:00+00:00"),
        ("2027-07-01T13", "2027-07-01T11:00:00+00:00"),
        ("2027-07-01 13:05", "2027-07-01T11:05:00+00:00"),
        ("2027-07-01T13:05:06.25", "2027-07-01T11:05:06.250000+00:00"),
        ("2027-07-01T13:05Z", "2027-07-01T13:05:00+00:00"),
        ("2027-07-01T13:05:00-05:30", "2027-07-01T18:35:00+00:00"),
        ("2027-03-28T02:30", "2027-03-28T01:30:00+00:00"),
        ("2027-10-31T02:30", "2027-10-31T00:30:00+00:00"),
    ],
)
def test_instants_as_they_are_written(text: str, expected: str) -> None:
    bound = parse_instant(Calendar("Europe/Paris"), text)
    assert (EPOCH + timedelta(microseconds=bound.us)).isoformat() == expected


@pytest.mark.parametrize("text", ["2027", "2027-02-30", "2027-02-01T24", "2027-02-01T10:60", "2027-02-01T10+19:00"])
def test_texts_that_are_no_instant(text: str) -> None:
    with pytest.raises(PeriodError):
        parse_instant(Calendar(), text)


def test_the_start_of_the_year_of_the_last_instant() -> None:
    calendar = Calendar("America/Sao_Paulo")
    new_year, next_year = calendar.day_start(date(2017, 1, 1)), calendar.day_start(date(2018, 1, 1))
    assert todate_start(calendar, "year", next_year) == new_year
    assert todate_start(calendar, "year", calendar.bound(next_year.us + 1)) == next_year
    assert start_of(calendar, "year", next_year) == next_year
    assert todate_start(calendar, "hour", next_year) == calendar.bound(next_year.us - 3_600_000_000)
    assert todate_start(calendar, "day", calendar.day_start(date(2017, 10, 16))) == (
        calendar.day_start(date(2017, 10, 15))
    )


def test_too_many_periods_are_refused() -> None:
    calendar = Calendar()
    start, end = calendar.day_start(date(2027, 1, 1)), calendar.day_start(date(2027, 1, 11))
    assert len(calendar.periods("day", start, end, cap=10)) == 10
    with pytest.raises(PeriodError, match="more than 9 days"):
        calendar.periods("day", start, end, cap=9)
    assert calendar.periods("day", end, start) == []


def test_calendars_that_mean_nothing() -> None:
    for make in (
        lambda: Calendar(week_starts="Monday"),
        lambda: Calendar(fiscal_year_starts=0),
        lambda: Calendar(fiscal_year_starts=13),
        lambda: Calendar(fiscal_year_named="middle"),
    ):
        with pytest.raises(CalendarError):
            make()
    with pytest.raises(UnknownZone):
        Calendar("Mars/Olympus")


def test_unknown_grains_and_instants_out_of_range_are_typed_errors() -> None:
    calendar = Calendar("Pacific/Apia")
    with pytest.raises(PeriodError, match="fortnight"):
        calendar.period_at("fortnight", date(2027, 1, 1))
    for us in (2**62, -(2**62)):
        with pytest.raises(PeriodError, match="outside the years"):
            calendar.bound(us)


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("7 days", 7, "day"),
        ("1 month", 1, "month"),
        ("1.5 hours", Fraction(3, 2), "hour"),
        ("2.0 years", 2, "year"),
        ("-3 weeks", -3, "week"),
        ("2 fiscal_quarters", 2, "fiscal_quarter"),
    ],
)
def test_durations_as_they_are_written(text: str, amount: int | Fraction, unit: str) -> None:
    assert Duration.parse(text) == Duration(amount, unit)


@pytest.mark.parametrize("text", ["", "days", "7", "7 fortnights", "1.5 months", "7days", "7 dayss", "1e3 days"])
def test_texts_that_are_no_duration(text: str) -> None:
    with pytest.raises(DurationError):
        Duration.parse(text)


def test_only_seconds_to_weeks_have_an_elapsed_time() -> None:
    assert Duration.parse("1.5 weeks").elapsed_us == 907_200_000_000
    assert Duration(Fraction(1, 3), "second").elapsed_us == 333_333
    with pytest.raises(DurationError):
        _ = Duration(1, "month").elapsed_us


def test_the_calendar_needs_neither_numpy_nor_pyarrow() -> None:
    code = (
        "import sys, kpi_engine.kernels.calendar, kpi_engine.kernels.time_format;"
        "print([name for name in ('numpy', 'pyarrow') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

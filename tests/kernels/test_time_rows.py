"""Row functions on arrays against plain Python dates, and against the calendar's periods."""

from __future__ import annotations

import calendar as month_lengths
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.buckets import Buckets, assign
from kpi_engine.kernels.calendar import GRAINS, WEEKDAYS, Bound, Calendar, Duration, DurationError, PeriodError
from kpi_engine.kernels.errors import NumberOverflow, TypeMismatch
from kpi_engine.kernels.temporal import bucket, date_add, from_epoch, part, subtract, to_date

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DATE = date(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
INSTANT = pa.timestamp("us", tz="UTC")
DAY = 86_400_000_000
HOUR = 3_600_000_000
MINUTE = 60_000_000

ZONES = (
    "UTC",
    "Asia/Kathmandu",
    "America/Los_Angeles",
    "America/Havana",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
AWKWARD = (
    ("America/Sao_Paulo", datetime(2017, 10, 15)),
    ("America/Sao_Paulo", datetime(2018, 2, 18)),
    ("America/Los_Angeles", datetime(2025, 11, 2)),
    ("Africa/Cairo", datetime(2024, 4, 26)),
    ("Asia/Kathmandu", datetime(1986, 1, 1)),
    ("Australia/Lord_Howe", datetime(2025, 4, 6)),
    ("Australia/Lord_Howe", datetime(2025, 10, 5)),
    ("Pacific/Apia", datetime(2011, 12, 30)),
    ("America/Havana", datetime(2025, 3, 9)),
    ("America/Havana", datetime(2025, 11, 2)),
    ("America/St_Johns", datetime(2005, 10, 30)),
    ("America/Toronto", datetime(1919, 3, 31)),
)

moments = st.datetimes(datetime(1901, 1, 1), datetime(2198, 12, 31), timezones=st.just(UTC))
columns = st.lists(st.none() | moments, max_size=12)
dates = st.lists(st.none() | st.dates(date(1901, 1, 1), date(2198, 12, 31)), max_size=12)
calendars = st.builds(
    Calendar, st.sampled_from(ZONES), st.sampled_from(WEEKDAYS), st.integers(1, 12), st.sampled_from(("end", "start"))
)


def local(moment: datetime, calendar: Calendar) -> datetime:
    return moment.astimezone(ZoneInfo(calendar.timezone))


def floor_by_hand(day: date, grain: str, calendar: Calendar) -> date:
    if grain == "week":
        while day.strftime("%A").lower() != calendar.week_starts:
            day -= timedelta(days=1)
        return day
    first = calendar.fiscal_year_starts if grain.startswith("fiscal") else 1
    starts = {
        "day": None,
        "month": set(range(1, 13)),
        "quarter": {(first - 1 + step) % 12 + 1 for step in (0, 3, 6, 9)},
        "year": {first},
    }[grain.removeprefix("fiscal_")]
    while starts is not None and not (day.day == 1 and day.month in starts):
        day -= timedelta(days=1)
    return day


@settings(max_examples=80, deadline=None)
@given(dates, calendars, st.sampled_from(GRAINS[1:]))
def test_dates_go_to_the_first_day_of_their_period(days: list[date | None], calendar: Calendar, grain: str) -> None:
    expected = [day and floor_by_hand(day, grain, calendar) for day in days]
    found = bucket(pa.array(days, pa.date32()), grain, calendar)
    assert found.type == pa.date32()
    assert found.to_pylist() == expected


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize(("zone", "middle"), AWKWARD)
def test_instants_go_to_the_start_of_the_period_that_the_calendar_names(
    zone: str, middle: datetime, grain: str
) -> None:
    calendar = Calendar(zone, fiscal_year_starts=10)
    around = (middle.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
    instants = list(range(around - 2 * DAY, around + 2 * DAY, 7 * MINUTE))
    periods = [calendar.period_at(grain, calendar.bound(us)) for us in instants]
    found = bucket(pa.array(instants, INSTANT), grain, calendar)
    if grain == "hour":
        assert found.cast(pa.int64()).to_pylist() == [period.start.us for period in periods]
    else:
        assert found.to_pylist() == [period.date for period in periods]
    # One at a time: a block that lies in one period takes a shorter way.
    for us, expected in list(zip(instants, found.to_pylist(), strict=True))[::23]:
        assert bucket(pa.array([us], INSTANT), grain, calendar).to_pylist() == [expected]


@settings(max_examples=100, deadline=None)
@given(columns, calendars)
def test_parts_are_what_the_local_clock_and_calendar_show(column: list[datetime | None], calendar: Calendar) -> None:
    array = pa.array(column, INSTANT)

    def fiscal(moment: datetime) -> tuple[int, int]:
        start = moment.year if moment.month >= calendar.fiscal_year_starts else moment.year - 1
        ends_later = calendar.fiscal_year_starts > 1 and calendar.fiscal_year_named == "end"
        months = (moment.year - start) * 12 + moment.month - calendar.fiscal_year_starts
        return start + ends_later, months // 3 + 1

    by_hand = {
        "year": lambda moment: moment.year,
        "quarter": lambda moment: (moment.month + 2) // 3,
        "month": lambda moment: moment.month,
        "week": lambda moment: moment.isocalendar().week,
        "iso_year": lambda moment: moment.isocalendar().year,
        "day": lambda moment: moment.day,
        "weekday": lambda moment: moment.isoweekday(),
        "day_of_year": lambda moment: moment.timetuple().tm_yday,
        "hour": lambda moment: moment.hour,
        "minute": lambda moment: moment.minute,
        "second": lambda moment: moment.second,
        "fiscal_year": lambda moment: fiscal(moment)[0],
        "fiscal_quarter": lambda moment: fiscal(moment)[1],
    }
    for name, read in by_hand.items():
        found = part(array, name, calendar)
        assert found.type == pa.int64()
        assert found.to_pylist() == [each and read(local(each, calendar)) for each in column], name
    assert to_date(array, calendar.timezone).to_pylist() == [each and local(each, calendar).date() for each in column]


def test_iso_weeks_of_all_dates_from_1970_to_2037() -> None:
    days = [EPOCH_DATE + timedelta(days=offset) for offset in range((date(2038, 1, 1) - EPOCH_DATE).days)]
    array = pa.array(days, pa.date32())
    assert part(array, "week", Calendar()).to_pylist() == [day.isocalendar().week for day in days]
    assert part(array, "iso_year", Calendar()).to_pylist() == [day.isocalendar().year for day in days]
    assert bucket(array, "week", Calendar()).to_pylist() == [day - timedelta(days=day.weekday()) for day in days]


def months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, month_lengths.monthrange(year, month + 1)[1]))


@settings(max_examples=100, deadline=None)
@given(dates, st.integers(-40, 40), st.sampled_from(("day", "week", "month", "quarter", "year")))
def test_dates_move_by_days_and_clamped_months(days: list[date | None], amount: int, unit: str) -> None:
    def move(day: date) -> date:
        if unit in ("day", "week"):
            return day + timedelta(days=amount * (7 if unit == "week" else 1))
        return months_later(day, amount * {"month": 1, "quarter": 3, "year": 12}[unit])

    found = date_add(pa.array(days, pa.date32()), Duration(amount, unit), Calendar())
    assert found.to_pylist() == [day and move(day) for day in days]


@settings(max_examples=100, deadline=None)
@given(columns, st.integers(-40, 40).filter(bool), st.sampled_from(("hour", "day", "month")), st.sampled_from(ZONES))
def test_instants_keep_their_time_of_day(column: list[datetime | None], amount: int, unit: str, zone: str) -> None:
    def move(moment: datetime) -> datetime:
        if unit == "hour":
            return moment + timedelta(hours=amount)
        here = moment.astimezone(ZoneInfo(zone))
        day = here.date() + timedelta(days=amount) if unit == "day" else months_later(here.date(), amount)
        placed = datetime.combine(day, here.time(), ZoneInfo(zone)).replace(fold=0)
        return placed.astimezone(UTC)

    found = date_add(pa.array(column, INSTANT), Duration(amount, unit), Calendar(zone))
    assert found.to_pylist() == [moment and move(moment) for moment in column]


def test_29_february_moves_to_28_february_and_back_to_28() -> None:
    leap = pa.array([date(2028, 2, 29)], pa.date32())
    moved = date_add(leap, Duration(-1, "year"), Calendar())
    assert moved.to_pylist() == [date(2027, 2, 28)]
    assert date_add(moved, Duration(1, "year"), Calendar()).to_pylist() == [date(2028, 2, 28)]


def test_nothing_moves_by_nothing_even_in_a_repeated_hour() -> None:
    second_pass = pa.array([datetime(2025, 11, 2, 9, 30, tzinfo=UTC)], INSTANT)
    calendar = Calendar("America/Los_Angeles")
    assert date_add(second_pass, Duration(0, "day"), calendar).equals(second_pass)
    assert date_add(second_pass, Duration(0, "month"), calendar).equals(second_pass)


@pytest.mark.parametrize(
    ("numbers", "unit", "expected"),
    [
        (pa.array([1, None, -1]), "second", [1_000_000, None, -1_000_000]),
        (pa.array([1_700_000_000_123], pa.int64()), "millisecond", [1_700_000_000_123_000]),
        (pa.array([7], pa.int32()), "microsecond", [7]),
        (pa.array([1_999, -1]), "nanosecond", [1, -1]),
        (pa.array([1_700_000_000.123456, None]), "second", [1_700_000_000_123_456, None]),
        (pa.array([Decimal("1700000000.5")]), "second", [1_700_000_000_500_000]),
        (pa.array([Decimal("1700000000123456789")], pa.decimal128(20, 0)), "nanosecond", [1_700_000_000_123_456]),
        (pa.array([], pa.int64()), "second", []),
    ],
)
def test_numbers_since_1970(numbers: pa.Array, unit: str, expected: list[int | None]) -> None:
    found = from_epoch(numbers, unit)
    assert found.type == INSTANT
    assert found.cast(pa.int64()).to_pylist() == expected


def test_numbers_that_no_timestamp_holds() -> None:
    for numbers in (pa.array([2**62]), pa.array([1e30]), pa.array([Decimal(10**20)])):
        with pytest.raises(NumberOverflow):
            from_epoch(numbers, "second")
    with pytest.raises(DurationError):
        from_epoch(pa.array([1]), "day")
    with pytest.raises(TypeMismatch):
        from_epoch(pa.array(["1"]), "second")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.none() | moments, st.none() | moments), max_size=10))
def test_differences_are_elapsed_microseconds(pairs: list[tuple[datetime | None, datetime | None]]) -> None:
    left, right = (pa.array([pair[side] for pair in pairs], INSTANT) for side in (0, 1))
    expected = [None if a is None or b is None else (a - b) // MICROSECOND for a, b in pairs]
    assert subtract(left, right).to_pylist() == expected
    assert subtract(to_date(left, "UTC"), to_date(right, "UTC")).to_pylist() == [
        None if a is None or b is None else (a.date() - b.date()).days * DAY for a, b in pairs
    ]


def test_differences_with_one_constant_and_refusals() -> None:
    instants = pa.array([5, None], INSTANT)
    assert subtract(instants, pa.scalar(2, INSTANT)).to_pylist() == [3, None]
    assert subtract(pa.scalar(date(1970, 1, 2)), pa.array([0], pa.date32())).to_pylist() == [DAY]
    assert subtract(instants, pa.scalar(None, INSTANT)).to_pylist() == [None, None]
    with pytest.raises(TypeMismatch):
        subtract(instants, pa.array([0, 0], pa.date32()))
    with pytest.raises(NumberOverflow):
        subtract(pa.array([2**62], INSTANT), pa.array([-(2**62) - 1], INSTANT))


def test_what_dates_and_naive_times_do_not_have() -> None:
    day, naive = pa.array([0], pa.date32()), pa.array([0], pa.timestamp("us"))
    with pytest.raises(PeriodError, match="dates cannot be grouped by hour"):
        bucket(day, "hour", Calendar())
    with pytest.raises(PeriodError, match="a date has no minute"):
        part(day, "minute", Calendar())
    with pytest.raises(PeriodError, match="not a part"):
        part(day, "fortnight", Calendar())
    with pytest.raises(PeriodError, match="not a grain"):
        bucket(day, "minute", Calendar())
    for duration in (Duration(1, "hour"), Duration(Fraction(1, 2), "day")):
        with pytest.raises(DurationError):
            date_add(day, duration, Calendar())
    for call in (
        lambda: bucket(naive, "day", Calendar()),
        lambda: part(naive, "hour", Calendar()),
        lambda: date_add(naive, Duration(1, "day"), Calendar()),
        lambda: to_date(naive, "UTC"),
        lambda: assign(naive, [Bound(0, 0)]),
    ):
        with pytest.raises(TypeMismatch):
            call()


def test_moving_beyond_what_arrow_holds_is_a_typed_error() -> None:
    with pytest.raises(NumberOverflow):
        date_add(pa.array([2**31 - 1], pa.date32()), Duration(1, "day"), Calendar())
    for duration in (
        Duration(2 * 10**9, "hour"),
        Duration(10**15, "hour"),
        Duration(10**9, "day"),
        Duration(10**8, "year"),
    ):
        with pytest.raises(NumberOverflow):
            date_add(pa.array([2**62], INSTANT), duration, Calendar())


def test_years_9999_and_1_pass_through() -> None:
    far = pa.array([datetime(9999, 12, 31, 12, tzinfo=UTC), datetime(1, 1, 1, 12, tzinfo=UTC)], INSTANT)
    calendar = Calendar("Asia/Shanghai")
    assert part(far, "year", calendar).to_pylist() == [9999, 1]
    assert bucket(far, "year", Calendar()).to_pylist() == [date(9999, 1, 1), date(1, 1, 1)]


@pytest.mark.parametrize("grain", GRAINS)
def test_empty_null_and_sliced_arrays(grain: str) -> None:
    calendar = Calendar("America/Havana")
    for array in (pa.array([], INSTANT), pa.nulls(3, INSTANT)):
        assert bucket(array, grain, calendar).to_pylist() == array.to_pylist()
    whole = pa.array([None, 0, None, 10**15, 2 * 10**15], INSTANT)
    assert bucket(whole.slice(1, 3), grain, calendar).equals(bucket(whole, grain, calendar).slice(1, 3))


# Buckets --------------------------------------------------------------------------------------------------

edge_lists = st.lists(st.integers(-(10**15), 10**15), max_size=30, unique=True).map(sorted)
sorted_edges = edge_lists.map(lambda edges: [Bound(us, index) for index, us in enumerate(edges)])


@settings(max_examples=150, deadline=None)
@given(sorted_edges, st.data())
def test_a_bucket_is_the_number_of_edges_at_or_before_a_value(edges: list[Bound], data: st.DataObject) -> None:
    near = st.sampled_from([edge.us for edge in edges] or [0]).flatmap(lambda us: st.integers(us - 2, us + 2))
    values = data.draw(st.lists(st.none() | near | st.integers(-(2**62), 2**62), max_size=30))
    starts = [edge.us for edge in edges]
    found = assign(pa.array(values, INSTANT), edges)
    assert found.dtype == np.int64
    assert found.tolist() == [-1 if value is None else bisect_right(starts, value) for value in values]


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize("zone", ZONES)
def test_buckets_of_a_calendar_at_every_edge(zone: str, grain: str) -> None:
    calendar = Calendar(zone)
    last = date(2012, 1, 10) if grain == "hour" else date(2016, 1, 1)
    periods = calendar.periods(grain, calendar.day_start(date(2011, 12, 1)), calendar.day_start(last))
    buckets = Buckets((*(period.start for period in periods), periods[-1].end))
    instants = [edge.us + step for edge in buckets.edges for step in (-1, 0, 1)]
    starts, days = [edge.us for edge in buckets.edges], [edge.day for edge in buckets.edges]
    order = np.random.default_rng(7).permutation(len(instants))
    mixed = [instants[index] for index in order]
    assert buckets.assign(pa.array(mixed, INSTANT)).tolist() == [bisect_right(starts, us) for us in mixed]
    if grain != "hour":
        all_days = list(range(days[0] - 2, days[-1] + 3))
        assert buckets.assign(pa.array(all_days, pa.date32())).tolist() == [bisect_right(days, day) for day in all_days]


def test_a_date_that_a_zone_skipped_lies_in_its_own_bucket() -> None:
    calendar = Calendar("Pacific/Apia")
    edges = [calendar.day_start(date(2011, 12, day)) for day in (29, 30, 31)]
    assert assign(pa.array([date(2011, 12, day) for day in (28, 29, 30, 31)]), edges).tolist() == [0, 1, 2, 3]
    at_skip = edges[1].us
    assert assign(pa.array([at_skip - 1, at_skip], INSTANT), edges).tolist() == [1, 3]


def test_statistics_that_lie_in_one_bucket() -> None:
    buckets = Buckets((Bound(0, 0), Bound(DAY, 1)))
    low, high = (pa.scalar(us, INSTANT) for us in (5, DAY - 1))
    assert buckets.constant(low, high) == 1
    assert buckets.constant(low, pa.scalar(DAY, INSTANT)) is None
    assert buckets.constant(pa.scalar(None, INSTANT), high) is None
    assert buckets.constant(pa.scalar(EPOCH_DATE), pa.scalar(EPOCH_DATE)) == 1


def test_no_edges_one_bucket_and_edges_out_of_order() -> None:
    assert assign(pa.array([1, None], INSTANT), []).tolist() == [0, -1]
    assert assign(pa.array([], INSTANT), [Bound(0, 0)]).tolist() == []
    assert assign(pa.nulls(2, INSTANT), [Bound(0, 0)]).tolist() == [-1, -1]
    with pytest.raises(ValueError, match="ascend"):
        Buckets((Bound(1, 1), Bound(0, 0)))

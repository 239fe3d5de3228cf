"""The calendar of a project: which instants and dates make an hour, a day, a week, a fiscal quarter.

Plain Python on `zoneinfo`, so that definitions are checked without NumPy or pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.declared_periods import DeclaredPeriods
from kpi_engine.kernels.spans import (
    GRAINS,
    MONTHS_IN,
    Bound,
    CalendarError,
    CalendarGap,
    Duration,
    DurationError,
    Period,
    PeriodError,
    date_of,
    day_number,
)
from kpi_engine.kernels.zone_rules import (
    DAY_US,
    EPOCH,
    HOUR_US,
    change_between,
    first_at_or_after,
    load_zone,
    local_to_utc,
    offset_at,
)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_PERIODS = 200_000

_FORMATTED_AS_DATE = ("day", "week")

_SURELY_A_DATE = range((date(2, 1, 1) - EPOCH.date()).days * DAY_US, (date(9999, 1, 1) - EPOCH.date()).days * DAY_US)
"""Instants whose local dates can be told in every zone."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A zone, the first day of the week, the first month of the fiscal year, and the periods of declared grains.

    Hours are absolute: each starts at a whole local hour or at a change of the zone's offset, so that a
    repeated local hour is two periods and no instant is lost. Days and longer are local: a day starts at its
    first local instant. A fiscal year is named by the year in which it ends, or in which it starts
    (`fiscal_year_named="start"`). Periods of declared grains come from their tables; outside of them every method
    raises `CalendarGap`.

    >>> calendar = Calendar("America/Sao_Paulo")
    >>> calendar.to_local_datetime(calendar.day_start(date(2017, 10, 15))).isoformat()
    '2017-10-15T01:00:00-02:00'
    """

    timezone: str = "UTC"
    week_starts: str = "monday"
    fiscal_year_starts: int = 1
    fiscal_year_named: str = "end"
    declared: tuple[DeclaredPeriods, ...] = ()

    def __post_init__(self) -> None:
        load_zone(self.timezone)
        if self.week_starts not in WEEKDAYS:
            raise CalendarError(f"`{self.week_starts}` is not a day of the week", "write monday to sunday")
        if self.fiscal_year_starts not in range(1, 13):
            raise CalendarError(f"{self.fiscal_year_starts} is not a month", "write a number from 1 to 12")
        if self.fiscal_year_named not in ("end", "start"):
            raise CalendarError(f"a fiscal year has no `{self.fiscal_year_named}`", "write end or start")

    @property
    def zone(self) -> ZoneInfo:
        """The zone's rules."""
        return load_zone(self.timezone)

    def declared_grain(self, grain: str) -> DeclaredPeriods | None:
        """The periods of a declared grain; None for a grain of every calendar.

        `PeriodError` for a name that is neither.
        """
        for each in self.declared:
            if each.grain == grain:
                return each
        check_grain(grain)
        return None

    def day_start(self, day: date) -> Bound:
        """The bound at which a local date starts.

        A day that the zone skipped (Apia, 2011-12-30) starts where the next one does and holds no instant;
        dates that say that day still lie in it.
        """
        number = day_number(day)
        return Bound(_day_start_us(self.timezone, number), number)

    def bound(self, instant_us: int) -> Bound:
        """The bound at an instant.

        >>> Calendar("Asia/Shanghai").bound(0)
        Bound(us=0, day=1)
        """
        if not _SURELY_A_DATE.start <= instant_us < _SURELY_A_DATE.stop:
            _checked_offset(self.zone, instant_us)
        # Starts of days are soon known, and from the day in UTC it is one step at most. A clock set back over midnight
        # shows the old date again; the new day has begun all the same.
        day = instant_us // DAY_US
        while _day_start_us(self.timezone, day) < instant_us:
            day += 1
        while _day_start_us(self.timezone, day - 1) >= instant_us:
            day -= 1
        return Bound(instant_us, day)

    def local_date(self, bound: Bound) -> date:
        """The local date that a bound lies in.

        >>> Calendar("Asia/Shanghai").local_date(Bound(0, 1))
        datetime.date(1970, 1, 1)
        """
        starts = _day_start_us(self.timezone, bound.day) == bound.us
        return date_of(bound.day if starts else bound.day - 1)

    def to_local_datetime(self, bound: Bound) -> datetime:
        """The bound's instant as a datetime in the calendar's zone."""
        return self._moment(bound.us)

    def nominal_local(self, bound: Bound) -> tuple[int, int]:
        """The local day number and the time of day in microseconds; a day's start counts as midnight."""
        if _day_start_us(self.timezone, bound.day) == bound.us:
            return bound.day, 0
        return divmod(bound.us + _checked_offset(self.zone, bound.us), DAY_US)

    def place_local(self, day: int, time_us: int) -> Bound:
        """The bound of a local day and time of day.

        Midnight is the day's start; a time in a gap moves forward by the gap's length; a repeated time is its
        first occurrence.
        """
        extra, time_us = divmod(time_us, DAY_US)
        if time_us == 0:
            return self.day_start(date_of(day + extra))
        try:
            return self.bound(local_to_utc(self.zone, (day + extra) * DAY_US + time_us))
        except OverflowError as error:
            raise PeriodError("this instant lies outside the years 1 to 9999") from error

    def add(self, bound: Bound, duration: Duration) -> Bound:
        """Move a bound: seconds to hours by elapsed time, days and weeks by local days with the time of day
        kept, months and longer likewise, clamped to the last day of the target month.

        >>> calendar = Calendar()
        >>> calendar.add(calendar.day_start(date(2028, 2, 29)), Duration(-1, "year")) == (
        ...     calendar.day_start(date(2027, 2, 28)))
        True
        """
        if duration.unit in ("second", "minute", "hour"):
            return self.bound(bound.us + duration.elapsed_us)
        day, time_us = self.nominal_local(bound)
        if duration.months is not None:
            return self.place_local(day_number(add_months(date_of(day), duration.months)), time_us)
        days = duration.days
        if days is None:
            raise DurationError(f"a calendar cannot move by {duration}", "write whole days, or hours")
        return self.place_local(day + days, time_us) if days else bound

    def period_at(self, grain: str, position: Bound | date) -> Period:
        """The period of a grain that contains a bound or a local date (an hour: the first of that date).

        >>> Calendar().period_at("week", date(2027, 1, 1)).label
        '2026-W53'
        """
        declared = self.declared_grain(grain)
        if grain == "hour":
            return self._hour_at(self.day_start(position) if isinstance(position, date) else position)
        day = position if isinstance(position, date) else self.local_date(position)
        if declared is not None:
            return self._declared_period(declared, day)
        return self._period_from(grain, self.first_day(grain, day))

    def next(self, period: Period) -> Period:
        """The period of the same grain that begins where this one ends."""
        return self.period_at(period.grain, period.end)

    def previous(self, period: Period) -> Period:
        """The period of the same grain that ends where this one begins."""
        if period.grain == "hour":
            return self._hour_at(self.bound(period.start.us - 1))
        return self.period_at(period.grain, date_of(period.start.day - 1))

    def periods(self, grain: str, start: Bound, end: Bound, cap: int = MAX_PERIODS) -> list[Period]:
        """All periods that meet [start, end), in order, each whole; `PeriodError` if there are more than
        `cap`.

        >>> year = Calendar().period_at("year", date(2027, 6, 1))
        >>> [each.label for each in Calendar().periods("quarter", year.start, year.end)]
        ['2027-Q1', '2027-Q2', '2027-Q3', '2027-Q4']
        """
        found: list[Period] = []
        for period in self._walk(grain, start, end):
            if len(found) == cap:
                raise PeriodError(f"more than {cap} {grain}s", "ask for a shorter span or a coarser grain")
            found.append(period)
        return found

    def window(self, start: Bound, end: Bound, grain: str = "") -> Period:
        """Any span as a period; the grain's own period, with its own label, if it is exactly that.

        >>> calendar = Calendar()
        >>> calendar.window(calendar.day_start(date(2027, 3, 1)), calendar.day_start(date(2027, 3, 10))).label
        '2027-03-01..2027-03-09'
        """
        if grain and start < end and self._has_period(grain, start):
            whole = self.period_at(grain, start)
            if (whole.start, whole.end) == (start, end):
                return whole
        return Period(grain, start, end, self.local_date(start), self._window_label(start, end))

    def first_day(self, grain: str, day: date) -> date:
        """The date on which the period of a grain (a day or longer) that contains a date begins."""
        if grain == "day":
            return day
        if grain == "week":
            return date_of(day_number(day) - (day.weekday() - WEEKDAYS.index(self.week_starts)) % 7)
        span = MONTHS_IN[grain]
        first = self.fiscal_year_starts if grain.startswith("fiscal") else 1
        return add_months(day.replace(day=1), -((day.month - first) % span))

    def _walk(self, grain: str, start: Bound, end: Bound) -> Iterator[Period]:
        if grain == "hour":
            # Hours hold instants: a date that the zone skipped has none, so that its end is where it starts.
            end = Bound(end.us, min(start.day, end.day))
        if start >= end:
            return
        period = self.period_at(grain, start)
        yield period
        while period.end < end:
            period = self.next(period)
            yield period

    def _has_period(self, grain: str, bound: Bound) -> bool:
        declared = self.declared_grain(grain)
        return declared is None or declared.index(day_number(self.local_date(bound))) is not None

    def _declared_period(self, periods: DeclaredPeriods, day: date) -> Period:
        found = periods.index(day_number(day))
        if found is None:
            raise CalendarGap(periods, day)
        first, after = (date_of(number) for number in periods.days[found : found + 2])
        return Period(periods.grain, self.day_start(first), self.day_start(after), first, periods.labels[found])

    def _period_from(self, grain: str, first: date) -> Period:
        if grain in _FORMATTED_AS_DATE:
            after = date_of(day_number(first) + (7 if grain == "week" else 1))
        else:
            after = add_months(first, MONTHS_IN[grain])
        return Period(grain, self.day_start(first), self.day_start(after), first, self._label(grain, first))

    def _hour_at(self, bound: Bound) -> Period:
        zone, instant = self.zone, bound.us
        offset = _checked_offset(zone, instant)
        start = (instant + offset) // HOUR_US * HOUR_US - offset
        end = start + HOUR_US
        if offset_at(zone, start) != offset:
            start = change_between(zone, start, instant)
        if offset_at(zone, end - 1) != offset:
            end = change_between(zone, instant, end - 1)
        local = self._moment(start)
        label = local.isoformat(timespec="minutes")
        return Period("hour", self.bound(start), self.bound(end), local.date(), label)

    def _moment(self, instant_us: int) -> datetime:
        try:
            return self.zone.fromutc((EPOCH + timedelta(microseconds=instant_us)).replace(tzinfo=self.zone))
        except OverflowError as error:
            raise PeriodError("this instant lies outside the years 1 to 9999") from error

    def _label(self, grain: str, first: date) -> str:
        if grain == "week" and self.week_starts == "monday":
            year, week, _ = first.isocalendar()
            return f"{year}-W{week:02}"
        if grain in _FORMATTED_AS_DATE:
            return first.isoformat()
        if grain == "month":
            return f"{first.year:04}-{first.month:02}"
        if grain == "quarter":
            return f"{first.year:04}-Q{first.month // 3 + 1}"
        if grain == "year":
            return f"{first.year:04}"
        year = self.fiscal_year_of(first)
        quarter = (first.month - self.fiscal_year_starts) % 12 // 3 + 1
        return f"FY{year:04}" if grain == "fiscal_year" else f"FY{year:04}-Q{quarter}"

    def fiscal_year_of(self, day: date) -> int:
        """The number that names the fiscal year of a date.

        >>> Calendar(fiscal_year_starts=4).fiscal_year_of(date(2026, 4, 1))
        2027
        """
        starts_in = day.year - (day.month < self.fiscal_year_starts)
        named_later = self.fiscal_year_named == "end" and self.fiscal_year_starts > 1
        return starts_in + named_later

    def _window_label(self, start: Bound, end: Bound) -> str:
        at_midnight = all(_day_start_us(self.timezone, each.day) == each.us for each in (start, end))
        if at_midnight and start.day < end.day:
            first, last = date_of(start.day), date_of(end.day - 1)
            return first.isoformat() if first == last else f"{first}..{last}"
        return "..".join(self._moment(each.us).isoformat(timespec="minutes") for each in (start, end))


def check_grain(grain: str) -> None:
    """`PeriodError` for a name that is no grain of the calendar."""
    if grain not in GRAINS:
        raise PeriodError(f"`{grain}` is not a grain", "grains: " + ", ".join(GRAINS))


def add_months(day: date, months: int) -> date:
    """The date so many months later, clamped to the last day of the target month.

    >>> add_months(date(2027, 1, 31), 1)
    datetime.date(2027, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise PeriodError("this date lies outside the years 1 to 9999")
    first = date(year, month + 1, 1)
    length = 31 if month == 11 else (date(year, month + 2, 1) - first).days
    return first.replace(day=min(day.day, length))


def start_of(calendar: Calendar, grain: str, bound: Bound) -> Bound:
    """The start of the period of a grain that contains a bound.

    >>> calendar = Calendar()
    >>> calendar.local_date(start_of(calendar, "year", calendar.day_start(date(2027, 6, 1))))
    datetime.date(2027, 1, 1)
    """
    return calendar.period_at(grain, bound).start


def todate_start(calendar: Calendar, grain: str, end: Bound) -> Bound:
    """The start of the period of a grain that contains the last instant before `end`.

    >>> calendar = Calendar()
    >>> calendar.local_date(todate_start(calendar, "year", calendar.day_start(date(2028, 1, 1))))
    datetime.date(2027, 1, 1)
    """
    starts_day = _day_start_us(calendar.timezone, end.day) == end.us
    if starts_day and grain != "hour":
        return calendar.period_at(grain, date_of(end.day - 1)).start
    return start_of(calendar, grain, calendar.bound(end.us - 1))


@lru_cache(maxsize=131_072)
def _day_start_us(name: str, day: int) -> int:
    try:
        return first_at_or_after(load_zone(name), day * DAY_US)
    except OverflowError as error:
        raise PeriodError("this day lies outside the years 1 to 9999") from error


def _checked_offset(zone: ZoneInfo, instant_us: int) -> int:
    try:
        return offset_at(zone, instant_us)
    except OverflowError as error:
        raise PeriodError("this instant lies outside the years 1 to 9999") from error

"""A calendar of one zone, by `zoneinfo` and the wall clock alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache, cached_property
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
MONTHS = {"month": 1, "quarter": 3, "year": 12, "fiscal_quarter": 3, "fiscal_year": 12}
DAYS = {"day": 1, "week": 7}
GRAINS = ("hour", "day", "week", *MONTHS)
FINER = {
    "hour": GRAINS,
    "day": GRAINS[1:],
    "week": ("week",),
    "month": tuple(MONTHS),
    "quarter": ("quarter", "year"),
    "year": ("year",),
    "fiscal_quarter": ("fiscal_quarter", "fiscal_year"),
    "fiscal_year": ("fiscal_year",),
}
"""The periods that are made of whole buckets of a grain."""
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
ONE_DAY = timedelta(days=1)
SMALLEST = timedelta(microseconds=1)


@dataclass(frozen=True, order=True)
class Mark:
    """A place between two instants and between two dates: `day` is the first date that begins at or after it."""

    instant: datetime
    day: date

    def after(self, moment: datetime | date) -> bool:
        """Whether a moment lies before this mark. A date is that day in every zone and never an instant."""
        return moment < self.instant if isinstance(moment, datetime) else moment < self.day


@dataclass(frozen=True)
class Span:
    """A half-open span [start, end) of a grain, or of none (an arbitrary window)."""

    start: Mark
    end: Mark
    grain: str | None = None

    def holds(self, moment: datetime | date) -> bool:
        """Whether a moment lies inside."""
        return not self.start.after(moment) and self.end.after(moment)


@dataclass(frozen=True)
class LocalCalendar:
    """Zone, first day of the week, and fiscal year."""

    timezone: str = "UTC"
    week_starts: str = "monday"
    fiscal_year_starts: int = 1
    fiscal_year_named: str = "end"

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    # -------------------------------------------------------------------------------------------- marks and walls

    def to_instant(self, wall: datetime) -> datetime:
        """The instant of a naive local time: the first of a repeated one; one in a gap moves forward by the gap."""
        return wall.replace(tzinfo=self.zone, fold=0).astimezone(UTC)

    def to_wall(self, instant: datetime) -> datetime:
        """The naive local time of an instant."""
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def day_start(self, day: date) -> datetime:
        """The first instant whose local date is `day` (or a later one, where the zone skipped it)."""
        return _day_start(self, day)

    def at_day(self, day: date) -> Mark:
        """The mark at which a date starts."""
        return Mark(self.day_start(day), day)

    def at(self, instant: datetime) -> Mark:
        """The mark at an instant."""
        day = self.to_wall(instant).date()
        while self.day_start(day) < instant:
            day += ONE_DAY
        while self.day_start(day - ONE_DAY) >= instant:
            # A date that the zone skipped begins, and ends, where the next one begins.
            day -= ONE_DAY
        return Mark(instant, day)

    def at_moment(self, moment: datetime | date) -> Mark:
        """The mark just before an instant or a date."""
        return self.at(moment) if isinstance(moment, datetime) else self.at_day(moment)

    def date_of(self, mark: Mark) -> date:
        """The local date that begins at, or is going on at, a mark."""
        return mark.day if self.day_start(mark.day) == mark.instant else mark.day - ONE_DAY

    def wall_of(self, mark: Mark) -> datetime:
        """The naive local time of a mark; the start of a day reads midnight, even where midnight was skipped."""
        if self.day_start(mark.day) == mark.instant:
            return datetime.combine(mark.day, datetime.min.time())
        return self.to_wall(mark.instant)

    def at_wall(self, wall: datetime) -> Mark:
        """The mark of a naive local time; midnight is the start of its day."""
        return self.at_day(wall.date()) if wall.time() == datetime.min.time() else self.at(self.to_instant(wall))

    def moved(self, mark: Mark, amount: int | Fraction, unit: str) -> Mark:
        """Hours and shorter move by elapsed time, days and longer on the local calendar at the same time of day."""
        if unit in ("second", "minute", "hour"):
            return self.at(mark.instant + length(amount, unit))
        wall = self.wall_of(mark)
        if unit in MONTHS:
            day = add_months(wall.date(), int(amount) * MONTHS[unit])
            return self.at_wall(datetime.combine(day, wall.time()))
        return self.at_wall(wall + ONE_DAY * int(amount * DAYS[unit]))

    # ---------------------------------------------------------------------------------------------------- periods

    def period(self, grain: str, mark: Mark) -> Span:
        """The period of a grain in which a mark lies."""
        if grain == "hour":
            return self._hour(mark.instant)
        first = self.first_day(grain, self.date_of(mark))
        after = add_months(first, MONTHS[grain]) if grain in MONTHS else first + ONE_DAY * DAYS[grain]
        return Span(self.at_day(first), self.at_day(after), grain)

    def first_day(self, grain: str, day: date) -> date:
        """The first day of the period of a grain (a day or longer) that holds a date."""
        if grain == "day":
            return day
        if grain == "week":
            return day - ONE_DAY * ((day.weekday() - WEEKDAYS.index(self.week_starts)) % 7)
        begins = self.fiscal_year_starts if grain.startswith("fiscal") else 1
        while day.day != 1 or (day.month - begins) % MONTHS[grain] != 0:
            day -= ONE_DAY
        return day

    def _hour(self, instant: datetime) -> Span:
        """An hour lies between two places where the clock reads a whole hour or is changed."""
        start, end = self.hour_start(instant), instant + timedelta(hours=1)
        offset = instant.astimezone(self.zone).utcoffset()
        wall = self.to_wall(instant)
        end = instant + (wall.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) - wall)
        if (end - SMALLEST).astimezone(self.zone).utcoffset() != offset:
            end = self._change(instant, end)
        return Span(self.at(start), self.at(end), "hour")

    def hour_start(self, instant: datetime) -> datetime:
        """Where the hour of an instant begins."""
        wall = self.to_wall(instant)
        start = instant - (wall - wall.replace(minute=0, second=0, microsecond=0))
        if start.astimezone(self.zone).utcoffset() != instant.astimezone(self.zone).utcoffset():
            return self._change(start, instant)
        return start

    def _change(self, before: datetime, after: datetime) -> datetime:
        """The instant between two at which the zone's offset changes."""
        old = before.astimezone(self.zone).utcoffset()
        while after - before > SMALLEST:
            middle = before + (after - before) / 2
            if middle.astimezone(self.zone).utcoffset() == old:
                before = middle
            else:
                after = middle
        return after

    def before(self, span: Span) -> Span:
        """The span before one that has a grain; what is no whole hour, as it was moved to a day of other hours, goes an
        hour back."""
        if span.grain == "hour":
            whole = span == self._hour(span.start.instant)
            return self._hour(span.start.instant - SMALLEST) if whole else self.shifted(span, -1, "hour")
        assert span.grain is not None
        return Span(self.moved(span.start, -1, span.grain), self.moved(span.end, -1, span.grain), span.grain)

    def periods(self, grain: str, start: Mark, end: Mark) -> list[Span]:
        """All whole periods that meet [start, end)."""
        found: list[Span] = []
        here = start
        while here.instant < end.instant or (grain != "hour" and here < end):
            found.append(self.period(grain, here))
            here = found[-1].end
        return found

    # ---------------------------------------------------------------------------------------------- moving windows

    def shifted(self, span: Span, amount: int | Fraction, unit: str) -> Span:
        """A window moved by a length ("Shifting a window by d"); a negative amount moves it back."""
        finer = span.grain in ("hour", "day", "week")
        if unit in MONTHS and finer:
            months = int(amount) * MONTHS[unit]
            if span.grain == "week" and months % 12 == 0:
                return self.shifted(span, 52 * (months // 12), "week")
            start = self.moved(span.start, amount, unit)
            if span.grain == "hour":
                return self._hour(start.instant)
            return Span(start, self._as_far(span.start, span.end, start), span.grain)
        return Span(self.moved(span.start, amount, unit), self.moved(span.end, amount, unit), span.grain)

    def cut_like(self, whole: Span, cut: Mark, moved: Span) -> Mark:
        """How far a moved window reaches when the window that it comes from is cut at `cut`."""
        if whole.grain == "hour":
            reached = self.at(moved.start.instant + (cut.instant - whole.start.instant))
        else:
            reached = self._as_far(whole.start, cut, moved.start)
        return min(reached, moved.end)

    def _as_far(self, start: Mark, end: Mark, other: Mark) -> Mark:
        """As many local days and as much time of day after `other` as `end` is after `start`."""
        return self.at_wall(self.wall_of(other) + (self.wall_of(end) - self.wall_of(start)))

    def todate_start(self, grain: str, end: Mark) -> Mark:
        """The start of the period that holds the last instant before `end`."""
        if grain != "hour" and self.day_start(end.day) == end.instant:
            return self.at_day(self.first_day(grain, end.day - ONE_DAY))
        return self.period(grain, self.at(end.instant - SMALLEST)).start


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def length(amount: int | Fraction, unit: str) -> timedelta:
    """The elapsed time of a duration of fixed length."""
    return timedelta(microseconds=round(Fraction(amount) * SECONDS[unit] * 1_000_000))


@cache
def _day_start(calendar: LocalCalendar, day: date) -> datetime:
    midnight = datetime.combine(day, datetime.min.time())
    found = calendar.to_instant(midnight)
    if calendar.to_wall(found) == midnight:
        return found
    # Midnight does not exist: the day begins where the clock jumps over it.
    before, after = found - timedelta(hours=30), found
    while after - before > SMALLEST:
        middle = before + (after - before) / 2
        if calendar.to_wall(middle) < midnight:
            before = middle
        else:
            after = middle
    return after

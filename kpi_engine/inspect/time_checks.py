"""Times: rows without one, in the future, on days that stand for nothing; sources that have stopped, days missing."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pyarrow as pa

from kpi_engine.inspect.reading import Batch, Places, column_field
from kpi_engine.inspect.wording import counted, finding, listed, number, of_column, of_source, share, verb
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.expression import Expression
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.kernels.inspection import usual_step
from kpi_engine.kernels.tallies import Tally, Tallying
from kpi_engine.kernels.temporal import to_date

_NO_DATES = (
    datetime.date(1, 1, 1),
    datetime.date(1900, 1, 1),
    datetime.date(1969, 12, 31),  # 1970-01-01 in UTC, seen from the west
    datetime.date(1970, 1, 1),
)
_FAR = 365
_RHYTHMS = ("day", "week", "month")
_FILLED = 0.8
_ENOUGH = 4
_SHOWN = 5
_EPOCH = datetime.date(1970, 1, 1)
_EARLIEST = (datetime.date(1900, 1, 1) - _EPOCH).days
_NO_DAYS = frozenset((day - _EPOCH).days for day in _NO_DATES)


class DayWatch:
    """The local days of a column of times, counted: memory follows the number of different days."""

    def __init__(self, source: Source, column: str, calendar: Calendar) -> None:
        self.source = source
        self.column = column
        self._calendar = calendar
        self._days = Tallying()

    @property
    def expressions(self) -> Sequence[Expression]:
        """The column."""
        return [column_field(self.source, self.column)]

    @property
    def is_time(self) -> bool:
        """Whether this is the time of the source's rows."""
        return self.column == self.source.time

    def add(self, batch: Batch) -> None:
        """Count the days of a batch."""
        if batch.rows.length:
            times = batch.rows.column(self.column)
            days = times if pa.types.is_date32(times.type) else to_date(times, self._calendar.timezone)
            self._days.add(days.cast(pa.int32()), batch.numbers)

    def tally(self) -> Tally:
        """Day numbers since 1970, and how many rows lie on each."""
        return self._days.tally()

    def findings(self, as_of: datetime.date, today: datetime.date, places: Places) -> Iterator[Diagnostic]:
        """What is odd about the days. `as_of` is the first day that does not count any more."""
        tally = self.tally()
        place = of_column(self.source, self.column)
        if self.is_time:
            yield from self._too_early(tally, places)
        yield from self._sentinels(tally, places)
        if not self.is_time:
            return
        if tally.nulls:
            message = (
                f"{share(tally.nulls, tally.rows)} of {self.source.name} {verb(tally.nulls, 'has', 'have')} "
                f"no `{self.column}`: they lie in no period"
            )
            where = [f"the first: {places.place(tally.first_null)}"]
            yield finding("W677", message, place, "fill the time in, or leave such rows out by `where:`", where)
        if self.source.grain is None:
            yield from self._future(tally, today, places)
        days = sorted(day for day in tally.values.to_pylist() if day < _number(as_of))
        yield from self._missing_snapshots(days) if self.source.snapshot is not None else self._stopped(days, as_of)

    def _future(self, tally: Tally, today: datetime.date, places: Places) -> Iterator[Diagnostic]:
        after = [position for position, day in enumerate(tally.values.to_pylist()) if day > _number(today)]
        if not after:
            return
        rows = sum(int(tally.counts[position]) for position in after)
        first = min(int(tally.first[position]) for position in after)
        last = max(tally.values[position].as_py() for position in after)
        message = f"{share(rows, tally.rows)} of {self.source.name} {verb(rows, 'lies', 'lie')} in the future, up to "
        message += _shown(last)
        help = "rows past the as-of never count: correct the times, or their time zone (`timezone:` of the source)"
        where = [f"the first: {places.place(first)}"]
        yield finding("W673", message, of_column(self.source, self.column), help, where)

    def _too_early(self, tally: Tally, places: Places) -> Iterator[Diagnostic]:
        """Rows before the first period of all."""
        before = [position for position, day in enumerate(tally.values.to_pylist()) if day < _EARLIEST]
        if not before:
            return
        rows = sum(int(tally.counts[position]) for position in before)
        message = (
            f"{share(rows, tally.rows)} of {self.source.name} {verb(rows, 'lies', 'lie')} before 1900, the first on "
            f"{_shown(min(tally.values[position].as_py() for position in before))}: no period is so old"
        )
        help = "such rows are not looked at: correct the dates, or leave the rows out by `where:`"
        where = [f"the first: {places.place(min(int(tally.first[position]) for position in before))}"]
        yield finding("W674", message, of_column(self.source, self.column), help, where)

    def _sentinels(self, tally: Tally, places: Places) -> Iterator[Diagnostic]:
        """Days far before all others, on which systems put times that they do not know."""
        days = tally.values.to_pylist()
        if not any(map(_is_no_date, days)):
            return
        others = [day for day in days if not _is_no_date(day) and not (self.is_time and day < _EARLIEST)]
        for position, day in enumerate(days):
            told = self.is_time and day < _EARLIEST
            if told or not _is_no_date(day) or not others or min(others) - day < _FAR:
                continue
            rows = int(tally.counts[position])
            message = (
                f"`{self.column}` is {_shown(day)} in {share(rows, tally.rows - tally.nulls)} of {self.source.name}, "
                f"and not before {_shown(min(others))} in all others: such a date often stands for nothing"
            )
            help = "write nothing where the date is not known, or leave such rows out"
            if self.is_time:
                help += ": answers without `--from` begin there"
            where = [f"the first: {places.place(int(tally.first[position]))}"]
            yield finding("W674", message, of_column(self.source, self.column), help, where)

    def _stopped(self, days: Sequence[int], as_of: datetime.date) -> Iterator[Diagnostic]:
        """Whether the source has had no rows for longer than ever before, in the rhythm that it had."""
        rhythm = _rhythm(days, self.source.grain, self._calendar)
        if rhythm is None:
            return
        starts = _starts(days, rhythm, self._calendar)
        now = _periods_between(starts[-1], self._calendar.first_day(rhythm, as_of), rhythm) - 1
        before = max((_periods_between(*pair, rhythm) - 1 for pair in pairwise(starts)), default=0)
        if now <= before:
            return
        message = (
            f"{self.source.name} has rows on {_every(rhythm)} up to {_shown(days[-1])}, and none in the last "
            f"{counted(now, rhythm)} before {as_of.isoformat()}"
        )
        help = "load what is missing; if it comes late, say so: `late: 3 days` on the source"
        yield finding("W667", message, of_source(self.source), help)

    def _missing_snapshots(self, days: Sequence[int]) -> Iterator[Diagnostic]:
        step = usual_step(days)
        missing = [
            day
            for earlier, later in pairwise(days)
            for day in range(earlier + step, later, step)
        ]  # fmt: skip
        if len(days) < _ENOUGH or not missing:
            return
        usual = "daily" if step == 1 else f"every {number(step)} days"
        message = (
            f"{self.source.name} is taken {usual}, and {counted(len(missing), 'snapshot')} of "
            f"{number(len(days) + len(missing))} {verb(len(missing), 'is', 'are')} missing: "
            + listed((_shown(day) for day in missing[:_SHOWN]), max(0, len(missing) - _SHOWN))
        )
        help = "load them; until then such days are null, and `at end` takes the latest snapshot of the period"
        yield finding("W668", message, of_source(self.source), help)


def _every(rhythm: str) -> str:
    return {"day": "nearly every day", "week": "nearly every week"}.get(rhythm, f"nearly every {rhythm}")


def _rhythm(days: Sequence[int], declared: str | None, calendar: Calendar) -> str | None:
    """The finest grain of which nearly every period has rows; None if there is none, or too little to tell."""
    if declared is not None:
        return declared if days else None
    for grain in _RHYTHMS:
        starts = _starts(days, grain, calendar)
        if len(starts) >= _ENOUGH and len(starts) >= _FILLED * (_periods_between(starts[0], starts[-1], grain) + 1):
            return grain
    return None


def _starts(days: Sequence[int], grain: str, calendar: Calendar) -> list[datetime.date]:
    return sorted({calendar.first_day(grain, _EPOCH + datetime.timedelta(day)) for day in days if abs(day) < 10**6})


def _periods_between(first: datetime.date, last: datetime.date, grain: str) -> int:
    """How many periods later `last` begins than `first`, both starts of periods."""
    if grain in ("day", "week"):
        return (last - first).days // (7 if grain == "week" else 1)
    months = (last.year - first.year) * 12 + last.month - first.month
    return months // {"month": 1, "quarter": 3, "fiscal_quarter": 3}.get(grain, 12)


def _is_no_date(day: int) -> bool:
    return day in _NO_DAYS


def _number(day: datetime.date) -> int:
    return (day - _EPOCH).days


def _shown(day: int) -> str:
    try:
        return (_EPOCH + datetime.timedelta(day)).isoformat()
    except OverflowError:
        return f"day {day}"

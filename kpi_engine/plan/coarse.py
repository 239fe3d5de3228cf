"""Sources with one row for a long period, such as budgets by month and benchmarks by year."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kpi_engine.ir.bounds import Bound, Interval
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Measure
from kpi_engine.kernels.calendar import Calendar, CalendarGap, start_of, todate_start
from kpi_engine.plan.frames import Frame
from kpi_engine.plan.made_of import is_made_of
from kpi_engine.plan.nesting import article


def whole_periods(calendar: Calendar, grain: str, window: Interval) -> Interval:
    """The coarse periods that a window touches: a day reads the year that it lies in."""
    start = None if window.start is None else start_of(calendar, grain, window.start)
    last = calendar.period_at(grain, todate_start(calendar, grain, window.end))
    return Interval(start, last.end)


def check_coarse(calendar: Calendar, measure: Measure, grain: str, frames: Iterable[Frame | None]) -> None:
    """E533 where a sum or count of coarse rows is asked by a grain whose periods are not made of theirs."""
    for asked in dict.fromkeys(frame.origin.grain for frame in frames if frame is not None):
        if asked and not is_made_of(calendar, asked, grain):
            message = f"which cannot be added up by {asked}"
            raise KpiError(_refused(measure, grain, message, f"ask by {grain} or longer"))


def empty_beyond(gap: CalendarGap) -> str:
    """What an answer says of values that would need periods which a grain's table does not have."""
    return f"values that would look beyond the grain `{gap.periods.grain}` are empty: {gap.span}"


@dataclass(frozen=True, slots=True)
class Coarse:
    """Windows over the rows of a coarse source.

    `first` is the time of its first row; `running` is where a question ends that has neither periods nor an end;
    `note` takes sentences for the reader of the answer.
    """

    calendar: Calendar
    measure: Measure
    grain: str
    first: Bound
    running: Bound | None
    note: Callable[[str], None]

    def touched(self, windows: Sequence[Interval | None]) -> list[Interval | None]:
        """All coarse periods that each window touches: a day reads the year that it lies in."""
        return [self._touched(window) for window in windows]

    def added(self, windows: Sequence[Interval | None], uncut: Sequence[Frame | None]) -> list[Interval | None]:
        """The coarse periods that make up each window of a sum or count; E533 where one is cut that may hold rows.

        A watermark cuts none: a row speaks of its whole period, so that of the period that is not over the whole
        counts, which is noted.
        """
        frames = uncut or [None] * len(windows)
        return [self._added(window, frame) for window, frame in zip(windows, frames, strict=True)]

    def _added(self, window: Interval | None, uncut: Frame | None) -> Interval | None:
        asked = window if uncut is None else uncut.interval(self.calendar)
        whole = None if asked is None else self._touched(asked)
        if asked is None or whole is None or asked.end <= self.first:
            return whole
        starts_inside = asked.start is not None and asked.start > self.first and asked.start != whole.start
        if starts_inside or asked.end not in (whole.end, self.running):
            message = f"and the window {self._shown(asked)} holds only a part of {self._cut(asked, starts_inside)}"
            raise KpiError(_refused(self.measure, self.grain, message, f"begin and end with a whole {self.grain}"))
        if window is not None and window.end < whole.end:
            last = self._cut(asked, False)
            self.note(f"{self.measure.source}: {last} counts as a whole, though it is not over")
        return whole

    def _touched(self, window: Interval | None) -> Interval | None:
        if window is None:
            return None
        try:
            return whole_periods(self.calendar, self.grain, window)
        except CalendarGap as gap:
            self.note(empty_beyond(gap))
            return None

    def _shown(self, window: Interval) -> str:
        return self.calendar.window(window.start or self.first, window.end).label

    def _cut(self, window: Interval, starts_inside: bool) -> str:
        """The name of the coarse period at the start or at the end of a window."""
        last = todate_start(self.calendar, self.grain, window.end)
        at = window.start if starts_inside and window.start is not None else last
        return self.calendar.period_at(self.grain, at).label


def _refused(measure: Measure, grain: str, message: str, help: str) -> Diagnostic:
    return Diagnostic(
        "E533",
        f"{measure.source} has one row {article(grain)} {grain}, {message}",
        measure.span,
        f"{help}, or aggregate it with avg, min or max",
        exit_code=ExitCode.USAGE,
    )

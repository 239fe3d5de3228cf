"""Windows on their way from the question inwards: each operator around a measure moves or replaces the window.

A frame is made for each period of the answer, then carried from a metric's outermost operator to its measures:
`previous(rolling(x, 7 days))` first moves the period, then takes seven days up to its end.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from kpi_engine.ir.bounds import Bound, Interval, Period
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.declared_periods import DeclaredPeriods
from kpi_engine.ir.expression import CalendarDuration, Window
from kpi_engine.kernels.calendar import (
    UNITS,
    Calendar,
    Duration,
    cut_previous,
    equal_before,
    move_bound,
    move_window,
    shift_window,
    todate_start,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A window, with what `previous` must know to move it.

    For a period of the question `origin` is that period uncut, `whole` the uncut period moved so far, and `opens`,
    `closes` the cuts made on `origin` by the question's span and the watermark. For any other window (`rolling`
    and its like) `whole` is the window itself, nothing is cut, and `unbounded` tells that it reaches back for ever.
    """

    origin: Period
    whole: Period
    opens: Bound
    closes: Bound
    unbounded: bool = False

    @property
    def cut(self) -> bool:
        """Whether the window is only a part of its period."""
        return self.opens > self.origin.start or self.closes < self.origin.end

    def interval(self, calendar: Calendar) -> Interval | None:
        """The window in time; None when nothing of it is left."""
        start, end = self.whole.start, self.whole.end
        if self.opens > self.origin.start:
            start = cut_previous(calendar, self.origin, self.opens, self.whole).end
        if self.closes < self.origin.end:
            end = cut_previous(calendar, self.origin, self.closes, self.whole).end
        if self.unbounded:
            return Interval(None, end)
        return Interval(start, end) if start < end else None


def frame_of(period: Period, opens: Bound, closes: Bound) -> Frame:
    """The frame of a period of the question, cut to [opens, closes)."""
    return Frame(period, period, max(opens, period.start), min(closes, period.end))


def apply_window(calendar: Calendar, frame: Frame, window: Window) -> Frame | None:
    """The frame that the body of a window operator sees; None when the frame was empty already."""
    if window.kind == "previous":
        return _previous(calendar, frame, window.duration)
    interval = frame.interval(calendar)
    if interval is None:
        return None
    end = interval.end
    match window.kind:
        case "rolling":
            assert window.duration is not None
            return _free(calendar, _back(calendar, end, window.duration), end)
        case "todate":
            assert window.grain is not None
            return _free(calendar, todate_start(calendar, window.grain, end), end)
        case "cumulative":
            return replace(_free(calendar, end, end), unbounded=True)
        case "before":
            start = interval.start
            if start is None:
                return None
            return replace(_free(calendar, start, start), unbounded=True)


def compared_period(calendar: Calendar, period: Period, window: Window) -> Period:
    """The whole period that `previous` compares a period with."""
    return _moved(calendar, period, window.duration)


def duration_of(duration: CalendarDuration) -> Duration:
    """The calendar's own form of a bound duration."""
    return Duration(duration.amount, duration.unit)


def _previous(calendar: Calendar, frame: Frame, by: CalendarDuration | None) -> Frame:
    moved = _moved(calendar, frame.whole, by)
    if frame.origin is frame.whole and not frame.cut and not frame.origin.grain:
        return Frame(moved, moved, moved.start, moved.end, frame.unbounded)
    return replace(frame, whole=moved)


def _moved(calendar: Calendar, whole: Period, by: CalendarDuration | None) -> Period:
    if by is None and not whole.grain:
        return equal_before(calendar, whole)
    if by is None and calendar.period_at(whole.grain, whole.start) == whole:
        return calendar.previous(whole)
    amount, unit = (Fraction(1), whole.grain) if by is None else (by.amount, by.unit)
    periods = _declared(calendar, unit)
    if periods is not None:
        return move_window(calendar, periods, whole, -int(amount))
    return shift_window(calendar, whole, -Duration(amount, unit))


def _back(calendar: Calendar, end: Bound, duration: CalendarDuration) -> Bound:
    """The start of a window of some length that ends here."""
    periods = _declared(calendar, duration.unit)
    if periods is not None:
        return move_bound(calendar, periods, end, -int(duration.amount))
    return calendar.add(end, _backwards(duration))


@lru_cache(maxsize=64)
def _backwards(duration: CalendarDuration) -> Duration:
    return -duration_of(duration)


def _declared(calendar: Calendar, unit: str) -> DeclaredPeriods | None:
    return None if unit in UNITS else calendar.declared_grain(unit)


def _free(calendar: Calendar, start: Bound, end: Bound) -> Frame:
    window = Period("", start, end, calendar.local_date(start), "")  # nobody is shown its name
    return Frame(window, window, start, end)

"""Windows of time: the period asked, moved or replaced by `previous`, `rolling` and their like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kpi_engine.ir import tree

from .local_time import LocalCalendar, Mark, Span
from .model import duration, word
from .problems import MeaninglessError

WINDOWS = ("previous", "change", "growth", "rolling", "todate", "cumulative", "before")


@dataclass(frozen=True)
class Window:
    """A window: the uncut period that it comes from, where that has been moved to, and the cuts of the period."""

    period: Span
    moved: Span
    opens: Mark | None = None
    closes: Mark | None = None
    endless: bool = False

    def bounds(self, calendar: LocalCalendar) -> tuple[Mark | None, Mark] | None:
        """[start, end), start None for the beginning of all history; None if nothing is left."""
        start, end = self.moved.start, self.moved.end
        if self.opens is not None and self.opens > self.period.start:
            start = calendar.cut_like(self.period, self.opens, self.moved)
        if self.closes is not None and self.closes < self.period.end:
            end = calendar.cut_like(self.period, self.closes, self.moved)
        if self.endless:
            return None, end
        return (start, end) if start < end else None


def free(start: Mark, end: Mark) -> Window:
    """A window between two marks that is no period."""
    span = Span(start, end)
    return Window(span, span)


def up_to(end: Mark) -> Window:
    """Everything before a mark."""
    return replace(free(end, end), endless=True)


def moved(calendar: LocalCalendar, window: Window, name: str, rest: Sequence[tree.Expr]) -> Window | None:
    """The window that `name(M, rest)` looks through; None if nothing is left of it."""
    if name == "previous":
        if rest:
            amount, unit = duration(rest[0])
            return replace(window, moved=calendar.shifted(window.moved, -amount, unit))
        if window.moved.grain is None:
            raise MeaninglessError("previous without a length needs a grain")
        return replace(window, moved=calendar.before(window.moved))
    bounds = window.bounds(calendar)
    if bounds is None:
        return None
    start, end = bounds
    match name:
        case "rolling":
            amount, unit = duration(rest[0])
            return free(calendar.moved(end, -amount, unit), end)
        case "todate":
            return free(calendar.todate_start(word(rest[0]), end), end)
        case "cumulative":
            return up_to(end)
    return None if start is None else up_to(start)

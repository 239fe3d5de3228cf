"""Sources with one row for a long period, such as budgets by month and benchmarks by year."""

from __future__ import annotations

from collections.abc import Iterable

from kpi_engine.ir.bounds import Interval
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Measure
from kpi_engine.kernels.calendar import Calendar, start_of, todate_start
from kpi_engine.plan.frames import Frame
from kpi_engine.plan.nesting import MADE_OF, article

_ADDS_UP = frozenset({"count", "sum"})


def whole_periods(calendar: Calendar, grain: str, window: Interval) -> Interval:
    """The coarse periods that hold a window: a day reads the year that it lies in."""
    start = None if window.start is None else start_of(calendar, grain, window.start)
    last = calendar.period_at(grain, todate_start(calendar, grain, window.end))
    return Interval(start, last.end)


def check_coarse(measure: Measure, grain: str, frames: Iterable[Frame | None]) -> None:
    """E533 where a sum or count of coarse rows is asked for periods that are only parts of theirs."""
    if measure.function not in _ADDS_UP:
        return
    for frame in frames:
        asked = "" if frame is None else frame.origin.grain
        if asked and asked not in MADE_OF[grain]:
            raise KpiError(
                Diagnostic(
                    "E533",
                    f"{measure.source} has one row {article(grain)} {grain}, which cannot be added up by {asked}",
                    measure.span,
                    f"ask by {grain} or longer, or aggregate it with avg, min or max",
                    exit_code=ExitCode.USAGE,
                )
            )

"""Which periods are made of whole ones of a finer grain: by the rules of every calendar, or by the edges of tables."""

from __future__ import annotations

from kpi_engine.ir.bounds import Period
from kpi_engine.ir.catalog import GRAINS
from kpi_engine.ir.declared_periods import DeclaredPeriods
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Window
from kpi_engine.kernels.calendar import Calendar, date_of, is_finer

_MADE_OF = {
    "hour": set(GRAINS),
    "day": set(GRAINS) - {"hour"},
    "week": {"week"},
    "month": {"month", "quarter", "year", "fiscal_quarter", "fiscal_year"},
    "quarter": {"quarter", "year"},
    "year": {"year"},
    "fiscal_quarter": {"fiscal_quarter", "fiscal_year"},
    "fiscal_year": {"fiscal_year"},
}
"""For each grain of every calendar the periods that are made of whole ones in every year."""


def is_made_of(calendar: Calendar, whole: str, part: str) -> bool:
    """Whether every period of the grain `whole` consists of whole ones of the grain `part`.

    For declared grains their edges say so, as far as the tables of both reach.

    >>> is_made_of(Calendar(), "year", "month"), is_made_of(Calendar(), "month", "week")
    (True, False)
    """
    if calendar.declared_grain(whole) is None and calendar.declared_grain(part) is None:
        return whole in _MADE_OF[part]
    return whole == part or (whole != "hour" and split_period(calendar, whole, part) is None)


def makes_up(calendar: Calendar, part: str) -> list[str]:
    """The grains whose periods are made of whole ones of `part`, the finest first."""
    names = (*GRAINS, *(each.grain for each in calendar.declared))
    return [name for name in names if is_made_of(calendar, name, part)]


def check_todate(calendar: Calendar, window: Window, asked: str | None) -> None:
    """E507 where `todate` takes a grain plainly finer than the periods asked; for declared ones tables say so."""
    if window.grain is None or asked is None or not is_finer(calendar, window.grain, asked):
        return
    if calendar.declared_grain(window.grain) is None and calendar.declared_grain(asked) is None:
        return
    raise KpiError(
        Diagnostic(
            "E507",
            f"`todate` counts from the start of the {window.grain}, which is finer than a {asked}",
            window.span,
            f"ask by {window.grain} or finer",
            exit_code=ExitCode.USAGE,
        )
    )


def split_period(calendar: Calendar, whole: str, part: str) -> Period | None:
    """A period of `whole` (a day or longer) that begins or ends inside one of `part`, where one of them is declared."""
    if part in ("hour", "day"):
        return None
    fine = calendar.declared_grain(part)
    for day in _days_of(calendar, whole) if fine is None else _days_within(calendar, whole, fine):
        if calendar.period_at(part, date_of(day)).start.day != day:
            return _around(calendar, whole, day)
    return None


def _days_of(calendar: Calendar, grain: str) -> tuple[int, ...]:
    declared = calendar.declared_grain(grain)
    assert declared is not None
    return declared.days


def _days_within(calendar: Calendar, grain: str, fine: DeclaredPeriods) -> list[int]:
    """The days on which periods of a grain begin or end inside the table of a declared grain, its last day left out."""
    declared = calendar.declared_grain(grain)
    if declared is None:
        first, last = (calendar.day_start(date_of(day)) for day in (fine.days[0], fine.days[-1]))
        days = [period.start.day for period in calendar.periods(grain, first, last)]
    else:
        days = list(declared.days)
    return [day for day in days if fine.days[0] <= day < fine.days[-1]]


def _around(calendar: Calendar, grain: str, day: int) -> Period:
    """The period that begins on a day, or the last one of a table, which ends on it."""
    declared = calendar.declared_grain(grain)
    ends = declared is not None and day == declared.days[-1]
    return calendar.period_at(grain, date_of(day - 1 if ends else day))

"""The time that a question is about: its as-of, the watermarks, the span and the periods in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from kpi_engine.ir.bounds import Bound, Period
from kpi_engine.ir.catalog import Catalog, Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.question import BoundQuestion
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.kernels.calendar import (
    MAX_PERIODS,
    Calendar,
    CalendarError,
    CalendarGap,
    date_of,
    parse_instant,
    parse_period,
)
from kpi_engine.plan.frames import duration_of

_DAY_US = 86_400_000_000
_LONGEST_US = {
    "hour": _DAY_US // 24,
    "day": _DAY_US + 2 * _DAY_US // 24,
    "week": 8 * _DAY_US,
    "month": 32 * _DAY_US,
    "quarter": 93 * _DAY_US,
    "year": 367 * _DAY_US,
    "fiscal_quarter": 93 * _DAY_US,
    "fiscal_year": 367 * _DAY_US,
}
"""No period of a grain is longer; the least number of periods in a span follows."""


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """The periods of an answer, and the cuts that `--from` and `--to` make."""

    periods: tuple[Period, ...]
    opens: Bound
    closes: Bound


def parse_as_of(calendar: Calendar, text: str) -> Bound:
    """The instant that `--as-of` names: a date means the start of that local day."""
    try:
        return parse_instant(calendar, text)
    except CalendarError as error:
        raise KpiError(question_error("E521", "--as-of", text, error.message, error.help)) from error


def watermarks(catalog: Catalog, calendar: Calendar, names: Sequence[str], as_of: Bound) -> dict[str, Bound]:
    """For each source the instant from which its rows do not count yet."""
    return {name: _watermark(catalog.sources[name], calendar, as_of) for name in names}


def _watermark(source: Source, calendar: Calendar, as_of: Bound) -> Bound:
    mark = as_of
    if source.watermark is not None:
        mark = min(as_of, parse_instant(calendar, source.watermark))
    return calendar.add(mark, -duration_of(source.late)) if source.late is not None else mark


def answer_span(
    question: BoundQuestion,
    calendar: Calendar,
    first: Mapping[str, Bound | None],
    as_of: Bound,
) -> AnswerSpan:
    """The periods that an answer shows.

    `first` is the first instant with a row for each source asked. Without a start the span begins with the period of
    the first row; without an end it ends with the period that holds the last instant before the as-of.
    """
    opens = _start(question, calendar, first, as_of)
    closes = _end(question, calendar, as_of)
    if opens is None:
        opens = closes if question.grain else calendar.day_start(calendar.local_date(calendar.bound(closes.us - 1)))
    if opens >= closes and question.start is not None and question.end is not None:
        raise KpiError(
            question_error("E523", "--to", question.end, f"the span ends before it begins ({question.start})")
        )
    if question.grain is None:
        end = max(opens, closes)
        return AnswerSpan((calendar.window(opens, end),), opens, end)
    longest = _LONGEST_US.get(question.grain, closes.us - opens.us or 1)  # A table says how many a declared grain has.
    if (closes.us - opens.us) // longest > MAX_PERIODS:
        message = f"this span has more than {MAX_PERIODS} periods of one {question.grain}"
        help = "ask for a shorter span or a coarser grain"
        raise KpiError(question_error("E524", "--grain", question.grain, message, help))
    try:
        periods = calendar.periods(question.grain, opens, closes)
    except CalendarGap as gap:
        begins, ends = (calendar.local_date(each) for each in (opens, calendar.bound(closes.us - 1)))
        message = f"this question is about {begins} to {ends}, beyond the grain `{question.grain}`: {gap.span}"
        raise KpiError(question_error("E526", "--grain", question.grain, message, _gap_help(gap))) from gap
    except CalendarError as error:
        raise KpiError(question_error("E524", "--grain", question.grain, error.message, error.help)) from error
    if question.start is None:
        opens = periods[0].start if periods else opens
    if question.end is None:
        closes = periods[-1].end if periods else closes
    return AnswerSpan(tuple(periods), opens, closes)


def _gap_help(gap: CalendarGap) -> str:
    first, end = date_of(gap.periods.days[0]), date_of(gap.periods.days[-1])
    closing = f" (its row of {end} only ends the period before it)" if gap.day >= end else ""
    return f"ask --from {first} --to {end - timedelta(days=1)} or less, or add rows to {gap.periods.table}{closing}"


def _start(
    question: BoundQuestion, calendar: Calendar, first: Mapping[str, Bound | None], as_of: Bound
) -> Bound | None:
    if question.start is not None:
        return _period(calendar, question, "--from", question.start).start
    # A source whose rows are all still to come has none yet.
    known = [bound for bound in first.values() if bound is not None and bound < as_of]
    if not known:
        return None
    earliest = min(known)
    return earliest if question.grain is not None else calendar.day_start(calendar.local_date(earliest))


def _end(question: BoundQuestion, calendar: Calendar, as_of: Bound) -> Bound:
    if question.end is not None:
        return _period(calendar, question, "--to", question.end).end
    return as_of


def _period(calendar: Calendar, question: BoundQuestion, flag: str, text: str) -> Period:
    """The period that a flag names, in one of the forms of every calendar or by its name in the table of its grain."""
    try:
        return parse_period(calendar, text)
    except CalendarError as error:
        named = _named_periods(calendar, question.grain, text)
        if len(named) == 1:
            return named[0]
        if named:
            message = f"{len(named)} periods of `{named[0].grain}` are named `{text}`"
            first = f"write the first day of one, such as {named[0].date}"
            raise KpiError(question_error("E522", flag, text, message, first)) from error
        raise KpiError(question_error("E522", flag, text, error.message, error.help)) from error


def _named_periods(calendar: Calendar, grain: str | None, name: str) -> list[Period]:
    """The periods to which the table of a declared grain gives a name: of this grain, or else of another one."""
    for declared in sorted(calendar.declared, key=lambda each: each.grain != grain):
        named = [day for day, label in zip(declared.days, declared.labels, strict=False) if label == name]
        if named:
            return [calendar.period_at(declared.grain, date_of(day)) for day in named]
    return []


def question_error(code: str, flag: str, text: str, message: str, help: str = "") -> Diagnostic:
    """A diagnostic about a flag of the question, pointing into its text."""
    source = SourceText(flag, text)
    return Diagnostic(code, message, Span(source, 0, len(text)), help, exit_code=ExitCode.USAGE)

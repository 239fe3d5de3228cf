"""What an answer says of itself: the as-of, cut windows, and periods compared with others than one expects."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import MICROSECONDS, Metric, elapsed
from kpi_engine.ir.expression import Measure, MetricReference, Window, walk
from kpi_engine.ir.question import BoundQuestion
from kpi_engine.kernels.calendar import Calendar, CalendarGap, mean_days
from kpi_engine.plan.frames import compared_period
from kpi_engine.plan.span import AnswerSpan

_COARSE = ("month", "quarter", "year", "fiscal_quarter", "fiscal_year")


def plan_notes(
    question: BoundQuestion,
    calendar: Calendar,
    span: AnswerSpan,
    watermarks: Mapping[str, Bound],
    as_of: Bound,
) -> tuple[str, ...]:
    """Sentences for the reader of an answer, in a stable order."""
    return (
        *_cut_notes(question, calendar, span, watermarks, as_of),
        *_comparison_notes(question, calendar, span),
        *_rolling_notes(question, calendar),
    )


def dated_sources(metric: Metric) -> tuple[str, ...]:
    """The sources whose watermarks cut a metric's windows: its own, and those of the events that follow."""
    events = (link.target for node in walk(metric.body) if isinstance(node, Measure) for link in node.followed)
    return tuple(dict.fromkeys((*metric.sources, *events)))


def shown(calendar: Calendar, bound: Bound) -> str:
    """A bound as people read it: the date alone at the start of a day."""
    moment = calendar.to_local_datetime(bound)
    if calendar.day_start(moment.date()) == bound:
        return moment.date().isoformat()
    return moment.isoformat(sep=" ", timespec="minutes")


def _cut_notes(
    question: BoundQuestion,
    calendar: Calendar,
    span: AnswerSpan,
    watermarks: Mapping[str, Bound],
    as_of: Bound,
) -> list[str]:
    notes = []
    for metric in question.metrics:
        earliest = min(dated_sources(metric), key=lambda name: watermarks[name], default=None)
        cut = watermarks[earliest] if earliest is not None else as_of
        partial = [p for p in span.periods if p.start < cut < p.end]
        if partial and cut != as_of:
            notes.append(f"{metric.name} is cut at {shown(calendar, cut)}, the watermark of {earliest}")
        elif partial and question.grain is not None:
            notes.append(f"{metric.name}: {partial[0].label} is a part, up to {shown(calendar, cut)}")
    return _merged(notes)


def _merged(notes: list[str]) -> list[str]:
    """One sentence where several metrics share it."""
    by_rest: dict[str, list[str]] = {}
    for note in notes:
        name, separator, rest = note.partition(": ")
        if separator:
            by_rest.setdefault(rest, []).append(name)
    return list(by_rest) + [note for note in notes if ": " not in note]


def _comparison_notes(question: BoundQuestion, calendar: Calendar, span: AnswerSpan) -> list[str]:
    """A week is moved by 52 weeks a year, a retail week by its place in a table: the answer names what was compared."""
    if not span.periods or question.grain is None or not (question.grain == "week" or _is_declared(calendar, question)):
        return []
    notes = []
    for metric in question.metrics:
        for node in walk(metric.body):
            if isinstance(node, Window) and node.kind == "previous" and node.duration is not None:
                last = span.periods[-1]
                with suppress(CalendarGap):  # Nothing is compared, which is noted where the window is made.
                    earlier = compared_period(calendar, last, node)
                    notes.append(f"{metric.name}: {last.label} is compared with {earlier.label}")
    return list(dict.fromkeys(notes))


def _is_declared(calendar: Calendar, question: BoundQuestion) -> bool:
    return question.grain is not None and calendar.declared_grain(question.grain) is not None


def _rolling_notes(question: BoundQuestion, calendar: Calendar) -> list[str]:
    """Seven rolling days asked by month are the last seven days of the month."""
    if question.grain is None or not (question.grain in _COARSE or _is_declared(calendar, question)):
        return []
    period_us = mean_days(calendar, question.grain) * MICROSECONDS["day"]
    notes = []
    for metric in question.metrics:
        for node in walk(metric.body):
            if isinstance(node, Window) and node.kind == "rolling" and _is_short(node):
                assert node.duration is not None
                if elapsed(node.duration) >= period_us and question.grain not in _COARSE:
                    continue
                from kpi_engine.ir.show import show_duration

                length = show_duration(node.duration)
                notes.append(f"{_owner(metric, node)}: the last {length} of each {question.grain}")
    return list(dict.fromkeys(notes))


def _is_short(window: Window) -> bool:
    return window.duration is not None and window.duration.unit in MICROSECONDS


def _owner(metric: Metric, window: Window) -> str:
    """The innermost metric that a window is written in."""
    name = metric.name
    for node in walk(metric.body):
        if isinstance(node, MetricReference) and window in walk(node.body):
            name = node.name
    return name

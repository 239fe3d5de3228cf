"""Whether a value rests on whole windows: nothing cut, nothing before the first row of its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from kpi_engine.ir.bounds import Bound, Period
from kpi_engine.ir.expression import Expression, Field, walk
from kpi_engine.ir.plan import Leaf, Plan
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.plan.span import AnswerSpan


def completeness(
    expression: Expression,
    plan: Plan,
    span: AnswerSpan,
    first: Mapping[str, Bound | None],
    cut: Bound,
) -> tuple[bool, ...]:
    """For each period whether the metric was computed on whole windows."""
    names = {node.column for node in walk(expression) if isinstance(node, Field)}
    used = [(leaf, first.get(plan.queries[leaf.query].source)) for leaf in plan.leaves if leaf.name in names]
    return tuple(
        span.opens <= period.start
        and period.end <= min(span.closes, cut)
        and all(_reaches(leaf, number, begin) and _is_over(leaf, number, cut) for leaf, begin in used)
        for number, period in enumerate(span.periods)
    )


def _reaches(leaf: Leaf, number: int, begin: Bound | None) -> bool:
    window = leaf.windows[number]
    if window is None or begin is None:
        return False
    # A first row in the middle of a day does not make that day a part: days, not instants, are what a source holds.
    return window.start is None or window.start >= begin or window.start.day >= begin.day - 1


def _is_over(leaf: Leaf, number: int, cut: Bound) -> bool:
    """Whether a window ends before the watermark: one over coarse rows may hold the whole of a running period."""
    window = leaf.windows[number]
    return window is None or window.end <= cut


def partial_periods(plan: Plan, calendar: Calendar) -> tuple[object, ...]:
    """Values of the period column whose windows were cut: the period is not over, or was asked in part.

    With several grains each is a pair of the grain and the value.
    """
    if not plan.further:
        return _partial(plan, plan, calendar)
    return tuple((part.grain, value) for part in (plan, *plan.further) for value in _partial(part, plan, calendar))


def _partial(plan: Plan, read: Plan, calendar: Calendar) -> tuple[date | datetime, ...]:
    """The partial periods of one grain; `read` is the plan whose queries are read."""
    if plan.grain is None:
        return ()
    cuts = [mark for name, mark in plan.watermarks if any(query.source == name for query in read.queries)]
    end = min([plan.closes, *cuts]) if plan.closes is not None else min(cuts)
    opens = plan.opens
    found = [p for p in plan.periods if p.end > end or (opens is not None and p.start < opens)]
    return period_values(found, calendar, by_hour=read.by_hour)


def period_values(
    periods: Sequence[Period], calendar: Calendar, *, by_hour: bool
) -> tuple[date, ...] | tuple[datetime, ...]:
    """What the period column holds of each period: the date of its start, or its first instant."""
    if by_hour:
        return tuple(calendar.to_local_datetime(period.start) for period in periods)
    return tuple(period.date for period in periods)
